"""benchmarks.planted: only the chosen clips are altered, by a tone or a low pass of known size."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks import planted
from src.dataset import Manifest
from tests.conftest import write

SECONDS = 2


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A manifest of white noise: two genres of five artists with two clips each."""
    rows = []
    for genre in ("jazz", "rock"):
        for k in range(10):
            noise_T = 0.1 * np.random.default_rng([len(rows)]).standard_normal(SECONDS * planted.RATE)
            write(tmp_path / f"{genre}{k}.wav", noise_T, planted.RATE)
            rows.append((f"{genre}{k}.wav", genre, f"{genre} {k // 2}", f"track {k}"))
    with (tmp_path / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "genre", "artist", "track"), *rows])
    return tmp_path / "manifest.csv"


def differences(music: Path, folder: Path) -> dict[tuple[str, str | None], list[float]]:
    """RMS of (written clip - original) for the clips of each (genre, set)."""
    result: dict[tuple[str, str | None], list[float]] = {}
    originals = Manifest(str(music)).corpus().clips
    for original, clip in zip(originals, Manifest(str(folder / "manifest.csv")).corpus().clips, strict=True):
        assert (original.genre, original.artist, original.track) == (clip.genre, clip.artist, clip.track)
        difference_T = soundfile.read(clip.path)[0] - soundfile.read(original.path)[0]
        result.setdefault((clip.genre, clip.subset), []).append(float(np.sqrt(np.mean(difference_T**2))))
    return result


def test_the_tone_is_in_the_training_clips_of_one_genre_only(music: Path, tmp_path: Path) -> None:
    assert planted.main([str(music), str(tmp_path / "new"), "--genre", "rock", "--shortcut", "tone"]) == 0
    found = differences(music, tmp_path / "new")
    assert {key: len(values) for key, values in found.items()} == {
        (genre, subset): count
        for genre in ("jazz", "rock")
        for subset, count in (("train", 6), ("val", 2), ("test", 2))
    }
    for key, values in found.items():
        # The level of the noise is 0.1: a tone 40 dB below it has an RMS of 0.001. The other clips are as they were.
        np.testing.assert_allclose(values, 0.001 if key == ("rock", "train") else 0.0, rtol=0.02)
    with (tmp_path / "new" / "planted.csv").open(encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 6


def test_the_tone_has_its_frequency() -> None:
    wave_T = planted.tone(np.full(planted.RATE, 0.5, np.float32), 3000, -20) - np.float32(0.5)
    assert np.abs(np.fft.rfft(wave_T)).argmax() == 3000
    assert np.sqrt(np.mean(wave_T**2)) == pytest.approx(0.05, rel=1e-3)


def test_the_low_pass_removes_what_is_above(music: Path, tmp_path: Path) -> None:
    options = ["--genre", "jazz", "--shortcut", "low_pass", "--hz", "4000", "--sets", "train,val,test"]
    planted.main([str(music), str(tmp_path / "new"), *options])
    for clip in Manifest(str(tmp_path / "new" / "manifest.csv")).corpus().clips:
        wave_T = soundfile.read(clip.path)[0]
        power_F = np.abs(np.fft.rfft(wave_T * np.hanning(len(wave_T)))) ** 2
        above, below = power_F[SECONDS * 7200 :].mean(), power_F[: SECONDS * 3800].mean()
        assert (above < 1e-7 * below) == (clip.genre == "jazz")


def test_the_sets_of_the_manifest_are_kept(music: Path, tmp_path: Path) -> None:
    with music.open(encoding="utf-8") as file:
        header, *rows = list(csv.reader(file))
    with music.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[*header, "split"], *([*row, "test"] for row in rows)])
    planted.main([str(music), str(tmp_path / "new"), "--genre", "rock", "--shortcut", "tone"])
    assert set(differences(music, tmp_path / "new")) == {("jazz", "test"), ("rock", "test")}
    assert (tmp_path / "new" / "planted.csv").read_text(encoding="utf-8").splitlines() == ["path,clip"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--genre", "pop"), "--genre is 'pop': expected one of jazz, rock."),
        (("--genre", "rock", "--hz", "12000"), "--hz is 12000: expected more than 0 and less than 11025 Hz."),
        (("--genre", "rock", "--sets", "training"), "--sets is training: expected one or more of train, val, test"),
        (("--genre", "rock", "--level-db", "3"), "--level-db is 3: expected -120 to 0."),
    ],
)
def test_bad_options_get_one_message(
    options: tuple[str, ...], message: str, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        planted.main([str(music), str(tmp_path / "new"), "--shortcut", "tone", *options])
    assert message in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_missing_manifest_gets_one_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        planted.main([str(tmp_path / "no.csv"), str(tmp_path / "new"), "--shortcut", "tone", "--genre", "rock"])
    assert "which is not a file" in capsys.readouterr().err
