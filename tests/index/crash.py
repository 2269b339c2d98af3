"""Kills a writing process at random instants and looks at what is left.

    python -m tests.index.crash --kills 200
    python -m tests.index.crash --readers 8 --articles 2000

Each round starts a process that adds, replaces, removes, rebuilds and re-encodes articles, kills
it with SIGKILL after a random time, and checks that no committed article is lost, that a reader
opens and finds, and that the damage, if any, is in derived files. At the end one process is left
to finish. A fake encoder keeps the rounds short; what is killed is the real store.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from index import doctor
from index.catalogue import Catalogue
from index.errors import IndexMismatchError
from index.ingest import index_sources, rebuild_derived, reencode, remove_articles
from index.store import Store
from tests.conftest import FakeEncoder

N_ARTICLES = 150
_COMMAND = [sys.executable, "-m", "tests.index.crash"]
ACTIONS = ("add", "replace", "remove", "rebuild", "reencode")


class OtherEncoder(FakeEncoder):
    """Another fingerprint, so that moving to it means encoding everything again."""

    fingerprint = "fake:other"


ENCODERS = {encoder.fingerprint: encoder for encoder in (FakeEncoder, OtherEncoder)}


@dataclass
class Outcome:
    """What was seen; every list should stay empty."""

    kills: int = 0
    finished: int = 0
    asked: int = 0
    generations_seen: int = 0
    failed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    unrepaired: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not (self.failed or self.lost or self.unreadable or self.unrepaired)


def work(folder: Path, number: int, action: str) -> None:
    """One writing process: one action on the index."""
    index = folder / "index"
    encoder = _encoder_of(index)
    if action in ("add", "replace"):
        source = folder / f"round{number}.jsonl"
        first = 0 if action == "replace" else number * 7 % N_ARTICLES
        rows = [
            {
                "article_id": f"a{i}",
                "language": "ar" if i % 2 else "en",
                "title": f"T{i}",
                "source": f"outlet {i % 5}",
                # The last line repeats across an outlet, and is to be taken off.
                "text": f"Round {number} says of article {i} what it says. " * 3
                + f"\nMore of it.\nRead outlet {i % 5} every day, wherever you are.",
            }
            for i in range(first, N_ARTICLES)
        ]
        source.write_text("\n".join(map(json.dumps, rows)))
        index_sources([source], index, encoder)
    elif action == "remove":
        remove_articles(sorted(_removed(number)), index, encoder)
    elif action == "rebuild":
        rebuild_derived(index, encoder)
    else:
        other = FakeEncoder() if isinstance(encoder, OtherEncoder) else OtherEncoder()
        reencode(index, other)


def _removed(number: int) -> set[str]:
    """What that round takes out."""
    return {f"a{i}" for i in random.Random(number).sample(range(N_ARTICLES), 10)}


def _encoder_of(index: Path) -> FakeEncoder:
    found = Catalogue(index).meta("encoder") if (index / "catalogue.sqlite").exists() else ""
    return ENCODERS.get(found, FakeEncoder)()


def _articles(index: Path) -> dict[str, str]:
    return {article.article_id: article.text for article in Catalogue(index).articles()}


def run(kills: int, seed: int = 0) -> Outcome:
    """The rounds, in a folder of their own."""
    generator = random.Random(seed)
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="burhan-crash-") as name:
        folder = Path(name)
        work(folder, 0, "add")
        number = 0
        usual: dict[str, float] = {}
        while outcome.kills < kills:
            number += 1
            action = ACTIONS[number % len(ACTIONS)]
            before = _articles(folder / "index")
            command = [*_COMMAND, "--work", str(folder), str(number), action]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            assert process.stdout
            process.stdout.readline()  # its imports are done
            began = time.monotonic()
            patience = generator.uniform(0, 1.05) * usual[action] if action in usual else 60
            try:
                _, errors = process.communicate(timeout=patience)
                if process.returncode:
                    outcome.failed.append(f"round {number}, {action}: {errors.decode()[-300:]}")
                took = time.monotonic() - began
                usual[action] = 0.5 * usual.get(action, took) + 0.5 * took
                outcome.finished += 1
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                usual[action] *= 1.02  # or a machine grown slower would never finish again
                outcome.kills += 1
            _check(folder / "index", before, action, number, outcome)
        work(folder, number + 1, "replace")
        if doctor.examine(folder / "index", _encoder_of(folder / "index")).damage:
            outcome.unrepaired.append("the last run left damage")
    return outcome


def _check(index: Path, before: dict[str, str], action: str, number: int, outcome: Outcome) -> None:
    where = f"round {number}, {action}"
    after = _articles(index)
    gone = before.keys() - after.keys() - (_removed(number) if action == "remove" else set())
    if gone:
        outcome.lost.append(f"{where}: {sorted(gone)[:3]}")
    for article_id, text in after.items():
        said = f"Round {number} says of article {article_id[1:]} "
        if text != before.get(article_id) and not text.startswith(said):
            outcome.lost.append(f"{where}: {article_id} holds neither its old nor its new text")
    try:
        _read(index)
    except Exception as error:  # whatever a reader met is the finding
        outcome.unreadable.append(f"{where}: {type(error).__name__}: {error}")
    encoder = _encoder_of(index)
    report = doctor.examine(index, encoder)
    if report.damage and (not report.repairable or doctor.repair(index, encoder).damage):
        outcome.unrepaired.append(f"{where}: {report.damage}")


def _read(index: Path) -> None:
    """Opens the index as a reader would, and reads back what it finds."""
    try:
        store = Store(index, FakeEncoder())
    except IndexMismatchError:
        store = Store(index, OtherEncoder())
    snapshot = store.snapshot()
    for language in ("ar", "en"):
        (encoded,) = store.encoder.encode(["article says"], "query")
        found = [row for row, _ in snapshot.search_dense(language, encoded.vector, 20)]
        found = list({*found, *snapshot.search_terms_in(language, "body", ["articl"], 20)})
        chunks = snapshot.chunks(found)
        rows, tokens = snapshot.token_vectors(found)
        # Articles taken out by a killed process are in the derived files still, and nowhere else.
        assert len(tokens.starts) == len(rows)
        assert set(rows) == set(chunks) <= set(found)
        assert chunks
        for chunk, article in chunks.values():
            assert article.text[chunk.start : chunk.end] == chunk.text


_READER = """
import sys, time
from pathlib import Path
from rag.assistant import Assistant
from rag.settings import Settings
from index.store import Store
from tests.conftest import FakeEncoder
folder, stop = Path(sys.argv[1]), Path(sys.argv[2])
assistant = Assistant(Store(folder, FakeEncoder()), Settings(min_confidence=0))
asked, generations = 0, set()
while not stop.exists() or asked < 3:
    answer = assistant.ask(f"What does report number {asked % 50} say on things?")
    for citation in answer.citations:
        assert f"number {citation.article_id[1:]} " in citation.quote, citation
    generations.add(assistant.store.snapshot().generation.path.name)
    asked += 1
print(asked, len(generations))
"""


def run_readers(n_readers: int, n_articles: int) -> Outcome:
    """Processes that ask without pause while another adds articles in ten steps."""
    outcome = Outcome()
    with tempfile.TemporaryDirectory(prefix="burhan-readers-") as name:
        folder, stop, source = Path(name) / "index", Path(name) / "stop", Path(name) / "a.jsonl"
        _write_reports(source, 50)
        index_sources([source], folder, FakeEncoder())
        command = [sys.executable, "-c", _READER, str(folder), str(stop)]
        readers = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(n_readers)
        ]
        for step in range(1, 11):
            _write_reports(source, max(50, n_articles * step // 10))
            index_sources([source], folder, FakeEncoder())
        stop.touch()
        for reader in readers:
            out, errors = reader.communicate(timeout=300)
            if reader.returncode:
                outcome.unreadable.append(errors[-500:])
            else:
                outcome.asked += int(out.split()[0])
                outcome.generations_seen = max(outcome.generations_seen, int(out.split()[1]))
    return outcome


def _write_reports(path: Path, n: int) -> None:
    rows = [
        {"article_id": f"a{i}", "language": "en", "text": f"Report number {i} on things."}
        for i in range(n)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--readers", type=int, help="ask in that many processes instead")
    parser.add_argument("--articles", type=int, default=2_000, help="that a writer adds meanwhile")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work:
        folder, number, action = arguments.work
        print(flush=True)  # noqa: T201 - the rounds time from here
        work(Path(folder), int(number), action)
        return
    if arguments.readers:
        outcome = run_readers(arguments.readers, arguments.articles)
    else:
        outcome = run(arguments.kills, arguments.seed)
    print(outcome)  # noqa: T201 - the result
    sys.exit(not outcome.is_good)


if __name__ == "__main__":
    main()
