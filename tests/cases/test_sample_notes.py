"""Files damaged in the middle, and the notes on all corrections as the programs show them."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from src import predict
from src.audio import reader
from src.audio.reader import AudioError
from src.classifier import build
from tests.cases.doors import LevelTagger, damage, doors, save
from tests.cases.sounds import RATE, genre_folders, music
from tests.programs import audit, train


@pytest.fixture(autouse=True)
def _tagger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "tagger", LevelTagger)


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg", "opus", "wav"])
@pytest.mark.parametrize("how", ["zeros", "ones", "noise", "cut out", "single bytes"])
def test_of_a_damaged_middle_every_door_uses_the_same_part_and_says_which(
    suffix: str, how: str, tmp_path: Path
) -> None:
    path = damage(tmp_path / f"a.{suffix}", 12, how)
    result = doors(path)
    np.testing.assert_allclose(result.training, result.stream.clip(-1, 1), atol=2e-5)
    np.testing.assert_allclose(result.audit, result.stream, atol=1e-5)
    seconds = len(result.stream) / RATE
    if seconds < 11.8:
        [note] = [note for note in result.notes if note.startswith("damaged or cut short: its header states 1")]
        assert f"{seconds:.1f}" in note or f"{seconds - 0.05:.1f}" in note or f"{seconds + 0.05:.1f}" in note
    if suffix in ("mp3", "flac") and how in ("zeros", "ones", "noise"):
        assert 5.0 < seconds < 6.6  # all that comes before the damage
        reference_T = music(12, 1, 44100)
        wave_T = reader.resample(reference_T, 44100, RATE)[: len(result.stream)]
        assert np.corrcoef(wave_T[: 4 * RATE], result.stream[: 4 * RATE])[0, 1] > 0.99


@pytest.mark.parametrize("suffix", ["mp3", "flac", "ogg"])
@pytest.mark.parametrize("place", [0.03, 0.2, 0.45, 0.8])
def test_the_middle_of_a_damaged_file_is_the_same_at_every_door(suffix: str, place: float, tmp_path: Path) -> None:
    """The part in use begins before the damage, contains it, or begins after it."""
    path = damage(tmp_path / f"a.{suffix}", 20, "noise", place)

    def attempt(door: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32] | str:
        try:
            return door()
        except AudioError as error:
            return str(error)

    first, *others = (
        attempt(lambda: reader.read_sound(path, RATE, max_seconds=5).wave_T),
        attempt(lambda: np.concatenate(list(reader.Stream(path, RATE, 5)))),
        attempt(lambda: reader.resample(reader.read_native(path, 0.0, None, 5).wave_T, 44100, RATE)),
    )
    for other in others:
        if isinstance(first, str):
            assert other == first
        else:
            np.testing.assert_allclose(other, first, atol=1e-5)


def _folders(root: Path) -> Path:
    """Two genres; rock has four files on int16's scale, one with an offset, one of opposite channels, three unusable."""
    genre_folders(root, ["jazz", "rock"], clips=8)
    for k in range(4):
        save(root / "rock" / f"{k}.wav", music(4, k) * 32768, subtype="FLOAT")
    save(root / "rock" / "5.wav", 0.4 * music(4, 5) + 0.5)
    save(root / "rock" / "6.wav", np.stack([music(4, 6), -music(4, 6)], axis=1))
    for name, value in (("huge", 1e30), ("nan", np.nan), ("inf", np.inf)):
        wave_T = music(4, 9)
        wave_T[9999] = value
        save(root / "rock" / f"{name}.wav", wave_T, subtype="FLOAT")
    damage(root / "rock" / "torn.flac", 8, "noise", rate=RATE)
    return root


def test_training_corrects_and_says_so_once_for_each_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run = _folders(tmp_path / "songs"), tmp_path / "run"
    settings = ("dataset=folder", f"dataset.root={root}", "model=majority", "logger=none", "trainer.threads=1")
    assert train(monkeypatch, *settings, f"data.cache={tmp_path / 'cache'}", f"hydra.run.dir={run}") == 0
    messages = capsys.readouterr().err
    with open(run / "notes.csv", newline="", encoding="utf-8") as file:
        notes = {row["clip"]: row["note"] for row in csv.DictReader(file)}
    assert set(notes) == {
        f"rock/{name}" for name in ("0.wav", "1.wav", "2.wav", "3.wav", "5.wav", "6.wav", "torn.flac")
    }
    assert f"Note: rock/0.wav: {notes['rock/0.wav']} (also 3 other clips, see notes.csv)" in messages
    assert messages.count("on the scale of 16-bit integers") == 1
    assert f"Note: rock/5.wav: {notes['rock/5.wav']}\n" in messages
    with open(run / "excluded.csv", newline="", encoding="utf-8") as file:
        excluded = {row["clip"]: row["reason"] for row in csv.DictReader(file)}
    assert set(excluded) == {"rock/huge.wav", "rock/nan.wav", "rock/inf.wav"}


def test_training_without_notes_writes_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root, run = genre_folders(tmp_path / "songs", ["jazz", "rock"]), tmp_path / "run"
    settings = ("dataset=folder", f"dataset.root={root}", "model=majority", "logger=none", "trainer.threads=1")
    assert train(monkeypatch, *settings, f"data.cache={tmp_path / 'cache'}", f"hydra.run.dir={run}") == 0
    assert not (run / "notes.csv").exists()


def test_the_audit_goes_on_and_lists_each_correction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root, out = _folders(tmp_path / "songs"), tmp_path / "audit"
    settings = ("dataset=folder", f"dataset.root={root}", f"data.cache={tmp_path / 'cache'}")
    for _ in range(2):  # measured first, then read from the cache
        assert audit(monkeypatch, *settings, f"hydra.run.dir={out}") == 1
        content = json.loads((out / "audit.json").read_text(encoding="utf-8"))
        faults = {(row["clip"], row["fault"]): row["detail"] for row in content["files"]}
        assert set(faults) == {
            *((f"rock/{k}.wav", "rescaled") for k in range(4)),
            ("rock/5.wav", "offset"),
            ("rock/6.wav", "channels"),
            ("rock/torn.flac", "truncated"),
            *((f"rock/{name}.wav", "unreadable") for name in ("huge", "nan", "inf")),
        }
        assert "1e+30" in faults["rock/huge.wav", "unreadable"]
        level = dict(zip(content["clips"], content["measures"]["level_db"], strict=True))
        for k in range(4):
            assert level[f"rock/{k}.wav"] == pytest.approx(20 * np.log10(music(4, k).std()), abs=0.01)
        assert level["rock/6.wav"] == pytest.approx(20 * np.log10(music(4, 6).std()), abs=0.01)
        page = (out / "audit.html").read_text(encoding="utf-8")
        assert "as on the scale of 16-bit integers" in page
        assert "4 clips on another scale than [-1, 1], and divided to fit." in page
        printed = capsys.readouterr().out
        assert "rescaled" in printed
        assert "samples reach 22,938, as on the scale of" in printed
    excluded = (out / "exclude.txt").read_text(encoding="utf-8").splitlines()
    assert {"rock/huge.wav", "rock/torn.flac", "# rock/0.wav", "# rock/5.wav", "# rock/6.wav"} <= set(excluded)


def test_predictions_have_the_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = _folders(tmp_path / "songs")
    assert predict.main([str(root / "rock"), "--threads", "1"]) == 1
    printed = capsys.readouterr()
    rows = {Path(row["audio_file"]).name: row for row in map(json.loads, printed.out.splitlines())}
    assert rows["0.wav"]["note"].endswith("as on the scale of 16-bit integers: divided by 32,768")
    assert "offset of 0.50" in rows["5.wav"]["note"]
    assert "only channel 1" in rows["6.wav"]["note"]
    assert "can be decoded" in rows["torn.flac"]["note"]
    assert {name for name, row in rows.items() if "error" in row} == {"huge.wav", "nan.wav", "inf.wav"}
