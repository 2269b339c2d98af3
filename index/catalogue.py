"""The catalogue: one SQLite file that is the truth of an index.

Articles, chunks and encoded vectors live here; the FAISS and lexical indexes beside it are
derived and can always be made again without encoding anything. Encodings are kept by the digest
of the text they encode, so a text is encoded once however often its article is replaced.

A replaced article is retired, not deleted: its row stays as history, and its chunks stay until
no published generation can hold them. A removed article is deleted with its history.
"""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from index import database, migrations, stories
from index.digest import article_digest, chunk_digest, crc, row_crc
from index.errors import IndexMismatchError, IndexMissingError
from index.stories import Signature
from index.types import LANGUAGES, Article, Chunk, Filters, Language

SCHEMA_VERSION = 2
FILE_NAME = "catalogue.sqlite"

_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE articles (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    article_id TEXT NOT NULL, language TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL,
    source TEXT NOT NULL, url TEXT NOT NULL, published TEXT NOT NULL, updated TEXT NOT NULL,
    story_id TEXT NOT NULL, author TEXT NOT NULL DEFAULT '',
    encoding TEXT NOT NULL DEFAULT '',  -- what the file's bytes were taken for, if guessed
    digest BLOB NOT NULL, signature BLOB NOT NULL, origin TEXT NOT NULL, added_at INTEGER NOT NULL,
    crc INTEGER NOT NULL DEFAULT 0,  -- of all columns above
    retired INTEGER  -- the catalogue version that replaced it; NULL while current
);
CREATE UNIQUE INDEX current_articles ON articles (article_id) WHERE retired IS NULL;
CREATE INDEX article_history ON articles (article_id);
CREATE TABLE bands (
    band BLOB NOT NULL, article_row INTEGER NOT NULL, PRIMARY KEY (band, article_row)
) WITHOUT ROWID;
CREATE TABLE encodings (
    row INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE,
    vector BLOB NOT NULL, tokens BLOB NOT NULL,
    crc INTEGER NOT NULL DEFAULT 0  -- of vector and tokens
);
CREATE TABLE chunks (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    article_row INTEGER NOT NULL REFERENCES articles (row),
    encoding_row INTEGER NOT NULL REFERENCES encodings (row),
    chunk_id TEXT NOT NULL, ordinal INTEGER NOT NULL,
    start INTEGER NOT NULL, "end" INTEGER NOT NULL, n_tokens INTEGER NOT NULL,
    crc INTEGER NOT NULL DEFAULT 0,
    retired INTEGER
);
CREATE TABLE outlet_lines (
    source TEXT NOT NULL, line BLOB NOT NULL, story_id TEXT NOT NULL,
    PRIMARY KEY (source, line, story_id)
) WITHOUT ROWID;
CREATE INDEX article_chunks ON chunks (article_row);
CREATE INDEX encoding_chunks ON chunks (encoding_row);
"""
_ARTICLE_FIELDS = tuple(f.name for f in fields(Article))
# What the checksums of a row cover, in this order.
CHECKED_ARTICLE = (*_ARTICLE_FIELDS, "digest", "signature", "origin", "encoding", "added_at")
CHECKED_CHUNK = (
    "article_row", "encoding_row", "chunk_id", "ordinal", "start", '"end"', "n_tokens",
)  # fmt: skip
_ARTICLE_COLUMNS = ", ".join(f"a.{name}" for name in _ARTICLE_FIELDS)

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StoredEncoding:
    """What the catalogue keeps of one text: float16 unit vector, and packed token codes."""

    digest: bytes
    vector: bytes
    tokens: bytes


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an article was read, and the encoding its bytes were taken for, if guessed."""

    place: str
    encoding: str = ""


class Catalogue:
    """One connection to a catalogue; give each thread its own. Only a writer may `write`.

    Raises:
        IndexMissingError: The folder holds no catalogue.
        IndexMismatchError: It was written by another version of Burhan.
        IndexDamagedError: The file is not a readable database.
    """

    def __init__(self, folder: Path, *, create_for: str = "", write: bool = False) -> None:
        self.path = folder / FILE_NAME
        if not self.path.exists() and not create_for:
            raise _missing(folder)
        try:
            self._frozen = None if write else database.frozen_state(self.path)
            self._db = database.connect(self.path, read_only=not write)
            if write:
                migrations.migrate(self._db)
            if not self._db.execute("PRAGMA schema_version").fetchone()[0]:
                # A first run that was killed has left an empty file.
                if not create_for:
                    self._db.close()
                    raise _missing(folder)
                self._create(create_for)
            self._db.execute("PRAGMA synchronous = NORMAL")
            found = self.meta("schema")
        except sqlite3.Error as error:
            raise database.as_rag_error(error, self.path) from error
        if found != str(SCHEMA_VERSION):
            older = found.isdigit() and int(found) < SCHEMA_VERSION
            raise IndexMismatchError(
                f"{self.path} has schema {found}, this Burhan reads {SCHEMA_VERSION}; "
                + (
                    f"move it on with: burhan doctor --repair --index {folder}"
                    if older
                    else "it was made by a newer Burhan: install that, or index into a new folder"
                )
            )

    def _create(self, encoder: str) -> None:
        # Token codes are some 15 kB a chunk; large pages keep each in one or two of them.
        self._db.execute("PRAGMA page_size = 16384")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}")
        self._db.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [("schema", str(SCHEMA_VERSION)), ("version", "0"), ("encoder", encoder)],
        )
        self._db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()

    def is_outdated(self) -> bool:
        """Whether the file has changed under a connection that cannot see it."""
        return self._frozen is not None and self._frozen != database.frozen_state(self.path)

    # Reading.

    def meta(self, key: str) -> str:
        """A value of the `meta` table, "" when absent."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    @property
    def version(self) -> int:
        """Counts committed changes; a derived index notes the version it was made from."""
        return int(self.meta("version"))

    def article_digest(self, article_id: str) -> bytes | None:
        """Digest of the current article of that id, as `article_digest` gives it."""
        row = self._db.execute(
            "SELECT digest FROM articles WHERE article_id = ? AND retired IS NULL", (article_id,)
        ).fetchone()
        return bytes(row[0]) if row else None

    def articles(
        self,
        *,
        article_ids: Iterable[str] | None = None,
        source: str = "",
        with_text: bool = True,
    ) -> Iterator[Article]:
        """Current articles, newest first; only those of the ids or the outlet, if given."""
        columns = _ARTICLE_COLUMNS if with_text else _ARTICLE_COLUMNS.replace("a.text", "''")
        sql = f"SELECT {columns} FROM articles a WHERE a.retired IS NULL"
        if article_ids is None:
            sql += " AND a.source = ?" if source else ""
            order = "ORDER BY a.published DESC, a.article_id"
            rows = self._db.execute(f"{sql} {order}", [source] if source else [])
            yield from (Article(*row) for row in rows)
            return
        for article_id in article_ids:
            rows = self._db.execute(f"{sql} AND a.article_id = ?", (article_id,))
            yield from (Article(*row) for row in rows)

    def history(self, article_id: str) -> list[tuple[Article, Origin, int]]:
        """Every version of an article, oldest first: with where it was read, and when (s, UTC)."""
        rows = self._db.execute(
            f"SELECT a.origin, a.encoding, a.added_at, {_ARTICLE_COLUMNS} FROM articles a "
            "WHERE a.article_id = ? ORDER BY a.row",
            (article_id,),
        )
        return [(Article(*values), Origin(place, code), at) for place, code, at, *values in rows]

    def origin(self, article_id: str) -> Origin:
        """Where the current article of that id was read."""
        return self.history(article_id)[-1][1]

    def repeated_lines(self, source: str, n_stories: int, share: float) -> set[bytes]:
        """Digests of the lines at the edges of that many of an outlet's stories, and that share."""
        (total,) = self._db.execute(
            "SELECT count(DISTINCT story_id) FROM outlet_lines WHERE source = ?", (source,)
        ).fetchone()
        rows = self._db.execute(
            "SELECT line FROM outlet_lines WHERE source = ? GROUP BY line HAVING count(*) >= ?",
            (source, max(n_stories, share * total)),
        )
        return {bytes(line) for (line,) in rows}

    def chunk_rows(self) -> dict[Language, Ids]:
        """Row numbers of all current chunks, ascending, by language."""
        rows: dict[Language, Ids] = {}
        for language in LANGUAGES:
            found = self._db.execute(
                "SELECT c.row FROM chunks c JOIN articles a ON a.row = c.article_row "
                "WHERE c.retired IS NULL AND a.language = ? ORDER BY c.row",
                (language,),
            )
            rows[language] = np.fromiter((row for (row,) in found), np.int64)
        return rows

    def chunks(self, rows: Sequence[int]) -> dict[int, tuple[Chunk, Article]]:
        """Chunks with their articles by row number; rows no longer there are left out."""
        found = self._db.execute(
            'SELECT row, article_row, chunk_id, ordinal, start, "end", n_tokens FROM chunks '
            f"WHERE row IN ({_marks(rows)})",
            [int(row) for row in rows],
        ).fetchall()
        # Each article is read once, however many of its chunks are asked for.
        wanted = list({article_row for _, article_row, *_ in found})
        stored = self._db.execute(
            f"SELECT a.row, {_ARTICLE_COLUMNS} FROM articles a WHERE a.row IN ({_marks(wanted)})",
            wanted,
        )
        articles = {row: Article(*values) for row, *values in stored}
        chunks = {}
        for row, article_row, chunk_id, ordinal, start, end, n_tokens in found:
            if article_row not in articles:  # removed between the two reads
                continue
            article = articles[article_row]
            text = article.text[start:end]
            chunks[row] = (
                Chunk(
                    chunk_id,
                    article.article_id,
                    article.language,
                    ordinal,
                    text,
                    start,
                    end,
                    n_tokens,
                ),
                article,
            )
        return chunks

    def n_matching_articles(self, filters: Filters) -> int:
        """Number of current articles that pass the filters."""
        columns = _ARTICLE_COLUMNS.replace("a.text", "''")
        articles = self._db.execute(f"SELECT {columns} FROM articles a WHERE a.retired IS NULL")
        return sum(filters.accept(Article(*values)) for values in articles)

    def matching_rows(self, filters: Filters) -> Ids:
        """Row numbers of the chunks whose articles pass the filters, ascending."""
        columns = _ARTICLE_COLUMNS.replace("a.text", "''")
        articles = self._db.execute(f"SELECT a.row, {columns} FROM articles a")
        accepted = {row for row, *values in articles if filters.accept(Article(*values))}
        found = self._db.execute("SELECT row, article_row FROM chunks ORDER BY row")
        return np.fromiter((row for row, article_row in found if article_row in accepted), np.int64)

    def lexical_texts(self, rows: Sequence[int]) -> Iterator[tuple[int, str, str]]:
        """(row, title, text) of chunks."""
        for i in range(0, len(rows), 500):
            for row, (chunk, article) in self.chunks(rows[i : i + 500]).items():
                yield row, article.title, chunk.text

    def vectors(self, rows: Sequence[int]) -> npt.NDArray[np.float16]:
        """Vectors of chunks in the given order, (n_rows, dimension)."""
        found = dict(self._encoded("vector", rows))
        return np.stack([np.frombuffer(found[int(row)], np.float16) for row in rows])

    def token_codes(self, rows: Sequence[int]) -> dict[int, bytes]:
        """Packed token codes by chunk row; rows no longer there are left out."""
        return dict(self._encoded("tokens", rows))

    def _encoded(self, column: str, rows: Sequence[int]) -> Iterator[tuple[int, bytes]]:
        for i in range(0, len(rows), 500):
            batch = [int(row) for row in rows[i : i + 500]]
            yield from self._db.execute(
                f"SELECT c.row, e.{column} "
                "FROM chunks c JOIN encodings e ON e.row = c.encoding_row "
                f"WHERE c.row IN ({_marks(batch)})",
                batch,
            )

    def known_digests(self, digests: Iterable[bytes]) -> set[bytes]:
        """Those of the digests whose texts are already encoded."""
        return {
            digest
            for digest in digests
            if self._db.execute("SELECT 1 FROM encodings WHERE digest = ?", (digest,)).fetchone()
        }

    def same_story(self, values: Signature, language: Language) -> str:
        """`story_id` of the most similar current article, "" when none is a near-duplicate."""
        marks = ", ".join("?" * stories.N_BANDS)
        rows = self._db.execute(
            "SELECT DISTINCT a.row, a.story_id, a.signature FROM bands b "
            "JOIN articles a ON a.row = b.article_row "
            f"WHERE b.band IN ({marks}) AND a.retired IS NULL AND a.language = ? ORDER BY a.row",
            [*stories.bands(values), language],
        )
        found = [
            (stories.similarity(values, np.frombuffer(signature, np.uint64)), story_id)
            for _, story_id, signature in rows
        ]
        best, story_id = max(found, default=(0.0, ""), key=lambda pair: pair[0])
        return story_id if best >= stories.SAME_STORY else ""

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One unchanging state of the catalogue for several reads."""
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("COMMIT")

    def records(self) -> Iterator[dict[str, Any]]:
        """Every version of every article with its chunks, older versions first."""
        rows = self._db.execute(
            "SELECT a.row, a.origin, a.encoding, a.added_at, a.retired IS NOT NULL, "
            f"{_ARTICLE_COLUMNS} FROM articles a ORDER BY a.row"
        )
        for row, origin, encoding, added_at, retired, *values in rows:
            chunks = self._db.execute(
                'SELECT chunk_id, ordinal, start, "end", n_tokens FROM chunks '
                "WHERE article_row = ? AND retired IS NULL ORDER BY ordinal",
                (row,),
            )
            names = ("chunk_id", "ordinal", "start", "end", "n_tokens")
            yield dict(zip(_ARTICLE_FIELDS, values, strict=True)) | {
                "origin": origin,
                "encoding": encoding,
                "added_at": added_at,
                "retired": bool(retired),
                "chunks": [dict(zip(names, chunk, strict=True)) for chunk in chunks],
            }

    def encodings(self) -> Iterator[StoredEncoding]:
        """The encodings of current chunks."""
        rows = self._db.execute(
            "SELECT digest, vector, tokens FROM encodings WHERE row IN "
            "(SELECT encoding_row FROM chunks WHERE retired IS NULL) ORDER BY row"
        )
        return (StoredEncoding(*row) for row in rows)

    def counts(self) -> dict[str, int]:
        """Number of current articles and chunks, and of encodings."""
        ask = self._db.execute
        return {
            "articles": ask("SELECT count(*) FROM articles WHERE retired IS NULL").fetchone()[0],
            "chunks": ask("SELECT count(*) FROM chunks WHERE retired IS NULL").fetchone()[0],
            "encodings": ask("SELECT count(*) FROM encodings").fetchone()[0],
        }

    def problems(self) -> list[str]:
        """What is wrong inside the file, one line each."""
        checks = [str(row[0]) for row in self._db.execute("PRAGMA integrity_check(5)")]
        found = [] if checks == ["ok"] else checks
        orphans = self._db.execute(
            "SELECT count(*) FROM chunks c LEFT JOIN articles a ON a.row = c.article_row "
            "LEFT JOIN encodings e ON e.row = c.encoding_row WHERE a.row IS NULL OR e.row IS NULL"
        ).fetchone()[0]
        if orphans:
            found.append(f"{orphans} chunks have lost their article or encoding")
        return found + self._changed_rows()

    def _changed_rows(self) -> list[str]:
        """Rows whose content is not what was stored, by their digests and checksums."""
        found = []
        for article in self.articles():
            if article_digest(article) != self.article_digest(article.article_id):
                found.append(f"article {article.article_id!r} is not what was stored")
        for table, columns in (("articles", CHECKED_ARTICLE), ("chunks", CHECKED_CHUNK)):
            rows = self._db.execute(f"SELECT row, crc, {', '.join(columns)} FROM {table}")
            changed = [row for row, noted, *values in rows if row_crc(values) != noted]
            if changed:
                found.append(f"{len(changed)} {table} are not what was stored (row {changed[0]})")
        wrong = [
            row
            for row, vector, tokens, noted in self._db.execute(
                "SELECT row, vector, tokens, crc FROM encodings"
            )
            if crc(vector, tokens) != noted
        ]
        if wrong:
            found.append(f"{len(wrong)} encodings are not what was stored (row {wrong[0]} first)")
        return found + self._misplaced_chunks()

    def _misplaced_chunks(self) -> list[str]:
        encoder = self.meta("encoder")
        rows = self._db.execute(
            "SELECT c.row, e.digest FROM chunks c JOIN encodings e ON e.row = c.encoding_row "
            "WHERE c.retired IS NULL"
        ).fetchall()
        wrong = []
        for i in range(0, len(rows), 500):
            digests = dict(rows[i : i + 500])
            for row, (chunk, _) in self.chunks(list(digests)).items():
                if chunk_digest(chunk, encoder) != bytes(digests[row]):
                    wrong.append(chunk.chunk_id)
        return (
            [f"{len(wrong)} chunks are not where they were cut ({wrong[0]} first)"] if wrong else []
        )

    # Writing.

    @contextmanager
    def transaction(self, *, counted: bool = True) -> Iterator[int]:
        """All or nothing; yields the version the change will have.

        What changes nothing that a search could find is not `counted`.
        """
        self._db.execute("BEGIN IMMEDIATE")
        try:
            version = self.version + counted
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'version'", (str(version),))
            yield version
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk has rolled back already
                self._db.execute("ROLLBACK")
            raise

    def set_meta(self, key: str, value: str) -> None:
        """Sets a value of the `meta` table."""
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def outlet_lines(self) -> Iterator[tuple[str, bytes, str]]:
        """(outlet, line digest, story) of every line noted."""
        yield from self._db.execute("SELECT source, line, story_id FROM outlet_lines")

    def note_lines(self, source: str, lines: Iterable[bytes], story_id: str) -> None:
        """Counts lines at the edges of an outlet's article, once a story."""
        self._db.executemany(
            "INSERT OR IGNORE INTO outlet_lines VALUES (?, ?, ?)",
            [(source, line, story_id) for line in lines],
        )

    def add_encodings(self, encodings: Iterable[StoredEncoding]) -> None:
        self._db.executemany(
            "INSERT OR IGNORE INTO encodings (digest, vector, tokens, crc) VALUES (?, ?, ?, ?)",
            [(e.digest, e.vector, e.tokens, crc(e.vector, e.tokens)) for e in encodings],
        )

    def put_article(
        self,
        article: Article,
        chunks: Sequence[tuple[Chunk, bytes]],
        *,
        origin: Origin,
        version: int,
        story_id: str = "",
        added_at: int = 0,
    ) -> str:
        """Adds the article, or replaces the current one of its id; its encodings must be there.

        Each chunk comes with the digest of what was encoded. Gives the `story_id`: that of the
        nearest near-duplicate already there, else its own.
        An imported article brings both, and the time it was added (s, UTC).
        """
        self._retire(article.article_id, version)
        values = stories.signature(article.text)
        # The id alone would recur when the article changes, and join what is no longer alike.
        own = f"{article.article_id}@{article_digest(article).hex()[:8]}"
        story_id = story_id or self.same_story(values, article.language) or own
        checked = [
            *asdict(replace(article, story_id=story_id)).values(),
            article_digest(article),
            values.tobytes(),
            origin.place,
            origin.encoding,
            added_at or int(time.time()),
        ]
        cursor = self._db.execute(
            f"INSERT INTO articles ({', '.join(CHECKED_ARTICLE)}, crc) "
            f"VALUES ({_marks(CHECKED_ARTICLE)}, ?)",
            [*checked, row_crc(checked)],
        )
        self._db.executemany(
            "INSERT OR IGNORE INTO bands VALUES (?, ?)",
            [(band, cursor.lastrowid) for band in stories.bands(values)],
        )
        self._put_chunks(int(cursor.lastrowid or 0), chunks)
        return story_id

    def _put_chunks(self, article_row: int, chunks: Sequence[tuple[Chunk, bytes]]) -> None:
        for c, digest in chunks:
            (encoding,) = self._db.execute(
                "SELECT row FROM encodings WHERE digest = ?", (digest,)
            ).fetchone()
            checked = [article_row, encoding, c.chunk_id, c.ordinal, c.start, c.end, c.n_tokens]
            self._db.execute(
                f"INSERT INTO chunks ({', '.join(CHECKED_CHUNK)}, crc) "
                f"VALUES ({_marks(CHECKED_CHUNK)}, ?)",
                [*checked, row_crc(checked)],
            )

    def replace_chunks(
        self, article_id: str, chunks: Sequence[tuple[Chunk, bytes]], *, version: int
    ) -> None:
        """Cuts a current article anew; readers of the published generation keep the old chunks."""
        (row,) = self._db.execute(
            "SELECT row FROM articles WHERE article_id = ? AND retired IS NULL", (article_id,)
        ).fetchone()
        self._db.execute(
            "UPDATE chunks SET retired = ? WHERE article_row = ? AND retired IS NULL",
            (version, row),
        )
        self._put_chunks(row, chunks)

    def _retire(self, article_id: str, version: int) -> None:
        row = self._db.execute(
            "SELECT row FROM articles WHERE article_id = ? AND retired IS NULL", (article_id,)
        ).fetchone()
        if row:
            self._db.execute("UPDATE articles SET retired = ? WHERE row = ?", (version, row[0]))
            self._db.execute(
                "UPDATE chunks SET retired = ? WHERE article_row = ? AND retired IS NULL",
                (version, row[0]),
            )

    def remove_article(self, article_id: str) -> bool:
        """Deletes the article with its whole history; False when there was none.

        Its encodings stay until `drop_unused_encodings`.
        """
        rows = self._db.execute(
            "SELECT row, signature FROM articles WHERE article_id = ?", (article_id,)
        ).fetchall()
        for row, signature in rows:
            self._db.execute("DELETE FROM chunks WHERE article_row = ?", (row,))
            self._db.executemany(
                "DELETE FROM bands WHERE band = ? AND article_row = ?",
                [(band, row) for band in stories.bands(np.frombuffer(signature, np.uint64))],
            )
            self._db.execute("DELETE FROM articles WHERE row = ?", (row,))
        return bool(rows)

    def drop_retired_chunks(self, before: int) -> None:
        """Deletes chunks retired at or before that version, and encodings nothing uses."""
        if self._db.execute("DELETE FROM chunks WHERE retired <= ?", (before,)).rowcount:
            self.drop_unused_encodings()

    def drop_unused_encodings(self) -> None:
        """Deletes encodings that no chunk uses, unless the index is moving to another encoder."""
        if self.meta("reencoding"):  # what is encoded so far is not in use yet
            return
        self._db.execute(
            "DELETE FROM encodings WHERE NOT EXISTS "
            "(SELECT 1 FROM chunks WHERE encoding_row = encodings.row)"
        )


def _missing(folder: Path) -> IndexMissingError:
    return IndexMissingError(
        f"{folder} holds no Burhan index; make one with: burhan index SOURCE --index {folder}"
    )


def _marks(values: Sequence[Any]) -> str:
    return ", ".join("?" * len(values))
