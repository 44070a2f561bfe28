"""Load checkpoints, which may come from a stranger: tensors and plain values only."""

from pathlib import Path
from typing import Any

from src.pretrained import tensors

ADVICE = "Train the run again."


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint on the CPU: see `src.pretrained.tensors.read`.

    Raises ValueError, which names the file, if it is missing, is no checkpoint, or unpacks to more than its size.
    """
    checkpoint = tensors.read(path, "a checkpoint of this project", ADVICE)
    if not isinstance(checkpoint, dict) or not tensors.is_state_dict(checkpoint.get("state_dict")):
        raise ValueError(f"{path} has no state_dict of tensors: it is no checkpoint of this project. {ADVICE}")
    return checkpoint
