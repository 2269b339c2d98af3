"""One article a row: JSON lines and CSV."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from index.dates import parse_date
from index.readers.records import (
    MAX_TEXT_CHARS,
    File,
    RawArticle,
    Skipped,
    UnreadableError,
    printable,
)
from index.readers.text import decode
from index.types import Language

MAX_ROW_BYTES = 5_000_000
# A file of another kind under this name is given up, rather than complained of line by line.
MAX_BAD_ROWS = 1_000


class ArticleRow(BaseModel):
    """One row of JSON lines or CSV, as strangers write them."""

    model_config = ConfigDict(str_strip_whitespace=True, coerce_numbers_to_str=True)

    text: str = Field(min_length=1, max_length=MAX_TEXT_CHARS)
    article_id: str = Field("", max_length=200)
    title: str = Field("", max_length=2_000)
    language: Language | None = None
    source: str = Field("", max_length=500)
    url: str = Field("", max_length=4_000)
    published: str = ""
    updated: str = ""
    author: str = Field("", max_length=500)

    @field_validator("language", mode="before")
    @classmethod
    def _primary_language(cls, value: object) -> object:
        """Take "en-GB" for English, and an empty cell for a language to detect."""
        return (
            re.split(r"[-_]", value.strip().lower())[0] or None if isinstance(value, str) else value
        )

    @field_validator("published", "updated")
    @classmethod
    def _iso_date(cls, value: str) -> str:
        date = parse_date(value[:200]) if value else ""
        if value and not date:
            shown = value if len(value) <= 60 else value[:60] + "…"
            raise ValueError(f"{shown!r} is not a date; write it as YYYY-MM-DD or leave it empty")
        return date

    @field_validator("*", mode="before")
    @classmethod
    def _null_is_empty(cls, value: object) -> object:
        return "" if value is None else value.replace("\0", "") if isinstance(value, str) else value


def read_jsonl(file: File) -> Iterator[RawArticle | Skipped]:
    """A JSON object a line; the file may be of any size."""
    n_bad = 0
    for number, line in enumerate(_lines(file), 1):
        if line is not None and not line.strip():
            continue
        found = _read_line(line, file, number)
        yield found
        n_bad = n_bad + 1 if isinstance(found, Skipped) else 0
        _give_up(n_bad, number)


def _read_line(line: bytes | None, file: File, number: int) -> RawArticle | Skipped:
    origin = f"{printable(file.path)}:{number}"
    if line is None:
        return Skipped(origin, f"the line is over {MAX_ROW_BYTES:,} bytes; one article a line")
    try:
        text, encoding = decode(line)
        return _from_row(json.loads(text), file, number, encoding)
    except UnreadableError as error:
        return Skipped(origin, str(error))
    except (ValueError, RecursionError) as error:
        return Skipped(origin, f"is not JSON ({error}); each line is one JSON object")


def read_csv(file: File) -> Iterator[RawArticle | Skipped]:
    """A table with a header row."""
    text, encoding = decode(file.read_bytes())
    csv.field_size_limit(MAX_ROW_BYTES)
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [c or "" for c in rows.fieldnames or ()]
        if "text" not in columns:
            found = ", ".join(columns)[:200]
            wanted = ", ".join(ArticleRow.model_fields)
            raise UnreadableError(f"the columns are '{found}'; 'text' is needed, of {wanted}")
        n_bad = 0
        for number, row in enumerate(rows, 1):
            known = {k: v for k, v in row.items() if k in ArticleRow.model_fields}
            read = _from_row(known, file, number, encoding)
            yield read
            n_bad = n_bad + 1 if isinstance(read, Skipped) else 0
            _give_up(n_bad, number)
    except csv.Error as error:
        yield Skipped(
            f"{printable(file.path)}:{rows.line_num}",
            f"is not CSV ({error}); the rows after it were not read",
        )


def _give_up(n_bad: int, number: int) -> None:
    if n_bad == MAX_BAD_ROWS:
        raise UnreadableError(
            f"has {n_bad:,} rows in a row that cannot be read; those after row {number:,} "
            "were not tried"
        )


def _from_row(row: Any, file: File, number: int, encoding: str) -> RawArticle | Skipped:
    origin = f"{printable(file.path)}:{number}"
    if not isinstance(row, dict):
        return Skipped(origin, f"is a JSON {type(row).__name__}; each line is one JSON object")
    try:
        fields = ArticleRow.model_validate(row).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] in ("missing", "string_too_short"):
            return Skipped(origin, f"has no '{name}'; every row needs one")
        return Skipped(origin, f"'{name}': {first['msg'].removeprefix('Value error, ')}")
    return RawArticle(path=file.path, row=number, encoding=encoding, **fields)


def _lines(file: File) -> Iterator[bytes | None]:
    """Lines of a file of any size; None for one over the limit, which is passed over unread."""
    with file.open() as stream:
        while line := stream.readline(MAX_ROW_BYTES):
            if len(line) == MAX_ROW_BYTES and not line.endswith(b"\n"):
                while (rest := stream.readline(MAX_ROW_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield None
            else:
                yield line
