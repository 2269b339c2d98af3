"""Articles into an index: read, clean, cut, encode, commit; then publish what derives from it."""

import logging
import os
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from index import codes, derived
from index.catalogue import (
    Catalogue,
    StoredEncoding,
    article_digest,
    text_digest,
)
from index.chunk import chunk_article
from index.clean import clean_page
from index.encoder import Encoded, Encoder
from index.errors import IndexLockedError
from index.normalize import detect_language
from index.readers import RawArticle, Skipped, read_sources
from index.statistics import centre_tokens, centre_vector
from index.store import check_encoder
from index.types import Article, Chunk, Language

logger = logging.getLogger(__name__)

CHUNK_TOKENS = 256
# Encoded and committed together; what a killed run loses at most.
_BATCH_ARTICLES = 64
_TITLE_CHARS = 90


@dataclass(slots=True)
class Summary:
    """What a run did with every article it met."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    removed: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Articles read, whatever became of them."""
        return self.added + self.replaced + self.unchanged


def index_sources(
    sources: Iterable[Path],
    folder: Path,
    encoder: Encoder,
    *,
    on_progress: Callable[[Summary], None] = lambda _: None,
) -> Summary:
    """Adds and updates the articles of files and folders, then publishes.

    Every batch is committed as it is encoded: a run that is stopped loses none of those before,
    and the next run goes on from there.

    Raises:
        SourceError: A source does not exist; nothing was changed.
        IndexLockedError: Another process is writing this index.
        IndexMismatchError: The index was made by another encoder.
    """
    raw_articles = read_sources(list(sources))
    summary = Summary()
    with _writing(folder, encoder) as catalogue:
        seen: dict[str, str] = {}
        batch: list[tuple[Article, str]] = []
        for raw in raw_articles:
            article = raw if isinstance(raw, Skipped) else _article(raw, seen)
            if isinstance(article, Skipped):
                summary.skipped.append(article)
            elif article.article_id in seen:
                first = seen[article.article_id]
                reason = f"article_id {article.article_id!r} was already read from {first}"
                summary.skipped.append(Skipped(raw.origin, reason))
            else:
                seen[article.article_id] = raw.origin
                _sort_in(article, raw.origin, catalogue, summary, batch)
            if len(batch) >= _BATCH_ARTICLES:
                _commit(batch, catalogue, encoder)
                batch.clear()
            on_progress(summary)
        _commit(batch, catalogue, encoder)
        _publish_if_changed(folder, catalogue)
    return summary


def remove_articles(article_ids: Iterable[str], folder: Path, encoder: Encoder) -> Summary:
    """Takes articles, their history included, out of the catalogue and all derived from it."""
    summary = Summary()
    Catalogue(folder).close()
    with _writing(folder, encoder) as catalogue:
        for article_id in article_ids:
            if catalogue.article_digest(article_id) is None:
                summary.skipped.append(Skipped(article_id, "no article of that id is indexed"))
                continue
            with catalogue.transaction():
                catalogue.remove_article(article_id)
            summary.removed += 1
        _publish_if_changed(folder, catalogue)
    return summary


def rebuild_derived(folder: Path, encoder: Encoder) -> None:
    """Makes the derived indexes again from the catalogue; nothing is encoded."""
    Catalogue(folder).close()
    with _writing(folder, encoder) as catalogue:
        derived.publish(folder, catalogue)


@contextmanager
def _writing(folder: Path, encoder: Encoder) -> Iterator[Catalogue]:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "writer.lock")
    holder = folder / "writer.pid"
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        pid = holder.read_text() if holder.exists() else "unknown"
        raise IndexLockedError(
            f"{folder} is being written by process {pid}; wait until it ends, then run this again"
        ) from error
    try:
        holder.write_text(str(os.getpid()))
        catalogue = Catalogue(folder, create_for=encoder.fingerprint)
        try:
            check_encoder(catalogue, encoder, folder)
            if not catalogue.meta("dimension"):
                with catalogue.transaction():
                    catalogue.set_meta("dimension", str(encoder.dimension))
            yield catalogue
        finally:
            catalogue.close()
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _article(raw: RawArticle, taken: Container[str]) -> Article | Skipped:
    text, title, source, published = raw.text, raw.title, raw.source, raw.published
    if raw.is_page:
        page = clean_page(text, title)
        text, title = page.text, page.title
        source, published = source or page.outlet, published or page.published
    if not text.strip():
        return Skipped(raw.origin, "no article text is left after cleaning")
    return Article(
        article_id=raw.article_id or _source_id(raw, taken),
        language=raw.language or detect_language(text),
        title=title or _opening(text),
        text=text,
        source=source,
        url=raw.url,
        published=published,
        updated=raw.updated,
    )


def _source_id(raw: RawArticle, taken: Container[str]) -> str:
    """An id that stays when the text changes: of the URL, else of where the article was read.

    Rows are told apart by their titles, as new rows move old ones; by their place where two rows
    share a title.
    """
    if raw.url:
        return text_digest(raw.url).hex()[:16]
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
    origin: str,
    catalogue: Catalogue,
    summary: Summary,
    batch: list[tuple[Article, str]],
) -> None:
    known = catalogue.article_digest(article.article_id)
    if known == article_digest(article):
        summary.unchanged += 1
        return
    summary.added += known is None
    summary.replaced += known is not None
    batch.append((article, origin))


def _commit(batch: Sequence[tuple[Article, str]], catalogue: Catalogue, encoder: Encoder) -> None:
    if not batch:
        return
    limit = min(CHUNK_TOKENS, encoder.max_tokens)
    cut = [chunk_article(article, encoder.count_tokens, limit) for article, _ in batch]
    by_digest = {_digest(chunk): chunk for chunks in cut for chunk in chunks}
    known = catalogue.known_digests(by_digest)
    new = {digest: chunk for digest, chunk in by_digest.items() if digest not in known}
    encoded = encoder.encode([chunk.text for chunk in new.values()], "passage")
    stored = [
        _stored(digest, chunk.language, one, encoder)
        for (digest, chunk), one in zip(new.items(), encoded, strict=True)
    ]
    with catalogue.transaction() as version:
        catalogue.add_encodings(stored)
        for (article, origin), chunks in zip(batch, cut, strict=True):
            cut_chunks = [(chunk, _digest(chunk)) for chunk in chunks]
            catalogue.put_article(article, cut_chunks, origin=origin, version=version)


def _publish_if_changed(folder: Path, catalogue: Catalogue) -> None:
    if live := derived.current_path(folder):
        published = derived.open_generation(live).manifest.version
        if published == catalogue.version:
            return
        # No reader can hold what was retired before the live generation was made.
        with catalogue.transaction():
            catalogue.drop_retired_chunks(published)
    derived.publish(folder, catalogue)


def _digest(chunk: Chunk) -> bytes:
    # The language is part of it: vectors are centred by language before they are stored.
    return text_digest(f"{chunk.language}\0{chunk.text}")


def _stored(
    digest: bytes, language: Language, encoded: Encoded, encoder: Encoder
) -> StoredEncoding:
    vector = centre_vector(encoded.vector, encoder, "passage", language)
    tokens = centre_tokens(encoded.tokens, encoder, "passage", language)
    return StoredEncoding(digest, vector.astype(np.float16).tobytes(), codes.pack(tokens))
