"""The chat page: a Gradio app on one `Assistant`, the same for everyone who opens it."""

import logging
import re
import socket
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import gradio as gr

import rag
from index.errors import RagError
from index.normalize import detect_language
from index.types import Language
from prompts import say
from rag.settings import Settings
from ui.render import answer_html, direction, message_html

logger = logging.getLogger(__name__)

# The page takes the language of its header; the box follows what is typed, and while it is empty
# the page.
_HEAD = """<script>
function burhanDirections() {
  const header = document.querySelector(".burhan-header"), page = document.documentElement;
  if (header && page.lang !== header.lang) page.lang = header.lang;
  if (header && page.dir !== header.dir) page.dir = header.dir;
  for (const box of document.querySelectorAll("#question textarea")) {
    const direction = box.value ? "auto" : page.dir;
    if (box.dir !== direction) box.dir = direction;
  }
}
new MutationObserver(burhanDirections)
  .observe(document.documentElement, {childList: true, subtree: true, attributes: true});
addEventListener("input", burhanDirections);
</script>"""

Message = dict[str, str]


def serve(settings: Settings, *, host: str, port: int) -> None:
    """Serves the chat until interrupted; port 0 takes any free one.

    Raises:
        RagError: The index cannot be opened, or the port is taken.
    """
    assistant = rag.open(settings=settings)
    port = _free_port(host, port)
    page = build_page(assistant)
    print(f"Burhan · برهان: http://{host}:{port}", flush=True)  # noqa: T201
    page.queue(default_concurrency_limit=4).launch(
        server_name=host,
        server_port=port,
        css=files("ui").joinpath("style.css").read_text(encoding="utf-8"),
        head=_HEAD,
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        footer_links=[],
        ssr_mode=False,
        share=False,
        quiet=True,
    )


def build_page(assistant: "rag.Assistant") -> gr.Blocks:
    """The page, with everything it says in Arabic and English."""
    page: gr.Blocks
    with gr.Blocks(title="Burhan · برهان", analytics_enabled=False) as page:
        language = gr.State("en")
        asked = gr.State([])  # the questions so far, for one that leans on the last
        header = gr.HTML(_header("en"))
        switch = gr.Button(_say("en", "language_switch"), size="sm", elem_id="language-switch")
        chatbot = gr.Chatbot(
            elem_id="chat",
            elem_classes="burhan-chat",
            show_label=False,
            height="60vh",
            latex_delimiters=[],
            buttons=["copy"],
            feedback_options=None,
        )
        question = gr.Textbox(
            placeholder=_say("en", "placeholder"),
            show_label=False,
            elem_id="question",
            autofocus=True,
        )
        with gr.Row():
            send = gr.Button(_say("en", "send"), variant="primary", elem_id="send")
            clear = gr.Button(_say("en", "clear"), elem_id="clear")
        labelled = [language, header, switch, question, send, clear]

        def answer(*shown: Any) -> Iterator[Any]:
            yield from _answer(assistant, *shown)

        for event in (question.submit, send.click):
            event(answer, [question, chatbot, asked, language], [question, chatbot, asked])
        clear.click(lambda: ([], []), None, [chatbot, asked])
        switch.click(lambda now: _labels("en" if now == "ar" else "ar"), language, labelled)
        page.load(_preferred, None, labelled)
    return page


def _answer(
    assistant: "rag.Assistant",
    text: str,
    messages: list[Message],
    asked: list[str],
    shown: Language,
) -> Iterator[tuple[str, list[Message], list[str]]]:
    """What the box, the conversation and the questions so far become."""
    if not re.search(r"\w", text):
        gr.Warning(_say(shown, "error_empty"))
        yield "", messages, asked
        return
    limit = assistant.settings.max_question_chars
    if len(text) > limit:
        gr.Warning(_say(shown, "error_long", n=len(text), limit=limit))
        yield text[:limit], messages, asked
        return
    mine = {"role": "user", "content": message_html(text, detect_language(text))}
    yield "", [*messages, mine], asked
    try:
        html = answer_html(assistant.ask(text, history=[(one, "") for one in asked[-1:]]))
    except RagError as error:
        html = message_html(_say(shown, "error_question", reason=error), shown)
    except Exception:
        logger.exception("a question failed")
        html = message_html(_say(shown, "error_internal"), shown)
    yield "", [*messages, mine, {"role": "assistant", "content": html}], [*asked, text]


def _preferred(request: gr.Request) -> list[Any]:
    """The page in the browser's language: Arabic when it is asked for before English."""
    accepted = request.headers.get("accept-language", "").lower()
    arabic, english = accepted.find("ar"), accepted.find("en")
    return _labels("ar" if arabic >= 0 and (english < 0 or arabic < english) else "en")


def _labels(language: Language) -> list[Any]:
    return [
        language,
        _header(language),
        _say(language, "language_switch"),
        gr.Textbox(placeholder=_say(language, "placeholder"), rtl=language == "ar"),
        _say(language, "send"),
        _say(language, "clear"),
    ]


def _header(language: Language) -> str:
    title, subtitle = _say(language, "title"), _say(language, "subtitle")
    return (
        f'<header class="burhan-header" lang="{language}" dir="{direction(language)}">'
        f"<h1>{title}</h1><p>{subtitle}</p></header>"
    )


def _say(language: Language, phrase: str, **values: object) -> str:
    return say("interface", language, phrase, **values)


def _free_port(host: str, port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise RagError(
                f"cannot listen on {host}:{port} ({error.strerror}); choose another with --port"
            ) from error
        return int(probe.getsockname()[1])
