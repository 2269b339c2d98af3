"""Measures the support check on true and false statements with their sources.

    python -m eval.support DATA [--out FILE.md] [--pairs FILE.jsonl]

DATA is the folder with ntrex/, arcd/, xquad/ and names/. Thresholds are chosen on dev; test is
for reporting. A good check passes the true statements and not the false ones.
"""

import argparse
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from eval.support.documents import SPLITS
from eval.support.pairs import DIRECTIONS, KINDS, Pair, build_pairs
from eval.support.true import WAYS
from index.encoder import open_encoder
from rag.support import SupportChecker

DIRECTION_NAMES = tuple("-".join(direction) for direction in DIRECTIONS)
_Z = 1.959964


class Verdict(Protocol):
    """What a check says of a statement."""

    @property
    def supported(self) -> bool: ...
    @property
    def missing(self) -> tuple[str, ...]: ...


Check = Callable[[str, Sequence[str]], Verdict]


@dataclass(frozen=True, slots=True)
class Judged:
    """A pair and what the check said of it."""

    pair: Pair
    passed: bool
    missing: tuple[str, ...]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, help="where to write the Markdown tables")
    parser.add_argument("--pairs", type=Path, help="where to write the pairs with their verdicts")
    arguments = parser.parse_args()
    checker = SupportChecker(open_encoder())
    judged = judge(build_pairs(arguments.data), checker.check)
    report = tables(judged)
    print(report)
    if arguments.out:
        arguments.out.write_text(report, encoding="utf-8")
    if arguments.pairs:
        arguments.pairs.write_text("".join(map(_line, judged)), encoding="utf-8")


def judge(pairs: Iterable[Pair], check: Check) -> list[Judged]:
    """The check's verdict on each pair, in order."""
    # A true statement may be there under more than one kind.
    said: dict[tuple[str, tuple[str, ...]], Verdict] = {}
    judged = []
    for pair in pairs:
        asked = (pair.statement, pair.quotes)
        if asked not in said:
            said[asked] = check(*asked)
        judged.append(Judged(pair, said[asked].supported, tuple(said[asked].missing)))
    return judged


def tables(judged: Sequence[Judged]) -> str:
    """Markdown tables: by direction, by direction and kind, and true ones by how they are said."""
    return "\n".join(
        line
        for split in SPLITS
        for line in _split_tables(split, [one for one in judged if one.pair.split == split])
    )


def _split_tables(split: str, judged: Sequence[Judged]) -> Iterator[str]:
    n_documents = len({one.pair.document for one in judged})
    yield f"## {split}: {len(judged):,} pairs from {n_documents} documents\n"
    yield "Share passed, 95% Wilson interval, number. Direction is statement-source.\n"
    yield from _head("direction", "true passed", "false passed")
    yield _row(["all"], judged)
    for direction in DIRECTION_NAMES:
        yield _row([direction], [one for one in judged if one.pair.direction == direction])
    yield ""
    yield from _head("kind", "direction", "true passed", "false passed")
    for kind in KINDS:
        own = [one for one in judged if one.pair.kind == kind]
        yield _row([kind, "all"], own)
        for direction in DIRECTION_NAMES:
            yield _row([kind, direction], [one for one in own if one.pair.direction == direction])
    yield ""
    yield from _head("how a true statement is said", *DIRECTION_NAMES)
    # A statement may be there twice, once for each kind that it is the true side of.
    true = {
        (one.pair.statement, one.pair.direction): one for one in judged if one.pair.supported
    }.values()
    for way in ("as it is", *WAYS):
        cells = (
            passed_share([o for o in true if (o.pair.way, o.pair.direction) == (way, direction)])
            for direction in DIRECTION_NAMES
        )
        yield _cells([way, *cells])
    yield ""


def _head(*names: str) -> Iterator[str]:
    yield _cells(names)
    yield "|---" * len(names) + "|"


def _row(names: Sequence[str], judged: Sequence[Judged]) -> str:
    true, false = ([o for o in judged if o.pair.supported is side] for side in (True, False))
    return _cells([*names, passed_share(true), passed_share(false)])


def _cells(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def passed_share(judged: Sequence[Judged]) -> str:
    """Share passed, its interval and the number, as text; a dash for none."""
    if not judged:
        return "–"
    n_passed = sum(one.passed for one in judged)
    low, high = wilson(n_passed, len(judged))
    return f"{n_passed / len(judged):.2f} ({low:.2f} to {high:.2f}), {len(judged)}"


def wilson(n_hits: int, n: int) -> tuple[float, float]:
    """95% interval of a share (Wilson, 1927); as if no two came from one document."""
    share, weight = n_hits / n, _Z * _Z / n
    middle = (share + weight / 2) / (1 + weight)
    reach = _Z / (1 + weight) * math.sqrt(share * (1 - share) / n + weight / (4 * n))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def _line(judged: Judged) -> str:
    row = asdict(judged.pair) | {"passed": judged.passed, "missing": judged.missing}
    return json.dumps(row, ensure_ascii=False) + "\n"
