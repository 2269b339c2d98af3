"""The chat in a real browser, against a real server."""

import os
import re
import subprocess
import sys

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import computed, open_browser, requests_of, screenshot
from tests.conftest import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.encoder]


@pytest.fixture(scope="module")
def url(sample_index):
    """Address of a running `burhan chat`."""
    server = subprocess.Popen(
        [sys.executable, "-m", "rag.cli", "chat", "--port", "0", "--index", str(sample_index)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    address = re.search(r"http://\S+", server.stdout.readline())[0]
    yield address
    server.terminate()
    server.wait(timeout=20)


@pytest.fixture(params=["en", "ar"])
def browser(request, url, tmp_path):
    """The page, opened by a browser that prefers Arabic or English."""
    driver = open_browser(request.param, tmp_path)
    driver.language = request.param
    driver.get(url)
    wait(driver, lambda: driver.find_element(By.CSS_SELECTOR, "#question textarea").is_displayed())
    yield driver
    driver.quit()


def wait(driver, condition, seconds=30):
    return WebDriverWait(driver, seconds).until(lambda _: condition())


def ask(driver, question):
    before = len(driver.find_elements(By.CSS_SELECTOR, ".answer"))
    box = driver.find_element(By.CSS_SELECTOR, "#question textarea")
    box.send_keys(question, Keys.ENTER)
    found = wait(
        driver,
        lambda: driver.find_elements(By.CSS_SELECTOR, ".answer")[before:],
    )
    return found[0]


def test_a_question_in_each_language(browser, url):
    arabic = browser.language == "ar"
    expected = ["ar", "rtl"] if arabic else ["en", "ltr"]
    page = "const {lang, dir} = document.documentElement; return [lang, dir]"
    wait(browser, lambda: browser.execute_script(page) == expected)
    heading = browser.find_element(By.CSS_SELECTOR, ".burhan-header h1").text
    assert heading == ("برهان" if arabic else "Burhan")

    english = ask(browser, "How high is the Shumar dam?")
    assert "68" in english.text
    assert computed(browser, english, "direction") == "ltr"
    assert "Sources" in english.text

    answer = ask(browser, "كم طنًا من الملح ستبيع تعاونية أم ريش كل سنة؟")
    assert "36,000" in answer.text
    assert computed(browser, answer, "direction") == "rtl"
    quote = answer.find_element(By.CSS_SELECTOR, "blockquote[lang=en]")
    assert computed(browser, quote, "direction") == "ltr"
    assert "المصادر" in answer.text
    screenshot(browser, f"chat-{browser.language}")

    refusal = ask(browser, "What is the best recipe for chocolate cake?")
    assert "do not hold an answer" in refusal.text

    browser.find_element(By.ID, "language-switch").click()
    other = "Burhan" if arabic else "برهان"
    wait(browser, lambda: browser.find_element(By.CSS_SELECTOR, ".burhan-header h1").text == other)
    browser.find_element(By.ID, "clear").click()
    wait(browser, lambda: not browser.find_elements(By.CSS_SELECTOR, ".answer"))
    screenshot(browser, f"switched-{browser.language}")
    assert_stayed_on_this_machine(browser, url)


def test_the_box_follows_what_is_typed(browser):
    box = browser.find_element(By.CSS_SELECTOR, "#question textarea")
    empty = "rtl" if browser.language == "ar" else "ltr"
    wait(browser, lambda: computed(browser, box, "direction") == empty)
    box.send_keys("من")
    wait(browser, lambda: computed(browser, box, "direction") == "rtl")
    box.clear()
    box.send_keys("who")
    wait(browser, lambda: computed(browser, box, "direction") == "ltr")


def assert_stayed_on_this_machine(driver, url):
    requests = requests_of(driver)
    assert len(requests) > 5
    away = [r for r in requests if not r.startswith((url, "data:", "blob:", "chrome"))]
    assert away == []
