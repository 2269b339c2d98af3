"""The report's charts, as SVG for the page and as PNG files."""

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from eval import metrics
from eval.outcomes import OURS
from eval.report import Line, slug
from eval.run import Run
from eval.score import Scorer
from index.types import LANGUAGES, Language
from prompts import say

_COLOURS = {OURS: "#0f766e", "bm25": "#b45309", "dense": "#6d28d9", "random": "#94a3b8"}
_OF_LANGUAGE = {"ar": "#0f766e", "en": "#b45309"}
_N_BINS = 8
_STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "burhan",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def draw(run: Run, lines: Sequence[Line], language: Language) -> dict[str, Figure]:
    """Every chart that the run has numbers for, by name."""
    charts: dict[str, Callable[[Any, Run, Sequence[Line], Language], bool]] = {
        "retrieval": _retrieval,
        "refusal": _refusal,
        "calibration": _calibration,
        "risk": _risk,
    }
    figures = {}
    with matplotlib.rc_context(_STYLE):
        for name, chart in charts.items():
            figure = Figure(figsize=(6.4, 3.6), layout="constrained")
            axes = figure.add_subplot()
            if chart(axes, run, lines, language):
                axes.set_title(_say(language, f"chart_{name}"), loc="center", fontsize=10)
                figures[name] = figure
    return figures


def as_svg(figure: Figure) -> str:
    """The figure as an element for a page."""
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def save_png(figures: dict[str, Figure], folder: Path) -> None:
    """Each figure as a file in the folder."""
    folder.mkdir(exist_ok=True)
    with matplotlib.rc_context(_STYLE):
        for name, figure in figures.items():
            figure.savefig(folder / f"{name}.png", dpi=160)


def _say(language: Language, phrase: str) -> str:
    return say("report", language, phrase)


def _bars(
    axes: Any, lines: Sequence[Line], names: Sequence[str], language: Language, label: str
) -> bool:
    """Groups of bars: a group for each direction, a bar for each of `names`."""
    directions = list(dict.fromkeys(line.direction for line in lines))
    if not directions:
        return False
    found = {(line.direction, getattr(line, label)): line for line in lines}
    width = 0.8 / max(1, len(names))
    for number, name in enumerate(names):
        shown = [found.get((direction, name)) for direction in directions]
        at = np.arange(len(directions)) + (number - (len(names) - 1) / 2) * width
        heights = [line.value if line else 0.0 for line in shown]
        errors = np.array([_error(line) for line in shown]).T
        colour = _COLOURS.get(name, list(_COLOURS.values())[number])
        phrase = f"system_{slug(name)}" if label == "system" else f"measure_{slug(name)}"
        axes.bar(at, heights, width, color=colour, label=_say(language, phrase))
        axes.errorbar(at, heights, errors, fmt="none", ecolor="#334155", elinewidth=0.8)
    texts = [_say(language, f"dir_{slug(d.split(',')[0])}") for d in directions]
    axes.set_xticks(np.arange(len(directions)), [fill(text, 16) for text in texts])
    axes.tick_params(axis="x", labelsize=7.5)
    axes.set_ylim(0, 1.05)
    axes.legend(ncols=len(names), fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.24))
    return True


def _error(line: Line | None) -> tuple[float, float]:
    if line is None:
        return 0.0, 0.0
    return max(0.0, line.value - line.low), max(0.0, line.high - line.value)


def _retrieval(axes: Any, run: Run, lines: Sequence[Line], language: Language) -> bool:
    shown = [line for line in lines if line.name == "R@5" and line.direction.endswith("mixed")]
    systems = list(dict.fromkeys(line.system for line in shown))
    return _bars(axes, shown, systems, language, "system")


def _refusal(axes: Any, run: Run, lines: Sequence[Line], language: Language) -> bool:
    shown = [
        line for line in lines if line.system == OURS and line.name in ("hallucination", "error")
    ]
    return _bars(axes, shown, ("hallucination", "error"), language, "name")


def _judged(run: Run, language: Language) -> tuple[list[float], list[float]]:
    """Confidence of the answers to questions in that language, and whether each was right.

    Those given without a threshold where they were asked for: what was refused is in them.
    """
    asked = [o for o in run.outcomes if o["step"] == "ask"]
    free = [o for o in asked if o["system"] == "always answer"]
    seen = free or [o for o in asked if o["system"] == OURS]
    pairs = Scorer(run.dataset, run.articles).answered(seen, language).values()
    return [sure for sure, _ in pairs], [right for _, right in pairs]


def _calibration(axes: Any, run: Run, lines: Sequence[Line], language: Language) -> bool:
    any_drawn = False
    for asked in LANGUAGES:
        sure, right = (np.array(values) for values in _judged(run, asked))
        if len(sure) < 2 * _N_BINS:
            continue
        bins = np.array_split(np.argsort(sure, kind="stable"), _N_BINS)
        x, y = [sure[b].mean() for b in bins], [right[b].mean() for b in bins]
        label = _say(language, f"dir_{asked}")
        axes.plot(x, y, "o-", color=_OF_LANGUAGE[asked], label=label, markersize=4)
        any_drawn = True
    if not any_drawn:
        return False
    axes.plot([0, 1], [0, 1], ":", color="#94a3b8", label=_say(language, "perfect"))
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set_xlabel(_say(language, "axis_confidence"))
    axes.set_ylabel(_say(language, "axis_right"))
    axes.legend(fontsize=8)
    return any_drawn


def _risk(axes: Any, run: Run, lines: Sequence[Line], language: Language) -> bool:
    any_drawn = False
    for asked in LANGUAGES:
        sure, right = _judged(run, asked)
        if not sure:
            continue
        coverage, risk = metrics.risk_coverage(sure, right)
        axes.plot(coverage, risk, color=_OF_LANGUAGE[asked], label=_say(language, f"dir_{asked}"))
        any_drawn = True
    if not any_drawn:
        return False
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set_xlabel(_say(language, "axis_coverage"))
    axes.set_ylabel(_say(language, "axis_risk"))
    axes.legend(fontsize=8)
    return any_drawn
