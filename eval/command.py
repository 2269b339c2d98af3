"""What `burhan eval` does with what a user typed."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.compare import Change, check_same_set, compare, moved
from eval.formats import read_dataset
from eval.gate import broken, read_gate
from eval.page import save_page
from eval.report import as_json, as_lines, as_table, headlines, save
from eval.run import Plan, finish, open_for, run
from index.types import Language
from rag.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """The command's options."""

    paths: tuple[Path, ...]
    plan: dict[str, Any]
    index: Path | None
    compare: Path | None
    gate: Path | None
    language: Language
    as_json: bool


def evaluate(
    request: Request,
    settings: Settings,
    on_progress: Callable[[int, int], None],
) -> tuple[str, list[str]]:
    """Runs the benchmark; gives what to print, and what the gate found broken.

    Raises:
        SourceError: A file, a gold article, a gate or a run to compare with is not as it should be.
        SettingsError: An unknown track or engine.
    """
    plan = Plan(dataset=read_dataset(request.paths), **request.plan)
    # What would only be found after all questions were asked is found now.
    if request.gate:
        read_gate(request.gate)
    if request.compare:
        check_same_set(plan.dataset.only(plan.split, plan.limit), request.compare)
    done = run(plan, open_for(plan, settings, request.index), on_progress)
    lines = as_lines(done.measures)
    save(done, lines)
    changes = compare(done, request.compare) if request.compare else []
    turned = moved(done, request.compare) if request.compare else []
    page = save_page(done, lines, request.language, changes, turned, str(request.compare or ""))
    finish(done)
    failed = broken(request.gate, lines) if request.gate else []
    if request.as_json:
        told = as_json(done, lines) | {"changes": [_row(change) for change in changes]}
        return json.dumps(told, ensure_ascii=False, indent=2), failed
    title = f"{done.settings['dataset']}, {len(done.dataset.cases):,} questions"
    parts = [as_table(headlines(lines), title), *map(_sentence, changes), f"Report: {page}"]
    return "\n".join(parts), failed


def _sentence(change: Change) -> str:
    return (
        f"{change.verdict:>6}  {change.track} {change.direction} {change.name}: "
        f"{change.before:.3f} to {change.after:.3f} "
        f"({change.low:+.3f} to {change.high:+.3f}), p {change.p:.3f}, "
        f"{change.better} better, {change.worse} worse"
    )


def _row(change: Change) -> dict[str, Any]:
    names = ("track", "direction", "name", "before", "after", "low", "high", "better", "worse", "n")
    row = {name: getattr(change, name) for name in (*names, "p")}
    # JSON has no nan.
    row = {name: None if value != value else value for name, value in row.items()}
    return row | {"verdict": change.verdict}
