"""Where a run's numbers come from: its identity, its environment, and the command that makes them again."""

import contextlib
import hashlib
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from src import config as configs
from src.data import GenreData

LIBRARIES = (
    "torch",
    "torchaudio",
    "nnAudio",
    "pytorch-lightning",
    "torchmetrics",
    "hydra-core",
    "numpy",
    "soundfile",
    "soxr",
)
SOURCE = Path(__file__).resolve().parent


def identity(config: Mapping[str, Any], data: GenreData) -> dict[str, str]:
    """What a run's numbers follow from: its settings, its data and this source code, a hash each."""
    source = hashlib.sha256()
    for path in sorted(SOURCE.rglob("*.py")):
        source.update(path.relative_to(SOURCE).as_posix().encode() + path.read_bytes())
    return {"config": configs.digest(config), "data": data.digest, "source": source.hexdigest()[:16]}


def environment(config: Mapping[str, Any], folder: Path, identity: Mapping[str, str]) -> dict[str, Any]:
    """What else the numbers may depend on, and the command that makes them again."""
    return {
        "identity": dict(identity),
        "command": configs.command(folder),
        "choices": configs.choices(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "git": {"commit": _git("rev-parse", "HEAD") or None, "dirty": bool(_git("status", "--porcelain"))},
        "hardware": {
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        "threads": config["trainer"]["threads"],
        "precision": config["trainer"]["precision"],
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _git(*words: str) -> str:
    with contextlib.suppress(OSError):
        done = subprocess.run(["git", *words], cwd=SOURCE, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""
    return ""
