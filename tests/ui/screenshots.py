"""Pictures of the chat's main screens, for the README and for whoever changes its looks.

python -m tests.ui.screenshots INDEX FOLDER
"""

import argparse
import io
import tempfile
import time
from pathlib import Path

from PIL import Image

import rag
from tests.browser import as_phone, open_browser
from tests.ui.page import Page
from tests.ui.serving import running
from ui.server import build_app

ASKED = {
    "en": ("How high is the Shumar Dam?", "What caused the fire in the coppersmiths' market?"),
    "ar": ("كم يبلغ ارتفاع سدّ شُمر؟", "كم طنًا من الملح ستبيع تعاونية أم ريش كل سنة؟"),
}
COLOURS = 160


def take(index, folder):
    """Both languages, light and dark, on a desk and on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    assistant = rag.open(index)
    for questions in ASKED.values():
        assistant.ask(questions[0])
    with running(build_app(assistant, allow_uploads=True)) as url:
        for language in ASKED:
            for theme in ("light", "dark"):
                with tempfile.TemporaryDirectory() as profile:
                    driver = open_browser(language, profile, "1280,900")
                    try:
                        screens(Page(driver, url), folder, language, theme)
                    finally:
                        driver.quit()


def screens(page, folder, language, theme):
    def shot(name):
        time.sleep(0.5)  # what moves comes to rest
        picture = Image.open(io.BytesIO(page.driver.get_screenshot_as_png())).convert("RGB")
        path = folder / f"{name}-{language}-{theme}.png"
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)

    page.script("localStorage.setItem('burhan.theme', arguments[0])", theme)
    page.reload()
    page.until(lambda: page.all(".example"))
    shot("welcome")
    page.ask(ASKED[language][0])
    page.open_source(page.ask(ASKED[language][1]))
    page.script("document.querySelector('#log').scrollTop = 1e6")
    shot("answer")
    page.close_panel()
    page.click("#filter")
    page.until(lambda: page.all("dialog[open] .outlets"))
    shot("filters")
    page.click("dialog .icon-button")
    page.click("nav [data-page=articles]")
    page.until(lambda: page.all("#article-list li"))
    shot("articles")
    page.click("nav [data-page=add]")
    page.until(lambda: page.all(".drop"))
    shot("add")
    page.click("nav [data-page=chat]")
    as_phone(page.driver, 390, 780)
    shot("phone")
    page.open_source(page.answer())
    shot("phone-source")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("index", type=Path)
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    take(given.index, given.folder)
