"""Questions with known answers, as JSON lines."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from index.errors import SourceError
from index.types import Language


@dataclass(frozen=True, slots=True)
class Case:
    """One question in one language.

    `article_ids` are the articles that answer it, none for an unanswerable one; `evidence` is the
    sentence of one of them that does, verbatim, where known.
    """

    case_id: str
    kind: str
    language: Language
    question: str
    answer: str
    article_ids: tuple[str, ...]
    evidence: str

    @property
    def answerable(self) -> bool:
        return bool(self.article_ids)


class QuestionRow(BaseModel):
    """One line: the question in one language or both, and what answers it."""

    model_config = ConfigDict(extra="forbid")

    case_id: str = Field(min_length=1)
    type: str = "fact"
    question: dict[Language, str] = Field(min_length=1)
    answer: dict[Language, str] = {}
    article_ids: list[str] = []
    evidence: str = ""

    @model_validator(mode="after")
    def _evidence_has_article(self) -> "QuestionRow":
        if self.evidence and not self.article_ids:
            raise ValueError("'evidence' is given, but no 'article_ids' that it stands in")
        return self


def read_questions(path: Path) -> list[Case]:
    """Every question of a file, one case for each language it is asked in.

    Raises:
        SourceError: The file cannot be read, or a line is not as `QuestionRow` says.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    cases = list(_cases(lines, str(path)))
    if not cases:
        raise SourceError(f"{path}: holds no questions; each line is one JSON object")
    return cases


def sample_questions() -> list[Case]:
    """The bundled questions on the bundled sample articles."""
    text = files("eval").joinpath("sample_questions.jsonl").read_text(encoding="utf-8")
    return list(_cases(text.split("\n"), "sample_questions.jsonl"))


def _cases(lines: Iterable[str], origin: str) -> Iterator[Case]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = QuestionRow.model_validate(json.loads(line))
        except (json.JSONDecodeError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            if isinstance(error, ValidationError):
                first = error.errors(include_url=False)[0]
                reason = f"{'.'.join(map(str, first['loc'])) or 'row'}: {first['msg']}"
            raise SourceError(f"{origin}:{number}: {reason}; correct the line") from error
        for language, question in row.question.items():
            yield Case(
                case_id=f"{row.case_id}.{language}",
                kind=row.type,
                language=language,
                question=question,
                answer=row.answer.get(language, ""),
                article_ids=tuple(row.article_ids),
                evidence=row.evidence,
            )
