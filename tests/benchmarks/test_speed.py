"""Figures of the speed benchmark: medians of works that take turns, ratios and targets."""

import itertools
import time
from pathlib import Path

import pytest

from benchmarks.speed import figures, tables
from benchmarks.speed.__main__ import ALL_PARTS, main
from benchmarks.speed.figures import Figure


def test_works_take_turns_and_the_warm_up_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, calls = itertools.count(), []
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    now = [0.0]

    def work(name: str, seconds: list[float]) -> None:
        calls.append(name)
        now[0] += seconds[next(clock) // 2]

    medians = figures.in_turn(
        {"a": lambda: work("a", [100, 1, 2, 9]), "b": lambda: work("b", [100, 4, 5, 6])}, turns=3, warmups=1
    )
    turns = [calls[k : k + 2] for k in range(0, 8, 2)]
    assert all(sorted(turn) == ["a", "b"] for turn in turns)
    assert ["a", "b"] in turns
    assert ["b", "a"] in turns
    assert medians == {"a": 2, "b": 5}


@pytest.mark.parametrize(
    ("limits", "met", "text"),
    [
        ({}, None, "|  |"),
        ({"at_most": 2.0}, True, "at most 2: met"),
        ({"at_most": 1.9}, False, "at most 1.9: **missed**"),
        ({"at_least": 2.0}, True, "at least 2: met"),
        ({"at_least": 2.1}, False, "at least 2.1: **missed**"),
    ],
)
def test_a_figure_is_a_ratio_with_its_target(limits: dict[str, float], met: bool | None, text: str) -> None:
    figure = Figure("part", "ours", 3.0, "s", "theirs", 1.5, **limits)
    assert figure.ratio == 2
    assert figure.met is met
    assert text in tables.table([figure])
    assert figure.record()["ratio"] == 2


def test_an_unknown_part_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["speed", "trian"])
    assert main() == 1
    assert capsys.readouterr().err == f"benchmarks.speed: there is no part trian: expected {', '.join(ALL_PARTS)}\n"


@pytest.mark.slow
def test_the_features_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.speed import features

    monkeypatch.setattr(features, "TURNS", 1)
    monkeypatch.setattr(features, "BATCH", 2)
    found = features.figures(tmp_path)
    assert {figure.alternative for figure in found} == {"torchaudio", "nnaudio", "librosa"}
    assert all(figure.value > 0 and figure.other > 0 for figure in found)
