"""Records that everything else passes around."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

Language = Literal["ar", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True, slots=True)
class Article:
    """One stored news article.

    `text` is the author's words, unchanged but for whole lines of site chrome removed; every
    offset anywhere in Burhan counts characters of this string. `published` and `updated` are ISO
    dates (`2024-10-12`, or `2024-10` and `2024` where no more is known), empty when unknown.
    `source` is the outlet. `story_id` is shared by near-duplicate articles.
    """

    article_id: str
    language: Language
    title: str
    text: str
    source: str = ""
    url: str = ""
    published: str = ""
    updated: str = ""
    story_id: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A run of whole sentences: `article.text[start:end] == text`; `n_tokens` of the encoder."""

    chunk_id: str
    article_id: str
    language: Language
    ordinal: int
    text: str
    start: int
    end: int
    n_tokens: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found for a question. `rank` counts from 1; `score` is what it was ranked by.

    `scores` keeps each retriever's own number for explanation, `also_reported_by` the outlets of
    near-duplicate articles that this hit stands for.
    """

    chunk: Chunk
    article: Article
    score: float
    rank: int
    scores: Mapping[str, float] = field(default_factory=dict)
    also_reported_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """Restricts a search; an empty field does not restrict. Dates are inclusive.

    An article whose date is unknown, or known only to a month or year that is not wholly inside
    the range, does not pass a date filter.
    """

    sources: tuple[str, ...] = ()
    languages: tuple[Language, ...] = ()
    published_from: date | None = None
    published_to: date | None = None
    article_ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("sources", "languages", "article_ids"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise ValueError(f"Filters.{name} wants a tuple of strings, got {value!r}")
            object.__setattr__(self, name, tuple(value))
        unknown = set(self.languages) - set(LANGUAGES)
        if unknown:
            raise ValueError(f"Filters.languages knows {LANGUAGES}, got {sorted(unknown)}")
        if self.published_from and self.published_to and self.published_from > self.published_to:
            raise ValueError(
                f"Filters.published_from {self.published_from} is after "
                f"published_to {self.published_to}; swap them"
            )

    def __bool__(self) -> bool:
        return bool(
            self.sources
            or self.languages
            or self.published_from
            or self.published_to
            or self.article_ids
        )

    def accept(self, article: Article) -> bool:
        """Whether the article passes every restriction."""
        if self.sources and article.source not in self.sources:
            return False
        if self.languages and article.language not in self.languages:
            return False
        if self.article_ids and article.article_id not in self.article_ids:
            return False
        if not (self.published_from or self.published_to):
            return True
        if not article.published:
            return False
        first, last = days_of(article.published)
        after = not self.published_from or first >= self.published_from
        before = not self.published_to or last <= self.published_to
        return after and before


def days_of(published: str) -> tuple[date, date]:
    """First and last day that an ISO date of day, month or year precision may mean."""
    year, month, day = (*map(int, published.split("-")), 0, 0)[:3]
    if day:
        return date(year, month, day), date(year, month, day)
    last = month or 12
    return date(year, month or 1, 1), date(year, last, monthrange(year, last)[1])
