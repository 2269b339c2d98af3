"""Burhan's public API: cited answers from news articles, in Arabic and English.

import rag

assistant = rag.open("data/index")
answer = assistant.ask("Who guards the Conoco field?")
print(answer.text, answer.citations)
"""

import logging
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index.errors import (
    EncoderError,
    IndexDamagedError,
    IndexLockedError,
    IndexMismatchError,
    IndexMissingError,
    ModelError,
    RagError,
    SettingsError,
    SourceError,
)
from index.types import Article, Chunk, Filters, Hit, Language
from rag.types import Answer, Citation, Evidence, History, Nearest, Query, Turn

if TYPE_CHECKING:
    from rag.assistant import Assistant
    from rag.settings import Settings

__all__ = [
    "Answer",
    "Article",
    "Assistant",
    "Chunk",
    "Citation",
    "EncoderError",
    "Evidence",
    "Filters",
    "Hit",
    "IndexDamagedError",
    "IndexLockedError",
    "IndexMismatchError",
    "IndexMissingError",
    "Language",
    "ModelError",
    "Nearest",
    "Query",
    "RagError",
    "Settings",
    "SettingsError",
    "SourceError",
    "Turn",
    "ask",
    "open",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def open(index: str | Path | None = None, settings: "Settings | None" = None) -> "Assistant":
    """Opens the index in that folder, by default the one of the settings.

    Raises:
        IndexMissingError: There is no index; the message gives the command that makes one.
        RagError: Any other reason, as its text says.
    """
    from rag.assistant import open_assistant

    return open_assistant(index, settings)


def ask(
    question: str,
    language: Language | None = None,
    history: History = (),
    filters: Filters | None = None,
    as_of: date | None = None,
) -> Answer:
    """One question to the index of the settings, which stays open for the next one."""
    from rag.settings import load_settings

    return _shared(load_settings()).ask(question, language, history, filters, as_of)


@lru_cache(maxsize=1)
def _shared(settings: "Settings") -> "Assistant":
    return open(settings=settings)


def __getattr__(name: str) -> Any:
    # Imported at first use: `import rag` must not wait for FAISS and LangChain.
    if name == "Assistant":
        from rag.assistant import Assistant

        return Assistant
    if name == "Settings":
        from rag.settings import Settings

        return Settings
    raise AttributeError(f"module 'rag' has no attribute {name!r}")
