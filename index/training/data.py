"""What the encoder is trained on, and the batches made of it.

Translations, headlines and articles come from `../shared/data`-like folders (docs/training.md says
which); `written.jsonl` beside this file adds what they lack: English translations of Arabic
paragraphs, some paragraphs in both languages, and questions in both that a numbered sentence
answers, or that nothing does.
"""

import gzip
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from index.sentences import split_sentences
from index.types import Language

WRITTEN = Path(__file__).parent / "written.jsonl"

SEED = 20_261_122
_DIACRITICS = re.compile("[\u064b-\u0652\u0640]")
# Sentences of a news document that make one passage.
_BLOCK = 4
_OPENING = 750
_KINDS = (
    "questions",
    "parallel",
    "questions",
    "questions",
    "parallel",
    "questions",
    "headlines",
    "questions",
)


# A question by language, the number of the passage that answers it, and of the sentence in that.
Asked = tuple[dict[Language, str], int, int]


@dataclass(frozen=True, slots=True)
class Example:
    """A passage as sentences, and a query that one of them answers; by language."""

    query: dict[Language, str]
    passage: dict[Language, list[str]]
    answer: int | None


@dataclass(frozen=True, slots=True)
class Document:
    """Passages of one document in both languages, and questions about them.

    Attributes:
        passages: Sentences of each passage, by language.
        questions: Each with the passage and the sentence in it that answers.
        unanswerable: Questions that look as if a passage answered them, with its number.
    """

    name: str
    passages: list[dict[Language, list[str]]]
    questions: list[Asked]
    unanswerable: list[tuple[dict[Language, str], int]]

    def example(self, number: int) -> Example:
        """The question of that number with its passage."""
        question, passage, sentence = self.questions[number]
        return Example(question, self.passages[passage], sentence)


@dataclass(slots=True)
class Data:
    """What is trained on, and the documents kept for choosing among settings."""

    pairs: list[tuple[str, str]] = field(default_factory=list)
    texts: list[list[tuple[str, str]]] = field(default_factory=list)
    questions: list[tuple[str, str]] = field(default_factory=list)
    headlines: list[Example] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    held_out: list[Document] = field(default_factory=list)


def is_held_out(number: int) -> bool:
    """Whether the ARCD article or NTREX document of that number is kept from training."""
    return number % 4 == 3


def read_data(folder: Path, written: Path = WRITTEN) -> Data:
    """Everything to train on: `parallel/`, `ntrex/`, `questions/`, `arcd/` and `ant/`.

    XQuAD, and with it `squad2_half/`, whose articles it shares, are never read.
    """
    data = Data()
    for line in _lines(folder / "parallel/pairs.jsonl.gz"):
        pair = json.loads(line)
        data.pairs.append((pair["en"], _DIACRITICS.sub("", pair["ar"])))
    for number, line in enumerate(_lines(folder / "ntrex/docs.jsonl")):
        if not is_held_out(number):
            text = json.loads(line)
            data.texts.append(list(zip(text["en"], text["ar"], strict=True)))
    for line in _lines(folder / "questions/mkqa_dev.ar-en.jsonl"):
        question = json.loads(line)
        data.questions.append((question["q_en"], question["q_ar"]))
    for line in _lines(folder / "ant/articles.jsonl.gz"):
        article = json.loads(line)
        text = article["text"][:900]
        sentences = [text[a:b] for a, b in split_sentences(text, "ar")]
        if len(sentences) > 1 and len(article["title"]) > 25:
            data.headlines.append(Example({"ar": article["title"]}, {"ar": sentences}, None))
    for number, document in read_documents(folder, written):
        (data.held_out if is_held_out(number) else data.documents).append(document)
    return data


def read_documents(folder: Path, written: Path = WRITTEN) -> Iterator[tuple[int, Document]]:
    """Documents with questions in both languages, each with its number among its kind.

    Articles of `ant/` and texts written for this have number 0: none of them is held out.
    """
    lines: dict[str, dict[str, Any]] = {row["id"]: row for row in map(json.loads, _lines(written))}
    for name, row in lines.items():
        if name.startswith("text-"):
            yield 0, _bilingual(row, row["ar"])
    articles = json.loads((folder / "arcd/arcd.json").read_text(encoding="utf-8"))["data"]
    for number, article in enumerate(articles):
        for place, paragraph in enumerate(article["paragraphs"]):
            if found := lines.get(f"arcd-{number}-{place}"):
                yield number, _paragraph(paragraph, found)
    for number, line in enumerate(_lines(folder / "ntrex/docs.jsonl")):
        if found := lines.get(f"ntrex-{number}"):
            yield number, _news(json.loads(line), found)
    for line in _lines(folder / "ant/articles.jsonl.gz"):
        article = json.loads(line)
        if found := lines.get(f"ant-{article['article_id']}"):
            yield 0, _bilingual(found, opening(article["text"]))


def _paragraph(paragraph: dict[str, Any], row: dict[str, Any]) -> Document:
    """An ARCD paragraph, whose own questions are in Arabic."""
    text = paragraph["context"]
    spans = [(a, b) for a, b in split_sentences(text, "ar") if text[a:b].strip()]
    arabic = [text[a:b].strip() for a, b in spans]
    questions: list[Asked] = []
    for qa, english in zip(paragraph["qas"], row["questions_en"], strict=True):
        start = qa["answers"][0]["answer_start"]
        holding = [i for i, (a, b) in enumerate(spans) if a <= start < b]
        if holding and "<class" not in qa["question"]:
            asked = qa["question"].strip(" -").removesuffix(" ال").strip()
            questions.append(({"en": english, "ar": asked}, 0, holding[0]))
    document = _bilingual(row, arabic)
    return replace(document, questions=questions + document.questions)


def _news(text: dict[str, Any], row: dict[str, Any]) -> Document:
    """An NTREX document in passages of some sentences each, the headline left out."""
    last = len(text["en"])
    blocks = [range(a, min(a + _BLOCK, last)) for a in range(1, last, _BLOCK)]
    passages: list[dict[Language, list[str]]] = [
        {"en": [text["en"][i] for i in block], "ar": [text["ar"][i] for i in block]}
        for block in blocks
    ]
    place = {i: (b, n) for b, block in enumerate(blocks) for n, i in enumerate(block)}
    questions = [
        (_asked(q), *place[q["sentence"]]) for q in row["questions"] if q["sentence"] in place
    ]
    # Of some such questions it is not known which passage is nearest; all of them lack the answer.
    unanswerable = [
        (_asked(q), place[q["sentence"]][0] if "sentence" in q else number % len(blocks))
        for number, q in enumerate(row["unanswerable"])
    ]
    return Document(row["id"], passages, questions, unanswerable)


def _bilingual(row: dict[str, Any], arabic: list[str]) -> Document:
    """One passage in both languages, and questions about it."""
    _check(row, arabic)
    return Document(
        row["id"],
        [{"en": row["en"], "ar": arabic}],
        [(_asked(q), 0, q["sentence"]) for q in row.get("questions", ())],
        [(_asked(q), 0) for q in row["unanswerable"]],
    )


def opening(text: str) -> list[str]:
    """An article's first sentences, each said once."""
    text = text.replace("\xa0", " ")
    kept: list[str] = []
    for a, b in split_sentences(text, "ar"):
        sentence = text[a:b].strip()
        if not sentence or any(sentence[:40] == other[:40] for other in kept):
            continue
        if sum(map(len, kept)) + len(sentence) > _OPENING:
            break
        kept.append(sentence)
    return kept


def sentence_keys(passage: Sequence[str]) -> set[str]:
    """What two passages have in common where one repeats a sentence of the other."""
    return {sentence[:60] for sentence in passage}


def _asked(row: dict[str, Any]) -> dict[Language, str]:
    return {"en": row["en"], "ar": row["ar"]}


def _check(row: dict[str, Any], arabic: Sequence[str]) -> None:
    if len(row["en"]) != len(arabic):
        raise ValueError(
            f"{row['id']}: {len(row['en'])} translated sentences for {len(arabic)} Arabic ones; "
            f"the sentence splitting has changed since {WRITTEN.name} was written"
        )


class Batches:
    """Endless batches, the same for the same seed and step."""

    def __init__(self, data: Data, size: int) -> None:
        self._data = data
        self._size = size

    def at(self, step: int) -> tuple[str, list[Example], list[tuple[str, str]]]:
        """The batch of a step: its kind, its examples and some translated questions."""
        generator = random.Random(SEED + step)
        kind = _KINDS[step % len(_KINDS)]
        if kind == "parallel":
            examples = [self._parallel(generator) for _ in range(self._size)]
            return kind, examples, generator.sample(self._data.questions, self._size // 3)
        if kind == "questions":
            return kind, self._questions(generator), []
        return kind, generator.sample(self._data.headlines, self._size), []

    def _questions(self, generator: random.Random) -> list[Example]:
        """Questions about as many passages, no two of which share a sentence.

        Other passages of the same document are among them: the hardest to tell apart.
        """
        examples: list[Example] = []
        seen: set[str] = set()
        for document in generator.sample(self._data.documents, len(self._data.documents)):
            numbers = list(range(len(document.questions)))
            generator.shuffle(numbers)
            for number in numbers:
                example = document.example(number)
                said = sentence_keys(example.passage["ar"])
                if not said & seen and len(examples) < self._size:
                    seen |= said
                    examples.append(example)
        return examples

    def _parallel(self, generator: random.Random) -> Example:
        n = generator.choice((1, 2, 3, 4, 5))
        if generator.random() < 0.4:
            text = generator.choice(self._data.texts)
            first = generator.randrange(max(1, len(text) - n + 1))
            sentences = text[first : first + n]
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


def _lines(path: Path) -> Iterable[str]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as file:
        yield from file
