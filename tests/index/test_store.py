import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from index import codes, derived, doctor
from index.catalogue import FILE_NAME, Catalogue
from index.encoder import unit
from index.errors import (
    IndexDamagedError,
    IndexLockedError,
    IndexMismatchError,
    IndexMissingError,
    SourceError,
)
from index.ingest import index_sources, rebuild_derived, remove_articles
from index.store import Store
from index.types import Filters


def write_articles(path, *rows):
    lines = [json.dumps({"language": "en", **row}, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def row(number, text="", **more):
    return {
        "article_id": f"a{number}",
        "text": text or f"Report number {number} on things.",
        **more,
    }


@pytest.fixture
def counting(fake_encoder, monkeypatch):
    """The fake encoder, with the texts of stored passages it was asked to encode."""
    asked = []
    encode = fake_encoder.encode

    def counted(texts, kind):
        if kind == "passage":
            asked.extend(texts)
        return encode(texts, kind)

    fake_encoder.encode = counted
    fake_encoder.asked = asked
    return fake_encoder


def rows_of(store):
    return store.snapshot().generation.manifest.n_chunks


def test_add_unchanged_replace_remove(tmp_path, counting):
    source, folder = tmp_path / "a.jsonl", tmp_path / "index"
    write_articles(source, row(1), row(2), {"title": "no text"})
    first = index_sources([source], folder, counting)
    assert (first.added, first.unchanged, len(first.skipped)) == (2, 0, 1)
    assert len(counting.asked) == 2

    again = index_sources([source], folder, counting)
    assert (again.added, again.replaced, again.unchanged) == (0, 0, 2)
    assert len(counting.asked) == 2, "nothing is encoded twice"

    store = Store(folder, counting)
    old = store.snapshot()
    write_articles(source, row(1), row(2, "Entirely new words here."), row(3))
    third = index_sources([source], folder, counting)
    assert (third.added, third.replaced, third.unchanged) == (1, 1, 1)
    assert counting.asked[2:] == ["Entirely new words here.", "Report number 3 on things."]
    held = [chunk.text for chunk, _ in old.chunks(old.generation.rows["en"].tolist()).values()]
    assert "Report number 2 on things." in held, "a reader keeps its generation"
    assert rows_of(store) == {"ar": 0, "en": 3}, "and moves on when it asks for the next"

    gone = remove_articles(["a2", "nope"], folder, counting)
    assert (gone.removed, gone.skipped[0].origin) == (1, "nope")
    assert rows_of(store) == {"ar": 0, "en": 2}
    dump = (folder / FILE_NAME).read_bytes()
    assert Catalogue(folder).counts() == {
        "articles": 2,
        "chunks": 2,
        "encodings": 2,
    }
    assert dump, "the catalogue is a file"
    for field in ("body", "names"):
        assert not store.snapshot().search_terms_in("en", field, ["entir", "ntrl"], 5)


def test_the_same_id_twice_in_one_run_is_said(tmp_path, fake_encoder):
    source = write_articles(tmp_path / "a.jsonl", row(1), row(1, "Another text."))
    summary = index_sources([source], tmp_path / "index", fake_encoder)
    assert summary.added == 1
    assert "'a1' was already read from" in summary.skipped[0].reason


def test_rows_without_ids_are_told_apart_and_stay_the_same_articles(tmp_path, fake_encoder):
    texts = ["One thing happened.", "Another thing happened.", "A third thing happened."]
    rows = [{"title": "Weather", "text": text} for text in texts]
    source, folder = tmp_path / "odd: name.jsonl", tmp_path / "index"
    write_articles(source, *rows, {"url": "https://x.example/1", "text": "By its address."})
    assert index_sources([source], folder, fake_encoder).added == 4
    again = index_sources([source], folder, fake_encoder)
    assert (again.added, again.replaced, again.unchanged) == (0, 0, 4)


def test_a_missing_source_changes_nothing(tmp_path, fake_encoder):
    with pytest.raises(SourceError):
        index_sources([tmp_path / "nowhere"], tmp_path / "index", fake_encoder)
    assert not (tmp_path / "index").exists()


def test_chunks_are_verbatim_and_near_duplicates_share_a_story(fake_sample):
    articles = {article.article_id: article for article in fake_sample.articles()}
    assert len(articles) == 48
    snapshot = fake_sample.store.snapshot()
    for rows in snapshot.generation.rows.values():
        for chunk, article in snapshot.chunks(rows.tolist()).values():
            assert articles[article.article_id].text[chunk.start : chunk.end] == chunk.text
    stories = {i: articles[i].story_id for i in articles}
    assert stories["dam-opening-ar"] == stories["shumar-dam-mina-ar"]
    assert stories["ferry-rescue-en"] == stories["nawras-rescue-gazette-en"]
    assert len(set(stories.values())) == 44


def test_filters(fake_sample):
    snapshot = fake_sample.store.snapshot()
    articles = fake_sample.articles()
    source = articles[0].source
    for filters in (Filters(sources=(source,)), Filters(article_ids=("bread-price-ar",))):
        rows = snapshot.matching_rows(filters)
        found = {a.article_id for _, a in snapshot.chunks(rows.tolist()).values()}
        assert found == {a.article_id for a in articles if filters.accept(a)} != set()


def test_a_killed_run_keeps_what_was_committed(tmp_path, fake_encoder):
    """The process dies between a commit and the next; the rerun encodes only what is missing."""
    source = write_articles(tmp_path / "a.jsonl", *[row(i) for i in range(100)])
    script = f"""
        import os, index.ingest as ingest
        from pathlib import Path
        from tests.conftest import FakeEncoder
        commit = ingest._commit
        def then_die(*args):
            commit(*args)
            os.kill(os.getpid(), 9)
        ingest._commit = then_die
        folder = Path({str(tmp_path / "i")!r})
        ingest.index_sources([Path({str(source)!r})], folder, FakeEncoder())
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert done.returncode == -9
    assert Catalogue(tmp_path / "i").counts()["articles"] == 64
    summary = index_sources([source], tmp_path / "i", fake_encoder)
    assert (summary.added, summary.unchanged) == (36, 64)
    assert not doctor.examine(tmp_path / "i", fake_encoder).damage


def test_a_kill_between_rename_and_current_is_recovered(tmp_path, fake_encoder):
    source = write_articles(tmp_path / "a.jsonl", row(1))
    folder = tmp_path / "index"
    index_sources([source], folder, fake_encoder)
    for text in (None, "", "generations/nonsense"):
        (folder / "CURRENT").unlink()
        if text is not None:
            (folder / "CURRENT").write_text(text)
        assert doctor.examine(folder, fake_encoder).damage == ["no derived index is published"]
        assert index_sources([source], folder, fake_encoder).unchanged == 1
        assert rows_of(Store(folder, fake_encoder)) == {"ar": 0, "en": 1}


def test_a_changed_article_leaves_its_story(tmp_path, fake_encoder):
    first = "The parliament passed the long awaited water law on Monday after a day of debate."
    other = "A river bridge opened to traffic before dawn while a small crowd watched the lorries."
    folder, source = tmp_path / "index", tmp_path / "a.jsonl"
    write_articles(source, row(1, first), row(2, first + " It was close."))
    index_sources([source], folder, fake_encoder)
    write_articles(source, row(1, other), row(2, first + " It was close."))
    index_sources([source], folder, fake_encoder)
    stories = [article.story_id for article in Store(folder, fake_encoder).snapshot().articles()]
    assert len(set(stories)) == 2


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs another user")
def test_an_index_that_may_only_be_read_can_be_read(tmp_path, fake_encoder):
    folder = Path(tempfile.mkdtemp(prefix="burhan-test-"))
    index_sources([write_articles(tmp_path / "a.jsonl", row(1))], folder, fake_encoder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    script = (
        "import os, sys; from pathlib import Path; from index.catalogue import Catalogue;"
        "os.setuid(65534);"
        "print(Catalogue(Path(sys.argv[1])).counts()['articles'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    shutil.rmtree(folder)
    assert done.stdout.strip() == "1", done.stderr


def test_one_writer_at_a_time(tmp_path, fake_encoder):
    source = write_articles(tmp_path / "a.jsonl", row(1))
    folder = tmp_path / "index"
    index_sources([source], folder, fake_encoder)
    (folder / "writer.pid").write_text("4242")
    with FileLock(folder / "writer.lock"), pytest.raises(IndexLockedError, match="process 4242"):
        index_sources([source], folder, fake_encoder)


def test_derived_files_are_checked_and_made_again_without_encoding(tmp_path, counting):
    folder = tmp_path / "index"
    index_sources([write_articles(tmp_path / "a.jsonl", row(1), row(2))], folder, counting)
    encoded = len(counting.asked)
    path = derived.current_path(folder) / "dense.en.faiss"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    report = doctor.examine(folder, counting)
    assert report.damage == ["dense.en.faiss is missing or damaged"]
    assert doctor.repair(folder, counting).damage == []
    assert len(counting.asked) == encoded
    derived.current_path(folder).joinpath("manifest.json").unlink()
    with pytest.raises(IndexDamagedError, match=r"burhan doctor --repair"):
        Store(folder, counting)
    rebuild_derived(folder, counting)
    assert rows_of(Store(folder, counting)) == {"ar": 0, "en": 2}


def test_what_is_not_an_index_is_refused(tmp_path, fake_encoder):
    with pytest.raises(IndexMissingError, match="burhan index SOURCE"):
        Store(tmp_path / "nowhere", fake_encoder)
    (tmp_path / FILE_NAME).write_text("not a database at all, but long enough to be looked at")
    with pytest.raises(IndexDamagedError, match="cannot be read"):
        Store(tmp_path, fake_encoder)


def test_another_encoder_or_schema_is_refused(tmp_path, fake_encoder):
    folder = tmp_path / "index"
    index_sources([write_articles(tmp_path / "a.jsonl", row(1))], folder, fake_encoder)
    fake_encoder.fingerprint = "fake:2"
    with pytest.raises(IndexMismatchError, match="encoder fake:1, but fake:2 is set"):
        Store(folder, fake_encoder)
    with pytest.raises(IndexMismatchError, match="encoder fake:1"):
        index_sources([tmp_path / "a.jsonl"], folder, fake_encoder)
    with sqlite3.connect(folder / FILE_NAME) as db:
        db.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    with pytest.raises(IndexMismatchError, match="schema 99"):
        Catalogue(folder, write=True)


def test_token_codes_keep_directions():
    generator = np.random.default_rng(0)
    tokens = unit(generator.standard_normal((200, 384)).astype(np.float32))
    first, second = codes.pack(tokens[:150]), codes.pack(tokens[150:])
    assert len(first) == 150 * 96
    block = codes.block([first, second], 384)
    assert block.starts.tolist() == [0, 150]
    vectors = block.kept().vectors
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (vectors * codes.rotate(tokens)).sum(axis=1).min() > 0.9
    # A passage's score is the mean over query tokens of its best token, here itself.
    query = codes.rotate(tokens[[3, 160]])
    exact = (vectors[3] @ query[0] + (vectors[:150] @ query[1]).max()) / 2
    assert block.max_sim(query)[0] == pytest.approx(exact, abs=1e-5)
    # Decoded piece by piece or beforehand, the same.
    many = codes.block([first, second] * 10, 384)
    assert np.allclose(many.best_tokens(query), many.kept().best_tokens(query), atol=1e-6)
    rotation = codes.rotation(384)
    assert np.allclose(rotation @ rotation.T, np.eye(384), atol=1e-5)


def test_coverage_is_a_share(tmp_path, fake_encoder):
    rows = [row(1, "dragon fruit market"), row(2, "fish market")]
    index_sources([write_articles(tmp_path / "a.jsonl", *rows)], tmp_path / "i", fake_encoder)
    snapshot = Store(tmp_path / "i", fake_encoder).snapshot()
    both = snapshot.search_terms_in("en", "body", ["dragon", "market"], 5)
    assert list(both.values()) == sorted(both.values(), reverse=True)
    assert all(0 < share <= 1 for share in both.values())
    half = snapshot.search_terms_in("en", "body", ["dragon", "nowhere"], 5)
    assert max(half.values()) < max(both.values())
    assert snapshot.search_terms_in("ar", "body", ["dragon"], 5) == {}
