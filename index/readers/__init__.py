"""Files of articles: text, Markdown, HTML, PDF, Word, JSON lines, CSV and feeds, gzip of them.

A reader turns one file into `RawArticle`s and `Skipped`s and never raises for what a file holds:
one bad row or file must not cost the rest. Register another format with `register_reader`.
"""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from index.errors import SourceError
from index.readers.docx import read_docx
from index.readers.pdf import read_pdf
from index.readers.records import (
    MAX_FILE_BYTES,
    File,
    RawArticle,
    Reader,
    Skipped,
    UnreadableError,
    one_line,
    printable,
)
from index.readers.rows import read_csv, read_jsonl
from index.readers.text import read_markdown, read_text
from index.readers.web import read_feed, read_html

__all__ = [
    "MAX_FILE_BYTES",
    "File",
    "RawArticle",
    "Reader",
    "Skipped",
    "UnreadableError",
    "count_articles",
    "printable",
    "read_file",
    "read_sources",
    "register_reader",
]

_READERS: dict[str, Reader] = {
    ".txt": read_text,
    ".md": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
    ".jsonl": read_jsonl,
    ".csv": read_csv,
    ".xml": read_feed,
    ".rss": read_feed,
    ".atom": read_feed,
}


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


def count_articles(sources: Iterable[Path]) -> int:
    """About how many articles there are, for showing progress: files, and lines of row files."""
    total = 0
    for source in sources:
        for path in _files(source, []) if source.is_dir() else [source]:
            file = File(path)
            try:
                by_line = file.suffix in (".jsonl", ".csv") and path.is_file()
                total += _count_lines(file) if by_line else 1
            except (OSError, UnreadableError):
                total += 1
    return total


def _count_lines(file: File) -> int:
    with file.open() as stream:
        return sum(piece.count(b"\n") for piece in iter(lambda: stream.read(1 << 20), b"")) or 1


def _read_sources(sources: list[Path]) -> Iterator[RawArticle | Skipped]:
    for source in sources:
        if not source.is_dir():
            yield from read_file(source)
            continue
        n_files = 0
        errors: list[OSError] = []
        for path in _files(source, errors):
            n_files += 1
            if path.is_symlink() and not path.resolve().is_relative_to(source.resolve()):
                yield Skipped(printable(path), "links to a file outside the folder; give that file")
            else:
                yield from read_file(path)
        for error in errors:
            place, why = printable(Path(error.filename or source)), error.strerror or error
            yield Skipped(place, f"cannot be read: {why}; check its permissions")
        if not n_files and not errors:
            yield Skipped(printable(source), "the folder holds no files")


def _files(folder: Path, errors: list[OSError]) -> Iterator[Path]:
    """Files below the folder, in the order of their names; hidden ones and linked folders left.

    What kept a folder from being read is added to `errors`.
    """
    for parent, folders, names in os.walk(folder, onerror=errors.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith("."):
                yield Path(parent, name)


def read_file(path: Path) -> Iterator[RawArticle | Skipped]:
    """The articles of one file, by its ending."""
    file = File(path)
    reader = _READERS.get(file.suffix)
    if reader is None:
        known = " ".join(sorted(_READERS))
        ending = file.suffix or "no ending"
        yield Skipped(
            printable(path), f"{ending} is not a format Burhan reads ({known}, and .gz of them)"
        )
        return
    try:
        if not path.is_file():
            yield Skipped(printable(path), "is not a file, but a device, pipe or broken link")
        elif path.stat().st_size == 0:
            yield Skipped(printable(path), "the file is empty")
        else:
            yield from _guarded(reader, file)
    except UnreadableError as error:
        yield Skipped(printable(path), str(error))
    except OSError as error:
        yield Skipped(
            printable(path), f"cannot be read: {error.strerror or error}; check its permissions"
        )


def _guarded(reader: Reader, file: File) -> Iterator[RawArticle | Skipped]:
    """What the reader yields; an error of its own becomes one of the file."""
    found = iter(reader(file))
    while True:
        try:
            one = next(found)
        except StopIteration:
            return
        except (UnreadableError, OSError):
            raise
        except Exception as error:  # a user's own reader may raise anything
            raise UnreadableError(f"its reader failed ({one_line(error)})") from error
        yield one


def register_reader(suffix: str, reader: Reader) -> None:
    """Reads files ending in `suffix` (such as ".odt") with `reader`, from now on.

    The reader gets a `File` and yields a `RawArticle` for each article and a `Skipped` for what
    it cannot read; it may raise `UnreadableError` for the whole file. Gzip is unpacked for it.

    >>> def read_notes(file):
    ...     text = file.read_bytes().decode()
    ...     yield RawArticle(text=text, path=file.path, title=file.stem)
    >>> register_reader(".notes", read_notes)
    """
    if not re.fullmatch(r"\.[a-z0-9]+", suffix):
        raise ValueError(f"a suffix looks like '.odt', got {suffix!r}")
    _READERS[suffix] = reader
