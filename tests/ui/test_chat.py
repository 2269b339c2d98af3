"""The chat in a real browser, with the real encoder and the sample articles."""

import time

import pytest
from selenium.webdriver.common.keys import Keys

from tests.browser import as_phone, axe, requests_of

pytestmark = [pytest.mark.browser, pytest.mark.encoder]

ARABIC = "كم طنًا من الملح ستبيع تعاونية أم ريش كل سنة؟"
ENGLISH = "How high is the Shumar Dam?"
LAST_TURN = (
    "Object.keys(localStorage).filter(k => k.startsWith('burhan.conversation'))"
    ".map(k => JSON.parse(localStorage.getItem(k))).sort((a, b) => b.updated - a.updated)[0]"
    ".turns.at(-1)"
)
NONSENSE = "What is the best recipe for chocolate cake?"


@pytest.fixture(scope="module")
def english(browsers, url):
    return browsers("en", url)


@pytest.fixture(scope="module")
def arabic(browsers, url):
    return browsers("ar", url)


@pytest.fixture(autouse=True)
def only_this_machine(request, url):
    """Fails when any browser of the test asked for something elsewhere."""
    yield
    for name in {"english", "arabic"} & set(request.fixturenames):
        requests = requests_of(request.getfixturevalue(name).driver)
        away = [r for r in requests if not r.startswith((url, "data:", "blob:", "chrome"))]
        assert away == []


def new_conversation(page):
    page.open("#chat")
    page.click("#new")
    page.until(lambda: page.all(".welcome"))


def test_an_english_reader_asks(english):
    assert english.one("html").get_attribute("dir") == "ltr"
    assert english.one(".brand").text.endswith("Burhan")
    answer = english.ask(ENGLISH)
    assert "68 metres" in answer.text
    assert {english.direction(block) for block in english.all(".text > p", answer)} == {"ltr"}
    mark = english.open_source(answer)
    (citation, *_) = english.script(f"return {LAST_TURN}.answer.citations")
    assert english.text(mark) == citation["quote"]
    inside = """
        const mark = arguments[0].getBoundingClientRect();
        const panel = document.querySelector('#panel').getBoundingClientRect();
        return mark.top >= panel.top && mark.top < panel.bottom;
    """
    assert english.script(inside, mark)
    panel = english.one("#panel").text
    assert "Rannan Valley Post" in panel
    assert "19 March 2025" in panel
    link = english.one("#panel a.original")
    assert link.get_attribute("href").startswith("https://rannanvalleypost.example/")
    assert link.get_attribute("rel") == "noopener noreferrer"
    english.click("#panel .why summary")
    assert "close to the question" in english.one("#panel .why").text
    english.close_panel()
    assert "chip" in english.driver.switch_to.active_element.get_attribute("class")
    assert "confidence" in english.one(".confidence summary", answer).text


def test_an_arabic_reader_asks_what_only_english_articles_say(arabic):
    assert arabic.one("html").get_attribute("dir") == "rtl"
    assert arabic.one("#question").get_attribute("placeholder").startswith("اسأل")
    answer = arabic.ask(ARABIC)
    blocks = {one.get_attribute("lang"): one for one in arabic.all(".text [lang]", answer)}
    assert arabic.direction(arabic.one(".text > p", answer)) == "rtl"
    assert arabic.direction(blocks["en"]) == "ltr"
    assert "36,000" in blocks["en"].text
    assert arabic.one(".badge", answer).text == "بالإنجليزية"
    mark = arabic.open_source(answer)
    assert arabic.direction(mark) == "ltr"
    assert "بالإنجليزية" in arabic.one("#panel .facts").text
    arabic.close_panel()


def test_what_the_articles_do_not_hold_is_refused(english):
    answer = english.ask(NONSENSE)
    assert "do not hold an answer" in answer.text
    assert not english.all(".sources", answer)
    english.click(".confidence summary", answer)
    assert "rather say so than guess" in answer.text


def test_again_edited_stopped_kept_and_deleted(english):
    new_conversation(english)
    english.ask(ENGLISH)
    english.click(".retry")
    english.until(lambda: len(english.all(".exchange")) == 1 and "68" in english.answer().text)
    english.click(".edit")
    area = english.until(lambda: english.all(".editing"))[0]
    area.clear()
    area.send_keys("What caused the fire in the coppersmiths' market?", Keys.ENTER)
    english.until(lambda: "بيدرة اليوم" in english.answer().text)
    kept = english.one("#log").text
    english.reload()
    english.until(lambda: english.all(".answer"))
    assert english.one("#log").text == kept
    n = len(english.all("#conversations li"))
    english.script("document.querySelector('#conversations .open .icon-button').click()")
    english.until(lambda: english.all(".welcome"))
    assert len(english.all("#conversations li")) == n - 1
    english.click(".toast button")
    english.until(lambda: english.all(".answer"))


def test_the_box_runs_the_way_that_is_typed(english):
    new_conversation(english)
    box = english.one("#question")
    for typed, direction in (("من يحرس Conoco؟", "rtl"), ("who guards كونيكو?", "ltr")):
        box.send_keys(typed)
        assert english.direction(box) == direction
        box.clear()


def test_the_language_of_the_page_is_switched_and_kept(english):
    new_conversation(english)
    english.ask(ENGLISH)
    english.click("#language")
    assert english.one("html").get_attribute("dir") == "rtl"
    assert english.one(".brand").text.endswith("برهان")
    answer = english.answer()
    assert "المصادر" in answer.text
    assert english.direction(english.one(".text > p", answer)) == "ltr"
    english.reload()
    assert english.one("html").get_attribute("lang") == "ar"
    english.click("#language")
    assert english.one("html").get_attribute("lang") == "en"


def test_filters_restrict_what_is_searched(english):
    new_conversation(english)
    english.click("#filter")
    english.until(lambda: english.all("dialog[open] .outlets"))
    english.script("arguments[0].value = '2026-01-01'", english.one("[name=published_from]"))
    english.click("dialog [type=submit]")
    assert "from 1 January 2026" in english.one("#active-filters").text
    answer = english.ask(ENGLISH)
    assert "19 March 2025" not in answer.text
    assert "Searched only: from 1 January 2026" in answer.text
    if english.all(".refusal > .quiet", answer):
        english.click(".refusal > .quiet", answer)
        english.until(lambda: "68 metres" in english.answer().text)
    else:
        english.click("#active-filters button")
    assert english.all("#active-filters li") == []


def test_an_answer_is_rated(english, sample_assistant):
    new_conversation(english)
    answer = english.ask(ENGLISH)
    english.click(".rate.up", answer)
    box = english.until(lambda: english.all(".comment input"))[0]
    box.send_keys("exact", Keys.ENTER)
    english.until(lambda: english.all(".toast"))
    saved = (sample_assistant.store.folder / "feedback.jsonl").read_text(encoding="utf-8")
    assert '"rating": "up", "comment": "exact"' in saved
    assert english.one(".rate.up").get_attribute("aria-pressed") == "true"


def test_an_answer_is_copied_with_its_sources(english):
    new_conversation(english)
    english.ask(ENGLISH)
    text = english.module("answer", f"m => m.asText({LAST_TURN})")
    assert "[1] “Shumar Dam opens" in text
    assert "Rannan Valley Post, 19 March 2025\nhttps://rannanvalleypost.example/" in text


def test_the_articles_page(arabic):
    arabic.click("nav [data-page=articles]")
    arabic.until(lambda: len(arabic.all("#article-list li")) == 30)
    arabic.click("#more-articles button")
    arabic.until(lambda: len(arabic.all("#article-list li")) == 48)
    arabic.click("[data-month='2025-03']")
    arabic.until(lambda: len(arabic.all("#article-list li")) == 3)
    arabic.click("#chosen-articles button")
    arabic.one("[type=search]").send_keys("سد شمر")
    arabic.until(lambda: "شُمر" in arabic.one("#article-list li").text)
    arabic.click("#article-list li button")
    arabic.until(lambda: arabic.all("#panel .article-text p"))
    arabic.close_panel()


def test_an_uploaded_article_is_asked_about(english, tmp_path):
    path = tmp_path / "tram.txt"
    path.write_text("Baydara opened tram line nine to Jasmine Square on 3 May 2026.")
    english.click("nav [data-page=add]")
    english.until(lambda: english.all("#files"))
    english.one("#files").send_keys(str(path))
    english.until(lambda: english.all("#outcome .counts"))
    assert "1 Added" in english.one("#outcome").text
    english.click("#outcome a.primary")
    english.click("#new")
    answer = english.ask("Where does tram line nine of Baydara go?")
    assert "Jasmine Square" in answer.text


def test_it_is_soon_there_and_soon_answers(english):
    """The best of three: the machine may have other work."""
    usable, words = [], []
    for _ in range(3):
        start = time.monotonic()
        new_conversation(english)
        usable.append(time.monotonic() - start)
        start = time.monotonic()
        english.type(ENGLISH)
        english.until(lambda: english.all(".answer .text"))
        words.append(time.monotonic() - start)
        english.answer(0)
    assert min(usable) < 3
    assert min(words) < 1


def test_two_readers_stay_apart(english, arabic):
    new_conversation(english)
    new_conversation(arabic)
    english.type(ENGLISH)
    arabic.type(ARABIC)
    assert "68 metres" in english.answer(0).text
    assert "36,000" in arabic.answer(0).text
    assert len(english.all(".exchange")) == len(arabic.all(".exchange")) == 1
    follow_up = arabic.ask("ومن المشتري؟")
    assert "Hoshiro" in follow_up.text


def test_a_keyboard_is_enough(english):
    new_conversation(english)
    english.ask(ENGLISH)
    english.script("document.querySelector('.skip').focus()")
    reached = ["skip"]
    for _ in range(40):
        english.driver.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(
            english.script("const e = document.activeElement; return e.id || e.className")
        )
        if "chip" in reached[-1]:
            break
    assert [name for name in reached if name in ("language", "new", "log", "chip")] == [
        "language",
        "new",
        "log",
        "chip",
    ]
    english.driver.switch_to.active_element.send_keys(Keys.ENTER)
    english.until(lambda: english.all("#panel mark.chosen"))
    english.close_panel()


@pytest.mark.parametrize(
    ("language", "theme"), [("arabic", "light"), ("arabic", "dark"), ("english", "light")]
)
def test_nothing_serious_is_in_the_way_of_anyone(request, language, theme):
    page = request.getfixturevalue(language)
    page.script("localStorage.setItem('burhan.theme', arguments[0])", theme)
    new_conversation(page)
    page.reload()
    page.until(lambda: page.all(".example"))
    assert axe(page.driver) == []
    answer = page.ask(ARABIC if language == "arabic" else ENGLISH)
    page.open_source(answer)
    assert axe(page.driver) == []
    page.close_panel()
    for name in ("articles", "add"):
        page.click(f"nav [data-page={name}]")
        page.until(lambda name=name: page.all(f"#{name} h1"))
        assert axe(page.driver) == []
    page.click("nav [data-page=chat]")
    page.click("#filter")
    page.until(lambda: page.all("dialog[open]"))
    assert axe(page.driver) == []
    page.click("dialog .icon-button")


def test_a_phone_shows_it_without_scrolling_sideways(arabic):
    new_conversation(arabic)
    as_phone(arabic.driver)
    wide = "return document.documentElement.scrollWidth - innerWidth"
    assert arabic.script(wide) <= 0
    answer = arabic.ask(ARABIC)
    assert arabic.script(wide) <= 0
    arabic.open_source(answer)
    assert arabic.one("#panel").get_attribute("aria-modal") == "true"
    assert arabic.one("#panel").rect["width"] == arabic.script("return innerWidth")
    assert arabic.script(wide) <= 0
    arabic.close_panel()
    arabic.click("#menu")
    arabic.until(lambda: arabic.one("#new").is_displayed())
    arabic.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    arabic.until(lambda: not arabic.one("#new").is_displayed())
    for name in ("articles", "add"):
        arabic.click(f"nav [data-page={name}]")
        arabic.until(lambda name=name: arabic.all(f"#{name} h1"))
        assert arabic.script(wide) <= 0
    assert axe(arabic.driver) == []
