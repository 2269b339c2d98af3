"""Speed and size, as ratios measured in one run.

    python -m eval.speed DATA --report docs/speed.md

The plain way is sentence-transformers in full precision, `encode(batch_size=32)`, on the same
texts. Larger indexes are made by repeating a real one's chunks with noise on their vectors.
"""

import argparse
import gzip
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

import rag
from index import derived, e5
from index.catalogue import FILE_NAME, Catalogue
from index.chunk import chunk_article
from index.encoder import Encoder, open_encoder, unit
from index.ingest import CHUNK_TOKENS, index_sources
from index.types import Article
from rag.settings import Settings

_N_ARTICLES = 1_500
_SIZES = (13_000, 100_000)
_N_QUESTIONS = 200


def main() -> None:
    """Measures and prints the table; with --serve it is the process whose memory is measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with ant/ and questions/")
    parser.add_argument("--report", type=Path, help="where to write the Markdown table")
    parser.add_argument("--articles", type=int, default=_N_ARTICLES)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        print(json.dumps(serve(arguments.serve, _questions(arguments.data))))
        return
    with tempfile.TemporaryDirectory(prefix="burhan-speed-") as folder:
        rows = measure(arguments.data, Path(folder), arguments.articles)
    table = "| what | value |\n|---|---|\n" + "".join(f"| {a} | {b} |\n" for a, b in rows)
    print(table)
    if arguments.report:
        arguments.report.write_text(table, encoding="utf-8")


def measure(data: Path, folder: Path, n_articles: int) -> list[tuple[str, str]]:
    """Rows of (what, value)."""
    articles = list(islice(_articles(data), n_articles))
    source = folder / "articles.jsonl"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in articles))
    encoder = open_encoder()
    texts = _chunk_texts(articles, encoder)
    rows = [("texts", f"{len(texts):,} chunks of {len(articles):,} articles")]

    plain = e5.load_sentence_transformer(e5.TRAINED_FOLDER)
    plain.encode(texts[:32], batch_size=32)
    plain_seconds = _seconds(lambda: plain.encode(texts, prompt_name="passage", batch_size=32))
    fast_seconds = _seconds(lambda: list(encoder.encode(texts, "passage")))
    index = folder / "index"
    index_seconds = _seconds(lambda: index_sources([source], index, encoder))
    rows += [
        ("plain encoding", f"{len(texts) / plain_seconds:.1f} chunks/s"),
        ("encoding, times faster than plain", f"{plain_seconds / fast_seconds:.2f}"),
        ("whole indexing, share of plain encoding's time", f"{index_seconds / plain_seconds:.2f}"),
        ("index size per chunk", f"{_size(index) / len(texts) / 1000:.1f} kB"),
    ]
    medians = {}
    for size in _SIZES:
        enlarge(index, size)
        done = subprocess.run(
            [sys.executable, "-m", "eval.speed", str(data), "--serve", str(index)],
            capture_output=True,
            text=True,
            check=True,
        )
        served = json.loads(done.stdout)
        medians[size] = served["search_ms"]
        rows += [
            (f"search, median, {size:,} chunks", f"{served['search_ms']:.0f} ms"),
            (f"ask, median, {size:,} chunks", f"{served['ask_ms']:.0f} ms"),
            (f"resident memory, {size:,} chunks", f"{served['rss_mb']:,.0f} MB"),
        ]
    ratio = medians[_SIZES[1]] / medians[_SIZES[0]]
    rows.append(("search, times slower at 100,000 than at 13,000 chunks", f"{ratio:.2f}"))
    return rows


def serve(index: Path, questions: Sequence[str]) -> dict[str, float]:
    """Median milliseconds of search and ask, and the peak resident memory of this process."""
    assistant = rag.open(index, Settings(min_confidence=0))
    for question in questions[:10]:
        assistant.ask(question)
    search = [_seconds(partial(assistant.search, question)) for question in questions]
    ask = [_seconds(partial(assistant.ask, question)) for question in questions]
    return {
        "search_ms": 1000 * statistics.median(search),
        "ask_ms": 1000 * statistics.median(ask),
        "rss_mb": _peak_resident_kb() / 1000,
    }


def _peak_resident_kb() -> int:
    # Not getrusage: its peak starts from that of the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def enlarge(folder: Path, n_chunks: int) -> None:
    """Repeats an index's rows under other ids, with noise on their vectors, and publishes."""
    generator = np.random.default_rng(0)
    catalogue = Catalogue(folder, write=True)
    missing = n_chunks - catalogue.counts()["chunks"]
    with sqlite3.connect(folder / FILE_NAME) as db:
        originals = db.execute(
            "SELECT a.row, c.row, e.vector, e.tokens FROM chunks c JOIN articles a "
            "ON a.row = c.article_row JOIN encodings e ON e.row = c.encoding_row "
            "WHERE a.origin != 'enlarged' ORDER BY c.row"
        ).fetchall()
        while missing > 0:
            rows: dict[int, int] = {}
            for article_row, chunk_row, vector, tokens in originals[:missing]:
                if article_row not in rows:
                    rows[article_row] = _copy_article(db, article_row)
                noise = generator.standard_normal(len(vector) // 2) * 0.02
                noisy = unit((np.frombuffer(vector, np.float16) + noise).astype(np.float32))
                encoding = db.execute(
                    "INSERT INTO encodings (digest, vector, tokens) VALUES (randomblob(16), ?, ?)",
                    (noisy.astype(np.float16).tobytes(), tokens),
                ).lastrowid
                db.execute(
                    "INSERT INTO chunks (article_row, encoding_row, chunk_id, ordinal, start, "
                    '"end", n_tokens) SELECT ?, ?, chunk_id, ordinal, start, "end", n_tokens '
                    "FROM chunks WHERE row = ?",
                    (rows[article_row], encoding, chunk_row),
                )
            missing -= len(originals)
            db.commit()
    with catalogue.transaction():
        pass
    derived.publish(folder, catalogue)
    catalogue.close()


def _copy_article(db: sqlite3.Connection, row: int) -> int:
    cursor = db.execute(
        "INSERT INTO articles (article_id, language, title, text, source, url, published, updated, "
        "story_id, digest, signature, origin, added_at) "
        "SELECT hex(randomblob(8)), language, title, text, source, url, published, updated, "
        "hex(randomblob(8)), digest, signature, 'enlarged', added_at FROM articles WHERE row = ?",
        (row,),
    )
    return int(cursor.lastrowid or 0)


def _articles(data: Path) -> Iterable[dict[str, str]]:
    with gzip.open(data / "ant/articles.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            yield {
                name: row[name] for name in ("article_id", "title", "text", "language", "source")
            }


def _questions(data: Path) -> list[str]:
    lines = (data / "questions/mkqa_dev.ar-en.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines[: _N_QUESTIONS // 2]]
    return [row[f"q_{language}"] for row in rows for language in ("ar", "en")]


def _chunk_texts(articles: Sequence[dict[str, str]], encoder: Encoder) -> list[str]:
    made = [Article(a["article_id"], "ar", a["title"], a["text"]) for a in articles]
    return [c.text for a in made for c in chunk_article(a, encoder.count_tokens, CHUNK_TOKENS)]


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
