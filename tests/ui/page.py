"""The page as a person uses it."""

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import computed


class Page:
    """One browser at the chat."""

    def __init__(self, driver, url):
        self.driver, self.url = driver, url
        self.open()

    def open(self, where=""):
        self.driver.get(f"{self.url}/{where}")
        self.until(lambda: self.all("[data-ready]"))

    def reload(self):
        self.driver.refresh()
        self.until(lambda: self.all("[data-ready]"))

    def until(self, condition, seconds=30):
        redrawn = [StaleElementReferenceException]
        waiting = WebDriverWait(self.driver, seconds, 0.05, ignored_exceptions=redrawn)
        return waiting.until(lambda _: condition())

    def all(self, selector, within=None):
        return (within or self.driver).find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector, within=None):
        return (within or self.driver).find_element(By.CSS_SELECTOR, selector)

    def click(self, selector, within=None):
        self.press(self.until(lambda: self.all(selector, within))[0])

    def press(self, element):
        """Clicks, wherever the element is scrolled to."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def type(self, question):
        self.one("#question").send_keys(question, Keys.ENTER)

    def ask(self, question):
        """The answer, when it is there."""
        n = len(self.all(".exchange"))
        self.type(question)
        return self.answer(n)

    def answer(self, n=-1):
        """The n-th answer, when it is whole and nothing is drawn any longer."""
        done = "[data-status=done], [data-status=error], [data-status=stopped]"

        def whole():
            answers = self.all(".answer")
            still = self.one("#send").is_displayed() and len(answers) > n
            return answers[n] if still and answers[n] in self.all(done) else None

        return self.until(whole)

    def answer_now(self):
        """What the last answer says so far."""
        return self.all(".answer")[-1].text

    def open_source(self, within):
        """The highlighted quote of the first chip of an answer, in the panel."""
        self.press(self.one("button.chip", within))
        return self.until(lambda: self.all("#panel mark.chosen"))[0]

    def close_panel(self):
        self.driver.switch_to.active_element.send_keys(Keys.ESCAPE)
        self.until(lambda: not self.one("#panel").is_displayed())

    def text(self, element):
        return self.driver.execute_script("return arguments[0].textContent", element)

    def direction(self, element):
        return computed(self.driver, element, "direction")

    def script(self, code, *arguments):
        return self.driver.execute_script(code, *arguments)

    def module(self, name, code):
        """What a function of one of the page's modules gives."""
        script = f"""
            const done = arguments[arguments.length - 1];
            import("/static/{name}.js").then(module => done(({code})(module)), error => done(String(error)));
        """  # noqa: E501
        return self.driver.execute_async_script(script)
