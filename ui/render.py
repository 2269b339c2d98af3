"""Answers as HTML: every block with its own direction, every word of an article escaped."""

import re
from collections.abc import Mapping, Sequence
from html import escape

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
    cited = {citation.marker: citation for citation in answer.citations}
    blocks = [_paragraph(text, answer.language, cited) for text in answer.text.split("\n\n")]
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
    return "<br>".join(re.split(r"\s*\n\s*", shown))


def direction(language: str) -> str:
    """Writing direction of a language."""
    return "rtl" if language == "ar" else "ltr"


def _paragraph(text: str, language: Language, cited: Mapping[int, Citation]) -> str:
    found = _MARKER.search(text)
    citation = cited.get(int(found[1])) if found else None
    if found is None or citation is None:
        return f'<p dir="{direction(language)}">{text_html(text)}</p>'
    before, quote = _split_quote(text[: found.start()].rstrip())
    parts = [
        _isolated(before, citation.source or citation.title),
        f'<bdi class="quote" lang="{citation.language}">{text_html(quote)}</bdi>' if quote else "",
        f'<bdi class="marker">{text_html(found[0])}</bdi>',
    ]
    return f'<p dir="{direction(language)}">{" ".join(filter(None, parts))}</p>'


def _isolated(text: str, name: str) -> str:
    """The text with the name kept from turning the direction of what follows it."""
    before, found, after = text.partition(name)
    if not name or not found:
        return text_html(text)
    return f"{text_html(before)}<bdi>{text_html(name)}</bdi>{text_html(after)}"


def _split_quote(text: str) -> tuple[str, str]:
    """What stands before the quote, and the quote with its marks."""
    found = re.search(r": (?=[«“])", text)
    return (text[: found.end()].rstrip(), text[found.end() :]) if found else (text, "")


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


def _say(language: Language, phrase: str, **values: object) -> str:
    return say("interface", language, phrase, **values)
