"""A browser for the tests of pages."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.reporting import browser as chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=chromium.CHROMIUM, args=list(chromium.FLAGS))
        yield opened
        opened.close()
