"""Music genre recognition experiments. Run the programs from the project folder: `python -m src.train`."""

import ctypes
import os
import sys
from types import TracebackType

__version__ = "0.2.0"  # as in pyproject.toml

# How long OpenMP's threads wait actively (spin) for each other before they sleep; the default is 300 times as long. On idle
# cores, sleeping at once would make a training step 7 to 10 % slower, and this hardly does. Next to another busy process, a
# spinning thread takes away the time that the other thread needs: a step of the rnn then took up to 60 times as long. GNU
# OpenMP, which torch includes on Linux, reads this variable when it is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# By default every large tensor gets its own memory mapping, whose pages the kernel clears each time. On a CPU
# this takes half of the time of computing features. With these options of glibc's mallopt, freed memory is reused for
# the next tensor instead. Other C libraries do not have mallopt.
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, -1)


def _end_without_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        os._exit(130)  # nothing is open yet; the usual exit would wait for half-imported libraries
    sys.__excepthook__(kind, error, trace)


# Ctrl-C while a program (`python -m src.NAME`, whose argv[0] is "-m" until its file is found) imports its libraries. Later the
# programs catch it themselves.
if sys.argv[:1] == ["-m"]:
    sys.excepthook = _end_without_traceback
