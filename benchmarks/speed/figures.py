"""Figures of a benchmark: median times of works that take turns, each compared with a named alternative."""

import os
import platform
import random
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

LIBRARIES = ("torch", "torchaudio", "pytorch-lightning", "nnAudio", "soundfile", "soxr", "librosa", "numpy")


@dataclass(frozen=True)
class Figure:
    """A median of `unit` beside that of an alternative. `ratio` is value / other, which `at_most` or `at_least` bounds."""

    part: str
    what: str
    value: float
    unit: str
    alternative: str
    other: float
    at_most: float | None = None
    at_least: float | None = None

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "Figure":
        """The figure of a record in a JSON file."""
        return cls(**{field.name: record[field.name] for field in fields(cls)})

    @property
    def ratio(self) -> float:
        return self.value / self.other

    @property
    def met(self) -> bool | None:
        """True if the ratio is within its target; None if it has none."""
        if self.at_most is None and self.at_least is None:
            return None
        return self.ratio <= (self.at_most or float("inf")) and self.ratio >= (self.at_least or 0.0)

    def record(self) -> dict[str, Any]:
        """The figure as plain values, with its ratio."""
        return {**asdict(self), "ratio": self.ratio, "met": self.met}


def in_turn(works: Mapping[str, Callable[[], object]], turns: int, warmups: int = 1) -> dict[str, float]:
    """Call the works one after another, `warmups` + `turns` times -> the median seconds of each, without the warm-ups.

    Each turn has another order, since a work may leave the caches and threads of the processor warm or cold for the next.
    """

    def seconds(work: Callable[[], object]) -> list[float]:
        start = time.perf_counter()
        work()
        return [time.perf_counter() - start]

    return values_in_turn({name: partial(seconds, work) for name, work in works.items()}, turns, warmups)


def values_in_turn(
    works: Mapping[str, Callable[[], Sequence[float]]], turns: int, warmups: int = 0
) -> dict[str, float]:
    """The same for works that measure themselves: call them in turn -> the median of the values that each returns."""
    values: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    for turn in range(warmups + turns):
        for name in random.Random(turn).sample(names, len(names)):
            found = works[name]()
            if turn >= warmups:
                values[name] += found
    return {name: statistics.median(found) for name, found in values.items()}


def machine() -> dict[str, Any]:
    """Processor, number of cores, memory, GPU and the versions of the libraries that the figures depend on."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory, 1),
        "gpu": gpu,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in LIBRARIES},
    }


def _processor() -> str:
    """The name of the processor and what it computes with: "AMD EPYC, AVX-512, bfloat16"."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = facts.get("flags", "").split()
    name = facts.get("model name", platform.processor() or platform.machine())
    return ", ".join(
        [name] + [word for flag, word in (("avx512f", "AVX-512"), ("avx512_bf16", "bfloat16")) if flag in flags]
    )
