"""What is indexed, as the page shows it: outlets, months, articles, questions to begin with."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from itertools import islice
from typing import Any

import rag
from index.normalize import fold
from index.store import Snapshot
from index.types import LANGUAGES, Article, Language
from prompts import say

_PAGE = 30
_N_FOUND = 50
_N_EXAMPLES = 4
_TRIED = 8
_TITLE_CHARS = 70


class Collection:
    """The articles of an assistant; what is counted once lasts until the next is published."""

    def __init__(self, assistant: "rag.Assistant") -> None:
        self._assistant = assistant
        self._listing = lru_cache(maxsize=1)(Snapshot.listing)
        self._examples = lru_cache(maxsize=1)(self._find_examples)

    def overview(self) -> dict[str, Any]:
        """Numbers of articles: in all, by language, by outlet, by month and language."""
        articles = self._articles()
        months = Counter((a.published[:7], a.language) for a in articles if len(a.published) >= 7)
        known = sorted(a.published for a in articles if a.published)
        return {
            "articles": len(articles),
            "languages": dict(Counter(a.language for a in articles)),
            "outlets": [
                {"name": name, "n": n, "language": language}
                for name, n, language in _outlets(articles)
            ],
            "months": [
                {"month": month, **{name: months[month, name] for name in LANGUAGES}}
                for month in sorted({month for month, _ in months})
            ],
            "undated": sum(len(a.published) < 7 for a in articles),
            "first": known[0] if known else "",
            "last": known[-1] if known else "",
        }

    def page(
        self, query: str = "", source: str = "", month: str = "", language: str = "", start: int = 0
    ) -> dict[str, Any]:
        """Articles that pass, newest first, or best first where there is a query."""
        found = [
            article
            for article in (self._found(query) if query.strip() else self._articles())
            if (not source or article.source == source)
            and (not month or article.published.startswith(month))
            and (not language or article.language == language)
        ]
        shown = [_card(article) for article in found[start : start + _PAGE]]
        return {"total": len(found), "articles": shown}

    def article(self, article_id: str) -> dict[str, Any] | None:
        """One article with its text."""
        article = self._assistant.store.snapshot().article(article_id)
        return None if article is None else {**_card(article), "text": article.text}

    def examples(self) -> dict[str, list[str]]:
        """Questions that these articles answer, by language."""
        return self._examples(self._assistant.store.snapshot())

    def _articles(self) -> list[Article]:
        return self._listing(self._assistant.store.snapshot())

    def _found(self, query: str) -> list[Article]:
        """Those with all of the words in title or outlet, then those a search finds."""
        words = fold(query).split()
        named = [
            article
            for article in self._articles()
            if all(word in fold(f"{article.title} {article.source}") for word in words)
        ]
        limit = self._assistant.settings.max_question_chars
        hits = self._assistant.search(query[:limit], k=_N_FOUND) if _is_word(query) else []
        return list({a.article_id: a for a in [*named, *(hit.article for hit in hits)]}.values())

    def _find_examples(self, snapshot: Snapshot) -> dict[str, list[str]]:
        articles = self._listing(snapshot)
        return {
            language: list(islice(self._answered(language, articles), _N_EXAMPLES))
            for language in LANGUAGES
        }

    def _answered(self, language: Language, articles: Sequence[Article]) -> Iterator[str]:
        known = {article.article_id for article in articles}
        written = [e[language] for e in _written_examples() if known.issuperset(e["articles"])]
        if written:
            yield from written
            return
        for question in islice(_title_questions(language, articles), _TRIED):
            if not self._assistant.ask(question).refused:
                yield question


def _outlets(articles: Sequence[Article]) -> list[tuple[str, int, Language]]:
    """(name, number of articles, its usual language), most articles first."""
    by_language = Counter((a.source, a.language) for a in articles if a.source)
    totals = Counter(a.source for a in articles if a.source)
    usual = {
        name: max(LANGUAGES, key=lambda language: by_language[name, language]) for name in totals
    }
    return [(name, n, usual[name]) for name, n in totals.most_common()]


def _title_questions(language: Language, articles: Sequence[Article]) -> Iterator[str]:
    """Questions about the newest article of each outlet, those in that language first."""
    outlets = set()
    for article in sorted(articles, key=lambda article: article.language != language):
        if len(article.title) <= _TITLE_CHARS and article.source not in outlets:
            outlets.add(article.source)
            yield say("interface", language, "example_about", title=article.title)


def _written_examples() -> list[dict[str, Any]]:
    """Questions on the sample articles, each with the articles that it is about."""
    lines = files("ui").joinpath("examples.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _is_word(query: str) -> bool:
    return any(character.isalnum() for character in query)


def _card(article: Article) -> dict[str, Any]:
    names = ("article_id", "title", "source", "language", "published", "url", "author")
    return {name: getattr(article, name) for name in names}
