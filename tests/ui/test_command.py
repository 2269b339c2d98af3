"""`burhan chat`: what it says when it cannot start, and that it starts."""

import os
import re
import socket
import subprocess
import sys

import httpx
import pytest

from tests.conftest import ROOT
from tests.ui.load import measure


def chat(*arguments, **more):
    return subprocess.Popen(
        [sys.executable, "-m", "rag.cli", "chat", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **more,
    )


def failure(*arguments):
    """The one line that it ends with."""
    run = chat(*arguments)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 1, out + err
    (line,) = err.strip().splitlines()
    return line


def test_what_keeps_it_from_starting_is_one_line(tmp_path, fake_sample):
    folder = fake_sample.store.folder
    assert "burhan index SOURCE" in failure("--index", tmp_path / "none")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = failure("--index", folder, "--port", port)
    assert f"cannot listen on 127.0.0.1:{port}" in line
    assert "--port" in line
    assert "no such file" in failure("--index", folder, "--auth", tmp_path / "users").lower()
    (tmp_path / "users").write_text("just a name\n")
    assert ":1: a line is name:password" in failure("--index", folder, "--auth", tmp_path / "users")


@pytest.mark.encoder
def test_it_serves_many_until_it_is_ended(sample_index):
    server = chat("--index", sample_index, "--port", 0, "--public-readonly")
    try:
        address = re.search(r"http://\S+", server.stdout.readline())[0]
        assert httpx.get(f"{address}/health", timeout=30).json()["status"] == "ok"
        assert '"uploads": false' in httpx.get(address, timeout=30).text
        # The short form of the load that docs/chat.md tells of.
        load = measure(address, users=10, seconds=5, pid=server.pid)
        assert load.errors == []
        assert len(load.whole) >= 12
        assert load.memory[-1] < load.memory[len(load.memory) // 2] + 60
    finally:
        server.terminate()
        server.communicate(timeout=20)
    assert server.returncode in (0, -15)
