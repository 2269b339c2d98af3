"""What users thought of answers, as JSON lines that `burhan eval` reads."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field

import rag

_MAX_BYTES = 50_000_000
_Short = Annotated[str, Field(max_length=2_000)]
_Long = Annotated[str, Field(max_length=100_000)]


class CitationBody(BaseModel):
    """Where a quote of the rated answer stands."""

    model_config = ConfigDict(extra="ignore")

    article_id: _Short
    quote: _Long
    start: int = Field(ge=0)
    end: int = Field(ge=0)


class RatingBody(BaseModel):
    """A rating of one answer, `none` to take it back; `rating_id` is the page's own."""

    model_config = ConfigDict(extra="forbid")

    rating_id: _Short = Field(min_length=1)
    rating: Literal["up", "down", "none"]
    comment: _Short = ""
    question: _Long = Field(min_length=1)
    answer: _Long = ""
    refused: bool = False
    confidence: float = Field(0, ge=0, le=1)
    engine: _Short = ""
    filters: dict[str, Any] = {}
    citations: list[CitationBody] = Field([], max_length=100)


class Feedback:
    """One file beside the index its article ids belong to; the last rating of an answer counts."""

    def __init__(self, assistant: "rag.Assistant", path: Path | None = None) -> None:
        self._assistant = assistant
        self.path = path or assistant.store.folder / "feedback.jsonl"

    def rate(self, body: RatingBody) -> bool:
        """Notes the rating in the place of an earlier one; False when the file is full."""
        row = body.model_dump()
        row["time"] = datetime.now(UTC).isoformat(timespec="seconds")
        row["citations"] = [one.model_dump() for one in body.citations if self._is_verbatim(one)]
        with FileLock(self.path.with_suffix(".lock")):
            lines = self._other_lines(body.rating_id)
            if body.rating != "none":
                lines.append(json.dumps(row, ensure_ascii=False))
            text = "".join(f"{line}\n" for line in lines).encode()
            if len(text) > _MAX_BYTES:
                return False
            new = self.path.with_suffix(".new")
            new.write_bytes(text)
            os.replace(new, self.path)
        return True

    def _other_lines(self, rating_id: str) -> list[str]:
        if not self.path.exists():
            return []
        lines = self.path.read_text(encoding="utf-8").split("\n")
        return [line for line in lines if line and json.loads(line)["rating_id"] != rating_id]

    def _is_verbatim(self, citation: CitationBody) -> bool:
        """Whether the quote stands there: what the page sends could be anything."""
        article = self._assistant.store.snapshot().article(citation.article_id)
        return article is not None and article.text[citation.start : citation.end] == citation.quote
