"""One training in two processes on the CPU: the same numbers as one process, and one end for both."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from src import rundir
from src.training import ranks
from tests.integration.test_programs import ROOT, metrics, same, weights
from tests.programs import small, train

pytestmark = pytest.mark.slow
TWO = "trainer.devices=2"
PLAIN = (  # nothing that looks at the batch as a whole, and no random numbers
    *("model=rnn", "model.dropout=0", "augmentation=none", "optimizer=sgd", "optimizer.lr=0.01", "scheduler=constant"),
    *("data.least_crops=32", "trainer.max_epochs=5"),
)
COMBINED = (
    *("model=cnn", "feature=mfcc", "augmentation=full", "trainer.ema_decay=0.9", "trainer.accumulate_grad_batches=2"),
    "data.least_crops=32",
)


def arguments(manifest: Path, folder: Path, *words: str) -> list[str]:
    """Arguments of a small training, without those that `words` set."""
    keys = {word.split("=")[0] for word in words}
    return [*(word for word in small(manifest, folder) if word.split("=")[0] not in keys), *words]


@contextmanager
def started(*words: str, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """The program in a process group of its own, as a terminal starts it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "src.train", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def others(process: "subprocess.Popen[str]") -> list[int]:
    """The processes that a process has started."""
    parents = {int(path.name): path for path in Path("/proc").iterdir() if path.name.isdigit()}
    return [number for number in parents if _parent(number) == process.pid]


def _parent(number: int) -> int:
    try:
        return int((Path("/proc") / str(number) / "stat").read_text(encoding="utf-8").rpartition(") ")[2].split()[1])
    except OSError:
        return 0


def wait_for(path: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until a training has written a file."""
    end = time.monotonic() + 120
    while not path.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    assert path.exists(), process.communicate()


def assert_ended(numbers: list[int]) -> None:
    """Check that processes end within seconds."""
    end = time.monotonic() + 10
    while any(Path(f"/proc/{number}").exists() for number in numbers) and time.monotonic() < end:
        time.sleep(0.05)
    assert not [number for number in numbers if Path(f"/proc/{number}").exists()]


def test_two_processes_train_like_one_with_the_same_batch(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """20 steps: 5 epochs of 36 crops in 4 whole batches of 8 and one of 4."""
    one, two = tmp_path / "one", tmp_path / "two"
    assert train(monkeypatch, *arguments(tiny, one, *PLAIN)) == 0
    capsys.readouterr()
    assert train(monkeypatch, *arguments(tiny, two, *PLAIN, TWO, "trainer.strategy=ddp")) == 0
    output = capsys.readouterr()
    assert not {*ranks.VARIABLES, "WORLD_SIZE"} & os.environ.keys()  # for the next training in this process
    assert output.err.count("Epoch 1/5") == output.out.count("the report is") == 1  # only rank 0 prints

    assert torch.load(two / rundir.LAST, weights_only=True)["global_step"] >= 20
    for key, value in weights(one).items():
        torch.testing.assert_close(weights(two)[key], value, atol=1e-4, rtol=0, msg=key)
    for a, b in zip(rundir.RunDir(one).history, rundir.RunDir(two).history, strict=True):
        assert {**b, "seconds": 0} == pytest.approx({**a, "seconds": 0}, abs=1e-4)
    first, second = rundir.RunDir(one), rundir.RunDir(two)
    assert second.predictions.clips == first.predictions.clips
    assert sorted(second.predictions.clips) == sorted(row["clip"] for row in second.split if row["set"] == "test")
    assert second.predictions.probability_KC == pytest.approx(first.predictions.probability_KC, abs=1e-4)
    assert metrics(two)["val"]["nll"] == pytest.approx(metrics(one)["val"]["nll"], abs=1e-4)
    assert first.environment["identity"]["config"] != second.environment["identity"]["config"]

    assert train(monkeypatch, *arguments(tiny, two, *PLAIN, TWO, "trainer.strategy=ddp")) == 0
    assert "already finished" in capsys.readouterr().out


def test_a_training_whose_processes_are_killed_resumes_to_the_same_result(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With batch normalization, averaged weights, accumulated batches and augmentation."""
    words = (*COMBINED, TWO, "trainer.max_epochs=6", "trainer.gradient_clip_val=1")
    assert train(monkeypatch, *arguments(tiny, tmp_path / "uninterrupted", *words)) == 0
    folder = tmp_path / "killed"
    with started(*arguments(tiny, folder, *words)) as process:
        wait_for(folder / rundir.LAST, process)
        numbers = others(process)
        assert len(numbers) == 1
        process.kill()  # rank 0 only: the other ends with it
        assert_ended(numbers)
    assert not (folder / rundir.METRICS).exists()
    assert train(monkeypatch, *arguments(tiny, folder, *words)) == 0
    assert same(weights(folder), weights(tmp_path / "uninterrupted"))
    assert metrics(folder) == metrics(tmp_path / "uninterrupted")


def test_low_precision_trains_in_two_processes(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = (*COMBINED, TWO, "trainer.precision=bf16-mixed", "sampler=balanced", "loss=weighted")
    assert train(monkeypatch, *arguments(tiny, tmp_path / "run", *words)) == 0
    assert all(value.isfinite().all() for value in weights(tmp_path / "run").values())
    assert len(rundir.RunDir(tmp_path / "run").predictions.clips) == metrics(tmp_path / "run")["test"]["clips"] == 6


def test_pre_training_happens_once(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pre-trained network and the normalization are those of one process: a rate of almost 0 keeps them."""
    words = ("model=dbn", "model.layers=2", "model.dropout=0", "feature=mfcc", "augmentation=none", "optimizer=sgd")
    words = (*words, "optimizer.lr=1e-12", "scheduler=constant", "trainer.max_epochs=1")
    assert train(monkeypatch, *arguments(tiny, tmp_path / "one", *words)) == 0
    assert train(monkeypatch, *arguments(tiny, tmp_path / "two", *words, TWO)) == 0
    for key, value in weights(tmp_path / "one").items():
        torch.testing.assert_close(weights(tmp_path / "two")[key], value, atol=1e-6, rtol=0, msg=key)
    assert metrics(tmp_path / "two")["passes"] == metrics(tmp_path / "one")["passes"] != {}


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_all_processes(signal_number: signal.Signals, tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with started(*arguments(tiny, folder, *PLAIN, TWO, "trainer.max_epochs=10000")) as process:
        wait_for(folder / rundir.LAST, process)
        numbers = others(process)
        assert len(numbers) == 1
        os.killpg(process.pid, signal_number)
        output = process.communicate(timeout=60)[1]
        assert process.returncode == 130
        assert output.count("Interrupted. What is finished is saved. To resume: ") == 1
        assert "Traceback" not in output
        assert_ended(numbers)


def test_a_killed_process_ends_the_training_with_one_message(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with started(*arguments(tiny, folder, *PLAIN, TWO, "trainer.max_epochs=10000")) as process:
        wait_for(folder / rundir.LAST, process)
        os.kill(others(process)[0], signal.SIGKILL)
        output = process.communicate(timeout=60)[1]
        assert process.returncode == 1
        assert output.count("\ntrain: ") == 1
        assert "train: Process 2 of 2 failed: it was ended by signal 9; perhaps the memory was full" in output


def test_a_process_that_ends_before_it_trains_is_not_waited_for(tiny: Path, tmp_path: Path) -> None:
    """Python runs a file of this name when it starts."""
    code = f"import os\nif '{ranks.STARTED_BY_RANK_0}' in os.environ:\n    os._exit(3)\n"
    (tmp_path / "sitecustomize.py").write_text(code, encoding="utf-8")
    with started(*arguments(tiny, tmp_path / "run", *PLAIN, TWO), PYTHONPATH=str(tmp_path)) as process:
        output = process.communicate(timeout=60)[1]
        assert process.returncode == 1
        assert output.endswith("train: Process 2 of 2 failed: it ended with status 3 (debug=true shows its output)\n")


def test_a_failure_in_one_process_ends_the_training_with_its_message(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = (*PLAIN, "trainer.devices=4", "loss._target_=tests.integration.failing_loss.Failing")
    assert train(monkeypatch, *arguments(tiny, tmp_path / "run", *words)) == 1
    output = capsys.readouterr().err
    assert output.count("\ntrain: ") == 1
    assert "train: Process 3 of 4 failed: the loss of this process failed" in output


def test_processes_that_srun_has_started_train_together(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines with one process each, of which srun tells each process by variables; here both are this machine."""
    folder = tmp_path / "run"
    slurm = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "1", "SLURM_LOCALID": "0"}
    slurm |= {"SLURM_JOB_ID": str(os.getpid()), "SLURM_NODELIST": "127.0.0.1", "SLURM_JOB_NAME": "genre"}
    words = arguments(tiny, folder, *PLAIN, "trainer.num_nodes=2")
    with started(*words, **slurm, SLURM_PROCID="1", SLURM_NODEID="1") as second:
        with started(*words, **slurm, SLURM_PROCID="0", SLURM_NODEID="0") as first:
            output = first.communicate(timeout=120)
            assert first.returncode == 0, output
        assert second.communicate(timeout=60) == ("", "")
        assert second.returncode == 0
    one = tmp_path / "one"
    assert train(monkeypatch, *arguments(tiny, one, *PLAIN)) == 0
    for key, value in weights(one).items():
        torch.testing.assert_close(weights(folder)[key], value, atol=1e-4, rtol=0, msg=key)
