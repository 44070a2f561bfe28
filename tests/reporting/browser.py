"""Pages in Debian's Chromium: open one, and check that it fits the screen and can be read by all.

They need the packages of the extra `browser`: `make extra-browser`. A test module that uses them calls `require()` first.
"""

import shutil
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium")
# No network, and no profile: a browser of its own for the tests.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required"),
)
SCREENS = [(width, scheme) for width in (1280, 390) for scheme in ("light", "dark")]
# Two screens show every width and scheme once; the tests of the others are slow.
SCREEN_TESTS = [
    screen if screen in ((1280, "light"), (390, "dark")) else pytest.param(*screen, marks=pytest.mark.slow)
    for screen in SCREENS
]
OUTSIDE = "[...document.querySelectorAll('audio, button, select')].filter(e => e.getBoundingClientRect().right > innerWidth).length"


def _axe() -> Any:
    """The checker of axe's rules; skips if it is missing."""
    return pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is missing: make extra-browser")


def require() -> None:
    """Skip the module that calls this if Chromium or a package is missing."""
    pytest.importorskip("playwright.sync_api", reason="playwright is missing: make extra-browser")
    _axe()
    if CHROMIUM is None:
        pytest.skip("Chromium is missing: apt-get install chromium", allow_module_level=True)


def open_page(
    browser: Any, path: Path, width: int = 1280, scheme: str = "light", **settings: Any
) -> tuple[Any, list[str]]:
    """Open a page -> it, and the list of what it writes to the console and of the addresses that it asks for."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **settings)
    page = context.new_page()
    page.set_default_timeout(20_000)
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else trouble.append(request.url)
    )
    page.goto(path.resolve().as_uri())
    return page, trouble


def check_fits_and_can_be_read(browser: Any, path: Path, width: int, scheme: str, highest: int | None = None) -> None:
    """Check a page on one screen: no sideways scrolling, nothing outside, no message, and axe's serious rules.

    `highest` is the largest allowed height of the whole page, in pixels.
    """
    page, trouble = open_page(browser, path, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert not page.evaluate(OUTSIDE)
    if highest is not None:
        assert page.evaluate("document.documentElement.scrollHeight") <= highest
    found = _axe().Axe().run(page).response["violations"]
    serious = [
        f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found if rule["impact"] in ("serious", "critical")
    ]
    assert not serious
    assert not trouble
    page.context.close()
