"""Read files of tensors, which may come from a stranger: tensors and plain values only."""

import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import torch

from src import plain_files

# What zipfile and torch.load raise on files that they cannot read.
UNREADABLE = (
    *(OSError, RuntimeError, EOFError, LookupError, AttributeError, TypeError, ValueError, OverflowError, MemoryError),
    *(zipfile.BadZipFile, struct.error),
)


def read(path: Path, what: str, advice: str) -> Any:
    """Read a file that `torch.save` wrote, on the CPU and with weights_only=True, so that nothing in it can run code.

    `what` names the expected content for the message, as in "a checkpoint". Raises ValueError, which names the file and
    ends in `advice`, if it is missing, cannot be read, or unpacks to more than its size.
    """
    if not path.is_file():  # a pipe would be read for ever
        raise ValueError(f"{path} is missing, or no file. {advice}")
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked_bytes = sum(entry.file_size for entry in archive.infolist())
        # torch stores tensors uncompressed: a small file that unpacks to a large one was made to fill the memory.
        if unpacked_bytes <= path.stat().st_size:
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{path} contains other objects than tensors and plain values. They could run code, so it was not loaded. {advice}"
        ) from error
    except UNREADABLE as error:
        raise ValueError(f"{path} cannot be read as {what} ({plain_files.first_line(error)}). {advice}") from error
    raise ValueError(f"{path} unpacks to {unpacked_bytes:,} bytes: it is not {what}. {advice}")


def is_state_dict(state: Any) -> bool:
    """True for a dictionary of tensors by their names."""
    return isinstance(state, dict) and all(
        isinstance(name, str) and isinstance(value, torch.Tensor) for name, value in state.items()
    )
