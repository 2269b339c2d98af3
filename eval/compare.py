"""Two runs on the same questions: what got better, what worse, and whether it is chance."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.dataset import Dataset
from eval.intervals import bootstrap, paired_p
from eval.outcomes import OURS, read_outcomes
from eval.run import OUTCOMES, Run, read_settings
from eval.score import GAP, LOWER_IS_BETTER, Measure, Scorer
from index.errors import SourceError


@dataclass(frozen=True, slots=True)
class Change:
    """How a measure moved from an earlier run to this one, over the questions of both.

    `p` is that of a paired randomisation test, nan where the measure is no mean. `better` and
    `worse` count questions.
    """

    track: str
    direction: str
    name: str
    before: float
    after: float
    low: float
    high: float
    p: float
    better: int
    worse: int
    n: int

    @property
    def verdict(self) -> str:
        """Whether it got better or worse, or the same when the interval holds 0."""
        if not (self.low > 0 or self.high < 0):  # nan as well
            return "same"
        before, after = self.before, self.after
        if self.name == GAP:  # signed, and best at 0
            before, after = abs(before), abs(after)
        return "better" if (after > before) != (self.name in LOWER_IS_BETTER) else "worse"


def compare(run: Run, folder: Path) -> list[Change]:
    """Our measures of both runs, paired by question.

    Raises:
        SourceError: `folder` holds no run, or one on another set of questions.
    """
    check_same_set(run.dataset, folder)
    earlier = read_settings(folder)
    tracks = [track for track in run.settings["tracks"] if track in earlier["tracks"]]
    outcomes = list(read_outcomes(folder / OUTCOMES))
    before = _by_key(Scorer(run.dataset, run.articles).measures(outcomes, tracks))
    after = _by_key(run.measures)
    return [_change(before[key], after[key]) for key in after if key in before]


def _by_key(measures: Sequence[Measure]) -> dict[str, Measure]:
    return {measure.key: measure for measure in measures if measure.system == OURS}


def _change(before: Measure, after: Measure) -> Change:
    places = {case: row for row, case in enumerate(before.cases)}
    rows = [row for row, case in enumerate(after.cases) if case in places]
    shared = [after.cases[row] for row in rows]
    old = before.values[[places[case] for case in shared]]
    new, groups = after.values[rows], [after.groups[row] for row in rows]
    if not shared:
        nan = float("nan")
        return Change(after.track, after.direction, after.name, nan, nan, nan, nan, nan, 0, 0, 0)
    was, now = (_with_values(after, values, groups, shared) for values in (old, new))
    _, low, high = bootstrap(lambda drawn: now.value(drawn) - was.value(drawn), groups)
    difference = (new - old)[:, 0]
    sign = -1 if after.name in LOWER_IS_BETTER else 1
    is_mean = after.statistic == "mean"
    return Change(
        after.track,
        after.direction,
        after.name,
        was.value(),
        now.value(),
        low,
        high,
        paired_p(difference, groups) if is_mean else float("nan"),
        int((sign * difference > 1e-9).sum()) if is_mean else 0,
        int((sign * difference < -1e-9).sum()) if is_mean else 0,
        len(shared),
    )


def _with_values(
    measure: Measure, values: Any, groups: Sequence[str], cases: Sequence[str]
) -> Measure:
    return Measure(
        measure.track,
        measure.system,
        measure.direction,
        measure.name,
        tuple(cases),
        np.asarray(values),
        tuple(groups),
        measure.statistic,
    )


def moved(run: Run, folder: Path) -> list[dict[str, Any]]:
    """Questions that were right in one of the two runs only, with both answers.

    Raises:
        SourceError: As `compare`.
    """
    cases = {case.case_id: case for case in run.dataset.cases}
    earlier = {o["case"]: o for o in read_outcomes(folder / OUTCOMES) if _is_ours(o)}
    scorer = Scorer(run.dataset, run.articles)
    found = []
    for outcome in filter(_is_ours, run.outcomes):
        case = cases[outcome["case"]]
        old = earlier.get(case.case_id)
        if old is None or scorer.right(case, old) == scorer.right(case, outcome):
            continue
        found.append(
            {
                "case_id": case.case_id,
                "language": case.language,
                "question": case.question,
                "verdict": "better" if scorer.right(case, outcome) else "worse",
                "before": old["text"],
                "after": outcome["text"],
            }
        )
    return sorted(found, key=lambda one: (one["verdict"] != "worse", one["case_id"]))


def _is_ours(outcome: dict[str, Any]) -> bool:
    return bool(outcome["step"] == "ask" and outcome["system"] == OURS)


def check_same_set(dataset: Dataset, folder: Path) -> None:
    """Refuses a folder to compare with before anything is asked.

    Raises:
        SourceError: It holds no run, or one on another set.
    """
    earlier = read_settings(folder)
    if earlier["dataset_checksum"] != dataset.checksum:
        raise SourceError(
            f"{folder}: was run on other questions ({earlier['dataset']}); runs compare on the "
            "same questions only"
        )
