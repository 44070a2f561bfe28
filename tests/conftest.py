"""Shared fixtures: audio files, a tiny corpus and joblib's worker processes."""

import csv
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from tests.pretrained.mobilenet_reference import random_state

torch.set_num_threads(1)  # the tests share the CPU cores with other programs
# Weights that somebody downloaded must not change the tests, nor the programs that they start.
os.environ["MUSIC_GENRE_CACHE"] = os.path.join(tempfile.gettempdir(), "no-downloaded-weights")
os.environ.pop("MUSIC_GENRE_EFFICIENTAT", None)
for size in ("COLUMNS", "LINES"):  # set in the processes of pytest-xdist, where there is no terminal
    os.environ.pop(size, None)
if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as in the background of a shell: programs that tests interrupt inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parents[1]
RATE = 22050
# The format of a file whose suffix soundfile does not know.
WRITTEN_AS = {
    **dict.fromkeys((".aif", ".aifc", ".aiffc"), "AIFF"),
    **dict.fromkeys((".wave", ".bwf"), "WAV"),
    **dict.fromkeys((".oga", ".opus"), "OGG"),
    **dict.fromkeys((".mp1", ".mp2", ".mpga"), "MP3"),
}
TINY = {"bell": 880.0, "drone": 110.0, "snare": 0.0}  # genre -> Hz; 0 is noise


def tone(
    path: Path, hz: float = 440.0, seconds: float = 1.0, rate: int = RATE, level: float = 0.5, channels: int = 1
) -> Path:
    """Write a sine wave, the same in all channels, in the format of the path's suffix."""
    sine_T = level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)
    return write(path, np.tile(sine_T[:, None], channels), rate)


def write(path: Path, wave: NDArray[np.floating], rate: int = RATE) -> Path:
    """Write samples (T,) or (T, channels), in the format of the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file_format = WRITTEN_AS.get(path.suffix)
    soundfile.write(path, wave, rate, format=file_format, subtype="OPUS" if path.suffix == ".opus" else None)
    return path


@pytest.fixture(scope="session")
def music() -> Path:
    """Folder of real recordings; the test is skipped if it is missing."""
    folder = ROOT.parent / "shared" / "data" / "music"
    if not folder.is_dir():
        pytest.skip(f"no real recordings: {folder} is missing")
    return folder


@pytest.fixture(scope="session")
def efficientat(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights for feature=efficientat, of the smallest width."""
    path = tmp_path_factory.mktemp("weights") / "random.pt"
    torch.save(random_state(0.1), path)
    return path


@pytest.fixture(scope="module")
def with_efficientat(efficientat: Path) -> Iterator[None]:
    """feature=efficientat finds the random weights, in all tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSIC_GENRE_EFFICIENTAT", str(efficientat))
        yield


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Manifest of 24 clips of 2 s: 3 genres of 4 artists with 2 tracks each, which a small network can classify.

    Genres differ in spectrum and rhythm, artists in pitch and level, tracks in noise and start time.
    """
    folder = tmp_path_factory.mktemp("tiny")
    rows = []
    for beats, (genre, hz) in enumerate(TINY.items(), start=1):
        for a in range(4):
            for t in range(2):
                random = np.random.default_rng([beats, a, t])
                name = f"{genre}/{genre}-{a}--{t}.wav"
                write(folder / name, (0.3 + 0.1 * a) * _song(hz * (1 + 0.1 * a), 2 * beats, random))
                rows.append((name, genre, f"{genre}-{a}", f"track {t}"))
    with open(folder / "tiny.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("path", "genre", "artist", "track"), *rows])
    return folder / "tiny.csv"


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """networks("clap") returns the folder of a tiny random CLAP network. Skipped without the extra."""
    pytest.importorskip("transformers", reason="transformers is not installed: make extra-transformers")
    from tests import tiny_networks

    parent = tmp_path_factory.mktemp("networks")

    def folder(kind: str) -> str:
        if not (parent / kind).exists():
            tiny_networks.write(parent / kind, kind)
        return str(parent / kind)

    return folder


@pytest.fixture
def workers() -> Iterator[None]:
    """End joblib's worker processes after the test; joblib would keep them for its next call."""
    yield
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def _song(hz: float, beats_a_second: float, random: np.random.Generator) -> NDArray[np.float64]:
    time_T = np.arange(2 * RATE) / RATE + random.random()
    noise_T = random.standard_normal(len(time_T))
    sound_T = np.sin(2 * np.pi * hz * time_T) + 0.02 * noise_T if hz else 0.3 * noise_T
    decay_T = np.exp(-4 * (time_T * beats_a_second % 1))
    return np.clip(sound_T * decay_T, -1, 1)
