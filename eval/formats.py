"""Reads datasets: our JSON lines, feedback from the chat, and what `public.py` knows."""

import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from eval.dataset import Case, Dataset, Gold, grouped
from eval.public import read_folder, read_lines, read_squad
from index.errors import SourceError
from index.normalize import detect_language
from index.types import Article, Language

SAMPLE = "sample"

Row = TypeVar("Row", bound=BaseModel)


class GoldRow(BaseModel):
    """Where an answer stands."""

    model_config = ConfigDict(extra="forbid")

    article_id: str = Field(min_length=1)
    quote: str = Field(min_length=1)


class QuestionRow(BaseModel):
    """One line of our format: a question in one language or both, and what answers it."""

    model_config = ConfigDict(extra="forbid")

    case_id: str = Field(min_length=1)
    type: str = "fact"
    split: Literal["", "dev", "test"] = ""
    question: dict[Language, str] = Field(min_length=1)
    answer: dict[Language, list[str]] = {}
    article_ids: list[str] = []
    about: list[str] = []
    evidence: list[GoldRow] = []

    @field_validator("answer", mode="before")
    @classmethod
    def _one_or_several(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {k: [v] if isinstance(v, str) else v for k, v in value.items()}

    @field_validator("answer")
    @classmethod
    def _not_blank(cls, value: dict[Language, list[str]]) -> dict[Language, list[str]]:
        if not all(text.strip() for texts in value.values() for text in texts):
            raise ValueError("an answer is blank; leave it out")
        return value

    @model_validator(mode="after")
    def _evidence_is_of_its_articles(self) -> "QuestionRow":
        strange = [g.article_id for g in self.evidence if g.article_id not in self.article_ids]
        if strange:
            raise ValueError(f"'evidence' names {strange[0]!r}, which 'article_ids' does not")
        if self.answer and not self.article_ids:
            raise ValueError("'answer' is given, but no 'article_ids' that it stands in")
        return self


class FeedbackRow(BaseModel):
    """One line of what the chat's users thought of an answer."""

    model_config = ConfigDict(extra="allow")

    question: str = Field(min_length=1)
    rating: str
    citations: list[GoldRow] = []

    @field_validator("citations", mode="before")
    @classmethod
    def _only_where(cls, value: object) -> object:
        if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
            return value
        names = ("article_id", "quote")
        return [{k: v for k, v in one.items() if k in names} for one in value]


def read_dataset(paths: Sequence[Path]) -> Dataset:
    """The set in one file or folder, or in several SQuAD-shaped files of parallel questions.

    Raises:
        SourceError: In one line: the file, what was found, what was wanted.
    """
    for path in paths:
        if not path.exists():
            raise SourceError(f"{path}: there is no such file or folder")
    if not paths:
        return sample_dataset()
    name = "+".join(path.name for path in paths)
    if all(path.suffix == ".json" for path in paths):
        return read_squad(name, paths)
    if len(paths) > 1:
        raise SourceError("several files are read together only when all are SQuAD-shaped .json")
    (path,) = paths
    if path.is_dir():
        return read_folder(path)
    lines = list(read_lines(path))
    first = next((line for line in lines if line.strip()), "")
    if '"rating"' in first:
        return Dataset(name, tuple(_feedback(lines, str(path))))
    return Dataset(name, tuple(_questions(lines, str(path))))


def sample_dataset() -> Dataset:
    """The bundled questions on the bundled sample articles."""
    text = files("eval").joinpath("sample_questions.jsonl").read_text(encoding="utf-8")
    cases = _questions(text.split("\n"), "sample_questions.jsonl")
    folder = files("index").joinpath("sample")
    rows = [
        json.loads(line)
        for language in ("ar", "en")
        for line in folder.joinpath(f"articles.{language}.jsonl").read_text("utf-8").splitlines()
        if line.strip()
    ]
    return Dataset(SAMPLE, tuple(cases), tuple(Article(**row) for row in rows))


def _rows(lines: Iterable[str], origin: str, shape: type[Row]) -> Iterator[tuple[int, Row]]:
    found = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield number, shape.model_validate(json.loads(line))
        except (json.JSONDecodeError, ValidationError) as error:
            reason = str(error).splitlines()[0]
            if isinstance(error, ValidationError):
                first = error.errors(include_url=False)[0]
                reason = f"{'.'.join(map(str, first['loc'])) or 'row'}: {first['msg']}"
            raise SourceError(f"{origin}:{number}: {reason}; correct the line") from error
        found = True
    if not found:
        raise SourceError(f"{origin}: holds no questions; each line is one JSON object")


def _questions(lines: Iterable[str], origin: str) -> tuple[Case, ...]:
    cases: dict[str, Case] = {}
    about: dict[str, Sequence[str]] = {}
    for number, row in _rows(lines, origin, QuestionRow):
        for language, question in row.question.items():
            case_id = f"{row.case_id}.{language}"
            if case_id in cases:
                raise SourceError(f"{origin}:{number}: case_id {row.case_id!r} was there before")
            about[case_id] = [*row.article_ids, *row.about]
            cases[case_id] = Case(
                case_id=case_id,
                kind=row.type,
                language=language,
                question=question,
                answers={name: tuple(answers) for name, answers in row.answer.items()},
                article_ids=tuple(row.article_ids),
                evidence=tuple(Gold(g.article_id, g.quote) for g in row.evidence),
                split=row.split,
            )
    return grouped(cases.values(), about)


def _feedback(lines: Iterable[str], origin: str) -> tuple[Case, ...]:
    """Answers that were liked: their citations are gold. What was disliked has no known gold."""
    cases = []
    for number, row in _rows(lines, origin, FeedbackRow):
        if row.rating == "up" and row.citations:
            golds = tuple(Gold(g.article_id, g.quote) for g in row.citations)
            articles = tuple(dict.fromkeys(g.article_id for g in golds))
            language = detect_language(row.question)
            case_id = f"feedback-{number}.{language}"
            cases.append(Case(case_id, "feedback", language, row.question, {}, articles, golds))
    if not cases:
        raise SourceError(f"{origin}: no answer with citations was liked; nothing to measure by")
    return grouped(cases, {case.case_id: case.article_ids for case in cases})
