"""The language model: any chat model that LangChain opens, bounded in time and in tokens."""

import base64
import gzip
import hashlib
import queue
import random
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import FunctionType
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from index.errors import ModelError, SettingsError
from rag.settings import Settings

if TYPE_CHECKING:
    import tiktoken

Messages = list[tuple[str, str]]
_TICK = 0.1  # how often a waiting answer looks whether it is still wanted, in seconds
_STOPPED = ("stop", "end_turn", "eos", "complete", "completed", "stop_sequence")


@dataclass(slots=True)
class Usage:
    """Tokens that went in and out, and what they cost, in the currency of the prices.

    `n_failed` counts the model's statements that were removed or marked.
    """

    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    n_failed: int = 0

    def as_dict(self) -> dict[str, float]:
        return {
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "cost": round(self.cost, 6),
            "unsupported": self.n_failed,
        }


class ChatModel:
    """A chat model and its fallback; safe to share between threads.

    Raises:
        SettingsError: The model cannot be opened.
    """

    def __init__(self, settings: Settings) -> None:
        self.name = settings.llm
        self.window = settings.llm_window
        self.answer_tokens = settings.llm_answer_tokens
        self._seconds = settings.llm_timeout
        self._prices = settings.llm_price_in, settings.llm_price_out
        self._n_tries = settings.llm_retries + 1
        named = [(settings.llm, settings.llm_url, settings.llm_key)]
        if settings.llm_fallback:
            fallback = settings.llm_fallback, settings.llm_fallback_url, settings.llm_fallback_key
            named.append(fallback)
        # The last may be silent as long as there is time; those before it must leave some.
        seconds = self._seconds / len(named) / (self._n_tries if len(named) > 1 else 1)
        self._models = [_open(*one, settings, seconds) for one in named]

    def stream(
        self, messages: Messages, usage: Usage, cancelled: threading.Event | None = None
    ) -> Iterator[str]:
        """Pieces of the reply as they come. Adds what was spent to `usage`.

        Closing the iterator, or setting `cancelled`, closes the connection.

        Raises:
            ModelError: It cannot be reached, takes longer than the settings allow, breaks off or
                says nothing; its `kind` says which.
        """
        deadline = time.monotonic() + self._seconds
        pieces: queue.SimpleQueue[Any] = queue.SimpleQueue()
        unwanted = threading.Event()
        pump = threading.Thread(
            target=_pump,
            args=(self._models, self._n_tries, messages, pieces, unwanted),
            daemon=True,
        )
        pump.start()
        said: list[str] = []
        finish, counted = "", False
        try:
            while (piece := _next(pieces, deadline, cancelled)) is not None:
                finish = _finish_reason(piece) or finish
                if piece.usage_metadata:
                    counted = True
                    usage.tokens_in += piece.usage_metadata["input_tokens"]
                    usage.tokens_out += piece.usage_metadata["output_tokens"]
                if text := str(piece.text):
                    said.append(text)
                    yield text
        finally:
            unwanted.set()
            self._account([] if counted else messages, [] if counted else said, usage)
        _check_ending("".join(said), finish)

    def _account(self, messages: Messages, said: Sequence[str], usage: Usage) -> None:
        """Counts for a server that did not, and prices."""
        usage.tokens_in += sum(count_tokens(text) for _, text in messages)
        usage.tokens_out += count_tokens("".join(said))
        price_in, price_out = self._prices
        usage.cost = (usage.tokens_in * price_in + usage.tokens_out * price_out) / 1e6


def count_tokens(text: str) -> int:
    """Length in tokens of o200k_base, near enough to any model's."""
    return len(_tokens().encode(text, disallowed_special=()))


@cache
def _tokens() -> "tiktoken.Encoding":
    """Tiktoken's own encoding, on the ranks that a package carries: it would download them."""
    import tiktoken
    from tiktoken_ext import openai_public

    made = openai_public.o200k_base
    offline = FunctionType(made.__code__, made.__globals__ | {"load_tiktoken_bpe": _ranks})
    return tiktoken.Encoding(**offline())


def _ranks(_address: str, expected_hash: str) -> dict[bytes, int]:
    data = gzip.decompress(files("bpe_openai").joinpath("data/o200k_base.tiktoken.gz").read_bytes())
    if hashlib.sha256(data).hexdigest() != expected_hash:
        raise SettingsError("bpe-openai carries other ranks than tiktoken wants; run make setup")
    pairs = (line.split() for line in data.splitlines())
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def _open(name: str, url: str, key: SecretStr | None, settings: Settings, seconds: float) -> Any:
    from langchain.chat_models import init_chat_model

    options: dict[str, Any] = {
        "temperature": settings.llm_temperature,
        "timeout": seconds,
        "max_retries": 0,  # a client's own would go on when nobody waits any longer
        "max_tokens": settings.llm_answer_tokens,
    }
    if key:
        options["api_key"] = key.get_secret_value()
    if url:
        # A local server asks for no key, but the client does.
        options = {"api_key": "none", **options, "base_url": url, "stream_usage": True}
    try:
        return init_chat_model(name, **options)
    except Exception as error:  # each provider raises its own
        raise SettingsError(
            f"model {name!r} cannot be opened ({' '.join(str(error).split())[:160]}); give "
            "BURHAN_LLM=PROVIDER:MODEL, and its key or BURHAN_LLM_URL"
        ) from error


def _pump(
    models: Sequence[Any],
    n_tries: int,
    messages: Messages,
    pieces: "queue.SimpleQueue[Any]",
    unwanted: threading.Event,
) -> None:
    """Reads a model in a thread of its own, so that no silence of it can hold an answer up.

    A failed try is followed by the next, and then by the next model, until a word was said.
    """
    problem: Exception | None = None
    for model in models:
        for number in range(n_tries):
            if unwanted.is_set():
                return
            began = False
            try:
                stream = model.stream(messages)
                for piece in stream:
                    if unwanted.is_set():
                        with suppress(Exception):
                            stream.close()
                        return
                    began = True
                    pieces.put(piece)
                pieces.put(None)
                return
            except Exception as error:  # each provider raises its own
                problem = error
                if began:
                    pieces.put(error)
                    return
            if not _may_pass(problem):
                break
            if number + 1 < n_tries:
                unwanted.wait(_pause(problem, number))
    pieces.put(problem)


def _may_pass(error: Exception) -> bool:
    """Whether the same request may succeed a little later."""
    status = getattr(error, "status_code", None)
    return not isinstance(status, int) or status in (408, 409, 429) or status >= 500


def _pause(error: Exception, number: int) -> float:
    """Seconds until the next try: what the server asks for, else ever longer ones."""
    asked = getattr(getattr(error, "response", None), "headers", {}).get("retry-after", "")
    if re.fullmatch(r"\d{1,4}(?:\.\d+)?", asked):
        return float(asked)
    return float(0.5 * 2**number * random.uniform(0.75, 1.25))


def _next(
    pieces: "queue.SimpleQueue[Any]", deadline: float, cancelled: threading.Event | None
) -> Any:
    while True:
        if cancelled is not None and cancelled.is_set():
            raise ModelError("cancelled", "the question was taken back")
        left = deadline - time.monotonic()
        if left <= 0:
            raise ModelError("slow", "the model took too long")
        try:
            piece = pieces.get(timeout=min(_TICK, left))
        except queue.Empty:
            continue
        if isinstance(piece, Exception):
            raise ModelError(_kind(piece), f"{type(piece).__name__}: {piece}") from piece
        return piece


def _kind(error: Exception) -> Literal["busy", "key", "slow", "unreachable", "failed"]:
    """What went wrong, from what all providers' clients have in common."""
    status, name = getattr(error, "status_code", None), type(error).__name__
    if status == 429:
        return "busy"
    if status in (401, 403):
        return "key"
    if "Timeout" in name:
        return "slow"
    return "unreachable" if "Connect" in name else "failed"


def _finish_reason(piece: Any) -> str:
    told = piece.response_metadata
    return str(
        told.get("finish_reason") or told.get("stop_reason") or told.get("done_reason") or ""
    )


def _check_ending(said: str, finish: str) -> None:
    if not said.strip():
        raise ModelError("empty", "the model said nothing")
    finish = finish.lower()
    if finish in ("length", "max_tokens"):
        raise ModelError("cut_off", "the model reached its limit of tokens")
    if finish not in _STOPPED and not re.search(r"[.!?؟:)\]»”\"]\s*$", said):
        raise ModelError("cut_off", "the model broke off")
