"""A question made ready for search: checked, its language found, its conversation resolved."""

import re
from dataclasses import replace
from datetime import date

from index.normalize import detect_language
from index.types import LANGUAGES, Filters, Language
from rag.conversation import standalone
from rag.types import History, Query, Turn
from rag.when import Period, asks_for_latest, read_period


def make_query(
    question: str,
    *,
    max_chars: int,
    language: Language | None = None,
    history: History = (),
    filters: Filters | None = None,
    as_of: date | None = None,
) -> Query:
    """Checks the question and resolves its language and conversation.

    Raises:
        ValueError: The question is empty or over-long, or the language unknown.
    """
    question = question.strip()
    if not re.search(r"\w", question):
        raise ValueError("the question is empty; ask one in Arabic or English")
    if len(question) > max_chars:
        raise ValueError(
            f"the question has {len(question):,} characters, the limit is {max_chars:,}; shorten it"
        )
    if language is not None and language not in LANGUAGES:
        raise ValueError(f"language {language!r} is not one of {', '.join(LANGUAGES)}")
    as_of = as_of or date.today()
    filters = filters or Filters()
    history = [_shortened(turn, max_chars) for turn in history]
    text = standalone(question, history)
    within, period = _within(filters, read_period(question, as_of) or read_period(text, as_of))
    return Query(
        question=question,
        text=text,
        language=language or detect_language(question),
        filters=within,
        chosen=filters,
        history=tuple(history),
        as_of=as_of,
        period=period,
        latest=asks_for_latest(text),
    )


def _shortened(turn: Turn | tuple[str, str], max_chars: int) -> Turn:
    asked, answered = (turn.question, turn.answer) if isinstance(turn, Turn) else turn
    return Turn(asked[:max_chars], answered)


def _within(filters: Filters, period: Period | None) -> tuple[Filters, Period | None]:
    """The filters narrowed to a strict period; where nothing would be left, it only prefers."""
    if period is None or not period.strict:
        return filters, period
    first = max(filters.published_from or period.first, period.first)
    last = min(filters.published_to or period.last, period.last)
    if first > last:
        return filters, replace(period, strict=False)
    within = replace(filters, published_from=first, published_to=last)
    return within, Period(first, last, strict=True)
