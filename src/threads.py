"""Run work in threads: for libraries that release Python's global lock, such as libsndfile, soxr and torch."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

X = TypeVar("X")
Y = TypeVar("Y")

PENDING_PER_WORKER = 4  # limit of items that are submitted but not yet yielded


def map_in_order(work: Callable[[X], Y], items: Iterable[X], workers: int) -> Iterator[Y]:
    """Apply `work` to each item in `workers` threads. Yield each result as soon as possible, in the order of the items."""
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
    """Yield the items unchanged. A thread computes up to `count` items before they are needed."""
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
