"""A whole index as plain files: JSON lines and arrays, to keep, move or read elsewhere.

articles.jsonl   one article a line with its chunks, older versions marked `retired`
vectors.npy      unit vectors of the encoded texts, (n_texts, dimension) float16
tokens.npy       their token codes, one after the other, uint8; see index/codes.py
lengths.npy      how many bytes of token codes each text has, (n_texts,) int64
digests.npy      by which chunks name their text, (n_texts, 16) uint8
outlet_lines.jsonl  lines that repeat in an outlet's articles: [outlet, digest, story]
export.json      encoder, counts and SHA-256 of the other files; written last
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from index import derived
from index.catalogue import Catalogue, Origin, StoredEncoding
from index.digest import chunk_digest
from index.e5 import sha256_of
from index.encoder import Encoder
from index.errors import IndexMismatchError, SourceError
from index.ingest import writing
from index.store import check_encoder
from index.types import Article, Chunk

_FORMAT = 2
_READABLE = (1, 2)  # 1 had no outlet lines
_NOTE = "export.json"
_LINES = "outlet_lines.jsonl"
_BATCH = 500


def export_index(folder: Path, target: Path) -> int:
    """Writes the index's articles and encodings into a new folder; gives the number of articles.

    Raises:
        SourceError: The target is already there.
        IndexMissingError: There is no index.
    """
    catalogue = Catalogue(folder)
    if target.exists():
        raise SourceError(f"{target} is already there; name a new folder")
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with catalogue.reading():
        n_articles = 0
        with (partial / "articles.jsonl").open("w", encoding="utf-8") as file:
            for record in catalogue.records():
                n_articles += not record["retired"]
                file.write(json.dumps(record, ensure_ascii=False) + "\n")
        with (partial / _LINES).open("w", encoding="utf-8") as file:
            for source, line, story_id in catalogue.outlet_lines():
                row = [source, line.hex(), story_id]
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        note = {
            "format": _FORMAT,
            "encoder": catalogue.meta("encoder"),
            "articles": n_articles,
            "texts": _write_encodings(catalogue, partial),
        }
    note["sha256"] = {path.name: sha256_of(path) for path in sorted(partial.iterdir())}
    (partial / _NOTE).write_text(json.dumps(note, indent=1))
    partial.rename(target)
    return n_articles


def _write_encodings(catalogue: Catalogue, folder: Path) -> int:
    """Writes the arrays; the token codes, nearly all of an index, never at once in memory."""
    n_texts, dimension = catalogue.counts()["encodings"], int(catalogue.meta("dimension"))
    vectors = np.zeros((n_texts, dimension), np.float16)
    digests = np.zeros((n_texts, 16), np.uint8)
    lengths: list[int] = []
    raw = folder / "tokens.raw"
    with raw.open("wb") as file:
        for one in catalogue.encodings():
            vectors[len(lengths)] = np.frombuffer(one.vector, np.float16)
            digests[len(lengths)] = np.frombuffer(one.digest, np.uint8)
            lengths.append(len(one.tokens))
            file.write(one.tokens)
    n_texts = len(lengths)
    size = sum(lengths)
    tokens = np.lib.format.open_memmap(
        folder / "tokens.npy", mode="w+", dtype=np.uint8, shape=(size,)
    )
    if size:
        tokens[:] = np.memmap(raw, np.uint8, mode="r")
    tokens.flush()
    raw.unlink()
    np.save(folder / "vectors.npy", vectors[:n_texts])
    np.save(folder / "digests.npy", digests[:n_texts])
    np.save(folder / "lengths.npy", np.array(lengths, np.int64))
    return n_texts


def import_index(source: Path, folder: Path, encoder: Encoder) -> int:
    """Makes a new index of an exported one; nothing is encoded. Gives the number of articles.

    Raises:
        SourceError: The source is no whole export, or the folder already holds an index.
        IndexMismatchError: It was made with another encoder.
    """
    note = _checked_note(source)
    check_encoder(note["encoder"], encoder, source)
    if folder.exists() and any(folder.iterdir()):
        raise SourceError(f"{folder} is not empty; import into a new folder")
    # Under another name until it is whole: a killed import leaves nothing in the way.
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    n_articles = 0
    with writing(partial, encoder, create=True) as catalogue:
        for some in _encodings(source):
            with catalogue.transaction(counted=False):
                catalogue.add_encodings(some)
        lines = (source / "articles.jsonl").open(encoding="utf-8")
        with lines, catalogue.transaction() as version:
            for line in lines:
                n_articles += _put(json.loads(line), catalogue, encoder, version)
            for source_name, digest, story_id in _outlet_lines(source):
                catalogue.note_lines(source_name, [bytes.fromhex(digest)], story_id)
        derived.publish(partial, catalogue)
    if folder.exists():
        folder.rmdir()
    partial.rename(folder)
    return n_articles


def _outlet_lines(source: Path) -> Iterator[tuple[str, str, str]]:
    if (source / _LINES).exists():
        with (source / _LINES).open(encoding="utf-8") as file:
            yield from (tuple(json.loads(line)) for line in file)


def _put(record: dict[str, Any], catalogue: Catalogue, encoder: Encoder, version: int) -> bool:
    """Puts one version of an article; older ones come first and are retired by the next."""
    article = Article(**{f.name: record[f.name] for f in fields(Article)})
    chunks = [
        Chunk(**one, article_id=article.article_id, language=article.language,
              text=article.text[one["start"] : one["end"]])
        for one in record["chunks"]
    ]  # fmt: skip
    origin = Origin(record["origin"], record["encoding"])
    digests = [(chunk, chunk_digest(chunk, encoder.fingerprint)) for chunk in chunks]
    catalogue.put_article(
        article, digests, origin=origin, version=version, added_at=record["added_at"],
        story_id=article.story_id,
    )  # fmt: skip
    return not record["retired"]


def _checked_note(source: Path) -> dict[str, Any]:
    try:
        note: dict[str, Any] = json.loads((source / _NOTE).read_text())
        wrong = [n for n, sha in note["sha256"].items() if sha256_of(source / n) != sha]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"{source} is not a whole export ({error}); export it again") from error
    if note.get("format") not in _READABLE:
        raise IndexMismatchError(
            f"{source} has format {note.get('format')}, this Burhan reads {_FORMAT}; "
            "install the Burhan that made it"
        )
    if wrong:
        raise SourceError(f"{source / wrong[0]} is damaged; copy the export again")
    return note


def _encodings(source: Path) -> Iterator[list[StoredEncoding]]:
    vectors, tokens, lengths, digests = (
        np.load(source / f"{name}.npy", mmap_mode="r")
        for name in ("vectors", "tokens", "lengths", "digests")
    )
    ends = np.cumsum(lengths)
    for first in range(0, len(lengths), _BATCH):
        yield [
            StoredEncoding(
                digests[i].tobytes(),
                vectors[i].tobytes(),
                tokens[ends[i] - lengths[i] : ends[i]].tobytes(),
            )
            for i in range(first, min(first + _BATCH, len(lengths)))
        ]
