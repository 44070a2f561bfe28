"""Work in threads, for what lets other threads run meanwhile: libsndfile, soxr and torch do."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

X = TypeVar("X")
Y = TypeVar("Y")

WAITING = 4  # items a worker that may be under way


def in_order(work: Callable[[X], Y], items: Iterable[X], workers: int) -> Iterator[Y]:
    """What `work` makes of each item, in the items' order, as soon as it is known; `workers` at a time."""
    pending: deque[Future[Y]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                while pending and (pending[0].done() or len(pending) > WAITING * workers):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def ahead(items: Iterable[X], count: int) -> Iterator[X]:
    """The same items, made in a thread up to `count` ahead of who takes them."""
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
