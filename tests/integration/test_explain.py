"""The program `explain` as a user sees it: page, JSON, sounds, messages and exit status."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from src import evaluate, explain, predict
from src.explanation import clip_interval, maps
from tests.conftest import RATE, tone, write
from tests.programs import Program, help_of, in_process, small, train


@pytest.fixture
def run_explain(capsys: pytest.CaptureFixture[str]) -> Program:
    """`python -m src.explain ARGUMENTS...` in this process -> its exit status, standard output and standard error."""
    return in_process(explain.main, capsys)


SETTINGS = {
    "cnn": ("model=cnn", "report.sounds=0"),
    "majority": ("model=majority", "report.sounds=0"),
    "gru": ("model=gru", "feature=chroma", "trainer.max_epochs=1", "report.sounds=0"),
}


class Runs(dict[str, Path]):
    """Finished runs of the tiny corpus, each trained when it is first asked for."""

    def __init__(self, tiny: Path, folder: Path) -> None:
        super().__init__()
        self.tiny, self.folder = tiny, folder

    def __missing__(self, name: str) -> Path:
        words = small(self.tiny, self.folder / name, *SETTINGS[name])
        with pytest.MonkeyPatch.context() as patch:
            assert train(patch, *(word for word in words if name != "majority" or word != "model.width=4")) == 0
        self[name] = self.folder / name
        return self[name]


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    return Runs(tiny, tmp_path_factory.mktemp("runs"))


def content(folder: Path) -> dict:
    return json.loads((folder / "explanation.json").read_text(encoding="utf-8"))


def message(err: str) -> str:
    return err.strip().splitlines()[-1]


def test_a_file_is_explained_as_it_is_predicted(
    run_explain: Program, runs: Runs, tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = next(tiny.parent.glob("bell/*.wav"))
    status, out, _ = run_explain(runs["cnn"], file, "--output", tmp_path / "why")
    assert status == 0
    assert out.strip() == str(tmp_path / "why" / "explanation.html")
    (clip,) = content(tmp_path / "why")["clips"]
    assert predict.main([str(file), "--run", str(runs["cnn"]), "--threads", "1"]) == 0
    predicted = json.loads(capsys.readouterr().out)
    assert clip["predicted"] == predicted["predicted_genre"]
    assert clip["probabilities"] == pytest.approx(predicted["probabilities"], abs=1e-5)
    assert clip["rival"] == sorted(clip["probabilities"], key=lambda genre: -clip["probabilities"][genre])[1]
    (found,) = clip["maps"]
    assert found["completeness_gap_nats"] < 0.2
    assert len(found["row_relevance"]) == len(content(tmp_path / "why")["row_hz"]) == 96
    assert 0 < clip["listening"]["energy"] < 1
    for kind in ("whole", "only", "without"):
        wave_T, rate = soundfile.read(tmp_path / "why" / clip["sounds"][kind])
        assert rate == RATE
        assert len(wave_T) == pytest.approx(2 * RATE, abs=RATE // 10)
    page = (tmp_path / "why" / "explanation.html").read_text(encoding="utf-8")
    assert "too few to say whether the maps show what the model uses" in page
    assert "the mean of each row over the training clips" in page


def test_test_clips_have_an_interval_and_are_those_of_the_run(
    run_explain: Program, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clip_interval, "LEAST_CLIPS", 5)  # the tiny corpus has few test clips
    status, _, err = run_explain(
        runs["cnn"],
        "--test",
        "--clips",
        "6",
        "--method",
        "gradcam",
        "--method",
        "occlusion",
        "--output",
        tmp_path / "why",
        "--no-sounds",
    )
    assert status == 0
    found = content(tmp_path / "why")
    assert len(found["clips"]) == 6
    tested = (runs["cnn"] / "predictions.csv").read_text(encoding="utf-8")
    assert all(f"\n{clip['clip']}," in tested for clip in found["clips"])
    assert {clip["genre"] for clip in found["clips"]} == {"bell", "drone", "snare"}
    assert [method["method"] for method in found["methods"]] == ["gradcam", "occlusion"]
    for method in found["methods"]:
        assert {row["other"] for row in method["compared"]} == {"random", "loudest"}
        assert all(row["interval"][0] <= row["gain"] <= row["interval"][1] for row in method["compared"])
        assert method["correlations"]["random_weights"] < 0.9
    assert "95 % interval" in err
    assert not (tmp_path / "why" / "sounds").exists()


def test_a_model_without_gradients_says_so(run_explain: Program, runs: Runs, tiny: Path, tmp_path: Path) -> None:
    status, _, err = run_explain(runs["majority"], next(tiny.parent.glob("bell/*.wav")), "--output", tmp_path / "why")
    assert status == 0
    assert err.count("model=majority has no gradients") == 1
    assert "model=majority has no gradients" in (tmp_path / "why" / "explanation.html").read_text(encoding="utf-8")
    assert content(tmp_path / "why")["clips"][0]["maps"] == []
    status, _, err = run_explain(runs["majority"], tiny, "--method", "gradcam")
    assert status == 1
    assert "--method gradcam: model=majority has no gradients" in err


def test_a_feature_without_a_frequency_axis_shows_rows(
    run_explain: Program, runs: Runs, tiny: Path, tmp_path: Path
) -> None:
    status, out, _ = run_explain(
        runs["gru"], next(tiny.parent.glob("bell/*.wav")), "--output", tmp_path / "why", "--json"
    )
    assert status == 0
    found = json.loads(out)
    assert found["row_hz"] is None
    assert len(found["row_names"]) == 12
    assert found["clips"][0]["listening"] == {}
    assert set(found["clips"][0]["sounds"]) == {"whole"}
    assert {row["other"] for row in found["methods"][0]["compared"]} == {"random", "unusual"}


def test_files_that_cannot_be_read_are_listed_and_the_others_explained(
    run_explain: Program, runs: Runs, tmp_path: Path
) -> None:
    tone(tmp_path / "music" / "good.wav")
    (tmp_path / "music" / "bad.wav").write_bytes(b"no sound")
    write(tmp_path / "music" / "silent.wav", np.zeros(RATE))
    tone(tmp_path / "music" / "short.wav", seconds=0.05)
    tone(tmp_path / "music" / "cafe.wav").rename(tmp_path / "music" / os.fsdecode(b"caf\xe9\n.wav"))
    status, _, err = run_explain(runs["cnn"], tmp_path / "music", "--output", tmp_path / "why")
    assert status == 1
    found = content(tmp_path / "why")
    assert [Path(clip["clip"]).name for clip in found["clips"]] == ["caf\udce9\n.wav", "good.wav", "short.wav"]
    assert [Path(name).name for name in found["failed"]] == ["bad.wav", "silent.wav"]
    assert any("it is repeated" in note for note in found["clips"][2]["notes"])
    assert "bad.wav: " in err
    page = (tmp_path / "why" / "explanation.html").read_text(encoding="utf-8")
    assert "2 files left out" in page


def test_nothing_is_written_if_no_file_can_be_read(run_explain: Program, runs: Runs, tmp_path: Path) -> None:
    status, _, err = run_explain(runs["cnn"], tmp_path / "gone.wav", "--output", tmp_path / "why")
    assert status == 1
    assert "gone.wav" in err
    assert "none of 1 file could be explained" in message(err)
    assert not (tmp_path / "why").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), "expected audio files, or --test"),
        (("--test", "song.mp3"), "song.mp3: --test explains the test clips"),
        (("song.mp3", "--clips", "3"), "--clips is only for --test"),
        (("--test", "--clips", "0"), "a whole number of 1 or more"),
        (("song.mp3", "--excerpt", "900"), "up to 120"),
        (("song.mp3", "dataset.root=DIR"), "dataset.root=DIR: settings are only for --test and --global"),
        (("song.mp3", "--method", "lime"), "invalid choice"),
        (("--test", "model=cnn"), "the run decides this"),
        (("--test", "hydra.run.dir=x"), "--output FOLDER"),
    ],
)
def test_words_that_make_no_sense(run_explain: Program, runs: Runs, words: tuple[str, ...], expected: str) -> None:
    status, out, err = run_explain(runs["cnn"], *words)
    assert status == 1
    assert not out
    assert expected in err


def test_a_folder_that_is_no_run(run_explain: Program, runs: Runs, tmp_path: Path) -> None:
    shutil.copytree(runs["cnn"], tmp_path / "sweep" / "job")
    shutil.copytree(runs["cnn"], tmp_path / "unfinished")
    (tmp_path / "unfinished" / "metrics.json").unlink()
    song = tone(tmp_path / "song.wav")
    for folder, expected in (
        (tmp_path / "gone", "does not exist"),
        (song, "is not a folder"),
        (tmp_path / "sweep", "is a folder of runs: expected one run"),
        (tmp_path / "unfinished", "has not finished"),
    ):
        status, _, err = run_explain(folder, song, "--output", tmp_path / "why")
        assert status == 1
        assert expected in message(err), err
    assert not (tmp_path / "why").exists()


def test_an_evaluation_has_no_model(run_explain: Program, runs: Runs, tmp_path: Path) -> None:
    assert evaluate.main([str(runs["cnn"]), f"hydra.run.dir={tmp_path / 'judged'}"]) == 0
    status, _, err = run_explain(tmp_path / "judged", tone(tmp_path / "song.wav"))
    assert status == 1
    assert "is an evaluation" in message(err)


def test_sounds_that_are_gone(run_explain: Program, runs: Runs, tiny: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.copy(tiny, moved / "tiny.csv")
    status, _, err = run_explain(
        runs["cnn"], "--test", f"dataset.path={moved / 'tiny.csv'}", "--output", tmp_path / "why"
    )
    assert status == 1
    assert "Traceback" not in err
    assert not (tmp_path / "why").exists()
    status, _, _ = run_explain(
        runs["cnn"], "--test", "--clips", "1", f"dataset.path={tiny}", "--output", tmp_path / "why", "--no-sounds"
    )
    assert status == 0


def test_an_existing_folder_is_not_overwritten(run_explain: Program, runs: Runs, tmp_path: Path) -> None:
    song = tone(tmp_path / "song.wav")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    for folder in (tmp_path / "full", song):
        status, _, err = run_explain(runs["cnn"], song, "--output", folder)
        assert status == 1
        assert "exists and is not empty: name a new folder" in message(err)
    (tmp_path / "empty").mkdir()
    assert run_explain(runs["cnn"], song, "--output", tmp_path / "empty")[0] == 0


def test_a_folder_that_cannot_be_written_is_named_before_the_work(
    run_explain: Program, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("explain.explain", "per_genre.explain_genres"):
        monkeypatch.setattr(f"src.explanation.{module}", lambda *_: pytest.fail("worked for nothing"))
    song = tone(tmp_path / "song.wav")
    for words in ((song,), ("--global",)):
        status, _, err = run_explain(runs["cnn"], *words, "--output", song / "inside")
        assert status == 1
        assert f"{song / 'inside'}: nothing can be written there" in message(err)


def test_what_was_computed_stays_if_the_page_fails(
    run_explain: Program, runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("src.reporting.render.save", full)
    status, _, err = run_explain(runs["cnn"], tone(tmp_path / "song.wav"), "--output", tmp_path / "why")
    assert status == 1
    assert "the disk is full" in message(err)
    assert len(content(tmp_path / "why")["clips"]) == 1


def test_gradcam_needs_convolutions(run_explain: Program, runs: Runs, tmp_path: Path) -> None:
    status, _, err = run_explain(runs["gru"], tone(tmp_path / "song.wav"), "--method", "gradcam")
    assert status == 1
    assert "model=gru has none" in message(err)


def test_the_program_offers_all_methods() -> None:
    assert explain.METHODS == maps.METHODS


def test_an_interruption_is_130(run_explain: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(explain, "_explain", interrupt)
    status, out, err = run_explain(tmp_path, "song.mp3")
    assert status == 130
    assert not out
    assert "the page was not written" in err


@pytest.mark.slow
def test_help_is_fast() -> None:
    text, modules = help_of("src.explain")
    assert "--test" in text
    assert not modules & {"torch", "captum", "matplotlib", "hydra"}


@pytest.mark.slow
def test_a_head_on_a_pretrained_network_shows_rows(
    run_explain: Program, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word for word in small(tiny, tmp_path / "run", "model=head", "feature=musicnn") if word != "model.width=4"]
    words = [word for word in words if word != "data.crop_seconds=1"]
    assert train(monkeypatch, *words, "data.crop_seconds=3") == 0
    status, out, _ = run_explain(
        tmp_path / "run", next(tiny.parent.glob("bell/*.wav")), "--json", "--output", tmp_path / "why"
    )
    assert status == 0
    found = json.loads(out)
    assert found["clips"][0]["maps"][0]["completeness_gap_nats"] < 1e-3  # a head is linear
    assert len(found["row_names"]) == len(found["clips"][0]["maps"][0]["row_relevance"])
