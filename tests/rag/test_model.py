"""The language model's plumbing against a real model on a real server."""

import threading
import time
from urllib.parse import urlparse

import pytest

from index.errors import ModelError
from rag.model import ChatModel, Usage, count_tokens
from rag.settings import load_settings

PROMPT = [("human", "Count slowly from one to thirty, a number on each line.")]


def model(local_model, **settings):
    options = {"llm": "openai:smollm2", "llm_url": local_model.url, "llm_retries": 0}
    return ChatModel(load_settings(**(options | {"llm_answer_tokens": 60} | settings)))


def test_tokens_are_counted_without_a_network(monkeypatch, tmp_path):
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR", raising=False)
    assert count_tokens("Hello world") == 2
    assert count_tokens("<|endoftext|>") > 1  # text, not a special token
    assert 5 < count_tokens("من يحرس حقل كونيكو؟") < 15


def pieces(stream, n):
    return [piece for piece, _ in zip(stream, range(n), strict=False)]


def test_it_streams_and_counts(local_model):
    usage = Usage()
    with pytest.raises(ModelError, match="limit of tokens") as caught:
        for _ in model(local_model, llm_answer_tokens=16).stream(PROMPT, usage):
            pass
    assert caught.value.kind == "cut_off"
    assert usage.tokens_out == 16
    assert usage.tokens_in > 10


def test_it_stops_and_can_be_asked_again(local_model):
    stream = model(local_model, llm_answer_tokens=2_000).stream(PROMPT, Usage())
    assert len(pieces(stream, 3)) == 3
    stream.close()
    started = time.monotonic()
    assert pieces(model(local_model).stream(PROMPT, Usage()), 3)
    assert time.monotonic() - started < 20  # the first no longer holds the server


def test_a_cancelled_question_stops(local_model):
    cancelled = threading.Event()
    stream = model(local_model, llm_answer_tokens=2_000).stream(PROMPT, Usage(), cancelled)
    next(stream)
    cancelled.set()
    with pytest.raises(ModelError) as caught:
        list(stream)
    assert caught.value.kind == "cancelled"


def test_it_is_given_up_after_its_time(local_model):
    with pytest.raises(ModelError) as caught:
        list(model(local_model, llm_answer_tokens=4_000, llm_timeout=0.5).stream(PROMPT, Usage()))
    assert caught.value.kind == "slow"


def test_a_server_that_dies_in_the_middle_and_comes_back(local_model):
    stream = model(local_model, llm_answer_tokens=2_000).stream(PROMPT, Usage())
    next(stream)
    local_model.kill()
    with pytest.raises(ModelError) as caught:
        list(stream)
    assert caught.value.kind in ("failed", "unreachable", "cut_off")
    with pytest.raises(ModelError) as caught:
        list(model(local_model).stream(PROMPT, Usage()))
    assert caught.value.kind == "unreachable"
    local_model.start(urlparse(local_model.url).port)
    assert pieces(model(local_model).stream(PROMPT, Usage()), 2)
