import gzip
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import docx
import pytest

from index import readers
from index.catalogue import Catalogue
from index.errors import SourceError
from index.ingest import index_sources
from index.readers import (
    MAX_FILE_BYTES,
    RawArticle,
    Skipped,
    count_articles,
    read_file,
    read_sources,
    register_reader,
)
from index.readers.rows import MAX_BAD_ROWS
from tests.conftest import ROOT, FakeEncoder
from tests.index import fuzz

PAGE = """<html><head><title>Bridge opens</title>
<meta property="og:site_name" content="The Harbour Post">
<link rel="canonical" href="https://harbour.example/bridge">
<script type="application/ld+json">
{"@type": "NewsArticle", "datePublished": "2024-10-12T08:00:00Z", "dateModified": "2024-10-13"}
</script></head><body><nav>Home</nav><article><h1>Bridge opens</h1>
<p>The new bridge over the river opened to traffic on Saturday after three years of work, officials
said, and the first lorries crossed it before dawn while a small crowd watched from the quay.</p>
<p>It cost forty million dinars, the ministry of works said in a statement on the same day.</p>
</article></body></html>"""


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def only(path):
    (found,) = read_file(path)
    return found


def test_jsonl_keeps_what_is_given(tmp_path):
    row = {"article_id": "x1", "title": "T", "text": "Body.", "language": "en", "source": "S"}
    row |= {"url": "https://s.example/1", "published": "2024-10-12T10:00:00Z", "ignored": 3}
    article = only(write(tmp_path / "a.jsonl", json.dumps(row)))
    assert isinstance(article, RawArticle)
    assert (article.article_id, article.title, article.text) == ("x1", "T", "Body.")
    assert (article.source, article.published, article.language) == ("S", "2024-10-12", "en")


def test_csv_rows_with_line_breaks_and_arabic(tmp_path):
    text = (
        'article_id,text,language,published\nc1,"سطر أول\nسطر ثان",ar,12 أكتوبر 2024\nc2,Hello,,\n'
    )
    first, second = read_file(write(tmp_path / "a.csv", "\ufeff" + text))
    assert first.text == "سطر أول\nسطر ثان"
    assert first.published == "2024-10-12"
    assert (second.article_id, second.language) == ("c2", None)


def test_html_gives_text_and_metadata(tmp_path):
    article = only(write(tmp_path / "a.html", PAGE))
    assert "opened to traffic" in article.text
    assert "Home" not in article.text
    assert article.url == "https://harbour.example/bridge"
    assert (article.published, article.updated) == ("2024-10-12", "2024-10-13")
    assert article.source == "The Harbour Post"


def test_markdown_heading_is_the_title(tmp_path):
    article = only(write(tmp_path / "a.md", "# The title\n\nThe body."))
    assert (article.title, article.text.strip()) == ("The title", "The body.")


ARABIC = "قال وزير المياه في بيان إن السد الجديد على النهر سيفتح في شهر آذار بعد سنوات من العمل."


@pytest.mark.parametrize("encoding", ["windows-1256", "iso-8859-6", "utf-16-le", "utf-16-be"])
def test_arabic_encodings_are_told_apart_and_noted(tmp_path, encoding):
    article = only(write(tmp_path / "a.txt", ARABIC.encode(encoding)))
    assert (article.text, article.encoding) == (ARABIC, encoding)
    assert only(write(tmp_path / "b.txt", ARABIC)).encoding == ""


def test_western_text_is_not_taken_for_arabic(tmp_path):
    text = "The café’s owner said – in Zürich – that it was “naïve” to expect more."
    article = only(write(tmp_path / "a.txt", text.encode("windows-1252")))
    assert (article.text, article.encoding) == (text, "windows-1252")


def test_a_page_that_declares_its_encoding(tmp_path):
    page = f"<html><head><meta charset=windows-1256></head><p>{ARABIC} {ARABIC}</p></html>"
    article = only(write(tmp_path / "a.html", page.encode("windows-1256")))
    assert ARABIC in article.text
    assert article.encoding == "windows-1256"


def test_gzip_of_every_format(tmp_path):
    rows = b'{"text": "one"}\n{"text": "two"}\n'
    found = list(read_file(write(tmp_path / "a.jsonl.gz", gzip.compress(rows))))
    assert [article.text for article in found] == ["one", "two"]
    page = only(write(tmp_path / "p.html.gz", gzip.compress(PAGE.encode())))
    assert page.published == "2024-10-12"


def test_word_file_with_a_table(tmp_path):
    document = docx.Document()
    document.core_properties.title, document.core_properties.author = "العنوان", "سلمى"
    document.add_paragraph("فقرة أولى.")
    table = document.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "حلب", "12"
    document.add_paragraph("فقرة ثانية.")
    document.save(tmp_path / "a.docx")
    article = only(tmp_path / "a.docx")
    assert article.text == "فقرة أولى.\nحلب | 12\nفقرة ثانية."
    assert (article.title, article.author) == ("العنوان", "سلمى")


def test_a_word_file_that_unpacks_to_gigabytes_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.docx", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", b" " * 50_000_000)
    assert "over the limit" in only(tmp_path / "a.docx").reason


@pytest.mark.browser
def test_arabic_pdf_comes_out_in_reading_order(tmp_path):
    second = "وأضاف أن 1,250 عاملا شاركوا في بنائه، منهم 40 مهندسا من جامعة حلب (Aleppo)."
    lines = "".join(f"<p>{text}</p>" for text in (ARABIC, second))
    page = write(tmp_path / "a.html", f"<meta charset=utf-8><body dir=rtl lang=ar>{lines}")
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--no-pdf-header-footer",
         f"--print-to-pdf={tmp_path / 'a.pdf'}", page.as_uri()],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    text = only(tmp_path / "a.pdf").text
    assert ARABIC in text
    for part in ("1,250", "40 مهندسا من جامعة حلب", "Aleppo"):
        assert part in text


def test_rss_and_atom(tmp_path):
    rss = """<?xml version="1.0"?><rss version="2.0"><channel><title>صدى النهر</title>
    <language>ar-SY</language><item><title>افتتاح السد</title><link>https://s.example/1</link>
    <pubDate>Sat, 12 Oct 2024 08:00:00 +0300</pubDate><author>سلمى</author>
    <description>&lt;p&gt;فتح السد.&lt;/p&gt;&lt;script&gt;x()&lt;/script&gt;
    &lt;p&gt;حضر الوزير.&lt;/p&gt;
    </description></item><item><title>بلا نص</title></item></channel></rss>"""
    article, skipped = read_file(write(tmp_path / "a.rss", rss))
    assert article.text == "فتح السد.\nحضر الوزير."
    assert (article.title, article.source, article.language) == ("افتتاح السد", "صدى النهر", "ar")
    assert (article.url, article.published) == ("https://s.example/1", "2024-10-12")
    assert "a title only" in skipped.reason
    atom = """<feed xmlns="http://www.w3.org/2005/Atom"><title>Post</title><entry>
    <title>Dam opens</title><link href="https://p.example/2"/><updated>2024-10-13T01:00:00Z</updated>
    <author><name>Ann Lee</name></author><content type="html">It opened.</content></entry></feed>"""
    article = only(write(tmp_path / "a.atom", atom))
    assert (article.text, article.author, article.updated) == (
        "It opened.",
        "Ann Lee",
        "2024-10-13",
    )


def test_links_out_of_the_folder_and_odd_names(tmp_path):
    outside = write(tmp_path / "secret.txt", "secret")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "link.txt").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "gone.txt").symlink_to(tmp_path / "nowhere.txt")
    os.mkfifo(folder / "pipe.txt")
    write(folder / "two\nlines.txt", "text of a file with an odd name")
    (folder / os.fsdecode(b"bytes-\xff.txt")).write_text("and another")
    found = list(read_sources([folder]))
    texts = [f.text for f in found if isinstance(f, RawArticle)]
    assert sorted(texts) == ["and another", "text of a file with an odd name"]
    reasons = sorted(f.reason.split(";")[0] for f in found if isinstance(f, Skipped))
    assert reasons == [
        "is not a file, but a device, pipe or broken link",
        "links to a file outside the folder",
        "links to a file outside the folder",
    ]
    for one in found:
        one.origin.encode()
        assert "\n" not in one.origin


def test_utf16_with_its_mark(tmp_path):
    assert only(write(tmp_path / "a.txt", "نص عربي".encode("utf-16"))).text == "نص عربي"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.txt", b"", "the file is empty"),
        ("binary.txt", b"\x00\x01\x02PNG", "looks like a binary file"),
        ("broken.txt", b"good \xff\xfe bad", "not valid UTF-8 (byte 0xff at 5)"),
        ("broken.jsonl", b'{"text": "\xff"}', "not valid UTF-8"),
        ("notext.jsonl", b'{"title": "T"}', "has no 'text'"),
        ("blank.jsonl", b'{"text": "  "}', "has no 'text'"),
        ("list.jsonl", b"[1]", "is a JSON list"),
        ("half.jsonl", b'{"text": "a"', "is not JSON"),
        ("deep.jsonl", b"[" * 100_000, "is not JSON"),
        ("huge.jsonl", b'{"text": "a", "n": ' + b"9" * 5_000 + b"}", "is not JSON"),
        ("date.jsonl", b'{"text": "a", "published": "someday"}', "'someday' is not a date"),
        ("lang.jsonl", b'{"text": "a", "language": "fr"}', "'language'"),
        ("columns.csv", b"headline,body\na,b\n", "the columns are 'headline, body'; 'text'"),
        ("page.html", b"<html></html>", "no article text"),
        ("a.odt", b"PK", ".odt is not a format Burhan reads"),
        ("a.pdf", b"PK", "is not a PDF file"),
        ("half.pdf", b"%PDF-1.7 and no more", "is not a PDF that can be read"),
        ("a.docx", b"PK", "is not a Word file"),
        ("a.rss", b"<html><p>no feed", "holds no RSS or Atom articles"),
        ("bomb.xml", b'<!DOCTYPE a [<!ENTITY b "bb">]><rss/>', "declares XML entities"),
        ("a.txt.gz", b"not gzip", "is not a whole gzip file"),
        (
            "half.jsonl.gz",
            gzip.compress(b'{"text": "a"}' * 99, mtime=0)[:-9],
            "is not a whole gzip file",
        ),
        ("big.txt.gz", gzip.compress(b"a" * 30_000_000, mtime=0), "200 times"),
        (
            "bomb.jsonl.gz",
            gzip.compress(b" \n" * 40_000_000, mtime=0),
            "more than 200 times its size",
        ),
        ("deep.html", b"<div>" * 30_000 + b"text", "elements open at once"),
        ("noending", b"abc", "no ending is not a format"),
    ],
)
def test_a_bad_file_is_one_clear_line(tmp_path, name, content, reason):
    found = only(write(tmp_path / name, content))
    assert isinstance(found, Skipped)
    assert reason in found.reason
    assert name in found.origin
    assert "\n" not in found.reason


def test_a_bad_row_does_not_cost_the_others(tmp_path):
    rows = b'{"text": "one"}\nnonsense\n\n{"text": "two"}\n'
    found = list(read_file(write(tmp_path / "a.jsonl", rows)))
    assert [type(f) for f in found] == [RawArticle, Skipped, RawArticle]
    assert found[1].origin.endswith("a.jsonl:2")


def test_a_file_of_another_kind_is_given_up(tmp_path):
    rows = b'{"text": "one"}\n' + b"nonsense\n" * 5_000
    found = list(read_file(write(tmp_path / "a.jsonl", rows)))
    assert len(found) == 1 + MAX_BAD_ROWS + 1
    assert "those after row 1,001 were not tried" in found[-1].reason


def test_a_line_of_50_mb_is_passed_over(tmp_path):
    line = b'{"text": "' + b"x" * 50_000_000 + b'"}\n'
    found = list(read_file(write(tmp_path / "a.jsonl", line + b'{"text": "after"}\n')))
    assert isinstance(found[0], Skipped)
    assert "over 5,000,000 bytes" in found[0].reason
    assert found[1].text == "after"


def test_a_file_over_the_limit_is_refused_unread(tmp_path):
    path = tmp_path / "big.txt"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert "over the limit" in only(path).reason


def test_folders_are_walked_in_order_and_hidden_files_left(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    for name in ("b/2.txt", "a.txt", ".git/x.txt", ".hidden.txt"):
        write(tmp_path / name, "text")
    origins = [found.origin for found in read_sources([tmp_path])]
    assert [o.removeprefix(str(tmp_path)) for o in origins] == ["/a.txt", "/b/2.txt"]


def test_a_missing_source_is_an_error_before_anything_is_read(tmp_path):
    with pytest.raises(SourceError, match="no such file or folder"):
        list(read_sources([write(tmp_path / "a.txt", "x"), tmp_path / "nowhere"]))


def test_a_format_can_be_registered(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "index.readers._READERS", dict(__import__("index.readers").readers._READERS)
    )

    def read_upper(file):
        yield RawArticle(text=file.read_bytes().decode().upper(), path=file.path)

    register_reader(".up", read_upper)
    assert only(write(tmp_path / "a.up", "hello")).text == "HELLO"
    with pytest.raises(ValueError, match="looks like"):
        register_reader("up", read_upper)


def test_a_reader_that_fails_costs_its_file_only(tmp_path, monkeypatch):
    monkeypatch.setattr("index.readers._READERS", dict(readers._READERS))

    def read_notes(file):
        yield RawArticle(text=file.read_bytes().decode(), path=file.path)

    register_reader(".notes", read_notes)
    (tmp_path / "a.notes").write_bytes(b"caf\xe9")
    (tmp_path / "b.notes").write_text("Good.")
    first, second = read_sources([tmp_path])
    assert "its reader failed (UnicodeDecodeError" in first.reason
    assert second.text == "Good."


def test_a_pdf_never_imports_what_lies_beside_it(tmp_path, monkeypatch):
    (tmp_path / "pypdf.py").write_text("open('planted', 'w')")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7 and no more")
    monkeypatch.chdir(tmp_path)
    list(read_sources([Path("a.pdf")]))
    assert not (tmp_path / "planted").exists()


PLAIN_PAGE = """<html><head><link rel=canonical href="https://site.example/">
<meta property="og:url" content="https://site.example/{name}">{more}</head>
<body><article><h1>School {name}</h1><p>{text}</p></article></body></html>"""


def test_pages_that_name_the_home_page_are_told_apart(tmp_path):
    text = "The school of the old quarter opened its doors again on Monday morning. " * 4
    odd = (
        '<script type="application/ld+json">'
        '{"@type": "NewsArticle", "publisher": {"name": "P\\ud83d"}}</script>'
    )
    for name in ("one", "two"):
        page = PLAIN_PAGE.format(name=name, text=text, more=odd)
        (tmp_path / f"{name}.html").write_text(page)
    first, second = read_sources([tmp_path])
    assert first.url.endswith("/one")
    assert second.url.endswith("/two")
    index_sources([tmp_path], tmp_path / "index", FakeEncoder())
    assert Catalogue(tmp_path / "index").counts()["articles"] == 2


def test_files_that_would_take_hours_do_not(tmp_path):
    text = "The school of the old quarter opened its doors again on Monday morning. " * 4
    zeros = f'<script type="application/ld+json">[{"0," * 1_500_000}0]</script>'
    (tmp_path / "a.html").write_text(PLAIN_PAGE.format(name="one", text=text, more=zeros))
    (tmp_path / "b.txt").write_text("\n" * 1_000_000 + text)
    (tmp_path / "c.txt").write_text(" " * 300_000 + "." + " " * 300_000 + "\n" + text)
    os.mkfifo(tmp_path / "d.jsonl")
    assert count_articles([tmp_path]) == 4
    index_sources([tmp_path], tmp_path / "index", FakeEncoder())
    assert Catalogue(tmp_path / "index").counts()["articles"] >= 2


def test_a_feed_full_of_line_breaks_is_no_deep_nesting(tmp_path):
    body = "Word on word. <br>" * 30
    items = "".join(
        f"<item><title>T{i}</title><description><![CDATA[{body}]]></description></item>"
        for i in range(700)
    )
    feed = f"<rss version='2.0'><channel><title>F</title>{items}</channel></rss>"
    (tmp_path / "a.rss").write_text(feed)
    assert sum(isinstance(one, RawArticle) for one in read_sources([tmp_path])) == 700


def test_a_merged_cell_is_read_once(tmp_path):
    document = docx.Document()
    table = document.add_table(rows=1, cols=3)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "Merged"
    table.cell(0, 2).text = "Single"
    document.save(tmp_path / "a.docx")
    (found,) = read_sources([tmp_path / "a.docx"])
    assert found.text == "Merged | Single"


LOCKED = """
import os, sys; from pathlib import Path; from index.readers import read_sources
os.setuid(65534)
for one in read_sources([Path(sys.argv[1])]): print(type(one).__name__, getattr(one, "reason", ""))
"""


def test_a_folder_that_may_not_be_read_is_named():
    folder = Path("/tmp") / f"burhan-locked-{os.getpid()}"
    (folder / "locked").mkdir(parents=True)
    (folder / "ok.txt").write_text("Some words of an article.")
    (folder / "locked").chmod(0)
    try:
        done = subprocess.run(
            [sys.executable, "-c", LOCKED, str(folder)],
            capture_output=True, text=True, cwd=ROOT, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(folder)
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stderr
    assert any("Permission denied" in line for line in lines)


def test_hostile_files_neither_crash_nor_break_an_offset():
    outcomes = fuzz.run(250, seed=1)
    assert outcomes["read"] > 100
    assert outcomes["skipped"] > 20
