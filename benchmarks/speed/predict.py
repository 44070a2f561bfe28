"""Predictions of the pretrained tagger, musicnn: seconds of music per second of computing and core.

Where the weights of EfficientAT are found, also with both networks.
"""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.predict import SECONDS, write_excerpts
from benchmarks.speed.experiment import compose
from benchmarks.speed.figures import Figure
from src.classifier.precision import BF16, FP32, has_bf16
from src.training import setup

FILES = 24
# Cores and precision -> seconds of music per second and core.
PER_CORE = {(1, FP32): 50.0, (2, FP32): 45.0, (1, BF16): 60.0}
BOTH_PER_CORE = 35.0  # the same with EfficientAT too


def figures(folder: Path) -> list[Figure]:
    music = setup.compose_data(compose()).corpus.clips[0].path.parents[1]
    excerpts = folder / "excerpts"
    excerpts.mkdir()
    write_excerpts(music, excerpts, FILES)
    found = []
    for (cores, precision), least in PER_CORE.items():
        if precision == BF16 and not has_bf16("auto"):
            continue
        command = [sys.executable, "-m", "benchmarks.predict", str(excerpts), "--child", str(cores)]
        command += ["--precision", precision]
        seconds = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        speed = FILES * SECONDS / seconds["all"] / cores
        name = f"predict, {cores} core{'s' if cores > 1 else ''}, {precision}, per core"
        found.append(Figure("predict", name, speed, "s/s", "limit", least, at_least=1.0))
        found.append(
            Figure("predict", name, speed, "s/s", "networks alone", FILES * SECONDS / seconds["networks"] / cores)
        )
        if "both" in seconds:
            both = FILES * SECONDS / seconds["both"] / cores
            found.append(
                Figure("predict", f"{name}, with EfficientAT", both, "s/s", "limit", BOTH_PER_CORE, at_least=1.0)
            )
            found.append(Figure("predict", f"{name}, with EfficientAT", both, "s/s", "musicnn alone", speed))
    return found
