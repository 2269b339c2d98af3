"""What a finished run says, for people and for machines: a table, JSON, and the worst failures."""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from eval.outcomes import OURS, Outcome
from eval.run import Run
from eval.score import Measure, Scorer

VERSION = 1
REPORT = "report.json"
# What a first look needs; the rest is in the files.
_HEADLINES = {
    "retrieval": ("R@1", "R@5", "nDCG@10", "language gap, R@5"),
    "evidence": ("first right",),
    "answers": (
        "has the answer",
        "3-gram recall",
        "right language",
        "judged right",
        "without a verdict",
    ),
    "citations": ("precision", "recall", "invalid", "quote has the answer"),
    "refusal": ("hallucination", "error", "AUROC"),
    "latency": ("median s", "p95 s"),
}
_N_FAILURES = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One measure as it is printed and saved."""

    track: str
    system: str
    direction: str
    name: str
    value: float
    low: float
    high: float
    n: int

    @property
    def key(self) -> str:
        """As `Measure.key`."""
        return "/".join((self.track, self.system, self.direction, self.name))


def as_lines(measures: Iterable[Measure]) -> list[Line]:
    """The measures with their intervals."""
    return [
        Line(m.track, m.system, m.direction, m.name, *m.interval(), len(m.cases)) for m in measures
    ]


def headlines(lines: Iterable[Line]) -> list[Line]:
    """Those of a first look."""
    return [line for line in lines if line.name in _HEADLINES[line.track]]


def as_table(lines: Sequence[Line], title: str) -> str:
    """Our own lines, and beside each the baselines' values, for a terminal."""
    systems = list(dict.fromkeys(line.system for line in lines if line.system != OURS))
    others = {(line.system, line.track, line.direction, line.name): line.value for line in lines}
    table = Table(title=title, title_justify="left")
    for column in ("track", "direction", "measure", OURS, "95%", *systems):
        table.add_column(column, justify="left" if column in ("track", "direction") else "right")
    track = ""
    for line in lines:
        if line.system != OURS:
            continue
        if line.track != track:
            table.add_section()
        cells = [
            spoken(others.get((system, line.track, line.direction, line.name), math.nan))
            for system in systems
        ]
        shown = line.track if line.track != track else ""
        interval = f"{spoken(line.low)} to {spoken(line.high)}"
        table.add_row(shown, line.direction, line.name, spoken(line.value), interval, *cells)
        track = line.track
    console = Console(width=150)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def slug(name: str) -> str:
    """A measure's, direction's or system's name as part of a phrase's name."""
    return re.sub(r"\W+", "_", name.lower()).strip("_")


def spoken(value: float) -> str:
    """Three decimals, and nothing for what was not measured."""
    return "" if math.isnan(value) else f"{value:.3f}"


def as_json(run: Run, lines: Sequence[Line]) -> dict[str, Any]:
    """Everything, as saved in `report.json`."""
    return {
        "version": VERSION,
        "run": run.settings,
        "measures": [
            {name: None if v != v else v for name, v in asdict(line).items()} for line in lines
        ],
        "failures": failures(run),
    }


def save(run: Run, lines: Sequence[Line]) -> Path:
    """Writes `report.json` into the run's folder."""
    path = run.folder / REPORT
    text = json.dumps(as_json(run, lines), ensure_ascii=False, indent=1, allow_nan=False)
    path.write_text(text, encoding="utf-8")
    return path


def failures(run: Run) -> list[dict[str, Any]]:
    """The surest wrong answers and refusals of ours, worst first, with what was wanted."""
    scorer = Scorer(run.dataset, run.articles)
    cases = {case.case_id: case for case in run.dataset.cases}
    found: list[tuple[float, dict[str, Any]]] = []
    for outcome in run.outcomes:
        if outcome["step"] != "ask" or outcome["system"] != OURS:
            continue
        case = cases[outcome["case"]]
        if scorer.right(case, outcome):
            continue
        wrongly_refused = outcome["refused"]
        badness = 1 - outcome["confidence"] if wrongly_refused else outcome["confidence"]
        found.append(
            (
                badness,
                {
                    "case_id": case.case_id,
                    "language": case.language,
                    "question": case.question,
                    "fault": _fault(case.answerable, outcome),
                    "confidence": outcome["confidence"],
                    "answer": outcome["text"],
                    "quotes": outcome["citations"],
                    "gold_answers": {k: list(v) for k, v in case.answers.items()},
                    "gold": [asdict(gold) for gold in case.evidence],
                    "gold_titles": [run.articles[i].title for i in case.article_ids],
                },
            )
        )
    found.sort(key=lambda pair: (-pair[0], pair[1]["case_id"]))
    return [failure for _, failure in found[:_N_FAILURES]]


def _fault(answerable: bool, outcome: Outcome) -> str:
    if not answerable:
        return "hallucination"
    return "refused" if outcome["refused"] else "wrong_quote"


def by_key(lines: Iterable[Line]) -> Mapping[str, Line]:
    """The lines by what a gate calls them."""
    return {line.key: line for line in lines}
