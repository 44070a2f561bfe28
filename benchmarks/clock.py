"""How long work takes: the median of several turns."""

import statistics
import time
from collections.abc import Callable


def median(work: Callable[[], object], turns: int) -> float:
    """The median seconds of some turns of the work."""
    seconds = []
    for _ in range(turns):
        before = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - before)
    return statistics.median(seconds)
