"""The description of what a run recognizes its genres by: sentences, tables and a page, for known effects."""

import dataclasses
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from src.explanation.clip_interval import ClipInterval
from src.reporting import genre_page
from src.reporting.genre_sentences import figure, sentences
from src.rundir import RunDir
from tests.reporting import genre_explanations
from tests.reporting.genre_explanations import genre
from tests.rundirs import config, write_run


def test_sentences_name_what_is_certain_with_its_numbers() -> None:
    text = sentences(genre("jazz", timbre=1.2, harmony=0.4, rhythm=0.08, level=-0.3), tags_are_read=False)
    assert text == [
        "jazz: 12 test clips of 3 artists, 9 recognized (75 %).",
        "Timbre (+1.20 nats, 1.10 to 1.30) and harmony (+0.40 nats, 0.30 to 0.50) speak for it.",  # rhythm may be 0
        "Level (-0.30 nats, -0.40 to -0.20) speaks against it.",
        "Of the parts of the feature, it loses most without mfcc (+0.30 nats, 0.20 to 0.40).",
        "The bands that speak for it most: 500 to 1000 Hz (+0.50 nats, 0.40 to 0.60), 250 to 500 Hz (+0.25 nats, "
        "0.15 to 0.35) and 125 to 250 Hz (+0.12 nats, 0.02 to 0.23).",
        "Tags that go with it: jazz [msd] (+0.90, 0.80 to 1.00).",
    ]


def test_sentences_about_few_clips_have_no_intervals_and_count_clips() -> None:
    text = sentences(genre("jazz", clips=4, timbre=1.2), tags_are_read=True)
    assert text[0] == "jazz: 4 test clips of 3 artists, 3 recognized."
    assert text[1] == "Timbre (+1.20 nats) speaks for it."
    assert "Tags that decide for it: jazz [msd] (+0.90 nats)." in text
    never = dataclasses.replace(genre("jazz", clips=4, timbre=1.2), recall=0.0)
    assert sentences(never, True)[0].endswith("none recognized: other genres score higher.")


def test_a_genre_that_nothing_speaks_for_is_called_so() -> None:
    assert "No group of rows speaks for it with certainty." in sentences(genre("pop", timbre=0.05, level=-0.05), True)
    assert "No group of rows speaks for it." in sentences(genre("pop", clips=2, timbre=0.0, level=-0.2), True)


def test_bands_against_a_genre_are_named() -> None:
    jazz = genre("jazz", clips=4)
    bands = [dataclasses.replace(each, nats=ClipInterval(-1.72, None, 4, None)) for each in jazz.bands[:1]]
    text = sentences(dataclasses.replace(jazz, bands=bands), True)
    assert f"Against it: {bands[0].name} (-1.72 nats)." in text
    assert not any(line.startswith("The bands") for line in text)


def test_effects_that_round_to_0_have_no_sign() -> None:
    assert figure(ClipInterval(-0.001, (-0.1, 0.1), 12, None)) == "0.00, -0.10 to 0.10"
    assert figure(ClipInterval(1.2, None, 4, None)) == "+1.20"


def test_the_page_has_all_numbers_and_escapes_names(tmp_path: Path) -> None:
    text = genre_explanations.page(tmp_path / "run").read_text(encoding="utf-8")
    for expected in (
        "+1.20",
        "1.10 to 1.30",
        "&lt;script&gt;rock",
        "a.wav: no sound",
        "There are no bees.",
        "jazz [msd]",
    ):
        assert expected in text
    assert "<script>rock" not in text
    assert "24 of 30 test clips" in text
    assert "The intervals are over clips" in text
    assert "95\u00a0% interval" in text
    assert text.count("What has an interval with 0 in it is not named.") == 1
    assert (
        text.index("Terms on this page, and what is left out")
        < text.index("There are no bees.")
        < text.index("In words</h2>")
    )


def test_a_page_without_intervals_says_once_why_and_how_to_get_them(tmp_path: Path) -> None:
    text = genre_explanations.page(tmp_path / "few", 4).read_text("utf-8")
    assert text.count("No genre has an interval: each has fewer than 10 test clips here.") == 1
    assert "python -m src.explain outputs/run --global --clips 30</code>" in text
    assert "The intervals are over clips" not in text
    words = text[text.index("In words</h2>") : text.index("Accuracy without a group")]
    assert "interval" not in words


def test_the_terms_are_those_of_the_page(tmp_path: Path) -> None:
    def terms(**empty: list[Any]) -> str:
        found = genre_explanations.found()
        genres = [dataclasses.replace(each, **empty) for each in found.genres]
        found = dataclasses.replace(found, genres=genres, permutation=[])
        run = RunDir(write_run(tmp_path / "-".join(empty), config()))
        content = genre_page.content(
            run, found, "python -m src.explain RUN --global --clips 24 --output=here data.cache=C"
        )
        return genre_page.html(content, found)

    bands = terms(groups=[], parts=[])
    assert "Score: the logit of the genre minus the mean of the others." in bands
    assert "<li>Margin:" not in bands
    assert "<code>python -m src.explain RUN data.cache=C --test</code>" in bands
    groups = terms(bands=[])
    assert "Margin: the logit of the genre minus that of the strongest other genre." in groups
    assert "<li>Score:" not in groups


@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_on_a_terminal(width: int) -> None:
    output = StringIO()
    console = Console(file=output, width=width)
    for table in genre_page.tables(genre_explanations.found()):
        console.print(table)
    text = output.getvalue()
    assert "1.10 to 1.30" in text
    assert "…" not in text
    assert "95 % intervals" in str(genre_page.tables(genre_explanations.found())[1].title)
    assert "95 % intervals" not in str(genre_page.tables(genre_explanations.found(clips=4))[1].title)
