"""Run work in threads, for libraries that release Python's global lock while they compute: libsndfile, soxr, torch."""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

X = TypeVar("X")
Y = TypeVar("Y")

PENDING_PER_WORKER = 4  # limit of items that are submitted but not yet yielded


def usable_cores() -> int:
    """Number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_order(work: Callable[[X], Y], items: Iterable[X], workers: int) -> Generator[Y, None, None]:
    """Apply `work` to each item in `workers` threads; yield the results in the order of the items.

    An exception of `work` is raised at its item; items that have not started are then cancelled.
    """
    pending: deque[Future[Y]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                while pending and (pending[0].done() or len(pending) > PENDING_PER_WORKER * workers):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def prefetch(items: Iterable[X], count: int) -> Iterator[X]:
    """Yield the same items. A background thread computes up to `count` of them in advance."""
    end = object()
    iterator = iter(items)
    with ThreadPoolExecutor(1) as pool:
        pending: deque[Future[X | object]] = deque(pool.submit(next, iterator, end) for _ in range(count))
        try:
            while (item := pending.popleft().result()) is not end:
                pending.append(pool.submit(next, iterator, end))
                yield item  # type: ignore[misc]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
