import re

import pytest

from index.types import Article, Chunk, Hit
from rag.types import Answer, Citation, Evidence
from ui.render import answer_html, message_html, text_html

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](https://evil.example/x.png)",
    "[link](javascript:alert(1))",
    "<https://evil.example>",
    "`code` **bold** _it_ $x$ \\(y\\)",
    "# heading\n\n- item\n\n<b>",
    "a &lt;b&gt; & c",
    'the coppersmiths\' market and "quotes"',
]


def citation(quote="It opened.", language="en", title="Title", url="", source="Post"):
    return Citation(1, "a", "c", title, source, url, "2024-10-12", language, quote, 0, len(quote))


def answer(asked="en", quote="It opened.", **more):
    cited = citation(quote, **more)
    text = f"According to Post: “{quote}” [1]"
    article = Article("a", cited.language, cited.title, quote)
    chunk = Chunk("c", "a", cited.language, 0, quote, 0, len(quote), 3)
    hit = Hit(chunk, article, 1.0, 1, also_reported_by=("Gazette",))
    evidence = Evidence(1, hit, 0, len(quote), quote, 0.9)
    return Answer("q", asked, text, (cited,), (evidence,), False, 0.9, "extractive")


def plain(html):
    """What a reader sees: tags off, entities resolved."""
    from html import unescape

    return unescape(re.sub(r"<[^>]+>", "", html.replace("<br>", "\n")))


@pytest.mark.parametrize("text", HOSTILE)
def test_article_text_shows_as_itself(text):
    for html in (
        text_html(text),
        answer_html(answer(quote=text, title=text, source=text)),
        message_html(text, "en"),
    ):
        tags = set(re.findall(r"<(\w+)", html))
        assert tags <= {"p", "bdi", "br", "div", "section", "h3", "ol", "li", "small", "blockquote"}
        assert " ".join(text.split()) in " ".join(plain(html).split())
        assert not re.search(r"[`*_\[\]$\\]", re.sub(r"<[^>]+>", "", html))


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", " https://x", "ftp://x"]
)
def test_only_web_addresses_become_links(url):
    assert "<a " not in answer_html(answer(url=url))


def test_a_name_of_the_other_script_does_not_turn_what_follows():
    html = answer_html(answer(source="Post"))
    assert "According to <bdi>Post</bdi>&#58; <bdi" in html


def test_links_are_escaped():
    html = answer_html(answer(url='https://x.example/"onclick="alert(1)'))
    assert 'href="https://x.example/&quot;onclick=&quot;alert(1)"' in html


def test_bidi_overrides_are_taken_out():
    assert "\u202e" not in answer_html(answer(quote="abc\u202edef"))


def test_every_block_has_its_direction():
    html = answer_html(answer("ar", quote="It opened.", language="en"))
    assert html.startswith('<div class="answer" lang="ar" dir="rtl">')
    assert '<blockquote lang="en" dir="ltr">It opened.</blockquote>' in html
    assert "بالإنجليزية" in html
    assert "ونشره أيضًا: Gazette" in plain(html)
    assert "12 أكتوبر 2024" in html
    assert message_html("مرحبا", "ar") == '<div class="message" lang="ar" dir="rtl">مرحبا</div>'
