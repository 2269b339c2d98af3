"""A question made ready for search: checked, its language found, its conversation resolved."""

import re

from index.normalize import detect_language, fold, search_terms
from index.types import LANGUAGES, Filters, Language
from rag.types import History, Query, Turn

# Words that lean on the turn before: a question opening with one is not complete without it.
_LEANING = re.compile(
    r"(?:and|also|but|what about|how about|who else|what else|then|"
    r"وماذا|وكيف|ومتي|ومن|واين|وكم|ولماذا|وهل|وما|وعن|ماذا عن|وايضا|ثم)\b"
)
_MIN_TERMS = 2


def make_query(
    question: str,
    *,
    max_chars: int,
    language: Language | None = None,
    history: History = (),
    filters: Filters | None = None,
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
    return Query(
        question=question,
        text=standalone(question, history),
        language=language or detect_language(question),
        filters=filters or Filters(),
    )


def standalone(question: str, history: History) -> str:
    """The question with the one before it in front, when it leans on that one to mean anything."""
    if not history:
        return question
    last = history[-1]
    previous = last.question if isinstance(last, Turn) else last[0]
    leans = _LEANING.match(fold(question)) or len(search_terms(question)) < _MIN_TERMS
    return f"{previous} {question}" if leans else question
