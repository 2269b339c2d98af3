"""The chat's routes: the page and its files, what it asks for, and Gradio's queue for the rest."""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

import gradio as gr
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse
from gradio.events import api
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException
from starlette.staticfiles import StaticFiles

import rag
from index.errors import RagError
from index.types import LANGUAGES, Language
from prompts import load
from ui import uploads
from ui.asking import asker
from ui.collection import Collection
from ui.feedback import Feedback, RatingBody
from ui.guard import Guard

# Questions answered at once; the others wait in the queue and are told their place in it.
AT_ONCE = 8
_MAX_WAITING = 200
_STATIC = Path(str(files("ui").joinpath("static")))


def build_app(
    assistant: "rag.Assistant",
    *,
    allow_uploads: bool = False,
    users: Mapping[str, str] | None = None,
    at_once: int = AT_ONCE,
) -> FastAPI:
    """The whole chat as an ASGI application, the same for everyone who opens it."""
    app = FastAPI(title="Burhan", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, users=users or {})
    queue, endpoints = _queue(assistant, allow_uploads=allow_uploads, at_once=at_once)
    boot = {
        "strings": {language: _strings(language) for language in LANGUAGES},
        "endpoints": endpoints,
        "uploads": allow_uploads,
        "max_question_chars": assistant.settings.max_question_chars,
        "max_upload_bytes": uploads.MAX_BYTES,
        "max_upload_files": uploads.MAX_FILES,
    }
    _add_page(app, boot)
    _add_collection(app, assistant)
    if allow_uploads:
        _add_uploads(app, assistant)
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    gr.mount_gradio_app(
        app, queue, path="/gradio", footer_links=[], ssr_mode=False, run_history=False
    )
    return app


def _queue(
    assistant: "rag.Assistant", *, allow_uploads: bool, at_once: int
) -> tuple[gr.Blocks, dict[str, int]]:
    """Gradio's queue with what takes its time, and the number of each endpoint by name."""
    queue: gr.Blocks
    with gr.Blocks(title="Burhan", analytics_enabled=False) as queue:
        api(asker(assistant), api_name="ask", concurrency_limit=at_once)
        if allow_uploads:
            api(uploads.adder(assistant), api_name="add", concurrency_limit=1)
    queue.queue(max_size=_MAX_WAITING)
    dependencies = queue.get_config_file()["dependencies"]
    return queue, {str(one["api_name"]): int(one["id"]) for one in dependencies}


def _add_page(app: FastAPI, boot: dict[str, Any]) -> None:
    page = Template((_STATIC / "index.html").read_text(encoding="utf-8"))
    # "<" could end the script element it stands in.
    data = json.dumps(boot, ensure_ascii=False).replace("<", "\\u003c")

    @app.get("/")
    def index(request: Request) -> HTMLResponse:
        language = preferred(request.headers.get("accept-language", ""))
        direction = "rtl" if language == "ar" else "ltr"
        return HTMLResponse(page.substitute(language=language, direction=direction, boot=data))


def _add_collection(app: FastAPI, assistant: "rag.Assistant") -> None:
    collection, feedback = Collection(assistant), Feedback(assistant)

    @app.get("/health")
    def health() -> JSONResponse:
        try:
            n = assistant.store.snapshot().generation.manifest.n_chunks
        except (RagError, OSError):
            return JSONResponse({"status": "the index cannot be read"}, 503)
        return JSONResponse({"status": "ok", "chunks": dict(n)})

    @app.get("/api/overview")
    def overview() -> dict[str, Any]:
        return collection.overview()

    @app.get("/api/examples")
    def examples() -> dict[str, list[str]]:
        return collection.examples()

    @app.get("/api/articles")
    def articles(
        query: str = "", source: str = "", month: str = "", language: str = "", start: int = 0
    ) -> dict[str, Any]:
        return collection.page(query, source, month, language, max(0, start))

    @app.get("/api/article")
    def article(article_id: str) -> dict[str, Any]:
        found = collection.article(article_id)
        if found is None:
            raise HTTPException(404)
        return found

    @app.post("/api/rate")
    def rate(body: RatingBody) -> JSONResponse:
        return JSONResponse({}, 200 if feedback.rate(body) else 507)


def _add_uploads(app: FastAPI, assistant: "rag.Assistant") -> None:
    @app.post("/api/upload")
    async def upload(request: Request) -> JSONResponse:
        length = request.headers.get("content-length", "")
        if not length.isdigit():
            return JSONResponse({}, 411)
        if int(length) > uploads.MAX_BYTES:
            return JSONResponse({}, 413)
        try:
            async with request.form(max_files=uploads.MAX_FILES) as form:
                sent = [one for one in form.getlist("file") if isinstance(one, UploadFile)]
                keys = uploads.keep(sent, assistant.store.folder)
        except MultiPartException:
            return JSONResponse({}, 400)
        return JSONResponse({"keys": keys})


def preferred(accepted: str) -> Language:
    """The language of the page for an Accept-Language header: Arabic if asked for before English.

    Preference is read off the order, as every browser writes it.
    """
    names = [part.strip().lower()[:2] for part in accepted.split(",")]
    return "ar" if "ar" in names and "en" not in names[: names.index("ar")] else "en"


def _strings(language: Language) -> dict[str, str]:
    phrases = {**load("interface", language), "unverified": load("answer", language)["unverified"]}
    return {name: phrase.template for name, phrase in phrases.items()}
