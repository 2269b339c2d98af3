"""Browsers and servers for the chat's tests."""

import shutil

import pytest

import rag
from rag.settings import Settings
from tests.browser import open_browser
from tests.ui.page import Page
from tests.ui.serving import running
from ui.server import build_app


@pytest.fixture(scope="module")
def sample_assistant(sample_index, tmp_path_factory):
    """The sample articles in an index that the tests of one module may add to."""
    folder = tmp_path_factory.mktemp("chat") / "index"
    shutil.copytree(sample_index, folder)
    return rag.open(settings=Settings(index=folder))


@pytest.fixture(scope="module")
def url(sample_assistant):
    """Address of a chat on the sample articles."""
    with running(build_app(sample_assistant, allow_uploads=True)) as address:
        yield address


@pytest.fixture(scope="module")
def browsers(tmp_path_factory):
    """Opens a browser that prefers a language; all are closed at the end."""
    opened = []

    def start(language, address, size="1360,900"):
        driver = open_browser(language, tmp_path_factory.mktemp("profile"), size)
        opened.append(driver)
        return Page(driver, address)

    yield start
    for driver in opened:
        driver.quit()
