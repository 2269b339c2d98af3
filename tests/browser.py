"""Debian's Chromium, as the tests drive it."""

import json
import os
import shutil
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

SCREENSHOTS = os.environ.get("BURHAN_SCREENSHOTS")


def open_browser(language, folder, size="1100,900"):
    """A browser that prefers that language; its absence fails in CI and skips elsewhere."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        missing = "chromium and chromedriver are not installed; install Debian's packages of them"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in (
        *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        *(f"--window-size={size}", f"--user-data-dir={folder}", f"--lang={language}"),
    ):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    return webdriver.Chrome(options, Service(shutil.which("chromedriver")))


def requests_of(driver):
    """Addresses of everything that was asked for so far."""
    messages = (json.loads(e["message"])["message"] for e in driver.get_log("performance"))
    return [
        message["params"]["request"]["url"]
        for message in messages
        if message["method"] == "Network.requestWillBeSent"
    ]


def computed(driver, element, name):
    """A property of an element as it is shown."""
    script = "return getComputedStyle(arguments[0])[arguments[1]]"
    return driver.execute_script(script, element, name)


def screenshot(driver, name):
    """A picture for people, where they asked for one."""
    if SCREENSHOTS:
        driver.save_screenshot(str(Path(SCREENSHOTS) / f"{name}.png"))
