"""Pairs of a statement and its source, true and false, built from the shared data.

Every false statement is a true one changed in one respect, and that true one is in the set beside
it, under the same kind; so a check that passes all, or none, is right half the time. Test
documents are those never trained on (`index.training.data.is_held_out`) and all of XQuAD.
"""

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.support.documents import SPLITS, Document, Split, read_documents
from eval.support.false import (
    Change,
    Setting,
    change_date,
    change_name,
    change_number,
    change_number_word,
    invent,
    swap_roles,
)
from eval.support.names import Name
from eval.support.negation import add_not, drop_not
from eval.support.true import WAYS
from index.normalize import search_terms
from index.types import LANGUAGES, Language

# Statement, source.
DIRECTIONS: tuple[tuple[Language, Language], ...] = (
    ("ar", "ar"),
    ("en", "en"),
    ("ar", "en"),
    ("en", "ar"),
)
# Rarest first, as a sentence is changed once in each direction.
_CHANGES: dict[str, Change] = {
    "roles swapped": swap_roles,
    "negation removed": drop_not,
    "date changed": change_date,
    "number word changed": change_number_word,
    "name swapped": change_name,
    "number changed": change_number,
    "negation added": add_not,
    "clause invented": invent,
}
KINDS = (*_CHANGES, "same article", "other article")

_SEED = 20_261_124
_MOST: dict[Split, int] = {"dev": 25, "test": 40}
_MOST_SHARED = 0.35
_FEWEST_NEW = 4
_APART = 3
_GARBLED = re.compile(
    r"[Ââ]|\ufeff|:\d+[,،.]|\[|�|<|\d\. \d|[A-Za-z]{2}[\u0620-\u064a]|[ا-ي]{16}|[,.]'|(?:^|\s)'"
)
# An answer asks nothing, and says neither "I" nor "you".
_PERSONAL = re.compile(
    r"[?؟!]|\b(?:I|me|my|we|us|our|you|your|ourselves|myself)\b|\b(?:We|My|Our|You)\b"
)
_UNFIT_START = re.compile(
    r"^\W|^(?:and|or|which|who)\b|^(?:ثم|أو|هل|الذي|التي|مما|حيث|بينما|أما)\s"
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A statement and the quotes that it cites.

    Attributes:
        kind: How it is false, or for a true one, how the false one made of it is.
        way: How it is said otherwise than in the source; "as it is" for a bare translation.
        direction: Language of the statement and of the source, as "ar-en".
    """

    statement: str
    quotes: tuple[str, ...]
    supported: bool
    kind: str
    way: str
    direction: str
    split: Split
    document: str


@dataclass(frozen=True, slots=True)
class Base:
    """One sentence of a document, and the run of sentences cited for it.

    `is_split` makes each of these a quote of its own.
    """

    document: Document
    at: int
    first: int
    last: int
    is_split: bool
    way: str
    statement: str

    def quotes(self, language: Language) -> tuple[str, ...]:
        run = self.document.sentences[language][self.first : self.last]
        return run if self.is_split else (" ".join(run),)

    def known(self, source: Language) -> str:
        """All that the source says, in every language that it is at hand in."""
        languages = LANGUAGES if self.document.is_parallel else (source,)
        return " ".join([*(q for lang in languages for q in self.quotes(lang)), self.statement])


def build_pairs(folder: Path) -> list[Pair]:
    """The whole set, the same for the same data."""
    return pairs_of(read_documents(folder))


def pairs_of(
    documents: Sequence[Document],
    directions: Sequence[tuple[Language, Language]] = DIRECTIONS,
) -> list[Pair]:
    """Pairs of the given directions; each is built without regard to the others."""
    names = tuple(dict.fromkeys(name for document in documents for name in document.names))
    pairs: list[Pair] = []
    for statement, source in directions:
        for split in SPLITS:
            pairs += _build(documents, names, split, statement, source)
    return pairs


def _build(
    documents: Sequence[Document],
    names: Sequence[Name],
    split: Split,
    statement: Language,
    source: Language,
) -> Iterator[Pair]:
    generator = random.Random(f"{_SEED} {split} {statement} {source}")
    bases = list(_bases(documents, split, statement, source, generator))
    generator.shuffle(bases)
    used: set[tuple[str, int]] = set()
    for kind in KINDS:
        left = _MOST[split]
        for base in bases:
            place = (base.document.document_id, base.at)
            if not left or (kind in _CHANGES and place in used):
                continue
            if kind in _CHANGES:
                setting = Setting(base.known(source), base.document.names, names)
                false = _CHANGES[kind](base.statement, statement, setting, generator)
            else:
                false = _from_elsewhere(kind, base, bases, statement, generator)
            if false is None:
                continue
            left -= 1
            if kind in _CHANGES:
                used.add(place)
            quotes = base.quotes(source)
            told = (kind, base.way, f"{statement}-{source}", split, place[0])
            yield Pair(base.statement, quotes, True, *told)
            yield Pair(false, quotes, False, *told)


def _bases(
    documents: Sequence[Document],
    split: Split,
    statement: Language,
    source: Language,
    generator: random.Random,
) -> Iterator[Base]:
    for document in documents:
        held = document.sentences
        if document.split != split or statement not in held or source not in held:
            continue
        # An article of news begins with its headline.
        for at in range(1 if document.is_parallel else 0, len(held[statement])):
            if statement != source and at not in document.faithful:
                continue
            if not all(_is_fit(text, lang) for lang, text in _versions(document, at, statement)):
                continue
            width = generator.choice((2, 3) if statement == source else (1, 2, 3))
            first = max(0, at - generator.randrange(width))
            said = _say_otherwise(held[statement][at], statement, statement != source, generator)
            if said and not any(map(_is_glued, held[source][first : first + width])):
                is_split = generator.random() < 0.3
                yield Base(document, at, first, first + width, is_split, *said)


def _versions(document: Document, at: int, statement: Language) -> Iterator[tuple[Language, str]]:
    """The sentence, and its translation if there is one."""
    for language in LANGUAGES if document.is_parallel else (statement,):
        yield language, document.sentences[language][at]


def _is_fit(text: str, language: Language) -> bool:
    n = len(text.split())
    return (
        8 <= n <= 40
        and text.endswith(".")
        and text.count('"') % 2 == 0
        and text.count("(") == text.count(")")
        and not _GARBLED.search(text)
        and not _UNFIT_START.search(text)
        and not _PERSONAL.search(text)
    )


def _is_glued(text: str) -> bool:
    """Whether spaces between Arabic words were lost."""
    return bool(re.search("[\u0620-\u064a]{17}", text))


def _say_otherwise(
    text: str, language: Language, is_translated: bool, generator: random.Random
) -> tuple[str, str] | None:
    """(way, statement). A translation may stand as it is; the source's own words may not."""
    if is_translated and generator.random() < 0.5:
        return "as it is", text
    light = ("spelling", "attributed")
    strong = [way for way in WAYS if way not in light]
    for way in (*generator.sample(strong, len(strong)), *generator.sample(light, 2)):
        new = WAYS[way](text, language, generator)
        if new:
            return way, new
    return ("as it is", text) if is_translated else None


def _from_elsewhere(
    kind: str, base: Base, bases: Sequence[Base], language: Language, generator: random.Random
) -> str | None:
    """Another base's statement, of which the source says little."""
    own = base.document
    if kind == "same article":
        far = [other for other in bases if other.document is own and _is_apart(base, other)]
    else:
        far = [
            other
            for other in bases
            if other.document.corpus == own.corpus and other.document is not own
        ]
    source = set(search_terms(" ".join(base.quotes(language))))
    for other in generator.sample(far, min(len(far), 10)):
        terms = set(search_terms(other.statement))
        new = terms - source
        if len(new) >= _FEWEST_NEW and len(terms) - len(new) <= _MOST_SHARED * len(terms):
            return other.statement
    return None


def _is_apart(base: Base, other: Base) -> bool:
    # What the first sentences of a news article say is said again below.
    return min(base.first, other.at) > 1 and not (
        base.first - _APART < other.at < base.last + _APART
    )
