"""The description of a measurement with altered sound: sentences, headings and what to do next."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from src.reporting import robustness_text
from tests.reporting.robustness import content

CHANGE = {
    "name": "low_pass",
    "strength": 8000.0,
    "unit": "Hz",
    "genre": "jazz",
    "before": 0.8378,
    "after": 0.5946,
    "difference": -0.2432,
    "difference_interval": [-0.372, -0.089],
}


def found(*changes: dict[str, Any]) -> dict[str, Any]:
    return content() | {"findings": {"tests": 20, "changes": list(changes)}}


def test_a_change_is_the_difference_of_the_numbers_beside_it() -> None:
    assert robustness_text.describe([CHANGE | {"genre": None}]) == (
        "low_pass, 8,000 Hz: accuracy 83.8 % to 59.5 % (change -24.3 points, 95 % interval -37.2 to -8.9)."
    )


def test_accuracy_comes_first_and_each_alteration_has_one_line() -> None:
    noise = CHANGE | {"name": "noise", "strength": 20.0, "unit": "dB", "difference": -0.1}
    lines = robustness_text.finding_lines(
        found(CHANGE, CHANGE | {"genre": "rock", "difference": -0.2}, noise, noise | {"genre": None}), most=5
    )
    assert lines[0].startswith("noise, 20 dB: accuracy 83.8 % to 59.5 % (change -10.0 points, ")
    assert lines[0].endswith("); recall of jazz -10.0 points.")
    assert lines[1] == "low_pass, 8,000 Hz: recall of jazz -24.3, rock -20.0 points."


@pytest.mark.parametrize(("clips", "said"), [(80, "one genre has"), (81, ", the commonest genre here, has")])
def test_no_genre_is_the_commonest_if_all_have_as_many_clips(clips: int, said: str) -> None:
    assert said in robustness_text.reduced_basis(content(clips=clips))


def test_changes_are_followed_by_what_to_do() -> None:
    lines = robustness_text.finding_lines(
        found(*[CHANGE | {"strength": hz} for hz in (1000.0, 2000.0, 4000.0)]), most=2
    )
    assert lines[2].startswith(
        "1 more alteration with significant changes in robustness.json. Significant: p below 0.05"
    )
    assert lines[3] == robustness_text.NEXT


def test_no_change_is_not_called_robust() -> None:
    rows = [row for row in content()["alterations"] if row["keeps_genre"]][:3]
    rows = [row | {"difference_interval": [-0.1, 0.1]} for row in rows]
    (line,) = robustness_text.finding_lines(found() | {"alterations": rows}, most=2)
    assert line.startswith("No accuracy or recall changes significantly")
    assert "With 80 clips, small changes are not found." in line
    rows[0]["difference_interval"] = [-0.3, -0.1]
    (line,) = robustness_text.finding_lines(found() | {"alterations": rows}, most=2)
    assert "But 1 of 3 changes of accuracy has an interval of its own without 0: measure more clips" in line


def test_the_sizes_name_test_clips_and_say_if_some_were_not_measured() -> None:
    assert robustness_text.size(content()) == "80 test clips of 40 artists"
    part = content() | {"command": "python -m src.robustness outputs/RUN --clips=80 --output=o"}
    (note,) = [each for each in robustness_text.notes(part) if each.startswith("80 of 83 test clips were measured")]
    assert note.endswith("shows smaller changes: `python -m src.robustness outputs/RUN --output=o`")


def test_the_first_card_names_the_worst_alteration_and_its_change() -> None:
    rows = [row for row in content()["alterations"] if row["keeps_genre"]][:3]
    rows = [row | {"difference": change} for row, change in zip(rows, (0.1, -0.2, -0.05), strict=True)]
    rows[1] |= {"difference_interval": [-0.438, 0.074], "agreement": 0.45}
    label, value, note, doubtful = robustness_text.cards(found() | {"alterations": rows})[0]
    assert label == f"worst alteration: {rows[1]['name']}, {robustness_text.strength(rows[1])}"
    assert value == "-20"
    assert note == "points of accuracy; 95 % interval -44 to +7, not significant; 55 % of predictions change"
    assert not doubtful
    change = CHANGE | {"name": rows[1]["name"], "strength": rows[1]["strength"], "genre": None}
    assert ", significant;" in robustness_text.cards(found(change) | {"alterations": rows})[0].note


@pytest.mark.parametrize("retrained", [True, False])
def test_tables_fit_on_80_characters(retrained: bool) -> None:
    output = StringIO()
    console = Console(file=output, width=80)
    for table in robustness_text.tables(content(retrained=retrained)):
        console.print(table)
    text = output.getvalue()
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert ("an svm fitted" in text) == retrained
    assert "level and bandwidth" in text
