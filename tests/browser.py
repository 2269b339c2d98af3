"""Debian's Chromium, as the tests drive it."""

import json
import os
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service


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
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no network
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


def axe(driver):
    """What axe-core finds that is serious or critical: (rule, elements) of each."""
    package = find_spec("axe_playwright_python")  # carries it; its playwright is not needed
    driver.execute_script(Path(package.origin).with_name("axe.min.js").read_text("utf-8"))
    found = driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    return [
        (one["id"], [node["html"][:150] for node in one["nodes"]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def as_phone(driver, width=360, height=740):
    """Shows the page as a phone of that size would."""
    metrics = {"width": width, "height": height, "deviceScaleFactor": 2, "mobile": True}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})


def computed(driver, element, name):
    """A property of an element as it is shown."""
    script = "return getComputedStyle(arguments[0])[arguments[1]]"
    return driver.execute_script(script, element, name)
