"""The embedding and the excerpts of a run: read as they were written, and refused if they are broken."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.rundir import extras
from tests.rundirs import SOUNDS, config, write_embedding, write_run, write_sounds


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run", config())


def test_a_run_without_extras_has_none(run: Path) -> None:
    assert extras.read_embedding(run, 160) is None
    assert extras.read_sounds(run) is None


def test_an_embedding_is_read(run: Path) -> None:
    write_embedding(run, umap=True)
    embedding = extras.read_embedding(run, 160)
    assert embedding is not None
    assert embedding.component_KD.shape == (160, 8)
    assert embedding.row_K.tolist() == list(range(160))
    assert embedding.umap_K2 is not None
    assert embedding.umap_K2.shape == (160, 2)
    assert embedding.fitted_clips == 100


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"row": np.zeros(160, np.int32)}, "its rows are not those of 160 test clips"),
        ({"row": np.arange(1, 161, dtype=np.int32)}, "its rows are not those of 160 test clips"),
        ({"row": np.arange(160.0)}, "not whole numbers"),
        ({"component": np.zeros((160, 7), np.float16)}, "component has the shape"),
        ({"component": np.full((160, 8), np.nan, np.float16)}, "values that are not numbers"),
        ({"component": np.array([["x"] * 8] * 160)}, "values that are not numbers"),
        ({"umap": np.zeros((160, 3), np.float32)}, "umap has the shape"),
        ({"explained": np.zeros((8, 2), np.float32)}, "cannot be read"),
    ],
)
def test_a_broken_embedding_is_refused(run: Path, change: dict[str, Any], message: str) -> None:
    write_embedding(run)
    with np.load(run / extras.EMBEDDING) as file:
        arrays = {**{name: file[name] for name in file.files}, **change}
    np.savez(run / extras.EMBEDDING, **arrays)
    with pytest.raises(ValueError, match=message):
        extras.read_embedding(run, 160)


def test_a_compressed_embedding_is_refused(run: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, row=np.zeros(10**6, np.int32))  # a small file can have gigabytes in it
    (run / extras.EMBEDDING).write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="it is compressed"):
        extras.read_embedding(run, 160)


def test_sounds_are_read_and_a_missing_file_is_named(run: Path) -> None:
    names = write_sounds(run)
    (run / extras.SOUNDS / "001.ogg").unlink()
    sounds = extras.read_sounds(run)
    assert sounds is not None
    assert list(sounds.path_of) == [name for k, name in enumerate(names) if k != 1]
    assert sounds.path_of[names[2]] == "sounds/002.ogg"  # the number stays that of the file
    assert sounds.unreadable[names[1]] == "sounds/001.ogg is missing"
    assert len(sounds.spectrogram_of) == SOUNDS - 1
    assert sounds.spectrogram_of[names[0]].max() <= 1


@pytest.mark.parametrize("content", ["[]", "{", '{"clips": []}', '{"clips": 3, "unreadable": [], "no_room": 0}'])
def test_a_broken_list_of_sounds_is_refused(run: Path, content: str) -> None:
    write_sounds(run)
    (run / extras.SOUNDS / extras.SOUNDS_LIST).write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"Delete the folder sounds\."):
        extras.read_sounds(run)


def test_spectrograms_of_other_sounds_are_refused(run: Path) -> None:
    write_sounds(run)
    np.savez(run / extras.SOUNDS / extras.SPECTROGRAMS, image=np.zeros((1, 48, 160), np.uint8))
    with pytest.raises(ValueError, match="does not match"):
        extras.read_sounds(run)
