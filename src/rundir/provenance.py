"""Provenance of a run: its identity, its environment, and the command that repeats it."""

import contextlib
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch

from src import config as configs
from src.rundir import code_digest
from src.threads import usable_cores

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


def environment(config: Mapping[str, Any], data: str, command: str, choices: Mapping[str, str]) -> dict[str, Any]:
    """Build the content of environment.json; the caller writes the file.

    `data` is the digest of the data, `command` the command line that repeats the run, and `choices` the choice of each
    config group. Threads and precision are None where the config has none, as the runs of an average differ in them. The identity of a run consists of digests of its
    settings, its data and its source code, which determine its results. The other entries are what else may influence
    the results.
    """
    source = code_digest.run_digests(config)
    return {
        "identity": {"config": configs.digest(config), "data": data, "source": code_digest.digest(source)},
        "command": command,
        "choices": dict(choices),
        "source": source,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "git": {"commit": _git("rev-parse", "HEAD") or None, "dirty": bool(_git("status", "--porcelain"))},
        "hardware": {
            "machine": platform.machine(),
            "cores": usable_cores(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        "threads": config["trainer"].get("threads"),
        "precision": config["trainer"].get("precision"),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _git(*arguments: str) -> str:
    """Run a git command in the project's folder and return its output; "" if there is no git or no repository."""
    with contextlib.suppress(OSError):
        result = subprocess.run(["git", *arguments], cwd=code_digest.ROOT, capture_output=True, text=True, check=False)
        return result.stdout.strip() if result.returncode == 0 else ""
    return ""
