"""Run the programs as commands, and measure their time and their peak memory."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """Wall time in seconds and peak resident memory in bytes of one process."""

    seconds: float
    peak_bytes: int


def run(arguments: Sequence[str]) -> Cost:
    """Run `python ARGUMENTS...` without its output. Raises RuntimeError, with its last messages, if it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    messages = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: exit status {process.returncode}\n{messages[-2000:]}")
    return Cost(time.perf_counter() - start, usage.ru_maxrss * 1024)
