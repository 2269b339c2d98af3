"""The assistant: an index opened for questions. What other services call."""

import re
from collections.abc import Iterator
from pathlib import Path

from langchain_core.runnables import Runnable

from index.encoder import open_encoder
from index.store import Store
from index.types import Article, Filters, Hit, Language
from rag.chain import build_chain
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
        self.retriever = Retriever(
            store=store,
            n_candidates=settings.n_candidates,
            max_question_chars=settings.max_question_chars,
        )
        self.chain = build_chain(self.retriever, settings)

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
    ) -> Answer:
        """An answer in the question's language, or in `language`, with its citations.

        Args:
            question: In Arabic or English.
            language: Of the answer; the question's own by default.
            history: Earlier exchanges, oldest first, for a question that leans on them.
            filters: Restricts the articles that are searched.

        Raises:
            ValueError: The question is empty or over-long.
        """
        return self.chain.invoke(self._query(question, language, history, filters))

    async def aask(
        self,
        question: str,
        language: Language | None = None,
        history: History = (),
        filters: Filters | None = None,
    ) -> Answer:
        """`ask`, without blocking the event loop."""
        return await self.chain.ainvoke(self._query(question, language, history, filters))

    def stream(
        self,
        question: str,
        language: Language | None = None,
        history: History = (),
        filters: Filters | None = None,
    ) -> Iterator[str | Answer]:
        """Pieces of the answer's text, which joined are all of it, then the `Answer`."""
        answer = self.ask(question, language, history, filters)
        yield from re.findall(r"\S+\s*|\s+", answer.text)
        yield answer

    def articles(self) -> list[Article]:
        """Every indexed article, newest first."""
        return self.store.snapshot().articles()

    def _query(
        self,
        question: str,
        language: Language | None = None,
        history: History = (),
        filters: Filters | None = None,
    ) -> Query:
        return make_query(
            question,
            max_chars=self.settings.max_question_chars,
            language=language,
            history=history,
            filters=filters,
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
