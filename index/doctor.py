"""Checks of a whole index, and the making again of what is derived."""

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from index import derived
from index.catalogue import Catalogue
from index.database import as_rag_error
from index.encoder import Encoder
from index.ingest import rebuild_derived, writing
from index.store import check_encoder


@dataclass(frozen=True, slots=True)
class Report:
    """What was found. `damage` is repairable when all of it is in derived files."""

    facts: list[str]
    damage: list[str]
    repairable: bool


def examine(folder: Path, encoder: Encoder) -> Report:
    """Checks the catalogue, the derived files against their checksums, and the disk.

    Raises:
        IndexMissingError: The folder holds no index.
        IndexMismatchError: It was made by another encoder.
        IndexDamagedError: The catalogue itself cannot be read.
    """
    catalogue = Catalogue(folder)
    check_encoder(catalogue.meta("encoder"), encoder, folder)
    try:
        in_catalogue = [f"catalogue: {problem}" for problem in catalogue.problems()]
        counts = catalogue.counts()
    except sqlite3.DatabaseError as error:
        raise as_rag_error(error, catalogue.path) from error
    free = shutil.disk_usage(folder).free
    used = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
    facts = [
        f"{counts['articles']:,} articles, {counts['chunks']:,} chunks",
        f"encoder {catalogue.meta('encoder')}",
        f"{used / 1e6:,.1f} MB used, {free / 1e9:,.1f} GB free",
    ]
    if target := catalogue.meta("reencoding"):
        facts.append(f"moving to encoder {target} was stopped; go on with: burhan reencode")
    in_derived = _derived_problems(folder, catalogue)
    catalogue.close()
    return Report(facts, in_catalogue + in_derived, repairable=not in_catalogue)


def repair(folder: Path, encoder: Encoder) -> Report:
    """Makes the derived indexes again if anything in them is wrong, and examines the result."""
    with writing(folder, encoder):  # moves an older schema on
        pass
    report = examine(folder, encoder)
    if report.damage and report.repairable:
        rebuild_derived(folder, encoder)
        report = examine(folder, encoder)
    return report


def _derived_problems(folder: Path, catalogue: Catalogue) -> list[str]:
    path = derived.current_path(folder)
    if path is None:
        return ["no derived index is published"]
    damaged = [f"{name} is missing or damaged" for name in derived.damaged_files(path)]
    if damaged:
        return damaged
    manifest = derived.open_generation(path).manifest
    if manifest.version != catalogue.version:
        return [f"the derived index is of version {manifest.version}, not {catalogue.version}"]
    return []
