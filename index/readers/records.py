"""What readers give and take: files with limits, raw articles, and what was skipped and why."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from index.types import Language

MAX_FILE_BYTES = 20_000_000
# Gzip makes text 3 to 20 times smaller; a file that grows more than this was made to.
MAX_EXPANSION = 200
MAX_TEXT_CHARS = 2_000_000
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class RawArticle:
    """What a file says of an article, before cleaning; empty where it says nothing.

    `row` counts the rows of `path` from 1, 0 where the file is one article. `article_id` is the
    one given, if any. `encoding` is what the bytes were taken for where that was not certain.
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
    author: str = ""
    encoding: str = ""
    is_page: bool = False

    @property
    def origin(self) -> str:
        """Where the article was read, for messages."""
        return f"{printable(self.path)}:{self.row}" if self.row else printable(self.path)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something that was not read: where it is, and one line saying why and what to do."""

    origin: str
    reason: str


class UnreadableError(Exception):
    """A file as a whole cannot be read; its text is the reason for the summary."""


@dataclass(frozen=True, slots=True)
class File:
    """A file given to a reader: whole in memory or as a stream, unpacked if it ends in .gz."""

    path: Path

    @property
    def is_packed(self) -> bool:
        return self.path.suffix.lower() == ".gz"

    @property
    def suffix(self) -> str:
        """The ending that tells the format, lower case: ".csv" of "a.csv" and "a.CSV.gz"."""
        return Path(self.path.stem if self.is_packed else self.path.name).suffix.lower()

    @property
    def stem(self) -> str:
        return Path(self.path.stem).stem if self.is_packed else self.path.stem

    def read_bytes(self, limit: int = MAX_FILE_BYTES) -> bytes:
        """The whole content.

        Raises:
            UnreadableError: It is over the limit, packed or unpacked.
        """
        with self.open() as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise UnreadableError(
                f"is over the limit of {limit:,} bytes{' unpacked' if self.is_packed else ''}; "
                "split it, or use JSON lines"
            )
        return data

    def open(self) -> BinaryIO:
        """The content as a stream, which raises `UnreadableError` for a broken or endless gzip."""
        if not self.is_packed:
            return self.path.open("rb")
        allowed = max(MAX_FILE_BYTES, MAX_EXPANSION * self.path.stat().st_size)
        return io.BufferedReader(_Unpacked(self.path, allowed), _PIECE)


class _Unpacked(io.RawIOBase):
    def __init__(self, path: Path, allowed: int) -> None:
        self._stream = gzip.open(path, "rb")  # noqa: SIM115 - closed with this
        self._left = allowed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            data = self._stream.read(min(len(buffer), _PIECE))
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise UnreadableError(f"is not a whole gzip file ({error}); copy it again") from error
        self._left -= len(data)
        if self._left < 0:
            raise UnreadableError(
                f"unpacks to more than {MAX_EXPANSION} times its size; "
                "unpack it yourself if you trust it"
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


Reader = Callable[[File], Iterator[RawArticle | Skipped]]


def printable(path: Path) -> str:
    """A path as one line of valid text; names on disk may be any bytes."""
    name = str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)


def one_line(error: Exception) -> str:
    """What an error says, short and in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:160]
