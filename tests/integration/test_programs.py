"""The programs from the outside: what they print, the files they leave, and that a run can be repeated and resumed."""

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
from tests.programs import SMALL, help_of, small, train

ROOT = Path(__file__).parents[2]
TIMES = ("train_seconds",)


def module(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300, **options
    )


def metrics(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / rundir.METRICS).read_text(encoding="utf-8"))
    return {key: value for key, value in content.items() if key not in TIMES}


def weights(folder: Path, name: str = rundir.LAST) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(folder / name, weights_only=True)["state_dict"]
    return state


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.fixture(scope="module")
def done(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the tiny corpus."""
    folder = tmp_path_factory.mktemp("done") / "run"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *small(tiny, folder, "trainer.max_epochs=3", "logger=csv")) == 0
    return folder


def test_a_run_leaves_what_the_contract_promises(done: Path) -> None:
    promised = {rundir.CONFIG, rundir.ENVIRONMENT, rundir.BEST, rundir.LAST, rundir.METRICS, rundir.PREDICTIONS}
    promised |= {rundir.CONFUSION, rundir.SPLIT, rundir.EXCLUDED, rundir.HISTORY, rundir.REPORT, "csv"}
    assert {path.name for path in done.iterdir() if not path.name.startswith(".")} == promised
    files = rundir.RunDir(done)
    test = files.metrics["test"]
    assert files.metrics["schema"] == 2
    assert test["clips"] == len(files.predictions.clips) == sum(row["set"] == "test" for row in files.split)
    right = sum(t == p for t, p in zip(files.predictions.true, files.predictions.predicted, strict=True))
    assert test["accuracy"] == pytest.approx(right / test["clips"])
    assert files.confusion[1].trace() == right
    assert files.environment["git"]["commit"] or not (ROOT / ".git").exists()
    assert "src.train" in files.environment["command"]
    assert files.metrics["certificate"]["shared"] == {
        "artists": [],
        "albums": [],
        "tracks": [],
        "audio": [],
        "near_copies": None,
    }


def test_probabilities_sum_to_one_and_name_the_predicted_genre(done: Path) -> None:
    predictions = rundir.RunDir(done).predictions
    assert predictions.probability_KC.sum(axis=1) == pytest.approx(1, abs=1e-5)
    best = [predictions.genres[k] for k in predictions.probability_KC.argmax(axis=1)]
    assert best == predictions.predicted


def test_checkpoints_hold_plain_values_and_no_kernels(done: Path) -> None:
    assert not [key for key in weights(done, rundir.BEST) if key.startswith("feature.")]
    assert (done / rundir.BEST).stat().st_size < 1_000_000


def test_a_loaded_run_predicts_what_it_predicted(done: Path, tiny: Path) -> None:
    from src.audio import reader

    predictions = rundir.RunDir(done).predictions
    trained = build.load_classifier(done)
    wave_T = reader.read(tiny.parent / predictions.clips[0], 22050)
    starts = (0, len(wave_T) - 22050)  # two segments of a second, as in evaluation
    wave_BST = torch.stack([torch.from_numpy(wave_T[start : start + 22050]) for start in starts])[None]
    with torch.no_grad():
        probability_C = trained(wave_BST).softmax(dim=1)[0]
    assert probability_C.numpy() == pytest.approx(predictions.probability_KC[0], abs=1e-3)  # int16 in the map


def test_the_same_command_twice_gives_the_same_numbers(
    done: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tmp_path / "run"
    assert train(monkeypatch, *small(tiny, again, "trainer.max_epochs=3")) == 0
    assert metrics(again) == metrics(done)
    assert same(weights(again), weights(done))


def test_the_seed_keeps_the_split_and_changes_the_rest(
    done: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "run"
    assert train(monkeypatch, *small(tiny, other, "trainer.max_epochs=3", "seed=1")) == 0
    assert (other / rundir.SPLIT).read_bytes() == (done / rundir.SPLIT).read_bytes()
    assert not same(weights(other), weights(done))


def test_a_finished_run_is_not_run_again(
    done: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (done / rundir.METRICS).stat().st_mtime_ns
    words = [w for w in small(tiny, done, "trainer.max_epochs=3", "logger=csv") if not w.startswith("data.cache")]
    assert train(monkeypatch, *words, f"data.cache={done.parent / 'cache'}") == 0
    assert "finished" in capsys.readouterr().out
    assert (done / rundir.METRICS).stat().st_mtime_ns == before


def test_a_run_with_other_settings_is_not_overwritten(
    done: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(monkeypatch, *small(tiny, done, "trainer.max_epochs=4")) == 1
    assert "trainer.max_epochs was 3, is 4" in capsys.readouterr().err
    assert (done / rundir.METRICS).exists()


class Stopped(Exception):
    """What kills a training in these tests."""


def stop_at(monkeypatch: pytest.MonkeyPatch, epoch: int, batch: int) -> None:
    from src.training.module import GenreModule

    usual: Callable[..., Any] = GenreModule.training_step

    def step(self: GenreModule, *arguments: Any) -> Any:
        if (self.current_epoch, arguments[1]) == (epoch, batch):
            raise Stopped
        return usual(self, *arguments)

    monkeypatch.setattr(GenreModule, "training_step", step)


@pytest.mark.parametrize(("epoch", "batch"), [(1, 0), (2, 1)], ids=["between epochs", "within an epoch"])
def test_a_resumed_run_has_the_weights_of_an_uninterrupted_one(
    epoch: int, batch: int, done: Path, tiny: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    words = small(tiny, folder, "trainer.max_epochs=3", "model.dropout=0.3")
    with pytest.MonkeyPatch.context() as patch:
        stop_at(patch, epoch, batch)
        assert train(patch, *words) == 1
    assert not (folder / rundir.METRICS).exists()
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *words) == 0
    assert same(weights(folder), weights(done))
    assert metrics(folder) == metrics(done)
    assert [row["epoch"] for row in rundir.RunDir(folder).history] == [1, 2, 3]


def test_help_lists_the_choices_and_loads_nothing_heavy() -> None:
    """It takes half a second where torch alone takes two: what is loaded is checked, since a clock would be the machine's."""
    shown, loaded = help_of("src.train")
    for word in (
        "model: cnn",
        "dataset: fma, folder, gtzan, manifest, synth",
        "experiment: best",
        "sweep: features, folds, leak_gap, models,",
        "--multirun",
    ):
        assert word in shown
    assert not loaded & {"torch", "torchaudio", "pytorch_lightning", "wandb", "matplotlib", "sklearn", "scipy"}


def test_the_whole_config_can_be_printed() -> None:
    shown = module("src.train", "--cfg", "job")
    assert shown.returncode == 0
    assert "_target_: src.model.Hybrid" in shown.stdout


def test_a_sweep_makes_a_run_a_job_and_wandb_groups_them(tiny: Path, tmp_path: Path) -> None:
    """In a process of its own, with real offline wandb runs, read back by wandb's own program."""
    sweep = tmp_path / "sweep"
    words = ["dataset=manifest", f"dataset.path={tiny}", f"data.cache={tmp_path / 'cache'}", *SMALL, "logger=wandb"]
    ran = module("src.train", "--multirun", "model=cnn,rnn", f"hydra.sweep.dir={sweep}", *words)
    assert ran.returncode == 0, ran.stderr
    runs = sorted(path.parent for path in sweep.glob("*/metrics.json"))
    assert [folder.name.split("-")[0] for folder in runs] == ["manifest_mel_cnn_seed0", "manifest_mel_rnn_seed0"]
    ids = set()
    for folder in runs:
        wandb = Path(sys.executable).parent / "wandb"
        read = subprocess.run(
            [wandb, "leet", "inspect", "--json", folder / "wandb" / "latest-run"],
            capture_output=True,
            text=True,
            check=True,
        )
        for word in ("train/loss", "val/loss", "val/f1_macro", "test/confusion", "best/test/recall/bell", sweep.name):
            assert word in read.stdout, word
        ids.add(folder.name)
    assert len(ids) == 2
    seeds = module("src.train", "--multirun", "model=cnn", "seed=0,1", f"hydra.sweep.dir={sweep}", *words)
    assert seeds.returncode == 0, seeds.stderr
    tables = module("src.report", str(sweep), "--format", "markdown")
    assert "3 runs in 2 groups" in tables.stdout  # two seeds of the cnn, whose first was there already, and the rnn
    report = module("src.report", str(sweep))
    assert report.returncode == 0, report.stderr
    assert (sweep / rundir.REPORT).exists()


def test_jobs_on_two_tables_of_one_sweep_have_folders_of_their_own(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tiny.parent / "other.csv"
    other.write_text("".join(tiny.read_text(encoding="utf-8").splitlines(keepends=True)[:-2]), encoding="utf-8")
    words = (
        f"data.cache={tmp_path / 'cache'}",
        *SMALL,
        "trainer.max_epochs=1",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    )
    assert train(monkeypatch, "--multirun", "dataset=manifest", f"dataset.path={tiny},{other}", *words) == 0
    clips = sorted(len(rundir.RunDir(path.parent).split) for path in (tmp_path / "sweep").glob("*/metrics.json"))
    assert clips == [22, 24]


def test_ctrl_c_leaves_a_run_that_can_go_on(tiny: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    _, said = interrupted(folder, *small(tiny, folder, "trainer.max_epochs=500"))
    assert "hydra.run.dir=" in said
    assert (folder / rundir.LAST).exists()
    assert not (folder / rundir.METRICS).exists()


def test_ctrl_c_ends_a_sweep_with_a_table_of_what_is_left(tiny: Path, tmp_path: Path) -> None:
    words = ("seed=0,1,2", f"hydra.sweep.dir={tmp_path / 'sweep'}", "trainer.max_epochs=500")
    table, said = interrupted(tmp_path, "--multirun", *small(tiny, tmp_path / "run", *words))
    assert "the same command goes on" in said
    assert [re.findall(r"(?:stopped|waiting)", line) for line in table.splitlines() if "seed=" in line] == [
        ["stopped"],
        ["waiting"],
        ["waiting"],
    ]
    assert "3 jobs: 0 run, 0 resumed, 0 skipped, 0 failed, 3 not finished. The same command goes on." in table


def interrupted(folder: Path, *words: str) -> tuple[str, str]:
    """What a training printed, and said, that met Ctrl-C when it had a checkpoint somewhere in a folder."""
    process = subprocess.Popen(
        [sys.executable, "-m", "src.train", *words],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job ignores Ctrl-C
    )
    deadline = time.monotonic() + 120
    while not any(folder.rglob(rundir.LAST)) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    return printed, said


def test_real_recordings_train(music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to name them; a smoke test, since accuracy is measured elsewhere."""
    local = (f"data.cache={tmp_path / 'cache'}", "data.max_seconds=5", *SMALL, "trainer.max_epochs=1")
    folder = tmp_path / "folder"
    assert train(monkeypatch, "dataset=folder", f"dataset.root={music}", *local, f"hydra.run.dir={folder}") == 0
    assert {clip for clip, _ in rundir.RunDir(folder).excluded} == {"LICENSES"}
    assert rundir.RunDir(folder).metrics["certificate"]["grouped_by"] == "clip"
    words = ("dataset=manifest", f"dataset.path={music / 'manifest.csv'}", "split=kfold", "split.folds=3")
    manifest = tmp_path / "manifest"
    assert train(monkeypatch, *words, *local, f"hydra.run.dir={manifest}") == 0
    certificate = rundir.RunDir(manifest).metrics["certificate"]
    assert certificate["grouped_by"] == "artist"
    assert certificate["shared"]["artists"] == []
