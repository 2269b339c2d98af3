"""SQLite connections whose errors say what to do."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from index.errors import IndexDamagedError, RagError


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """A connection in autocommit mode; the file is made unless `read_only`."""
    mode = "mode=ro" if read_only else "mode=rwc"
    if read_only and frozen_state(path) is not None:
        mode += "&immutable=1"
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?{mode}",
        uri=True,
        timeout=30,
        isolation_level=None,
        check_same_thread=False,
        factory=_Connection,
    )


def frozen_state(path: Path) -> tuple[int, int] | None:
    """What tells one state of a file that is read as unchanging from the next; None if it is not.

    Without write access to the folder there is no room for the shared memory of a WAL reader.
    """
    wal = path.with_name(path.name + "-wal")
    if os.access(path.parent, os.W_OK) or wal.exists():
        return None
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_mtime_ns, state.st_size


class _Cursor(sqlite3.Cursor):
    """A cursor whose errors while rows are fetched are Burhan's own."""

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except sqlite3.Error as error:
            raise as_rag_error(error) from error

    def fetchone(self) -> Any:
        try:
            return super().fetchone()
        except sqlite3.Error as error:
            raise as_rag_error(error) from error

    def fetchall(self) -> list[Any]:
        try:
            return super().fetchall()
        except sqlite3.Error as error:
            raise as_rag_error(error) from error


class _Connection(sqlite3.Connection):
    """A connection whose errors are Burhan's own."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return self.cursor(_Cursor).execute(*arguments)
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
