"""Where a run's numbers come from: its identity, its environment, and the command that makes them again."""

import contextlib
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from src import code_digest
from src import config as configs

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


def environment(config: Mapping[str, Any], folder: Path, data: str) -> dict[str, Any]:
    """The run's identity, which is what its numbers follow from: its settings, its data and its source code, a hash each.
    Then what else they may depend on, and the command that makes them again."""
    files = code_digest.run_digests(config)
    return {
        "identity": {"config": configs.digest(config), "data": data, "source": code_digest.digest(files)},
        "command": configs.rerun_command(folder),
        "choices": configs.choices(),
        "source": files,
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
        done = subprocess.run(["git", *words], cwd=code_digest.ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""
    return ""
