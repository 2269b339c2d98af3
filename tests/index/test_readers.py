import json

import pytest

from index.errors import SourceError
from index.readers import (
    MAX_FILE_BYTES,
    RawArticle,
    Skipped,
    read_file,
    read_sources,
    register_reader,
)

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
        ("a.pdf", b"%PDF", ".pdf is not a format Burhan reads"),
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

    def read_upper(path):
        yield RawArticle(text=path.read_text().upper(), path=path)

    register_reader(".up", read_upper)
    assert only(write(tmp_path / "a.up", "hello")).text == "HELLO"
    with pytest.raises(ValueError, match="looks like"):
        register_reader("up", read_upper)
