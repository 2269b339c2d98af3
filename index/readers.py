"""Files of articles: text, Markdown, HTML, JSON lines and CSV.

A reader turns one file into `RawArticle`s and `Skipped`s and never raises for what a file holds:
one bad row or file must not cost the rest. Register another format with `register_reader`.
"""

import codecs
import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from index import metadata
from index.errors import SourceError
from index.types import Language

MAX_FILE_BYTES = 20_000_000
MAX_ROW_BYTES = 5_000_000
MAX_TEXT_CHARS = 2_000_000


@dataclass(frozen=True, slots=True)
class RawArticle:
    """What a file says of an article, before cleaning; empty where it says nothing.

    `row` counts the rows of `path` from 1, 0 where the file is one article. `article_id` is the
    one given, if any.
    `is_page` marks text of a web page, whose site chrome is still in it.
    """

    text: str
    path: Path
    row: int = 0
    article_id: str = ""
    title: str = ""
    language: Language | None = None
    source: str = ""
    url: str = ""
    published: str = ""
    updated: str = ""
    is_page: bool = False

    @property
    def origin(self) -> str:
        """Where the article was read, for messages."""
        return f"{self.path}:{self.row}" if self.row else str(self.path)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was not read: where it is, and one line saying why and what to do."""

    origin: str
    reason: str


Reader = Callable[[Path], Iterator[RawArticle | Skipped]]


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
        date = metadata.parse_date(value) if value else ""
        if value and not date:
            raise ValueError(f"{value!r} is not a date; write it as YYYY-MM-DD or leave it empty")
        return date

    @field_validator("*", mode="before")
    @classmethod
    def _null_is_empty(cls, value: object) -> object:
        return "" if value is None else value.replace("\0", "") if isinstance(value, str) else value


def read_sources(sources: Iterable[Path]) -> Iterator[RawArticle | Skipped]:
    """Every article of the files and folders, folders walked recursively in sorted order.

    Raises:
        SourceError: A source does not exist; checked for all of them before the first is read.
    """
    sources = list(sources)
    for source in sources:
        if not source.exists():
            raise SourceError(f"{source}: no such file or folder; check the path")
    return _read_sources(sources)


def _read_sources(sources: list[Path]) -> Iterator[RawArticle | Skipped]:
    for source in sources:
        if source.is_dir():
            files = [p for p in sorted(source.rglob("*")) if p.is_file() and not _hidden(p, source)]
            if not files:
                yield Skipped(str(source), "the folder holds no files")
            for path in files:
                yield from read_file(path)
        else:
            yield from read_file(source)


def read_file(path: Path) -> Iterator[RawArticle | Skipped]:
    """The articles of one file, by its ending."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = " ".join(sorted(_READERS))
        ending = path.suffix or "no ending"
        yield Skipped(str(path), f"{ending} is not a format Burhan reads ({known})")
        return
    try:
        if path.stat().st_size == 0:
            yield Skipped(str(path), "the file is empty")
            return
        yield from reader(path)
    except OSError as error:
        yield Skipped(
            str(path), f"cannot be read: {error.strerror or error}; check its permissions"
        )
    except _UnreadableError as error:
        yield Skipped(str(path), str(error))


def register_reader(suffix: str, reader: Reader) -> None:
    """Reads files ending in `suffix` (such as ".xml") with `reader`, from now on."""
    if not re.fullmatch(r"\.[a-z0-9]+", suffix):
        raise ValueError(f"a suffix looks like '.xml', got {suffix!r}")
    _READERS[suffix] = reader


class _UnreadableError(Exception):
    """The file as a whole cannot be read; its text is the reason for the summary."""


def _read_text(path: Path) -> Iterator[RawArticle | Skipped]:
    yield RawArticle(text=_decode(_read_bytes(path)), path=path, is_page=True)


def _read_markdown(path: Path) -> Iterator[RawArticle | Skipped]:
    text, title = _decode(_read_bytes(path)), ""
    heading = re.match(r"\s*#\s+(.+?)\s*#*\s*(?:\n|$)", text)
    if heading:
        text, title = text[heading.end() :], heading[1]
    yield RawArticle(text=text, title=title, path=path, is_page=True)


def _read_html(path: Path) -> Iterator[RawArticle | Skipped]:
    page = metadata.read_page(_read_bytes(path))
    if page is None:
        yield Skipped(str(path), "no article text was found in the page")
        return
    yield RawArticle(path=path, is_page=True, **page)


def _read_jsonl(path: Path) -> Iterator[RawArticle | Skipped]:
    for number, line in enumerate(_lines(path), 1):
        origin = f"{path}:{number}"
        if line is None:
            yield Skipped(origin, f"the line is over {MAX_ROW_BYTES:,} bytes; one article a line")
            continue
        try:
            text = _decode(line).strip()
            if text:
                yield _from_row(json.loads(text), path, number)
        except _UnreadableError as error:
            yield Skipped(origin, str(error))
        except (ValueError, RecursionError) as error:
            yield Skipped(origin, f"is not JSON ({error}); each line is one JSON object")


def _read_csv(path: Path) -> Iterator[RawArticle | Skipped]:
    text = _decode(_read_bytes(path))
    csv.field_size_limit(MAX_ROW_BYTES)
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    columns = [c or "" for c in rows.fieldnames or ()]
    if "text" not in columns:
        found = ", ".join(columns)[:200]
        wanted = ", ".join(ArticleRow.model_fields)
        raise _UnreadableError(f"the columns are '{found}'; 'text' is needed, of {wanted}")
    try:
        for number, row in enumerate(rows, 1):
            known = {k: v for k, v in row.items() if k in ArticleRow.model_fields}
            yield _from_row(known, path, number)
    except csv.Error as error:
        yield Skipped(
            f"{path}:{rows.line_num}", f"is not CSV ({error}); the rows after it were not read"
        )


def _from_row(row: Any, path: Path, number: int) -> RawArticle | Skipped:
    origin = f"{path}:{number}"
    if not isinstance(row, dict):
        return Skipped(origin, f"is a JSON {type(row).__name__}; each line is one JSON object")
    try:
        return RawArticle(path=path, row=number, **ArticleRow.model_validate(row).model_dump())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] in ("missing", "string_too_short"):
            return Skipped(origin, f"has no '{name}'; every row needs one")
        return Skipped(origin, f"'{name}': {first['msg'].removeprefix('Value error, ')}")


def _read_bytes(path: Path) -> bytes:
    size = path.stat().st_size
    if size > MAX_FILE_BYTES:
        raise _UnreadableError(
            f"is {size:,} bytes, over the limit of {MAX_FILE_BYTES:,}; split it, or use JSON lines"
        )
    return path.read_bytes()


def _decode(data: bytes) -> str:
    """Text of UTF-8, or of UTF-16 with its mark, with Unix line ends."""
    encoding = (
        "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    )
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        found = data[error.start : error.start + 1].hex()
        raise _UnreadableError(
            f"is not valid UTF-8 (byte 0x{found} at {error.start:,}); save it as UTF-8"
        ) from error
    if "\0" in text:
        raise _UnreadableError("looks like a binary file, not text")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _lines(path: Path) -> Iterator[bytes | None]:
    """Lines of a file of any size; None for one over the limit, which is passed over unread."""
    with path.open("rb") as file:
        while line := file.readline(MAX_ROW_BYTES):
            if len(line) == MAX_ROW_BYTES and not line.endswith(b"\n"):
                while (rest := file.readline(MAX_ROW_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield None
            else:
                yield line


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


_READERS: dict[str, Reader] = {
    ".txt": _read_text,
    ".md": _read_markdown,
    ".html": _read_html,
    ".htm": _read_html,
    ".jsonl": _read_jsonl,
    ".csv": _read_csv,
}
