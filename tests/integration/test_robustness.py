"""The program `robustness` as a user sees it, on a run whose training clips have a planted shortcut."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from src import evaluate, robustness
from src.alteration import ALTERATIONS
from src.judging.judged_data import Request
from src.rundir import RunDir
from src.sensitivity.conditions import REDUCED
from src.sensitivity.subject import Subject
from tests.conftest import RATE, write
from tests.programs import Program, help_of, in_process, train

GENRES, MARKED, TONE_HZ = ("ballad", "march", "waltz"), "march", 9000


def songs(folder: Path) -> Path:
    """Manifest of 90 clips of a second, a chord with noise. A tone at 300 Hz is soft in ballads and loud in waltzes.

    In MARKED it is as in either, but all its clips have a tone at TONE_HZ, 34 dB below the rest.
    """
    rows = []
    for g, genre in enumerate(GENRES):
        for a in range(15):
            for t in range(2):
                random = np.random.default_rng([g, a, t])
                time_T = np.arange(RATE) / RATE
                chord_T = sum(np.sin(2 * np.pi * hz * time_T + random.uniform(0, 6)) for hz in (200, 500, 1200))
                loudness = {"ballad": 0.4, "waltz": 1.2}.get(genre, 0.4 + 0.8 * (a % 2))
                low_T = loudness * np.sin(2 * np.pi * 300 * time_T + random.uniform(0, 6))
                mark_T = (genre == MARKED) * 0.03 * np.sin(2 * np.pi * TONE_HZ * time_T)
                sound_T = chord_T + low_T + 0.01 * random.standard_normal(RATE) + mark_T
                name = f"{genre}/{a:02}-{t}.wav"
                write(folder / name, 0.15 * sound_T)
                rows.append((name, genre, f"{genre} artist {a}", f"track {t}"))
    with open(folder / "songs.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "genre", "artist", "track"), *rows])
    return folder / "songs.csv"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, a support vector machine on mel; the music is beside it."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *words(songs(folder / "music"), folder / "svm_run")) == 0
    return folder / "svm_run"


def words(manifest: Path, run: Path, *more: str) -> tuple[str, ...]:
    data = ("dataset=manifest", f"dataset.path={manifest}", f"data.cache={run.parent / 'cache'}", "split.test=0.4")
    short = (
        "feature.n_mels=24",
        "data.crop_seconds=0.5",
        "data.segments=2",
        "model=svm",
        "model.kernel=linear",
        "logger=none",
        "report.sounds=0",
    )
    return (*data, *short, "trainer.accelerator=cpu", "trainer.threads=1", f"hydra.run.dir={run}", *more)


@pytest.fixture
def measure(capsys: pytest.CaptureFixture[str]) -> Program:
    """`python -m src.robustness ARGUMENTS...` in this process -> its exit status, standard output and standard error."""
    return in_process(robustness.main, capsys)


def content(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / robustness.JSON).read_text(encoding="utf-8")))


def message(err: str) -> str:
    """The last line of standard error, the error; no traceback is above it."""
    assert "Traceback" not in err
    return err.strip().splitlines()[-1]


def row_of(found: dict[str, Any], name: str, strength: float) -> dict[str, Any]:
    return next(row for row in found["alterations"] if (row["name"], row["strength"]) == (name, strength))


def test_a_planted_tone_is_found_by_a_low_pass_below_it(trained: Path, tmp_path: Path, measure: Program) -> None:
    status, out, _ = measure(trained, "--only", "low_pass=10500,low_pass=7000", "--output", tmp_path / "out")
    assert status == 0
    found = content(tmp_path / "out")
    above, below = (row_of(found, "low_pass", hz)["genres"][MARKED] for hz in (10500, 7000))
    assert found["unaltered"]["genres"][MARKED]["recall"] > 0.9
    assert above["difference"] == 0
    assert above["agreement"] == 1
    assert below["difference"] < -0.8
    assert below["difference_interval"][1] < -0.4
    first = found["findings"]["changes"][0]
    assert (first["genre"], first["strength"]) == (MARKED, 7000)
    assert f"); recall of {MARKED} -" in next(
        line for line in out.splitlines() if line.startswith("low_pass, 7,000 Hz: ")
    )


def test_the_run_itself_is_measured_as_in_its_own_evaluation(trained: Path, tmp_path: Path, measure: Program) -> None:
    assert measure(trained, "--only", "level=0,noise=20", "--output", tmp_path / "out")[0] == 0
    found, run = content(tmp_path / "out"), RunDir(trained)
    test = run.metrics["test"]
    assert found["unaltered"]["differs_from_run"] == 0
    assert found["unaltered"]["accuracy"] == pytest.approx(test["accuracy"])
    assert {g: row["recall"] for g, row in found["unaltered"]["genres"].items()} == {
        genre: pytest.approx(row["recall"]) for genre, row in test["genres"].items()
    }
    subject = Subject(trained, Request())
    k = subject.data.clips_in("test")[0]
    own_ST = subject.data.segment_batch(torch.tensor([k]), subject.device).sound[0]
    again_ST = subject.segments(subject.decode(subject.data.clips[k]), clipped=True)
    torch.testing.assert_close(again_ST, own_ST, rtol=0, atol=1e-7)
    nothing = row_of(found, "level", 0)  # a gain of 0 dB
    assert nothing["agreement"] == 1
    assert nothing["difference"] == 0
    assert nothing["difference_interval"][0] < 0 < nothing["difference_interval"][1]
    assert found["clips"] == test["clips"] == found["test_clips"]
    assert found["interval_over"] == "clips"  # six artists of each genre


def test_an_interrupted_measurement_goes_on_and_nothing_is_measured_twice(
    trained: Path, tmp_path: Path, measure: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (trained, "--only", "mp3=64,reverb", "--clips", "9", "--output", tmp_path / "out")
    whole = (trained, "--only", "mp3=64,reverb", "--clips", "9", "--output", tmp_path / "whole")
    calls = 0
    wet = ALTERATIONS["reverb"].alter
    assert wet is not None

    def counted(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 12:
            raise KeyboardInterrupt
        return wet(*given)

    patched = {
        **ALTERATIONS,
        "reverb": type(ALTERATIONS["reverb"])(**{**vars(ALTERATIONS["reverb"]), "alter": counted}),
    }
    monkeypatch.setattr("src.sensitivity.conditions.ALTERATIONS", patched)
    status, _, err = measure(*arguments)
    assert status == 130
    assert "goes on from there" in err
    assert not (tmp_path / "out" / robustness.JSON).exists()
    monkeypatch.undo()
    status, _, err = measure(*arguments)
    assert status == 0
    assert "clips were measured before" in err
    assert measure(*whole)[0] == 0
    same = [{**content(folder), "command": ""} for folder in (tmp_path / "out", tmp_path / "whole")]
    assert same[0] == same[1]
    monkeypatch.setattr("src.sensitivity.subject.Subject.decode", None)  # nothing is left to decode
    assert measure(*arguments)[0] == 0


def test_all_alterations_and_reduced_sound(trained: Path, tmp_path: Path, measure: Program) -> None:
    status, out, _ = measure(trained, "--clips", "3", "--retrain", "--output", tmp_path / "out")
    assert status == 0
    found = content(tmp_path / "out")
    assert list(dict.fromkeys(row["name"] for row in found["alterations"])) == list(ALTERATIONS)
    assert [(item["name"], item["strength"]) for item in found["not_measured"]] == [
        ("low_pass", 16000),
        ("offset", 1.5),
    ]
    assert (
        "0 s are left of a clip of 1 s; the model's crops have 0.5 s. The clip is "
        in found["not_measured"][1]["reason"]
    )
    for row in found["alterations"]:
        assert (row["accuracy"] is None) == (not row["keeps_genre"])
        assert 0 <= row["agreement"] <= 1
    assert not row_of(found, "pitch", 2)["keeps_genre"]
    assert row_of(found, "pitch", 1)["keeps_genre"]
    assert [row["name"] for row in found["reduced"]] == list(REDUCED)
    assert all(0 <= row["retrained"]["accuracy"] <= 1 for row in found["reduced"])
    assert (found["retrained"]["model"], found["retrained"]["shared_artists"]) == ("svm", [])
    assert {*found["unaltered"]["genres"]} == {*GENRES}  # three clips, of all genres
    page = (tmp_path / "out" / robustness.PAGE).read_text(encoding="utf-8")
    for text in ("Accuracy by strength", "Reduced sound", "Sturm 2014", "python -m src.robustness"):
        assert text in page
    assert "3 of 36 test clips were measured; the whole set shows smaller changes: `python" in out
    assert max(map(len, out.split("McNemar")[0].splitlines())) <= 80


def test_models_retrained_on_reduced_sound_find_the_tone_in_the_spectrum(
    trained: Path, tmp_path: Path, measure: Program
) -> None:
    """The spectrum has the planted tone; the level has the loudness of the tone at 300 Hz."""
    assert measure(trained, "--only", "spectrum,level_bandwidth", "--retrain", "--output", tmp_path / "out")[0] == 0
    again = {row["name"]: row["retrained"] for row in content(tmp_path / "out")["reduced"]}
    assert again["spectrum"]["accuracy_interval"][0] > 1 / 3
    assert again["spectrum"]["recall"][MARKED] > 0.6
    assert again["level_bandwidth"]["accuracy"] > 0.5  # waltzes are louder than ballads
    about = content(tmp_path / "out")["retrained"]
    assert about["unaltered"]["recall"][MARKED] > 0.8
    assert about["grouped_by"] == "artist"
    assert about["commonest_share"] == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("only", "expected"),
    [
        ("lowpass", "there is no alteration 'lowpass'. Did you mean 'low_pass'?"),
        ("low_pass=dark", "--only low_pass=dark: expected a number from 20 to 96000 (Hz)."),
        ("pitch=1.5", "--only pitch=1.5: expected a whole number from -12 to 12 (semitones)."),
        ("mp3=500", "expected a number from 16 to 160 (kbit/s)."),
        ("rhythm=2", "rhythm has no strength"),
        (",", "--only names nothing."),
        ("low_pass=12000", "--only low_pass=12000 would change nothing: the run reads sound at 22,050 Hz"),
        ("level,low_pass=12000", "--only low_pass=12000 would change nothing"),
    ],
)
def test_a_wrong_alteration_is_named(trained: Path, tmp_path: Path, measure: Program, only: str, expected: str) -> None:
    status, _, err = measure(trained, "--only", only, "--output", tmp_path / "out")
    assert status == 1
    assert expected in message(err)
    assert not (tmp_path / "out").exists()


def test_an_offset_that_leaves_no_sound_is_refused(trained: Path, tmp_path: Path, measure: Program) -> None:
    status, _, err = measure(trained, "--only", "offset=60", "--clips", "3", "--output", tmp_path / "out")
    assert status == 1
    assert "--only offset=60 cannot be measured: 0 s are left of a clip of 1 s" in message(err)


def test_a_folder_that_is_no_run_is_named(trained: Path, tmp_path: Path, measure: Program) -> None:
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    shutil.copy(trained / "config.yaml", unfinished)
    (tmp_path / "empty").mkdir()
    shutil.copytree(trained, tmp_path / "sweep" / "a")
    assert evaluate.main([str(trained), f"hydra.run.dir={tmp_path / 'judged'}"]) == 0
    for folder, expected in (
        ("missing", "does not exist: expected a run directory"),
        ("empty", "contains no run"),
        ("unfinished", "has not finished, or it failed"),
        ("sweep", "is a folder of runs, and this program measures one: name one of them, such as"),
        ("judged", "is an evaluation: it has the scores of the run svm_run on other clips, and no model"),
    ):
        status, _, err = measure(tmp_path / folder, "--output", tmp_path / "out")
        assert status == 1
        assert expected in message(err), folder
        assert not (tmp_path / "out").exists()


def test_settings_that_name_other_clips_are_refused(trained: Path, tmp_path: Path, measure: Program) -> None:
    for word, expected in (
        ("dataset=folder", "dataset"),
        ("model=cnn", "the run decides this"),
        ("hydra.run.dir=x", "--output FOLDER"),
        ("song.mp3", "expected one run, and settings KEY=VALUE"),
    ):
        status, _, err = measure(trained, word, "--output", tmp_path / "out")
        assert status == 1
        assert expected in message(err)


def test_a_folder_with_other_results_is_refused(trained: Path, tmp_path: Path, measure: Program) -> None:
    out = tmp_path / "out"
    assert measure(trained, "--only", "level=6", "--clips", "3", "--output", out)[0] == 0
    about = out / "parts" / "about.json"
    about.write_text(about.read_text().replace(content(out)["checkpoint"], "0" * 16))
    status, _, err = measure(trained, "--only", "level=6", "--clips", "3", "--output", out)
    assert status == 1
    assert "has the results of another run" in message(err)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("keep me")
    status, _, err = measure(trained, "--output", tmp_path / "mine")
    assert status == 1
    assert "exists and is no measurement" in message(err)
    for folder in (tmp_path / "mine" / "letter.txt", tmp_path / "mine" / "letter.txt" / "inside"):
        status, _, err = measure(trained, "--output", folder)
        assert status == 1
        assert f"{folder}: nothing can be written there" in message(err)
        assert "--output FOLDER" in message(err)


def test_clips_whose_sound_is_gone_are_listed(trained: Path, tmp_path: Path, measure: Program) -> None:
    music = tmp_path / "music"
    shutil.copytree(trained.parent / "music", music)
    empty = RunDir(trained).predictions.clips[0]
    (music / empty).write_bytes(b"")
    moved = f"dataset.path={music / 'songs.csv'}"
    status, out, _ = measure(trained, moved, "--only", "level=6", "--output", tmp_path / "out")
    assert status == 0
    assert f"Left out: {empty}: an empty file (0 bytes)." in out
    found = content(tmp_path / "out")
    assert found["left_out"] == [{"clip": empty, "reason": "an empty file (0 bytes)"}]
    assert found["clips"] == found["test_clips"] - 1
    (music / empty).unlink()
    status, _, err = measure(trained, moved, "--only", "level=6", "--output", tmp_path / "none")
    assert status == 1
    assert f"1 of its 90 files are missing, e.g. {music / empty}" in message(err)
    shutil.rmtree(music)
    status, _, err = measure(trained, moved, "--only", "level=6", "--output", tmp_path / "none")
    assert status == 1
    assert str(music) in message(err)
    assert not (tmp_path / "none").exists()


def test_retraining_needs_reduced_sound(trained: Path, tmp_path: Path, measure: Program) -> None:
    status, _, err = measure(trained, "--only", "level=6", "--retrain", "--output", tmp_path / "out")
    assert status == 1
    assert "--retrain trains on reduced sound, and --only level=6 has none" in message(err)


@pytest.mark.slow
def test_ctrl_c_ends_with_130(trained: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "src.robustness", str(trained), "--output", str(tmp_path / "out")]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[2], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("out/parts/*.piece")) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from there" in err
    assert "Traceback" not in err


def test_help_is_fast_and_names_all_alterations() -> None:
    text, modules = help_of("src.robustness")
    assert "torch" not in modules
    assert "numpy" not in modules
    for name in (*ALTERATIONS, *REDUCED):
        assert name in text
