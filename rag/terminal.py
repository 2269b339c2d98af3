"""What the `burhan` command shows: progress, summaries, answers, and errors in one line."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from prompts import say
from rag.types import Answer

if TYPE_CHECKING:
    from index.ingest import Summary

err = Console(stderr=True, highlight=False)

_MAX_REASONS = 20


@contextmanager
def progress(label: str) -> Iterator[Callable[..., None]]:
    """Something to call with how much is done, of how much, and a word on it; on a terminal only.

    Shows the rate and the time left.
    """
    if not err.is_terminal:
        yield lambda done, total, detail="": None
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[detail]}"),
        console=err,
    )
    with bar:
        task = bar.add_task(label, total=None, detail="", rate="")

        def show(done: int, total: int, detail: str = "") -> None:
            speed = bar.tasks[0].speed
            rate = f"{speed:,.1f}/s" if speed else ""
            bar.update(task, completed=done, total=max(done, total), detail=detail, rate=rate)

        yield show


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl+C ends long work with one line: what was committed is kept."""
    try:
        yield
    except KeyboardInterrupt:
        fail("stopped; what was committed is kept, run the same command to go on", status=130)


def counts(summary: "Summary") -> str:
    """The numbers of a summary in one line."""
    shown = {
        "added": summary.added,
        "replaced": summary.replaced,
        "unchanged": summary.unchanged,
        "removed": summary.removed,
        "skipped": len(summary.skipped),
    }
    return ", ".join(f"{n:,} {name}" for name, n in shown.items() if n) or "nothing yet"


def print_summary(summary: "Summary") -> None:
    """Prints what was skipped and why, what was guessed, and the numbers."""
    for skipped in summary.skipped[:_MAX_REASONS]:
        err.print(f"[yellow]skipped[/yellow] {escape(f'{skipped.origin}: {skipped.reason}')}")
    if len(summary.skipped) > _MAX_REASONS:
        err.print(f"… and {len(summary.skipped) - _MAX_REASONS:,} more")
    for encoding, n in summary.encodings.items():
        err.print(f"{n:,} read as {encoding}, which their bytes look like")
    print(f"Articles: {counts(summary)}")


def print_answer(answer: Answer) -> None:
    """Prints an answer with its sources."""
    print(answer.text)
    if answer.citations:
        print(f"\n{say('interface', answer.language, 'sources')}")
    for citation in answer.citations:
        parts = (citation.title, citation.source, citation.published, citation.url)
        print(f"[{citation.marker}] " + " · ".join(part for part in parts if part))


def fail(message: str, status: int = 1) -> NoReturn:
    """Ends the command with one line on the error stream."""
    err.print(f"[bold red]burhan:[/bold red] {escape(' '.join(message.split()))}", soft_wrap=True)
    sys.stdout.flush()
    raise SystemExit(status)
