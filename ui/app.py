"""Serves the chat: opens the index, takes the port, and says plainly what is amiss."""

import ipaddress
import logging
import os
import socket
import threading
from pathlib import Path

import uvicorn

import rag
from index.errors import RagError
from index.store import Store
from rag.settings import Settings
from ui.guard import read_users

logger = logging.getLogger(__name__)

_SECONDS_TO_FINISH = 5


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    auth: Path | None = None,
    public_readonly: bool = False,
) -> None:
    """Serves the chat until interrupted; port 0 takes any free one.

    Uploads are off where strangers could reach them: on an address that is not this machine's
    own, without `auth`; and always when `public_readonly`.

    Raises:
        RagError: The index cannot be opened, the port is taken, or the `auth` file is amiss.
    """
    users = read_users(auth) if auth else {}
    Store.check(settings.index)
    listening = _listen(host, port)
    assistant = rag.open(settings=settings)
    # Imported late: a second that an error in the arguments need not wait for.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
    from ui.server import build_app

    allow_uploads = not public_readonly and (bool(users) or _is_loopback(host))
    app = build_app(assistant, allow_uploads=allow_uploads, users=users)
    _warm_up(assistant)
    _announce(host, listening.getsockname()[1], allow_uploads or public_readonly)
    config = uvicorn.Config(
        app, log_level="warning", timeout_graceful_shutdown=_SECONDS_TO_FINISH, access_log=False
    )
    uvicorn.Server(config).run(sockets=[listening])


def _announce(host: str, port: int, settled: bool) -> None:
    shown = f"[{host}]" if ":" in host else host
    print(f"Burhan · برهان: http://{shown}:{port}", flush=True)  # noqa: T201
    if not settled:
        print("Adding articles is off, as others can reach this address; --auth turns it on.")  # noqa: T201


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        # Taken from here on: another chat started now is told so at once.
        listening.listen(socket.SOMAXCONN)
    except OSError as error:
        listening.close()
        raise RagError(
            f"cannot listen on {host}:{port} ({error.strerror or error}); choose another --port"
        ) from error
    return listening


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _warm_up(assistant: "rag.Assistant") -> None:
    """The first answer reads files and builds tables: not while a user waits for it."""

    def ask() -> None:
        try:
            listing = assistant.store.snapshot().listing()
            for title in {article.language: article.title for article in listing}.values():
                assistant.ask(title[: assistant.settings.max_question_chars])
        except Exception:
            logger.exception("the first question failed")

    threading.Thread(target=ask, daemon=True).start()
