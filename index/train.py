"""Trains the packaged encoder to read Arabic and English alike.

    python -m index.train DATA --output FOLDER        about an hour on 2 cores; resumes
    python -m index.statistics DATA FOLDER            language means of the result
    BURHAN_ENCODER=FOLDER burhan reencode             and use it

The similarity of a query and a passage is late interaction, which is what ranks: the mean over the
query's tokens of the passage's best token, language means removed.

* Translations. Passages of one to five translated sentences, and one of their sentences as the
  query, in both languages. The mean vectors of both languages are drawn to the base encoder's
  vector of the English (Reimers and Gurevych, "Making Monolingual Sentence Embeddings
  Multilingual", 2020). Each query must find its passage in the other language among passages
  of both languages (contrast), and rank all others as the base encoder ranks the English
  (distillation). Inside the passage it must point at its own sentence.
* What was right stays: within a language, each query token keeps the similarity to each passage's
  best token that the base encoder gives it.
* Questions. Arabic questions find their paragraph, and in it the sentence with the answer.
* Headlines find their articles, again as the base encoder ranks them.

Word embeddings stay as they are. The result is the mean of the base's and the trained weights
(Wortsman et al., "Robust fine-tuning of zero-shot models", 2022), with `--share` of the latter.
"""

import argparse
import gzip
import json
import logging
import math
import random
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional

from index import e5
from index.encoder import Kind, e5_statistics
from index.sentences import split_sentences
from index.statistics import token_means
from index.types import LANGUAGES, Language

logger = logging.getLogger(__name__)

KINDS: tuple[Kind, ...] = ("query", "passage")

_SEED = 20_261_122
_PASSAGE_TOKENS = 160
_QUERY_TOKENS = 48
_CONTRAST_TEMPERATURE = 0.03
_DISTIL_TEMPERATURE = 0.05
_VECTOR_TEMPERATURE = 0.02
_MEAN_MEMORY = 0.98
# Texts of like length are read together, so that little is padding.
_READ_AT_ONCE = 6
_SAVE_EVERY = 50
_TOKEN_SHARE = 0.8
_DIACRITICS = re.compile("[\u064b-\u0652\u0640]")


@dataclass(frozen=True, slots=True)
class Example:
    """A passage as sentences, and a query that one of them answers; by language."""

    query: dict[Language, str]
    passage: dict[Language, list[str]]
    answer: int | None


@dataclass(slots=True)
class Data:
    """What is trained on. `held_out` are for choosing among settings, never trained on."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    documents: list[list[tuple[str, str]]] = field(default_factory=list)
    questions: list[tuple[str, str]] = field(default_factory=list)
    answers: list[Example] = field(default_factory=list)
    headlines: list[Example] = field(default_factory=list)


def is_held_out(number: int) -> bool:
    """Whether the ARCD article or NTREX document of that number is kept from training."""
    return number % 4 == 3


def read_data(folder: Path) -> Data:
    """Everything to train on: `parallel/`, `ntrex/`, `questions/`, `arcd/` and `ant/`.

    XQuAD, and with it `squad2_half/`, whose articles it shares, are never read.
    """
    data = Data()
    for line in _lines(folder / "parallel/pairs.jsonl.gz"):
        pair = json.loads(line)
        data.pairs.append((pair["en"], _DIACRITICS.sub("", pair["ar"])))
    for number, line in enumerate(_lines(folder / "ntrex/docs.jsonl")):
        document = json.loads(line)
        if not is_held_out(number):
            data.documents.append(list(zip(document["en"], document["ar"], strict=True)))
    for line in _lines(folder / "questions/mkqa_dev.ar-en.jsonl"):
        question = json.loads(line)
        data.questions.append((question["q_en"], question["q_ar"]))
    articles = json.loads((folder / "arcd/arcd.json").read_text(encoding="utf-8"))["data"]
    for number, article in enumerate(articles):
        if not is_held_out(number):
            data.answers += _answers(article)
    for line in _lines(folder / "ant/articles.jsonl.gz"):
        article = json.loads(line)
        text = article["text"][:900]
        sentences = [text[a:b] for a, b in split_sentences(text, "ar")]
        if len(sentences) > 1 and len(article["title"]) > 25:
            data.headlines.append(Example({"ar": article["title"]}, {"ar": sentences}, None))
    return data


def _answers(article: dict[str, Any]) -> Iterator[Example]:
    for paragraph in article["paragraphs"]:
        text = paragraph["context"]
        spans = split_sentences(text, "ar")
        sentences = [text[a:b] for a, b in spans]
        for qa in paragraph["qas"]:
            start = qa["answers"][0]["answer_start"]
            holding = [i for i, (a, b) in enumerate(spans) if a <= start < b]
            if holding and "<class" not in qa["question"]:
                yield Example({"ar": qa["question"].strip(" -")}, {"ar": sentences}, holding[0])


class Batches:
    """Endless batches, the same for the same seed and step."""

    def __init__(self, data: Data, size: int) -> None:
        self._data = data
        self._size = size

    def at(self, step: int) -> tuple[str, list[Example], list[tuple[str, str]]]:
        """The batch of a step: its kind, its examples and some translated questions."""
        generator = random.Random(_SEED + step)
        kind = ("parallel", "parallel", "answers", "parallel", "headlines")[step % 5]
        if kind == "parallel":
            examples = [self._parallel(generator) for _ in range(self._size)]
            return kind, examples, generator.sample(self._data.questions, self._size // 3)
        pool = self._data.answers if kind == "answers" else self._data.headlines
        chosen = generator.sample(pool, 4 * self._size)
        seen: dict[str, Example] = {}
        for example in chosen:
            seen.setdefault(example.passage["ar"][0], example)
        return kind, list(seen.values())[: self._size], []

    def _parallel(self, generator: random.Random) -> Example:
        n = generator.choice((1, 2, 3, 4, 5))
        if generator.random() < 0.4:
            document = generator.choice(self._data.documents)
            first = generator.randrange(max(1, len(document) - n + 1))
            sentences = document[first : first + n]
        else:
            sentences = generator.sample(self._data.pairs, n)
        answer = generator.randrange(len(sentences))
        english, arabic = sentences[answer]
        if generator.random() < 0.5:
            english, arabic = _thinned(english, generator), _thinned(arabic, generator)
        return Example(
            {"en": english, "ar": arabic},
            {"en": [s[0] for s in sentences], "ar": [s[1] for s in sentences]},
            answer,
        )


def _thinned(text: str, generator: random.Random) -> str:
    """The text without a third of its words, more like a question that shares some."""
    words = text.split()
    kept = [word for word in words if generator.random() > 0.33]
    return " ".join(kept or words)


@dataclass(slots=True)
class Tokens:
    """Token vectors of a batch, (texts, tokens, dimension), 0 and masked where there are none.

    `sentence` is the number of each token's sentence in its passage. `pooled` is each text's unit
    mean vector, (texts, dimension), language mean still in it.
    """

    vectors: Tensor
    mask: Tensor
    sentence: Tensor
    pooled: Tensor


class Reader:
    """Texts to token vectors through a stack of layers on the shared, frozen embeddings."""

    def __init__(self, bert: Any, layers: nn.Module) -> None:
        self._bert = bert
        self._layers = layers
        self._tokenizer = Tokenizer.from_file(str(e5.tokenizer_path()))
        self._tokenizer.no_padding()

    def tokenize(
        self, texts: Sequence[Sequence[str]], kind: str
    ) -> tuple[list[list[int]], list[list[int]]]:
        """Ids, and each token's sentence number (-1 for prefix and special tokens)."""
        limit = _QUERY_TOKENS if kind == "query" else _PASSAGE_TOKENS
        prefix = self._tokenizer.encode(f"{kind}:").ids[:-1]
        ids, owners = [], []
        for sentences in texts:
            row, owner = list(prefix), [-1] * len(prefix)
            for number, sentence in enumerate(sentences):
                inner = self._tokenizer.encode(sentence, add_special_tokens=False).ids
                row += inner
                owner += [number] * len(inner)
            row, owner = row[: limit + len(prefix)], owner[: limit + len(prefix)]
            ids.append([*row, 2])
            owners.append([*owner, -1])
        return ids, owners

    def read(self, ids: list[list[int]], owners: list[list[int]]) -> Tokens:
        width = max(map(len, ids))
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        parts = [
            self._read_padded([ids[i] for i in order[a : a + _READ_AT_ONCE]], width)
            for a in range(0, len(order), _READ_AT_ONCE)
        ]
        vectors = torch.cat(parts)[torch.tensor(order).argsort()]
        sentence = torch.tensor([row + [-1] * (width - len(row)) for row in owners])
        lengths = torch.tensor([[len(row)] for row in ids])
        # Padding is zero.
        pooled = functional.normalize(vectors.sum(1) / lengths, dim=-1)
        return Tokens(vectors, sentence >= 0, sentence, pooled)

    def _read_padded(self, ids: list[list[int]], width: int) -> Tensor:
        longest = max(map(len, ids))
        batch = torch.tensor([row + [1] * (longest - len(row)) for row in ids])
        attention = torch.tensor([[1.0] * len(row) + [0.0] * (longest - len(row)) for row in ids])
        with torch.no_grad():
            hidden: Tensor = self._bert.embeddings(input_ids=batch)
        bias = (1.0 - attention[:, None, None, :]) * torch.finfo(torch.float32).min
        for layer in self._layers:  # type: ignore[attr-defined]
            output = layer(hidden, attention_mask=bias)
            hidden = output[0] if isinstance(output, tuple) else output
        return functional.pad(hidden, (0, 0, 0, width - longest))


class Means(nn.Module):
    """Moving means of unit token vectors by kind and language, from the base's shipped ones."""

    def __init__(self) -> None:
        super().__init__()
        statistics = e5_statistics(None)
        assert statistics
        for kind in KINDS:
            for language in LANGUAGES:
                mean = torch.from_numpy(
                    np.array(token_means(statistics, kind, language), np.float32)
                )
                self.register_buffer(f"{kind}_{language}", mean)

    def centre(self, tokens: Tokens, kind: str, language: Language, *, update: bool) -> Tokens:
        unit = functional.normalize(tokens.vectors, dim=-1)
        mean: Tensor = getattr(self, f"{kind}_{language}")
        if update:
            seen = unit.detach()[tokens.mask].mean(0)
            mean.mul_(_MEAN_MEMORY).add_(seen, alpha=1 - _MEAN_MEMORY)
        centred = functional.normalize(unit - _TOKEN_SHARE * mean, dim=-1)
        centred = centred * tokens.mask[..., None]
        return Tokens(centred, tokens.mask, tokens.sentence, tokens.pooled)


def best_tokens(query: Tokens, passage: Tokens) -> Tensor:
    """Each query token's similarity to each passage's best, (queries, tokens, passages)."""
    n_passages, width, dimension = passage.vectors.shape
    similarity = query.vectors @ passage.vectors.reshape(-1, dimension).T
    similarity = similarity.view(*query.vectors.shape[:2], n_passages, width)
    similarity = similarity.masked_fill(~passage.mask, -1.0)
    return similarity.amax(-1) * query.mask[..., None]


def mean_of(best: Tensor, query: Tokens) -> Tensor:
    """Late interaction of every query with every passage, (queries, passages)."""
    return best.sum(1) / query.mask.sum(1, keepdim=True)


def max_sim(query: Tokens, passage: Tokens) -> Tensor:
    """Late interaction of every query with every passage, (queries, passages)."""
    return mean_of(best_tokens(query, passage), query)


def keep(best: Tensor, taught: Tensor, query: Tokens) -> Tensor:
    """Mean squared distance from the base encoder's best similarities of each query token."""
    return (best - taught).square().sum() / (query.mask.sum() * best.shape[-1])


def draw(pooled: Tensor, target: Tensor) -> Tensor:
    """Distance to the target vectors, and cross-entropy of picking one's own among them."""
    own = torch.arange(len(pooled))
    similarity = pooled @ target.T
    distance = 1 - similarity.diagonal().mean()
    return 5 * distance + functional.cross_entropy(similarity / _VECTOR_TEMPERATURE, own)


def sentence_sim(query: Tokens, passage: Tokens) -> Tensor:
    """Late interaction of each query with its own passage's sentences, (queries, sentences)."""
    n = int(passage.sentence.max()) + 1
    similarity = query.vectors @ passage.vectors.transpose(1, 2)
    inside = passage.sentence[:, None, :] == torch.arange(n)[None, :, None]
    best = similarity[:, :, None, :].masked_fill(~inside[:, None], -1.0).amax(-1)
    scores = (best * query.mask[..., None]).sum(1) / query.mask.sum(1, keepdim=True)
    return scores.masked_fill(~inside.any(-1), -1.0)


def contrast(scores: Tensor, gold: Tensor) -> Tensor:
    """Cross-entropy of picking each row's gold column."""
    return functional.cross_entropy(scores / _CONTRAST_TEMPERATURE, gold)


def distil(scores: Tensor, teacher: Tensor) -> Tensor:
    """KL divergence of the rankings, both ways over the batch."""
    loss = torch.zeros(())
    for mine, theirs in ((scores, teacher), (scores.T, teacher.T)):
        loss = loss + functional.kl_div(
            functional.log_softmax(mine / _DISTIL_TEMPERATURE, -1),
            functional.log_softmax(theirs / _DISTIL_TEMPERATURE, -1),
            log_target=True,
            reduction="batchmean",
        )
    return loss / 2


class Trainer:
    """The student, its teacher and the losses."""

    def __init__(self) -> None:
        bert: Any = e5.load_bert()
        bert.requires_grad_(False)
        teacher = bert.encoder.layer
        self.layers: nn.Module = e5.load_bert().encoder.layer
        self.student = Reader(bert, self.layers)
        self.teacher = Reader(bert, teacher)
        self.means, self.teacher_means = Means(), Means()

    def loss(
        self, kind: str, examples: Sequence[Example], questions: Sequence[tuple[str, str]]
    ) -> dict[str, Tensor]:
        """The batch's losses by name."""
        return (
            self._parallel(examples, questions)
            if kind == "parallel"
            else self._arabic(examples, with_contrast=kind == "answers")
        )

    def _read(
        self, texts: Sequence[Sequence[str]], kind: str, language: Language
    ) -> tuple[Tokens, Tokens]:
        """The texts as the student and as the teacher reads them."""
        ids, owners = self.student.tokenize(texts, kind)
        student = self.means.centre(self.student.read(ids, owners), kind, language, update=True)
        with torch.no_grad():
            read = self.teacher.read(ids, owners)
            teacher = self.teacher_means.centre(read, kind, language, update=False)
        return student, teacher

    def _parallel(
        self, examples: Sequence[Example], questions: Sequence[tuple[str, str]]
    ) -> dict[str, Tensor]:
        n = len(examples)
        gold = torch.arange(n)
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
        answers = torch.tensor([e.answer for e in examples])
        names = ("contrast", "distil", "draw", "keep", "point", "questions")
        losses = dict.fromkeys(names, torch.zeros(()))
        for q in LANGUAGES:
            p: Language = "en" if q == "ar" else "ar"
            best = best_tokens(queries[q], passages[q])
            home, abroad = mean_of(best, queries[q]), max_sim(queries[q], passages[p])
            losses["keep"] = losses["keep"] + keep(best, taught[q], queries[q])
            for mine, target in zip((queries[q], passages[q]), vectors["en"], strict=True):
                losses["draw"] = losses["draw"] + draw(mine.pooled, target)
            # The passage in the question's own language is taken away.
            rivals = home[:n].masked_fill(torch.eye(n, dtype=torch.bool), -1.0)
            losses["contrast"] = losses["contrast"] + contrast(
                torch.cat([abroad[:n], rivals], 1), gold
            )
            at_home = mean_of(taught[q], queries[q])
            losses["distil"] = losses["distil"] + distil(home, at_home) + distil(abroad, across)
            for language in (q, p):
                pointed = sentence_sim(_first(queries[q], n), passages[language])
                losses["point"] = losses["point"] + contrast(pointed, answers) / 2
        if questions:
            en, ar = _rest(queries["en"], n), _rest(queries["ar"], n)
            own = torch.arange(len(questions))
            losses["questions"] = contrast(max_sim(en, ar), own) + contrast(max_sim(ar, en), own)
        return losses

    def _arabic(self, examples: Sequence[Example], *, with_contrast: bool) -> dict[str, Tensor]:
        queries, query_teacher = self._read([[e.query["ar"]] for e in examples], "query", "ar")
        passages, passage_teacher = self._read([e.passage["ar"] for e in examples], "passage", "ar")
        best = best_tokens(queries, passages)
        taught = best_tokens(query_teacher, passage_teacher)
        scores = mean_of(best, queries)
        losses = {
            "distil": 2 * distil(scores, mean_of(taught, queries)),
            "keep": 2 * keep(best, taught, queries),
        }
        gold = torch.arange(len(examples))
        losses["contrast"] = contrast(scores, gold)
        if with_contrast:
            pointed = sentence_sim(queries, passages)
            inside = torch.tensor([e.answer or 0 for e in examples])
            # A passage cut short may have lost the sentence.
            kept = (inside < pointed.shape[1]) & (
                pointed.gather(1, inside.clamp(max=pointed.shape[1] - 1)[:, None])[:, 0] > -1
            )
            if kept.any():
                losses["point"] = 2 * contrast(pointed[kept], inside[kept])
        return losses


def _first(tokens: Tokens, n: int) -> Tokens:
    return Tokens(tokens.vectors[:n], tokens.mask[:n], tokens.sentence[:n], tokens.pooled[:n])


def _rest(tokens: Tokens, n: int) -> Tokens:
    return Tokens(tokens.vectors[n:], tokens.mask[n:], tokens.sentence[n:], tokens.pooled[n:])


_WEIGHTS = {
    "contrast": 0.5,
    "distil": 1.0,
    "draw": 0.5,
    "keep": 20.0,
    "point": 0.5,
    "questions": 0.25,
}


def train(data: Data, output: Path, *, n_steps: int, until: int, size: int, rate: float) -> None:
    """Trains up to a step, going on from the last checkpoint in `output`.

    The learning rate falls to zero over `n_steps`; `until` may stop before.
    """
    torch.manual_seed(_SEED)
    trainer = Trainer()
    optimiser = torch.optim.AdamW(trainer.layers.parameters(), lr=rate, weight_decay=0.01)
    output.mkdir(parents=True, exist_ok=True)
    checkpoint, first = output / "checkpoint.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        trainer.layers.load_state_dict(saved["layers"])
        trainer.means.load_state_dict(saved["means"])
        optimiser.load_state_dict(saved["optimiser"])
        first = saved["step"]
    batches = Batches(data, size)
    began, shown = time.monotonic(), dict[str, float]()
    for step in range(first, until):
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 30) * _decay(step / n_steps)
        losses = trainer.loss(*batches.at(step))
        total = torch.stack([_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trainer.layers.parameters(), 1.0)
        optimiser.step()
        for name, loss in losses.items():
            shown[name] = 0.95 * shown.get(name, float(loss.detach())) + 0.05 * float(loss.detach())
        if (step + 1) % 10 == 0:
            pace = (time.monotonic() - began) / (step + 1 - first)
            told = " ".join(f"{name} {value:.3f}" for name, value in shown.items())
            left = pace * (until - step - 1) / 60
            logger.info(
                "step %d/%d, %.1f s/step, %.0f min left; %s", step + 1, until, pace, left, told
            )
        if (step + 1) % _SAVE_EVERY == 0 or step + 1 == until:
            _save(checkpoint, step + 1, trainer, optimiser)


def blend(output: Path, share: float) -> None:
    """Writes the mean of the base's and the last checkpoint's layers into `output`."""
    base: dict[str, Tensor] = e5.load_bert().encoder.layer.state_dict()
    trained = torch.load(output / "checkpoint.pt", weights_only=True)["layers"]
    layers = {name: ((1 - share) * base[name] + share * trained[name]).numpy() for name in base}
    e5.write_layers(layers, output / e5.LAYERS_FILE)


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


def _lines(path: Path) -> Iterable[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        yield from file


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--until", type=int, default=300, help="stop at that step")
    parser.add_argument("--batch", type=int, default=24, help="passages in each language")
    parser.add_argument("--rate", type=float, default=8e-5, help="highest learning rate")
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
    )
    blend(arguments.output, arguments.share)
    logger.info("now: python -m index.statistics %s %s", arguments.data, arguments.output)


if __name__ == "__main__":
    main()
