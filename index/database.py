"""SQLite connections whose errors say what to do."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from index.errors import IndexDamagedError, RagError


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """A connection in autocommit mode; the file is made unless `read_only`."""
    mode = "mode=ro" if read_only else "mode=rwc"
    wal = path.with_name(path.name + "-wal")
    if read_only and not os.access(path.parent, os.W_OK) and not wal.exists():
        # Without write access there is no room for the shared memory of a WAL reader.
        mode += "&immutable=1"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        timeout=30,
        isolation_level=None,
        check_same_thread=False,
        factory=_Connection,
    )


class _Connection(sqlite3.Connection):
    """A connection whose errors are Burhan's own."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*arguments)
        except sqlite3.Error as error:
            raise as_rag_error(error) from error

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return super().executemany(*arguments)
        except sqlite3.Error as error:
            raise as_rag_error(error) from error


def as_rag_error(error: sqlite3.Error, path: Path | str = "the catalogue") -> RagError:
    """What a caller should read of SQLite's error: damage, or a disk or lock in the way."""
    if isinstance(error, sqlite3.OperationalError) and "decode" not in str(error):
        return RagError(
            f"{path} cannot be used now ({error}); check its disk space and permissions"
        )
    reason = str(error).split(" with text ")[0]
    return IndexDamagedError(
        f"{path} cannot be read ({reason}); restore the index from a copy, "
        "or delete the folder and index again"
    )
