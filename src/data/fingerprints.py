"""Fingerprints of the clips that a run was trained on, in its directory: later evaluations search them for copies.

The file has 240 bytes for each second of sound: 46 MB for 6,400 clips of 30 s.
"""

import zipfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from src import plain_files
from src.audio import fingerprint, reader
from src.console import track
from src.data.crops import FULL_SCALE
from src.data.waveform_cache import WaveformCache
from src.threads import map_in_order

MOST_CLIPS = 20_000  # of more training clips, none is stored: the file would be larger than 150 MB
ARRAYS = {"digest": np.dtype("S16"), "length": np.dtype(np.int64), "code": np.dtype(np.uint32)}


# Codes that this process has computed, by digest and sample rate: the jobs of a sweep are trained on the same clips.
_computed: dict[tuple[str, int], NDArray[np.uint32]] = {}


class Fingerprints(NamedTuple):
    """The fingerprints of K clips: `digest` of the samples of each, equal for identical audio, and its `codes` (N,)."""

    digest: list[str]
    codes: list[NDArray[np.uint32]]


def compute(waveforms: WaveformCache, clips: Sequence[int], sample_rate: int) -> Fingerprints:
    """Compute the fingerprints of some clips from their decoded sound, whose rate is `sample_rate` Hz; once in a process."""

    def codes(k: int) -> NDArray[np.uint32]:
        wave_T = waveforms.samples(k).numpy().astype(np.float32) / np.float32(FULL_SCALE)
        return fingerprint.codes(reader.resample(wave_T, sample_rate, fingerprint.SAMPLE_RATE))

    keys = [(waveforms.digest[k], sample_rate) for k in clips]
    missing = {key: k for key, k in zip(keys, clips, strict=True) if key not in _computed}
    if len(_computed) + len(missing) > MOST_CLIPS:
        _computed.clear()
        missing = dict(zip(keys, clips, strict=True))
    if missing:
        with closing(map_in_order(codes, missing.values())) as results:
            _computed.update(zip(missing, track(results, "Computing fingerprints", len(missing)), strict=True))
    return Fingerprints([digest for digest, _ in keys], [_computed[key] for key in keys])


def write(path: Path, fingerprints: Fingerprints) -> None:
    """Write fingerprints into a file. A killed process leaves the old file or the new one."""
    with plain_files.replacing(path) as part, open(part, "wb") as file:
        np.savez(
            file,
            digest=np.array(fingerprints.digest, ARRAYS["digest"]),
            length=np.array([len(code_N) for code_N in fingerprints.codes], ARRAYS["length"]),
            code=np.concatenate([np.empty(0, ARRAYS["code"]), *fingerprints.codes]),
        )


def read(path: Path, clips: int) -> Fingerprints:
    """Read the fingerprints of a run, which may come from a stranger, of its `clips` training and validation clips.

    Raises ValueError, which names the file, if it cannot be used.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
                raise ValueError("it is compressed")
        with np.load(path, allow_pickle=False) as file:
            digest_K, length_K, code_I = (file[name] for name in ARRAYS)
        for name, array in zip(ARRAYS, (digest_K, length_K, code_I), strict=True):
            if array.ndim != 1 or array.dtype != ARRAYS[name]:
                raise ValueError(f"{name} has another type or shape")
        if not len(digest_K) == len(length_K) == clips or (length_K < 0).any() or length_K.sum() != len(code_I):
            raise ValueError(f"it has {len(digest_K)} clips, expected the {clips} training and validation clips")
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} cannot be read ({plain_files.first_line(error)}). Delete it, and copies count as unknown, or train the "
            "run again."
        ) from error
    return Fingerprints(
        [digest.decode("ascii", "replace") for digest in digest_K], np.split(code_I, length_K.cumsum())[:-1]
    )
