"""The program `predict` as a user sees it: its answers in three formats, its messages, and how it ends."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor, nn

from src import predict, rundir
from src.classifier import build
from tests.conftest import RATE, tone, write
from tests.programs import help_of, small, train

ROOT = Path(__file__).parents[2]


class Tags(nn.Module):
    """In the tagger's place: "high" where a sound crosses zero more than 1000 times a second, "low" elsewhere."""

    def __init__(self, genres: list[str] | None) -> None:
        super().__init__()
        self.genres = genres or ["high", "low", "neither"]
        self.model = SimpleNamespace(unsure_below=0.4, notes=["No tag covers polka: never predicted."])
        self.feature = SimpleNamespace(sample_rate=16000)
        self.calibrated = torch.tensor(False)

    def forward(self, wave_BST: Tensor) -> Tensor:
        above_BST = wave_BST >= 0
        crossings_B = (above_BST[..., 1:] != above_BST[..., :-1]).sum(dim=(1, 2))
        rate_B = crossings_B / wave_BST.shape[2] * 16000
        high_B = (rate_B - 1000) / 100
        return torch.stack([high_B, -high_B, *[torch.zeros_like(high_B)] * (len(self.genres) - 2)], dim=1)


@pytest.fixture(autouse=True)
def _tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "tagger", lambda genres: Tags(genres))


@pytest.fixture(scope="module")
def runs(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two finished runs of the tiny corpus, whose networks differ."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        for name, model in (("one", "cnn"), ("two", "majority")):
            words = [
                w
                for w in small(tiny, folder / name, f"model={model}", "trainer.max_epochs=8")
                if model == "cnn" or w != "model.width=4"
            ]
            assert train(patch, *words) == 0
    return [str(folder / "one"), str(folder / "two")]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """`python -m src.predict WORDS...` in this process -> its exit status, standard output and standard error."""

    def call(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = predict.main([*map(str, words), "--threads", "1"])
        except SystemExit as stop:
            status = int(stop.code or 0)
        shown = capsys.readouterr()
        return status, shown.out, shown.err

    return call


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder with sounds in folders, and with what is none."""
    folder = tmp_path / "music"
    tone(folder / "b" / "high.wav", hz=2000)
    tone(folder / "a low.mp3", hz=110)
    tone(folder / "b" / "c" / "HIGH.FLAC", hz=3000, seconds=4)
    for name in (".hidden.wav", "b/.trash/x.wav", "cover.jpg", "b/notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no sound")
    return folder


def objects(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def rows(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def test_a_folder_is_searched_and_answered_in_order(say: Any, music: Path) -> None:
    status, out, err = say(music)
    found = objects(out)
    assert status == 0
    assert [each["audio_file"] for each in found] == [
        f"{music}/a low.mp3",
        f"{music}/b/c/HIGH.FLAC",
        f"{music}/b/high.wav",
    ]
    assert [each["predicted_genre"] for each in found] == ["low", "high", "high"]
    for each in found:
        assert list(each["probabilities"]) == ["high", "low", "neither"]
        assert sum(each["probabilities"].values()) == pytest.approx(1, abs=1e-6)
        assert each["confidence"] == max(each["probabilities"].values())
        assert each["calibrated"] is False
        assert each["model"] == "musicnn tags"
        assert "segments" not in each
    assert found[1]["duration_seconds"] == 4
    assert "note" not in found[1]
    assert found[2]["note"] == "shorter than the 3 s that the model needs, so it is repeated"
    assert "Note: No tag covers polka" in err
    assert f"{music}/b/high.wav: shorter than the 3 s" in err


def test_nothing_is_written_beside_the_audio(say: Any, music: Path) -> None:
    before = sorted(music.rglob("*"))
    say(music, "--format", "csv")
    assert sorted(music.rglob("*")) == before


def test_names_are_given_back_as_they_came(say: Any, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(music)
    status, out, _ = say("./b/", "a low.mp3", ".", "b/high.wav")
    assert status == 0
    names = ["./b/c/HIGH.FLAC", "./b/high.wav", "a low.mp3", "./a low.mp3", "b/high.wav"]
    assert [each["audio_file"] for each in objects(out)] == names


def test_a_named_file_is_tried_whatever_it_is_called(say: Any, music: Path) -> None:
    (music / "b" / "high.wav").rename(music / "b" / "high.sound")
    status, out, _ = say(music / "b" / "high.sound", music / "cover.jpg")
    assert status == 1
    assert [each.get("predicted_genre") for each in objects(out)] == ["high", None]
    assert objects(out)[1]["error"].startswith("not readable as audio (Format not recognised")


def test_paths_come_from_standard_input(say: Any, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = f"{music}/a low.mp3\r\n\n{music}/b\n-\n".encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
    status, out, _ = say("-")
    assert status == 0
    assert [each["predicted_genre"] for each in objects(out)] == ["low", "high", "high"]


@pytest.mark.parametrize("words", [["empty"], ["-"], ["empty", "texts"]])
def test_where_there_is_no_audio_one_message_says_so(
    words: list[str], say: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    Path("empty").mkdir()
    Path("texts").mkdir()
    Path("texts/a.txt").write_text("no sound")
    status, out, err = say(*words)
    assert (status, out) == (1, "")
    assert f"predict: no audio in {', '.join(words)}: expected files with extension .wav .flac .mp3" in err


def _tear(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: round(share * path.stat().st_size)])
    return path


def _bytes(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: folder / "none.wav", "no such file"),
        (lambda folder: _bytes(folder / "a.wav", b""), "an empty file (0 bytes)"),
        (lambda folder: _bytes(folder / "a.wav", b"a text " * 99), "not readable as audio (Format not recognised)"),
        (lambda folder: _bytes(folder / "a.mp3", b"a text " * 999), "not readable as audio (no sound found in it)"),
        (lambda folder: write(folder / "a.flac", np.zeros(9000)), "silent (its peak stays below 0.001 of full scale)"),
        (lambda folder: write(folder / "a.wav", np.zeros(0)), "no samples"),
    ],
)
@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_a_file_that_cannot_be_heard_has_its_reason_and_the_others_go_on(
    make: Any, reason: str, form: str, say: Any, music: Path, tmp_path: Path
) -> None:
    path = make(tmp_path)
    status, out, err = say(path, music / "b" / "high.wav", "--format", form)
    assert status == 1
    assert f"{path}: {reason}" in err.replace("\n", "")
    assert "1 of 2 files failed." in err
    if form == "json":
        assert objects(out)[0] == {"audio_file": str(path), "error": reason}
        assert objects(out)[1]["predicted_genre"] == "high"
    elif form == "csv":
        assert [(row["predicted_genre"], row["error"]) for row in rows(out)] == [("", reason), ("high", "")]
    else:
        assert f"{path}: {reason}" in out
        assert "1 file: high 1" in out
        assert "1 file failed" in out


def test_samples_that_are_not_numbers_are_a_reason(say: Any, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.r_[np.ones(RATE), np.nan], RATE, subtype="FLOAT")
    status, out, _ = say(tmp_path / "a.wav")
    assert status == 1
    assert objects(out)[0]["error"] == "samples that are NaN or infinite"


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3"])
def test_a_truncated_file_is_answered_from_what_is_there(suffix: str, say: Any, tmp_path: Path) -> None:
    path = _tear(tone(tmp_path / f"a{suffix}", hz=2000, seconds=20), 0.5)
    status, out, err = say(path)
    answer = objects(out)[0]
    assert status == 0
    assert answer["predicted_genre"] == "high"
    assert answer["duration_seconds"] == pytest.approx(10, abs=1.1)
    assert answer["note"].startswith("damaged or cut short: its header states 20.0 s, but only ")
    assert f"{path}: {answer['note']}" in err.replace("\n", "")


def test_eight_channels_at_96_khz_are_heard(say: Any, tmp_path: Path) -> None:
    status, out, _ = say(tone(tmp_path / "a.wav", hz=110, seconds=3, rate=96000, channels=8))
    assert (status, objects(out)[0]["predicted_genre"]) == (0, "low")


def test_of_500_files_3_are_broken(say: Any, tmp_path: Path) -> None:
    sound = tone(tmp_path / "a.wav", hz=2000, seconds=0.1, rate=16000).read_bytes()
    for k in range(500):
        content = {100: b"", 200: b"a text", 300: sound[:40]}.get(k, sound)
        _bytes(tmp_path / f"{k:03}.wav", content)
    (tmp_path / "a.wav").unlink()
    status, out, err = say(tmp_path)
    found = objects(out)
    assert status == 1
    assert [each["audio_file"] for each in found] == [f"{tmp_path}/{k:03}.wav" for k in range(500)]
    assert [k for k, each in enumerate(found) if "error" in each] == [100, 200, 300]
    assert "3 of 500 files failed." in err


def test_a_csv_has_a_row_a_file(say: Any, music: Path) -> None:
    status, out, _ = say(music, "--format", "csv", "--genres", "high, low")
    assert status == 0
    assert out.splitlines()[0] == (
        "audio_file,predicted_genre,confidence,calibrated,duration_seconds,model,error,p_high,p_low"
    )
    for row in rows(out):
        assert float(row["p_high"]) + float(row["p_low"]) == pytest.approx(1, abs=1e-6)
        assert (row["calibrated"], row["error"]) == ("false", "")
        assert float(row["confidence"]) == float(row[f"p_{row['predicted_genre']}"])


def test_only_the_most_probable_are_shown(say: Any, music: Path) -> None:
    _, out, _ = say(music / "a low.mp3", "--top", "2")
    shown = objects(out)[0]["probabilities"]
    assert list(shown) == ["low", "neither"]
    assert shown["low"] > shown["neither"]
    _, out, _ = say(music / "a low.mp3", "--top", "1", "--format", "csv")
    assert (rows(out)[0]["p_high"], rows(out)[0]["p_neither"]) == ("", "")


def test_a_table_is_for_people(say: Any, music: Path) -> None:
    write(music / "[red] ödd.wav", np.random.default_rng(0).uniform(-1, 1, 4 * RATE))
    status, out, _ = say(music, "--format", "table", "--top", "3", "--timeline")
    assert status == 0
    for word in ("file", "genre", "confidence", "next best", "seconds", "[red] ödd.wav", "not calibrated", "Timeline"):
        assert word in out
    assert "low 0" in out  # the last of three
    assert "0:04" in out
    assert out.splitlines()[-1] == "4 files: high 3, low 1"


def test_a_timeline_has_its_seconds(say: Any, tmp_path: Path) -> None:
    times_T = np.arange(40 * RATE) / RATE
    song_T = 0.5 * np.sin(2 * np.pi * np.where(times_T < 20, 110, 2000) * times_T)
    status, out, _ = say(write(tmp_path / "a.wav", song_T), "--timeline")
    first, second = objects(out)[0]["segments"]
    assert status == 0
    assert (first["start"], first["genre"], second["stop"], second["genre"]) == (0, "low", 40, "high")
    assert first["stop"] == second["start"] == 20
    assert 0.5 < first["confidence"] <= 1


def test_an_excerpt_is_the_middle(say: Any, tmp_path: Path) -> None:
    times_T = np.arange(40 * RATE) / RATE
    song_T = 0.5 * np.sin(2 * np.pi * np.where(abs(times_T - 20) < 3, 2000, 110) * times_T)
    path = write(tmp_path / "a.wav", song_T)
    assert objects(say(path)[1])[0]["predicted_genre"] == "low"
    answer = objects(say(path, "--excerpt", "6")[1])[0]
    assert (answer["predicted_genre"], answer["duration_seconds"]) == ("high", 40)


def test_what_the_model_is_unsure_of_is_said(say: Any, tmp_path: Path) -> None:
    """500 Hz cross zero 1000 times a second, so all three genres are equal."""
    status, out, _ = say(tone(tmp_path / "a.wav", hz=500, seconds=3), "--format", "table")
    assert status == 0
    assert "unsure" in out
    assert "1 file: unsure 1" in out


def test_a_run_brings_its_genres(say: Any, runs: list[str], tiny: Path) -> None:
    clips = rundir.RunDir(Path(runs[0])).predictions.clips
    status, out, _ = say(*(tiny.parent / clip for clip in clips), "--run", runs[0])
    predicted = rundir.RunDir(Path(runs[0])).predictions
    assert status == 0
    assert [each["predicted_genre"] for each in objects(out)] == predicted.predicted
    for each, share_C in zip(objects(out), predicted.probability_KC, strict=True):
        assert list(each["probabilities"].values()) == pytest.approx(share_C, abs=1e-4)
        assert each["model"] == "one"


def test_two_runs_agree_or_not(say: Any, runs: list[str], tiny: Path) -> None:
    words = [tiny.parent, "--run", runs[0], "--run", runs[1]]
    status, out, err = say(*words)
    found = objects(out)
    agreed = 0
    assert status == 0
    assert len(found) == 24
    for each in found:
        assert list(each) == ["audio_file", "duration_seconds", "agree", "models"]
        assert [answer["model"] for answer in each["models"]] == ["one", "two"]
        one, two = (answer["predicted_genre"] for answer in each["models"])
        assert each["agree"] == (one == two)
        assert {"predicted_genre", "confidence", "calibrated", "probabilities"} <= set(each["models"][0])
        agreed += each["agree"]
    assert 0 < agreed < 24
    assert f"The 2 models agree on {agreed} of 24 files." in err
    table = rows(say(*words, "--format", "csv")[1])
    assert len(table) == 48
    assert sum(row["agree"] == "true" for row in table) == 2 * agreed
    status, out, _ = say(*words, "--format", "table")
    assert "24 files, one: " in out
    assert "24 files, two: " in out


def test_runs_of_one_name_are_told_apart(say: Any, runs: list[str], tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "one").symlink_to(runs[0])
    status, out, _ = say(tiny.parent / "bell" / "bell-0--0.wav", "--run", runs[0], "--run", tmp_path / "one")
    assert status == 0
    assert [answer["model"] for answer in objects(out)[0]["models"]] == [runs[0], str(tmp_path / "one")]
    assert objects(out)[0]["agree"] is True


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "the following arguments are required: AUDIO"),
        (
            ["a.wav", "--run", "r", "--genres", "gtzan"],
            "--genres is only for the pretrained tagger: a run has the genres",
        ),
        (["a.wav", "--genres", "rock,,pop"], "--genres expects names separated by commas"),
        (["a.wav", "--genres", ""], "--genres expects names separated by commas"),
        (["a.wav", "--timeline", "--format", "csv"], "--timeline does not fit into a csv"),
        (["a.wav", "--top", "0"], "'0': expected a whole number of 1 or more"),
        (["a.wav", "--excerpt", "-3"], "expected"),
        (["a.wav", "--excerpt", "nan"], "'nan': expected a number of seconds, more than 0"),
        (["a.wav", "--format", "xml"], "invalid choice: 'xml'"),
        (["a.wav", "--run", "nowhere"], "predict: nowhere does not exist: expected a run directory"),
        (["a.wav", "--resume", "song.mp3"], "--resume song.mp3: expected JSON lines or CSV"),
    ],
)
def test_bad_words_are_one_message_and_exit_1(
    words: list[str], message: str, say: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    tone(Path("a.wav"))
    _bytes(Path("song.mp3"), b"\xff\xfb\x90\xc4")
    status, out, err = say(*words)
    assert (status, out) == (1, "")
    assert message in err


def test_words_may_stand_between_the_files(say: Any, music: Path) -> None:
    status, out, _ = say(music / "a low.mp3", "--top", "1", music / "b")
    assert (status, len(objects(out))) == (0, 3)


def test_the_genres_reach_the_tagger(say: Any, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str] | None] = []
    monkeypatch.setattr(build, "tagger", lambda genres: (asked.append(genres), Tags(None))[1])
    for words in ([], ["--genres", "gtzan"], ["--genres", "rock, hip hop,pop"]):
        assert say(music / "a low.mp3", *words)[0] == 0
    assert asked == [None, ["gtzan"], ["rock", "hip hop", "pop"]]


def _append(words: list[str], path: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """`python -m src.predict WORDS... >> PATH` in this process."""
    with monkeypatch.context() as patch, open(path, "a", encoding="utf-8") as out:
        patch.setattr(sys, "stdout", out)
        return predict.main([*words, "--resume", str(path), "--threads", "1"])


@pytest.mark.parametrize("form", ["json", "csv"])
@pytest.mark.parametrize("torn", [0.4, 0.7, 0.97, 1.0])
def test_an_output_that_was_cut_off_is_continued(
    form: str, torn: float, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    whole, path = tmp_path / "whole", tmp_path / "out"
    words = [str(music), "--format", form]
    assert _append(words, whole, monkeypatch) == 0
    assert "contains no predictions yet: nothing is skipped" in capsys.readouterr().err
    content = whole.read_bytes()
    path.write_bytes(content[: round(torn * len(content))])
    assert _append(words, path, monkeypatch) == 0
    assert path.read_bytes() == content
    said = capsys.readouterr().err
    assert "of 3 files: they are skipped." in said
    assert ("incomplete" in said) == (torn < 1)


@pytest.mark.parametrize("form", ["json", "csv"])
def test_what_failed_is_tried_again(
    form: str, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    path, words = tmp_path / "out", [str(music), "--format", form]
    broken = music / "b" / "broken.wav"
    broken.write_bytes(b"")
    assert _append(words, path, monkeypatch) == 1
    tone(broken, hz=110)
    assert _append(words, path, monkeypatch) == 0
    assert "has predictions for 3 of 4 files" in capsys.readouterr().err
    text = path.read_text(encoding="utf-8")
    found = objects(text) if form == "json" else rows(text)
    assert len(found) == 5
    assert (found[-1]["audio_file"], found[-1]["predicted_genre"]) == (str(broken), "low")
    assert _append(words, path, monkeypatch) == 0
    assert path.read_text(encoding="utf-8") == text


def test_a_line_that_was_closed_by_hand_counts(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out"
    assert _append([str(music / "b")], path, monkeypatch) == 0
    path.write_text(path.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    assert _append([str(music)], path, monkeypatch) == 0
    assert [each["predicted_genre"] for each in objects(path.read_text(encoding="utf-8"))] == ["high", "high", "low"]


def test_what_would_not_fit_an_output_is_not_appended(
    say: Any, music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    path = tmp_path / "out"
    assert _append([str(music / "b"), "--format", "csv"], path, monkeypatch) == 0
    before = path.read_bytes()
    for words, message in (
        (["--format", "json"], "contains csv, but --format is json: use --format csv."),
        (
            ["--format", "csv", "--genres", "high,low"],
            "has other columns (p_neither): it was made with another --run or --genres",
        ),
    ):
        capsys.readouterr()
        assert _append([str(music), *words], path, monkeypatch) == 1
        assert message in capsys.readouterr().err
        assert path.read_bytes() == before
    status, out, _ = say(music, "--resume", path)  # into another place, any format does
    assert (status, len(objects(out))) == (0, 1)


def test_an_output_of_several_runs_is_continued(
    runs: list[str], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, words = tmp_path / "out", ["--run", runs[0], "--run", runs[1]]
    assert _append([str(tiny.parent / "bell"), *words], path, monkeypatch) == 0
    assert _append([str(tiny.parent / "bell"), str(tiny.parent / "drone"), *words], path, monkeypatch) == 0
    assert len(objects(path.read_text(encoding="utf-8"))) == 16


@pytest.mark.parametrize("form", ["json", "csv"])
def test_a_name_that_is_no_text_is_given_back_and_resumed(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    folder, path = tmp_path / "music", tmp_path / "out"
    for name in (b"caf\xe9.wav", "a\u2028b ü.wav".encode(), b'two\nlines, quoted".wav'):
        sound = tone(folder / "x.wav", hz=110, seconds=3)
        os.rename(sound, os.fsencode(folder) + b"/" + name)
    words = [str(folder), "--format", form]
    assert _append(words, path, monkeypatch) == 0
    before = path.read_bytes()
    assert "a\u2028b ü.wav".encode() in before
    assert _append(words, path, monkeypatch) == 0
    assert path.read_bytes() == before
    assert "has predictions for 3 of 3 files" in capsys.readouterr().err


def _stub(tmp_path: Path, *words: str | Path, delay: float = 0.0) -> list[str]:
    """A command that runs the program in a process of its own, with the tagger's stand-in, `delay` seconds a forward."""
    script = tmp_path / "stub.py"
    script.write_text(
        "import sys, time\n"
        "from src import predict\n"
        "from src.classifier import build\n"
        "from tests.integration.test_predict import Tags\n"
        "class Slow(Tags):\n"
        "    def forward(self, wave_BST):\n"
        f"        time.sleep({delay})\n"
        "        return super().forward(wave_BST)\n"
        "build.tagger = Slow\n"
        "sys.exit(predict.main())\n"
    )
    return [sys.executable, str(script), *map(str, words), "--threads", "1"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def test_ctrl_c_keeps_what_is_printed(tmp_path: Path) -> None:
    for k in range(200):
        tone(tmp_path / "music" / f"{k:03}.wav", seconds=0.1)
    process = subprocess.Popen(
        _stub(tmp_path, tmp_path / "music", delay=0.1),
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    rest, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert time.monotonic() - begun < 15
    assert "Traceback" not in said
    assert "predict: interrupted; the output so far is complete and usable" in said
    assert 1 <= len(objects(first + rest)) < 200


def test_a_reader_that_has_seen_enough_ends_it_quietly(tmp_path: Path) -> None:
    for k in range(100):
        tone(tmp_path / "music" / f"{k:03}.wav", seconds=3, rate=8000)
    process = subprocess.Popen(
        _stub(tmp_path, tmp_path / "music", delay=0.02),
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    json.loads(process.stdout.readline())
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read() == "Note: No tag covers polka: never predicted.\n"
    process.stderr.close()


def test_help_is_instant_and_helps() -> None:
    shown, loaded = help_of("src.predict")
    for word in ("examples:", "--resume out.jsonl >> out.jsonl", "no longer", "exit status: 0; 1"):
        assert word in shown
    assert not loaded & {"torch", "numpy", "soundfile", "omegaconf", "hydra"}


@pytest.mark.slow
def test_an_hour_long_mp3_takes_no_more_than_a_gigabyte_beyond_the_imports(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    minute_T = (0.2 * np.sin(np.arange(60 * 44100) / 50) + 0.1 * random.standard_normal(60 * 44100)).astype(np.float32)
    with soundfile.SoundFile(tmp_path / "hour.mp3", "w", 44100, 2) as file:
        for _ in range(60):
            file.write(np.stack((minute_T, minute_T), axis=1))
    soundfile.write(tmp_path / "short.wav", minute_T[:44100], 44100)
    program = (
        "import resource, sys; from src import predict; status = predict.main(sys.argv[1:]); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(status)"
    )
    peaks = []
    for name in ("short.wav", "hour.mp3"):
        command = [sys.executable, "-c", program, str(tmp_path / name)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        peaks.append(int(done.stderr.split()[-1]))
        answer = json.loads(done.stdout)
    assert answer["duration_seconds"] == pytest.approx(3600, abs=1)
    assert peaks[1] - peaks[0] < 1e6  # kilobytes
