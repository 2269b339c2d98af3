"""PDF files, each read in a process of its own, which a hostile file can only waste.

python -m index.readers.pdf < FILE      prints {"pages", "title", "author"} or {"error"}
"""

import io
import json
import logging
import os
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from index.readers.records import File, RawArticle, Skipped, UnreadableError, one_line, printable

MAX_PAGES = 500
MAX_SECONDS = 60
_MEMORY = 2_000_000_000

# Glyphs for the joined forms of Arabic letters, which some PDFs hold instead of the letters.
_PRESENTATION_FORMS = re.compile("[\ufb50-\ufdfb\ufe70-\ufefc]+")
_LINE_END = re.compile(r"[.!?؟:…][\"”»)\]]*$")
_ARABIC = re.compile("[\u0620-\u064a\ufb50-\ufdfb\ufe70-\ufefc]")
_LATIN = re.compile("[A-Za-z0-9]")
# Points between the baselines of what is still one line.
_SAME_LINE = 2.0
# Font sizes between the baselines of lines that are not of one paragraph.
_PARAGRAPH_GAP = 1.9
# A line much shorter than the others ends its paragraph.
_SHORT = 0.7


def read_pdf(file: File) -> Iterator[RawArticle | Skipped]:
    """A PDF file as one page of text."""
    data = file.read_bytes()
    if b"%PDF-" not in data[:1_024]:
        raise UnreadableError("is not a PDF file, whatever its name says")
    root = str(Path(__file__).parents[2])
    try:
        done = subprocess.run(
            # -P: what lies in the current folder is data, and is never imported.
            [sys.executable, "-P", "-m", __name__],
            input=data,
            capture_output=True,
            timeout=MAX_SECONDS,
            check=False,
            cwd=root,
            env={**os.environ, "PYTHONPATH": root, "PYTHONUTF8": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise UnreadableError(
            f"took over {MAX_SECONDS} s to read; print it to a new PDF"
        ) from error
    try:
        found = json.loads(done.stdout)
    except ValueError:
        found = {"error": "its reader ran out of memory or crashed"}
    if "error" in found:
        raise UnreadableError(f"is not a PDF that can be read ({found['error']})")
    text = "\n".join(_paragraphs(page) for page in found["pages"])
    if not text.strip():
        yield Skipped(
            printable(file.path), "the pages hold pictures, not text; read them with OCR first"
        )
        return
    yield RawArticle(
        text=text, title=found["title"], author=found["author"], path=file.path, is_page=True
    )


def _read(data: bytes) -> dict[str, Any]:
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return {"error": "it needs a password; save it without one"}
        if len(reader.pages) > MAX_PAGES:
            return {"error": f"it has {len(reader.pages):,} pages, over {MAX_PAGES}; split it"}
        information: Any = reader.metadata or {}
        return {
            "pages": [_page_text(page) for page in reader.pages],
            "title": str(information.get("/Title") or "").strip()[:500],
            "author": str(information.get("/Author") or "").strip()[:500],
        }
    except Exception as error:  # pypdf raises whatever the file made it meet
        return {"error": one_line(error)}


def _page_text(page: Any) -> str:
    """Text of a page, its right-to-left lines in reading order.

    Browsers write such a line's words from left to right, word processors as they are read; where
    the words of an Arabic line stand left to right, they are turned around.
    """
    lines: list[tuple[float, list[tuple[float, str]]]] = []

    def collect(text: str, cm: list[float], tm: list[float], _: Any, size: float) -> None:
        x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
        y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
        if not text.strip("\n"):
            return
        gap = abs(lines[-1][0] - y) if lines else 0.0
        if gap > _PARAGRAPH_GAP * abs(size * tm[3] * cm[3]):
            lines.append((y, []))
        if not lines or gap > _SAME_LINE:
            lines.append((y, []))
        lines[-1][1].append((x, text.replace("\n", " ")))

    plain = page.extract_text(visitor_text=collect)
    if not _ARABIC.search(plain):
        return str(plain)
    return "\n".join(_reading_order(parts) for _, parts in lines)


def _reading_order(parts: list[tuple[float, str]]) -> str:
    arabic = [x for x, text in parts if _ARABIC.search(text)]
    words = [text for _, text in parts]
    rising = sum(b > a for a, b in pairwise(arabic))
    if len(arabic) > 1 and 2 * rising > len(arabic) - 1:
        words.reverse()
        # Latin words and numbers run left to right even there.
        groups = groupby(words, lambda word: bool(_LATIN.search(word) or not word.strip()))
        words = []
        for is_latin, group in groups:
            some = list(group)
            words += some[::-1] if is_latin else some
    return re.sub(r"\s+(?=[.،؛:؟!»])", "", "".join(words))


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _paragraphs(page: str) -> str:
    """The lines of a page joined to paragraphs, joined Arabic forms as letters."""
    page = _PRESENTATION_FORMS.sub(lambda m: unicodedata.normalize("NFKC", m[0]), page)
    lines = [" ".join(line.split()) for line in page.replace("\0", "").split("\n")]
    width = max(map(len, lines), default=0)
    paragraphs: list[str] = []
    ended = True
    for line in lines:
        if not line:
            ended = True
            continue
        if ended:
            paragraphs.append(line)
        elif paragraphs[-1].endswith("-") and line[0].islower():
            paragraphs[-1] = paragraphs[-1][:-1] + line
        else:
            paragraphs[-1] += f" {line}"
        ended = len(line) < _SHORT * width or (
            bool(_LINE_END.search(line)) and len(line) < 0.9 * width
        )
    return "\n".join(paragraphs)


if __name__ == "__main__":
    logging.disable()
    _limit_memory()
    print(json.dumps(_read(sys.stdin.buffer.read())))  # noqa: T201 - what the parent reads
