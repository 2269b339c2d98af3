"""Articles into an index: read, clean, cut, encode, commit; then publish what derives from it."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from filelock import FileLock, Timeout

from index import codes, derived
from index.catalogue import Catalogue, Origin, StoredEncoding
from index.chunk import chunk_article
from index.clean import clean_page, edge_lines, without_lines
from index.digest import article_digest, chunk_digest, text_digest
from index.encoder import Encoded, Encoder
from index.errors import IndexLockedError, IndexMissingError
from index.normalize import detect_language
from index.readers import RawArticle, Skipped, read_sources
from index.statistics import centre_tokens, centre_vector
from index.store import check_encoder
from index.types import Article, Chunk, Language

logger = logging.getLogger(__name__)
_T = TypeVar("_T")

CHUNK_TOKENS = 256
# Encoded and committed together; what a killed run loses at most.
_BATCH_ARTICLES = 64
_TITLE_CHARS = 90
# A line at the edge of that many stories of one outlet, and of that share of all of them, is the
# outlet's, not the author's.
_REPEATED, _REPEATED_SHARE = 8, 0.005


@dataclass(slots=True)
class Summary:
    """What a run did with every article it met.

    `encodings` counts the articles whose character encoding was guessed, by encoding.
    """

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    encodings: Counter[str] = field(default_factory=Counter)

    @property
    def read(self) -> int:
        """Articles read, whatever became of them."""
        return self.added + self.replaced + self.unchanged


def index_sources(
    sources: Iterable[Path],
    folder: Path,
    encoder: Encoder,
    *,
    wait: float = 0,
    on_progress: Callable[[Summary], None] = lambda _: None,
) -> Summary:
    """Adds and updates the articles of files and folders, then publishes.

    Another process writing the index is waited for `wait` seconds.

    Every batch is committed as it is encoded: a run that is stopped loses none of those before,
    and the next run goes on from there.

    Raises:
        SourceError: A source does not exist; nothing was changed.
        IndexLockedError: Another process is writing this index.
        IndexMismatchError: The index was made by another encoder.
    """
    raw_articles = read_sources(list(sources))
    summary = Summary()
    with writing(folder, encoder, wait=wait, create=True) as catalogue:
        outlets = _Outlets(catalogue)
        seen: dict[str, str] = {}
        batch: list[tuple[Article, Origin]] = []
        for raw in raw_articles:
            article = raw if isinstance(raw, Skipped) else _article(raw, seen, outlets)
            if isinstance(article, Skipped):
                summary.skipped.append(article)
            elif article.article_id in seen:
                first = seen[article.article_id]
                reason = f"article_id {article.article_id!r} was already read from {first}"
                summary.skipped.append(Skipped(raw.origin, reason))
            elif isinstance(raw, RawArticle):
                seen[article.article_id] = raw.origin
                _sort_in(article, raw, catalogue, summary, batch)
            if len(batch) >= _BATCH_ARTICLES:
                _commit(batch, catalogue, encoder)
                batch.clear()
            on_progress(summary)
        _commit(batch, catalogue, encoder)
        _take_repeated_lines(catalogue, outlets, encoder)
        _publish_if_changed(folder, catalogue)
    return summary


def remove_articles(
    article_ids: Iterable[str], folder: Path, encoder: Encoder, *, wait: float = 0
) -> Summary:
    """Takes articles, their history included, out of the catalogue and all derived from it."""
    summary = Summary()
    with writing(folder, encoder, wait=wait) as catalogue:
        for article_id in article_ids:
            if catalogue.article_digest(article_id) is None:
                summary.skipped.append(Skipped(article_id, "no article of that id is indexed"))
                continue
            with catalogue.transaction():
                catalogue.remove_article(article_id)
            summary.removed += 1
        with catalogue.transaction(counted=False):
            catalogue.drop_unused_encodings()
        _publish_if_changed(folder, catalogue)
    return summary


def reencode(
    folder: Path,
    encoder: Encoder,
    *,
    wait: float = 0,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Encodes every article again with another encoder; gives the number of articles.

    The old vectors serve until all the new ones are there, and are then replaced in one
    transaction. What a stopped run has encoded is kept, and the next run goes on from there.
    """
    with writing(folder, encoder, wait=wait, any_encoder=True) as catalogue:
        if catalogue.meta("encoder") == encoder.fingerprint:
            if catalogue.meta("reencoding"):  # a move to another encoder is given up
                with catalogue.transaction(counted=False):
                    catalogue.set_meta("reencoding", "")
                    catalogue.drop_unused_encodings()
            _publish_if_changed(folder, catalogue)
            return 0
        with catalogue.transaction(counted=False):
            catalogue.set_meta("reencoding", encoder.fingerprint)
        total, done = catalogue.counts()["articles"], 0
        for some in _batches(catalogue.articles()):
            _encode_missing([_cut(article, encoder) for article in some], catalogue, encoder)
            done += len(some)
            on_progress(done, total)
        with catalogue.transaction() as version:
            for article in catalogue.articles():
                chunks = _with_digests(_cut(article, encoder), encoder)
                catalogue.replace_chunks(article.article_id, chunks, version=version)
            catalogue.set_meta("encoder", encoder.fingerprint)
            catalogue.set_meta("dimension", str(encoder.dimension))
            catalogue.set_meta("reencoding", "")
        _publish_if_changed(folder, catalogue)
    return total


def rebuild_derived(folder: Path, encoder: Encoder) -> None:
    """Makes the derived indexes again from the catalogue; nothing is encoded."""
    with writing(folder, encoder) as catalogue:
        derived.publish(folder, catalogue)


@contextmanager
def writing(
    folder: Path,
    encoder: Encoder,
    *,
    wait: float = 0,
    create: bool = False,
    any_encoder: bool = False,
) -> Iterator[Catalogue]:
    """The catalogue, for the one process that may change it.

    Raises:
        IndexMissingError: There is no index, and none is to be made.
        IndexLockedError: Another process is still writing it after `wait` seconds.
        IndexMismatchError: It was made by another encoder, unless `any_encoder`.
    """
    if not create and not folder.is_dir():
        raise IndexMissingError(f"{folder} holds no Burhan index; check the path")
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "writer.lock")
    holder = folder / "writer.pid"
    try:
        lock.acquire(timeout=wait)
    except Timeout as error:
        pid = holder.read_text() if holder.exists() else "unknown"
        raise IndexLockedError(
            f"{folder} is being written by process {pid}; wait until it ends, then run this again"
        ) from error
    try:
        holder.write_text(str(os.getpid()))
        catalogue = Catalogue(folder, create_for=encoder.fingerprint if create else "", write=True)
        try:
            if not any_encoder:
                check_encoder(catalogue.meta("encoder"), encoder, folder)
            if not catalogue.meta("dimension"):
                with catalogue.transaction():
                    catalogue.set_meta("dimension", str(encoder.dimension))
            yield catalogue
        finally:
            catalogue.close()
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


class _Outlets:
    """Lines that repeat at the edges of outlets' articles, as the catalogue knew them at first."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[str, set[bytes]] = {}

    def repeated(self, source: str) -> set[bytes]:
        if source not in self._known:
            self._known[source] = self._repeated(source) if source else set()
        return self._known[source]

    def _repeated(self, source: str) -> set[bytes]:
        return self._catalogue.repeated_lines(source, _REPEATED, _REPEATED_SHARE)

    def newly_repeated(self) -> Iterator[tuple[str, set[bytes]]]:
        """What has come to repeat since, by outlet."""
        for source, known in self._known.items():
            if source and (new := self._repeated(source) - known):
                yield source, new


def _take_repeated_lines(catalogue: Catalogue, outlets: _Outlets, encoder: Encoder) -> None:
    """Takes lines that turned out to be an outlet's own off articles read before that was known."""
    for source, lines in outlets.newly_repeated():
        batch = []
        for article in catalogue.articles(source=source):
            text = without_lines(article.text, lines)
            if text != article.text and text:
                changed = replace(article, text=text)
                batch.append((changed, catalogue.origin(article.article_id)))
        for some in _batches(batch):
            _commit(some, catalogue, encoder)


def _article(raw: RawArticle, taken: Container[str], outlets: _Outlets) -> Article | Skipped:
    text, title, source, published = raw.text, raw.title, raw.source, raw.published
    if raw.is_page:
        page = clean_page(text, title)
        text, title = page.text, page.title
        source, published = source or page.outlet, published or page.published
    source = storable(source)
    text = without_lines(storable(text), outlets.repeated(source))
    if not text.strip():
        return Skipped(raw.origin, "no article text is left after cleaning")
    return Article(
        article_id=storable(raw.article_id) or _source_id(raw, taken),
        language=raw.language or detect_language(text),
        title=storable(title) or _opening(text),
        text=text,
        source=source,
        url=storable(raw.url),
        published=published,
        updated=raw.updated,
        author=storable(raw.author),
    )


def storable(text: str) -> str:
    """The text without what no database stores: zeros and halves of surrogate pairs."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _source_id(raw: RawArticle, taken: Container[str]) -> str:
    """An id that stays when the text changes: of the URL, else of where the article was read.

    Rows are told apart by their titles, as new rows move old ones; by their place where two rows
    share a title.
    """
    if raw.url:
        return text_digest(storable(raw.url)).hex()[:16]
    path = str(raw.path.resolve())
    keys = [f"{path}:{raw.title}", f"{path}:{raw.title}:{raw.row}"] if raw.row else [path]
    ids = [f"{raw.path.stem[:40]}-{text_digest(key).hex()[:10]}" for key in keys]
    return next((one for one in ids if one not in taken), ids[-1])


def _opening(text: str) -> str:
    """The first words, for an article without a title."""
    line = text.strip().split("\n", 1)[0]
    return line if len(line) <= _TITLE_CHARS else line[:_TITLE_CHARS].rsplit(" ", 1)[0] + "…"


def _sort_in(
    article: Article,
    raw: RawArticle,
    catalogue: Catalogue,
    summary: Summary,
    batch: list[tuple[Article, Origin]],
) -> None:
    known = catalogue.article_digest(article.article_id)
    if known == article_digest(article):
        summary.unchanged += 1
        return
    summary.added += known is None
    summary.replaced += known is not None
    if raw.encoding:
        summary.encodings[raw.encoding] += 1
    batch.append((article, Origin(raw.origin, raw.encoding)))


def _commit(
    batch: Sequence[tuple[Article, Origin]], catalogue: Catalogue, encoder: Encoder
) -> None:
    if not batch:
        return
    cut = [_cut(article, encoder) for article, _ in batch]
    _encode_missing(cut, catalogue, encoder)
    with catalogue.transaction() as version:
        for (article, origin), chunks in zip(batch, cut, strict=True):
            story_id = catalogue.put_article(
                article, _with_digests(chunks, encoder), origin=origin, version=version
            )
            if article.source:
                lines = [text_digest(line) for line in edge_lines(article.text)]
                # Versions of one article count once.
                catalogue.note_lines(article.source, lines, story_id.rpartition("@")[0])


def _cut(article: Article, encoder: Encoder) -> list[Chunk]:
    limit = min(CHUNK_TOKENS, encoder.max_tokens)
    return chunk_article(article, encoder.count_tokens, limit)


def _with_digests(chunks: Sequence[Chunk], encoder: Encoder) -> list[tuple[Chunk, bytes]]:
    return [(chunk, chunk_digest(chunk, encoder.fingerprint)) for chunk in chunks]


def _encode_missing(cut: Sequence[Sequence[Chunk]], catalogue: Catalogue, encoder: Encoder) -> None:
    """Encodes and commits those chunks that are not encoded yet."""
    by_digest = {
        digest: chunk for chunks in cut for chunk, digest in _with_digests(chunks, encoder)
    }
    known = catalogue.known_digests(by_digest)
    new = {digest: chunk for digest, chunk in by_digest.items() if digest not in known}
    encoded = encoder.encode([chunk.text for chunk in new.values()], "passage")
    stored = [
        _stored(digest, chunk.language, one, encoder)
        for (digest, chunk), one in zip(new.items(), encoded, strict=True)
    ]
    with catalogue.transaction(counted=False):
        catalogue.add_encodings(stored)


def _batches(items: Iterable[_T]) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH_ARTICLES)):
        yield batch


def _publish_if_changed(folder: Path, catalogue: Catalogue) -> None:
    if live := derived.current_path(folder):
        if derived.read_manifest(live).version == catalogue.version:
            return
        # A reader holds the live generation or the one before; older chunks are in neither.
        with catalogue.transaction(counted=False):
            catalogue.drop_retired_chunks(derived.oldest_version(folder))
    derived.publish(folder, catalogue)


def _stored(
    digest: bytes, language: Language, encoded: Encoded, encoder: Encoder
) -> StoredEncoding:
    vector = centre_vector(encoded.vector, encoder, "passage", language)
    tokens = centre_tokens(encoded.tokens, encoder, "passage", language)
    return StoredEncoding(digest, vector.astype(np.float16).tobytes(), codes.pack(tokens))
