"""Spectrograms of 32 waveforms of 3 s: `feature.backend=auto` against both back ends and librosa."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.figures import Figure, in_turn
from src.feature import Mel, Stft

RATE, BATCH, SECONDS, TURNS = 22050, 32, 3.0, 9
SETTINGS: dict[str, Any] = {"sample_rate": RATE, "n_fft": 2048, "hop_length": 512}
AUTO_LIMIT = 1.15  # of the faster back end


def figures(folder: Path) -> list[Figure]:
    torch.set_num_threads(2)
    wave_BT = torch.from_numpy(np.random.default_rng(0).standard_normal((BATCH, round(SECONDS * RATE)), np.float32))
    found: list[Figure] = []
    for name, build, stranger in (
        ("mel", partial(Mel, **SETTINGS, n_mels=128), _librosa_mel),
        ("stft", partial(Stft, **SETTINGS), _librosa_stft),
    ):
        works: dict[str, Callable[[], object]] = {}
        for backend in ("auto", "nnaudio", "torchaudio"):
            works[backend] = partial(torch.no_grad()(build(backend=backend).eval()), wave_BT)
        seconds = in_turn(works, TURNS)
        slower, faster = sorted(("nnaudio", "torchaudio"), key=seconds.__getitem__, reverse=True)
        found += [
            Figure("features", f"{name}, auto", seconds["auto"], "s", other, seconds[other], at_most=limit)
            for other, limit in ((faster, AUTO_LIMIT), (slower, None))
        ]
        # Apart: the threads of librosa's libraries keep the cores busy for a while after its work.
        seconds = in_turn({"auto": works["auto"], "librosa": partial(stranger, wave_BT)}, TURNS)
        found.append(Figure("features", f"{name}, auto", seconds["auto"], "s", "librosa", seconds["librosa"]))
    return found


def _librosa_mel(wave_BT: Tensor) -> object:
    return librosa.feature.melspectrogram(y=wave_BT.numpy(), sr=RATE, n_fft=2048, hop_length=512, n_mels=128)


def _librosa_stft(wave_BT: Tensor) -> object:
    return np.abs(librosa.stft(y=wave_BT.numpy(), n_fft=2048, hop_length=512))
