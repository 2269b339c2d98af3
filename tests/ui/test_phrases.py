"""What the interface says, in both languages."""

import re

import pytest

from prompts import load
from tests.conftest import ROOT

STATIC = ROOT / "ui" / "static"
FORMS = ("zero", "one", "two", "few", "many", "other")


def phrases(language):
    return {name: text.template for name, text in load("interface", language).items()}


def test_both_languages_say_the_same_things():
    arabic, english = phrases("ar"), phrases("en")
    counted = re.compile(rf"_({'|'.join(FORMS)})$")
    plain = [{name for name in one if not counted.search(name)} for one in (arabic, english)]
    assert plain[0] == plain[1]
    for name in plain[0]:
        filled = [set(re.findall(r"\$(\w+)", one[name])) for one in (arabic, english)]
        assert filled[0] == filled[1], name
        assert re.search(r"[\u0600-\u06ff]", arabic[name] + english[name]) or "$" in arabic[name]


@pytest.mark.parametrize("language", ["ar", "en"])
def test_everything_the_page_says_is_there(language):
    known = phrases(language)
    code = "".join(path.read_text("utf-8") for path in STATIC.glob("*.js"))
    html = (STATIC / "index.html").read_text("utf-8")
    said = set(re.findall(r'\bsay\("(\w+)"', code)) | set(re.findall(r'phrase: "(\w+)"', code))
    said |= set(re.findall(r'(?:Failure|problem)\("(\w+)"', code))
    said |= set(re.findall(r'data-(?:say|label|placeholder)="(\w+)"', html))
    python = "".join(path.read_text("utf-8") for path in (ROOT / "ui").glob("*.py"))
    said |= set(re.findall(r'failed\("(\w+)"', python))
    assert said
    assert said - set(known) == set()


def test_nothing_on_the_page_is_made_of_html():
    code = "".join(path.read_text("utf-8") for path in STATIC.glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", code)


def test_nothing_comes_from_elsewhere():
    for path in STATIC.iterdir():
        if path.suffix in (".js", ".css", ".html"):
            addresses = re.findall(r"https?://[^\s\"']+", path.read_text("utf-8"))
            assert set(addresses) <= {"http://www.w3.org/2000/svg"}


def test_the_fonts_are_small_and_free():
    fonts = STATIC / "fonts"
    assert sum(path.stat().st_size for path in fonts.glob("*.woff2")) < 300_000
    assert "SIL Open Font License" in (fonts / "LICENSE").read_text("utf-8")
