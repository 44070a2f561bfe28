"""The speed benchmark: medians of works that take turns, ratios, targets, tables, and the long parts in a small size."""

import itertools
import json
import mmap
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.speed import __main__ as speed
from benchmarks.speed import autrainer, bare_loop, commands, figures, growth, tables, train
from benchmarks.speed.experiment import compose
from benchmarks.speed.figures import Figure
from src.training import setup

TINY = ("dataset.artists=5", "dataset.tracks=1", "dataset.clip_seconds=3", "data.batch_size=8", "trainer.threads=1")


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


def test_works_that_measure_themselves_may_return_several_values() -> None:
    values = iter([[9.0], [1.0, 2.0], [3.0]])
    assert figures.values_in_turn({"a": lambda: next(values)}, turns=2, warmups=1) == {"a": 2}


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
    assert Figure.read(json.loads(json.dumps(figure.record()))) == figure


def call(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["speed", *words])
    return speed.main()


def test_an_unknown_part_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(monkeypatch, "trian") == 1
    assert capsys.readouterr().err == (
        f"benchmarks.speed: there is no part trian: expected {', '.join(speed.ALL_PARTS)}\n"
    )


def test_the_help_lists_every_part(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        call(monkeypatch, "--help")
    assert ended.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("  ") and line.split()[0] in speed.ALL_PARTS] == list(
        speed.ALL_PARTS
    )
    assert all(Path(speed.__file__).with_name(f"{part}.py").exists() for part in speed.ALL_PARTS)


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run no part: `features` fails, the others find one figure. Returns the parts that were started."""
    started: list[str] = []

    def child(command: list[str], **settings: Any) -> subprocess.CompletedProcess[str]:
        part = command[command.index("--child") + 1]
        started.append(part)
        found = json.dumps([vars(Figure(part, "ours", 2.0, "s", "theirs", 1.0, at_most=1.5))])
        return subprocess.CompletedProcess(command, int(part == "features"), f"a note\n{found}\n")

    monkeypatch.setattr(speed, "machine", lambda: {"processor": "abacus"})
    monkeypatch.setattr(subprocess, "run", child)
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0.0, 0.0))
    return started


def test_a_part_that_fails_costs_no_other_part(
    children: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new" / "benchmark.json"
    assert call(monkeypatch, "--output", str(file)) == 1
    assert children == list(speed.PARTS)
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1] == "benchmarks.speed: these parts failed, see above: features"
    content = json.loads(file.read_text())
    assert content["failed"] == ["features"]
    assert (
        set(content["seconds"]) == {figure["part"] for figure in content["figures"]} == set(speed.PARTS) - {"features"}
    )
    total = len(speed.PARTS) - 1
    assert f"Targets met: 0 of {total}.\n\nParts that failed: features.\n\nprocessor abacus, load 0.0" in printed.out
    assert call(monkeypatch, "--markdown", str(file)) == 0
    assert capsys.readouterr().out == printed.out


def test_all_means_the_long_parts_too(children: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "--all") == 1
    assert children == list(speed.ALL_PARTS)
    assert list(speed.LONG_PARTS) == ["growth", "autrainer"]


def test_other_busy_programs_are_reported(
    children: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (1.7, 0.0, 0.0))
    assert call(monkeypatch, "kernels") == 0
    assert "other programs keep 1.7 cores busy" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "{}", '{"figures": [{}], "seconds": {}}'])
def test_a_file_without_figures_is_refused(
    content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.json").write_text(content)
    assert call(monkeypatch, "--markdown", str(tmp_path / "a.json")) == 1
    assert "expected a file that --output has written" in capsys.readouterr().err


def test_a_command_that_fails_shows_its_last_messages() -> None:
    with pytest.raises(RuntimeError, match="exit status 3\nno tuning fork"):
        commands.run(["-c", "import sys; print('no tuning fork', file=sys.stderr); sys.exit(3)"])


def test_a_command_is_not_charged_for_processes_that_outlive_it() -> None:
    outlive = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(4)'])"
    assert commands.run(["-c", outlive]).seconds < 3


def test_an_environment_that_cannot_be_made_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], **settings: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(command, int("uv" in command), "", "a hint\nno such index\n")

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(RuntimeError, match=r"^autrainer cannot be installed \(-m uv: no such index\)"):
        autrainer.install(tmp_path / "environment")


def test_a_part_that_cannot_run_here_ends_without_traceback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(growth, "BYTES_PER_CLIP", 1e15)
    assert call(monkeypatch, "--child", "growth", "--output", str(tmp_path)) == 1
    assert f"benchmarks.speed: growth: {tmp_path} has " in capsys.readouterr().err


def test_growth_is_extrapolated_along_straight_lines() -> None:
    def measures(size: int) -> growth.Measures:
        return dict.fromkeys(growth.STEPS, (1.0 + 0.001 * size, 1000000.0 + 10.0 * size))

    found = list(growth._extrapolated({size: measures(size) for size in (1_000, 10_000, 100_000)}))
    assert found[0].value == pytest.approx(1.0 + 1e-3 * growth.EXTRAPOLATED)
    assert found[1].value == pytest.approx((1e6 + 10 * growth.EXTRAPOLATED) / 1e6)
    assert all("extrapolated" in figure.what and figure.met is None for figure in found)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_is_the_largest_while_the_block_runs() -> None:
    before = growth.anonymous_bytes()
    # A mapping of its own: an array might take memory that earlier tests have left to this process. Private, as only private
    # memory counts.
    with (
        growth._measured() as measure,
        mmap.mmap(-1, 200_000_000, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block,
    ):
        block.write(bytes(200_000_000))
        time.sleep(3 * growth.SAMPLING_SECONDS)
    assert measure["bytes"] - before > 150_000_000
    assert growth.SAMPLING_SECONDS < measure["seconds"] < 10


def test_a_failing_block_ends_the_measurement() -> None:
    with pytest.raises(ZeroDivisionError), growth._measured():
        _ = 1 / 0


@pytest.mark.slow
def test_growth_in_a_small_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "TURNS", {100: 1, 150: 1})
    monkeypatch.setattr(growth, "OLD_FILES", 50)
    found = growth.figures(tmp_path)
    assert len(found) == 4 * len(growth.STEPS) + 1
    measured = [figure for figure in found if "extrapolated" not in figure.what]
    assert all(figure.value > 0 and figure.other > 0 for figure in measured)
    assert [figure.at_most for figure in found[:2]] == [1.1, 1.2]
    assert (found[-1].at_most, found[-1].alternative) == (2, "the new ones alone, and listing all")


def test_clips_of_growth_differ_and_are_labelled(tmp_path: Path) -> None:
    paths = growth.write_clips(tmp_path / "clips", 40)
    assert len({path.read_bytes() for path in paths}) == 40
    lines = growth.write_table(tmp_path / "a.csv", paths).read_text().splitlines()
    assert lines[0] == "path,genre,artist"
    assert lines[1] == f"{paths[0]},blues,blues artist 0"
    assert lines[-1].endswith(",rock,rock artist 1")


@pytest.mark.slow
@pytest.mark.parametrize("choice", ["model=cnn", "experiment=best"])
def test_parts_of_an_epoch_add_up_to_it(choice: str, tmp_path: Path) -> None:
    overrides = [choice, *TINY, f"data.cache={tmp_path}", "trainer.max_epochs=3", "data.least_crops=0"]
    config = compose(*overrides, "trainer.accelerator=cpu")
    data = setup.compose_data(config)
    parts = train.shares(config, data, tmp_path)
    assert all(seconds > 0 for seconds in parts.values())
    assert set(parts) == {"epoch", "data", "features", "model", "logging", "the rest (Lightning)"}
    assert sum(parts.values()) == pytest.approx(2 * parts["epoch"], rel=0.05)
    assert len(train.our_epochs(config, data, tmp_path)) == len(bare_loop.epochs(config, data)) == 2


@pytest.mark.slow
def test_epochs_without_wandb_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr("wandb.init", fail)
    config = compose("model=cnn", *TINY, f"data.cache={tmp_path}", "trainer.max_epochs=1")
    with pytest.raises(RuntimeError, match="wandb does not work here"):
        train.our_epochs(config, setup.compose_data(config), tmp_path)


@pytest.mark.slow
def test_the_stored_features_of_autrainer_are_those_of_our_segments(tmp_path: Path) -> None:
    config = compose(*autrainer.NETWORK, *TINY, f"data.cache={tmp_path}")
    data = setup.compose_data(config)
    autrainer.store_features(config, data, tmp_path / "data")
    lines = (tmp_path / "data" / "dev.csv").read_text().splitlines()
    assert lines[0] == "filename,genre"
    assert len(lines) == 1 + len(data.clips_in("val")) * data.segments
    assert np.load(tmp_path / "data" / "default" / lines[1].split(",")[0]).shape == (1, 128, 130)


@pytest.mark.slow
def test_the_features_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.speed import features

    monkeypatch.setattr(features, "TURNS", 1)
    monkeypatch.setattr(features, "BATCH", 2)
    found = features.figures(tmp_path)
    assert {figure.alternative for figure in found} == {"torchaudio", "nnaudio", "librosa"}
    assert all(figure.value > 0 and figure.other > 0 for figure in found)
