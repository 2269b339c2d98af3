"""Title, outlet and dates of an article: from a page's own metadata, or from the visible text."""

import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from index.normalize import search_terms

_ISO = re.compile(r"(\d{4})(?:-(\d{2})(?:$|-(\d{2})(?:$|[T ]))|$)", re.ASCII)
# "أكتوبر/ تشرين الأول" names one month twice, and "2 من كانون الأول" puts a "من" between.
_MONTH_PAIR = re.compile(r"[^\W\d_]+\s*/\s*(?=[^\W\d_])")
_DATE_NOISE = re.compile(
    r"(?<=\d)\s+من\s+|\b(?:الموافق|نشر(?:ت)?(?: في)?|آخر تحديث|published|updated)\b:?", re.I
)
_DATE_LINE = re.compile(r"^.{0,40}\b(?:19|20)\d\d\b.{0,20}$|^.{0,40}[٠-٩]{4}.{0,20}$")
_JSONLD_TYPES = ("Article", "NewsArticle", "ReportageNewsArticle", "BlogPosting", "WebPage")

# The line an outlet signs with ("خاص - SY24"), and the words by which it names itself.
_OUTLET_LINE = re.compile(
    r"^\s*(?:خاص|المصدر|source|exclusive)\s*[-–—:|]\s*(?P<name>[^\n.،,]{2,40}?)\s*$", re.I | re.M
)
_OUTLET_MENTION = re.compile(
    r"(?:لمراسل|مراسل|لمراسلة|مراسلة|correspondent of|told)\s+[“\"«](?P<name>[^”\"»\n]{2,40})[”\"»]"
)
# Outlets that speak of themselves without quotation marks: "وقالت مصادر محلية لأورينت نت".
_SELF_NAMED = (
    "عنب بلدي",
    "أورينت نت",
    "العربي الجديد",
    "الجزيرة نت",
    "القدس العربي",
    "الشرق الأوسط",
    "تلفزيون سوريا",
    "شبكة شام",
    "نورث برس",
)
_SELF_MENTION = re.compile(
    rf"(?:\bل(?:ـ|موقع |صحيفة )?|رصدتها |رصدت )(?P<name>{'|'.join(_SELF_NAMED)})\b"
)


def parse_date(text: str) -> str:
    """An ISO date with the precision the text has, or "" when it names no date with a year.

    Reads ISO dates, and dates in Arabic (Levantine, Gulf and Egyptian month names, digits of
    either script) or English, day before month.
    """
    text = "".join(str(unicodedata.digit(c)) if c.isdigit() else c for c in text.strip())
    if iso := _ISO.match(text):
        try:
            datetime(int(iso[1]), int(iso[2] or 1), int(iso[3] or 1))
        except ValueError:
            return ""
        return "-".join(part for part in iso.groups() if part)
    return _parse_written_date(text)


@lru_cache(maxsize=10_000)
def _parse_written_date(text: str) -> str:
    import dateparser  # 0.2 s to import, and most articles carry ISO dates

    text = _MONTH_PAIR.sub("", _DATE_NOISE.sub(" ", text)).strip(" :-–|،,")
    if not re.search(r"\d{4}", text) or len(text) > 60:
        return ""
    # Without day, month and year all stated, dateparser would fill the rest from today.
    for parts in (["day", "month", "year"], ["month", "year"]):
        found = dateparser.parse(
            text,
            languages=["ar", "en"],
            region="SY",
            settings={"DATE_ORDER": "DMY", "REQUIRE_PARTS": parts, "PARSERS": ["absolute-time"]},
        )
        if found:
            return f"{found:%Y-%m-%d}" if "day" in parts else f"{found:%Y-%m}"
    return ""


def find_outlet(text: str) -> str:
    """The outlet that signs or names itself in the text, or ""."""
    for pattern in (_OUTLET_LINE, _OUTLET_MENTION, _SELF_MENTION):
        if match := pattern.search(text):
            return match["name"].strip(' “”"«»')
    return ""


def find_date(lines: list[str]) -> str:
    """The date of the first line that is little but a full date, or ""."""
    found = (parse_date(line) for line in lines if _DATE_LINE.match(line))
    return next((date for date in found if "-" in date), "")


def choose_title(candidates: list[str], first_paragraph: str) -> str:
    """The heading that says most of what the first paragraph says, or "" of none."""
    body = set(search_terms(first_paragraph))
    return max(candidates, key=lambda line: len(body & set(search_terms(line))), default="")


def read_page(html: bytes) -> dict[str, Any] | None:
    """Text and metadata of a web page as `RawArticle` fields, None without article text.

    The date comes from the page's own metadata; trafilatura's guess is not used, as it reads
    "12 تشرين الأول" as 1 January.
    """
    import trafilatura
    from trafilatura.settings import Document

    tree = trafilatura.load_html(html)
    if tree is None:
        return None
    stated = _stated_metadata(tree)
    document = trafilatura.bare_extraction(tree, with_metadata=True, include_comments=False)
    if not isinstance(document, Document) or not (document.text or "").strip():
        return None
    return {
        "text": document.text,
        "title": document.title or "",
        "source": document.sitename or "",
        "url": stated.pop("url", "") or document.url or "",
        **stated,
    }


def _stated_metadata(tree: Any) -> dict[str, str]:
    """`url`, `published` and `updated` where JSON-LD, meta tags or <time> state them."""
    found: dict[str, list[Any]] = {
        "url": tree.xpath("//link[@rel='canonical']/@href | //meta[@property='og:url']/@content"),
        "published": [],
        "updated": [],
    }
    for block in tree.xpath("//script[@type='application/ld+json']/text()"):
        for node in _json_nodes(block):
            if node.get("@type") in _JSONLD_TYPES or "datePublished" in node:
                found["published"].append(node.get("datePublished"))
                found["updated"].append(node.get("dateModified"))
    found["published"] += tree.xpath(
        "//meta[@property='article:published_time' or @name='date' or @itemprop='datePublished']"
        "/@content | //article//time/@datetime | //time[@pubdate]/@datetime"
    )
    found["updated"] += tree.xpath("//meta[@property='article:modified_time']/@content")
    dates = {
        key: next(
            (d for value in found[key] if isinstance(value, str) and (d := parse_date(value))), ""
        )
        for key in ("published", "updated")
    }
    url = next((u for u in found["url"] if u.startswith(("http://", "https://"))), "")
    return {"url": url, **dates}


def _json_nodes(block: str) -> Iterator[dict[str, Any]]:
    try:
        waiting = [json.loads(block, strict=False)]
    except (ValueError, RecursionError):
        return
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            yield node
            waiting += node.get("@graph", []) if isinstance(node.get("@graph"), list) else []
