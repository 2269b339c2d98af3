"""Floors and ceilings that a run must keep, in a TOML file.

[floors]
"retrieval/burhan/ar->en, mixed/R@5" = 0.85
[ceilings]
"refusal/burhan/ar/hallucination" = 0.5
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path

from eval.report import Line, by_key
from index.errors import SourceError


def read_gate(path: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Floors and ceilings by measure.

    Raises:
        SourceError: The file is not as above.
    """
    try:
        gate = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SourceError(f"{path}: cannot be read as TOML ({error})") from error
    floors, ceilings = gate.pop("floors", {}), gate.pop("ceilings", {})
    tables = [table for table in (floors, ceilings) if isinstance(table, dict)]
    values = [value for table in tables for value in table.values()]
    numbers = all(isinstance(value, int | float) for value in values)
    if gate or len(tables) < 2 or not values or not numbers:
        raise SourceError(
            f"{path}: wanted the tables [floors] and [ceilings], each measure with a number"
        )
    return floors, ceilings


def broken(path: Path, lines: Iterable[Line]) -> list[str]:
    """A sentence for each measure that does not keep its bound.

    Raises:
        SourceError: The gate names a measure that the run does not have.
    """
    floors, ceilings = read_gate(path)
    found = by_key(lines)
    for key in (*floors, *ceilings):
        if key not in found:
            near = [name for name in found if name.split("/")[0] == key.split("/")[0]]
            raise SourceError(
                f"{path}: the run has no measure {key!r}; it has "
                f"{', '.join(near[:3]) or 'none of that track'}"
            )
    low = [
        f"{key} is {found[key].value:.3f}, its floor {bound:.3f}"
        for key, bound in floors.items()
        if not found[key].value >= bound
    ]
    high = [
        f"{key} is {found[key].value:.3f}, its ceiling {bound:.3f}"
        for key, bound in ceilings.items()
        if not found[key].value <= bound
    ]
    return low + high
