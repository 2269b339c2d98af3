"""How well articles are read: cleaning, dates and metadata, as one Markdown table.

    python -m eval.ingestion DATA --report docs/ingestion.md

`lines.jsonl` labels lines of real pages, by their place and digest: chrome, body and what is
neither. The labels were made without sight of the cleaner, those of the dates without the parser.
"""

import argparse
import gzip
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import Any

from index.clean import clean_page
from index.dates import parse_date
from index.readers import RawArticle, read_file

# fmt: off
_BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "button", "caption", "center", "dd",
    "details", "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
    "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "label", "legend", "li", "main", "nav",
    "ol", "option", "p", "pre", "section", "select", "summary", "table", "tbody", "td", "tfoot",
    "th", "thead", "title", "tr", "ul", "br", "video", "audio", "iframe", "textarea", "input",
    "img", "picture",
))
_DROPPED = frozenset((
    "script", "style", "noscript", "template", "svg", "head", "textarea", "iframe",
))
# fmt: on
# A line that long is looked for inside the kept lines too: extraction joins what a page breaks.
_LONG = 25


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    task: str
    right: int
    total: int

    def __str__(self) -> str:
        share = self.right / self.total if self.total else 0.0
        return f"| {self.task} | {self.right:,} of {self.total:,} | {share:.3f} |"


def main() -> None:
    """Measures everything and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help="folder with seeds/, html/ and ant/")
    parser.add_argument("--report", type=Path, help="where to write the Markdown table")
    arguments = parser.parse_args()
    rows = [*measure_lines(arguments.data), *measure_pages(arguments.data / "html" / "fundus")]
    dates = Path(__file__).parent.parent / "tests" / "data" / "dates.jsonl"
    if dates.exists():  # not in an installed package
        rows += measure_dates(dates)
    table = "\n".join(["| task | right | share |", "|---|---|---|", *map(str, rows)]) + "\n"
    print(table)
    if arguments.report:
        arguments.report.write_text(table, encoding="utf-8")


def measure_lines(data: Path) -> Iterator[Row]:
    """Precision and recall of taking chrome lines off, by kind of page."""
    counts: dict[str, Counter[tuple[str, bool]]] = defaultdict(Counter)
    for record in map(json.loads, files("eval").joinpath("lines.jsonl").read_text().splitlines()):
        part = record["file"].split("/")[0]
        lines, kept = _before_and_after(data, record["file"])
        whole, joined = set(kept), " ".join(kept)
        for number, label, digest in record["lines"]:
            line = lines[number - 1]
            if blake2b(line.encode(), digest_size=4).hexdigest() != digest:
                raise ValueError(f"{record['file']}:{number} is not the line that was labelled")
            inside = part == "html" and len(line) > _LONG and line in joined
            counts[part][label, line in whole or inside] += 1
    for part, found in counts.items():
        gone, chrome = found["chrome", False], found["chrome", False] + found["chrome", True]
        body = found["body", False] + found["body", True]
        yield Row(f"{part}: chrome lines gone (recall)", gone, chrome)
        yield Row(
            f"{part}: lines gone that were chrome (precision)", gone, gone + found["body", False]
        )
        yield Row(f"{part}: body lines kept", found["body", True], body)


def _before_and_after(data: Path, name: str) -> tuple[list[str], list[str]]:
    """Lines of a page as it stands, and as it is stored; spaces made even."""
    if "#" in name:
        file, article_id = name.split("#")
        with gzip.open(data / file, "rt", encoding="utf-8") as rows:
            row = next(r for r in map(json.loads, rows) if r["article_id"] == article_id)
        return _even(row["text"]), _even(clean_page(row["text"], row["title"]).text)
    (article,) = read_file(data / name)
    kept = clean_page(article.text, article.title).text if isinstance(article, RawArticle) else ""
    if name.endswith(".txt"):
        return _even((data / name).read_text(encoding="utf-8")), _even(kept)
    opener = gzip.open if name.endswith(".gz") else open
    with opener(data / name, "rb") as stream:
        return page_lines(stream.read()), _even(kept)


def _even(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.split("\n")]


def page_lines(page: bytes) -> list[str]:
    """What a reader sees of a web page, a line for each block."""
    from lxml import html

    text = page.decode("utf-8", "replace").encode()
    lines: list[str] = []
    current: list[str] = []

    def end() -> None:
        if line := re.sub(r"\s+", " ", "".join(current)).strip():
            lines.append(line)
        current.clear()

    def walk(element: Any) -> None:
        style = (element.get("style") or "").replace(" ", "")
        hidden = "display:none" in style or element.get("hidden") is not None
        if not isinstance(element.tag, str) or element.tag in _DROPPED or hidden:
            return
        if element.tag in _BLOCKS:
            end()
        current.append(element.text or "")
        for child in element:
            walk(child)
            current.append(child.tail or "")
        if element.tag in _BLOCKS:
            end()

    walk(html.fromstring(text, parser=html.HTMLParser(encoding="utf-8")))
    end()
    return lines


def measure_pages(folder: Path) -> Iterator[Row]:
    """Title, author, date and body of pages against what another extractor's tests expect."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for path, expected in _expected(folder):
        (article,) = read_file(path)
        total["pages read"] += 1
        if not isinstance(article, RawArticle):
            continue
        right["pages read"] += 1
        page = clean_page(article.text, article.title)
        joined = " ".join(" ".join(_even(page.text)).split())
        authors = expected.get("authors") or ()
        known = article.author.lower()
        for name, is_stated, is_right in (
            ("title", expected.get("title"), _even(page.title) == _even(expected["title"] or "")),
            ("author", authors, all(author.lower() in known for author in authors)),
            (
                "published",
                day := (expected["publishing_date"] or "")[:10],
                article.published == day,
            ),
        ):
            total[name] += bool(is_stated)
            right[name] += bool(is_stated) and is_right
        for paragraph in _paragraphs(expected):
            total["paragraphs"] += 1
            right["paragraphs"] += " ".join(paragraph.split()) in joined
    for name in ("pages read", "title", "author", "published", "paragraphs"):
        yield Row(f"web pages: {name}", right[name], total[name])


def _expected(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """English and Arabic pages with what is expected of them."""
    for path in sorted(folder.glob("*/*.html.gz")):
        outlet = re.sub(r"_\d{4}_\d\d_\d\d$", "", path.name.split(".")[0])
        note = path.with_name(f"{outlet}.json")
        if path.parent.name in ("tr", "il") or not note.exists():
            continue
        versions = list(json.loads(note.read_text(encoding="utf-8")).values())
        pages = sorted(path.parent.glob(f"{outlet}_2*.html.gz"))
        if len(versions) == len(pages):
            yield path, versions[pages.index(path)]


def _paragraphs(expected: dict[str, Any]) -> Sequence[str]:
    body = expected.get("body") or {}
    return [p for section in body.get("sections", []) for p in section.get("paragraphs", [])]


def measure_dates(path: Path) -> Iterator[Row]:
    """Dates read at exactly the precision they state, by kind."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for record in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        total[record["kind"]] += 1
        right[record["kind"]] += (
            parse_date(record["text"], record["reference"]) == record["expected"]
        )
    yield Row("dates", sum(right.values()), sum(total.values()))
    for kind in sorted(total):
        yield Row(f"dates: {kind}", right[kind], total[kind])


if __name__ == "__main__":
    main()
