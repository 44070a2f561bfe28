"""CPU threads: how many there are for decoding, torch, OpenMP and BLAS, and work that runs in several of them.

Threads suit libraries that release Python's global lock while they compute: libsndfile, soxr, torch. How long OpenMP's
threads wait for each other is set in src/__init__.py, before any library is loaded.

Generators here do not wait for their threads at the end. The garbage collector may close an unfinished generator in any
thread, even one that holds a lock of `threading`: waiting there would be a deadlock. Use `contextlib.closing` for a
generator that may be left unfinished.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

X = TypeVar("X")
Y = TypeVar("Y")

PENDING_PER_WORKER = 4  # limit of items that are submitted but not yet yielded


def usable_cores() -> int:
    """Number of CPU cores that this process may use: those of its affinity mask, and of its container's limit."""
    from joblib import cpu_count

    return int(cpu_count())


def limit(threads: int) -> None:
    """Give torch, and the matrix products of numpy and scipy (BLAS), this number of CPU threads in this process."""
    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(threads)
    threadpool_limits(threads, user_api="blas")


def compute_in_order(
    work: Callable[[X], Y], items: Iterable[X], workers: int | None = None
) -> Generator[Y, None, None]:
    """Like `map_in_order`, for computations with torch: each call of `work` gets one CPU thread.

    So the results have the same bits for any number of workers. On several cores this is faster than all threads in one
    call, and far faster beside other busy programs, as no thread waits for another. Torch's number of threads is restored
    at the end.
    """
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from map_in_order(work, items, workers)
    finally:
        torch.set_num_threads(threads)


def map_in_order(work: Callable[[X], Y], items: Iterable[X], workers: int | None = None) -> Generator[Y, None, None]:
    """Apply `work` to each item in `workers` threads (default: one per core); yield the results in the order of the items.

    An exception of `work` is raised at its item; items that have not started are then cancelled.
    """
    workers = workers or usable_cores()
    pending: deque[Future[Y]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for item in items:
            pending.append(pool.submit(work, item))
            while pending and (pending[0].done() or len(pending) > PENDING_PER_WORKER * workers):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def prefetch(items: Iterable[X], count: int) -> Generator[X, None, None]:
    """Yield the same items. A background thread computes up to `count` of them in advance."""
    end = object()
    iterator = iter(items)
    pool = ThreadPoolExecutor(1)
    try:
        pending: deque[Future[X | object]] = deque(pool.submit(next, iterator, end) for _ in range(count))
        while (item := pending.popleft().result()) is not end:
            pending.append(pool.submit(next, iterator, end))
            yield item  # type: ignore[misc]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
