"""Pages of relations in a real browser, on both widths."""

from pathlib import Path
from typing import Any

import pytest

from src.reporting import relations_page, render
from tests.reporting.browser import SCREEN_TESTS, check_fits_and_can_be_read, require
from tests.reporting.test_relations_page import COMMAND, RUNS, related

require()


@pytest.fixture(scope="module", params=RUNS)
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("relations")
    found = related(RUNS[request.param](folder / "run"), resamples=20)
    return render.save(folder / relations_page.PAGE, relations_page.html(found, COMMAND))


@pytest.mark.parametrize(("width", "scheme"), SCREEN_TESTS)
def test_a_page_fits_and_can_be_read_by_all(browser: Any, page: Path, width: int, scheme: str) -> None:
    check_fits_and_can_be_read(browser, page, width, scheme)
