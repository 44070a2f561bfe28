"""Median run time of a function."""

import statistics
import time
from collections.abc import Callable


def median(work: Callable[[], object], turns: int) -> float:
    """Call `work` a number of times (`turns`) and return the median run time in seconds."""
    seconds = []
    for _ in range(turns):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)
