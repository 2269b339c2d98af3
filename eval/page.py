"""The report as one HTML file that needs nothing else, in Arabic or English."""

import json
import math
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from eval.charts import as_svg, draw, save_png
from eval.compare import Change
from eval.outcomes import OURS
from eval.report import Line, failures, headlines, slug
from eval.run import Run
from index.types import Language
from prompts import say

PAGE = "report.{}.html"
_FACTS = ("dataset", "split", "engine", "encoder", "n_articles", "answered", "git", "machine")


def save_page(
    run: Run,
    lines: Sequence[Line],
    language: Language,
    changes: Sequence[Change] = (),
    moved: Sequence[dict[str, Any]] = (),
    compared: str = "",
) -> Path:
    """Writes the page, and its charts as PNG files in `charts/` beside it."""
    figures = draw(run, lines, language)
    save_png(figures, run.folder / "charts")
    environment = Environment(
        loader=PackageLoader("eval", ""), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True,
    )  # fmt: skip

    def speak(phrase: str, **values: object) -> str:
        return say("report", language, phrase, **values)

    html = environment.get_template("page.html").render(
        language=language,
        say=speak,
        slug=slug,
        number=_number,
        blocks=_blocks,
        direction=lambda name: _direction(name, language),
        facts=_facts(run),
        n_groups=len({case.group for case in run.dataset.cases}),
        summary=_summary(lines),
        charts=[(name, Markup(as_svg(figure))) for name, figure in figures.items()],
        changes=changes,
        moved=moved,
        compared=compared,
        failures=failures(run),
        asked=any(outcome["step"] == "ask" for outcome in run.outcomes),
        lines=lines,
        settings=json.dumps(run.settings, ensure_ascii=False, indent=2),
    )
    path = run.folder / PAGE.format(language)
    path.write_text(html, encoding="utf-8")
    return path


def _facts(run: Run) -> list[tuple[str, object]]:
    facts = [(name, run.settings[name]) for name in _FACTS if run.settings[name]]
    asked = len(run.dataset.cases)
    return [*facts, ("n_questions", f"{asked:,}"), ("peak", f"{run.settings['peak_mb']:,}")]


def _summary(
    lines: Sequence[Line],
) -> list[tuple[str, list[str], list[tuple[Line, list[float]]]]]:
    """By track: the baselines it has, and our headline measures with theirs."""
    values = {(line.system, line.track, line.direction, line.name): line.value for line in lines}
    ours = [line for line in headlines(lines) if line.system == OURS]
    found = []
    for track, group in groupby(ours, lambda line: line.track):
        names = (line.system for line in lines if line.track == track and line.system != OURS)
        systems = list(dict.fromkeys(names))
        rows = [
            (line, [values.get((s, track, line.direction, line.name), math.nan) for s in systems])
            for line in group
        ]
        found.append((track, systems, rows))
    return found


def _direction(name: str, language: Language) -> str:
    """A direction such as "ar->en, mixed" as a reader says it."""
    languages, _, pool = name.partition(", ")
    spoken = say("report", language, f"dir_{slug(languages)}")
    if not pool:
        return spoken
    mark = "، " if language == "ar" else ", "
    return spoken + mark + say("report", language, f"pool_{slug(pool)}")


def _number(value: float, signed: bool = False) -> str:
    if math.isnan(value):
        return ""
    # True minus signs: a hyphen beside an en dash cannot be told from it.
    return f"{value:{'+' if signed else ''}.3f}".replace("-", "−")


def _blocks(text: str) -> Markup:
    """Paragraphs, each in its own direction."""
    parts = [part for part in text.split("\n\n") if part.strip()]
    return Markup("").join(Markup('<p dir="auto">{}</p>').format(escape(part)) for part in parts)
