"""Sound into the module: decoding, opening the cache and cutting batches, against a plain Dataset and tensors in memory."""

from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchaudio.functional import resample

from benchmarks.speed.experiment import compose
from benchmarks.speed.figures import Figure, in_turn
from src.data import waveform_cache
from src.data.datamodule import GenreData
from src.training import setup

RATE, FILES, SECONDS, TURNS = 44100, 48, 30.0, 3
INTO_MODULE = 50  # times as fast as decoding


def figures(folder: Path) -> list[Figure]:
    write_mp3(folder / "music")
    cache = folder / "cache"
    # A folder for each genre: split by clip, since no artist is known.
    data = setup.compose_data(
        compose("model=cnn", "dataset=folder", f"dataset.root={folder / 'music'}", f"data.cache={cache}")
    )
    clips = data.corpus.clips

    def decode() -> object:
        with TemporaryDirectory(dir=folder) as empty:
            return waveform_cache.open_or_decode(clips, Path(empty), data.sample_rate)

    plain = DataLoader(
        Decoded([clip.path for clip in clips], data.sample_rate), batch_size=8, num_workers=2, persistent_workers=True
    )
    sound = sum(data.waveforms.length) / data.sample_rate  # decoded before the time is taken
    seconds = in_turn(
        {
            "decode": decode,
            "plain": lambda: deque(plain, maxlen=0),
            "open": lambda: waveform_cache.open_or_decode(clips, cache, data.sample_rate),
        },
        TURNS,
    )
    crops = len(data.clips_in("train")) * data.crops_per_clip * data.crop_length / data.sample_rate
    batches = in_turn({"ours": partial(_epoch, data), "memory": _memory_epoch(data)}, 3 * TURNS)
    faster = min(seconds["decode"], seconds["plain"])
    return [
        Figure("data", f"decode {FILES} mp3 of 30 s", seconds["decode"], "s", "soundfile, 2 workers", seconds["plain"]),
        Figure("data", "open them from the cache", seconds["open"], "s", "decode", seconds["decode"]),
        Figure("data", "batches of an epoch", batches["ours"], "s", "tensors in memory", batches["memory"]),
        Figure(
            "data",
            "sound into the module",
            crops / batches["ours"],
            "s/s",
            "decoding in every epoch, the faster way",
            sound / faster,
            at_least=INTO_MODULE,
        ),
    ]


class Decoded(Dataset[Tensor]):
    """Whole files, decoded with soundfile and resampled with torchaudio."""

    def __init__(self, paths: list[Path], sample_rate: int) -> None:
        self.paths, self.sample_rate = paths, sample_rate

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, item: int) -> Tensor:
        wave_TK, rate = soundfile.read(self.paths[item], dtype="float32", always_2d=True)
        wave_T: Tensor = resample(torch.from_numpy(wave_TK.mean(axis=1)), rate, self.sample_rate)
        return wave_T[: round(SECONDS * self.sample_rate)]


def write_mp3(folder: Path) -> None:
    """Write synthetic clips, three after another, as stereo mp3 of 30 s: folder/genre/number.mp3."""
    clips = setup.compose_data(compose()).corpus.clips
    for k in range(FILES):
        first = k * (len(clips) // FILES)  # of all genres
        parts = [soundfile.read(clips[first + part].path, dtype="float32", always_2d=True) for part in range(3)]
        wave_T = np.concatenate([wave_TK.mean(axis=1) for wave_TK, _ in parts])
        wave_T = np.repeat(wave_T, RATE // parts[0][1])[: round(SECONDS * RATE)]
        path = folder / clips[first].genre / f"{k:03}.mp3"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.stack((wave_T, 0.9 * wave_T), axis=1), RATE)


def _epoch(data: GenreData) -> None:
    for crop_B in data.train_dataloader():
        data.crop_batch(crop_B, 0)


def _memory_epoch(data: GenreData) -> Callable[[], object]:
    """The least work that gives the same batches: crops of one float tensor, at random positions."""
    samples_T = data.waveforms.copied_to(torch.device("cpu")).pieces[0].float() / 32767
    length, batch_size = data.crop_length, data.batch_size
    crops = len(data.clips_in("train")) * data.crops_per_clip

    def batches() -> Iterator[Tensor]:
        starts = torch.randint(len(samples_T) - length, (crops,)).tolist()
        for first in range(0, crops, batch_size):
            yield torch.stack([samples_T[start : start + length] for start in starts[first : first + batch_size]])

    return lambda: deque(batches(), maxlen=0)
