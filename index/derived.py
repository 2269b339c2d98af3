"""FAISS and lexical indexes, derived from the catalogue and published as a generation.

A generation is a folder that never changes once published. It is built beside the live one under
another name; replacing the file CURRENT, which names the live one, publishes it. A reader that has
opened a generation keeps it until it asks for the next.
"""

import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from math import log
from pathlib import Path
from typing import Any, Literal

import faiss
import numpy as np
import tantivy

from index.catalogue import Catalogue, Ids
from index.digest import text_digest
from index.e5 import sha256_of
from index.encoder import Floats
from index.errors import IndexDamagedError, RagError
from index.names import name_terms
from index.normalize import search_terms
from index.types import LANGUAGES, Language

logger = logging.getLogger(__name__)

_CURRENT = "CURRENT"
_FOLDER = "generations"
_MANIFEST = "manifest.json"
_NAME = re.compile(r"\d{6}-v\d+")
_TANTIVY_HEAP = 50_000_000
_K1 = 1.2  # tantivy's BM25
_TITLE_BOOST = 0.5
# Deleted chunks still count in a term's frequency: past this share the index is made anew.
_DEAD_SHARE = 0.1

Field = Literal["body", "names"]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation was made from; `n_chunks` by language, `encoder` its fingerprint."""

    version: int
    n_chunks: Mapping[str, int]
    checksums: Mapping[str, str]
    encoder: str = ""
    digest: str = ""

    def computed_digest(self) -> str:
        """What `digest` is when nothing in the manifest has changed since it was written."""
        return text_digest(json.dumps(asdict(replace(self, digest="")), sort_keys=True)).hex()


@dataclass(frozen=True, slots=True)
class Generation:
    """One published set of derived indexes, open for reading.

    Each language has its own FAISS index, the chunk rows in it, and its own lexical index.
    """

    path: Path
    manifest: Manifest
    dense: Mapping[Language, Any]
    rows: Mapping[Language, Ids]
    lexical: Mapping[Language, tuple[tantivy.Searcher, tantivy.Schema]]
    scratch: Any = None  # a folder that lives as long as this does


def current_path(folder: Path) -> Path | None:
    """Folder of the published generation, None before the first."""
    try:
        name = (folder / _CURRENT).read_text(errors="replace").strip()
    except FileNotFoundError:
        return None
    return folder / _FOLDER / name if _NAME.fullmatch(name) else None


def open_generation(path: Path) -> Generation:
    """Opens a published generation.

    Raises:
        IndexDamagedError: A file is missing or cannot be read; repair makes all of them again.
    """
    manifest = read_manifest(path)
    scratch = None
    try:
        dense = {lang: faiss.read_index(str(path / f"dense.{lang}.faiss")) for lang in LANGUAGES}
        place = path
        if not os.access(path, os.W_OK):  # tantivy cannot open what it cannot lock
            scratch = tempfile.TemporaryDirectory(prefix="burhan-lexical-")
            place = Path(scratch.name)
            for lang in LANGUAGES:
                name = f"lexical.{lang}"
                shutil.copytree(path / name, place / name, ignore=shutil.ignore_patterns(".*"))
        opened = {lang: _open_lexical(place / f"lexical.{lang}") for lang in LANGUAGES}
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise _damaged(path, error) from error
    rows = {lang: _ids(dense[lang]) for lang in LANGUAGES}
    lexical = {lang: (opened[lang].searcher(), opened[lang].schema) for lang in LANGUAGES}
    return Generation(path, manifest, dense, rows, lexical, scratch)


def read_manifest(path: Path) -> Manifest:
    """What a published generation was made from.

    Raises:
        IndexDamagedError: The note is missing or cannot be read.
    """
    try:
        return Manifest(**json.loads((path / _MANIFEST).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(path, error) from error


def oldest_version(folder: Path) -> int:
    """Catalogue version of the oldest generation that a reader may still hold."""
    return min(int(path.name.rpartition("v")[2]) for path in _generations(folder))


def _generations(folder: Path) -> list[Path]:
    return [path for path in (folder / _FOLDER).iterdir() if _NAME.fullmatch(path.name)]


def _damaged(path: Path, error: Exception) -> IndexDamagedError:
    return IndexDamagedError(
        f"{path} cannot be read ({type(error).__name__}: {error}); "
        f"run: burhan doctor --repair --index {path.parent.parent}"
    )


def publish(folder: Path, catalogue: Catalogue) -> Path:
    """Builds the indexes of the catalogue's current state and makes them the live generation.

    The lexical index starts from hard links to the live one's files, which never change, so that
    adding one article does not analyse all the others again.
    """
    version, rows, live = catalogue.version, catalogue.chunk_rows(), current_path(folder)
    for left_over in (folder / _FOLDER).glob("*.partial"):
        shutil.rmtree(left_over)
    # Past every folder there is: a run killed before it wrote CURRENT has left one.
    numbers = [int(old.name[:6]) for old in (folder / _FOLDER).glob("[0-9]*-v*")]
    number = max(numbers, default=0) + 1
    path = folder / _FOLDER / f"{number:06d}-v{version}"
    partial = path.with_name(path.name + ".partial")
    partial.mkdir(parents=True)
    base = open_generation(live) if live and not damaged_files(live) else None
    for language in LANGUAGES:
        vectors = _vectors(catalogue, rows[language])
        _build_dense(vectors, rows[language], partial / f"dense.{language}.faiss")
        _build_lexical(catalogue, rows[language], language, partial, base)
    files = sorted(p for p in partial.rglob("*") if p.is_file() and not p.name.endswith(".lock"))
    manifest = Manifest(
        version=version,
        n_chunks={lang: len(rows[lang]) for lang in LANGUAGES},
        checksums={str(p.relative_to(partial)): sha256_of(p) for p in files},
        encoder=catalogue.meta("encoder"),
    )
    manifest = replace(manifest, digest=manifest.computed_digest())
    (partial / _MANIFEST).write_text(json.dumps(asdict(manifest), indent=1))
    mode = (partial / _MANIFEST).stat().st_mode
    for file in [*files, partial / _MANIFEST]:
        file.chmod(mode)  # tantivy keeps some to the owner alone
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
        manifest = read_manifest(path)
    except IndexDamagedError:
        return [_MANIFEST]
    if manifest.digest and manifest.digest != manifest.computed_digest():
        return [_MANIFEST]
    return [
        name
        for name, expected in manifest.checksums.items()
        if not (path / name).exists() or sha256_of(path / name) != expected
    ]


def search_terms_in(
    generation: Generation, language: Language, field: Field, terms: Sequence[str], k: int
) -> list[tuple[int, float]]:
    """(chunk row, coverage) of the best `k` chunks of one language for the terms.

    Coverage is BM25 as a share of what a chunk full of every term would score, 0 to 1, so that
    it means the same for every question. Terms nowhere in the collection count as missing.
    """
    searcher, schema = generation.lexical[language]
    terms = list(dict.fromkeys(terms))
    if not terms or not searcher.num_docs:
        return []
    boosts = {field: 1.0, "title": _TITLE_BOOST} if field == "body" else {field: 1.0}
    clauses, total = [], 0.0
    for term in terms:
        for name, boost in boosts.items():
            query = tantivy.Query.term_query(schema, name, term, index_option="freq")
            clauses.append((tantivy.Occur.Should, tantivy.Query.boost_query(query, boost)))
        # It counts what was deleted and not merged away yet.
        frequency = min(searcher.doc_freq(field, term), searcher.num_docs)
        total += log(1 + (searcher.num_docs - frequency + 0.5) / (frequency + 0.5)) * (_K1 + 1)
    found = searcher.search(tantivy.Query.boolean_query(clauses), limit=k, count=False)
    rows = searcher.fast_field_values("row", [address for _, address in found.hits])
    return [
        (int(row or 0), min(1.0, float(score or 0) / total))
        for row, (score, _) in zip(rows, found.hits, strict=True)
    ]


def _ids(index: Any) -> Ids:
    return np.asarray(faiss.vector_to_array(index.id_map), np.int64)


def _vectors(catalogue: Catalogue, rows: Ids) -> Floats:
    if not len(rows):
        return np.zeros((0, int(catalogue.meta("dimension"))), np.float32)
    return catalogue.vectors(rows.tolist()).astype(np.float32)


def _build_dense(vectors: Floats, rows: Ids, path: Path) -> None:
    index = faiss.IndexIDMap2(faiss.IndexFlatIP(vectors.shape[1]))
    index.add_with_ids(vectors, rows)
    try:
        faiss.write_index(index, str(path))
    except RuntimeError as error:
        raise RagError(f"{path} cannot be written ({error}); free some disk space") from error


def _build_lexical(
    catalogue: Catalogue, rows: Ids, language: Language, folder: Path, base: Generation | None
) -> None:
    path = folder / f"lexical.{language}"
    wanted, had = set(rows.tolist()), set[int]()
    if base and not _mostly_dead(base, language, wanted):
        shutil.copytree(base.path / path.name, path, copy_function=_link)
        had = set(base.rows[language].tolist())
    else:
        path.mkdir()
    writer = _open_lexical(path).writer(heap_size=_TANTIVY_HEAP, num_threads=1)
    for row in had - wanted:
        writer.delete_documents_by_term("row", row)
    for row, title, text in catalogue.lexical_texts(sorted(wanted - had)):
        fields = {
            "body": search_terms(text),
            "title": search_terms(title),
            "names": name_terms(f"{title} {text}"),
        }
        joined = {name: " ".join(terms) for name, terms in fields.items()}
        writer.add_document(tantivy.Document(row=row, **joined))
    writer.commit()
    writer.wait_merging_threads()


def _mostly_dead(base: Generation, language: Language, wanted: Container[int]) -> bool:
    """Whether deleted chunks would weigh in the term frequencies."""
    found = json.loads((base.path / f"lexical.{language}" / "meta.json").read_text())["segments"]
    held = sum(segment["max_doc"] for segment in found)
    alive = sum(row in wanted for row in base.rows[language].tolist())
    return bool(held - alive > _DEAD_SHARE * held)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _open_lexical(path: Path) -> tantivy.Index:
    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("row", stored=False, indexed=True, fast=True)
    for name in ("body", "title", "names"):
        builder.add_text_field(name, tokenizer_name="terms", index_option="freq")
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
