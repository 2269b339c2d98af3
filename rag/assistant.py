"""The assistant: an index opened for questions. What other services call."""

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from threading import Event

from langchain_core.runnables import Runnable

from index.encoder import open_encoder
from index.reader import open_reader
from index.store import Store
from index.types import Article, Filters, Hit, Language
from rag.chain import AnswerChain
from rag.query import make_query
from rag.retrieve import Retriever
from rag.settings import Settings, load_settings
from rag.types import Answer, History, Query

_MAX_K = 1_000


class Assistant:
    """Answers questions from one index; safe to share between threads.

    Attributes:
        retriever: The LangChain retriever that `search` and `ask` use.
        chain: The LangChain runnable from a `Query` to an `Answer`.
    """

    retriever: Retriever
    chain: Runnable[Query, Answer]

    def __init__(self, store: Store, settings: Settings) -> None:
        self.store = store
        self.settings = settings
        # One that does not fit is told of now, not at the first question.
        open_reader(store.encoder)
        self.retriever = Retriever(
            store=store,
            n_candidates=settings.n_candidates,
            max_question_chars=settings.max_question_chars,
        )
        self._chain = AnswerChain(self.retriever, settings)
        self.chain = self._chain.runnable

    def search(self, question: str, k: int = 10, filters: Filters | None = None) -> list[Hit]:
        """The `k` best chunks for a question in either language, best first.

        Raises:
            ValueError: The question is empty or over-long, or `k` not between 1 and 1,000.
        """
        if not 1 <= k <= _MAX_K:
            raise ValueError(f"k is {k}; it must be between 1 and {_MAX_K:,}")
        query = self._query(question, filters=filters)
        return self.retriever.search(query, self.retriever.encode(query.text), k)

    def ask(
        self,
        question: str,
        language: Language | None = None,
        history: History = (),
        filters: Filters | None = None,
        as_of: date | None = None,
    ) -> Answer:
        """An answer in the question's language, or in `language`, with its citations.

        Args:
            question: In Arabic or English.
            language: Of the answer; the question's own by default.
            history: Earlier exchanges, oldest first, for a question that leans on them.
            filters: Restricts the articles that are searched.
            as_of: The day that "yesterday" and "last week" are counted from; that of the
                settings by default, else today.

        Raises:
            ValueError: The question is empty or over-long.
        """
        return self._chain.answer(self._query(question, language, history, filters, as_of))

    async def aask(
        self,
        question: str,
        language: Language | None = None,
        history: History = (),
        filters: Filters | None = None,
        as_of: date | None = None,
    ) -> Answer:
        """`ask`, without blocking the event loop; cancelling it stops the model as well."""
        query, cancelled = self._query(question, language, history, filters, as_of), Event()
        try:
            return await asyncio.to_thread(self._chain.answer, query, cancelled)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    def stream(
        self,
        question: str,
        language: Language | None = None,
        history: History = (),
        filters: Filters | None = None,
        as_of: date | None = None,
    ) -> Iterator[str | Answer]:
        """Pieces of the answer's text, which joined are all of it, then the `Answer`.

        A model's statements come one by one, each already checked. Closing the iterator stops
        the model.
        """
        yield from self._chain.events(self._query(question, language, history, filters, as_of))

    def articles(self) -> list[Article]:
        """Every indexed article, newest first."""
        return self.store.snapshot().articles()

    def _query(
        self,
        question: str,
        language: Language | None = None,
        history: History = (),
        filters: Filters | None = None,
        as_of: date | None = None,
    ) -> Query:
        return make_query(
            question,
            max_chars=self.settings.max_question_chars,
            language=language,
            history=history,
            filters=filters,
            as_of=as_of or self.settings.as_of,
        )


def open_assistant(index: str | Path | None = None, settings: Settings | None = None) -> Assistant:
    """Opens the index in that folder, by default the one of the settings.

    Raises:
        IndexMissingError: There is no index; the message gives the command that makes one.
        RagError: Any other reason, as its text says.
    """
    settings = settings or load_settings()
    folder = Path(index) if index is not None else settings.index
    Store.check(folder)
    encoder = open_encoder(settings.encoder, settings.cache, settings.encoder_backend)
    return Assistant(Store(folder, encoder), settings)
