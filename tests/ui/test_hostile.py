"""Articles, uploads and questions that try to be more than text."""

import json

import pytest

from index.ingest import index_sources
from index.store import Store
from rag.assistant import Assistant
from rag.settings import Settings
from tests.browser import requests_of
from tests.conftest import FakeEncoder
from tests.ui.serving import running
from ui.server import build_app

pytestmark = pytest.mark.browser

TRICKS = (
    "<script>window.hacked = 1</script> <img src=x onerror='window.hacked = 2'> "
    "<svg onload='window.hacked = 3'> <a href='javascript:window.hacked = 4'>press</a> "
    "![x](https://evil.example/x.png) [link](javascript:alert(1)) <https://evil.example> "
    "`code` **bold** _it_ $x$ &lt;b&gt; {{7*7}} ${hacked} <!-- <style>*{display:none}</style>"
)
TEXT = f"The harbour of Umm Rish was closed. {TRICKS} It will reopen in \u202eeseht\u202c days."
QUESTION = "Was the harbour of Umm Rish closed?"


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    row = {
        "article_id": "<img src=x onerror=hacked>",
        "text": TEXT,
        "title": f"Harbour {TRICKS}",
        "source": "<b onclick='hacked'>Gazette</b>\u202e",
        "url": "javascript:window.hacked=5",
        "published": "2025-03-01",
    }
    (folder / "news.jsonl").write_text(json.dumps(row), encoding="utf-8")
    index_sources([folder / "news.jsonl"], folder / "index", FakeEncoder())
    settings = Settings(min_confidence=0, index=folder / "index")
    assistant = Assistant(Store(folder / "index", FakeEncoder()), settings)
    with running(build_app(assistant, allow_uploads=True)) as address:
        yield address


@pytest.fixture(scope="module")
def page(browsers, url):
    return browsers("en", url)


def assert_harmless(page, url):
    made = (
        "return [...document.querySelectorAll('body img, body script, b, a')].map(e => e.outerHTML)"
    )
    ours = [html for html in page.script(made) if 'href="#' not in html]
    assert ours == []
    assert page.script("return window.hacked") is None
    assert page.script("return document.body.textContent.match(/[\u202a-\u202e]/)") is None
    away = [r for r in requests_of(page.driver) if not r.startswith((url, "chrome"))]
    assert [r for r in away if not r.startswith(("data:", "blob:"))] == []
    assert [e for e in page.driver.get_log("browser") if e["level"] == "SEVERE"] == []


def test_a_hostile_article_is_text(page, url):
    answer = page.ask(f"{QUESTION} {TRICKS}")
    assert TRICKS.split("> ")[0] in page.text(answer)
    assert TRICKS in page.text(page.one(".question"))
    page.open_source(answer)
    shown = page.text(page.one("#panel"))
    assert TRICKS in shown
    assert "Harbour <script>" in shown
    assert "<b onclick='hacked'>Gazette</b>" in shown
    assert not page.all("#panel a")
    assert_harmless(page, url)
    page.close_panel()
    page.reload()
    page.until(lambda: page.all(".answer .text"))
    page.click("nav [data-page=articles]")
    page.until(lambda: page.all("#article-list li"))
    assert TRICKS in page.text(page.one("#article-list"))
    page.click("nav [data-page=chat]")
    page.click("#filter")
    page.until(lambda: page.all("dialog[open] .outlets"))
    page.click("dialog .icon-button")
    assert_harmless(page, url)


def test_a_hostile_upload_is_text(page, url, tmp_path):
    for name, content in (
        ("<img src=x onerror=hacked>.txt", f"Ferries of Jasmine sank. {TRICKS}"),
        ("<script>.exe", "MZ"),
    ):
        (tmp_path / name).write_text(content, encoding="utf-8")
    page.open("#add")
    paths = "\n".join(str(path) for path in tmp_path.iterdir())
    page.one("#files").send_keys(paths)
    page.until(lambda: page.all("#outcome .counts"))
    assert "<script>.exe" in page.text(page.one("#outcome"))
    page.click("#outcome a.primary")
    page.click("#new")
    answer = page.ask("Which ferries of Jasmine sank?")
    assert "<script>window.hacked" in page.text(answer)
    page.open_source(answer)
    assert TRICKS in page.text(page.one("#panel"))
    assert_harmless(page, url)
    page.close_panel()


ANSWER = """بحسب The Baydara Courier في 2025-03-19: «السدّ مفتوح» [1][2].

According to بيدرة اليوم, 12 March 2025: “Open.” [1]

- أغلق الميناء [1]
- The port was closed [2] [unverified]

| المدينة | Number |
|---|---|
| بيدرة | 36,000 |"""


def test_every_block_runs_its_own_way(page):
    blocks = """m => {
        const button = () => document.createElement('button');
        const chip = n => Object.assign(button(), {className: 'chip', textContent: n});
        const host = document.createElement('div');
        host.append(...m.blocks(%s, 'ar', {quotes: ['السدّ مفتوح'], chip}));
        document.body.append(host);
        const of = (selector, f) => [...host.querySelectorAll(selector)].map(f);
        const way = e => getComputedStyle(e).direction;
        const found = {
            blocks: [...host.children].map(e => [e.tagName, way(e)]),
            items: of('li', way), cells: of('th, td', way),
            runs: of('bdi:not(.quote)', e => [e.textContent, way(e)]),
            flags: of('.badge', e => e.textContent),
            quotes: of('.quote', e => e.textContent), chips: of('.chip', e => e.textContent),
            isolated: of('bdi', e => getComputedStyle(e).unicodeBidi), text: host.textContent,
        };
        host.remove();
        return found;
    }"""
    found = page.module("text", blocks % json.dumps(ANSWER, ensure_ascii=False))
    assert found["blocks"] == [["P", "rtl"], ["P", "ltr"], ["UL", "rtl"], ["DIV", "ltr"]]
    assert found["items"] == ["rtl", "ltr"]
    assert found["cells"] == ["rtl", "ltr", "rtl", "rtl"]
    assert ["The Baydara Courier", "ltr"] in found["runs"]
    assert ["2025-03-19", "ltr"] in found["runs"]
    assert ["بيدرة اليوم", "rtl"] in found["runs"]
    assert found["quotes"] == ["«السدّ مفتوح»", "“Open.”"]
    assert found["flags"] == ["unverified"]
    assert found["chips"] == ["1", "2", "1", "1", "2"]
    assert set(found["isolated"]) <= {"isolate", "isolate-override"}


def test_changes_that_the_queue_sends_are_applied(page):
    value = page.module(
        "wire",
        """m => m.patched({text: 'a', list: [1, 2, 3]}, [
            ['append', ['text'], 'b'], ['delete', ['list', 0], null], ['add', ['answer'], {x: 1}],
            ['replace', ['list', 1], 9], ['add', ['list', 2], 4],
        ])""",
    )
    assert value == {"text": "ab", "list": [2, 9, 4], "answer": {"x": 1}}
