"""Excerpts for the report: which clips, how much of them, and what is said of those that cannot be read."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from src.clip import Clip
from src.rundir import extras
from src.training import sounds
from src.training.module import Predictions
from tests.conftest import write

#       from the highest confidence to the lowest; predicted genre is that of the larger logit
LOGITS = torch.tensor([[5.0, 0], [4.0, 0], [0, 3.0], [0, 2.0], [1.0, 0], [0, 0.5]])


def predictions(genre: list[int]) -> Predictions:
    return Predictions(torch.arange(len(genre)), torch.tensor(genre), LOGITS[: len(genre)])


def data(folder: Path, clips: int, seconds: float = 0.2) -> Any:
    paths = [
        write(folder / f"{k}.wav", 0.3 * np.sin(np.arange(round(22_050 * seconds)) / (3 + k))) for k in range(clips)
    ]
    return SimpleNamespace(clips=[Clip(f"rock/{path.name}", path, "rock") for path in paths], max_seconds=30.0)


def test_mistakes_come_first_then_correct_predictions_of_each_genre() -> None:
    test = predictions([0, 1, 0, 1, 0, 0])  # wrong: 1, 2, 5; right: 0 (genre 0), 3 (genre 1), 4 (genre 0)
    assert sounds.choose(test, 3) == [1, 2, 0]
    assert sounds.choose(test, 6) == [1, 2, 5, 0, 3, 4]
    assert sounds.choose(test, 100) == [1, 2, 5, 0, 3, 4]


def test_correct_predictions_fill_up_where_there_are_few_mistakes() -> None:
    assert sounds.choose(predictions([0, 0, 1, 1, 0, 1]), 3) == [0, 2, 1]  # no mistake
    assert sounds.choose(predictions([1, 1, 0, 0, 1, 0]), 3) == [0, 1, 2]  # mistakes only


def test_excerpts_can_be_read_and_a_missing_file_is_listed(tmp_path: Path) -> None:
    corpus = data(tmp_path, 6)
    corpus.clips[1].path.unlink()
    run = tmp_path / "run"
    run.mkdir()
    sounds.write(run, predictions([0, 1, 0, 1, 0, 0]), corpus, 3)
    content = json.loads((run / extras.SOUNDS / extras.SOUNDS_LIST).read_text(encoding="utf-8"))
    assert [entry["clip"] for entry in content["clips"]] == ["rock/2.wav", "rock/0.wav"]
    assert content["unreadable"] == [{"clip": "rock/1.wav", "reason": "no such file"}]
    wave, rate = soundfile.read(run / extras.SOUNDS / "000.ogg")
    assert rate == sounds.RATE
    assert len(wave) == pytest.approx(0.2 * rate, abs=2)
    read = extras.read_sounds(run)
    assert read is not None
    assert set(read.path_of) == {"rock/2.wav", "rock/0.wav"}


def test_the_folder_has_a_largest_size(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    sounds.write(run, predictions([0, 1, 0, 1, 0, 0]), data(tmp_path, 6), 6, most_bytes=9_000)
    files = list((run / extras.SOUNDS).glob("*.ogg"))
    content = json.loads((run / extras.SOUNDS / extras.SOUNDS_LIST).read_text(encoding="utf-8"))
    assert 0 < sum(file.stat().st_size for file in files) <= 9_000
    assert content["no_room"] == 6 - len(files) > 0


def test_an_excerpt_is_the_middle_of_what_is_judged(tmp_path: Path) -> None:
    wave = np.zeros(22_050 * 24, dtype=np.float32)
    wave[22_050 * 12 : 22_050 * 13] = 0.5 * np.sin(np.arange(22_050) / 5)  # 12 to 13 s
    clip = Clip("a", write(tmp_path / "a.wav", wave), "rock")
    excerpt_T, start = sounds.excerpt(clip, max_seconds=None)
    assert start == pytest.approx(7.0)
    assert len(excerpt_T) == sounds.SECONDS * sounds.RATE
    loud = np.flatnonzero(np.abs(excerpt_T) > 0.1) / sounds.RATE
    assert start + loud.min() == pytest.approx(12.0, abs=0.01)
    part = Clip("b", clip.path, "rock", start_seconds=10.0, stop_seconds=14.0)
    excerpt_T, start = sounds.excerpt(part, max_seconds=2.0)
    assert start == pytest.approx(11.0)
    assert len(excerpt_T) == 2 * sounds.RATE


def test_a_tone_is_one_band_of_the_spectrogram() -> None:
    tone_T = (0.5 * np.sin(2 * np.pi * 4_000 * np.arange(sounds.RATE * 2) / sounds.RATE)).astype(np.float32)
    image_FN = sounds.spectrogram(tone_T)
    assert image_FN.shape == (sounds.BANDS, sounds.FRAMES)
    assert image_FN.max() == 255
    level_F = image_FN[:, 40:120].mean(axis=1)
    loudest = int(level_F.argmax())
    assert 25 < loudest < 36  # 4 kHz lies above the middle of a mel scale up to 16 kHz
    assert level_F[loudest] > 250
    assert level_F[:10].max() == 0


@pytest.mark.parametrize("samples", [1, 100, 700])
def test_a_short_sound_has_a_spectrogram_too(samples: int) -> None:
    assert sounds.spectrogram(np.full(samples, 0.1, np.float32)).shape == (sounds.BANDS, sounds.FRAMES)
