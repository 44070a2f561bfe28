"""Sentences about annotators and a model: what they say, and when they say that nothing is shown."""

import copy
from pathlib import Path
from typing import Any

import pytest

from src.reporting import opinions_text
from src.rundir import RunDir
from tests.rundirs import config, write_opinions, write_run


@pytest.fixture(scope="module")
def opinions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    run: Path = write_run(tmp_path_factory.mktemp("run") / "run", config(), clips=60)
    write_opinions(run)
    return dict(RunDir(run).metrics["test"]["opinions"])


def test_every_number_has_its_clips_and_interval(opinions: dict[str, Any]) -> None:
    agreement = opinions["agreement"]
    lines = opinions_text.lines(opinions)
    assert lines[0].startswith("4 annotators gave 240 labels to 60 clips of 30 artists. All agree on ")
    alpha = agreement["krippendorff"]
    low, high = alpha["interval"]
    assert (
        f"Krippendorff's alpha is {alpha['alpha']:.2f} (95 % interval {low:.2f} to {high:.2f}) on 60 clips" in lines[1]
    )
    assert any("means over 4 annotators." in line for line in lines)
    assert any(f"would have {agreement['entropy']:.2f}." in line for line in lines)


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ([-0.2, -0.1], "The model is below the annotators."),
        ([-0.1, 0.1], "The clips do not show a difference between the model and the annotators."),
        ([0.1, 0.2], "The model is above the annotators: their own agreement is no longer a useful limit."),
    ],
)
def test_the_verdict_follows_from_the_interval(opinions: dict[str, Any], interval: list[float], verdict: str) -> None:
    changed = copy.deepcopy(opinions)
    changed["beside_people"]["accuracy_difference_interval"] = interval
    assert any(line.endswith(verdict) for line in opinions_text.model_lines(changed))


@pytest.mark.parametrize(
    ("found", "start"),
    [
        ({"spearman": 0.4, "interval": [0.2, 0.6]}, "The model is less sure where people disagree: "),
        ({"spearman": 0.1, "interval": [-0.1, 0.3]}, "The clips do not show that the model is less sure"),
        ({"spearman": -0.4, "interval": [-0.6, -0.2]}, "The model is surer where people disagree: "),
        (None, "Whether the model doubts where people disagree cannot be measured"),
    ],
)
def test_doubt_is_described(opinions: dict[str, Any], found: dict[str, Any] | None, start: str) -> None:
    assert opinions_text.model_lines({**opinions, "disagreement": found})[-1].startswith(start)


def test_agreement_by_chance_is_a_finding(opinions: dict[str, Any]) -> None:
    agreement = copy.deepcopy(opinions["agreement"])
    assert opinions_text.by_chance(agreement) == ""
    agreement["krippendorff"]["interval"] = [-0.1, 0.1]
    assert opinions_text.by_chance(agreement).startswith("The annotators do not agree more than by chance")
    assert opinions_text.by_chance({**agreement, "krippendorff": None}) == ""


def test_rows_have_a_cell_for_each_heading(opinions: dict[str, Any]) -> None:
    rows = opinions_text.model_rows(opinions)
    assert [len(row) for row in rows] == [len(opinions_text.MODEL_HEADINGS)] * 4
    people = opinions_text.people_rows(opinions["agreement"])
    assert [len(row) for row in people] == [len(opinions_text.PEOPLE_HEADINGS)] * 4
    few = copy.deepcopy(opinions)
    few["agreement"]["ceiling"] = few["beside_people"] = None
    few["agreement"]["few"] = {"annotator 0": 3}
    assert opinions_text.model_rows(few)[0][2] == "n/a"
    assert any("annotator 0: 3" in line for line in opinions_text.lines(few))
    assert opinions_text.people_rows(few["agreement"]) == []
