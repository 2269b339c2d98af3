"""A slow model, as its readers see it."""

import pytest

from tests.ui.serving import Scripted, Visitor, running
from ui.server import build_app

pytestmark = pytest.mark.browser


def test_a_slow_answer_streams_stops_and_waits_its_turn(browsers, fake_sample):
    scripted = Scripted(fake_sample)
    with running(build_app(scripted, at_once=1)) as address:
        page = browsers("en", address)
        page.type("slow one")
        page.until(lambda: page.all(".waiting"))
        assert page.one("#stop").is_displayed()
        scripted.let.release()
        page.until(lambda: "One." in page.one(".answer").text)
        assert page.one(".answer").get_attribute("aria-busy") == "true"
        page.click("#stop")
        page.until(lambda: "Stopped before the end" in page.one(".answer").text)
        assert "One." in page.one(".answer").text
        page.type("at once")
        scripted.let.release()
        assert scripted.closed.wait(10)
        assert "at once: Three." in page.answer(1).text

        other = Visitor(address)
        other.join("ask", {"question": "slow other"})
        page.type("quick")
        page.until(lambda: "number 1 in the queue" in page.answer_now())
        assert "number 1 in the queue" in page.text(page.one("#live"))
        for _ in range(3):
            scripted.let.release()
        answer = page.answer(2)
        assert "quick: Three." in answer.text
        assert "The answer is ready" in page.text(page.one("#live"))

        page.type("slow and left")
        page.until(lambda: page.all(".waiting"))
        page.reload()
        page.until(lambda: "interrupted" in page.answer_now())
        for _ in range(3):
            scripted.let.release()
        page.click(".retry")
        for _ in range(3):
            scripted.let.release()
        page.until(lambda: "slow and left: Three." in page.answer_now())


def test_a_server_that_is_gone_is_said_to_be(browsers, fake_sample):
    with running(build_app(Scripted(fake_sample))) as address:
        page = browsers("ar", address)
    page.type("quick")
    page.until(lambda: "تعذّر الوصول إلى الخادم" in page.answer_now())
