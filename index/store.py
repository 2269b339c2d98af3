"""An index opened for questions: one generation at a time, the next when it is published."""

import threading
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import faiss

from index import codes, derived, statistics
from index.catalogue import FILE_NAME, Catalogue, Ids
from index.encoder import Encoder, Floats
from index.errors import IndexMismatchError, IndexMissingError
from index.types import LANGUAGES, Article, Chunk, Filters, Language

# Chunks of each language that calibrate late-interaction scores; see `Snapshot.background`.
_N_BACKGROUND = 96


class Store:
    """An index folder open for reading; safe to share between threads.

    Raises:
        IndexMissingError: The folder holds no index, or none was published yet.
        IndexMismatchError: It was made by another encoder.
        IndexDamagedError: A file of it cannot be read.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self.folder = folder
        self.encoder = encoder
        self._local = threading.local()
        self._lock = threading.Lock()
        self._catalogue()
        self._snapshot = self._open()

    @staticmethod
    def check(folder: Path) -> None:
        """Raises what opening would, before an encoder is loaded for nothing."""
        Catalogue(folder).close()

    def snapshot(self) -> "Snapshot":
        """The newest published state; a cheap check when nothing changed."""
        path = derived.current_path(self.folder)
        if path and path != self._snapshot.generation.path:
            with self._lock:
                if path != self._snapshot.generation.path:
                    self._snapshot = self._open()
        return self._snapshot

    def _open(self) -> "Snapshot":
        path = derived.current_path(self.folder)
        if path is None:
            raise IndexMissingError(
                f"{self.folder} has no published index yet; finish it with: "
                f"burhan index SOURCE --index {self.folder}"
            )
        generation = derived.open_generation(path)
        encoder = generation.manifest.encoder or self._catalogue().meta("encoder")
        check_encoder(encoder, self.encoder, self.folder)
        return Snapshot(generation, self)

    def _catalogue(self) -> Catalogue:
        """This thread's own connection."""
        catalogue: Catalogue | None = getattr(self._local, "catalogue", None)
        if catalogue is None or catalogue.is_outdated():
            self._local.catalogue = catalogue = Catalogue(self.folder)
        return catalogue


class Snapshot:
    """One published state of an index. Rows are chunk row numbers of the catalogue."""

    def __init__(self, generation: derived.Generation, store: Store) -> None:
        self.generation = generation
        self._store = store
        self.matching_rows = lru_cache(maxsize=32)(self._matching_rows)
        self.background = lru_cache(maxsize=len(LANGUAGES))(self._background)

    def n_chunks(self, language: Language) -> int:
        """Number of chunks in that language's partition."""
        return self.generation.manifest.n_chunks[language]

    def search_dense(
        self, language: Language, vector: Floats, k: int, allowed: Ids | None = None
    ) -> list[tuple[int, float]]:
        """(row, cosine) of the k nearest chunks of that language, nearest first."""
        index = self.generation.dense[language]
        parameters = None
        if allowed is not None:
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))  # type: ignore[call-arg]
        scores, rows = index.search(vector[None], min(k, max(1, index.ntotal)), params=parameters)
        return [(int(r), float(s)) for r, s in zip(rows[0], scores[0], strict=True) if r >= 0]

    def search_terms_in(
        self,
        language: Language,
        field: derived.Field,
        terms: Sequence[str],
        k: int,
        allowed: Ids | None = None,
    ) -> dict[int, float]:
        """Coverage by row of the `k` best chunks of that language; see `index.derived`."""
        # tantivy filters by its own fields only: ask for all, and keep those allowed.
        wanted = None if allowed is None else set(allowed.tolist())
        limit = k if wanted is None else max(1, self.n_chunks(language))
        found = derived.search_terms_in(self.generation, language, field, terms, limit)
        return dict([pair for pair in found if wanted is None or pair[0] in wanted][:k])

    def token_vectors(self, rows: Sequence[int]) -> tuple[list[int], codes.TokenBlock]:
        """The rows that are still there and have tokens, and their token vectors in that order."""
        packed = self._store._catalogue().token_codes(rows)
        kept = [row for row in rows if packed.get(row)]
        dimension = self._store.encoder.dimension
        return kept, codes.block([packed[row] for row in kept], dimension)

    def _background(self, language: Language) -> codes.TokenBlock:
        """Token vectors of an even sample of the partition's chunks, and of unrelated ones."""
        rows = self.generation.rows[language]
        sample = rows[:: max(1, len(rows) // _N_BACKGROUND)][:_N_BACKGROUND].tolist()
        own = [packed for packed in self._store._catalogue().token_codes(sample).values() if packed]
        unrelated = statistics.background(self._store.encoder, language)
        return codes.block([*own, *unrelated], self._store.encoder.dimension).kept()

    def chunks(self, rows: Sequence[int]) -> Mapping[int, tuple[Chunk, Article]]:
        """Chunks with their articles by row."""
        return self._store._catalogue().chunks(rows)

    def n_articles(self, filters: Filters) -> int:
        """Number of current articles that pass the filters."""
        return self._store._catalogue().n_matching_articles(filters)

    def articles(self) -> list[Article]:
        """All current articles, newest first."""
        return list(self._store._catalogue().articles())

    def listing(self) -> list[Article]:
        """All current articles without their text, newest first."""
        return list(self._store._catalogue().articles(with_text=False))

    def article(self, article_id: str) -> Article | None:
        """The current article of that id, None where there is none."""
        return next(self._store._catalogue().articles(article_ids=[article_id]), None)

    def _matching_rows(self, filters: Filters) -> Ids:
        return self._store._catalogue().matching_rows(filters)


def check_encoder(found: str, encoder: Encoder, folder: Path) -> None:
    """Refuses vectors of one encoder to be compared with those of another.

    Raises:
        IndexMismatchError: Naming both encoders, and what to do.
    """
    if found != encoder.fingerprint:
        raise IndexMismatchError(
            f"{folder / FILE_NAME} was made with encoder {found}, "
            f"but {encoder.fingerprint} is set; set BURHAN_ENCODER to the former, "
            f"or move the index to the latter with: burhan reencode --index {folder}"
        )
