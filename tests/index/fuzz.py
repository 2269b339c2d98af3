"""Feeds hostile files to every reader, the cleaner and the chunker.

    python -m tests.index.fuzz --inputs 10000

Whole files of every format are mutated: bytes flipped, cut, repeated, spliced with markup, control
characters, marks of direction and other encodings. Nothing may raise, hang, or break an offset.
"""

import argparse
import gzip
import io
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from index.chunk import chunk_article
from index.clean import clean_page
from index.dates import parse_date
from index.ingest import storable
from index.normalize import detect_language, search_terms
from index.readers import RawArticle, Skipped, read_file
from index.types import Article
from tests.conftest import SAMPLE

SECONDS = 20
# Each PDF is read in a process of its own, a third of a second; fewer of those.
_FORMATS = {
    "txt": 16, "md": 8, "html": 24, "docx": 8, "jsonl": 14, "csv": 10, "rss": 12, "gz": 7, "pdf": 1,
}  # fmt: skip
# fmt: off
_BITS = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"<", b"<div>" * 200, b"</p>", b"&#x0;", b"<!--",
    b"]]>", b'"', b"\\", b"{", b"[" * 500, b"\r", b"\n" * 50, b",", b"<script>", b"\\ud800",
    b"\xe2\x80\xae", b"\xe2\x80\x8f", b"\xd9", b"\xed\xa0\x80", b"\xf0\x9f\x87\xb8",
    b"a" * 5_000, b" " * 5_000, b"." * 3_000, "،".encode() * 1_000, "د. ".encode() * 500,
    "اقرأ:".encode(),
)
# fmt: on


def seeds() -> dict[str, bytes]:
    """One whole file of each format."""
    import docx

    rows = (SAMPLE / "articles.ar.jsonl").read_bytes().split(b"\n")[:4]
    text = "\n".join(json.loads(row)["text"] for row in rows)
    paragraphs = "".join(f"<p>{line}</p>" for line in text.split("\n"))
    document, packed = docx.Document(), io.BytesIO()
    for line in text.split("\n"):
        document.add_paragraph(line)
    document.save(packed)
    item = f"<item><title>خبر</title><description>{paragraphs}</description></item>"
    return {
        "txt": text.encode(),
        "md": f"# عنوان\n{text}".encode(),
        "html": f"<html><head><title>خبر</title></head><article>{paragraphs}</article>".encode(),
        "docx": packed.getvalue(),
        "jsonl": b"\n".join(rows),
        "csv": f'title,text\nخبر,"{text}"\nآخر,نص\n'.encode(),
        "rss": f'<rss version="2.0"><channel><title>x</title>{item * 3}</channel></rss>'.encode(),
        "gz": gzip.compress(b"\n".join(rows)),
        "pdf": _pdf(),
    }


def _pdf() -> bytes:
    from pypdf import PdfWriter

    writer, data = PdfWriter(), io.BytesIO()
    writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": "a title"})
    writer.write(data)
    return data.getvalue()


def mutate(data: bytes, generator: random.Random) -> bytes:
    """The data with up to eight things wrong with it."""
    changed = bytearray(data)
    for _ in range(generator.randint(1, 8)):
        at = generator.randrange(len(changed) + 1)
        match generator.randrange(6):
            case 0:
                changed[at:at] = generator.choice(_BITS)
            case 1:
                del changed[at : at + generator.randint(1, 400)]
            case 2 if changed:
                changed[min(at, len(changed) - 1)] ^= 1 << generator.randrange(8)
            case 3:
                changed[at:at] = changed[at : at + generator.randint(1, 2_000)]
            case 4:
                changed[at:at] = generator.randbytes(generator.randint(1, 60))
            case _:
                name = generator.choice(("utf-16", "windows-1256", "iso-8859-6"))
                changed = bytearray(changed.decode("utf-8", "replace").encode(name, "ignore"))
    return bytes(changed)


def check(path: Path) -> Counter[str]:
    """Reads a file to chunks, and makes sure of every offset."""
    outcomes: Counter[str] = Counter()
    for found in read_file(path):
        if isinstance(found, Skipped):
            assert "\n" not in found.reason
            found.reason.encode()
            outcomes["skipped"] += 1
            continue
        outcomes["read"] += 1
        check_article(found)
    return outcomes


def check_article(found: RawArticle) -> None:
    """Cleans and cuts one article; every chunk is where it says."""
    page = clean_page(found.text, found.title) if found.is_page else None
    text = storable(page.text if page else found.text)
    text.encode()
    for date in (found.published, found.updated, page.published if page else ""):
        assert date == parse_date(date)
    if not text.strip():
        return
    assert all(line.strip() in found.text for line in text.split("\n") if "\ufffd" not in line)
    article = Article("a", detect_language(text), found.title, text)
    chunks = chunk_article(article, lambda texts: [len(t.split()) for t in texts], 256)
    end = 0
    for chunk in chunks:
        assert text[chunk.start : chunk.end] == chunk.text
        assert not text[end : chunk.start].strip()
        end = chunk.end
    assert not text[end:].strip()
    search_terms(text)


def run(n_inputs: int, seed: int = 0, show: Callable[[str], None] = lambda _: None) -> Counter[str]:
    """Checks that many mutated files.

    Raises:
        AssertionError: Naming the seed and number of the input that broke something.
    """
    whole, outcomes = seeds(), Counter[str]()
    kinds = [kind for kind, weight in _FORMATS.items() for _ in range(weight)]
    previous = signal.signal(signal.SIGALRM, _too_long)
    slowest = 0.0
    try:
        with tempfile.TemporaryDirectory(prefix="burhan-fuzz-") as folder:
            for number in range(n_inputs):
                generator = random.Random(f"{seed} {number}")
                kind = generator.choice(kinds)
                name = {"gz": "a.jsonl.gz"}.get(kind, f"a.{kind}")
                path = Path(folder) / name
                path.write_bytes(mutate(whole[kind], generator))
                began = time.monotonic()
                signal.alarm(SECONDS)
                try:
                    outcomes += check(path)
                except BaseException as error:
                    raise AssertionError(f"input {number} of seed {seed} ({kind})") from error
                finally:
                    signal.alarm(0)
                slowest = max(slowest, time.monotonic() - began)
                if number % 500 == 499:
                    show(f"{number + 1} inputs, slowest {slowest:.1f} s, {dict(outcomes)}")
    finally:
        signal.signal(signal.SIGALRM, previous)
    return outcomes


def _too_long(_: int, __: FrameType | None) -> None:
    raise TimeoutError(f"over {SECONDS} s")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    run(arguments.inputs, arguments.seed, lambda line: sys.stderr.write(line + "\n"))


if __name__ == "__main__":
    main()
