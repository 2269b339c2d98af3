"""Moves a catalogue of an older schema on, in one transaction; nothing is encoded again."""

import sqlite3

from index.digest import crc, encoding_digest, row_crc

_ADD_COLUMNS = (
    "ALTER TABLE articles ADD COLUMN author TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE articles ADD COLUMN encoding TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE articles ADD COLUMN crc INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE chunks ADD COLUMN crc INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE encodings ADD COLUMN crc INTEGER NOT NULL DEFAULT 0",
    "CREATE TABLE outlet_lines (source TEXT NOT NULL, line BLOB NOT NULL, story_id TEXT NOT NULL, "
    "PRIMARY KEY (source, line, story_id)) WITHOUT ROWID",
)

# What checksums of schema 2 cover, written out: later schemas may cover something else.
_ARTICLE = (
    "article_id, language, title, text, source, url, published, updated, story_id, author, "
    "digest, signature, origin, encoding, added_at"
)
_CHUNK = 'article_row, encoding_row, chunk_id, ordinal, start, "end", n_tokens'


def migrate(database: sqlite3.Connection) -> None:
    """Brings schema 1 to schema 2; does nothing to any other."""
    if not database.execute("PRAGMA schema_version").fetchone()[0]:
        return
    meta = dict(database.execute("SELECT key, value FROM meta"))
    if meta.get("schema") != "1":
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        for statement in _ADD_COLUMNS:
            database.execute(statement)
        # Digests did not say by which encoder the text was encoded.
        rows = database.execute("SELECT row FROM encodings").fetchall()
        for (row,) in rows:
            digest, vector, tokens = database.execute(
                "SELECT digest, vector, tokens FROM encodings WHERE row = ?", (row,)
            ).fetchone()
            database.execute(
                "UPDATE encodings SET digest = ?, crc = ? WHERE row = ?",
                (encoding_digest(meta["encoder"], bytes(digest)), crc(vector, tokens), row),
            )
        for table, columns in (("articles", _ARTICLE), ("chunks", _CHUNK)):
            for row, *values in database.execute(f"SELECT row, {columns} FROM {table}").fetchall():
                database.execute(
                    f"UPDATE {table} SET crc = ? WHERE row = ?", (row_crc(values), row)
                )
        database.execute("UPDATE meta SET value = '2' WHERE key = 'schema'")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")
