"""Indexes as earlier versions wrote them."""

import sqlite3

from index.catalogue import FILE_NAME
from index.digest import text_digest

_STATEMENTS = (
    "ALTER TABLE articles DROP COLUMN author",
    "ALTER TABLE articles DROP COLUMN encoding",
    "ALTER TABLE encodings DROP COLUMN crc",
    "ALTER TABLE articles DROP COLUMN crc",
    "ALTER TABLE chunks DROP COLUMN crc",
    "DROP TABLE outlet_lines",
    "UPDATE meta SET value = '1' WHERE key = 'schema'",
)


def to_schema_1(folder):
    """Takes out of a catalogue what schema 2 added."""
    with sqlite3.connect(folder / FILE_NAME) as db:
        for statement in _STATEMENTS:
            db.execute(statement)
        # Schema 1 had digests of the texts alone.
        texts = db.execute(
            "SELECT DISTINCT c.encoding_row, a.language,"
            " substr(a.text, c.start + 1, c.end - c.start)"
            " FROM chunks c JOIN articles a ON a.row = c.article_row"
        ).fetchall()
        for encoding_row, language, text in texts:
            digest = text_digest(f"{language}\0{text}")
            db.execute("UPDATE encodings SET digest = ? WHERE row = ?", (digest, encoding_row))
