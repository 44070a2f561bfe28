"""CPU threads: how many, the order of results, and the same bits for any number of workers."""

import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from src import threads
from src.model.network import along_frames
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_cores_are_those_that_the_process_may_use() -> None:
    core = min(os.sched_getaffinity(0))
    script = f"import os; os.sched_setaffinity(0, [{core}])\nfrom src import threads\nprint(threads.usable_cores())"
    completed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert completed.stdout == "1\n"


def test_openmp_threads_soon_sleep_while_they_wait_unless_the_user_decides_otherwise() -> None:
    script = "import os, src; print(os.environ['GOMP_SPINCOUNT'])"
    environment = {key: value for key, value in os.environ.items() if key != "GOMP_SPINCOUNT"}
    for own, expected in (({}, "1000"), ({"GOMP_SPINCOUNT": "7"}, "7")):
        completed = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**environment, **own},
            capture_output=True,
            text=True,
            check=True,
        )
        assert completed.stdout.strip() == expected


def test_blas_and_torch_get_the_same_number_of_threads() -> None:
    from threadpoolctl import threadpool_info

    threads.limit(1)
    assert torch.get_num_threads() == 1
    assert {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"} <= {1}


def test_computed_results_have_the_same_bits_for_any_number_of_workers() -> None:
    torch.set_num_threads(2)
    torch.manual_seed(0)
    layer, waves = nn.Conv1d(1, 16, 65), torch.randn(12, 4, 1, 4000)

    def work(wave_BKT: torch.Tensor) -> tuple[torch.Tensor, int]:
        with torch.no_grad():
            return layer(wave_BKT).square().mean(dim=2), torch.get_num_threads()

    found = {workers: list(threads.compute_in_order(work, waves, workers)) for workers in (1, 2, 3)}
    assert torch.get_num_threads() == 2
    assert {count for results in found.values() for _, count in results} == {1}
    for workers in (2, 3):
        for (one, _), (several, _) in zip(found[1], found[workers], strict=True):
            assert torch.equal(one, several)


@pytest.mark.parametrize(
    "begin", [threads.map_in_order, threads.compute_in_order, lambda work, items: threads.prefetch(map(work, items), 2)]
)
def test_the_garbage_collector_does_not_wait_for_the_threads_of_an_unfinished_generator(
    begin: Callable[..., Any],
) -> None:
    """It may run in a thread whose locks they need."""
    started, end = threading.Event(), threading.Event()

    def work(k: int) -> int:
        if k == 0:
            time.sleep(0.2)  # meanwhile the next items are submitted
        else:
            started.set()
            assert end.wait(60)
        return k

    generator = begin(work, range(9))
    assert next(generator) == 0
    assert started.wait(60)
    left = weakref.ref(generator)
    cycle: list[Any] = [generator]
    cycle.append(cycle)
    del generator, cycle
    collector = threading.Thread(target=gc.collect)
    collector.start()
    collector.join(10)
    waits = collector.is_alive()
    end.set()
    assert not waits
    assert left() is None


@pytest.mark.parametrize("cell", [nn.RNN, nn.LSTM, nn.GRU])
def test_recurrent_layers_on_one_thread_have_the_outputs_and_gradients_of_two(cell: type[nn.RNNBase]) -> None:
    torch.set_num_threads(2)
    torch.manual_seed(0)
    layer = cell(48, 64, 2, batch_first=True, bidirectional=True)
    input_BNH = torch.randn(32, 60, 48)
    results = []
    for apply in (lambda hidden: layer(hidden)[0], lambda hidden: along_frames(layer, hidden)):
        layer.zero_grad()
        hidden_BNH = input_BNH.clone().requires_grad_()
        output_BNH = apply(hidden_BNH * 1.0)
        assert torch.get_num_threads() == 2
        output_BNH.square().mean().backward()
        assert torch.get_num_threads() == 2
        results.append([output_BNH, hidden_BNH.grad, *(weight.grad for weight in layer.parameters())])
    for two, one in zip(*results, strict=True):
        assert two is not None
        assert one is not None
        assert torch.equal(two, one)


def test_recurrent_layers_and_their_gradients_run_on_one_thread_and_then_restore_the_number() -> None:
    class Spy(nn.Module):
        def forward(self, hidden: torch.Tensor) -> tuple[torch.Tensor, None]:
            counts.append(torch.get_num_threads())
            output = hidden * 2
            if output.requires_grad:
                output.register_hook(lambda _: counts.append(torch.get_num_threads()))
            return output, None

    counts: list[int] = []
    torch.set_num_threads(2)
    along_frames(Spy(), torch.ones(1, 2, 3))  # type: ignore[arg-type]
    assert torch.get_num_threads() == 2
    output = along_frames(Spy(), torch.ones(1, 2, 3, requires_grad=True))  # type: ignore[arg-type]
    assert torch.get_num_threads() == 2
    output.sum().backward()
    assert torch.get_num_threads() == 2
    assert counts == [1, 1, 1]
