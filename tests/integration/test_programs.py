"""Programs as a user sees them: their output and files, and runs that are repeated and resumed."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from src import rundir
from src.classifier import build
from src.rundir import extras
from tests.programs import SMALL, help_of, small, train

ROOT = Path(__file__).parents[2]
TIMES = ("train_seconds",)


def run_module(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `python -m ARGUMENTS...` as a program."""
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300, **options)


def metrics(folder: Path) -> dict[str, Any]:
    """metrics.json of a run without its times."""
    content: dict[str, Any] = json.loads((folder / rundir.METRICS).read_text(encoding="utf-8"))
    return {key: value for key, value in content.items() if key not in TIMES}


def weights(folder: Path, name: str = rundir.LAST) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(folder / name, weights_only=True)["state_dict"]
    return state


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.fixture(scope="module")
def finished_run(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny corpus."""
    folder = tmp_path_factory.mktemp("finished") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *small(tiny, folder, "trainer.max_epochs=3", "logger=csv")) == 0
    return folder


def test_a_run_directory_holds_the_documented_files(finished_run: Path) -> None:
    expected = {rundir.CONFIG, rundir.ENVIRONMENT, rundir.BEST, rundir.LAST, rundir.METRICS, rundir.PREDICTIONS}
    expected |= {
        rundir.CONFUSION,
        rundir.FINGERPRINTS,
        rundir.SPLIT,
        rundir.EXCLUDED,
        rundir.HISTORY,
        rundir.REPORT,
        extras.EMBEDDING,
        extras.SOUNDS,
        "csv",
    }
    assert {path.name for path in finished_run.iterdir() if not path.name.startswith(".")} == expected
    files = rundir.RunDir(finished_run)
    test = files.metrics["test"]
    assert files.metrics["schema"] == rundir.SCHEMA == 2
    assert test["clips"] == len(files.predictions.clips) == sum(row["set"] == "test" for row in files.split)
    correct = sum(t == p for t, p in zip(files.predictions.true, files.predictions.predicted, strict=True))
    assert test["accuracy"] == pytest.approx(correct / test["clips"])
    assert files.confusion[1].trace() == correct
    assert files.environment["git"]["commit"] or not (ROOT / ".git").exists()
    assert "src.train" in files.environment["command"]
    assert files.metrics["certificate"]["shared"] == {
        "artists": [],
        "albums": [],
        "tracks": [],
        "audio": [],
        "near_copies": None,
    }


def test_probabilities_sum_to_one_and_name_the_predicted_genre(finished_run: Path) -> None:
    predictions = rundir.RunDir(finished_run).predictions
    assert predictions.probability_KC.sum(axis=1) == pytest.approx(1, abs=1e-5)
    most_probable = [predictions.genres[k] for k in predictions.probability_KC.argmax(axis=1)]
    assert most_probable == predictions.predicted


def test_checkpoints_are_small_and_hold_no_feature_kernels(finished_run: Path) -> None:
    assert not [key for key in weights(finished_run, rundir.BEST) if key.startswith("feature.")]
    assert (finished_run / rundir.BEST).stat().st_size < 1_000_000


def test_a_loaded_run_repeats_its_predictions(finished_run: Path, tiny: Path) -> None:
    from src.audio import reader

    predictions = rundir.RunDir(finished_run).predictions
    classifier = build.load_classifier(finished_run)
    wave_T = reader.read(tiny.parent / predictions.clips[0], 22050)
    starts = (0, len(wave_T) - 22050)  # two segments of a second, as in evaluation
    wave_BST = torch.stack([torch.from_numpy(wave_T[start : start + 22050]) for start in starts])[None]
    with torch.no_grad():
        probability_C = classifier(wave_BST).softmax(dim=1)[0]
    # The waveform cache holds int16, so the probabilities differ slightly.
    assert probability_C.numpy() == pytest.approx(predictions.probability_KC[0], abs=1e-3)


def test_the_same_command_twice_gives_the_same_numbers(
    finished_run: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tmp_path / "run"
    assert train(monkeypatch, *small(tiny, again, "trainer.max_epochs=3")) == 0
    assert metrics(again) == metrics(finished_run)
    assert same(weights(again), weights(finished_run))


def test_another_seed_keeps_the_split_and_changes_the_weights(
    finished_run: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "run"
    assert train(monkeypatch, *small(tiny, other, "trainer.max_epochs=3", "seed=1")) == 0
    assert (other / rundir.SPLIT).read_bytes() == (finished_run / rundir.SPLIT).read_bytes()
    assert not same(weights(other), weights(finished_run))


def test_a_finished_run_is_not_run_again(
    finished_run: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (finished_run / rundir.METRICS).stat().st_mtime_ns
    arguments = [
        a for a in small(tiny, finished_run, "trainer.max_epochs=3", "logger=csv") if not a.startswith("data.cache")
    ]
    assert train(monkeypatch, *arguments, f"data.cache={finished_run.parent / 'cache'}") == 0
    assert "finished" in capsys.readouterr().out
    assert (finished_run / rundir.METRICS).stat().st_mtime_ns == before


def test_a_run_with_other_settings_is_not_overwritten(
    finished_run: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *small(tiny, finished_run, "trainer.max_epochs=4")) == 1
    assert "trainer.max_epochs was 3, is 4" in capsys.readouterr().err
    assert (finished_run / rundir.METRICS).exists()


class Stopped(Exception):
    """Raised in a training step to interrupt a training."""


def stop_at(monkeypatch: pytest.MonkeyPatch, epoch: int, batch: int) -> None:
    """Raise Stopped in the training step of a batch."""
    from src.training.module import GenreModule

    original_step: Callable[..., Any] = GenreModule.training_step

    def step(self: GenreModule, *arguments: Any) -> Any:
        if (self.current_epoch, arguments[1]) == (epoch, batch):
            raise Stopped
        return original_step(self, *arguments)

    monkeypatch.setattr(GenreModule, "training_step", step)


@pytest.mark.parametrize(("epoch", "batch"), [(1, 0), (2, 1)], ids=["between epochs", "within an epoch"])
def test_a_resumed_run_has_the_weights_of_an_uninterrupted_one(
    epoch: int, batch: int, finished_run: Path, tiny: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    arguments = small(tiny, folder, "trainer.max_epochs=3", "model.dropout=0.3")
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, epoch, batch)
        assert train(patch, *arguments) == 1
    assert not (folder / rundir.METRICS).exists()
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *arguments) == 0
    assert same(weights(folder), weights(finished_run))
    assert metrics(folder) == metrics(finished_run)
    assert [row["epoch"] for row in rundir.RunDir(folder).history] == [1, 2, 3]


def test_help_lists_the_choices_and_imports_nothing_heavy() -> None:
    """--help takes half a second, torch alone two. Check the imported modules, as times depend on the machine."""
    text, imported = help_of("src.train")
    for word in (
        "model=\n  cnn ",
        "  manifest  A CSV table of clips",
        "  leak_gap ",
        "  joblib ",
        "--multirun",
    ):
        assert word in text
    assert not imported & {"torch", "torchaudio", "pytorch_lightning", "wandb", "matplotlib", "sklearn", "scipy"}


def test_the_whole_config_can_be_printed() -> None:
    completed = run_module("src.train", "--cfg", "job")
    assert completed.returncode == 0
    assert "_target_: src.model.Hybrid" in completed.stdout


def inspect_wandb(folder: Path) -> str:
    """Read the newest wandb run in a folder with wandb's own program."""
    command = [Path(sys.executable).parent / "wandb", "leet", "inspect", "--json", folder / "wandb" / "latest-run"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def test_each_job_of_a_sweep_is_a_run_and_wandb_groups_them(tiny: Path, tmp_path: Path) -> None:
    """Run the sweep as a program, with real offline wandb runs, which wandb's own program reads."""
    sweep = tmp_path / "sweep"
    arguments = ["dataset=manifest", f"dataset.path={tiny}", f"data.cache={tmp_path / 'cache'}", *SMALL, "logger=wandb"]
    completed = run_module("src.train", "--multirun", "model=cnn,rnn", f"hydra.sweep.dir={sweep}", *arguments)
    assert completed.returncode == 0, completed.stderr
    runs = sorted(path.parent for path in sweep.glob("*/metrics.json"))
    assert [folder.name.split("-")[0] for folder in runs] == ["cnn", "rnn"]
    ids = set()
    for folder in runs:
        inspected = inspect_wandb(folder)
        for word in ("train/loss", "val/loss", "val/f1_macro", "test/confusion", "best/test/recall/bell", sweep.name):
            assert word in inspected, word
        ids.add(folder.name)
    assert len(ids) == 2
    # One more run of the sweep itself, with the table of its configurations.
    records = [json.loads(line) for line in inspect_wandb(sweep).splitlines()]
    run = next(record["run"] for record in records if record["type"] == "run")
    assert (run["job_type"], run["run_group"]) == ("sweep", sweep.name)
    assert not any(record["type"] == "history" for record in records)
    (path,) = sweep.rglob("sweep/table_*.table.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    rows = [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]
    assert {row["configuration"] for row in rows} == {"cnn on mel", "rnn on mel"}
    for row in rows:
        (folder,) = (folder for folder in runs if folder.name.startswith(row["configuration"][:3]))
        test = rundir.RunDir(folder).metrics["test"]
        assert row["accuracy"] == pytest.approx(test["accuracy"])
        assert (row["accuracy_low"], row["accuracy_high"]) == pytest.approx(test["accuracy_interval"])
    seeds = run_module("src.train", "--multirun", "model=cnn", "seed=0,1", f"hydra.sweep.dir={sweep}", *arguments)
    assert seeds.returncode == 0, seeds.stderr
    tables = run_module("src.report", str(sweep), "--format", "markdown")
    # The cnn with two seeds, one of them from the first sweep, and the rnn.
    assert "3 runs in 2 groups" in tables.stdout
    report = run_module("src.report", str(sweep))
    assert report.returncode == 0, report.stderr
    assert (sweep / rundir.REPORT).exists()


def test_jobs_of_one_sweep_on_two_manifests_have_different_folders(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tiny.parent / "other.csv"
    other.write_text("".join(tiny.read_text(encoding="utf-8").splitlines(keepends=True)[:-2]), encoding="utf-8")
    arguments = (
        f"data.cache={tmp_path / 'cache'}",
        *SMALL,
        "trainer.max_epochs=1",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )
    assert train(monkeypatch, "--multirun", "dataset=manifest", f"dataset.path={tiny},{other}", *arguments) == 0
    clips = sorted(len(rundir.RunDir(path.parent).split) for path in (tmp_path / "sweep").glob("*/metrics.json"))
    assert clips == [22, 24]


def test_ctrl_c_leaves_a_run_that_can_be_continued(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    _, messages = interrupted(folder, *small(tiny, folder, "trainer.max_epochs=500"))
    assert "hydra.run.dir=" in messages
    assert (folder / rundir.LAST).exists()
    assert not (folder / rundir.METRICS).exists()


def test_ctrl_c_ends_a_sweep_with_a_table_of_unfinished_jobs(tiny: Path, tmp_path: Path) -> None:
    arguments = ("seed=0,1,2", f"hydra.sweep.dir={tmp_path / 'sweep'}", "trainer.max_epochs=500")
    table, messages = interrupted(tmp_path, "--multirun", *small(tiny, tmp_path / "run", *arguments))
    assert "Run the same command again to resume." in messages
    assert [re.findall(r"(?:stopped|waiting)", line) for line in table.splitlines() if "seed=" in line] == [
        ["stopped"],
        ["waiting"],
        ["waiting"],
    ]
    assert (
        "3 jobs: 0 run, 0 resumed, 0 skipped, 0 failed, 3 not finished. Run the same command again to continue."
        in table
    )


def interrupted(folder: Path, *arguments: str) -> tuple[str, str]:
    """Run a training, send Ctrl-C when there is a checkpoint in the folder, and return its two output streams."""
    process = subprocess.Popen(
        [sys.executable, "-m", "src.train", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a background job of a shell ignores Ctrl-C
    )
    deadline = time.monotonic() + 120
    while not any(folder.rglob(rundir.LAST)) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output, messages = process.communicate(timeout=60)
    assert process.returncode == 130, messages
    assert "Traceback" not in messages
    return output, messages


def test_real_recordings_train(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Smoke test with a folder and with a manifest; accuracy is measured elsewhere."""
    local = (f"data.cache={tmp_path / 'cache'}", "data.max_seconds=5", *SMALL, "trainer.max_epochs=1")
    folder = tmp_path / "folder"
    assert train(monkeypatch, "dataset=folder", f"dataset.root={music}", *local, f"hydra.run.dir={folder}") == 0
    assert {clip for clip, _ in rundir.RunDir(folder).excluded} == {"LICENSES"}
    assert rundir.RunDir(folder).metrics["certificate"]["grouped_by"] == "clip"
    arguments = ("dataset=manifest", f"dataset.path={music / 'manifest.csv'}", "split=kfold", "split.folds=3")
    manifest = tmp_path / "manifest"
    assert train(monkeypatch, *arguments, *local, f"hydra.run.dir={manifest}") == 0
    certificate = rundir.RunDir(manifest).metrics["certificate"]
    assert certificate["grouped_by"] == "artist"
    assert certificate["shared"]["artists"] == []
