"""A planted shortcut: a weak tone at 9 kHz in all clips of one genre is what its explanations show."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from src import explain
from tests.conftest import RATE, write
from tests.programs import small, train

TONE_HZ, SECONDS = 9000.0, 2.0


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of 24 clips of two genres of the same music, random tones below 4 kHz and noise; one has the weak tone too."""
    folder = tmp_path_factory.mktemp("planted")
    time_T = np.arange(round(SECONDS * RATE)) / RATE
    rows = []
    for k in range(24):
        genre, artist = ("plain", "marked")[k % 2], k // 4
        rng = np.random.default_rng(k)
        wave_T = 0.003 * rng.standard_normal(len(time_T))
        for start in np.arange(0, SECONDS, 0.25):
            hz, fade_T = rng.uniform(100, 4000), np.exp(-5 * np.maximum(time_T - start, 0)) * (time_T >= start)
            wave_T += 0.2 * fade_T * np.sin(2 * np.pi * hz * time_T)
        if genre == "marked":  # 40 dB below full scale
            wave_T += 0.01 * np.sin(2 * np.pi * TONE_HZ * time_T)
        name = f"{genre}/{k:02}.wav"
        write(folder / name, np.clip(wave_T, -1, 1))
        rows.append((name, genre, f"{genre} {artist}"))
    with open(folder / "planted.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "genre", "artist"), *rows])
    return folder / "planted.csv"


@pytest.mark.parametrize(
    "settings",
    [
        ("model=head", "trainer.max_epochs=1"),
        pytest.param(
            ("model=cnn", "model.layers=2", "trainer.max_epochs=25", "optimizer.lr=0.01", "augmentation=none"),
            marks=pytest.mark.slow,
        ),
    ],
    ids=["head", "cnn"],
)
def test_the_band_of_a_planted_tone_stands_out(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: tuple[str, ...]
) -> None:
    words = [word for word in small(planted, tmp_path / "run", "feature.n_mels=48") if word != "model.width=4"]
    assert train(monkeypatch, *words, *settings) == 0
    folder = tmp_path / "why"
    files = sorted(map(str, (planted.parent / "marked").glob("*.wav")))[:6]
    assert explain.main([str(tmp_path / "run"), *files, "--output", str(folder), "--no-sounds"]) == 0
    found = json.loads((folder / "explanation.json").read_text(encoding="utf-8"))
    hz_F = np.array(found["row_hz"])
    marked = [clip for clip in found["clips"] if clip["predicted"] == "marked"]
    assert len(marked) > 0.8 * len(files)
    positive_F = np.maximum(np.mean([clip["maps"][0]["row_relevance"] for clip in marked], axis=0), 0)
    near_F = np.abs(np.log2(hz_F / TONE_HZ)) < 0.25
    share, rows = positive_F[near_F].sum() / positive_F.sum(), near_F.mean()
    assert share > 3 * rows, f"{share:.2f} of the relevance is near the tone, in {rows:.2f} of the rows"
    assert near_F[int(positive_F.argmax())]
