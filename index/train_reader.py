"""Trains the reader that says whether a passage answers a question, and with which sentence.

    python -m index.train_reader DATA --output FOLDER       30 minutes on 2 cores

A question alone and a passage alone, encoded apart, tell whether they are about the same thing;
whether one answers the other shows only when their words are read together. The reader does that
with the token vectors that the index holds anyway (MacAvaney et al., "PreTTR", 2020). Each token is
first compared with what it finds of itself in the other text (Chen et al., "ESIM", 2017); small
transformer layers then read both texts at once.

It points at a token of the answering sentence, or at one that stands for "no answer" (Devlin et
al., "BERT", 2019, on SQuAD 2.0), and begins where the late interaction of the sentences points.
FOLDER/reader.onnx, in 8 bits, goes beside the encoder's layers.
"""

import argparse
import logging
import math
import random
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional

from index import e5
from index.encoder import open_encoder
from index.quantize import write_onnx
from index.reader import Passage, reader_inputs
from index.training.cases import Case, Cases, Texts, near_passages
from index.training.data import SEED, read_data
from index.training.reading import half_precision

logger = logging.getLogger(__name__)

_N_LAYERS, _WIDTH, _N_HEADS = 2, 256, 4
_DROPOUT = 0.1
_WARM_UP = 100
_N_HELD_OUT = 1_600
# Batches prepared at once, of texts of like length.
_LOOK_AHEAD = 64
_SAVE_EVERY = 400


class Network(nn.Module):
    """A question's and a passage's token vectors to a logit for each token and for "no answer".

    Inputs: see `index.reader.reader_inputs`. Output: logits, (cases, 1 + passage tokens), "no
    answer" first; -1e4 at padding.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(20.0))
        self.own = nn.Linear(e5.DIMENSION, _WIDTH)
        self.found = nn.Linear(e5.DIMENSION, _WIDTH, bias=False)
        self.common = nn.Linear(e5.DIMENSION, _WIDTH, bias=False)
        self.likeness = nn.Linear(2, _WIDTH, bias=False)
        self.kind = nn.Embedding(2, _WIDTH)
        self.none = nn.Parameter(torch.randn(_WIDTH) * 0.1)
        self.norm = nn.LayerNorm(_WIDTH)
        self.drop = nn.Dropout(_DROPOUT)
        self.layers = nn.ModuleList(_Layer() for _ in range(_N_LAYERS))
        self.last_norm = nn.LayerNorm(_WIDTH)
        self.score = nn.Linear(_WIDTH, 1)
        # Begins as the sentences' late interaction, and half as sure that there is none.
        self.prior = nn.Linear(1, 1)
        nn.init.constant_(self.prior.weight, 30.0)
        nn.init.constant_(self.prior.bias, -15.0)

    def forward(
        self,
        question: Tensor,
        question_mask: Tensor,
        passage: Tensor,
        passage_mask: Tensor,
        late: Tensor,
    ) -> Tensor:
        similarity = question @ passage.transpose(1, 2)
        both = question_mask[:, :, None] & passage_mask[:, None, :]
        similarity = similarity.masked_fill(~both, -1.0)
        asked = self._compared(question, passage, similarity, 0, torch.zeros_like(question[..., 0]))
        told = self._compared(passage, question, similarity.transpose(1, 2), 1, late)
        none = self.none.expand(question.shape[0], 1, -1)
        hidden = self.drop(self.norm(torch.cat([none, told, asked], 1)))
        present = torch.cat([functional.pad(passage_mask, (1, 0), value=True), question_mask], 1)
        bias = torch.where(present, 0.0, -1e4)[:, None, None, :]
        for layer in self.layers:
            hidden = layer(hidden, bias)
        hidden = hidden[:, : 1 + passage.shape[1]]
        logits: Tensor = self.score(self.last_norm(hidden))[..., 0]
        logits = logits + functional.pad(self.prior(late[..., None])[..., 0], (1, 0))
        return logits.masked_fill(~functional.pad(passage_mask, (1, 0), value=True), -1e4)

    def _compared(
        self, text: Tensor, other: Tensor, similarity: Tensor, kind: int, late: Tensor
    ) -> Tensor:
        """Each token with what the other text has that is like it."""
        found = (self.sharpness * similarity).softmax(-1) @ other
        likeness = torch.stack([similarity.amax(-1), late], -1)
        # Coordinates of unit vectors are about 1/20 each.
        scale = e5.DIMENSION**0.5
        hidden = self.own(scale * text) + self.found(scale * found)
        hidden = hidden + self.common(scale * scale * text * found) + self.likeness(4 * likeness)
        return functional.gelu(hidden) + self.kind.weight[kind]


class _Layer(nn.Module):
    """A transformer layer that normalises first."""

    def __init__(self) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(_WIDTH) for _ in range(2))
        self.heads = nn.Linear(_WIDTH, 3 * _WIDTH)
        self.out = nn.Linear(_WIDTH, _WIDTH)
        self.wide, self.narrow = nn.Linear(_WIDTH, 2 * _WIDTH), nn.Linear(2 * _WIDTH, _WIDTH)
        self.drop = nn.Dropout(_DROPOUT)

    def forward(self, hidden: Tensor, bias: Tensor) -> Tensor:
        batch, tokens, _ = hidden.shape
        heads = self.heads(self.norms[0](hidden)).view(batch, tokens, 3, _N_HEADS, -1)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        shares = (query @ key.transpose(2, 3) / (_WIDTH / _N_HEADS) ** 0.5 + bias).softmax(-1)
        attended = (shares @ value).transpose(1, 2).reshape(batch, tokens, _WIDTH)
        hidden = hidden + self.drop(self.out(attended))
        wide = functional.gelu(self.wide(self.norms[1](hidden)))
        read: Tensor = hidden + self.drop(self.narrow(wide))
        return read


def tensors(cases: Sequence[Case], texts: Texts) -> tuple[dict[str, Tensor], Tensor]:
    """The network's inputs, and which of its logits are right, (cases, 1 + tokens)."""
    asked = [texts.question(case) for case in cases]
    told = [texts.passage(case) for case in cases]
    inputs = reader_inputs(asked, told)
    right = np.zeros((len(cases), 1 + inputs["late"].shape[1]), bool)
    for row, (case, passage) in enumerate(zip(cases, told, strict=True)):
        right[row, 1 : 1 + len(passage.sentence)] = passage.sentence == case.answer
        # A sentence that was cut off answers nothing.
        right[row, 0] = not right[row].any()
    return {name: torch.from_numpy(values) for name, values in inputs.items()}, torch.from_numpy(
        right
    )


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
    reader: Network,
    cases: Cases,
    held_out: Sequence[Case],
    texts: Texts,
    output: Path,
    *,
    size: int,
    rate: float,
    n_steps: int,
) -> None:
    """Trains for so many steps; the learning rate falls to zero over them."""
    optimiser = torch.optim.AdamW(reader.parameters(), lr=rate, weight_decay=0.05)
    began, shown = time.monotonic(), 0.0
    for step, batch in enumerate(islice(_Batches(cases, texts, size), n_steps)):
        for group in optimiser.param_groups:
            warm = min(1.0, (step + 1) / _WARM_UP)
            group["lr"] = rate * warm * 0.5 * (1 + math.cos(math.pi * step / n_steps))
        reader.train()
        inputs, right = tensors(batch, texts)
        with half_precision(torch.device("cpu")):
            logits = reader(**inputs).float()
        loss = pointing_loss(logits, right)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(reader.parameters(), 1.0)
        optimiser.step()
        shown += (float(loss.detach()) - shown) * max(0.02, 1 / (step + 1))
        if step % 50 == 49:
            left = (time.monotonic() - began) / (step + 1) * (n_steps - step - 1) / 60
            logger.info("step %d/%d, %.0f min left; loss %.3f", step + 1, n_steps, left, shown)
        if step % _SAVE_EVERY == _SAVE_EVERY - 1:
            logger.info("%s", measure(reader, held_out[: _N_HELD_OUT // 2], texts))
            torch.save(reader.state_dict(), output / "reader.pt")
    logger.info("%s", measure(reader, held_out, texts))
    torch.save(reader.state_dict(), output / "reader.pt")


def measure(reader: Network, cases: Sequence[Case], texts: Texts) -> str:
    """By direction: AUROC of answered against seeming so, and how often the sentence is right."""
    reader.eval()
    scores: dict[str, list[tuple[float, bool]]] = {}
    pointed: dict[str, list[bool]] = {}
    order = sorted(cases, key=texts.length)
    for a in range(0, len(order), 32):
        part = order[a : a + 32]
        inputs, _ = tensors(part, texts)
        with torch.no_grad(), half_precision(torch.device("cpu")):
            shares = reader(**inputs).float().softmax(-1).numpy()
        for case, share in zip(part, shares, strict=True):
            sentence = texts.passage(case).sentence
            points = np.bincount(sentence, share[1 : 1 + len(sentence)])
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


def export(reader: Network, path: Path, fingerprint: str) -> None:
    """Writes the reader as ONNX, weights and the inputs of matrix products in 8 bits.

    The file names the encoder that it is for.
    """
    full = path.with_suffix(".fp32.onnx")
    vectors = np.eye(8, e5.DIMENSION, dtype=np.float32)
    passage = Passage(np.repeat(vectors, 4, axis=0), np.zeros(32, np.int32))
    example = reader_inputs([vectors, vectors], [passage, passage])
    cases, asked, told = (torch.export.Dim(name, max=1024) for name in ("cases", "asked", "told"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        inputs = {name: torch.from_numpy(values) for name, values in example.items()}
        shapes = {
            name: {0: cases, 1: asked if name.startswith("question") else told} for name in inputs
        }
        write_onnx(reader.eval(), inputs, shapes, "logits", full)
        quantize_dynamic(
            full,
            path,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["MatMul", "Gemm"],
        )
    full.unlink()
    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"encoder": fingerprint})
    onnx.save(model, path)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--encoder", default=e5.TRAINED, help="the encoder's name or folder")
    parser.add_argument("--steps", type=int, default=2400)
    parser.add_argument("--batch", type=int, default=32, help="cases")
    parser.add_argument("--rate", type=float, default=5e-4, help="highest learning rate")
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
    texts.add(held_out)
    reader = Network()
    logger.info("%s", measure(reader, held_out, texts))
    arguments.output.mkdir(parents=True, exist_ok=True)
    train(
        reader,
        cases,
        held_out,
        texts,
        arguments.output,
        size=arguments.batch,
        rate=arguments.rate,
        n_steps=arguments.steps,
    )
    export(reader, arguments.output / e5.READER_FILE, encoder.fingerprint)


if __name__ == "__main__":
    main()
