"""The leak gap between a random and a grouped split, from run directories."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src import rundir
from src.evaluation import leak_gap
from src.evaluation.groups import group_by_config
from src.metrics import intervals
from src.reporting import leak_gap_text, sweep_page
from src.rundir import RunDir
from tests.reporting.test_pages import Page
from tests.rundirs import GENRES, config, write_run

LEAK = {"artists": ["Bob Marley"], "tracks": [], "audio": []}


def _arm(path: Path, grouped: bool, **settings: Any) -> RunDir:
    """A run of one split; the random split has other test clips, which are easier."""
    changes = settings.pop("changes", {})
    defaults = {"first": 0, "skill": 1.5} if grouped else {"first": 1000, "skill": 3, "shared": LEAK}
    run_config = config(split__grouped=grouped, split__allow_leak=not grouped, **changes)
    return RunDir(write_run(path, run_config, **{**defaults, **settings}))


def _sentence(*runs: RunDir) -> str:
    (pair,) = leak_gap.split_pairs(group_by_config(runs))
    return leak_gap_text.describe_leak_gap(pair)


def _correct(run: RunDir) -> list[bool]:
    return [t == p for t, p in zip(run.predictions.true, run.predictions.predicted, strict=True)]


def test_the_sentence_states_both_scores_their_difference_and_its_interval(tmp_path: Path) -> None:
    grouped, random = _arm(tmp_path / "a", grouped=True), _arm(tmp_path / "b", grouped=False)
    owners = [[f"artist {artist}" for artist in run.predictions.artists] for run in (random, grouped)]
    difference, low, high = intervals.unpaired_difference(_correct(random), owners[0], _correct(grouped), owners[1])
    assert difference > 0.1
    assert _sentence(grouped, random) == (
        f"Accuracy over all clips of composer (synthetic music) is {np.mean(_correct(random)):.2f} on the random split and "
        f"{np.mean(_correct(grouped)):.2f} on unseen artists: the leak adds {round(100 * difference)} points "
        f"(95 % interval {round(100 * low)} to {round(100 * high)}, unpaired: the test clips differ)."
    )


def test_clips_of_both_splits_are_paired(tmp_path: Path) -> None:
    grouped, random = _arm(tmp_path / "a", grouped=True), _arm(tmp_path / "b", grouped=False, first=0)
    _, low, high = intervals.paired_difference(_correct(random), _correct(grouped), grouped.predictions.artists)  # type: ignore[arg-type]
    assert f"(95 % interval {round(100 * low)} to {round(100 * high)}, paired: the same test clips)" in _sentence(
        grouped, random
    )


def test_seeds_add_no_clips(tmp_path: Path) -> None:
    runs = [_arm(tmp_path / f"{g}{seed}", g, changes={"seed": seed}) for g in (True, False) for seed in range(2)]
    random_accuracy = np.mean([_correct(run) for run in runs[2:]])
    assert f"is {random_accuracy:.2f} on the random split and " in _sentence(*runs)


def test_a_leak_without_evidence_is_not_claimed(tmp_path: Path) -> None:
    worse = _arm(tmp_path / "a", grouped=False, skill=1)
    sentence = _sentence(_arm(tmp_path / "b", grouped=True, skill=4), worse)
    assert "the leak adds no points (95 % interval -" in sentence
    little = _arm(tmp_path / "c", grouped=True, skill=1, clips=30, changes={"model": "Cnn"})
    some = _arm(tmp_path / "d", grouped=False, skill=1.3, clips=30, changes={"model": "Cnn"})
    assert "As the interval includes 0, a leak is not proven." in _sentence(little, some)


def test_few_artists_make_the_interval_too_narrow(tmp_path: Path) -> None:
    genres = GENRES[:2]
    grouped, random = (_arm(tmp_path / str(g), g, clips=24, genres=genres) for g in (True, False))
    assert grouped.metrics["test"]["artists"] == 12
    assert "too narrow" not in _sentence(grouped, random)
    few = [_arm(tmp_path / f"few {g}", g, clips=16, genres=genres) for g in (True, False)]
    assert _sentence(*few).endswith("With 8 artists in a test set, the interval is too narrow.")


def test_without_known_artists_no_leak_can_be_measured(tmp_path: Path) -> None:
    nothing: dict[str, list[Any]] = {"artists": [], "tracks": [], "audio": []}
    arms = [_arm(tmp_path / str(g), g, artists_known=False, shared=nothing) for g in (True, False)]
    assert _sentence(*arms).startswith("The split could not be grouped by artist, as no artist is known")


def test_a_random_split_that_shares_nothing_has_no_known_leak(tmp_path: Path) -> None:
    nothing: dict[str, list[Any]] = {"artists": [], "tracks": [], "audio": []}
    arms = [_arm(tmp_path / str(g), g, shared=nothing) for g in (True, False)]
    assert _sentence(*arms).endswith("no leak is known.")


@pytest.mark.parametrize(
    ("by", "unseen", "note"),
    [
        ("track", "on unseen tracks: the leak adds ", "No artist is known, so a leak of artists cannot be measured."),
        (
            "album (90 clips), track (70 clips)",
            "on clips held out by album (90 clips), track (70 clips): the leak adds ",
            "No artist",
        ),
        (
            "artist (90 clips), clip (70 clips)",
            "on clips held out by artist (90 clips), clip (70 clips): the leak adds ",
            "",
        ),
    ],
)
def test_the_sentence_names_the_units_of_the_grouped_split(tmp_path: Path, by: str, unseen: str, note: str) -> None:
    grouped, random = _arm(tmp_path / "a", grouped=True), _arm(tmp_path / "b", grouped=False)
    grouped.metrics["certificate"]["grouped_by"] = by
    sentence = _sentence(grouped, random)
    assert unseen in sentence
    assert note in sentence


def test_the_page_has_a_sentence_for_each_pair_of_splits(tmp_path: Path) -> None:
    _arm(tmp_path / "a", grouped=True)
    _arm(tmp_path / "b", grouped=False)
    runs, skipped = sweep_page.readable_runs(rundir.find_runs(tmp_path), pages=False)
    assert (
        leak_gap_text.describe_leak_gap(leak_gap.split_pairs(group_by_config(runs))[0])
        in Page(sweep_page.html(runs, skipped, tmp_path)).text
    )
    _arm(tmp_path / "c", grouped=True, changes={"model": "Cnn"})
    _arm(tmp_path / "d", grouped=False, changes={"model": "Cnn"})
    _arm(tmp_path / "e", grouped=False, changes={"model": "Rnn"})  # without a run on the grouped split
    runs, skipped = sweep_page.readable_runs(rundir.find_runs(tmp_path), pages=False)
    groups = group_by_config(runs)
    assert {pair.label for pair in leak_gap.split_pairs(groups)} == {"hybrid on mel", "cnn on mel"}
    assert not [each.label for each in groups if "allow_leak" in each.label]
    text = sweep_page.markdown(runs, skipped)
    for pair in leak_gap.split_pairs(groups):
        assert f"{pair.label}: {leak_gap_text.describe_leak_gap(pair)}" in text
    assert "The best of 3 test scores is too high by luck" in text
