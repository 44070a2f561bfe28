"""The folder of a run while a program works in it: a name of its own, and a lock against other processes."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import filelock
from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict, read_write
from omegaconf.errors import OmegaConfBaseException

from src import console
from src.rundir.reader import LOCK
from src.settings.quoting import expand

TRIES = 1000


class RunFolder(Callback):
    """Reserve the folder of a run before Hydra uses it. Hydra callback of conf/train.yaml and conf/audit.yaml."""

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Set hydra.run.dir to a new folder, if its name is made of the time of the start; expand ~ in it."""
        from_time = "${now:" in str(OmegaConf.to_container(config.hydra.run, resolve=False))
        HydraConfig.instance().set_config(config)  # the name has the choices of groups; Hydra sets it only later
        # Hydra raises the same error next; an error raised here would become a warning of Hydra.
        with suppress(OmegaConfBaseException, OSError):
            folder = Path(expand("hydra.run.dir", config.hydra.run.dir))
            _set(config.hydra.run, str(reserve(folder) if from_time else folder))

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Expand ~ in hydra.sweep.dir."""
        if "~" in str(OmegaConf.to_container(config.hydra.sweep, resolve=False)):
            with suppress(OmegaConfBaseException):
                _set(config.hydra.sweep, expand("hydra.sweep.dir", config.hydra.sweep.dir))


def reserve(folder: Path) -> Path:
    """Create a new folder and return its path: `folder`, or if it exists, `folder`_2, _3 ...

    Of several processes that ask for the same folder, each gets its own. Raises OSError if it cannot be created.
    """
    for number in range(1, TRIES):
        path = folder if number == 1 else folder.with_name(f"{folder.name}_{number}")
        with suppress(FileExistsError):
            path.mkdir(parents=True)
            return path
    raise FileExistsError(17, "All names of this second are taken", str(folder))


@contextmanager
def lock(
    folder: Path, activity: str, name: str = LOCK, wait: bool = False, option: str = "hydra.run.dir"
) -> Iterator[None]:
    """Lock the folder of a run by its file `name`; `activity` is what is done there and `option` chooses the folder, for messages.

    If another process works in it, wait until that has ended (`wait`), or raise ValueError. If the work fails, a folder
    that contains nothing but the lock is removed; another process's folder is never touched.
    """
    lock_file, timeout = filelock.FileLock(folder / name), 0.0
    while not lock_file.is_locked:
        folder.mkdir(parents=True, exist_ok=True)
        # FileNotFoundError: another process, whose work has failed, has removed the folder in this moment.
        with suppress(FileNotFoundError):
            try:
                lock_file.acquire(timeout=timeout)
            except filelock.Timeout:
                if not wait:
                    raise ValueError(
                        f"Another process is {activity} in {folder}. Wait for it, or choose another {option}."
                    ) from None
                console.note(f"Another process is {activity} in {folder}: waiting for it.")
                timeout = -1
    try:
        yield
    except BaseException:
        if folder.is_dir() and all(path.name == name for path in folder.iterdir()):
            (folder / name).unlink(missing_ok=True)
            remove_if_empty(folder)
        raise
    finally:
        lock_file.release()


@contextmanager
def writable(folder: Path, is_default: bool = False) -> Iterator[Path]:
    """Make a folder for results, before the work that takes long. If the work fails and has left it empty, it is removed.

    A folder that the user has not named (`is_default`) gets a new name if it exists. Raises ValueError, which names the option --output, if nothing can be written there.
    """
    is_new = is_default or not folder.exists()
    try:
        if is_default:
            folder = reserve(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(
            f"{folder}: nothing can be written there ({error.strerror or error}). Name another folder: --output FOLDER."
        ) from error
    try:
        yield folder
    except BaseException:
        if is_new:
            remove_if_empty(folder)
        raise


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that contains nothing. Whoever works in a folder has locked it, so that it contains the lock."""
    with suppress(OSError):
        folder.rmdir()


def _set(node: DictConfig, folder: str) -> None:
    with read_write(node), open_dict(node):
        node.dir = folder
