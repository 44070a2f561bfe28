"""The page of a measurement with altered sound, for few and for many clips and strengths."""

from typing import Any

from src.reporting import robustness_page
from tests.reporting.robustness import content
from tests.reporting.test_pages import Page


def shown(measured: dict[str, Any]) -> str:
    return Page(robustness_page.html(measured)).text


def of(*wanted: tuple[str, float], clips: int = 80) -> dict[str, Any]:
    """A measurement of some alterations only."""
    measured = content(clips=clips)
    rows = [row for row in measured["alterations"] if (row["name"], row["strength"]) in wanted]
    assert len(rows) == len(wanted)
    return measured | {"alterations": rows, "reduced": []}


def test_one_strength_has_a_table_and_no_chart() -> None:
    text = shown(of(("level", -6.0)))
    assert "Accuracy by strength" not in text
    assert "Altered sound" in text
    assert "Accuracy by strength" in shown(of(("level", -6.0), ("level", 6.0)))


def test_few_clips_of_a_genre_are_counted() -> None:
    text = shown(of(("level", -6.0)))
    assert "Correct clips before → after: fewer than 10 test clips of a genre" in text
    assert "of 8 clips" in text
    assert "recall %" not in text
    many = shown(of(("level", -6.0), clips=200))
    assert "Change of recall in percentage points." in many
    assert "→" not in many


def test_notes_are_shown_only_where_they_apply() -> None:
    level = of(("level", -6.0), clips=200)
    level["findings"] = {"tests": 11, "changes": []}
    assert "Bold" not in shown(level)
    assert "Sturm 2014" not in shown(level)
    assert shown(of(("tempo", -20.0))).count("Sturm 2014") == 1


def test_the_bold_changes_are_those_that_the_card_counts() -> None:
    measured = content(clips=200)
    changes = measured["findings"]["changes"]
    html = robustness_page.html(measured)
    assert len(changes) > 3
    assert html.split("Altered sound</h2>")[1].count("<b>") == len(changes)
    assert f"{len(changes)} of {measured['findings']['tests']} tests" in Page(html).text


def test_synthetic_music_is_a_warning() -> None:
    warning = "The music is synthetic: scores on it say nothing about recordings."
    assert warning in shown(content())
    assert warning not in shown(content() | {"synthetic": False})
