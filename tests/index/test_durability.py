"""What the index survives: kills, full disks, flipped bytes, many readers, other encoders."""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from index import doctor
from index.catalogue import FILE_NAME, Catalogue
from index.errors import (
    IndexDamagedError,
    IndexMismatchError,
    IndexMissingError,
    SourceError,
)
from index.ingest import index_sources, reencode, remove_articles, writing
from index.store import Store
from index.transfer import export_index, import_index
from tests.conftest import ROOT, SAMPLE, FakeEncoder
from tests.index import crash
from tests.index.crash import OtherEncoder
from tests.index.older import to_schema_1
from tests.index.test_store import row, write_articles


def content(folder):
    """Everything a reader could be given out of the catalogue."""
    catalogue = Catalogue(folder)
    dump = [json.dumps(record, sort_keys=True) for record in catalogue.records()]
    encodings = sorted((e.digest, e.vector, e.tokens) for e in catalogue.encodings())
    catalogue.close()
    return dump, encodings


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "index"
    index_sources([SAMPLE], folder, FakeEncoder())
    return folder


def test_kills_at_random_instants_lose_nothing():
    outcome = crash.run(kills=5, seed=1)
    assert outcome.is_good, outcome


def test_a_flipped_byte_is_detected_or_does_not_matter(made, tmp_path):
    generator = random.Random(3)
    whole = content(made)
    files = [
        p.relative_to(made) for p in sorted(made.rglob("*")) if p.is_file() and p.stat().st_size
    ]
    files = [name for name in files if name.name not in ("writer.lock", ".tantivy-writer.lock")]
    tries = [(name, 2) for name in files if name.name != FILE_NAME] + [(Path(FILE_NAME), 40)]
    for name, n in tries:
        for _ in range(n):
            folder = tmp_path / "copy"
            shutil.copytree(made, folder)
            data = bytearray((folder / name).read_bytes())
            at = generator.randrange(len(data))
            data[at] ^= 1 << generator.randrange(8)
            (folder / name).write_bytes(data)
            try:
                report = doctor.examine(folder, FakeEncoder())
                detected = bool(report.damage)
                if detected and report.repairable:
                    assert not doctor.repair(folder, FakeEncoder()).damage, (name, at)
            except (IndexDamagedError, IndexMismatchError):
                detected = True
            assert (
                detected
                or (name.name == FILE_NAME and content(folder) == whole)
                or ("generations" not in name.parts and name.name != FILE_NAME)
            ), f"byte {at} of {name}"
            shutil.rmtree(folder)


TMPFS = """
mount -t tmpfs -o size=3m none "$1" || exit 77
exec "$2" -c '
import sys
from pathlib import Path
from index import doctor
from index.errors import RagError
from index.ingest import index_sources
from tests.conftest import FakeEncoder
from tests.index.test_store import row, write_articles
folder, source = Path(sys.argv[1]) / "index", Path(sys.argv[2])
index_sources([write_articles(source, row(1))], folder, FakeEncoder())
rows = [row(i, f"Words of article {i} " * 200) for i in range(1, 2000)]
try:
    index_sources([write_articles(source, *rows)], folder, FakeEncoder())
except (RagError, OSError) as error:
    print(f"{type(error).__name__}: {error}")
(folder / "writer.pid").unlink(missing_ok=True)
report = doctor.examine(folder, FakeEncoder())
print(report.repairable, report.facts[0])
' "$1" "$3"
"""


def test_a_full_disk_is_said_and_the_index_stays(tmp_path):
    (tmp_path / "disk").mkdir()
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", TMPFS, "sh",
         tmp_path / "disk", sys.executable, tmp_path / "a.jsonl"],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    if done.returncode == 77:
        pytest.skip("this machine does not let a test mount a small disk")
    error, state = done.stdout.strip().split("\n")
    assert "full" in error or "No space left" in error, done
    assert "\n" not in error
    assert state.startswith("True")
    assert "0 articles" not in state.split(",")[0]


def test_a_folder_that_may_not_be_written_is_said(made, tmp_path):
    source = write_articles(tmp_path / "a.jsonl", row(1))
    script = (
        "import os, sys; from pathlib import Path; from index.ingest import index_sources;"
        "from tests.conftest import FakeEncoder; os.setuid(65534)\n"
        "try: index_sources([Path(sys.argv[1])], Path(sys.argv[2]), FakeEncoder())\n"
        "except OSError as error: print(error.strerror)"
    )
    folder = Path("/tmp") / f"burhan-test-{os.getpid()}"
    shutil.copytree(made, folder)
    try:
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        shutil.copy(source, folder.with_suffix(".jsonl"))
        done = subprocess.run(
            [sys.executable, "-c", script, str(folder.with_suffix(".jsonl")), str(folder)],
            capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder)
        folder.with_suffix(".jsonl").unlink()
    assert done.stdout.strip() == "Permission denied", done.stderr


def test_readers_ask_on_while_a_writer_adds():
    """Every answer comes from one whole state, and the readers see the updates."""
    outcome = crash.run_readers(n_readers=8, n_articles=400)
    assert outcome.is_good, outcome


def test_a_second_writer_can_wait(tmp_path):
    folder = tmp_path / "index"
    source = write_articles(tmp_path / "a.jsonl", row(1))
    index_sources([source], folder, FakeEncoder())
    release = threading.Event()

    def hold():
        with writing(folder, FakeEncoder()):
            release.wait(20)

    first = threading.Thread(target=hold)
    first.start()
    threading.Timer(0.5, release.set).start()
    write_articles(source, row(1), row(2))
    assert index_sources([source], folder, FakeEncoder(), wait=20).added == 1
    first.join()


def test_moving_to_another_encoder_resumes(made, tmp_path, monkeypatch):
    folder = tmp_path / "index"
    shutil.copytree(made, folder)
    with pytest.raises(IndexMismatchError, match="burhan reencode"):
        Store(folder, OtherEncoder())
    asked = []

    class Counting(OtherEncoder):
        def encode(self, texts, kind):
            if len(asked) > 20:
                raise KeyboardInterrupt
            asked.extend(texts)
            return super().encode(texts, kind)

    monkeypatch.setattr("index.ingest._BATCH_ARTICLES", 8)
    with pytest.raises(KeyboardInterrupt):
        reencode(folder, Counting())
    n_first = len(asked)
    assert n_first > 0
    old = Store(folder, FakeEncoder())
    held = old.snapshot()
    rows = held.generation.rows["en"].tolist()
    before = held.token_vectors(rows)[1].packed

    remaining = []

    class Resuming(OtherEncoder):
        def encode(self, texts, kind):
            remaining.extend(texts)
            return super().encode(texts, kind)

    assert reencode(folder, Resuming()) == 48
    assert not set(remaining) & set(asked), "what was encoded is not encoded again"
    assert (held.token_vectors(rows)[1].packed == before).all(), "a reader keeps its vectors"
    assert Store(folder, OtherEncoder()).snapshot().n_chunks("en") == len(rows)
    with pytest.raises(IndexMismatchError, match="encoder fake:other"):
        old.snapshot()
    assert not doctor.examine(folder, OtherEncoder()).damage
    assert reencode(folder, OtherEncoder()) == 0


def test_export_and_import_give_the_same_index(made, tmp_path):
    assert export_index(made, tmp_path / "out") == 48
    with pytest.raises(SourceError, match="already there"):
        export_index(made, tmp_path / "out")
    refusing = FakeEncoder()
    refusing.encode = None
    assert import_index(tmp_path / "out", tmp_path / "new", refusing) == 48
    assert content(tmp_path / "new")[0] == content(made)[0]
    assert not doctor.examine(tmp_path / "new", FakeEncoder()).damage
    with pytest.raises(SourceError, match="not empty"):
        import_index(tmp_path / "out", tmp_path / "new", FakeEncoder())
    with pytest.raises(IndexMismatchError):
        import_index(tmp_path / "out", tmp_path / "other", OtherEncoder())
    with (tmp_path / "out" / "articles.jsonl").open("a") as file:
        file.write(" ")
    with pytest.raises(SourceError, match=r"articles\.jsonl is damaged"):
        import_index(tmp_path / "out", tmp_path / "third", FakeEncoder())
    with pytest.raises(SourceError, match="not a whole export"):
        import_index(made, tmp_path / "third", FakeEncoder())
    with pytest.raises(IndexMissingError):
        export_index(tmp_path / "nowhere", tmp_path / "x")


def test_history_is_kept_and_exported(tmp_path):
    folder, source = tmp_path / "index", tmp_path / "a.jsonl"
    for text in ("The first version said ten.", "The correction says twelve."):
        index_sources([write_articles(source, row(1, text))], folder, FakeEncoder())
    texts = [article.text for article, _, _ in Catalogue(folder).history("a1")]
    assert texts == ["The first version said ten.", "The correction says twelve."]
    export_index(folder, tmp_path / "out")
    import_index(tmp_path / "out", tmp_path / "new", FakeEncoder())
    assert [article.text for article, _, _ in Catalogue(tmp_path / "new").history("a1")] == texts
    assert [a.text for a in Catalogue(tmp_path / "new").articles()] == texts[1:]


def test_an_index_of_schema_1_moves_on_without_encoding(made, tmp_path):
    folder = tmp_path / "index"
    shutil.copytree(made, folder)
    whole = content(folder)
    to_schema_1(folder)
    with pytest.raises(IndexMismatchError, match=r"burhan doctor --repair"):
        Store(folder, FakeEncoder())
    assert not doctor.repair(folder, FakeEncoder()).damage
    assert content(folder)[0] == whole[0]
    assert content(folder)[1] == whole[1]
    Store(folder, FakeEncoder())


def test_lines_that_repeat_across_an_outlet_go(tmp_path):
    promo = "A daily meeting with the most important events, brought to you by Radio Shore FM"
    words = [
        "river",
        "bridge",
        "water",
        "school",
        "harvest",
        "port",
        "road",
        "festival",
        "museum",
        "election",
    ]
    rows = [
        row(
            i,
            f"Officials spoke of the {word} on day {i} and of nothing else that mattered there.\n"
            f"The {word} was built {i + 20} years ago by {word} workers of the valley.\n{promo}",
            source="Radio Shore",
        )
        for i, word in enumerate(words)
    ]
    folder = tmp_path / "index"
    source = write_articles(tmp_path / "a.jsonl", *rows)
    index_sources([source], folder, FakeEncoder())
    articles = list(Catalogue(folder).articles())
    assert len(articles) == 10
    assert not any(promo in article.text for article in articles)
    assert all(article.text.count("\n") == 1 for article in articles)
    again = index_sources([source], folder, FakeEncoder())
    assert (again.unchanged, again.replaced) == (10, 0)
    # Another outlet's authors may write the same.
    other = write_articles(tmp_path / "b.jsonl", row(50, f"Something.\nElse.\n{promo}", source="B"))
    index_sources([other], folder, FakeEncoder())
    assert promo in next(Catalogue(folder).articles(article_ids=["a50"])).text
    # What is known of an outlet goes with its articles to another machine.
    export_index(folder, tmp_path / "out")
    import_index(tmp_path / "out", tmp_path / "moved", FakeEncoder())
    again = index_sources([source], tmp_path / "moved", FakeEncoder())
    assert (again.unchanged, again.replaced) == (10, 0)


def test_an_article_that_is_updated_often_keeps_its_first_line(tmp_path):
    folder, source = tmp_path / "index", tmp_path / "a.jsonl"
    lede = "What we know so far about the floods in the valley of Zarqun."
    for version in range(12):
        text = f"{lede}\nVersion {version}: {version + 3} roads are closed.\nMore is to come."
        index_sources([write_articles(source, row(1, text, source="Post"))], folder, FakeEncoder())
    assert next(Catalogue(folder).articles()).text.startswith(lede)


def test_coverage_stays_a_share_when_most_articles_are_gone(tmp_path):
    folder, source = tmp_path / "index", tmp_path / "a.jsonl"
    rows = [row(i, f"The market of quarter number{i} opened again.") for i in range(20)]
    index_sources([write_articles(source, *rows)], folder, FakeEncoder())
    remove_articles([f"a{i}" for i in range(4, 20)], folder, FakeEncoder())
    snapshot = Store(folder, FakeEncoder()).snapshot()
    found = snapshot.search_terms_in("en", "body", ["market", "number3"], 10)
    assert len(found) == 4
    assert all(0 < share <= 1 for share in found.values())
    best = max(found, key=lambda row: found[row])
    assert "number3" in snapshot.chunks([best])[best][0].text


def test_a_move_to_another_encoder_can_be_given_up(made, tmp_path, monkeypatch):
    folder = tmp_path / "index"
    shutil.copytree(made, folder)
    whole = Catalogue(folder).counts()

    class Stopping(OtherEncoder):
        def encode(self, texts, kind):
            if self.asked:
                raise KeyboardInterrupt
            self.asked = True
            return super().encode(texts, kind)

    stopping = Stopping()
    stopping.asked = False
    monkeypatch.setattr("index.ingest._BATCH_ARTICLES", 8)
    with pytest.raises(KeyboardInterrupt):
        reencode(folder, stopping)
    assert Catalogue(folder).counts()["encodings"] > whole["encodings"]
    assert any("was stopped" in fact for fact in doctor.examine(folder, FakeEncoder()).facts)
    assert reencode(folder, FakeEncoder()) == 0
    assert Catalogue(folder).counts() == whole
    assert not any("was stopped" in fact for fact in doctor.examine(folder, FakeEncoder()).facts)


def test_a_first_run_that_was_killed_leaves_no_index(tmp_path):
    (tmp_path / FILE_NAME).touch()
    with pytest.raises(IndexMissingError, match="burhan index"):
        Store(tmp_path, FakeEncoder())
    index_sources([write_articles(tmp_path / "a.jsonl", row(1))], tmp_path, FakeEncoder())
    assert Store(tmp_path, FakeEncoder()).snapshot().n_chunks("en") == 1


def test_a_killed_import_is_not_in_the_way(made, tmp_path, monkeypatch):
    export_index(made, tmp_path / "out")
    monkeypatch.setattr("index.transfer._put", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        import_index(tmp_path / "out", tmp_path / "new", FakeEncoder())
    monkeypatch.undo()
    assert import_index(tmp_path / "out", tmp_path / "new", FakeEncoder()) == 48


READ_ONLY = """
import os, sys, time
from pathlib import Path
from index.store import Store
from tests.conftest import FakeEncoder
os.setuid(65534)
store = Store(Path(sys.argv[1]), FakeEncoder())
def ask():
    snapshot = store.snapshot()
    found = snapshot.search_terms_in("en", "body", ["articl"], 5)
    rows = list(found)
    return len(rows), len(snapshot.chunks(rows)), len(snapshot.token_vectors(rows)[0])
print(ask(), flush=True)
sys.stdin.readline()
print(ask(), flush=True)
"""


def test_an_index_that_may_only_be_read_is_asked_and_followed():
    """Another user's process reads on while the owner replaces every article."""
    folder = Path("/tmp") / f"burhan-read-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        rows = (row(i, f"An article {i}") for i in range(5))
        source = write_articles(folder / "a.jsonl", *rows)
        index_sources([source], folder / "index", FakeEncoder())
        reader = subprocess.Popen(
            [sys.executable, "-c", READ_ONLY, str(folder / "index")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, cwd=ROOT,
        )  # fmt: skip
        assert reader.stdout
        assert reader.stdin
        first = reader.stdout.readline().strip()
        for version in (1, 2):
            rows = (row(i, f"An article {i}, version {version}") for i in range(5))
            index_sources([write_articles(source, *rows)], folder / "index", FakeEncoder())
        out, errors = reader.communicate("\n", timeout=60)
    finally:
        shutil.rmtree(folder)
    assert (first, out.strip()) == ("(5, 5, 5)", "(5, 5, 5)"), errors
