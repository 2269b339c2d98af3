"""The extractive engine: the evidence itself, quoted and attributed in the question's language."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from babel.dates import format_date, format_timedelta
from babel.lists import format_list

from index.names import name_terms
from index.normalize import search_terms
from index.types import Article, Hit, Language
from prompts import say
from rag.facts import telling_numbers
from rag.question import answer_type, asks_what_happened
from rag.types import Evidence, Nearest, Query

NAME = "extractive"

# Past that an article's age is told, in days.
_OLD = 365
# Share of the shorter quote's terms, or of its names and numbers across languages, that another
# outlet's quote has when both say the same.
_SAME, _SAME_ABROAD = 0.6, 0.5
# Least share that two quotes of one subject have in common when they differ on a number.
_SAME_SUBJECT = 0.3
_NESTED = str.maketrans({"“": "‘", "”": "’", "«": "‹", "»": "›", '"': "’"})
_MARKER_LIKE = re.compile(r"[\[【]([\d\s,،;–-]+)[\]】]")


@dataclass(frozen=True, slots=True)
class _Group:
    """Quotes of several outlets that say the same; the first is shown."""

    members: list[Evidence]

    @property
    def first(self) -> Evidence:
        return self.members[0]


def answer_lines(query: Query, evidence: Sequence[Evidence]) -> list[str]:
    """What is said before the quotes, if anything, and the quotes."""
    lines = period_lines(query)
    if all(one.hit.chunk.language != query.language for one in evidence):
        lines.append(_say(query.language, "foreign_only"))
    return lines + quote_lines(query, evidence)


def quote_lines(query: Query, evidence: Sequence[Evidence]) -> list[str]:
    """A line for each quote that says something new; what happened, in the order of time."""
    groups = _grouped(evidence)
    lines = []
    if asks_what_happened(query.question):
        groups.sort(key=lambda group: group.first.hit.article.published or "9999")
    elif answer_type(query.question) == "number" and _differ(groups):
        lines.append(_say(query.language, "differ"))
    before = ""
    for group in groups:
        article_id = group.first.hit.article.article_id
        lines.append(_quote_line(group, query, again=article_id == before))
        before = article_id
    return lines


def period_lines(query: Query) -> list[str]:
    """That only a period was searched, when the question named one relative to today."""
    if not (query.period and query.period.strict):
        return []
    return [
        _say(
            query.language,
            "period",
            first=spoken_date(query.period.first.isoformat(), query.language),
            last=spoken_date(query.period.last.isoformat(), query.language),
            as_of=spoken_date(query.as_of.isoformat(), query.language),
        )
    ]


def refusal(query: Query, n_articles: int, nearest: Sequence[Nearest]) -> str:
    """That the articles do not answer, what was searched, and what comes nearest."""
    phrase = "refusal" if n_articles else "refusal_nothing"
    if query.period and query.period.strict:
        phrase += "" if n_articles else "_period"
    elif query.filters:
        phrase += "_filtered"
    language = query.language
    counted = _say(language, f"n_articles_{_plural(n_articles, language)}", n=n_articles)
    lines = [*period_lines(query), _say(language, phrase, n_articles=counted)]
    if nearest:
        titles = [_nearest_title(one, language) for one in nearest]
        lines.append(
            _say(language, "nearest", titles=("؛ " if language == "ar" else "; ").join(titles))
        )
    return "\n\n".join(lines)


def nearest_articles(hits: Sequence[Hit], n: int = 3) -> tuple[Nearest, ...]:
    """The first articles of the hits, each once."""
    articles = {hit.article.article_id: hit.article for hit in hits}
    return tuple(
        Nearest(a.article_id, a.title, a.source, a.url, a.published, a.language)
        for a in list(articles.values())[:n]
    )


def spoken_date(published: str, language: Language) -> str:
    """A date as a reader writes it, with the precision it has."""
    parts = [int(part) for part in published.split("-")]
    if len(parts) == 1:
        return str(parts[0])
    day = date(*parts) if len(parts) == 3 else date(parts[0], parts[1], 1)
    pattern = "d MMMM y" if len(parts) == 3 else "MMMM y"
    return format_date(day, pattern, locale=language)


def shown_quote(quote: str) -> str:
    """A quote on one line, in which nothing can be taken for a citation of ours.

    Where it has something like one, its marks are nested too, so that it cannot seem to end early.
    """
    flat = " ".join(re.split(r"\s*[\n\r\u0085\u2028\u2029]\s*", quote))
    if not _MARKER_LIKE.search(flat):
        return flat
    return _MARKER_LIKE.sub(r"(\1)", flat).translate(_NESTED)


def shown_name(name: str) -> str:
    """A title or outlet within a sentence: one line, without marks that could end it."""
    flat = " ".join(name.split())
    if len(flat) == len(name) and not re.search(r"[“”«»\"\[\]]", name):
        return name
    return _MARKER_LIKE.sub(r"(\1)", flat).translate(_NESTED)


def _grouped(evidence: Sequence[Evidence]) -> list[_Group]:
    groups: list[_Group] = []
    for one in evidence:
        for group in groups:
            if _same(group.first, one):
                group.members.append(one)
                break
        else:
            groups.append(_Group([one]))
    return groups


def _same(one: Evidence, other: Evidence) -> bool:
    """Whether two articles say the same: the same numbers, and mostly the same words or names."""
    if one.hit.article.article_id == other.hit.article.article_id:
        return False
    if telling_numbers(one.quote) != telling_numbers(other.quote):
        return False
    home = one.hit.chunk.language == other.hit.chunk.language
    return _overlap(one, other) >= (_SAME if home else _SAME_ABROAD)


def _overlap(one: Evidence, other: Evidence) -> float:
    home = one.hit.chunk.language == other.hit.chunk.language
    terms = search_terms if home else name_terms
    first, second = set(terms(one.quote)), set(terms(other.quote))
    return len(first & second) / max(1, min(len(first), len(second)))


def _differ(groups: Sequence[_Group]) -> bool:
    """Whether outlets give different numbers of one thing."""
    return any(
        one.first.hit.article.article_id != other.first.hit.article.article_id
        and _overlap(one.first, other.first) >= _SAME_SUBJECT
        and not telling_numbers(one.first.quote) & telling_numbers(other.first.quote)
        and all(telling_numbers(group.first.quote) for group in (one, other))
        for one, other in combinations(groups, 2)
    )


def _quote_line(group: _Group, query: Query, *, again: bool) -> str:
    """The quote with its attribution, which another of the same article need not repeat."""
    language, first = query.language, group.first
    phrase = "quote_again" if again else "quote"
    foreign = "_foreign" if first.hit.chunk.language != language else ""
    values = {} if again else {"attribution": _attribution(group, query)}
    return _say(
        language,
        phrase + foreign,
        quote=shown_quote(first.quote),
        markers="".join(f"[{one.marker}]" for one in group.members),
        **values,
    )


def _attribution(group: _Group, query: Query) -> str:
    language, article = query.language, group.first.hit.article
    others = [one.hit.article.source for one in group.members[1:]]
    others += group.first.hit.also_reported_by
    outlets = [shown_name(name) for name in dict.fromkeys((article.source, *others)) if name]
    values = {"title": shown_name(article.title)}
    phrase = "attribution" if article.source else "attribution_unsigned"
    if article.source:
        values["source"] = format_list(outlets, locale=language)
    if article.published:
        phrase += "_dated"
        values["date"] = _dated(article, query)
    if not article.source and article.language != language:
        phrase += "_foreign"
    return _say(language, phrase, **values)


def _dated(article: Article, query: Query) -> str:
    """The date, and how long ago that was when it is long."""
    told = spoken_date(article.published, query.language)
    if len(article.published) == 10:
        age = query.as_of - date.fromisoformat(article.published)
        if age.days > _OLD:
            ago = format_timedelta(-age, locale=query.language, add_direction=True, threshold=2)
            return _say(query.language, "aged", date=told, ago=ago)
    return told


def _nearest_title(one: Nearest, language: Language) -> str:
    phrase = "nearest_title" if one.language == language else "nearest_title_foreign"
    facts = [shown_name(one.source)] if one.source else []
    facts += [spoken_date(one.published, language)] if one.published else []
    told = _say(language, phrase, title=shown_name(one.title))
    comma = "، " if language == "ar" else ", "
    return f"{told} ({comma.join(facts)})" if facts else told


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
