"""The extractive engine: the evidence itself, quoted and attributed in the question's language."""

from datetime import date

from babel.dates import format_date

from index.types import Article, Language
from prompts import say
from rag.types import Evidence, Query

NAME = "extractive"


def answer_lines(query: Query, evidence: list[Evidence]) -> list[str]:
    """One line for each quote, and a first one when all of them are in the other language."""
    lines = [_quote_line(one, query.language) for one in evidence]
    if all(one.hit.chunk.language != query.language for one in evidence):
        lines.insert(0, _say(query.language, "foreign_only"))
    return lines


def refusal(query: Query, n_articles: int) -> str:
    """That the articles do not answer, and what was searched."""
    phrase = ("refusal" if n_articles else "refusal_nothing") + ("_filtered" * bool(query.filters))
    if not n_articles:
        return _say(query.language, phrase)
    counted = _say(
        query.language, f"n_articles_{_plural(n_articles, query.language)}", n=n_articles
    )
    return _say(query.language, phrase, n_articles=counted)


def spoken_date(published: str, language: Language) -> str:
    """A date as a reader writes it, with the precision it has."""
    parts = [int(part) for part in published.split("-")]
    if len(parts) == 1:
        return str(parts[0])
    day = date(*parts) if len(parts) == 3 else date(parts[0], parts[1], 1)
    pattern = "d MMMM y" if len(parts) == 3 else "MMMM y"
    return format_date(day, pattern, locale=language)


def _quote_line(evidence: Evidence, language: Language) -> str:
    foreign = evidence.hit.chunk.language != language
    return _say(
        language,
        "quote_foreign" if foreign else "quote",
        attribution=_attribution(evidence.hit.article, language),
        quote=" ".join(evidence.quote.split("\n")),
        marker=evidence.marker,
    )


def _attribution(article: Article, language: Language) -> str:
    values = {"source": article.source, "title": article.title}
    phrase = "attribution" if article.source else "attribution_unsigned"
    if article.published:
        phrase += "_dated"
        values["date"] = spoken_date(article.published, language)
    if not article.source and article.language != language:
        phrase += "_foreign"
    return _say(language, phrase, **values)


def _plural(n: int, language: Language) -> str:
    """Which form of "n articles" the number takes."""
    if n == 1:
        return "one"
    if language == "en":
        return "many"
    if n == 2:
        return "two"
    return "few" if 3 <= n % 100 <= 10 else "many" if 11 <= n % 100 <= 99 else "other"


def _say(language: Language, phrase: str, **values: object) -> str:
    return say(NAME, language, phrase, **values)
