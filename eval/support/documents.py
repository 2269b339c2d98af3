"""The documents that statements and their sources are taken from: NTREX, ARCD and XQuAD.

About one sentence in six of NTREX's Arabic says something else than its English ("refused to
leave" came out as "chose to leave", 30,000 as 300,000). So the translations of the test documents
and of some of the others were read by hand, and only those found faithful are used across
languages.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from eval.support.names import Name, found_in, people, places, read_places
from index.sentences import split_sentences
from index.training.data import is_held_out
from index.types import LANGUAGES, Language

Split = Literal["dev", "test"]
SPLITS: tuple[Split, ...] = ("dev", "test")

# Dev documents up to this number were read; test documents all.
_LAST_READ = 46
# Sentences by document whose Arabic is not what the English says.
_UNFAITHFUL = """
0:5,7,11,12,13 1:3 2:9,13,18,20 4:6,7,9,10,14 5:2,3,4,7,12,18 6:8,14 8:3,4,9,12 10:17
12:2,4,14 13:6,18,20,22,24 14:6,7,8,9 16:11,13 18:2,6 20:2,4,6,9,12,15,20,21,23,26 21:3
24:6,11,12,14 25:4 28:2,13,14 30:12,13 32:2,7,8 34:1,2,3,15,16,17,18 36:10 37:6,9,16
38:3,7,9,10,11,12 40:9,11,18 41:4,5 42:2,4,12 45:5,12,13 46:1,2,7,8,14,19,20
7:4,12 11:1,4,8 15:1,2 19:4 23:3 27:13 35:2,3,6,7,8 43:2 47:7,8,10,12,13,14 83:1,2
87:2,6,23 91:2,5 95:1 99:6 103:1,9 107:1,4,8,23 111:9 119:1,5,6
"""


@dataclass(frozen=True, slots=True)
class Document:
    """An article as sentences.

    Attributes:
        sentences: In order, by language.
        is_parallel: Whether sentences of the same number are each other's translations.
        faithful: Numbers of those whose translation was read and found to say the same.
    """

    document_id: str
    split: Split
    sentences: dict[Language, tuple[str, ...]]
    names: tuple[Name, ...]
    is_parallel: bool = False
    faithful: frozenset[int] = frozenset()

    @property
    def corpus(self) -> str:
        return self.document_id.partition("-")[0]


def read_documents(folder: Path) -> list[Document]:
    """NTREX, ARCD and XQuAD, each article a document, with the names in it."""
    known = read_places(folder / "names/cldr")
    return [*_ntrex(folder, known), *_arcd(folder, known), *_xquad(folder, known)]


def _ntrex(folder: Path, known: Sequence[Name]) -> Iterator[Document]:
    lines = (folder / "ntrex/docs.jsonl").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        row = json.loads(line)
        english, arabic = tuple(row["en"]), tuple(row["ar"])
        names = [
            *people(" ".join(english), " ".join(arabic)),
            *_mentioned(known, " ".join(english), "en"),
        ]
        forms = {name.en for name in names}
        names += [n for n in places(zip(english, arabic, strict=True)) if n.en not in forms]
        yield Document(
            f"ntrex-{number}",
            "test" if is_held_out(number) else "dev",
            {"en": english, "ar": arabic},
            tuple(names),
            is_parallel=True,
            faithful=_faithful(number, len(english)),
        )


def _faithful(number: int, n_sentences: int) -> frozenset[int]:
    if number > _LAST_READ and not is_held_out(number):
        return frozenset()
    entries = (entry.partition(":") for entry in _UNFAITHFUL.split())
    loose = {int(document): sentences.split(",") for document, _, sentences in entries}
    return frozenset(range(n_sentences)) - {int(at) for at in loose.get(number, ())}


def _arcd(folder: Path, known: Sequence[Name]) -> Iterator[Document]:
    for number, article in enumerate(_articles(folder / "arcd/arcd.json")):
        sentences = _sentences(article, "ar")
        yield Document(
            f"arcd-{number}",
            "test" if is_held_out(number) else "dev",
            {"ar": sentences},
            tuple(_mentioned(known, " ".join(sentences), "ar")),
        )


def _xquad(folder: Path, known: Sequence[Name]) -> Iterator[Document]:
    read = {language: _articles(folder / f"xquad/xquad.{language}.json") for language in LANGUAGES}
    for number, (ar, en) in enumerate(zip(read["ar"], read["en"], strict=True)):
        sentences: dict[Language, tuple[str, ...]] = {
            "ar": _sentences(ar, "ar"),
            "en": _sentences(en, "en"),
        }
        english, arabic = " ".join(sentences["en"]), " ".join(sentences["ar"])
        names = (*people(english, arabic), *_mentioned(known, english, "en"))
        yield Document(f"xquad-{number}", "test", sentences, names)


def _articles(path: Path) -> list[list[str]]:
    data = json.loads(path.read_text(encoding="utf-8"))["data"]
    return [[paragraph["context"] for paragraph in article["paragraphs"]] for article in data]


def _sentences(paragraphs: Sequence[str], language: Language) -> tuple[str, ...]:
    # Some of ARCD's paragraphs come twice.
    return tuple(
        text[start:end]
        for text in dict.fromkeys(paragraphs)
        for start, end in split_sentences(text, language)
    )


def _mentioned(known: Sequence[Name], text: str, language: Language) -> list[Name]:
    return [n for n in known if n.form(language) in text and found_in(n, text, language)]
