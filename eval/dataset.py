"""Questions with known answers, and the articles they are asked about."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from index.errors import SourceError
from index.types import Article, Language

Split = Literal["dev", "test", "all"]
# What has to be told together; every other type is answered by any one gold sentence.
JOINT = ("comparison", "several")


@dataclass(frozen=True, slots=True)
class Gold:
    """A sentence that answers, or helps to: verbatim in the article's text."""

    article_id: str
    quote: str


@dataclass(frozen=True, slots=True)
class Case:
    """One question in one language.

    `article_ids` are the articles that answer it, none for an unanswerable one. `answers` are
    short, by language. Cases of one `group` are about the same articles, and are drawn together
    when an interval is computed.
    """

    case_id: str
    kind: str
    language: Language
    question: str
    answers: Mapping[Language, tuple[str, ...]] = field(default_factory=dict)
    article_ids: tuple[str, ...] = ()
    evidence: tuple[Gold, ...] = ()
    group: str = ""
    split: str = ""

    @property
    def answerable(self) -> bool:
        return bool(self.article_ids)


@dataclass(frozen=True, slots=True)
class Dataset:
    """Cases, and the articles they came with; none where an index of the user's is asked."""

    name: str
    cases: tuple[Case, ...]
    articles: tuple[Article, ...] = ()

    @property
    def checksum(self) -> str:
        """Changes with any question, gold or article."""
        digest = hashlib.sha256()
        for item in (*self.cases, *self.articles):
            digest.update(repr(item).encode())
        return digest.hexdigest()[:16]

    def only(self, split: Split, limit: int | None) -> "Dataset":
        """The cases of a split, and of these `limit` questions in all their languages.

        They are spread evenly over the set. A set that knows no splits is used whole.

        Raises:
            SourceError: Nothing is left.
        """
        known = any(case.split for case in self.cases)
        cases = [c for c in self.cases if split == "all" or not known or c.split == split]
        names = list(dict.fromkeys(_question_id(case) for case in cases))
        if limit and limit < len(names):
            kept = {names[i * len(names) // limit] for i in range(limit)}
            cases = [case for case in cases if _question_id(case) in kept]
        if not cases:
            raise SourceError(f"{self.name}: holds no question of the split {split!r}")
        return replace(self, cases=tuple(cases))


def _question_id(case: Case) -> str:
    return case.case_id.rsplit(".", 1)[0]


def check_golds(dataset: Dataset, articles: Mapping[str, Article]) -> None:
    """Refuses a set whose gold is not in the index that is asked.

    Raises:
        SourceError: Naming the first case, and what is missing.
    """
    for case in dataset.cases:
        for article_id in case.article_ids:
            if article_id not in articles:
                raise SourceError(
                    f"{dataset.name}: {case.case_id} names the article {article_id!r}, which is "
                    "not in the index; index it, or correct the question"
                )
        for gold in case.evidence:
            if gold.quote not in articles[gold.article_id].text:
                raise SourceError(
                    f"{dataset.name}: {case.case_id} has evidence that does not stand in the "
                    f"article {gold.article_id!r}: {gold.quote[:60]!r}; copy it verbatim"
                )


def grouped(cases: Iterable[Case], about: Mapping[str, Sequence[str]]) -> tuple[Case, ...]:
    """The cases with their groups: those that share an article, directly or through others.

    `about` holds each case's articles, also those that an unanswerable one seems to be about.
    """
    cases = list(cases)
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root.setdefault(name, name) != name:
            name = root[name]
        return name

    for case in cases:
        first, *others = about.get(case.case_id) or [_question_id(case)]
        for other in others:
            one, two = sorted((find(first), find(other)))
            root[two] = one
    return tuple(
        replace(case, group=find((about.get(case.case_id) or [_question_id(case)])[0]))
        for case in cases
    )
