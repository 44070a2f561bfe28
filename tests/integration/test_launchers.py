"""Launchers (conf/launcher) give the same results as the basic one, and one message if something is missing."""

import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from src import config as configs
from src import errors, rundir
from src.sweep import jobs, processes
from tests.programs import SMALL, train
from tests.test_conf import CONF, compose

ROOT = Path(__file__).parents[2]
LAUNCHERS = sorted(path.stem for path in (CONF / "launcher").glob("*.yaml"))


def sweep_arguments(manifest: Path, folder: Path, *arguments: str) -> tuple[str, ...]:
    """Arguments of a small sweep into a folder."""
    data = ("dataset=manifest", f"dataset.path={manifest}", f"data.cache={folder / 'cache'}")
    return (*data, *SMALL, "model=cnn", f"hydra.sweep.dir={folder / 'sweep'}", *arguments)


def results(folder: Path) -> dict[int, tuple[dict[str, Any], bytes]]:
    """metrics.json without its times, and predictions.csv, of each finished run, by its number of layers."""
    runs = [rundir.RunDir(path.parent) for path in (folder / "sweep").glob("*/metrics.json")]
    return {
        run.config["model"]["layers"]: (
            {key: value for key, value in run.metrics.items() if key != "train_seconds"},
            (run.path / rundir.PREDICTIONS).read_bytes(),
        )
        for run in runs
    }


def run_train(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m src.train ARGUMENTS...` as a program, with a home folder for the files that Ray writes there."""
    env = {**os.environ, "HOME": str(folder), "MPLCONFIGDIR": matplotlib.get_configdir()}
    return subprocess.run(
        [sys.executable, "-m", "src.train", *arguments], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def basic(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[dict[str, Any], bytes]]:
    """Results of two jobs run one after another."""
    folder = tmp_path_factory.mktemp("basic")
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, "--multirun", *sweep_arguments(tiny, folder, "model.layers=2,3")) == 0
    results_by_layers = results(folder)
    assert results_by_layers[2][1] != results_by_layers[3][1]
    return results_by_layers


@pytest.mark.usefixtures("workers")
def test_joblib_gives_the_same_results_decodes_once_and_continues_if_a_job_fails(
    basic: Any, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong = "${seed}"  # 0: a literal 0 would be refused before the first job
    arguments = sweep_arguments(
        tiny, tmp_path, "launcher=joblib", "hydra.launcher.n_jobs=2", f"model.layers={wrong},2,3", "debug=true"
    )
    assert train(monkeypatch, *arguments) == 1
    assert results(tmp_path) == basic
    logs = {path.parent: path.read_text(encoding="utf-8") for path in (tmp_path / "sweep").glob(f"*/{processes.LOG}")}
    assert sum("Decoding audio, once" in log for log in logs.values()) == 1
    assert sum("Traceback" in log and "model.layers is 0" in log for log in logs.values()) == 1
    assert all("Epoch 2/2: train/loss" in log for folder, log in logs.items() if (folder / rundir.METRICS).exists())
    out, err = capfd.readouterr()
    assert "Epoch" not in out + err
    assert "layers=0: failed: model.layers is 0: expected a whole number from 1 to 64." in err
    assert "Failed: layers=0: model.layers is 0: expected a whole number from 1 to 64." in out
    assert "3 jobs: 2 run, 0 resumed, 0 skipped, 1 failed." in out
    assert f"python -m src.compare {tmp_path / 'sweep'}" in out
    run = rundir.RunDir(next(folder for folder in logs if (folder / rundir.METRICS).exists()))
    assert "launcher" not in run.environment["command"]


class Killer(Callback):
    """Kill the process of the job with three layers, as soon as another job is training at the same time."""

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        deadline = time.monotonic() + 5
        while config.model.layers == 3 and time.monotonic() < deadline:
            noted = [job for notes in Path(config.hydra.sweep.dir, ".jobs").iterdir() for job in jobs.read(notes)]
            if sum(job.state == jobs.TRAINING for job in noted) > 1:
                break
            time.sleep(0.05)
        if config.model.layers == 3:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.usefixtures("workers")
def test_a_killed_worker_fails_only_its_own_job(
    basic: Any, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    killer = f"+hydra.callbacks.killer._target_={Killer.__module__}.{Killer.__name__}"
    two_workers = ("launcher=joblib", "hydra.launcher.n_jobs=2", killer)
    arguments = sweep_arguments(tiny, tmp_path, *two_workers, "model.layers=3,2,4,5")
    assert train(monkeypatch, *arguments) == 1
    out, _ = capfd.readouterr()
    assert "4 jobs: 3 run, 0 resumed, 0 skipped, 1 failed." in out
    assert f"Failed: layers=3: {jobs.CRASH_REASON}" in out
    finished = results(tmp_path)
    assert set(finished) == {2, 4, 5}
    assert finished[2] == basic[2]  # it was training when the other one was killed
    assert train(monkeypatch, *(argument for argument in arguments if argument != killer)) == 0
    assert "4 jobs: 1 run, 0 resumed, 3 skipped, 0 failed." in capfd.readouterr().out
    assert results(tmp_path)[3] == basic[3]


@pytest.mark.slow
def test_submitits_local_executor_gives_the_same_results(
    basic: Any, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = sweep_arguments(tiny, tmp_path, "hydra/launcher=submitit_local", "model.layers=2,3")
    assert train(monkeypatch, "--multirun", *local) == 0
    assert results(tmp_path) == basic


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is an optional package: make extra-ray (or make test-all)")
def test_a_ray_cluster_gives_the_same_results_and_two_jobs_share_a_gpu(basic: Any, tiny: Path, tmp_path: Path) -> None:
    shared_gpu = ("launcher=ray", "+hydra.launcher.ray.init.num_gpus=1", "hydra.launcher.ray.remote.num_gpus=0.5")
    two_cores = ("+hydra.launcher.ray.init.num_cpus=2", "model.layers=2,3")
    completed = run_train(tmp_path, *sweep_arguments(tiny, tmp_path, *shared_gpu, *two_cores))
    assert completed.returncode == 0, completed.stderr
    assert results(tmp_path) == basic
    spans = [
        [datetime.fromisoformat(rundir.RunDir(path.parent).environment[end]) for end in ("started", "finished")]
        for path in (tmp_path / "sweep").glob("*/metrics.json")
    ]
    # If one job waited for the other, they would be seconds apart.
    assert max(start for start, _ in spans) <= min(end for _, end in spans)


@pytest.mark.skipif(
    find_spec("optuna") is None, reason="Optuna is an optional package: make extra-optuna (or make test-all)"
)
def test_optuna_maximizes_the_validation_score_and_skips_finished_trials(tiny: Path, tmp_path: Path) -> None:
    arguments = sweep_arguments(
        tiny, tmp_path, "sweep=optuna", "hydra.sweeper.n_trials=2", "model.dropout=0.3", "model.layers=2,3"
    )
    completed = run_train(tmp_path, *arguments)
    assert completed.returncode == 0, completed.stderr
    scores = {}
    for path in (tmp_path / "sweep").glob("*/metrics.json"):
        run = rundir.RunDir(path.parent)
        lr, layers = run.config["optimizer"]["lr"], run.config["model"]["layers"]
        scores[f"optimizer.lr={lr} model.layers={layers}"] = run.metrics["val"]["f1_macro"]
    best = [
        f"{settings}, validation macro F1 {100 * f1:.1f} %."
        for settings, f1 in scores.items()
        if f1 == max(scores.values())
    ]
    assert re.findall(r"Best trial: (.*)", completed.stdout)[0] in best
    assert "2 jobs: 0 run, 0 resumed, 2 skipped, 0 failed." in run_train(tmp_path, *arguments).stdout


@pytest.mark.parametrize("choice", LAUNCHERS)
def test_a_launcher_names_its_requirements_and_changes_no_setting(choice: str) -> None:
    lines = (CONF / "launcher" / f"{choice}.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# @package _global_"
    if choice != "basic":
        assert any(f"python -m src.train launcher={choice}" in line for line in lines)
        assert any(f"# Needs: make extra-{choice}" in line for line in lines)
        assert (ROOT / f"requirements-{choice}.lock").is_file()
    if choice == "basic" or find_spec(f"hydra_plugins.hydra_{'submitit' if choice == 'slurm' else choice}_launcher"):
        assert compose(f"launcher={choice}") == compose()


@pytest.mark.parametrize(("plugin", "choice"), errors.EXTRAS.items())
def test_a_missing_optional_package_gives_one_message(
    plugin: str, choice: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Plugins.instance()  # registers the installed plugins
    group = ConfigStore.instance().repo["hydra"]["sweeper" if plugin == "optuna" else "launcher"]
    monkeypatch.delitem(group, f"{plugin}.yaml", raising=False)
    assert train(monkeypatch, choice) == 1
    assert (
        capsys.readouterr().err
        == f"train: {choice} needs an optional package. Install it with: make extra-{choice.partition('=')[2]}\n"
    )


def executable(path: Path, *lines: str) -> None:
    """Write an executable shell script."""
    path.write_text("\n".join(("#!/bin/sh", *lines)), encoding="utf-8")
    path.chmod(0o755)


def test_the_slurm_script_requests_what_the_config_says(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = sweep_arguments(
        tiny, tmp_path, "launcher=slurm", "hydra.launcher.partition=long", "trainer.threads=3", "seed=0,1"
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    assert train(monkeypatch, *arguments) == 1
    assert (
        "launcher=slurm needs the Slurm commands srun and sbatch, and this machine does not have them."
        in capsys.readouterr().err
    )
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), "/usr/bin", "/bin")))
    executable(tmp_path / "srun")
    executable(tmp_path / "sbatch", f'cp "$1" {tmp_path}/script', "echo sbatch: error: no partition long >&2", "exit 1")
    assert train(monkeypatch, *arguments) == 1
    script = (tmp_path / "script").read_text(encoding="utf-8")
    for line in ("--array=0-1%2", "--partition=long", "--cpus-per-task=3", "--mem=4GB", "--time=240"):
        assert f"#SBATCH {line}\n" in script
    assert "no partition long" in capsys.readouterr().err


@pytest.mark.parametrize(("threads", "jobs_at_once"), [(1, 6), (2, 3), (4, 1), (7, 1)])
def test_as_many_jobs_at_once_as_fit_on_the_cores(
    threads: int, jobs_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 6)
    assert configs.jobs_at_once(threads) == jobs_at_once


def test_a_job_in_another_folder_than_its_sweep_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes.check_working_folder(str(Path.cwd()))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"The job runs in {tmp_path}, expected {ROOT}, where the sweep was started"):
        processes.check_working_folder(str(ROOT))


def test_a_killed_worker_is_explained_and_other_errors_are_unchanged() -> None:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    message = errors.explain(TerminatedWorkerError("A worker was killed. This may have\nmany causes."))
    assert message.startswith(
        "The process of a job died (TerminatedWorkerError: A worker was killed). If memory ran out"
    )
    assert errors.explain(ValueError("our own")) == "our own"


def test_queued_slurm_jobs_continue_after_one_has_died() -> None:
    from submitit.core.utils import UncompletedJobError

    message = errors.explain(UncompletedJobError("Job 7 has not produced any output. State: OUT_OF_MEMORY"))
    assert message.startswith("The process of a job died (UncompletedJobError: Job 7 has not produced any output).")
    assert "When squeue lists none of them" in message
