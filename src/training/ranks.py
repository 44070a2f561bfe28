"""The processes of one training: each has a rank. Rank 0 prepares, prints and writes; all train on their share of each batch.

Rank 0 starts the others of its machine, unless srun or torchrun has started all of them. They run the same command.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from src import console, errors

if TYPE_CHECKING:
    from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment

VARIABLES = ("MASTER_ADDR", "MASTER_PORT", "LOCAL_RANK")  # read by Lightning
STARTED_BY_RANK_0 = "MUSIC_GENRE_RANK"  # variable of the processes that rank 0 has started: their rank
NOT_IN_SWEEPS = (
    "each job of a sweep trains in one process. Leave these settings out, or train each job with a command of its own; "
    "launcher=joblib and launcher=slurm run several jobs at a time."
)
GRACE_SECONDS = 5.0  # after a process has failed, the others notice it at the next step; then they are ended
EXIT_SECONDS = 60.0  # a process that has nothing more to do is ended after this time
LOST_CONNECTION = 75  # exit status of a process that notices that another one has ended, which has its own message


def count(config: DictConfig) -> int:
    """Number of processes that train together."""
    return int(config.trainer.devices) * int(config.trainer.num_nodes)


def describe(config: DictConfig) -> str:
    """The settings of the number of processes, as typed."""
    return f"trainer.devices={config.trainer.devices} trainer.num_nodes={config.trainer.num_nodes}"


def rank(config: DictConfig) -> int:
    """Rank of this process, from 0. It is 0 if a training has only one process, whoever has started it."""
    if count(config) == 1:
        return 0
    if STARTED_BY_RANK_0 in os.environ:
        return int(os.environ[STARTED_BY_RANK_0])
    if _is_torchrun():
        return int(os.environ["RANK"])
    return int(os.environ["SLURM_PROCID"]) if _is_srun() else 0


def check(config: DictConfig) -> None:
    """Check the settings of several processes. Raises ValueError if they cannot train together."""
    processes, several = count(config), describe(config)
    if processes == 1:
        return
    if HydraConfig.get().mode == RunMode.MULTIRUN:
        raise ValueError(f"{several}: {NOT_IN_SWEEPS}")
    if config.data.batch_size % processes:
        raise ValueError(
            f"data.batch_size is {config.data.batch_size}, which {processes} processes ({several}) cannot share equally: "
            f"expected a multiple of {processes}."
        )
    started = _started_elsewhere()
    if not started:
        if config.trainer.num_nodes > 1:
            raise ValueError(
                f"{several}: start the command with srun or torchrun, which run it on all machines (docs/scaling.md)."
            )
    elif started != processes:
        raise ValueError(
            f"{several} means {processes} processes, but {'torchrun' if _is_torchrun() else 'srun'} has started {started}: "
            "trainer.devices is the number of processes on each machine."
        )
    elif not any(str(word).startswith("hydra.run.dir=") for word in HydraConfig.get().overrides.hydra):
        raise ValueError(
            f"{several}: all processes write into one folder, so give it a name: hydra.run.dir=outputs/NAME. The same "
            "command then also resumes the training."
        )


def environment() -> "ClusterEnvironment":
    """Build the cluster environment from which Lightning reads the rank and the address of rank 0."""
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment
    from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    if _is_torchrun():
        return TorchElasticEnvironment()
    if _is_srun():
        # Lightning's own way to queue a job again would write its checkpoints into the working folder.
        return SLURMEnvironment(auto_requeue=False)
    return LightningEnvironment()


def _is_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ


def _is_srun() -> bool:
    return int(os.environ.get("SLURM_STEP_NUM_TASKS", 1)) > 1


def _started_elsewhere() -> int:
    """Number of processes that srun or torchrun has started; 0 without them."""
    if STARTED_BY_RANK_0 in os.environ:
        return 0
    if _is_torchrun():
        return int(os.environ["WORLD_SIZE"])
    return int(os.environ["SLURM_STEP_NUM_TASKS"]) if _is_srun() else 0


@contextmanager
def together(config: DictConfig, folder: Path) -> Iterator[None]:
    """Train in several processes: start those that rank 0 has to start, and end all of them with this one.

    `folder` is the run directory. If another process fails, raises ChildProcessError with its message. A process that
    waits in vain for a failed one is ended, with status 1, after GRACE_SECONDS.
    """
    before = {name: os.environ.get(name) for name in VARIABLES}
    others = Others([] if count(config) == 1 or _started_elsewhere() else _start(config, folder))
    try:
        yield
    except RuntimeError as error:  # also of a connection that another process has closed
        others.wait_for_failure(GRACE_SECONDS)
        if failure := others.failure():
            raise failure from error
        if _lost_connection(error):
            raise ChildProcessError("Another process of this training failed: see its own message.") from error
        raise
    else:
        _disconnect()
        others.wait(EXIT_SECONDS)
    finally:
        others.end()
        _disconnect()
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ |= {} if value is None else {name: value}


def _start(config: DictConfig, folder: Path) -> Sequence["subprocess.Popen[bytes]"]:
    """Start ranks 1, 2 ... of this machine with the command of this process."""
    from lightning_fabric.plugins.environments.lightning import find_free_network_port

    # LOCAL_RANK also tells Lightning that it has no process to start.
    os.environ |= dict(zip(VARIABLES, ("127.0.0.1", str(find_free_network_port()), "0"), strict=True))
    words = [word for word in sys.argv[1:] if not word.startswith("hydra.run.dir=")]
    command = [sys.executable, "-m", "src.train", *words, f"hydra.run.dir={folder}"]
    return [
        subprocess.Popen(
            command,
            env={**os.environ, "LOCAL_RANK": str(number), STARTED_BY_RANK_0: str(number)},
            stdin=subprocess.PIPE,  # ends when rank 0 ends, however it ends
            stdout=subprocess.PIPE,  # the message of a failure
            stderr=None if config.debug else subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches rank 0 only, which ends the others
        )
        for number in range(1, config.trainer.devices)
    ]


def _disconnect() -> None:
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


class Others:
    """The processes that rank 0 has started, and a thread that watches them."""

    def __init__(self, processes: Sequence["subprocess.Popen[bytes]"]) -> None:
        self.processes, self.ended = processes, threading.Event()
        if processes:
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self.ended.wait(0.2):
            if self._failed() and not self.ended.wait(GRACE_SECONDS):
                # Rank 0 waits for a process that has ended. Only the end of this process stops that.
                console.stderr.show_cursor(True)
                console.error("train", self.failure())
                self.end()
                os._exit(1)

    def _failed(self) -> list[int]:
        numbered = enumerate(self.processes, start=1)
        return [number for number, process in numbered if process.poll() not in (None, 0, LOST_CONNECTION)]

    def wait_for_failure(self, seconds: float) -> None:
        """Wait until a process has failed, at most this long."""
        end = time.monotonic() + seconds
        while self.processes and not self._failed() and time.monotonic() < end:
            time.sleep(0.05)

    def failure(self) -> ChildProcessError | None:
        """The failure of the first process that has failed; None if none has."""
        for number in self._failed()[:1]:
            process = self.processes[number - 1]
            assert process.stdout is not None
            reason = process.stdout.read().decode(errors="replace").strip()
            if process.returncode < 0:
                reason = f"it was ended by signal {-process.returncode}; perhaps the memory was full"
            return ChildProcessError(
                f"Process {number + 1} of {len(self.processes) + 1} failed: "
                f"{reason or f'it ended with status {process.returncode} (debug=true shows its output)'}"
            )
        return None

    def wait(self, seconds: float) -> None:
        """Wait until all processes have ended, at most this long for each."""
        for process in self.processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)

    def end(self) -> None:
        """End all processes now."""
        self.ended.set()
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.communicate()  # also closes its pipes


@contextmanager
def following(debug: bool) -> Iterator[None]:
    """Run as another rank than 0: print nothing, end with rank 0, and send it the message of a failure.

    If srun or torchrun has started this process, the message goes to standard error. Exits with status 1 on an error, and
    with LOST_CONNECTION if another process has failed. `debug`: show the traceback.
    """
    by_rank_0 = STARTED_BY_RANK_0 in os.environ
    message = os.fdopen(os.dup(1 if by_rank_0 else 2), "w", errors="backslashreplace")
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, 1)
    os.close(devnull)
    console.stderr.quiet = True
    warnings.simplefilter("ignore")
    if by_rank_0:
        threading.Thread(target=_end_with_rank_0, daemon=True).start()
    try:
        yield
        _disconnect()  # or gloo's threads, which are still running at the exit, would end this process with a message
    except Exception as error:
        if debug:
            traceback.print_exception(error)
        if _lost_connection(error):
            sys.exit(LOST_CONNECTION)
        text = errors.explain(error)
        print(text if by_rank_0 else f"train: {text}", file=message, flush=True)
        sys.exit(1)


def _end_with_rank_0() -> None:
    os.read(0, 1)  # nothing comes before the end; sys.stdin would be locked when this process ends
    os._exit(1)


def _lost_connection(error: Exception) -> bool:
    """True if an error says that another process has ended, which has its own message."""
    from torch import distributed

    return isinstance(error, distributed.DistError) or "gloo" in str(error)


def end_at_sigterm() -> None:
    """End this process at SIGTERM as at Ctrl-C. Lightning would first talk to processes that may have ended."""

    def interrupt(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)
