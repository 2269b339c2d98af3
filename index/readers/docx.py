"""Word files."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

from index.readers.records import (
    MAX_EXPANSION,
    File,
    RawArticle,
    Skipped,
    UnreadableError,
    one_line,
    printable,
)

MAX_DOCX_BYTES = 100_000_000


def read_docx(file: File) -> Iterator[RawArticle | Skipped]:
    """A Word file: paragraphs and tables in their order."""
    data = file.read_bytes()
    _check_zip(data)
    from docx import Document
    from docx.table import Table

    try:
        document = Document(io.BytesIO(data))
        lines = []
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                lines += [_row_text(row) for row in block.rows]
            else:
                lines.append(block.text)
        properties = document.core_properties
        title, author = properties.title, properties.author
    except Exception as error:  # python-docx raises whatever the XML made it meet
        raise UnreadableError(f"is not a Word file that can be read ({one_line(error)})") from error
    text = "\n".join(line.strip() for line in lines)
    if not text.strip():
        yield Skipped(printable(file.path), "the document holds no text")
        return
    yield RawArticle(
        text=text, title=title.strip(), author=author.strip(), path=file.path, is_page=True
    )


def _row_text(row: Any) -> str:
    # A merged cell is given once for every column that it spans.
    cells = {id(cell._tc): cell.text for cell in row.cells}
    return " | ".join(cells.values())


def _check_zip(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            size = sum(entry.file_size for entry in packed.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise UnreadableError(f"is not a Word file that can be read ({one_line(error)})") from error
    if size > min(MAX_DOCX_BYTES, MAX_EXPANSION * len(data)):
        raise UnreadableError(f"unpacks to {size:,} bytes, over the limit; no article does")
