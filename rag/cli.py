"""The `burhan` command."""

import json
import logging
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

from index.database import as_rag_error
from index.errors import RagError
from index.types import LANGUAGES, Filters, Language
from prompts import say
from rag.types import Answer

if TYPE_CHECKING:
    from index.ingest import Summary
    from rag.settings import Settings

app = typer.Typer(
    help="Cited answers from news articles, in Arabic and English.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_err = Console(stderr=True, highlight=False)

IndexOption = Annotated[
    Path | None,
    typer.Option("--index", help="Folder of the index. [default: data/index]", show_default=False),
]
_MAX_REASONS = 20


def main() -> None:
    """Runs the command; an error is one line and exit status 1."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=_err, show_time=False, show_path=False, show_level=False)],
    )
    try:
        app()
    except (RagError, ValueError) as error:
        _fail(str(error))
    except sqlite3.Error as error:
        _fail(str(as_rag_error(error)))
    except OSError as error:
        _fail(f"{error.filename or 'the disk'}: {error.strerror or error}")


@app.command("index")
def index_command(
    sources: Annotated[list[Path], typer.Argument(help="Files and folders of articles.")],
    index: IndexOption = None,
) -> None:
    """Add and update articles: .txt .md .html .jsonl .csv files, and folders of them."""
    from index.ingest import index_sources

    settings = _settings(index=index)
    try:
        with _progress("indexing") as show:
            summary = index_sources(
                sources, settings.index, _encoder(settings), on_progress=lambda s: show(_counts(s))
            )
    except KeyboardInterrupt:
        _fail("stopped; what was committed is kept, run the same command to go on", status=130)
    _print_summary(summary)
    if not summary.read:
        _fail("no article was read; the reasons are above")
    print(f"Index: {settings.index}")


@app.command()
def remove(
    article_ids: Annotated[list[str], typer.Argument(help="Ids of articles to take out.")],
    index: IndexOption = None,
) -> None:
    """Take articles out of the index, their history included."""
    from index.ingest import remove_articles

    settings = _settings(index=index)
    _require_index(settings.index)
    summary = remove_articles(article_ids, settings.index, _encoder(settings))
    _print_summary(summary)
    if not summary.removed:
        _fail("nothing was removed")


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="In Arabic or English.")],
    index: IndexOption = None,
    lang: Annotated[
        str | None,
        typer.Option(help="Language of the answer: ar or en; the question's if not given."),
    ] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only this outlet; repeatable.")] = None,
    article_language: Annotated[
        str | None, typer.Option(help="Only articles in this language: ar or en.")
    ] = None,
    published_from: Annotated[
        str | None, typer.Option("--from", help="Only articles from this date on, YYYY-MM-DD.")
    ] = None,
    published_to: Annotated[
        str | None, typer.Option("--to", help="Only articles up to this date, YYYY-MM-DD.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole answer as JSON.")] = False,
    explain: Annotated[bool, typer.Option(help="Also how every hit was scored.")] = False,
) -> None:
    """Ask one question and print the answer with its sources."""
    import rag

    filters = Filters(
        sources=tuple(source or ()),
        languages=(_language(article_language, "--article-language"),) if article_language else (),
        published_from=_date(published_from, "--from"),
        published_to=_date(published_to, "--to"),
    )
    language = _language(lang, "--lang") if lang else None
    assistant = rag.open(settings=_settings(index=index))
    answer = assistant.ask(question, language, filters=filters)
    if as_json:
        print(json.dumps(answer.to_dict(), ensure_ascii=False, indent=2))
    else:
        _print_answer(answer)
    if explain:
        for hit in assistant.search(question, filters=filters):
            scores = "  ".join(f"{name} {score:.3f}" for name, score in hit.scores.items())
            print(f"{hit.rank:2}. {hit.article.title}  ({hit.article.article_id})\n    {scores}")


@app.command()
def chat(
    index: IndexOption = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 7860,
) -> None:
    """Open the web chat."""
    from ui.app import serve

    serve(_settings(index=index), host=host, port=port)


@app.command("eval")
def evaluate(
    questions: Annotated[
        Path | None,
        typer.Argument(help="JSON lines of questions; those on the sample articles if not given."),
    ] = None,
    index: IndexOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Measure the answers to a set of questions with known answers."""
    import rag
    from eval.questions import read_questions, sample_questions
    from eval.run import as_table, run

    cases = read_questions(questions) if questions else sample_questions()
    assistant = rag.open(settings=_settings(index=index))
    with _progress("asking") as show:
        report = run(assistant, cases, on_progress=lambda n: show(f"{n} of {len(cases)} questions"))
    print(json.dumps(report, ensure_ascii=False, indent=2) if as_json else as_table(report))


@app.command()
def doctor(
    index: IndexOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Make derived files again.")] = False,
) -> None:
    """Check an index; with --repair, rebuild what derives from the catalogue."""
    from index import doctor as checks

    settings = _settings(index=index)
    _require_index(settings.index)
    encoder = _encoder(settings)
    report = (checks.repair if repair else checks.examine)(settings.index, encoder)
    for fact in report.facts:
        print(fact)
    for problem in report.damage:
        _err.print(f"[red]damaged[/red] {escape(problem)}")
    if not report.damage:
        print("Everything checked is sound.")
    elif report.repairable:
        _fail(f"repair it with: burhan doctor --repair --index {settings.index}")
    else:
        _fail("the catalogue is damaged; restore it from a copy, or index again into a new folder")


def _settings(**overrides: Any) -> "Settings":
    from rag.settings import load_settings

    return load_settings(**overrides)


def _encoder(settings: "Settings") -> Any:
    from index.encoder import open_encoder

    return open_encoder(settings.encoder, settings.cache, settings.encoder_backend)


def _require_index(folder: Path) -> None:
    from index.store import Store

    Store.check(folder)


def _language(value: str, option: str) -> Language:
    if value not in LANGUAGES:
        raise ValueError(f"{option} is {value!r}; it must be one of: {', '.join(LANGUAGES)}")
    return "ar" if value == "ar" else "en"


def _date(value: str | None, option: str) -> Any:
    from datetime import date

    try:
        return date.fromisoformat(value) if value else None
    except ValueError as error:
        raise ValueError(f"{option} is {value!r}; write the date as YYYY-MM-DD") from error


def _progress(label: str) -> AbstractContextManager[Callable[[str], None]]:
    """Something to call with the state so far; it shows on a terminal only."""
    if not _err.is_terminal:
        return nullcontext(lambda _: None)
    status = _err.status(label)

    class Shown(AbstractContextManager[Callable[[str], None]]):
        def __enter__(self) -> Callable[[str], None]:
            status.start()
            return lambda text: status.update(f"{label}: {text}")

        def __exit__(self, *_: object) -> None:
            status.stop()

    return Shown()


def _counts(summary: "Summary") -> str:
    shown = {
        "added": summary.added,
        "replaced": summary.replaced,
        "unchanged": summary.unchanged,
        "removed": summary.removed,
        "skipped": len(summary.skipped),
    }
    return ", ".join(f"{n:,} {name}" for name, n in shown.items() if n) or "nothing yet"


def _print_summary(summary: "Summary") -> None:
    for skipped in summary.skipped[:_MAX_REASONS]:
        _err.print(f"[yellow]skipped[/yellow] {escape(f'{skipped.origin}: {skipped.reason}')}")
    if len(summary.skipped) > _MAX_REASONS:
        _err.print(f"… and {len(summary.skipped) - _MAX_REASONS:,} more")
    print(f"Articles: {_counts(summary)}")


def _print_answer(answer: Answer) -> None:
    print(answer.text)
    if answer.citations:
        print(f"\n{say('interface', answer.language, 'sources')}")
    for citation in answer.citations:
        parts = (citation.title, citation.source, citation.published, citation.url)
        print(f"[{citation.marker}] " + " · ".join(part for part in parts if part))


def _fail(message: str, status: int = 1) -> NoReturn:
    _err.print(f"[bold red]burhan:[/bold red] {escape(' '.join(message.split()))}", soft_wrap=True)
    sys.stdout.flush()
    raise SystemExit(status)


os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

if __name__ == "__main__":
    main()
