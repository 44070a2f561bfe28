"""Excerpts of test clips for the report: the mistakes with the highest confidence and some correct predictions, with small spectrograms."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from src import metrics, plain_files
from src.audio import reader
from src.audio.decoders import encode_ogg
from src.clip import Clip
from src.data.datamodule import GenreData
from src.feature import Mel
from src.rundir import extras
from src.training.module import Predictions

SECONDS = 10.0  # of an excerpt: the middle of what was evaluated
RATE = 32_000  # Hz: sound up to 16 kHz
MOST_BYTES = 5_000_000  # of all excerpts of a run
MISTAKES_SHARE = 2 / 3  # of the excerpts; the others are correct predictions
# Of a spectrogram: mel bands, frames, and the range between white and full colour.
BANDS, FRAMES, RANGE_DB = 48, 160, 60


def choose(test: Predictions, count: int) -> list[int]:
    """Choose `count` test clips -> their positions in `test`: mistakes, then correct predictions, in the order of confidence.

    Correct predictions come from as many genres as possible. If there are too few of one kind, more of the other are chosen.
    """
    probability_K, predicted_K = test.logits.softmax(dim=1).max(dim=1)
    correct_K = predicted_K == test.genre
    order = metrics.mistakes_first(probability_K, correct_K)
    wrong = [k for k in order if not correct_K[k]]
    seen: dict[int, int] = {}  # genre -> correct predictions of it so far
    turn = {}
    for k in order[len(wrong) :]:
        genre = int(test.genre[k])
        turn[k] = seen[genre] = seen.get(genre, -1) + 1
    correct = sorted(turn, key=lambda k: turn[k])  # the highest confidence of each genre first; sorting is stable
    mistakes = min(len(wrong), max(round(count * MISTAKES_SHARE), count - len(correct)))
    return [*wrong[:mistakes], *correct[: count - mistakes]]


def write(folder: Path, test: Predictions, data: GenreData, count: int, most_bytes: int = MOST_BYTES) -> None:
    """Write the excerpts of `count` clips into the folder `sounds` of a run, at most `most_bytes` in total.

    The sound is read from its files again, as the cache may have a low sample rate. A clip whose file is gone or cannot be
    read is listed with the reason.
    """
    sounds = folder / extras.SOUNDS
    sounds.mkdir()
    written: list[dict[str, Any]] = []
    unreadable: list[dict[str, str]] = []
    images: list[NDArray[np.uint8]] = []
    size, no_room = 0, 0
    for k in choose(test, count):
        clip = data.clips[int(test.clip[k])]
        try:
            wave_T, start = excerpt(clip, data.max_seconds)
        except (reader.AudioError, OSError) as error:
            unreadable.append({"clip": clip.name, "reason": plain_files.first_line(error)})
            continue
        content = encode_ogg(wave_T, RATE)
        if size + len(content) > most_bytes:
            no_room += 1
            continue
        plain_files.write_bytes(sounds / extras.sound_name(len(written)), content)
        size += len(content)
        images.append(spectrogram(wave_T))
        written.append({"clip": clip.name, "start_seconds": round(start, 3), "seconds": round(len(wave_T) / RATE, 3)})
    stacked = np.stack(images) if images else np.empty((0, BANDS, FRAMES), np.uint8)
    with plain_files.replacing(sounds / extras.SPECTROGRAMS) as part, open(part, "wb") as file:
        np.savez(file, allow_pickle=False, image=stacked)
    # Last: it makes the folder complete.
    plain_files.write_json(
        sounds / extras.SOUNDS_LIST, {"clips": written, "unreadable": unreadable, "no_room": no_room}, indent=1
    )


def excerpt(clip: Clip, max_seconds: float | None) -> tuple[NDArray[np.float32], float]:
    """The middle SECONDS of the evaluated part of a clip -> wave (T,) at RATE Hz, and its start in the file in s.

    Raises AudioError if it cannot be read.
    """
    sound = reader.read_native(clip.path, clip.start_seconds, clip.stop_seconds, max_seconds)
    wave_T = reader.resample(sound.wave_T, sound.sample_rate, RATE)
    longest = round(SECONDS * RATE)
    first = max(0, (len(wave_T) - longest) // 2)
    return np.clip(wave_T[first : first + longest], -1, 1), sound.start_seconds + first / RATE


def spectrogram(wave_T: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A mel spectrogram of an excerpt as an image (BANDS, FRAMES): 0 is RANGE_DB below its maximum, or less; 255 the maximum."""
    mel = Mel(RATE, max(1, len(wave_T) // (FRAMES - 1)), 2048, BANDS, backend="torchaudio")
    with torch.no_grad():
        level_FN = mel(torch.from_numpy(wave_T)[None])[0].numpy()[:, :FRAMES]
    level_FN = np.pad(level_FN, ((0, 0), (0, FRAMES - level_FN.shape[1])), constant_values=-100)
    share_FN = np.clip(1 + (level_FN - level_FN.max()) / RANGE_DB, 0, 1)
    image_FN: NDArray[np.uint8] = np.round(255 * share_FN).astype(np.uint8)
    return image_FN
