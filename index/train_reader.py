"""Trains the reader that says whether a passage answers a question, and with which sentence.

    python -m index.train_reader DATA --output FOLDER       30 minutes on 2 cores

A question alone and a passage alone, encoded apart, tell whether they are about the same thing;
whether one answers the other shows only when their words are read together. The reader does that:
a few transformer layers over the token vectors that the index holds anyway (MacAvaney et al.,
"PreTTR", 2020; Gao et al., "Modularized Transformer-based Ranking", 2020). They begin as the
encoder's last layers, behind a linear map, fitted first, that undoes what those did.

It points at a token of the answering sentence, or at one that stands for "no answer" (Devlin et
al., "BERT", 2019, on SQuAD 2.0). FOLDER/reader.onnx, in 8 bits, goes beside the encoder's layers.
"""

import argparse
import logging
import math
import random
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional

from index import e5
from index.encoder import KINDS, open_encoder
from index.training.cases import Case, Cases, Texts, near_passages
from index.training.data import SEED, read_data
from index.training.reading import half_precision

logger = logging.getLogger(__name__)

N_LAYERS = 3
_DROPOUT = 0.1
# What begins at random learns that much faster.
_FRESH_RATE = 5.0
_WARM_UP = 50
_N_FOR_ENTRY = 300
_N_HELD_OUT = 1_600
_MAX_TOKENS = 320
# Batches prepared at once, of texts of like length.
_LOOK_AHEAD = 64
_SAVE_EVERY = 400


class AnswerReader(nn.Module):
    """A question's and a passage's token vectors to a logit for each token and for "no answer".

    Inputs: `vectors`, (cases, tokens, 384), the question's first, rotated as the index holds them;
    `kinds`, (cases, tokens), 1 for the question's, 2 for the passage's and 0 for padding.
    Output: logits, (cases, 1 + tokens), "no answer" first; -1e4 at what is not the passage's.
    """

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.enter = nn.Linear(e5.DIMENSION, e5.DIMENSION, bias=False)
        self.kind = nn.Embedding(3, e5.DIMENSION)
        self.none = nn.Parameter(torch.zeros(e5.DIMENSION))
        self.layers = nn.ModuleList(layers)
        self.drop = nn.Dropout(_DROPOUT)
        self.score = nn.Linear(e5.DIMENSION, 1)

    def forward(self, vectors: Tensor, kinds: Tensor) -> Tensor:
        hidden = self.enter(vectors) + self.kind(kinds)
        none = self.none.expand(vectors.shape[0], 1, -1)
        hidden = self.drop(torch.cat([none, hidden], 1))
        bias = torch.where(functional.pad(kinds > 0, (1, 0), value=True), 0.0, -1e4)
        for layer in self.layers:
            output: Any = layer(hidden, attention_mask=bias[:, None, None, :])
            hidden = output[0] if isinstance(output, tuple) else output
        logits: Tensor = self.score(self.drop(hidden))[..., 0]
        return logits.masked_fill(~functional.pad(kinds == 2, (1, 0), value=True), -1e4)

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameters for an optimiser, with their highest learning rates."""
        fresh = [self.none, *self.kind.parameters(), *self.score.parameters()]
        begun = [*self.enter.parameters(), *self.layers.parameters()]
        return [
            {"params": begun, "highest": rate},
            {"params": fresh, "highest": _FRESH_RATE * rate},
        ]


def new_reader(folder: Path | None, cases: Sequence[Case], texts: Texts) -> AnswerReader:
    """A reader whose layers are the last of an encoder's, behind a map to what those had as input.

    The map is a least-squares fit on the cases' texts.
    """
    bert: Any = e5.load_bert(folder)
    bert.set_attn_implementation("eager")
    reader = AnswerReader(list(bert.encoder.layer[-N_LAYERS:]))
    tokenizer = e5.open_tokenizer()
    given, wanted = [], []
    for case in cases:
        for number, kind in enumerate(KINDS):
            ids = tokenizer.encode(f"{kind}: {' '.join(case.sentences(kind))}").ids
            with torch.no_grad():
                states = bert(input_ids=torch.tensor([ids]), output_hidden_states=True)
            vectors = texts.get(case, kind).vectors(e5.DIMENSION)
            which = np.broadcast_to(np.eye(2)[number], (len(vectors), 2))
            given.append(np.concatenate([vectors, which], axis=1))
            hidden = states.hidden_states[-1 - N_LAYERS][0].numpy()
            wanted.append(hidden[len(hidden) - 1 - len(vectors) : -1])
    x, y = np.concatenate(given), np.concatenate(wanted)
    ridge = 1e-3 * len(x) / e5.DIMENSION * np.eye(x.shape[1])
    solved = np.linalg.solve(x.T @ x + ridge, x.T @ y)
    explained = 1 - np.square(y - x @ solved).sum() / np.square(y - y.mean(0)).sum()
    logger.info("the map explains %.2f of the layers' input", explained)
    solution = torch.from_numpy(solved).float()
    with torch.no_grad():
        reader.enter.weight.copy_(solution[: e5.DIMENSION].T)
        reader.kind.weight.zero_()
        reader.kind.weight[1:].copy_(solution[e5.DIMENSION :])
        reader.none.copy_(torch.from_numpy(y.mean(0)))
    return reader


def tensors(cases: Sequence[Case], texts: Texts) -> tuple[Tensor, Tensor, Tensor]:
    """`AnswerReader`'s inputs, and which of its logits are right, (cases, 1 + tokens)."""
    pairs = [(texts.get(case, "query"), texts.get(case, "passage")) for case in cases]
    width = min(_MAX_TOKENS, max(len(q.sentence) + len(p.sentence) for q, p in pairs))
    vectors = np.zeros((len(cases), width, e5.DIMENSION), np.float32)
    kinds = np.zeros((len(cases), width), np.int64)
    right = np.zeros((len(cases), 1 + width), bool)
    for row, (case, (query, passage)) in enumerate(zip(cases, pairs, strict=True)):
        n = len(query.sentence)
        both = np.concatenate([query.vectors(e5.DIMENSION), passage.vectors(e5.DIMENSION)])[:width]
        vectors[row, : len(both)] = both
        kinds[row, : len(both)] = 2
        kinds[row, :n] = 1
        if case.answer is not None:
            answering = 1 + n + np.flatnonzero(passage.sentence == case.answer)
            right[row, answering[answering <= width]] = True
        # A sentence that was cut off answers nothing.
        right[row, 0] = not right[row].any()
    return torch.from_numpy(vectors), torch.from_numpy(kinds), torch.from_numpy(right)


def pointing_loss(logits: Tensor, right: Tensor) -> Tensor:
    """Mean negative log likelihood of pointing at one of the right places."""
    chosen = logits.masked_fill(~right, -torch.inf).logsumexp(-1)
    return (logits.logsumexp(-1) - chosen).mean()


@dataclass(frozen=True, slots=True)
class _Batches:
    """Endless batches of cases."""

    cases: Cases
    texts: Texts
    size: int

    def __iter__(self) -> Iterator[list[Case]]:
        generator = random.Random(SEED)
        while True:
            ready = self.cases.sample(generator, self.size * _LOOK_AHEAD)
            self.texts.add(ready)
            # Little padding, and not quite the same company each time.
            ready.sort(key=lambda case: self.texts.length(case) + generator.random() * 40)
            batches = [ready[a : a + self.size] for a in range(0, len(ready), self.size)]
            generator.shuffle(batches)
            yield from batches


def train(
    reader: AnswerReader,
    cases: Cases,
    held_out: Sequence[Case],
    texts: Texts,
    output: Path,
    *,
    size: int,
    rate: float,
    minutes: float,
) -> None:
    """Trains for so many minutes; the learning rate falls to zero over them."""
    optimiser = torch.optim.AdamW(reader.groups(rate), lr=rate, weight_decay=0.01)
    began, shown = time.monotonic(), 0.0
    for step, batch in enumerate(_Batches(cases, texts, size)):
        done = (time.monotonic() - began) / (60 * minutes)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            warm = min(1.0, (step + 1) / _WARM_UP)
            group["lr"] = group["highest"] * warm * 0.5 * (1 + math.cos(math.pi * done))
        reader.train()
        vectors, kinds, right = tensors(batch, texts)
        with half_precision(torch.device("cpu")):
            logits = reader(vectors, kinds).float()
        loss = pointing_loss(logits, right)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimiser.step()
        shown += (float(loss.detach()) - shown) * max(0.02, 1 / (step + 1))
        if step % 50 == 0:
            logger.info("step %d, %.0f%% of the time, loss %.3f", step, 100 * done, shown)
        if step % _SAVE_EVERY == _SAVE_EVERY - 1:
            logger.info("%s", measure(reader, held_out[: _N_HELD_OUT // 2], texts))
            torch.save(reader.state_dict(), output / "reader.pt")
    logger.info("%s", measure(reader, held_out, texts))
    torch.save(reader.state_dict(), output / "reader.pt")


def measure(reader: AnswerReader, cases: Sequence[Case], texts: Texts) -> str:
    """By direction: AUROC of answered against seeming so, and how often the sentence is right."""
    reader.eval()
    scores: dict[str, list[tuple[float, bool]]] = {}
    pointed: dict[str, list[bool]] = {}
    order = sorted(cases, key=texts.length)
    for a in range(0, len(order), 32):
        part = order[a : a + 32]
        vectors, kinds, _ = tensors(part, texts)
        with torch.no_grad(), half_precision(torch.device("cpu")):
            shares = reader(vectors, kinds).float().softmax(-1).numpy()
        for case, share in zip(part, shares, strict=True):
            sentence = texts.get(case, "passage").sentence
            inside = share[1 + len(texts.get(case, "query").sentence) :][: len(sentence)]
            points = np.bincount(sentence[: len(inside)], inside)
            answered = case.answer is not None
            scores.setdefault(case.direction, []).append((1 - share[0], answered))
            if answered:
                right = bool(points.argmax() == case.answer)
                pointed.setdefault(case.direction, []).append(right)
    told = []
    for direction, rows in sorted(scores.items()):
        values, truth = zip(*rows, strict=True)
        area, found = roc_auc_score(truth, values), np.mean(pointed[direction])
        told.append(f"{direction} AUROC {area:.3f}, sentence {found:.3f}")
    return "; ".join(told)


def export(reader: AnswerReader, path: Path) -> None:
    """Writes the reader as ONNX, weights and the inputs of matrix products in 8 bits."""
    full = path.with_suffix(".fp32.onnx")
    batch = torch.export.Dim("batch", max=1024)
    tokens = torch.export.Dim("tokens", max=4 * e5.MAX_TOKENS)
    example = torch.zeros((2, 32, e5.DIMENSION)), torch.ones((2, 32), dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            reader.eval(),
            example,
            full,
            dynamo=True,
            input_names=["vectors", "kinds"],
            output_names=["logits"],
            dynamic_shapes={name: {0: batch, 1: tokens} for name in ("vectors", "kinds")},
            external_data=False,
            verbose=False,
        )
        quantize_dynamic(
            full,
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gemm"],
        )
    full.unlink()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--encoder", default=e5.TRAINED, help="the encoder's name or folder")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--batch", type=int, default=32, help="cases")
    parser.add_argument("--rate", type=float, default=1e-4, help="highest learning rate")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.manual_seed(SEED)
    data = read_data(arguments.data)
    encoder = open_encoder(arguments.encoder)
    texts = Texts(encoder)
    cases = Cases(data.documents, near_passages(data.documents, encoder))
    held_out = [*Cases(data.held_out, {}).each()]
    generator = random.Random(SEED)
    held_out = generator.sample(held_out, min(_N_HELD_OUT, len(held_out)))
    first = cases.sample(generator, _N_FOR_ENTRY)
    texts.add([*first, *held_out])
    reader = new_reader(e5.layers_folder(arguments.encoder), first, texts)
    arguments.output.mkdir(parents=True, exist_ok=True)
    train(
        reader,
        cases,
        held_out,
        texts,
        arguments.output,
        size=arguments.batch,
        rate=arguments.rate,
        minutes=arguments.minutes,
    )
    export(reader, arguments.output / e5.READER_FILE)


if __name__ == "__main__":
    main()
