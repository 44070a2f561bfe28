"""Sentences about annotators and a model: what they say, and when they say that nothing is shown."""

import copy
from pathlib import Path
from typing import Any

import pytest

from src.evaluation import run_analysis
from src.reporting import opinions_text, run_page, run_summary
from src.rundir import ClipOpinions, RunDir
from tests.reporting.test_pages import Page
from tests.rundirs import config, write_opinions, write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    folder: Path = write_run(tmp_path_factory.mktemp("run") / "run", config(), clips=60)
    write_opinions(folder)
    return RunDir(folder)


@pytest.fixture(scope="module")
def opinions(run: RunDir) -> dict[str, Any]:
    return dict(run.metrics["test"]["opinions"])


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
    ("accuracy", "f1_macro", "verdict"),
    [
        ([-0.2, -0.1], [-0.2, -0.1], "In both, the model is below the annotators."),
        (
            [-0.1, 0.1],
            [-0.4, -0.1],
            "In accuracy, the clips do not show a difference between the model and the annotators; in macro F1, the model is "
            "below the annotators.",
        ),
        (
            [0.1, 0.2],
            [0.1, 0.2],
            "In both, the model is above the annotators. Their own agreement is no longer a useful limit.",
        ),
    ],
)
def test_the_verdict_on_each_score_follows_from_its_interval(
    opinions: dict[str, Any], accuracy: list[float], f1_macro: list[float], verdict: str
) -> None:
    changed = copy.deepcopy(opinions)
    changed["beside_people"] |= {"accuracy_difference_interval": accuracy, "f1_macro_difference_interval": f1_macro}
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


def test_labels_of_little_agreement_are_doubtful_and_there_is_something_to_do(run: RunDir) -> None:
    run = RunDir(run.path)  # of its own, as it is changed
    alpha = run.metrics["test"]["opinions"]["agreement"]["krippendorff"]
    for value, doubtful in ((0.66, True), (0.67, False)):
        alpha |= {"alpha": value, "interval": [0.5, 0.7]}
        assert (
            any("alpha is 0.66" in each and "0.667 is the least" in each for each in run_summary.doubts(run))
            == doubtful
        )
        assert any("on which people disagree" in step.text for step in run_summary.next_steps(run)) == doubtful


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


def test_the_first_screen_has_the_model_a_person_and_guessing(run: RunDir, opinions: dict[str, Any]) -> None:
    cards = run_summary.page_cards(run)
    assert [card.label for card in cards[:3]] == ["accuracy over all test clips", "a person", "floor"]
    assert cards[0].note.endswith("; against the majority of 4 annotators")
    person = f"{100 * opinions['agreement']['ceiling']['accuracy']:.0f} %"
    assert cards[1].value == person
    shown = Page(run_page.html(run)).text
    assert "The hybrid on mel agrees with the majority of 4 annotators on " in shown
    assert f"Against the majority of the other annotators, a person reaches {person} and the model " in shown


def test_without_a_ceiling_there_is_no_person(run: RunDir, opinions: dict[str, Any]) -> None:
    alone = copy.deepcopy(opinions)
    alone["beside_people"] = alone["agreement"]["ceiling"] = alone["agreement"]["krippendorff"] = None
    alone["agreement"]["annotators"] = 0
    assert opinions_text.compared(alone) == []
    assert opinions_text.majority(alone) == "the majority of opinions"
    lead = opinions_text.lead_lines(alone, [])
    assert len(lead) == 2
    assert lead[0].startswith("How far people agree beyond chance cannot be measured; all agree on ")


@pytest.mark.parametrize(
    ("difference", "interval", "end"),
    [
        (-0.15, [-0.2, -0.1], "the model is 15 points below people (95 % interval 10 to 20)."),
        (0.15, [0.1, 0.2], "the model is 15 points above people (95 % interval 10 to 20)."),
        (0.0, [-0.1, 0.1], "the clips do not show a difference in accuracy (95 % interval -10 to +10 points)."),
    ],
)
def test_the_model_is_compared_with_a_person(
    opinions: dict[str, Any], difference: float, interval: list[float], end: str
) -> None:
    changed = copy.deepcopy(opinions)
    changed["beside_people"] |= {"accuracy_difference": difference, "accuracy_difference_interval": interval}
    assert opinions_text.compared(changed)[0].endswith(end)


@pytest.mark.parametrize(
    ("alpha", "low", "start"),
    [
        (0.1, -0.1, "People do not agree more than by chance"),
        (0.5, 0.4, "People agree more than by chance, but too little for conclusions"),
        (0.7, 0.6, "People agree fairly well"),
        (0.9, 0.8, "People agree well"),
    ],
)
def test_agreement_is_judged_by_alpha(opinions: dict[str, Any], alpha: float, low: float, start: str) -> None:
    changed = copy.deepcopy(opinions)
    changed["agreement"]["krippendorff"] = {"alpha": alpha, "interval": [low, 1.0], "clips": 60}
    assert opinions_text.lead_lines(changed, [])[0].startswith(f"{start}: all agree on ")


def test_contested_genres_are_those_given_to_the_same_clip(run: RunDir, opinions: dict[str, Any]) -> None:
    pairs = run_analysis.contested_genres(run)
    a, b, clips = pairs[0]
    assert clips == sum({a, b} <= set(each.share) for each in run.opinions.values())
    assert (
        f"Most often named for the same clip: {a} and {b} ({clips} clips), "
        in opinions_text.lead_lines(opinions, pairs)[0]
    )


def test_votes_and_ties_are_named() -> None:
    votes = ClipOpinions({"jazz": 0.75, "blues": 0.25}, {"jazz": 3, "blues": 1})
    assert opinions_text.votes(votes) == "Votes: 3 jazz, 1 blues"
    assert opinions_text.label(votes, "jazz").split() == ["majority,", "3", "of", "4"]
    assert opinions_text.label(None, "jazz") == "true"
    tied = ClipOpinions({"jazz": 0.5, "blues": 0.5}, {})
    assert opinions_text.votes(tied) == "Opinions: 50 % jazz, 50 % blues: a tie, so the label was drawn"
    assert opinions_text.label(tied, "jazz") == "drawn, 50 %"


def test_mistakes_have_their_votes_and_those_with_a_tie_are_counted(run: RunDir) -> None:
    shown = Page(run_page.html(run)).text
    mistakes = [each for each in run_analysis.clip_predictions(run) if not each.correct]
    assert opinions_text.votes(run.opinions[mistakes[0].clip]) in shown
    tied = {each.clip: ClipOpinions({each.true: 0.5, each.predicted: 0.5}, {}) for each in mistakes[:2]}
    again = RunDir(run.path)
    again.__dict__["opinions"] = run.opinions | tied  # the cached property
    assert (
        f"2 of the {len(mistakes)} have as many votes for the predicted genre as for the label"
        in Page(run_page.html(again)).text
    )
