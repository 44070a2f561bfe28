"""Pages in a real browser: both widths, light and dark, the keyboard, and axe's rules for accessibility.

Another page is added to PAGES.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src import rundir
from src.reporting import render, robustness_page, run_page
from tests.reporting import explanations, genre_explanations
from tests.reporting.browser import SCREEN_TESTS, check_fits_and_can_be_read, open_page, require
from tests.reporting.robustness import content
from tests.reporting.test_doubt_text import doubt
from tests.rundirs import GENRES, config, write_embedding, write_opinions, write_run, write_sounds

require()


def run_with_all(folder: Path) -> Path:
    """A run with an embedding and sounds."""
    run = write_run(folder, config())
    write_embedding(run, umap=True)
    write_sounds(run)
    return run_page.write(run)


def older_run(folder: Path) -> Path:
    """A run from before embeddings and sounds, with unknown artists and warnings."""
    return run_page.write(write_run(folder, config(), artists_known=False, warnings=["A warning."], temperature=None))


def one_clip_a_genre(folder: Path) -> Path:
    run = write_run(folder, config(), clips=len(GENRES))
    write_embedding(run)
    return run_page.write(run)


def many_genres(folder: Path) -> Path:
    run = write_run(folder, config(), genres=[f"genre with a long name {k:03}" for k in range(200)], clips=400)
    write_embedding(run)
    return run_page.write(run)


def fitted(folder: Path) -> Path:
    """A run without epochs: no curves."""
    run = write_run(folder, config(model="Svm"))
    (run / rundir.HISTORY).unlink()
    return run_page.write(run)


def robustness(folder: Path) -> Path:
    return render.save(folder / "robustness.html", robustness_page.html(content()))


def robustness_of_many_genres(folder: Path) -> Path:
    genres = [f"genre with a long name {k:03}" for k in range(60)]
    return render.save(folder / "robustness.html", robustness_page.html(content(genres, 120, retrained=False)))


def explanation(folder: Path) -> Path:
    """A page of six explained sounds, one of which could not be read."""
    folder.mkdir(parents=True)
    return explanations.page(folder, explanations.explanations(6), {"a.wav": "no sound"})


def genres(folder: Path) -> Path:
    """The page of `explain --global`."""
    return genre_explanations.page(folder)


def explanation_by_rows(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return explanations.page(folder, explanations.explanations(1, audible=False))


def explanation_in_words(folder: Path) -> Path:
    """An explained sound with groups of rows, tags and nearest training clips, one of which cannot be heard."""
    folder.mkdir(parents=True)
    found = explanations.explanations(1, audible=False)
    genre_explanations.add_words(found[0])
    return explanations.page(folder, found)


def annotated(folder: Path) -> Path:
    """A run whose test clips several people have labelled."""
    run = write_run(folder, config())
    write_opinions(run)
    return run_page.write(run)


def calibrated(folder: Path) -> Path:
    """A run with calibration artists: sets of genres, and bounds of the errors."""
    run = write_run(folder, config())
    metrics = json.loads((run / rundir.METRICS).read_text(encoding="utf-8"))
    curve = {"aurc": 0.1, "aurc_of_a_perfect_order": 0.05, "risk_coverage": []}
    (run / rundir.METRICS).write_text(json.dumps(metrics | {"doubt": doubt() | curve}), encoding="utf-8")
    return run_page.write(run)


PAGES: dict[str, Callable[[Path], Path]] = {
    "run": run_with_all,
    "older run": older_run,
    "one clip a genre": one_clip_a_genre,
    "many genres": many_genres,
    "fitted": fitted,
    "robustness": robustness,
    "robustness of many genres": robustness_of_many_genres,
    "explanation": explanation,
    "explanation by rows": explanation_by_rows,
    "explanation in words": explanation_in_words,
    "genres": genres,
    "annotated": annotated,
    "calibrated": calibrated,
}


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    written: dict[str, Path] = {}

    def page(name: str) -> Path:
        if name not in written:
            written[name] = PAGES[name](tmp_path_factory.mktemp("page") / "run")
        return written[name]

    return page


@pytest.mark.parametrize(("width", "scheme"), SCREEN_TESTS)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_and_can_be_read_by_all(
    browser: Any, page_of: Callable[[str], Path], name: str, width: int, scheme: str
) -> None:
    check_fits_and_can_be_read(browser, page_of(name), width, scheme)


def test_a_page_works_without_its_script(browser: Any, page_of: Callable[[str], Path]) -> None:
    page, trouble = open_page(browser, page_of("run"), java_script_enabled=False)
    assert page.locator("button:visible").count() == 0
    assert page.locator("select:visible").count() == 0
    assert page.locator(".clip audio").count() > 0
    assert not trouble
    page.context.close()


def test_a_point_of_the_map_plays_its_sound(browser: Any, page_of: Callable[[str], Path]) -> None:
    page, trouble = open_page(browser, page_of("run"))
    page.locator(".map use[data-sound]").first.click(force=True)
    picked = page.locator(".picked")
    name = page.locator(".map use[data-sound]").first.get_attribute("aria-label")
    assert picked.inner_text() == name
    for _ in range(100):  # not by wait_for_function, which the page's policy on scripts stops if it has to wait
        if page.evaluate("document.querySelector('.map audio').duration > 0.5"):
            break
        page.wait_for_timeout(50)
    else:
        pytest.fail("The sound was not found or not read.")
    page.locator(".map use:not([data-sound])").first.focus()
    page.keyboard.press("Enter")
    assert picked.inner_text().endswith("It has no sound here.")
    assert page.locator(".map audio").is_hidden()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.tagName.toLowerCase()") == "use"
    assert not trouble
    page.context.close()


def test_one_genre_of_the_map_can_be_shown(browser: Any, page_of: Callable[[str], Path]) -> None:
    page, _ = open_page(browser, page_of("run"))
    page.select_option(".map select", label="jazz")
    clear = page.locator(".map svg").nth(len(GENRES)).locator("use.of")  # after the marks of the legend
    page.locator(".map.chosen").wait_for()
    titles = page.locator(".map use.of title").all_text_contents()
    assert titles
    assert all(": jazz, " in title for title in titles)
    assert clear is not None
    page.context.close()


def test_the_command_can_be_copied(browser: Any, page_of: Callable[[str], Path]) -> None:
    page, _ = open_page(browser, page_of("run"), permissions=["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name="Copy the command")
    button.click()
    page.get_by_text("Copied", exact=True).wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "python -m src.train model=hybrid feature=mel"
    page.context.close()


def test_the_first_column_of_a_table_stays(browser: Any, page_of: Callable[[str], Path]) -> None:
    page, _ = open_page(browser, page_of("run"), width=390)
    box = page.locator(".scroll").first
    cell = box.locator("tbody th").first
    before = cell.bounding_box()["x"]
    box.evaluate("box => { box.scrollLeft = 200; }")
    assert box.evaluate("box => box.scrollLeft") > 0
    assert cell.bounding_box()["x"] == pytest.approx(before, abs=1)
    page.context.close()


def test_the_contents_stay_in_sight(browser: Any, page_of: Callable[[str], Path]) -> None:
    for width in (1280, 390):
        page, _ = open_page(browser, page_of("run"), width=width)
        page.evaluate("window.scrollTo(0, 3000)")
        top = page.locator("nav.toc").bounding_box()["y"]
        assert 0 <= top < 100
        page.context.close()
