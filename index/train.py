"""Trains the packaged encoder to read Arabic and English alike.

    python -m index.train DATA --output FOLDER        90 minutes on 2 cores; resumes
    python -m index.statistics DATA FOLDER            language means of the result
    BURHAN_ENCODER=FOLDER burhan reencode             and use it

The similarity of a query and a passage is late interaction, which is what ranks: the mean over the
query's tokens of the passage's best token, language means removed.

* Questions. Each must find the passage that answers it, in its own and in the other language, among
  passages of both, and in it the sentence with the answer.
* Translations. Passages of one to five translated sentences, and one of their sentences as the
  query: the same, for the other language.
* Headlines find their articles.
* In all of these the mean vectors of both languages are drawn to the base encoder's vector of the
  English (Reimers and Gurevych, "Making Monolingual Sentence Embeddings Multilingual", 2020), and
  what was right stays: passages are ranked as the base encoder ranks the English (distillation),
  and within a language each query token keeps the similarity to each passage's best token that
  the base encoder gives it.

Word embeddings stay as they are. The result is the mean of the base's and the trained weights
(Wortsman et al., "Robust fine-tuning of zero-shot models", 2022), with `--share` of the latter.
"""

import argparse
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from index import e5
from index.encoder import Kind
from index.training.data import SEED, Batches, Data, Example, read_data
from index.training.losses import (
    best_tokens,
    contrast,
    contrast_without_twin,
    distil,
    draw,
    keep,
    max_sim,
    mean_of,
    point,
    sentence_sim,
)
from index.training.reading import Means, Reader, Tokens, halved
from index.types import LANGUAGES, Language

logger = logging.getLogger(__name__)

_SAVE_EVERY = 50
_WEIGHTS = {
    "contrast": 0.5,
    "distil": 1.0,
    "draw": 0.5,
    "keep": 20.0,
    "point": 0.5,
    "questions": 0.25,
}


class Trainer:
    """The student, its teacher and what is asked of the student."""

    def __init__(self, start: Path | None = None) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        bert: Any = e5.load_bert()
        bert.requires_grad_(False).to(self.device)
        student: Any = e5.load_bert(start)
        # The gradient of the fused kernel takes five times as long on such short texts.
        student.set_attn_implementation("eager")
        self.layers: nn.Module = student.encoder.layer.to(self.device)
        self.student = Reader(bert, self.layers, self.device)
        self.teacher = Reader(bert, halved(bert.encoder.layer, self.device), self.device)
        self.means = Means().to(self.device)
        self.teacher_means = Means().to(self.device)

    def losses(
        self, kind: str, examples: Sequence[Example], questions: Sequence[tuple[str, str]]
    ) -> dict[str, Tensor]:
        """The batch's losses by name."""
        if kind == "headlines":
            return self._arabic(examples)
        return self._both(examples, questions, answers_at_home=kind == "questions")

    def _read(
        self, texts: Sequence[Sequence[str]], kind: Kind, language: Language
    ) -> tuple[Tokens, Tokens]:
        """The texts as the student and as the teacher reads them."""
        ids, owners = self.student.tokenize(texts, kind)
        student = self.means.centre(self.student.read(ids, owners), kind, language, update=True)
        with torch.no_grad():
            read = self.teacher.read(ids, owners)
            teacher = self.teacher_means.centre(read, kind, language, update=False)
        return student, teacher

    def _both(
        self,
        examples: Sequence[Example],
        questions: Sequence[tuple[str, str]],
        *,
        answers_at_home: bool,
    ) -> dict[str, Tensor]:
        n = len(examples)
        queries, passages, taught, vectors = {}, {}, {}, {}
        for language in LANGUAGES:
            number = 0 if language == "en" else 1
            asked = [[e.query[language]] for e in examples] + [[q[number]] for q in questions]
            queries[language], query_teacher = self._read(asked, "query", language)
            texts = [e.passage[language] for e in examples]
            passages[language], passage_teacher = self._read(texts, "passage", language)
            taught[language] = best_tokens(query_teacher, passage_teacher)
            vectors[language] = (query_teacher.pooled, passage_teacher.pooled)
        across = mean_of(taught["en"], queries["en"])
        answers = torch.tensor([e.answer for e in examples], device=self.device)
        names = ("contrast", "distil", "draw", "keep", "point", "questions")
        losses = dict.fromkeys(names, torch.zeros((), device=self.device))
        for q in LANGUAGES:
            p: Language = "en" if q == "ar" else "ar"
            best = best_tokens(queries[q], passages[q])
            home, abroad = mean_of(best, queries[q]), max_sim(queries[q], passages[p])
            losses["keep"] = losses["keep"] + keep(best, taught[q], queries[q])
            for mine, target in zip((queries[q], passages[q]), vectors["en"], strict=True):
                losses["draw"] = losses["draw"] + draw(mine.pooled, target)
            found = contrast_without_twin(abroad[:n], home[:n])
            if answers_at_home:
                found = found + contrast_without_twin(home[:n], abroad[:n])
            losses["contrast"] = losses["contrast"] + found
            at_home = mean_of(taught[q], queries[q])
            losses["distil"] = losses["distil"] + distil(home, at_home) + distil(abroad, across)
            for language in (q, p):
                pointed = sentence_sim(queries[q].at(slice(n)), passages[language])
                losses["point"] = losses["point"] + point(pointed, answers) / 2
        if questions:
            en, ar = (queries[language].at(slice(n, None)) for language in ("en", "ar"))
            own = torch.arange(len(questions), device=self.device)
            losses["questions"] = contrast(max_sim(en, ar), own) + contrast(max_sim(ar, en), own)
        return losses

    def _arabic(self, examples: Sequence[Example]) -> dict[str, Tensor]:
        queries, query_teacher = self._read([[e.query["ar"]] for e in examples], "query", "ar")
        passages, passage_teacher = self._read([e.passage["ar"] for e in examples], "passage", "ar")
        best = best_tokens(queries, passages)
        taught = best_tokens(query_teacher, passage_teacher)
        scores = mean_of(best, queries)
        return {
            "distil": 2 * distil(scores, mean_of(taught, queries)),
            "keep": 2 * keep(best, taught, queries),
            "contrast": contrast(scores, torch.arange(len(examples), device=self.device)),
        }


def train(
    data: Data,
    output: Path,
    *,
    n_steps: int,
    until: int,
    size: int,
    rate: float,
    start: Path | None = None,
) -> None:
    """Trains up to a step, going on from the last checkpoint in `output`.

    The learning rate falls to zero over `n_steps`; `until` may stop before. `start` is a folder of
    layers to begin with instead of the base's.
    """
    torch.manual_seed(SEED)
    trainer = Trainer(start)
    optimiser = torch.optim.AdamW(trainer.layers.parameters(), lr=rate, weight_decay=0.01)
    output.mkdir(parents=True, exist_ok=True)
    checkpoint, first = output / "checkpoint.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True, map_location=trainer.device)
        trainer.layers.load_state_dict(saved["layers"])
        trainer.means.load_state_dict(saved["means"])
        optimiser.load_state_dict(saved["optimiser"])
        first = saved["step"]
    batches = Batches(data, size)
    began, shown = time.monotonic(), dict[str, float]()
    for step in range(first, until):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 30) * _decay(step / n_steps)
        kind, examples, questions = batches.at(step)
        losses = trainer.losses(kind, examples, questions)
        total = torch.stack([_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trainer.layers.parameters(), 1.0)
        optimiser.step()
        for name, loss in losses.items():
            seen = float(loss.detach())
            name = f"{kind} {name}"
            shown[name] = 0.9 * shown.get(name, seen) + 0.1 * seen
        if (step + 1) % 10 == 0:
            pace = (time.monotonic() - began) / (step + 1 - first)
            told = " ".join(f"{name} {value:.3f}" for name, value in sorted(shown.items()))
            left = pace * (until - step - 1) / 60
            logger.info(
                "step %d/%d, %.1f s/step, %.0f min left; %s", step + 1, until, pace, left, told
            )
        if (step + 1) % _SAVE_EVERY == 0 or step + 1 == until:
            _save(checkpoint, step + 1, trainer, optimiser)


def blend(output: Path, share: float) -> None:
    """Writes the mean of the base's and the last checkpoint's layers into `output`."""
    base: dict[str, Tensor] = e5.load_bert().encoder.layer.state_dict()
    saved = torch.load(output / "checkpoint.pt", weights_only=True, map_location="cpu")
    layers = mixed(base, saved["layers"], share)
    arrays = {name: values.numpy() for name, values in layers.items()}
    e5.write_layers(arrays, output / e5.LAYERS_FILE)


def mixed(
    base: Mapping[str, Tensor], trained: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """The mean of two sets of layers, `share` of it trained."""
    return {name: (1 - share) * base[name] + share * trained[name] for name in base}


def _decay(share: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * share))


def _save(checkpoint: Path, step: int, trainer: Trainer, optimiser: torch.optim.Optimizer) -> None:
    partial = checkpoint.with_suffix(".partial")
    torch.save(
        {
            "step": step,
            "layers": trainer.layers.state_dict(),
            "means": trainer.means.state_dict(),
            "optimiser": optimiser.state_dict(),
        },
        partial,
    )
    partial.replace(checkpoint)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--until", type=int, default=900, help="stop at that step")
    parser.add_argument("--batch", type=int, default=24, help="passages in each language")
    parser.add_argument("--rate", type=float, default=8e-5, help="highest learning rate")
    parser.add_argument("--start", type=Path, help="a folder of layers to begin with")
    parser.add_argument("--share", type=float, default=0.85, help="of the trained weights")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(
        read_data(arguments.data),
        arguments.output,
        n_steps=arguments.steps,
        until=arguments.until,
        size=arguments.batch,
        rate=arguments.rate,
        start=arguments.start,
    )
    blend(arguments.output, arguments.share)
    logger.info("now: python -m index.statistics %s %s", arguments.data, arguments.output)


if __name__ == "__main__":
    main()
