"""One headless Chromium for all tests of web pages."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

PATIENCE = 120  # seconds; the machine may be busy
FLAGS = (
    'headless',
    'no-sandbox',
    'disable-gpu',
    'disable-quic',
    'no-first-run',
    'disable-background-networking',
    'disable-component-update',
    'disable-sync',
    'use-gl=angle',
    'use-angle=swiftshader',
    'enable-unsafe-swiftshader',
    'window-size=940,560',
)
HARMLESS = 'GL Driver Message'  # reading pixels back is slow, says the driver


class Browser:
    """A driver with what every test asks of a page."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, url: str) -> None:
        """Open a page with empty logs."""
        self.driver.get('about:blank')
        self.errors()
        self.requests()
        self.driver.get(url)

    def run(self, script: str, *arguments: object) -> Any:
        """What a script gives."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, what: Callable[[], Any]) -> Any:
        """The first true value that `what` gives."""
        waiting = WebDriverWait(self.driver, PATIENCE, ignored_exceptions=[WebDriverException])
        return waiting.until(lambda _: what())

    def errors(self) -> list[str]:
        """Errors of the console since the last call."""
        entries = self.driver.get_log('browser')
        return [
            entry['message']
            for entry in entries
            if entry['level'] == 'SEVERE' and HARMLESS not in entry['message']
        ]

    def requests(self) -> list[str]:
        """Addresses that were asked for since the last call; those of Chromium itself left out."""
        events = [
            json.loads(entry['message'])['message'] for entry in self.driver.get_log('performance')
        ]
        urls = [
            event['params']['request']['url']
            for event in events
            if event['method'] == 'Network.requestWillBeSent'
        ]
        own = ('data:', 'blob:', 'about:', 'chrome:', 'chrome-untrusted:')
        return [url for url in urls if not url.startswith(own)]


@pytest.fixture(scope='session')
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser; `WHMR_BROWSER=required` makes it an error that there is none."""
    programs = [shutil.which('chromium'), shutil.which('chromedriver')]
    if None in programs:
        text = 'needs chromium and chromedriver (apt-get install chromium chromium-driver)'
        if os.environ.get('WHMR_BROWSER') == 'required':
            pytest.fail(text)
        pytest.skip(text)
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    for flag in (*FLAGS, f'user-data-dir={tmp_path_factory.mktemp("chromium")}'):
        options.add_argument(f'--{flag}')
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL', 'performance': 'ALL'})
    driver = webdriver.Chrome(options=options, service=Service(programs[1]))
    driver.set_page_load_timeout(PATIENCE)
    driver.set_script_timeout(PATIENCE)
    yield Browser(driver)
    driver.quit()
