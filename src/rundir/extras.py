"""Material for the report of a run beside its scores: an embedding of the test clips, and excerpts of some of them.

Neither is needed to read the run. Both may come from a stranger: nothing in them names a file or a class.
"""

import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src import plain_files
from src.rundir import schema

EMBEDDING = "embedding.npz"
SOUNDS = "sounds"  # the folder of 000.ogg, 001.ogg ... and of these two files
SOUNDS_LIST = "sounds.json"
SPECTROGRAMS = "spectrograms.npz"
MOST_SOUNDS = 1000  # their names have three digits
_SOUND = {"clip": schema.TEXT, "start_seconds": schema.NONNEGATIVE, "seconds": schema.NONNEGATIVE}
_LIST = {
    "clips": schema.Many(_SOUND),
    "unreadable": schema.Many({"clip": schema.TEXT, "reason": schema.TEXT}),
    "no_room": schema.COUNT,
}


@dataclass(frozen=True)
class Embedding:
    """Principal components (K, D) of the embeddings of K test clips; fitted on `fitted_clips` training clips.

    `row_K` are their rows in predictions.csv, `explained_D` the shares of the variance of the training clips. `umap_K2` is
    a map by UMAP, fitted on the same training clips; None if none was asked for.
    """

    row_K: NDArray[np.int64]
    component_KD: NDArray[np.float64]
    explained_D: NDArray[np.float64]
    fitted_clips: int
    umap_K2: NDArray[np.float64] | None


@dataclass(frozen=True)
class Sounds:
    """Excerpts of clips: `path_of` and `start_of` (s) by clip, paths relative to the run; `spectrogram_of` (F, N) in [0, 1].

    `unreadable` has the clips whose sound could not be read, with the reason; `no_room` counts those for which the folder
    had no room.
    """

    path_of: Mapping[str, str]
    start_of: Mapping[str, float]
    seconds_of: Mapping[str, float]
    spectrogram_of: Mapping[str, NDArray[np.float64]]
    unreadable: Mapping[str, str]
    no_room: int


def remove(folder: Path) -> None:
    """Remove the embedding and the excerpts of a run."""
    (folder / EMBEDDING).unlink(missing_ok=True)
    shutil.rmtree(folder / SOUNDS, ignore_errors=True)


def read_embedding(folder: Path, clips: int) -> Embedding | None:
    """Read the embedding of a run with `clips` test clips; None if it has none. Raises ValueError on a broken file."""
    path = folder / EMBEDDING
    if not path.is_file():
        return None
    try:
        arrays = load_arrays(path)
        row_K, component_KD, explained_D = (arrays[name] for name in ("row", "component", "explained"))
        fitted, umap_K2 = arrays["fitted_clips"], arrays.get("umap")
        rows = len(row_K)
        shapes = {
            "row": (rows,),
            "explained": (len(explained_D),),
            "component": (rows, len(explained_D)),
            "fitted_clips": (),
            "umap": (rows, 2),
        }
        for name, shape in shapes.items():
            if name in arrays and arrays[name].shape != shape:
                raise ValueError(f"{name} has the shape {arrays[name].shape}, expected {shape}")
        if row_K.dtype.kind not in "iu" or fitted.dtype.kind not in "iu":
            raise ValueError("row and fitted_clips are not whole numbers")
        if not rows or row_K.min() < 0 or row_K.max() >= clips or len(set(row_K.tolist())) < rows:
            raise ValueError(f"its rows are not those of {clips} test clips")
        numbers = [component_KD, explained_D, *([] if umap_K2 is None else [umap_K2])]
        if not all(array.dtype.kind == "f" and np.isfinite(array).all() for array in numbers) or not len(explained_D):
            raise ValueError("it has values that are not numbers")
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} cannot be read ({plain_files.first_line(error)}). Delete it.") from error
    wide = [array.astype(np.float64) for array in numbers]
    return Embedding(row_K.astype(np.int64), wide[0], wide[1], int(fitted), wide[2] if len(wide) > 2 else None)


def read_sounds(folder: Path) -> Sounds | None:
    """Read the list of the excerpts of a run; None if it has none. Raises ValueError on a broken file.

    An excerpt whose file is missing counts as unreadable.
    """
    sounds = folder / SOUNDS
    if not (sounds / SOUNDS_LIST).is_file():
        return None
    advice = f"Delete the folder {SOUNDS}."
    content = plain_files.json_object(sounds, SOUNDS_LIST, advice)
    try:
        schema.check(sounds / SOUNDS_LIST, content, _LIST)
        if len(content["clips"]) > MOST_SOUNDS:
            raise ValueError(f"{sounds / SOUNDS_LIST} has more than {MOST_SOUNDS} clips.")
        images_KFN = load_arrays(sounds / SPECTROGRAMS)["image"]
        if images_KFN.dtype != np.uint8 or images_KFN.ndim != 3 or len(images_KFN) != len(content["clips"]):
            raise ValueError(f"{sounds / SPECTROGRAMS} does not match {SOUNDS_LIST}.")
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        reason = plain_files.first_line(error).removesuffix(" Train the run again.")
        raise ValueError(f"{sounds} cannot be read ({reason}). {advice}") from error
    unreadable = {entry["clip"]: entry["reason"] for entry in content["unreadable"]}
    present: dict[str, tuple[int, Mapping[str, Any]]] = {}
    for number, entry in enumerate(content["clips"]):
        if (sounds / sound_name(number)).is_file():
            present[entry["clip"]] = number, entry
        else:
            unreadable[entry["clip"]] = f"{SOUNDS}/{sound_name(number)} is missing"
    return Sounds(
        path_of={clip: f"{SOUNDS}/{sound_name(number)}" for clip, (number, _) in present.items()},
        start_of={clip: entry["start_seconds"] for clip, (_, entry) in present.items()},
        seconds_of={clip: entry["seconds"] for clip, (_, entry) in present.items()},
        spectrogram_of={clip: images_KFN[number] / 255 for clip, (number, _) in present.items()},
        unreadable=unreadable,
        no_room=content["no_room"],
    )


def sound_name(number: int) -> str:
    """The file name of an excerpt: 7 -> "007.ogg". No name from the data is in it."""
    return f"{number:03d}.ogg"


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an uncompressed .npz file. Raises ValueError on a compressed one, and on one that claims more than it has."""
    with zipfile.ZipFile(path) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise ValueError("it is compressed")  # a small file could have gigabytes in it
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (MemoryError, OverflowError, RuntimeError) as error:  # too large, or encrypted
        raise ValueError(plain_files.first_line(error)) from error
