"""The `burhan` command as its users run it."""

import json
import os
import re
import subprocess
import sys
import time

import pytest

from tests.conftest import ROOT, SAMPLE
from tests.index.older import to_schema_1


def burhan(*arguments, cwd=ROOT, **environment):
    return subprocess.run(
        [sys.executable, "-m", "rag.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment},
        check=False,
    )


def assert_one_clear_line(done, *words):
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("burhan:")
    for word in words:
        assert word in last


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["index"],
        ["remove"],
        ["history"],
        ["ask"],
        ["chat"],
        ["eval"],
        ["doctor"],
        ["reencode"],
        ["export"],
        ["import"],
    ],
)
def test_every_command_has_help(command):
    done = burhan(*command, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


@pytest.mark.encoder
def test_index_ask_remove(tmp_path, real_encoder):
    index = tmp_path / "index"
    good = {"article_id": "dam", "title": "Dam opens", "text": "The Zarqun dam is 91 metres high."}
    rows = [json.dumps(good), '{"title": "no text"}', "nonsense"]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    (tmp_path / "empty.txt").write_text("")

    done = burhan("index", tmp_path / "a.jsonl", tmp_path / "empty.txt", "--index", index)
    assert done.returncode == 0, done.stderr
    assert "Articles: 1 added, 3 skipped" in done.stdout
    for line in (
        "a.jsonl:2: has no 'text'",
        "a.jsonl:3: is not JSON",
        "empty.txt: the file is empty",
    ):
        assert line in done.stderr

    done = burhan("ask", "How high is the Zarqun dam?", "--index", index, "--json", "--explain")
    answer = json.loads(done.stdout.split("\n}\n")[0] + "\n}")
    assert answer["citations"][0]["quote"] == good["text"]
    assert "late_interaction" in done.stdout

    done = burhan("ask", "كم يبلغ ارتفاع سد زرقون؟", "--index", index)
    assert "بالإنجليزية" in done.stdout
    assert "المصادر" in done.stdout
    assert done.stderr == ""

    assert burhan("doctor", "--index", index).returncode == 0
    to_schema_1(index)
    done = burhan("doctor", "--index", index)
    assert_one_clear_line(done, "burhan doctor --repair")
    done = burhan("doctor", "--repair", "--index", index)
    assert done.returncode == 0, done.stderr
    assert burhan("remove", "dam", "--index", index).returncode == 0
    done = burhan("ask", "How high is the Zarqun dam?", "--index", index)
    assert "No articles are indexed" in done.stdout
    assert_one_clear_line(burhan("remove", "dam", "--index", index), "nothing was removed")


@pytest.mark.parametrize(
    "arguments", [["nosuch"], ["ask"], ["ask", "x", "--lang"], ["chat", "--port", "99999999"]]
)
def test_wrong_usage_is_explained(arguments):
    done = burhan(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Error" in done.stderr


def test_mistakes_are_one_clear_line(tmp_path):
    index = tmp_path / "index"
    (tmp_path / "bad.csv").write_text("headline\nx\n")
    missing = burhan("index", tmp_path / "nowhere", "--index", index)
    assert_one_clear_line(missing, "nowhere", "check the path")
    assert_one_clear_line(
        burhan("ask", "Who?", "--index", index), str(index), "burhan index SOURCE"
    )
    assert_one_clear_line(burhan("chat", "--index", index), "burhan index SOURCE")
    assert_one_clear_line(burhan("ask", "Who?", "--lang", "fr"), "'fr'", "ar, en")
    assert_one_clear_line(burhan("ask", "Who?", "--from", "soon"), "--from", "YYYY-MM-DD")
    assert_one_clear_line(burhan("ask", "Who?", BURHAN_N_EVIDENCE="0"), "n_evidence", "'0'")
    (tmp_path / "burhan.toml").write_text("colour = 1\n")
    assert_one_clear_line(burhan("ask", "Who?", cwd=tmp_path), "colour")


@pytest.mark.encoder
def test_questions_that_cannot_be_asked(sample_index):
    assert_one_clear_line(burhan("ask", " ", "--index", sample_index), "empty")
    long = burhan("ask", "x" * 100_000, "--index", sample_index)
    assert_one_clear_line(long, "100,000 characters")


@pytest.mark.encoder
def test_nothing_readable_is_an_error_with_reasons(tmp_path, real_encoder):
    (tmp_path / "a.bin").write_bytes(b"\x00")
    done = burhan("index", tmp_path, "--index", tmp_path / "i")
    assert_one_clear_line(done, "no article was read")
    assert ".bin is not a format" in done.stderr


@pytest.mark.encoder
def test_eval_reports_compares_and_gates(sample_index, tmp_path):
    case = {"case_id": "1", "question": {"en": "How high is the Shumar dam?"}}
    case |= {"article_ids": ["dam-opening-en"], "answer": {"en": "68 metres"}}
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(case))
    usual = (path, "--index", sample_index, "--output", tmp_path / "runs", "--no-baselines")
    done = burhan("eval", *usual, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    found = {(row["direction"], row["name"]): row["value"] for row in report["measures"]}
    assert found["en->en, one language", "R@1"] == 1
    assert found["en->en", "quote has the answer"] == 1
    (folder,) = (tmp_path / "runs").iterdir()
    assert {p.name for p in folder.iterdir()} >= {"run.json", "report.json", "report.en.html"}

    done = burhan("eval", *usual, "--lang", "ar", "--compare", folder)
    assert f"Report: {folder}-2/report.ar.html" in done.stdout
    assert "same  retrieval" in done.stdout
    (tmp_path / "gate.toml").write_text('[floors]\n"refusal/burhan/en->en/error" = 0.5')
    done = burhan("eval", *usual, "--gate", tmp_path / "gate.toml")
    assert done.returncode == 1
    assert "refusal/burhan/en->en/error is 0.000, its floor 0.500" in done.stderr
    path.write_text('{"case_id": "1"}')
    assert_one_clear_line(burhan("eval", *usual), "q.jsonl:1", "question")
    assert_one_clear_line(burhan("eval", *usual[1:], "--track", "speed"), "'speed'")


@pytest.mark.encoder
def test_history_export_import_and_reencode(sample_index, tmp_path):
    shown = burhan("history", "bread-price-ar", "--index", sample_index)
    assert "characters from" in shown.stdout
    assert "articles.ar.jsonl" in shown.stdout
    assert_one_clear_line(burhan("history", "nope", "--index", sample_index), "'nope'")
    out, new = tmp_path / "out", tmp_path / "new"
    assert "48 exported" in burhan("export", out, "--index", sample_index).stdout
    assert_one_clear_line(burhan("export", out, "--index", sample_index), "already there")
    assert "48 imported" in burhan("import", out, "--index", new).stdout
    asked = [burhan("ask", "How many shops burned?", "--index", i) for i in (sample_index, new)]
    assert asked[0].stdout == asked[1].stdout
    assert "of that encoder already" in burhan("reencode", "--index", new).stdout


def test_guessed_encodings_are_said(tmp_path, real_encoder):
    text = "قال وزير المياه في بيان إن السد الجديد على النهر سيفتح في شهر آذار من هذا العام."
    (tmp_path / "a.txt").write_bytes(text.encode("windows-1256"))
    done = burhan("index", tmp_path / "a.txt", "--index", tmp_path / "index")
    assert "1 read as windows-1256" in done.stderr
    asked = burhan("ask", "متى يفتح السد؟", "--index", tmp_path / "index")
    assert "آذار" in asked.stdout


def test_a_cold_process_answers_soon(sample_index):
    start = time.perf_counter()
    done = burhan("ask", "How high is the Shumar dam?", "--index", sample_index)
    seconds = time.perf_counter() - start
    assert "68" in done.stdout
    assert seconds < 8, f"{seconds:.1f} s"


# Brings loopback up, starts the chat, and prints the page and a question asked over its API.
CHAT = """
import fcntl, re, socket, struct, subprocess, sys, urllib.request
with socket.socket() as any_socket:
    up = struct.pack("16sh", b"lo", 0x1 | 0x40)
    fcntl.ioctl(any_socket, 0x8914, up)
command = [sys.executable, "-m", "rag.cli", "chat", "--port", "0", "--index", sys.argv[1]]
chat = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
address = re.search(r"http://\\S+", chat.stdout.readline())[0]
for attempt in range(100):
    try:
        page = urllib.request.urlopen(address, timeout=20).read().decode()
        break
    except OSError:
        __import__("time").sleep(0.2)
print("PAGE", len(page), 'id="boot"' in page)
chat.terminate()
chat.wait()
"""


@pytest.mark.encoder
def test_without_a_network_everything_works(tmp_path, real_encoder):
    """In a network namespace of its own the default path still runs, first without loopback."""
    (tmp_path / "chat.py").write_text(CHAT)
    script = f"""
        set -e
        python -m rag.cli index {SAMPLE} --index {tmp_path}/i
        python -m rag.cli ask "How high is the Shumar dam?" --index {tmp_path}/i
        python -m rag.cli ask "كم يبلغ ارتفاع سد شُمر؟" --index {tmp_path}/i
        python {tmp_path}/chat.py {tmp_path}/i
    """
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    done = subprocess.run(
        ["unshare", "--net", "--map-root-user", "bash", "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("68") >= 2
    assert re.search(r"PAGE \d{4,} True", done.stdout)
