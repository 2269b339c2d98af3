"""Answers as HTML: every block with its own direction, every word of an article escaped."""

import re
from collections.abc import Sequence
from html import escape

from index.normalize import detect_language
from index.types import Language
from prompts import say
from rag.extractive import spoken_date
from rag.types import Answer, Citation

_MARKER = re.compile(r"\[(\d+)\]$")
# What Markdown or the page's own code could take for something else than text.
_ACTIVE = str.maketrans({c: f"&#{ord(c)};" for c in "`*_[]()#!|~$\\{}:&<>\"'"})
# Bidirectional overrides could show a quote in another order than it was written.
_OVERRIDES = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def answer_html(answer: Answer) -> str:
    """The answer's paragraphs, then its sources, in the direction of the answer."""
    markers = {citation.marker for citation in answer.citations}
    blocks = [_paragraph(text, answer.language, markers) for text in answer.text.split("\n\n")]
    if answer.citations:
        also = {one.marker: one.hit.also_reported_by for one in answer.evidence}
        items = "".join(
            _source(citation, also.get(citation.marker, ()), answer.language)
            for citation in answer.citations
        )
        heading = escape(_say(answer.language, "sources"))
        blocks.append(
            f'<section class="sources"><h3>{heading}</h3><ol role="list">{items}</ol></section>'
        )
    return _block("div", "".join(blocks), answer.language, "answer")


def message_html(text: str, language: Language) -> str:
    """Plain text as one block in its language's direction."""
    return _block("div", text_html(text), language, "message")


def text_html(text: str) -> str:
    """Text that shows as itself wherever HTML or Markdown is read."""
    shown = text.translate(_OVERRIDES).translate(_ACTIVE)
    return "<br>".join(line.strip() for line in re.split(r"\s*\n\s*", shown))


def direction(language: str) -> str:
    """Writing direction of a language."""
    return "rtl" if language == "ar" else "ltr"


def _paragraph(text: str, language: Language, markers: set[int]) -> str:
    found = _MARKER.search(text)
    if not found or int(found[1]) not in markers:
        return f'<p dir="{direction(language)}">{text_html(text)}</p>'
    chip = f'<bdi class="marker">{text_html(found[0])}</bdi>'
    before, opening, rest = _split_quote(text[: found.start()].rstrip())
    quote = (
        f'<bdi class="quote" lang="{_lang(rest)}">{text_html(opening + rest)}</bdi>' if rest else ""
    )
    return f'<p dir="{direction(language)}">{text_html(before)}{quote} {chip}</p>'


def _split_quote(text: str) -> tuple[str, str, str]:
    """What stands before the quote, its opening mark, and the rest."""
    found = re.search(r": ([«“])", text)
    if not found:
        return text, "", ""
    return text[: found.start(1)], found[1], text[found.end(1) :]


def _source(citation: Citation, also: Sequence[str], language: Language) -> str:
    facts = [citation.source]
    if citation.published:
        facts.append(_say(language, "published", date=spoken_date(citation.published, language)))
    if citation.language != language:
        facts.append(_say(language, "in_arabic" if citation.language == "ar" else "in_english"))
    if also:
        outlets = ("، " if language == "ar" else ", ").join(also)
        facts.append(_say(language, "also_reported_by", outlets=outlets))
    title = f'<bdi lang="{citation.language}">{text_html(citation.title)}</bdi>'
    if re.match(r"https?://", citation.url):
        href = escape(citation.url, quote=True).translate({ord("*"): "%2A", ord("_"): "%5F"})
        title = f'<a href="{href}" target="_blank" rel="noopener noreferrer">{title}</a>'
    shown = " · ".join(f"<bdi>{text_html(fact)}</bdi>" for fact in facts if fact)
    quote = _block("blockquote", text_html(citation.quote), citation.language, "")
    marker = f'<bdi class="marker">{text_html(f"[{citation.marker}]")}</bdi>'
    return f"<li>{marker} {title} <small>{shown}</small>{quote}</li>"


def _block(tag: str, html: str, language: str, css_class: str) -> str:
    named = f' class="{css_class}"' if css_class else ""
    return f'<{tag}{named} lang="{language}" dir="{direction(language)}">{html}</{tag}>'


def _lang(text: str) -> Language:
    return detect_language(text)


def _say(language: Language, phrase: str, **values: object) -> str:
    return say("interface", language, phrase, **values)
