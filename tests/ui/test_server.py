"""The chat's routes, without a browser."""

import base64
import json
import threading
from pathlib import Path

import httpx
import pytest

from eval.formats import read_dataset
from index.ingest import index_sources
from index.store import Store
from rag.assistant import Assistant
from rag.settings import Settings
from tests.conftest import FakeEncoder
from tests.ui.serving import Scripted, Visitor, running
from ui import uploads
from ui.guard import read_users
from ui.server import build_app, preferred

TEXT = "The ferry Nawras carries 340 passengers. It sails at noon."


@pytest.fixture(scope="module")
def assistant(tmp_path_factory):
    """One small index of its own, which uploads may change."""
    folder = tmp_path_factory.mktemp("chat")
    row = {"text": TEXT, "title": "The ferry", "source": "Gazette", "published": "2025-03-01"}
    undated = {"text": "تقع القلعة فوق تل.", "title": "القلعة", "language": "ar"}
    lines = "\n".join(json.dumps(one) for one in (row, undated))
    (folder / "news.jsonl").write_text(lines, encoding="utf-8")
    index_sources([folder / "news.jsonl"], folder / "index", FakeEncoder())
    return Assistant(Store(folder / "index", FakeEncoder()), Settings(min_confidence=0))


@pytest.fixture(scope="module")
def url(assistant):
    with running(build_app(assistant, allow_uploads=True)) as address:
        yield address


@pytest.fixture
def visitor(url):
    return Visitor(url)


def test_an_answer_comes_with_its_citations(visitor):
    value = visitor.ask("How many passengers does the ferry carry?")
    (citation,) = value["answer"]["citations"]
    assert TEXT[citation["start"] : citation["end"]] == citation["quote"]
    assert value["text"] == value["answer"]["text"]


def test_the_page_allows_nothing_but_its_own_files(visitor):
    answer = visitor.http.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "://" not in answer.text.replace("http://127.0.0.1", "")


@pytest.mark.parametrize(
    ("payload", "phrase"),
    [
        ({"question": " ?! "}, "error_empty"),
        ({"question": "x" * 2_001}, "error_long"),
        ({"question": 3}, "error_request"),
        ({"question": "who", "surprise": 1}, "error_request"),
        (
            {
                "question": "who",
                "filters": {"published_from": "2025-02-01", "published_to": "2025-01-01"},
            },
            "error_dates",
        ),
        ({"question": "who", "filters": {"published_from": "soon"}}, "error_request"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_phrase(visitor, payload, phrase):
    assert visitor.run("ask", payload)["error"]["phrase"] == phrase


def test_filters_restrict_the_search(visitor):
    question = "How many passengers does the ferry carry?"
    late = visitor.ask(question, filters={"published_from": "2025-04-01"})
    assert late["answer"]["refused"]
    within = visitor.ask(question, filters={"sources": ["Gazette"], "languages": ["en"]})
    assert not within["answer"]["refused"]


def test_what_is_indexed(visitor):
    overview = visitor.http.get("/api/overview").json()
    assert overview["outlets"] == [{"name": "Gazette", "n": 1, "language": "en"}]
    assert overview["months"] == [{"month": "2025-03", "ar": 0, "en": 1}]
    assert overview["undated"] >= 1
    found = visitor.http.get("/api/articles", params={"source": "Gazette", "month": "2025-03"})
    (article,) = found.json()["articles"]
    whole = visitor.http.get("/api/article", params={"article_id": article["article_id"]})
    assert whole.json()["text"] == TEXT
    assert visitor.http.get("/api/article", params={"article_id": "none"}).status_code == 404
    by_title = visitor.http.get("/api/articles", params={"query": "القلعه"}).json()
    assert by_title["articles"][0]["title"] == "القلعة"
    examples = visitor.http.get("/api/examples").json()
    assert examples["en"][0] == "What happened, according to “The ferry”?"
    assert "القلعة" in examples["ar"][0]


def test_a_liked_answer_is_gold_for_the_benchmark(visitor, assistant, tmp_path):
    answer = visitor.ask("How many passengers does the ferry carry?")["answer"]
    row = {
        "rating_id": "one",
        "rating": "up",
        "comment": "جيد",
        "question": answer["question"],
        "answer": answer["text"],
        "citations": answer["citations"],
        "confidence": answer["confidence"],
    }
    assert visitor.http.post("/api/rate", json=row).status_code == 200
    forged = {**answer["citations"][0], "quote": "The ferry sank."}
    visitor.http.post("/api/rate", json={**row, "rating_id": "two", "citations": [forged]})
    path = assistant.store.folder / "feedback.jsonl"
    (case,) = read_dataset([path]).cases
    assert case.evidence[0].quote == answer["citations"][0]["quote"]
    visitor.http.post("/api/rate", json={**row, "rating": "down"})
    assert [json.loads(line)["rating"] for line in path.read_text().splitlines()] == ["up", "down"]
    visitor.http.post("/api/rate", json={**row, "rating": "none"})
    visitor.http.post("/api/rate", json={**row, "rating_id": "two", "rating": "none"})
    assert path.read_text() == ""
    assert visitor.http.post("/api/rate", json={**row, "rating": "great"}).status_code == 422


def test_an_upload_is_indexed_like_the_commands_files(visitor, assistant):
    files = [
        ("file", ("../../tram.txt", b"Tram line nine crosses Jasmine Square.")),
        ("file", ("picture.png", b"\x89PNG")),
    ]
    keys = visitor.http.post("/api/upload", files=files).json()["keys"]
    summary = visitor.run("add", {"keys": keys})["summary"]
    assert summary["added"] == 1
    (skipped,) = summary["skipped"]
    assert skipped["file"] == "picture.png"
    assert str(assistant.store.folder) not in json.dumps(summary)
    assert "Jasmine" in visitor.ask("Where does tram line nine cross?")["text"]
    again = visitor.http.post("/api/upload", files=files[:1]).json()["keys"]
    assert visitor.run("add", {"keys": again})["summary"]["unchanged"] == 1
    assert list((assistant.store.folder / "uploads").iterdir()) == []


def test_an_upload_names_nothing_but_its_own_files(visitor, monkeypatch):
    for key in ("../../index", "0" * 16, ""):
        assert visitor.run("add", {"keys": [key]})["summary"]["added"] == 0
    monkeypatch.setattr(uploads, "MAX_BYTES", 10)
    sent = visitor.http.post("/api/upload", files=[("file", ("a.txt", b"more than ten bytes"))])
    assert sent.status_code == 413


def test_a_readonly_server_takes_no_files(assistant):
    with running(build_app(assistant)) as address:
        visitor = Visitor(address)
        assert visitor.boot["uploads"] is False
        assert set(visitor.boot["endpoints"]) == {"ask"}
        sent = visitor.http.post("/api/upload", files=[("file", ("a.txt", b"text"))])
        assert sent.status_code == 404


def test_only_those_with_a_password_enter(assistant, tmp_path):
    (tmp_path / "users").write_text("# who\nلينا:سر:نا\n", encoding="utf-8")
    users = read_users(tmp_path / "users")
    with running(build_app(assistant, users=users)) as address, httpx.Client() as stranger:
        for path in ("/", "/api/overview", "/static/main.js", "/gradio/gradio_api/queue/data"):
            assert stranger.get(address + path).status_code == 401
        assert stranger.get(f"{address}/health").json()["status"] == "ok"
        wrong = base64.b64encode("لينا:سر".encode()).decode()
        refused = stranger.get(address, headers={"Authorization": f"Basic {wrong}"})
        assert refused.status_code == 401
        right = base64.b64encode("لينا:سر:نا".encode()).decode()
        visitor = Visitor(address, headers={"Authorization": f"Basic {right}"})
        assert visitor.ask("How many passengers does the ferry carry?")["answer"]


def test_other_sites_and_other_routes_are_refused(visitor, url):
    post = visitor.http.post
    assert post("/api/rate", json={}, headers={"Origin": "http://evil.example"}).status_code == 403
    assert post("/api/rate", json={}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert post("/api/rate", json={}, headers={"Origin": url}).status_code == 422
    for path in ("/gradio/", "/gradio/config", "/gradio/gradio_api/upload", "/docs", "/nothing"):
        assert visitor.http.get(path).status_code == 404
    secret = f"/gradio/gradio_api/file={Path(__file__)}"
    assert visitor.http.get(secret).status_code == 404
    assert visitor.http.get("/static/../server.py").status_code == 404


@pytest.mark.parametrize(
    ("accepted", "language"),
    [("ar", "ar"), ("en-GB,ar;q=0.8", "en"), ("fr,ar-SY;q=0.5,en;q=0.3", "ar"), ("", "en")],
)
def test_the_page_opens_in_the_browsers_language(accepted, language):
    assert preferred(accepted) == language


def test_a_slow_model_blocks_nobody_and_the_queue_says_its_place(assistant):
    scripted = Scripted(assistant)
    with running(build_app(scripted, at_once=2)) as address:
        slow, other, third = Visitor(address), Visitor(address), Visitor(address)
        slow.join("ask", {"question": "slow"})
        assert other.ask("quick", history=[["before", "yes"]])["answer"]["text"].startswith("quick")
        other.join("ask", {"question": "slow too"})
        event = third.join("ask", {"question": "third"})
        assert third.http.get("/api/overview").json()["articles"]
        messages = third.messages()
        places = [m["rank"] for m in (next(messages),) if m["msg"] == "estimation"]
        assert places == [0]
        for _ in range(6):
            scripted.let.release()
        done = [m for m in messages if m["msg"] == "process_completed"]
        assert done[0]["event_id"] == event
        assert scripted.histories == {
            "slow": [], "slow too": [], "third": [], "quick": [("before", "yes")],
        }  # fmt: skip


def test_stopping_closes_the_model(assistant):
    scripted = Scripted(assistant)
    with running(build_app(scripted)) as address:
        visitor = Visitor(address)
        event = visitor.join("ask", {"question": "slow"})
        seen = threading.Event()

        def listen():
            for message in visitor.messages():
                if message["msg"] == "process_generating":
                    seen.set()

        listener = threading.Thread(target=listen)
        listener.start()
        scripted.let.release()
        assert seen.wait(10)
        visitor.cancel(event)
        scripted.let.release()
        assert scripted.closed.wait(10)
        listener.join(10)
        assert not listener.is_alive()
