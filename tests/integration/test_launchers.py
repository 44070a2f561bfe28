"""The launchers of conf/launcher give the same tables as jobs in turn, and one message where something is missing."""

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


def words(manifest: Path, folder: Path, *more: str) -> tuple[str, ...]:
    data = ("dataset=manifest", f"dataset.path={manifest}", f"data.cache={folder / 'cache'}")
    return (*data, *SMALL, "model=cnn", f"hydra.sweep.dir={folder / 'sweep'}", *more)


def tables(folder: Path) -> dict[int, tuple[dict[str, Any], bytes]]:
    """Of each finished run, by its number of layers: all of metrics.json but the time, and predictions.csv."""
    runs = [rundir.RunDir(path.parent) for path in (folder / "sweep").glob("*/metrics.json")]
    return {
        run.config["model"]["layers"]: (
            {key: value for key, value in run.metrics.items() if key != "train_seconds"},
            (run.path / rundir.PREDICTIONS).read_bytes(),
        )
        for run in runs
    }


def command(folder: Path, *given: str) -> subprocess.CompletedProcess[str]:
    """`python -m src.train GIVEN...` as a program; what Ray writes into a home folder lands in this one."""
    env = {**os.environ, "HOME": str(folder), "MPLCONFIGDIR": matplotlib.get_configdir()}
    return subprocess.run(
        [sys.executable, "-m", "src.train", *given], cwd=ROOT, env=env, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def basic(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, tuple[dict[str, Any], bytes]]:
    """The tables of two jobs in turn."""
    folder = tmp_path_factory.mktemp("basic")
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, "--multirun", *words(tiny, folder, "model.layers=2,3")) == 0
    made = tables(folder)
    assert made[2][1] != made[3][1]
    return made


@pytest.mark.usefixtures("workers")
def test_joblib_gives_the_same_tables_decodes_once_and_goes_on_where_a_job_fails(
    basic: Any, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = words(tiny, tmp_path, "launcher=joblib", "hydra.launcher.n_jobs=2", "model.layers=0,2,3", "debug=true")
    assert train(monkeypatch, *asked) == 1
    assert tables(tmp_path) == basic
    logs = {path.parent: path.read_text(encoding="utf-8") for path in (tmp_path / "sweep").glob(f"*/{processes.LOG}")}
    assert sum("Decoding audio, once" in said for said in logs.values()) == 1
    assert sum("Traceback" in said and "model.layers is 0" in said for said in logs.values()) == 1
    assert all("Epoch 2/2: train/loss" in said for folder, said in logs.items() if (folder / rundir.METRICS).exists())
    out, err = capfd.readouterr()
    assert "Epoch" not in out + err
    assert "layers=0: failed: model.layers is 0: expected 1 or more." in err
    assert "Failed: layers=0: model.layers is 0: expected 1 or more." in out
    assert "3 jobs: 2 run, 0 resumed, 0 skipped, 1 failed." in out
    assert f"python -m src.compare {tmp_path / 'sweep'}" in out
    again = rundir.RunDir(next(folder for folder in logs if (folder / rundir.METRICS).exists()))
    assert "launcher" not in again.environment["command"]


class Deadly(Callback):
    """Kills the process that trains the job with three layers, as soon as another job is training beside it."""

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        deadline = time.monotonic() + 5
        while config.model.layers == 3 and time.monotonic() < deadline:
            noted = [job for notes in Path(config.hydra.sweep.dir, ".jobs").iterdir() for job in jobs.read(notes)]
            if sum(job.state == jobs.TRAINING for job in noted) > 1:
                break
            time.sleep(0.05)
        if config.model.layers == 3:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.usefixtures("workers")
def test_a_job_whose_process_dies_does_not_stop_the_others(
    basic: Any, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    deadly = f"+hydra.callbacks.deadly._target_={Deadly.__module__}.{Deadly.__name__}"
    two = ("launcher=joblib", "hydra.launcher.n_jobs=2", deadly)
    asked = words(tiny, tmp_path, *two, "model.layers=3,2,4,5")
    assert train(monkeypatch, *asked) == 1
    out, _ = capfd.readouterr()
    assert "4 jobs: 3 run, 0 resumed, 0 skipped, 1 failed." in out
    assert f"Failed: layers=3: {jobs.CRASH_REASON}" in out
    made = tables(tmp_path)
    assert set(made) == {2, 4, 5}
    assert made[2] == basic[2]  # it ran beside the one that died
    assert train(monkeypatch, *(word for word in asked if word != deadly)) == 0
    assert "4 jobs: 1 run, 0 resumed, 3 skipped, 0 failed." in capfd.readouterr().out
    assert tables(tmp_path)[3] == basic[3]


def test_submitits_local_executor_gives_the_same_tables(
    basic: Any, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = words(tiny, tmp_path, "hydra/launcher=submitit_local", "model.layers=2,3")
    assert train(monkeypatch, "--multirun", *local) == 0
    assert tables(tmp_path) == basic


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is an extra: make extra-ray (or make test-all)")
def test_a_cluster_of_ray_gives_the_same_tables_and_two_jobs_share_a_gpu(
    basic: Any, tiny: Path, tmp_path: Path
) -> None:
    shared = ("launcher=ray", "+hydra.launcher.ray.init.num_gpus=1", "hydra.launcher.ray.remote.num_gpus=0.5")
    room = ("+hydra.launcher.ray.init.num_cpus=2", "model.layers=2,3")
    ran = command(tmp_path, *words(tiny, tmp_path, *shared, *room))
    assert ran.returncode == 0, ran.stderr
    assert tables(tmp_path) == basic
    spans = [
        [datetime.fromisoformat(rundir.RunDir(path.parent).environment[end]) for end in ("started", "finished")]
        for path in (tmp_path / "sweep").glob("*/metrics.json")
    ]
    assert max(start for start, _ in spans) <= min(end for _, end in spans)  # seconds apart, where one waits


@pytest.mark.skipif(
    find_spec("optuna") is None, reason="sweep=optuna is an extra: make extra-optuna (or make test-all)"
)
def test_optuna_maximizes_the_validation_score_and_takes_finished_trials_as_they_are(
    tiny: Path, tmp_path: Path
) -> None:
    asked = words(tiny, tmp_path, "sweep=optuna", "hydra.sweeper.n_trials=2", "model.dropout=0.3", "model.layers=2,3")
    ran = command(tmp_path, *asked)
    assert ran.returncode == 0, ran.stderr
    scores = {}
    for path in (tmp_path / "sweep").glob("*/metrics.json"):
        run = rundir.RunDir(path.parent)
        lr, layers = run.config["optimizer"]["lr"], run.config["model"]["layers"]
        scores[f"optimizer.lr={lr} model.layers={layers}"] = run.metrics["val"]["f1_macro"]
    best = [
        f"{said}, validation macro F1 {100 * f1:.1f} %." for said, f1 in scores.items() if f1 == max(scores.values())
    ]
    assert re.findall(r"The best trial: (.*)", ran.stdout)[0] in best
    assert "2 jobs: 0 run, 0 resumed, 2 skipped, 0 failed." in command(tmp_path, *asked).stdout


@pytest.mark.parametrize("choice", LAUNCHERS)
def test_a_launcher_says_what_it_needs_and_changes_no_setting(choice: str) -> None:
    lines = (CONF / "launcher" / f"{choice}.yaml").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "# @package _global_"
    if choice != "basic":
        assert any(f"python -m src.train launcher={choice}" in line for line in lines)
        assert any(f"# Needs: make extra-{choice}" in line for line in lines)
        assert (ROOT / f"requirements-{choice}.lock").is_file()
    if choice == "basic" or find_spec(f"hydra_plugins.hydra_{'submitit' if choice == 'slurm' else choice}_launcher"):
        assert compose(f"launcher={choice}") == compose()


@pytest.mark.parametrize(("plugin", "word"), errors.EXTRAS.items())
def test_a_missing_extra_is_said_in_one_line(
    plugin: str, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Plugins.instance()  # which finds those that are installed
    group = ConfigStore.instance().repo["hydra"]["sweeper" if plugin == "optuna" else "launcher"]
    monkeypatch.delitem(group, f"{plugin}.yaml", raising=False)
    assert train(monkeypatch, word) == 1
    assert (
        capsys.readouterr().err
        == f"train: {word} needs an optional package. Install it with: make extra-{word.partition('=')[2]}\n"
    )


def executable(path: Path, *lines: str) -> None:
    path.write_text("\n".join(("#!/bin/sh", *lines)), encoding="utf-8")
    path.chmod(0o755)


def test_slurm_is_asked_for_what_the_config_says(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = words(tiny, tmp_path, "launcher=slurm", "hydra.launcher.partition=long", "trainer.threads=3", "seed=0,1")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert train(monkeypatch, *asked) == 1
    assert (
        "launcher=slurm needs the Slurm commands srun and sbatch, and this machine does not have them."
        in capsys.readouterr().err
    )
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), "/usr/bin", "/bin")))
    executable(tmp_path / "srun")
    executable(tmp_path / "sbatch", f'cp "$1" {tmp_path}/script', "echo sbatch: error: no partition long >&2", "exit 1")
    assert train(monkeypatch, *asked) == 1
    script = (tmp_path / "script").read_text(encoding="utf-8")
    for line in ("--array=0-1%2", "--partition=long", "--cpus-per-task=3", "--mem=4GB", "--time=240"):
        assert f"#SBATCH {line}\n" in script
    assert "no partition long" in capsys.readouterr().err


@pytest.mark.parametrize(("threads", "beside"), [(1, 6), (2, 3), (4, 1), (7, 1)])
def test_as_many_jobs_at_once_as_the_cores_hold(threads: int, beside: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 6)
    assert configs.jobs_at_once(threads) == beside


def test_a_job_that_began_in_another_folder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    processes.check_working_folder(str(Path.cwd()))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=f"The job runs in {tmp_path}, expected {ROOT}, where the sweep was started"):
        processes.check_working_folder(str(ROOT))


def test_a_process_that_died_is_no_error_of_ours() -> None:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    said = errors.explain(TerminatedWorkerError("A worker was killed. This may have\nmany causes."))
    assert said.startswith("The process of a job died (TerminatedWorkerError: A worker was killed). If memory ran out")
    assert errors.explain(ValueError("our own")) == "our own"


def test_jobs_that_slurm_has_queued_outlive_one_that_died() -> None:
    from submitit.core.utils import UncompletedJobError

    said = errors.explain(UncompletedJobError("Job 7 has not produced any output. State: OUT_OF_MEMORY"))
    assert said.startswith("The process of a job died (UncompletedJobError: Job 7 has not produced any output).")
    assert "When squeue lists none of them" in said
