"""Intervals and tests over groups of questions: those about one article are not independent."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

_N_DRAWS = 1_000
_N_FLIPS = 10_000


def bootstrap(
    statistic: Callable[[Rows], float], groups: Sequence[str]
) -> tuple[float, float, float]:
    """The statistic of all rows, and its 95% percentile interval with whole groups drawn anew.

    `statistic` takes row numbers, some of them several times. Draws on which it is nan are left
    out.
    """
    members = _members(groups)
    generator = np.random.default_rng(0)
    drawn = []
    for _ in range(_N_DRAWS):
        chosen = generator.integers(0, len(members), len(members))
        drawn.append(statistic(np.concatenate([members[i] for i in chosen])))
    kept = [value for value in drawn if not np.isnan(value)]
    low, high = np.quantile(kept, [0.025, 0.975]) if kept else (np.nan, np.nan)
    if len(members) < 2:  # one group says nothing of others
        low, high = np.nan, np.nan
    return statistic(np.arange(len(groups))), float(low), float(high)


def mean_interval(values: npt.ArrayLike, groups: Sequence[str]) -> tuple[float, float, float]:
    """The mean, and its 95% interval over groups; nan bounds for a single group.

    Where all values are 0, or all 1, nothing can be drawn anew: then the rule of three over
    groups (Hanley and Lippman-Hand, 1983).
    """
    values = np.asarray(values, float)
    members = _members(groups)
    if len(members) < 2:
        return float(values.mean()), float("nan"), float("nan")
    if (values == values[0]).all() and values[0] in (0.0, 1.0):
        room = min(1.0, 3 / len(members))
        bounds = (0.0, room) if values[0] == 0 else (1 - room, 1.0)
        return float(values[0]), *bounds
    sums = np.array([values[rows].sum() for rows in members])
    sizes = np.array([len(rows) for rows in members])
    chosen = np.random.default_rng(0).integers(0, len(members), (_N_DRAWS, len(members)))
    drawn = sums[chosen].sum(1) / sizes[chosen].sum(1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def paired_p(differences: npt.ArrayLike, groups: Sequence[str]) -> float:
    """Two-sided p of a mean difference of zero, each group's sign turned at random.

    Source: the randomisation test of Smucker, Allan and Carterette (2007), by group.
    """
    differences = np.asarray(differences, float)
    sums = np.array([differences[rows].sum() for rows in _members(groups)])
    signs = np.random.default_rng(0).choice([-1.0, 1.0], (_N_FLIPS, len(sums)))
    seen = np.abs(signs @ sums) >= abs(sums.sum()) - 1e-9
    return float((seen.sum() + 1) / (_N_FLIPS + 1))


def _members(groups: Sequence[str]) -> list[Rows]:
    rows: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        rows.setdefault(group, []).append(number)
    return [np.array(numbers) for numbers in rows.values()]
