"""The file of fingerprints: read as it was written, and refused if it is broken or made to do harm."""

from pathlib import Path

import numpy as np
import pytest

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
