"""Asks every question of a set and counts what came back, by direction."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from eval.questions import Case
from index.normalize import detect_language
from index.types import Article
from rag.assistant import Assistant
from rag.types import Answer

Report = dict[str, Any]


def run(
    assistant: Assistant,
    cases: Sequence[Case],
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Report:
    """Rates by direction ("en->ar": English question, Arabic article; "none": unanswerable).

    - right_article: answered, and a citation is of an article that answers it.
    - right_sentence: answered, and a citation overlaps the sentence that answers it.
    - refused: declined to answer, which is right for "none" only.
    - verbatim, right_language: of the answers given.
    """
    articles = {article.article_id: article for article in assistant.articles()}
    outcomes: dict[str, list[dict[str, float]]] = {}
    for number, case in enumerate(cases, 1):
        start = time.perf_counter()
        answer = assistant.ask(case.question)
        seconds = time.perf_counter() - start
        outcome = {**judge(case, answer, articles), "seconds": seconds}
        outcomes.setdefault(_direction(case, articles), []).append(outcome)
        on_progress(number)
    return {
        "n_cases": len(cases),
        "n_articles": len(articles),
        "directions": {name: _rates(outcomes[name]) for name in sorted(outcomes)},
    }


def judge(case: Case, answer: Answer, articles: dict[str, Article]) -> dict[str, float]:
    """What is right about one answer, each 0 or 1."""
    cited = [c for c in answer.citations if c.article_id in case.article_ids]
    overlapping = [c for c in cited if _overlaps(c.quote, case.evidence)]
    return {
        "right_article": float(bool(cited)),
        "right_sentence": float(bool(overlapping)),
        "refused": float(answer.refused),
        "verbatim": float(
            all(articles[c.article_id].text[c.start : c.end] == c.quote for c in answer.citations)
        ),
        "right_language": float(_own_words_language(answer) == case.language),
    }


def as_table(report: Report) -> str:
    """The report for a terminal."""
    table = Table(title=f"{report['n_cases']} questions, {report['n_articles']} articles")
    columns = list(next(iter(report["directions"].values())))
    for column in ("direction", *columns):
        table.add_column(column)
    for name, rates in report["directions"].items():
        values = (
            f"{rates[c]:.3f}" if isinstance(rates[c], float) else str(rates[c]) for c in columns
        )
        table.add_row(name, *values)
    console = Console(width=120)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def _direction(case: Case, articles: dict[str, Article]) -> str:
    known = [articles[i].language for i in case.article_ids if i in articles]
    evidence = next(
        (
            articles[i].language
            for i in case.article_ids
            if i in articles and case.evidence in articles[i].text
        ),
        known[0] if known else "none",
    )
    return f"{case.language}->{evidence}"


def _overlaps(quote: str, evidence: str) -> bool:
    return bool(evidence) and (evidence in quote or quote in evidence)


def _own_words_language(answer: Answer) -> str:
    """Language of what the answer says around its quotes."""
    text = answer.text
    quotes = [" ".join(citation.quote.split("\n")) for citation in answer.citations]
    names = [name for citation in answer.citations for name in (citation.title, citation.source)]
    # Quotes first: a name may stand inside one.
    for words in filter(None, quotes + names):
        text = text.replace(words, " ")
    return detect_language(text)


def _rates(outcomes: list[dict[str, float]]) -> dict[str, float | int]:
    names = [name for name in outcomes[0] if name != "seconds"]
    rates: dict[str, float | int] = {"n": len(outcomes)}
    rates |= {name: statistics.fmean(o[name] for o in outcomes) for name in names}
    rates["median_ms"] = 1000 * statistics.median(o["seconds"] for o in outcomes)
    return rates
