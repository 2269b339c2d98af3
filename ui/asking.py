"""A question from the page, and the answer as it comes."""

import logging
import re
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import date
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

import rag
from index.errors import RagError
from index.types import Filters, Language
from rag.types import Answer, Turn
from ui.pump import Put, pumped

logger = logging.getLogger(__name__)

_MAX_TURNS = 20
_Text = Annotated[str, Field(max_length=100_000)]

Shown = dict[str, Any]


class FilterBody(BaseModel):
    """What restricts the search; dates as YYYY-MM-DD, empty where there is no bound."""

    model_config = ConfigDict(extra="forbid")

    sources: list[_Text] = Field([], max_length=10_000)
    languages: list[Language] = []
    published_from: date | None = None
    published_to: date | None = None

    def filters(self) -> Filters:
        """For the search."""
        return Filters(
            sources=tuple(self.sources),
            languages=tuple(self.languages),
            published_from=self.published_from,
            published_to=self.published_to,
        )


class QuestionBody(BaseModel):
    """A question with the conversation it stands in: the server keeps none."""

    model_config = ConfigDict(extra="forbid")

    question: _Text
    history: list[tuple[_Text, _Text]] = Field([], max_length=_MAX_TURNS)
    filters: FilterBody = FilterBody()


def asker(assistant: "rag.Assistant") -> Callable[[dict[str, Any]], AsyncIterator[Shown]]:
    """The endpoint: yields the text so far, at last with the answer or the error."""

    async def ask(payload: dict[str, Any]) -> AsyncIterator[Shown]:
        try:
            body = QuestionBody.model_validate(payload)
        except ValidationError:
            yield failed("error_request")
            return
        refusal = _refusal(body, assistant.settings.max_question_chars)
        if refusal:
            yield refusal
            return
        text = ""
        try:
            async for items in pumped(_work(assistant, body)):
                pieces = [item for item in items if isinstance(item, str)]
                answers = [item for item in items if not isinstance(item, str)]
                text += "".join(pieces)
                if answers:
                    yield {"text": answers[-1].text, "answer": answers[-1].to_dict()}
                else:
                    yield {"text": text}
        except RagError as error:
            yield failed("error_question", reason=str(error))
        except Exception:
            logger.exception("a question failed")
            yield failed("error_internal")

    return ask


def failed(phrase: str, **values: object) -> Shown:
    """An error as the page says it, in its own language."""
    return {"error": {"phrase": phrase, "values": values}}


def _refusal(body: QuestionBody, limit: int) -> Shown | None:
    n = len(body.question)
    first, last = body.filters.published_from, body.filters.published_to
    if not re.search(r"\w", body.question):
        return failed("error_empty")
    if n > limit:
        return failed("error_long", n=n, limit=limit)
    if first and last and first > last:
        return failed("error_dates")
    return None


def _work(assistant: "rag.Assistant", body: QuestionBody) -> Callable[[Put[str | Answer]], None]:
    def work(put: Put[str | Answer]) -> None:
        turns = [Turn(question, answer) for question, answer in body.history]
        stream = assistant.stream(body.question, None, turns, body.filters.filters())
        # Closed when its reader leaves: a language model then stops writing.
        with closing(cast(Any, stream)):
            for item in stream:
                put(item)

    return work
