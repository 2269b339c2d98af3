"""The `burhan` command."""

import json
import logging
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.logging import RichHandler
from rich.markup import escape

from index.database import as_rag_error
from index.errors import RagError
from index.types import LANGUAGES, Filters, Language
from rag.terminal import counts, err, fail, print_answer, print_summary, progress, stoppable

if TYPE_CHECKING:
    from rag.settings import Settings

app = typer.Typer(
    help="Cited answers from news articles, in Arabic and English.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

IndexOption = Annotated[
    Path | None,
    typer.Option("--index", help="Folder of the index. [default: data/index]", show_default=False),
]
WaitOption = Annotated[
    float, typer.Option(help="Seconds to wait for another process writing the index.", min=0)
]


def main() -> None:
    """Runs the command; an error is one line and exit status 1."""
    logging.basicConfig(
        level=logging.WARNING,
        format="%(message)s",
        handlers=[RichHandler(console=err, show_time=False, show_path=False, show_level=False)],
    )
    try:
        app()
    except (RagError, ValueError) as error:
        fail(str(error))
    except sqlite3.Error as error:
        fail(str(as_rag_error(error)))
    except OSError as error:
        fail(f"{error.filename or 'the disk'}: {error.strerror or error}")


@app.command("index")
def index_command(
    sources: Annotated[list[Path], typer.Argument(help="Files and folders of articles.")],
    index: IndexOption = None,
    wait: WaitOption = 0,
) -> None:
    """Add and update articles: files, and folders of them.

    Reads .txt .md .html .pdf .docx .jsonl .csv, feeds saved as .xml .rss .atom, and .gz of these.
    """
    from index.ingest import index_sources
    from index.readers import count_articles

    settings = _settings(index=index)
    with stoppable(), progress("indexing") as show:
        total = count_articles(sources)
        summary = index_sources(
            sources,
            settings.index,
            _encoder(settings),
            wait=wait,
            on_progress=lambda s: show(s.read + len(s.skipped), total, counts(s)),
        )
    print_summary(summary)
    if not summary.read:
        fail("no article was read; the reasons are above")
    print(f"Index: {settings.index}")


@app.command()
def remove(
    article_ids: Annotated[list[str], typer.Argument(help="Ids of articles to take out.")],
    index: IndexOption = None,
    wait: WaitOption = 0,
) -> None:
    """Take articles out of the index, their history included."""
    from index.ingest import remove_articles

    settings = _settings(index=index)
    _require_index(settings.index, any_schema=True)
    summary = remove_articles(article_ids, settings.index, _encoder(settings), wait=wait)
    print_summary(summary)
    if not summary.removed:
        fail("nothing was removed")


@app.command()
def history(
    article_id: Annotated[str, typer.Argument(help="Id of the article.")],
    index: IndexOption = None,
) -> None:
    """Show every version of an article that the index has held, oldest first."""
    from datetime import UTC, datetime

    from index.catalogue import Catalogue

    versions = Catalogue(_settings(index=index).index).history(article_id)
    if not versions:
        fail(f"no article of the id {article_id!r} is indexed")
    for article, origin, added_at in versions:
        when = datetime.fromtimestamp(added_at, UTC)
        guessed = f", read as {origin.encoding}" if origin.encoding else ""
        print(f"{when:%Y-%m-%d %H:%M} UTC  {article.title}")
        print(f"    {len(article.text):,} characters from {origin.place}{guessed}")


@app.command("reencode")
def reencode_command(index: IndexOption = None, wait: WaitOption = 0) -> None:
    """Move the index to the encoder that is set now; a stopped run goes on where it was."""
    from index.ingest import reencode

    settings = _settings(index=index)
    _require_index(settings.index, any_schema=True)
    with stoppable(), progress("encoding") as show:
        n = reencode(settings.index, _encoder(settings), wait=wait, on_progress=show)
    print(f"Articles: {n:,} encoded again" if n else "The index is of that encoder already.")


@app.command("export")
def export_command(
    target: Annotated[Path, typer.Argument(help="New folder for the files.")],
    index: IndexOption = None,
) -> None:
    """Write the whole index as JSON lines and arrays."""
    from index.transfer import export_index

    n = export_index(_settings(index=index).index, target)
    print(f"Articles: {n:,} exported to {target}")


@app.command("import")
def import_command(
    source: Annotated[Path, typer.Argument(help="Folder made by burhan export.")],
    index: IndexOption = None,
) -> None:
    """Make a new index of an exported one; nothing is encoded again."""
    from index.transfer import import_index

    settings = _settings(index=index)
    n = import_index(source, settings.index, _encoder(settings))
    print(f"Articles: {n:,} imported\nIndex: {settings.index}")


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
    as_of: Annotated[
        str | None,
        typer.Option(help='Day that "yesterday" is counted from, YYYY-MM-DD; today if not given.'),
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
    answer = assistant.ask(question, language, filters=filters, as_of=_date(as_of, "--as-of"))
    if as_json:
        print(json.dumps(answer.to_dict(), ensure_ascii=False, indent=2))
    else:
        print_answer(answer)
    if explain:
        for hit in assistant.search(question, filters=filters):
            scores = "  ".join(f"{name} {score:.3f}" for name, score in hit.scores.items())
            print(f"{hit.rank:2}. {hit.article.title}  ({hit.article.article_id})\n    {scores}")


@app.command()
def chat(
    index: IndexOption = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for every one of this machine.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="Port to listen on; 0 for any free one.", min=0, max=65535)
    ] = 7860,
    auth: Annotated[
        Path | None,
        typer.Option(help="File of name:password lines; only these may enter.", show_default=False),
    ] = None,
    public_readonly: Annotated[
        bool, typer.Option("--public-readonly", help="Nobody may add articles through the page.")
    ] = False,
) -> None:
    """Open the web chat."""
    from ui.app import serve

    serve(_settings(index=index), host=host, port=port, auth=auth, public_readonly=public_readonly)


@app.command("eval")
def evaluate(
    questions: Annotated[
        list[Path] | None,
        typer.Argument(
            help="JSON lines of questions, SQuAD-shaped .json files, or a BEIR or NoMIRACL folder; "
            "the bundled questions on the sample articles if not given."
        ),
    ] = None,
    index: Annotated[
        Path | None,
        typer.Option(
            help="Index to ask. [default: one made of the set's own articles, else data/index]",
            show_default=False,
        ),
    ] = None,
    split: Annotated[
        str, typer.Option(help="Part of the set: test to report, dev to tune on, or all.")
    ] = "test",
    track: Annotated[
        list[str] | None,
        typer.Option(
            help="retrieval, evidence, answers, citations, refusal or latency; may be repeated. "
            "[default: all]",
            show_default=False,
        ),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(
            help="What answers: extractive, model (that of BURHAN_LLM), or a factory of yours, "
            "module:name."
        ),
    ] = "extractive",
    limit: Annotated[
        int | None, typer.Option(help="That many questions, spread over the set.", min=1)
    ] = None,
    baselines: Annotated[bool, typer.Option(help="Measure the plain recipes as well.")] = True,
    judge: Annotated[
        str,
        typer.Option(
            help="A chat model, PROVIDER:NAME, that judges the answers.", show_default=False
        ),
    ] = "",
    judge_url: Annotated[
        str,
        typer.Option(help="Address of its server, if OpenAI-compatible.", show_default=False),
    ] = "",
    compare: Annotated[
        Path | None, typer.Option(help="Folder of an earlier run on the same questions.")
    ] = None,
    gate: Annotated[
        Path | None, typer.Option(help="TOML of [floors] and [ceilings]; fails when one is broken.")
    ] = None,
    output: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("data/eval"),
    lang: Annotated[str, typer.Option(help="Language of the report: ar or en.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Measure search, evidence, answers, citations and refusals on questions with known answers.

    A stopped run goes on where it was when the same command is given again.
    """
    from eval.command import Request, evaluate
    from eval.outcomes import TRACKS

    if split not in ("dev", "test", "all"):
        raise ValueError(f"--split is {split!r}; it must be one of: dev, test, all")
    settings = _settings(index=index)
    plan = {
        "output": output,
        "split": split,
        "limit": limit,
        "tracks": tuple(track or TRACKS),
        "engine": engine,
        "baselines": baselines,
        "judge": judge,
        "judge_url": judge_url,
    }
    request = Request(
        tuple(questions or ()), plan, index, compare, gate, _language(lang, "--lang"), as_json
    )
    with stoppable(), progress("asking") as show:
        told, failed = evaluate(request, settings, show)
    print(told)
    if failed:
        fail("; ".join(failed))


@app.command()
def doctor(
    index: IndexOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Make derived files again.")] = False,
) -> None:
    """Check an index; with --repair, rebuild what derives from the catalogue."""
    from index import doctor as checks

    settings = _settings(index=index)
    # Repairing moves an older schema on, which nothing else may read before.
    _require_index(settings.index, any_schema=repair)
    encoder = _encoder(settings)
    report = (checks.repair if repair else checks.examine)(settings.index, encoder)
    for fact in report.facts:
        print(fact)
    for problem in report.damage:
        err.print(f"[red]damaged[/red] {escape(problem)}")
    if not report.damage:
        print("Everything checked is sound.")
    elif report.repairable:
        fail(f"repair it with: burhan doctor --repair --index {settings.index}")
    else:
        fail("the catalogue is damaged; restore it from a copy, or index again into a new folder")


def _settings(**overrides: Any) -> "Settings":
    from rag.settings import load_settings

    return load_settings(**overrides)


def _encoder(settings: "Settings") -> Any:
    from index.encoder import open_encoder

    return open_encoder(settings.encoder, settings.cache, settings.encoder_backend)


def _require_index(folder: Path, *, any_schema: bool = False) -> None:
    from index.catalogue import FILE_NAME
    from index.store import Store

    if not any_schema or not (folder / FILE_NAME).exists():
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


os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

if __name__ == "__main__":
    main()
