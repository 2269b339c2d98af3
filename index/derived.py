"""FAISS and lexical indexes, derived from the catalogue and published as a generation.

A generation is a folder that never changes once published. It is built beside the live one under
another name; replacing the file CURRENT, which names the live one, publishes it. A reader that has
opened a generation keeps it until it asks for the next.
"""

import json
import logging
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
import tantivy

from index.catalogue import Catalogue, Ids
from index.e5 import sha256_of
from index.encoder import Floats
from index.errors import IndexDamagedError
from index.normalize import search_terms
from index.types import LANGUAGES, Language

logger = logging.getLogger(__name__)

_CURRENT = "CURRENT"
_FOLDER = "generations"
_MANIFEST = "manifest.json"
_TANTIVY_HEAP = 50_000_000


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation was made from; `n_chunks` by language."""

    version: int
    n_chunks: Mapping[str, int]
    checksums: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Generation:
    """One published set of derived indexes, open for reading.

    `dense` holds one FAISS index a language, `moments` the mean (dimension,) and covariance
    (dimension, dimension) of its vectors.
    """

    path: Path
    manifest: Manifest
    dense: Mapping[Language, Any]
    moments: Mapping[Language, tuple[Floats, Floats]]
    rows: Mapping[Language, Ids]
    lexical: tantivy.Searcher
    schema: tantivy.Schema


def current_path(folder: Path) -> Path | None:
    """Folder of the published generation, None before the first."""
    try:
        return folder / _FOLDER / (folder / _CURRENT).read_text().strip()
    except FileNotFoundError:
        return None


def open_generation(path: Path) -> Generation:
    """Opens a published generation.

    Raises:
        IndexDamagedError: A file is missing or cannot be read; repair makes all of them again.
    """
    try:
        manifest = Manifest(**json.loads((path / _MANIFEST).read_text()))
        dense = {lang: faiss.read_index(str(path / f"dense.{lang}.faiss")) for lang in LANGUAGES}
        with np.load(path / "moments.npz") as saved:
            moments = {
                lang: (saved[f"{lang}_mean"], saved[f"{lang}_covariance"]) for lang in LANGUAGES
            }
        lexical = _open_lexical(path / "lexical")
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise IndexDamagedError(
            f"{path} cannot be read ({type(error).__name__}: {error}); "
            f"run: burhan doctor --repair --index {path.parent.parent}"
        ) from error
    rows = {lang: _ids(dense[lang]) for lang in LANGUAGES}
    return Generation(path, manifest, dense, moments, rows, lexical.searcher(), lexical.schema)


def publish(folder: Path, catalogue: Catalogue) -> Path:
    """Builds the indexes of the catalogue's current state and makes them the live generation.

    The lexical index starts from hard links to the live one's files, which never change, so that
    adding one article does not analyse all the others again.
    """
    version, rows, live = catalogue.version, catalogue.chunk_rows(), current_path(folder)
    for left_over in (folder / _FOLDER).glob("*.partial"):
        shutil.rmtree(left_over)
    number = int(live.name.split("-")[0]) + 1 if live else 1
    path = folder / _FOLDER / f"{number:06d}-v{version}"
    partial = path.with_name(path.name + ".partial")
    partial.mkdir(parents=True)
    moments: dict[str, npt.NDArray[Any]] = {}
    for language in LANGUAGES:
        vectors = _vectors(catalogue, rows[language])
        _build_dense(vectors, rows[language], partial / f"dense.{language}.faiss")
        moments[f"{language}_mean"], moments[f"{language}_covariance"] = _moments(vectors)
    np.savez(partial / "moments.npz", **moments)  # type: ignore[arg-type]
    _build_lexical(catalogue, np.concatenate(list(rows.values())), partial / "lexical", live)
    files = sorted(p for p in partial.rglob("*") if p.is_file() and not p.name.endswith(".lock"))
    manifest = Manifest(
        version=version,
        n_chunks={lang: len(rows[lang]) for lang in LANGUAGES},
        checksums={str(p.relative_to(partial)): sha256_of(p) for p in files},
    )
    (partial / _MANIFEST).write_text(json.dumps(asdict(manifest), indent=1))
    for file in [*files, partial / _MANIFEST]:
        _sync(file)
    partial.rename(path)
    _replace_text(folder / _CURRENT, path.name)
    logger.info("published generation %s: %s chunks", path.name, manifest.n_chunks)
    for old in (folder / _FOLDER).iterdir():
        if old not in (path, live):
            shutil.rmtree(old, ignore_errors=True)
    return path


def damaged_files(path: Path) -> list[str]:
    """Files of a generation that are missing or do not have their noted checksum."""
    try:
        manifest = Manifest(**json.loads((path / _MANIFEST).read_text()))
    except (OSError, ValueError, TypeError):
        return [_MANIFEST]
    return [
        name
        for name, expected in manifest.checksums.items()
        if not (path / name).exists() or sha256_of(path / name) != expected
    ]


def search_lexical(generation: Generation, terms: Sequence[str], k: int) -> list[tuple[int, float]]:
    """(chunk row, BM25 score) of the k best chunks; a term in the title counts half again."""
    if not terms:
        return []
    clauses = []
    for term in dict.fromkeys(terms):
        for name, boost in (("body", 1.0), ("title", 0.5)):
            query = tantivy.Query.term_query(generation.schema, name, term, index_option="freq")
            clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(query, boost)))
    found = generation.lexical.search(tantivy.Query.boolean_query(clauses), limit=k, count=False)
    rows = generation.lexical.fast_field_values("row", [address for _, address in found.hits])
    return [(int(row or 0), score) for row, (score, _) in zip(rows, found.hits, strict=True)]


def _ids(index: Any) -> Ids:
    return np.asarray(faiss.vector_to_array(index.id_map), np.int64)


def _vectors(catalogue: Catalogue, rows: Ids) -> Floats:
    if not len(rows):
        return np.zeros((0, int(catalogue.meta("dimension"))), np.float32)
    return catalogue.vectors(rows.tolist()).astype(np.float32)


def _build_dense(vectors: Floats, rows: Ids, path: Path) -> None:
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    index.add_with_ids(vectors, rows)
    faiss.write_index(index, str(path))


def _moments(vectors: Floats) -> tuple[Floats, Floats]:
    if len(vectors) < 2:
        return np.zeros(vectors.shape[1], np.float32), np.eye(vectors.shape[1], dtype=np.float32)
    return vectors.mean(axis=0), np.cov(vectors, rowvar=False).astype(np.float32)


def _build_lexical(catalogue: Catalogue, rows: Ids, path: Path, live: Path | None) -> None:
    had: Iterable[int] = ()
    if live and not damaged_files(live):
        shutil.copytree(live / "lexical", path, copy_function=_link)
        had = np.concatenate([open_generation(live).rows[lang] for lang in LANGUAGES])
    else:
        path.mkdir()
    index = _open_lexical(path)
    writer = index.writer(heap_size=_TANTIVY_HEAP, num_threads=1)
    wanted = set(rows.tolist())
    had = set(np.asarray(had, np.int64).tolist())
    for row in had - wanted:
        writer.delete_documents_by_term("row", row)
    for row, title, text in catalogue.lexical_texts(sorted(wanted - had)):
        body, heading = " ".join(search_terms(text)), " ".join(search_terms(title))
        writer.add_document(tantivy.Document(row=row, body=body, title=heading))
    writer.commit()
    writer.wait_merging_threads()


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _open_lexical(path: Path) -> tantivy.Index:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("row", stored=False, indexed=True, fast=True)
    builder.add_text_field("body", tokenizer_name="terms", index_option="freq")
    builder.add_text_field("title", tokenizer_name="terms", index_option="freq")
    index = tantivy.Index(builder.build(), path=str(path))
    # The text is analysed already; see normalize.search_terms.
    analyzer = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer("terms", analyzer)
    return index


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _replace_text(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
