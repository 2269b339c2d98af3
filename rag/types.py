"""What comes out of a question: evidence, citations and the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from index.types import Filters, Hit, Language
from rag.when import Period

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Query:
    """A question ready to be searched: `text` stands alone, without the conversation.

    `language` is that of the answer. Relative dates count from `as_of`; `period` is what the
    question says of time, already in `filters` where it is strict; `chosen` are the filters
    without it; `latest` asks for the newest.
    """

    question: str
    text: str
    language: Language
    filters: Filters = field(default_factory=Filters)
    chosen: Filters = field(default_factory=Filters)
    history: "History" = ()
    as_of: date = field(default_factory=date.today)
    period: Period | None = None
    latest: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sentence, or a run of sentences, inside a hit's chunk: the article's text[start:end].

    `score` is between 0 and 1 and compares across languages.
    """

    marker: int
    hit: Hit
    start: int
    end: int
    quote: str
    score: float


@dataclass(frozen=True, slots=True)
class Citation:
    """What a marker [n] of an answer stands for; `quote` is the article's text[start:end]."""

    marker: int
    article_id: str
    chunk_id: str
    title: str
    source: str
    url: str
    published: str
    language: Language
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Nearest:
    """An article near the question, where none answers it."""

    article_id: str
    title: str
    source: str
    url: str
    published: str
    language: Language


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer in the question's language, every marker of whose text has its citation.

    `confidence` (0 to 1) says how likely the articles hold the answer; `refused` that it was too
    low, and the text then says so, and `nearest` names articles that come near. `timings` are
    seconds by stage. `standalone` is the question as it was searched. `note` is the line of the
    text that says why a language model did not write it, if that is so. `usage` holds the model's
    tokens and cost, and how many of its statements were removed or marked.
    """

    question: str
    language: Language
    text: str
    citations: tuple[Citation, ...]
    evidence: tuple[Evidence, ...]
    refused: bool
    confidence: float
    engine: str
    timings: Mapping[str, float] = field(default_factory=dict)
    standalone: str = ""
    note: str = ""
    nearest: tuple[Nearest, ...] = ()
    usage: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; `version` changes when a field changes its meaning or goes."""
        return {
            "version": SCHEMA_VERSION,
            "question": self.question,
            "language": self.language,
            "text": self.text,
            "citations": [asdict(citation) for citation in self.citations],
            "evidence": [_evidence_dict(evidence) for evidence in self.evidence],
            "refused": self.refused,
            "confidence": round(self.confidence, 4),
            "engine": self.engine,
            "timings": {stage: round(seconds, 4) for stage, seconds in self.timings.items()},
            "standalone": self.standalone,
            "note": self.note,
            "nearest": [asdict(one) for one in self.nearest],
            "usage": dict(self.usage),
        }


@dataclass(frozen=True, slots=True)
class Turn:
    """An earlier exchange of a conversation."""

    question: str
    answer: str = ""


History = Sequence[Turn | tuple[str, str]]


def _evidence_dict(evidence: Evidence) -> dict[str, Any]:
    return {
        "marker": evidence.marker,
        "article_id": evidence.hit.chunk.article_id,
        "chunk_id": evidence.hit.chunk.chunk_id,
        "start": evidence.start,
        "end": evidence.end,
        "quote": evidence.quote,
        "score": round(evidence.score, 4),
        "also_reported_by": list(evidence.hit.also_reported_by),
        "scores": {name: round(score, 4) for name, score in evidence.hit.scores.items()},
    }
