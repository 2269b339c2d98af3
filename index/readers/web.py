"""Web pages and saved feeds."""

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from index.dates import parse_date
from index.readers.records import File, RawArticle, Skipped, UnreadableError, printable
from index.readers.text import decode
from index.types import Language

MAX_PAGE_BYTES = 5_000_000
# Deeper nesting is no page that a person made, and costs parsers their stack.
_MAX_OPEN = 20_000
_VOID = frozenset(b"area base br col embed hr img input link meta source track wbr".split())

_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w-]{3,20})""", re.I)
_ENTITY = re.compile(rb"<!ENTITY", re.I)
_TYPES = re.compile(r"(?:\w*Article|\w*Posting|WebPage|Report)$")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BLOCKS = (
    "p",
    "div",
    "li",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "br",
    "tr",
    "table",
    "ul",
    "ol",
    "section",
    "article",
)  # fmt: skip
_DATE_METAS = (
    "article:published_time",
    "og:article:published_time",
    "datepublished",
    "date",
    "pubdate",
    "publishdate",
    "publish-date",
    "dc.date",
    "dc.date.issued",
    "dcterms.created",
    "parsely-pub-date",
    "sailthru.date",
    "cxenseparse:recs:publishtime",
)
_UPDATE_METAS = (
    "article:modified_time",
    "og:updated_time",
    "datemodified",
    "lastmod",
    "last-modified",
    "dcterms.modified",
)
_AUTHOR_METAS = ("author", "article:author", "dc.creator", "parsely-author", "byl")


def read_html(file: File) -> Iterator[RawArticle | Skipped]:
    """A saved web page: its main text, and what the page itself says about it."""
    data = file.read_bytes(MAX_PAGE_BYTES)
    _refuse_depth(data)
    declared = _CHARSET.search(data[:4_096])
    text, encoding = decode(data, declared[1].decode() if declared else "")
    page = _read_page(text)
    if page is None:
        yield Skipped(printable(file.path), "no article text was found in the page")
        return
    yield RawArticle(path=file.path, encoding=encoding, is_page=True, **page)


def read_feed(file: File) -> Iterator[RawArticle | Skipped]:
    """A saved RSS or Atom feed, one article an entry."""
    import feedparser

    data = file.read_bytes()
    # Feeds need no entities of their own; they are how small files become huge.
    if _ENTITY.search(data):
        raise UnreadableError("declares XML entities, which feeds don't need; take them out")
    _refuse_depth(data)
    feed = feedparser.parse(data, sanitize_html=False, resolve_relative_uris=False)
    if not feed.entries:
        why = feed.get("bozo_exception") or "it has no entries"
        raise UnreadableError(f"holds no RSS or Atom articles ({' '.join(str(why).split())[:120]})")
    encoding = "" if feed.get("encoding", "utf-8").lower().startswith("utf") else feed.encoding
    for number, entry in enumerate(feed.entries, 1):
        bodies = [part.get("value", "") for part in entry.get("content", [])]
        text = max((_block_text(body) for body in [*bodies, entry.get("summary", "")]), key=len)
        if not text:
            yield Skipped(
                f"{printable(file.path)}:{number}", "the entry has a title only, and no text"
            )
            continue
        yield RawArticle(
            text=text,
            path=file.path,
            row=number,
            title=_block_text(entry.get("title", "")).replace("\n", " "),
            language=_language(feed.feed.get("language", "")),
            source=_block_text(feed.feed.get("title", "")).replace("\n", " "),
            url=_first_url([entry.get("link", "")]),
            published=parse_date(entry.get("published", "")[:200]),
            updated=parse_date(entry.get("updated", "")[:200]),
            author=entry.get("author", "")[:500],
            encoding=encoding,
            is_page=True,
        )


def _refuse_depth(data: bytes) -> None:
    depth = deepest = 0
    for match in re.finditer(rb"<(/?)([a-zA-Z][^\s/<>]*)(?:[^<>]{0,2000}?(/)>)?", data):
        if match[3] or match[2].lower() in _VOID:
            continue
        depth = max(0, depth - 1) if match[1] else depth + 1
        deepest = max(deepest, depth)
    # Unclosed <p> and <li> count as well, so only a far greater depth is refused.
    if deepest > _MAX_OPEN:
        raise UnreadableError(f"leaves {deepest:,} elements open at once; no article does")


def _block_text(markup: str) -> str:
    """Text of an HTML fragment, a line for each block."""
    from lxml import etree, html

    if "<" not in markup and "&" not in markup:
        return markup.strip()
    try:
        tree = html.fromstring(f"<div>{markup}</div>")
    except (etree.ParserError, ValueError):
        return ""
    etree.strip_elements(tree, "script", "style", "template", "noscript", with_tail=False)
    for element in tree.iter(*_BLOCKS):
        # lxml reads control characters but refuses to be given them.
        element.text = "\n" + _CONTROL.sub("", element.text or "")
        element.tail = "\n" + _CONTROL.sub("", element.tail or "")
    lines = (" ".join(line.split()) for line in tree.text_content().split("\n"))
    return "\n".join(line for line in lines if line)


def _language(tag: str) -> Language | None:
    primary = re.split(r"[-_]", tag.strip().lower())[0]
    return "ar" if primary == "ar" else "en" if primary == "en" else None


def _read_page(text: str) -> dict[str, Any] | None:
    """Text and metadata as `RawArticle` fields, None without article text.

    Dates are those that the page states; trafilatura's guess is not used, as it reads
    "12 تشرين الأول" as 1 January.
    """
    import trafilatura
    from trafilatura.settings import Document

    try:
        tree = trafilatura.load_html(text)
        if tree is None:
            return None
        stated = _stated_metadata(tree)
        document = trafilatura.bare_extraction(tree, with_metadata=True, include_comments=False)
    except (RecursionError, ValueError, AssertionError) as error:
        raise UnreadableError(f"is not HTML that can be read ({type(error).__name__})") from error
    if not isinstance(document, Document) or not (document.text or "").strip():
        return None
    return {
        "text": document.text,
        "title": stated.pop("title") or document.title or "",
        "source": stated.pop("source") or document.sitename or "",
        "url": stated.pop("url") or _first_url([document.url]),
        "author": stated.pop("author") or document.author or "",
        **stated,
    }


def _stated_metadata(tree: Any) -> dict[str, str]:
    """What JSON-LD, meta tags and <time> state of a page; "" where they don't."""
    nodes = [
        node
        for block in tree.xpath("//script[@type='application/ld+json']/text()")
        for node in _json_nodes(block)
        if _is_article(node)
    ]
    # An article says more about itself than the page it stands on.
    nodes.sort(key=lambda node: "WebPage" in str(node.get("@type")))
    metas: dict[str, list[str]] = {}
    for meta in tree.iter("meta"):
        name = meta.get("property") or meta.get("name") or meta.get("itemprop") or ""
        metas.setdefault(name.lower(), []).append(meta.get("content") or "")
    times = tree.xpath(
        "//*[@itemprop='datePublished']/@datetime | //time[@pubdate]/@datetime"
        " | //article//time/@datetime | //main//time/@datetime"
    )
    published = [node.get("datePublished") for node in nodes] + _of(metas, _DATE_METAS) + times
    updated = [node.get("dateModified") for node in nodes] + _of(metas, _UPDATE_METAS)
    links = tree.xpath("//link[@rel='canonical']/@href")
    authors = [_names(node.get("author")) for node in nodes]
    return {
        "title": next((_line(node.get("headline")) for node in nodes if node.get("headline")), ""),
        "source": next(iter(_of(metas, ("og:site_name", "application-name"))), "")
        or next((name for node in nodes if (name := _names(node.get("publisher")))), ""),
        "url": _first_url([*links, *_of(metas, ("og:url",))]),
        "author": next(filter(None, authors), "")
        or next((a for a in _of(metas, _AUTHOR_METAS) if not a.startswith("http")), ""),
        "published": _first_date(published),
        "updated": _first_date(updated),
    }


def _is_article(node: dict[str, Any]) -> bool:
    kinds = node.get("@type")
    kinds = kinds if isinstance(kinds, list) else [kinds]
    return any(isinstance(kind, str) and _TYPES.match(kind) for kind in kinds)


def _of(metas: dict[str, list[str]], names: Iterable[str]) -> list[str]:
    return [_line(value) for name in names for value in metas.get(name, []) if value.strip()]


def _names(value: Any) -> str:
    """Names of a JSON-LD person or organisation, or several."""
    if isinstance(value, dict):
        value = value.get("name")
    if isinstance(value, list):
        return ", ".join(filter(None, dict.fromkeys(_names(one) for one in value[:10])))
    return _line(value)


def _line(value: Any) -> str:
    # Sites escape what stands in JSON-LD once more than they should.
    return " ".join(unescape(value).split())[:500] if isinstance(value, str) else ""


def _first_date(values: Iterable[Any]) -> str:
    found = (parse_date(value[:200]) for value in values if isinstance(value, str))
    return next(filter(None, found), "")


def _first_url(values: Iterable[Any]) -> str:
    return next(
        (v for v in values if isinstance(v, str) and len(v) < 4_000 and _names_a_page(v)),
        "",
    )


def _names_a_page(url: str) -> bool:
    """Whether it is the address of one page: templates give a whole site's on each of its pages."""
    if not re.match(r"https?://\S+$", url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.path.strip("/") or parts.query)


def _json_nodes(block: str) -> Iterator[dict[str, Any]]:
    try:
        waiting = deque([json.loads(block, strict=False)])
    except (ValueError, RecursionError):
        return
    while waiting:
        node = waiting.popleft()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            yield node
            waiting.extend(node.get("@graph", []) if isinstance(node.get("@graph"), list) else [])
