"""Several processes of one training: shares of the data, and settings that are refused before anything is decoded."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from src.config import compose
from src.data.datamodule import GenreData
from src.feature.musicnn import LAYERS_AFTER
from src.training import ranks, setup
from src.training.module import GenreModule, Predictions, join
from tests.programs import small, train

SRUN = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1"}
TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "3", "WORLD_SIZE": "4"}


@pytest.mark.parametrize("processes", [2, 5, 9])
def test_each_clip_is_evaluated_by_one_process_and_repeats_are_dropped(
    processes: int, tiny: Path, tmp_path: Path
) -> None:
    """9 processes have more than the 6 validation clips."""
    data = _data(tiny, tmp_path)
    clips_of = []
    for rank in range(processes):
        data.trainer = SimpleNamespace(global_rank=rank, world_size=processes)  # type: ignore[assignment]
        clips_of.append([clip for batch in data.val_dataloader() for clip in batch.tolist()])
    assert len({len(clips) for clips in clips_of}) == 1  # a process without a batch would stop the others
    clip_K = torch.tensor([clip for clips in clips_of for clip in clips])
    logits_KC = clip_K[:, None] + torch.tensor([0.0, 0.5])
    joined = join([Predictions(clip_K, clip_K + 1, logits_KC)])
    assert joined.clip.tolist() == data.clips_in("val")
    assert torch.equal(joined.genre, joined.clip + 1)
    assert torch.equal(joined.logits[:, 0], joined.clip.float())


@pytest.mark.parametrize(
    "words",
    [
        *(
            f"model={name}"
            for name in ("cnn", "cnn1d", "residual", "rnn", "lstm", "gru", "hybrid", "transformer", "dbn", "head")
        ),
        *(f"model=cnn feature={name} feature.trainable=true" for name in ("mel", "mfcc", "stft", "cqt")),
        *(f"model=head feature=musicnn feature.trainable=true feature.layer={layer}" for layer in LAYERS_AFTER),
    ],
)
def test_each_trained_parameter_gets_a_gradient(words: str) -> None:
    """Otherwise several processes stop with an error: they wait for all gradients."""
    config = compose("feature=mfcc", "augmentation=none", *words.split())
    module = setup.build_module(config, genres=["a", "b"], counts=[1, 1])
    module.model(module.normalized_feature(torch.randn(2, 22050))).sum().backward()
    assert not [name for name, value in module.named_parameters() if value.requires_grad and value.grad is None]


def test_each_process_and_batch_has_random_numbers_of_its_own() -> None:
    def draw(rank: int, batch: int = 5) -> float:
        process = SimpleNamespace(seed=1, current_epoch=2, global_rank=rank)
        GenreModule.on_train_batch_start(process, None, batch)  # type: ignore[arg-type]
        return torch.rand(()).item()

    numbers = {draw(rank, batch) for rank in range(4) for batch in range(4)}
    assert len(numbers) == 16
    torch.manual_seed(int(np.random.SeedSequence([1, 2, 5]).generate_state(1)[0]))
    first = torch.rand(()).item()
    assert draw(0) == first  # one process has the numbers of earlier versions


@pytest.mark.parametrize(
    ("environment", "words", "rank"),
    [
        ({}, ["trainer.devices=2"], 0),
        ({ranks.STARTED_BY_RANK_0: "1", **SRUN}, ["trainer.devices=2"], 1),
        (SRUN, ["trainer.num_nodes=2"], 1),
        (SRUN, [], 0),  # two trainings, each of one process
        (TORCHRUN, ["trainer.devices=4"], 3),
        ({"SLURM_PROCID": "1"}, ["trainer.devices=2"], 0),  # of the script of a batch, which srun has not started
    ],
)
def test_the_rank_is_that_of_whoever_started_the_process(
    environment: dict[str, str], words: list[str], rank: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*SRUN, *TORCHRUN, ranks.STARTED_BY_RANK_0):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ranks.rank(compose(*words)) == rank


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("trainer.devices=0", "trainer.devices is 0: expected a whole number from 1 to 1,024."),
        ("trainer.strategy=nonsense", "trainer.strategy is 'nonsense': expected auto or ddp."),
        ("trainer.devices=3", "data.batch_size is 8, which 3 processes (trainer.devices=3 trainer.num_nodes=1) cannot"),
        ("trainer.num_nodes=2", "start the command with srun or torchrun, which run it on all machines"),
        ("trainer.devices=2 trainer.accelerator=auto", "trainer.devices is 2, but torch finds 0 GPUs here"),
        ("trainer.devices=2 model=svm ~model.width", "this model is fitted in one step"),
        ("--multirun trainer.devices=2 seed=0,1", "each job of a sweep trains in one process"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_decoded(
    words: str,
    message: str,
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    arguments = [word for word in small(tiny, tmp_path / "run") if word.split("=")[0] not in _keys(words)]
    arguments += ["hydra.sweep.dir=" + str(tmp_path / "sweep")] if "--multirun" in words else []
    assert train(monkeypatch, *arguments, *(word for word in words.split() if not word.startswith("~"))) == 1
    output = capsys.readouterr().err
    assert output.startswith("train: ")
    assert message in output
    assert output.count("\n") == 1
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        (TORCHRUN, "trainer.devices=2 trainer.num_nodes=1 means 2 processes, but torchrun has started 4"),
        ({**SRUN, "SLURM_PROCID": "0"}, "all processes write into one folder, so give it a name: hydra.run.dir="),
    ],
)
def test_processes_that_do_not_fit_the_settings_are_refused(
    environment: dict[str, str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    assert train(monkeypatch, "trainer.devices=2", "trainer.accelerator=cpu") == 1
    assert message in capsys.readouterr().err


def _keys(words: str) -> set[str]:
    return {word.lstrip("~").split("=")[0] for word in words.split()}


def _data(manifest: Path, folder: Path) -> GenreData:
    """The data of a small training."""
    return setup.compose_data(
        compose(*(word for word in small(manifest, folder / "run") if word.startswith("data"))),
    )
