"""What stands before every request: a password if one is wanted, and the browser's own rules."""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from index.errors import SettingsError

# Only our own files, no inline code, no evaluated strings, no HTML made of strings.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "font-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked for again, and mostly found unchanged
    "X-Accel-Buffering": "no",  # a proxy must pass a stream on as it comes
}
# Of Gradio only its queue: not its file, proxy and upload routes, nor its own page.
_GRADIO = re.compile(r"/gradio/gradio_api/(queue/join|queue/data|cancel)")
_OPEN = "/health"


class Guard:
    """Refuses strangers and other sites, and sets the headers that keep the page to itself."""

    def __init__(self, app: ASGIApp, users: Mapping[str, str]) -> None:
        self._app = app
        self._users = users

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request, or refuses it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope["path"], scope["method"], Headers(scope=scope))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await (refusal or self._app)(scope, receive, with_headers)

    def _refusal(self, path: str, method: str, headers: Headers) -> PlainTextResponse | None:
        if self._users and path != _OPEN and not self._is_known(headers):
            asks = {"WWW-Authenticate": 'Basic realm="Burhan", charset="UTF-8"'}
            return PlainTextResponse("A name and password are needed.", 401, asks)
        if method not in ("GET", "HEAD") and _is_other_site(headers):
            return PlainTextResponse("Requests of other sites are refused.", 403)
        if path.startswith("/gradio") and not _GRADIO.fullmatch(path):
            return PlainTextResponse("Not found.", 404)
        return None

    def _is_known(self, headers: Headers) -> bool:
        kind, _, given = headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            name, _, password = base64.b64decode(given, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        wanted = self._users.get(name)
        same = secrets.compare_digest(password.encode(), (wanted or "").encode())
        return same and wanted is not None


def read_users(path: Path) -> dict[str, str]:
    """Passwords by name, of a file with `name:password` a line.

    Raises:
        SettingsError: The file cannot be read, names nobody, or a line is not of that form.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsError(
            f"--auth {path}: {reason}; give a file of name:password lines"
        ) from error
    users = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, password = line.partition(":")
        if not name or not password:
            raise SettingsError(f"--auth {path}:{number}: a line is name:password; correct it")
        users[name] = password
    if not users:
        raise SettingsError(f"--auth {path}: names nobody; write name:password lines")
    return users


def _is_other_site(headers: Headers) -> bool:
    """Whether another site's page sent this; what is not a browser sends neither header."""
    site = headers.get("sec-fetch-site")
    if site:
        return site not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc != headers.get("host")
