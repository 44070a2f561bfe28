"""Run the programs as commands, and measure their time and their peak memory."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """Wall time in seconds and peak resident memory in bytes of one process."""

    seconds: float
    peak_bytes: int


def run(arguments: Sequence[str]) -> Cost:
    """Run `python ARGUMENTS...` without its output. Raises RuntimeError, with its last messages, if it fails."""
    # Into a file, not a pipe: wandb's own process may outlive the command, and would keep a pipe open.
    with tempfile.TemporaryFile("w+") as messages:
        start = time.perf_counter()
        process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL, stderr=messages)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        messages.seek(0)
        if process.returncode:
            text = messages.read()[-2000:]
            raise RuntimeError(f"{' '.join(arguments)}: exit status {process.returncode}\n{text}")
    return Cost(seconds, usage.ru_maxrss * 1024)
