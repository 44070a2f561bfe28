"""Music genre recognition experiments. Programs are run in place: `python -m src.train`."""

import ctypes
import os
import sys

# How long OpenMP's threads spin for one another before they sleep; its own choice is 15 times as long. On idle cores
# nothing changes, and beside another busy process a thread does not spin away the time slice that the other one needs
# (a hybrid's step took up to 5.5 s for 0.35 s). Sleeping at once would make recurrent layers 5 times slower. GNU's
# OpenMP, which torch brings along on Linux, reads it when it is loaded.
os.environ.setdefault("GOMP_SPINCOUNT", "20000")

# By default every large tensor is a mapping of its own, which the kernel clears page by page whenever one is made: half of
# the time that features take on a CPU. Freed memory is kept for the next tensor instead (glibc's mallopt; others have none).
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
    libc.mallopt(M_MMAP_MAX, 0)
    libc.mallopt(M_TRIM_THRESHOLD, -1)
