"""Blocking work in a thread, and what it puts out, as an asynchronous iterator."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
Put = Callable[[T], None]

# A slow model holds its thread until its next word, even when its reader has left.
_THREADS = ThreadPoolExecutor(max_workers=64, thread_name_prefix="burhan")
# What comes faster than a reader can see comes together.
_SECONDS = 0.03


class StoppedError(Exception):
    """Raised inside the work, by its `put`, when nobody waits for it any longer."""


async def pumped(work: Callable[[Put[T]], None]) -> AsyncIterator[list[T]]:
    """Everything the work has put since the last time; an exception of the work is raised here.

    Closing the iterator stops the work at its next `put`.
    """
    pump = _Pump(work)
    try:
        while news := await pump.news():
            yield news
            await asyncio.sleep(_SECONDS)
    finally:
        pump.stopped.set()


class _Pump(Generic[T]):
    def __init__(self, work: Callable[[Put[T]], None]) -> None:
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._items: list[T] = []
        self._error: BaseException | None = None
        self._done = False
        self._changed = asyncio.Event()
        self.stopped = threading.Event()
        _THREADS.submit(self._run)

    async def news(self) -> list[T]:
        """What was put since; nothing at the end."""
        await self._changed.wait()
        self._changed.clear()
        news, self._items = self._items, []
        if self._done:
            self._changed.set()
        if not news and self._error is not None:
            raise self._error
        return news

    def _run(self) -> None:
        error = None
        try:
            if not self.stopped.is_set():
                self._work(self._put)
        except BaseException as raised:
            error = raised
        self._call(self._finish, error)

    def _put(self, item: T) -> None:
        if self.stopped.is_set():
            raise StoppedError
        self._call(self._add, item)

    def _add(self, item: T) -> None:
        self._items.append(item)
        self._changed.set()

    def _finish(self, error: BaseException | None) -> None:
        self._done, self._error = True, error
        self._changed.set()

    def _call(self, function: Callable[..., None], argument: object) -> None:
        with contextlib.suppress(RuntimeError):  # the server has been shut down
            self._loop.call_soon_threadsafe(function, argument)
