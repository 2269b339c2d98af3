"""The report, opened in a real browser."""

import re

import pytest
from selenium.webdriver.common.by import By

from eval.compare import compare, moved
from eval.formats import sample_dataset
from eval.page import save_page
from eval.report import as_lines
from eval.run import Plan, run
from tests.browser import computed, open_browser, requests_of


@pytest.fixture(scope="module")
def done(fake_sample, tmp_path_factory):
    plan = Plan(sample_dataset(), tmp_path_factory.mktemp("runs"), limit=20)
    return run(plan, fake_sample)


@pytest.fixture(scope="module")
def earlier(fake_sample, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    plan = Plan(
        sample_dataset(), folder, limit=20, engine="tests.eval.test_run:Silent", baselines=False
    )
    return run(plan, fake_sample)


def test_the_page_needs_nothing_else_and_says_everything(done):
    lines = as_lines(done.measures)
    for language in ("ar", "en"):
        page = save_page(done, lines, language).read_text()
        assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", page)
        assert page.count("<svg") == 4
        assert "$" not in re.sub(r"(?s)<svg.*?</svg>|<details.*?</details>", "", page)
    charts = {path.name for path in (done.folder / "charts").iterdir()}
    assert charts == {"retrieval.png", "refusal.png", "calibration.png", "risk.png"}


def test_what_articles_hold_is_shown_as_text(done):
    hostile = '<script>alert(1)</script><img src="https://evil.example/x">'
    outcomes = [
        o | {"text": hostile, "confidence": 1.0, "refused": False, "citations": []}
        if o["step"] == "ask" and o["system"] == "burhan"
        else o
        for o in done.outcomes
    ]
    changed = type(done)(
        done.folder, done.settings, done.dataset, done.articles, outcomes, done.measures
    )
    page = save_page(changed, as_lines(done.measures), "en").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "<img" not in page


@pytest.mark.browser
@pytest.mark.parametrize("language", ["en", "ar"])
def test_the_page_in_a_browser(done, earlier, language, tmp_path):
    folder = earlier.folder
    path = save_page(
        done, as_lines(done.measures), language, compare(done, folder), moved(done, folder), "old"
    )
    driver = open_browser(language, tmp_path)
    try:
        driver.get(path.as_uri())
        body = driver.find_element(By.TAG_NAME, "body")
        assert computed(driver, body, "direction") == ("rtl" if language == "ar" else "ltr")
        numbers = driver.find_elements(By.CSS_SELECTOR, "td.number")
        assert len(numbers) > 50
        assert {computed(driver, number, "direction") for number in numbers[:9]} == {"ltr"}
        for question in driver.find_elements(By.CSS_SELECTOR, ".case .question")[:9]:
            arabic = bool(re.match(r"[\u0600-\u06ff]", question.text))
            assert computed(driver, question, "direction") == ("rtl" if arabic else "ltr")
        assert driver.find_elements(By.CSS_SELECTOR, ".better")
        assert all(r.startswith(("file:", "data:", "chrome")) for r in requests_of(driver))
        for width in (390, 1100):
            driver.set_window_size(width, 900)
            overflow = driver.execute_script(
                "const e = document.documentElement; return e.scrollWidth - e.clientWidth"
            )
            assert overflow <= 0
    finally:
        driver.quit()
