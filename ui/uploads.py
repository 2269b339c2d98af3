"""Articles added through the page: files kept for a moment, indexed like the command's."""

import hashlib
import logging
import re
import shutil
import sqlite3
import unicodedata
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile

import rag
from index.errors import IndexLockedError, RagError
from index.ingest import Summary, index_sources
from index.readers import count_articles
from ui.asking import Shown, failed
from ui.pump import Put, pumped

logger = logging.getLogger(__name__)

MAX_BYTES = 50_000_000
MAX_FILES = 50
_FOLDER = "uploads"
_KEY = r"[0-9a-f]{16}"
_SECONDS_TO_WAIT = 30
_NAME_CHARS = 100


class FilesBody(BaseModel):
    """Files that were sent before, by the keys given for them."""

    model_config = ConfigDict(extra="forbid")

    keys: list[str] = Field(min_length=1, max_length=MAX_FILES)


def keep(uploads: Sequence[UploadFile], index: Path) -> list[str]:
    """Keeps the files until they are indexed; gives their keys.

    A file lies under the digest of its content: sent again, it is the same article.
    """
    keys = []
    for upload in uploads:
        key = hashlib.sha256(upload.file.read()).hexdigest()[:16]
        folder = index / _FOLDER / key
        folder.mkdir(parents=True, exist_ok=True)
        upload.file.seek(0)
        with (folder / _safe_name(upload.filename or "")).open("wb") as file:
            shutil.copyfileobj(upload.file, file)
        keys.append(key)
    return keys


def adder(assistant: "rag.Assistant") -> Callable[[dict[str, Any]], AsyncIterator[Shown]]:
    """The endpoint: indexes kept files; yields the progress, at last the summary or the error."""
    store = assistant.store

    async def add(payload: dict[str, Any]) -> AsyncIterator[Shown]:
        try:
            keys = FilesBody.model_validate(payload).keys
        except ValidationError:
            yield failed("error_request")
            return
        folders = [store.folder / _FOLDER / key for key in keys if re.fullmatch(_KEY, key)]
        folders = [folder for folder in folders if folder.is_dir()]

        def work(put: Put[Shown]) -> None:
            total = count_articles(folders)

            def tell(summary: Summary) -> None:
                done = summary.read + len(summary.skipped)
                put({"done": done, "total": max(done, total)})

            summary = index_sources(
                folders, store.folder, store.encoder, wait=_SECONDS_TO_WAIT, on_progress=tell
            )
            put({"done": total, "total": total, "summary": _shown(summary)})

        try:
            async for items in pumped(work):
                yield items[-1]
        except IndexLockedError:
            yield failed("error_index_busy")
        except (RagError, OSError, sqlite3.Error) as error:
            logger.warning("an upload was not indexed: %s", error)
            yield failed("error_upload", reason=_without_folders(str(error)))
        except Exception:
            logger.exception("an upload failed")
            yield failed("error_internal")
        finally:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)

    return add


def _shown(summary: Summary) -> dict[str, Any]:
    skipped = [replace(one, origin=_without_folders(one.origin)) for one in summary.skipped]
    return {
        "added": summary.added,
        "replaced": summary.replaced,
        "unchanged": summary.unchanged,
        "skipped": [{"file": one.origin, "reason": one.reason} for one in skipped],
        "encodings": dict(summary.encodings),
    }


def _without_folders(text: str) -> str:
    """The text without the folder that uploads lie in, which is nobody's business."""
    return re.sub(rf"\S*{_FOLDER}/{_KEY}/", "", text)


def _safe_name(name: str) -> str:
    """The last part of a name, without what could hide its ending or the file."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    clean = "".join(c for c in last if c.isprintable()).strip().lstrip(".")
    return clean[-_NAME_CHARS:].lstrip(".") or "article"
