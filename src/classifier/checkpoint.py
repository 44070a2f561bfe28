"""Load checkpoints, which may come from a stranger: tensors and plain values only."""

import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from src import plain_files


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint on the CPU with weights_only=True, so that nothing in it can run code.

    Raises ValueError, which names the file, if it is missing, is no checkpoint, or unpacks to more than its size.
    """
    advice = "Train the run again."
    if not path.is_file():  # a pipe would be read for ever
        raise ValueError(f"{path} is missing, or no file. {advice}")
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked_bytes = sum(entry.file_size for entry in archive.infolist())
        # torch stores tensors uncompressed: a small file that unpacks to a large one was made to fill the memory.
        if unpacked_bytes > path.stat().st_size:
            raise ValueError(
                f"{path} unpacks to {unpacked_bytes:,} bytes: it is no checkpoint of this project. {advice}"
            )
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} contains other objects than tensors and plain values. They could run code, so it was not loaded. {advice}"
        ) from error
    except (OSError, RuntimeError, zipfile.BadZipFile, EOFError, KeyError, AttributeError, TypeError) as error:
        raise ValueError(
            f"{path} cannot be read as a checkpoint ({plain_files.first_line(error)}). {advice}"
        ) from error
    if not isinstance(checkpoint, dict) or not _has_weights(checkpoint.get("state_dict")):
        raise ValueError(f"{path} has no state_dict of tensors: it is no checkpoint of this project. {advice}")
    return checkpoint


def _has_weights(state: Any) -> bool:
    return isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    )
