"""The file of fingerprints: read as it was written, and refused if it is broken or made to do harm."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from src.data import fingerprints
from src.data.fingerprints import Fingerprints

THREE = Fingerprints(
    ["0123456789abcdef", "fedcba9876543210", "0123456789abcdef"],
    [np.arange(5, dtype=np.uint32), np.empty(0, np.uint32), np.array([2**32 - 1], np.uint32)],
)


def test_fingerprints_are_read_as_they_were_written(tmp_path: Path) -> None:
    fingerprints.write(tmp_path / "f.npz", THREE)
    read = fingerprints.read(tmp_path / "f.npz", clips=3)
    assert read.digest == THREE.digest
    for code_N, expected_N in zip(read.codes, THREE.codes, strict=True):
        np.testing.assert_array_equal(code_N, expected_N)
    fingerprints.write(tmp_path / "none.npz", Fingerprints([], []))
    assert fingerprints.read(tmp_path / "none.npz", clips=0) == ([], [])


def test_a_file_that_is_broken_or_belongs_to_other_clips_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    fingerprints.write(path, THREE)
    with pytest.raises(ValueError, match="it has 3 clips, expected the 4 training and validation clips"):
        fingerprints.read(path, clips=4)
    arrays = {"digest": np.array(THREE.digest, "S16"), "length": np.array([1, 0, 1]), "code": np.zeros(2, np.uint32)}
    np.savez_compressed(path, **arrays)
    with pytest.raises(ValueError, match="it is compressed"):
        fingerprints.read(path, clips=3)
    for name, array in (
        ("length", np.array([3, 0, -1])),
        ("length", np.array([1, 0, 9])),
        ("length", np.array([1.0, 0.0, 1.0])),
        ("code", np.array([object(), object()])),
    ):
        np.savez(path, **{**arrays, name: array})
        with pytest.raises(ValueError, match=r"f.npz cannot be read \(.+\)\. Delete it"):
            fingerprints.read(path, clips=3)
    for content in (b"", b"PK no zip"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"f.npz cannot be read"):
            fingerprints.read(path, clips=3)


def test_the_fingerprint_of_a_clip_is_computed_once_in_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs of a sweep are trained on the same clips."""
    computed: list[int] = []

    def codes(wave_T: np.ndarray) -> np.ndarray:
        computed.append(len(wave_T))
        return np.array([len(wave_T)], np.uint32)

    monkeypatch.setattr(fingerprints.fingerprint, "codes", codes)
    monkeypatch.setattr(fingerprints, "_computed", {})
    rate = fingerprints.fingerprint.SAMPLE_RATE
    lengths = [rate, 2 * rate, rate]
    waveforms: Any = SimpleNamespace(
        digest=["one", "two", "one"], samples=lambda k: torch.ones(lengths[k], dtype=torch.int16)
    )
    for clips in ([0], [1, 2], [0, 1, 2]):
        found = fingerprints.compute(waveforms, clips, rate)
        assert found.digest == [waveforms.digest[k] for k in clips]
        assert [int(code_N[0]) for code_N in found.codes] == [lengths[k] for k in clips]
    assert sorted(computed) == [rate, 2 * rate]
    monkeypatch.setattr(fingerprints, "MOST_CLIPS", 1)  # memory is limited
    assert len(fingerprints.compute(waveforms, [0, 1, 2], rate).codes) == 3
