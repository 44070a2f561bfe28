"""What is measured: sweeps of Hydra words. The one table that says so, and the commands that follow from it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from src import config as configs
from src.config import NOT_IN_IDENTITY

SEEDS = (0, 1, 2)
FOLDS = 3  # with 18 artists, more folds would test on one or two artists of a genre
DATA = {
    "synth": "dataset=synth split=holdout",
    "music": f"dataset=manifest dataset.path={{music}} split=kfold split.folds={FOLDS} split.fold=range(0,{FOLDS})",
}
SCARCE = {"synth": "dataset=manifest dataset.path={scarce} split=official"}  # see scarce.py
CNN, RNN, HYBRID = "experiment=paper_cnn", "experiment=paper_rnn", "experiment=paper_hybrid"
MFCC, SPECTRAL = "feature=mfcc", "feature=spectral"
BARE = "model.dropout=0 optimizer.weight_decay=0"
PLAIN = "model=cnn feature=mfcc loss=cross_entropy"
NOT_OF_AN_ARM = ("seed", "dataset", "split", "trainer", "logger", "hydra")
THREADS = 1  # of the sweeps that are judged, so that two data sets can be measured at once on two cores


@dataclass(frozen=True)
class Sweep:
    """Arms that are looked at together. An arm is the words of one experiment, whatever its seed and data.

    `against` says which arm each is compared with, `data` the words of each data set that it is measured on. Sweeps that
    are judged train on THREADS threads; one without `against` is for src.report, on as many as a user would.
    """

    name: str
    asks: str
    arms: Sequence[str]
    against: Mapping[str, str] = field(default_factory=dict)
    seeds: Sequence[int] = SEEDS
    data: Mapping[str, str] = field(default_factory=lambda: DATA)


def _varied(name: str, asks: str, base: str, *changes: str, data: Mapping[str, str] = DATA) -> Sweep:
    """A sweep over changes of one experiment, all compared with the first."""
    first, *others = arms = [f"{base} {change}" for change in changes]
    return Sweep(name, asks, arms, dict.fromkeys(others, first), data=data)


PLAN = (
    Sweep(
        "models",
        "What does each model reach?",
        (
            *(CNN, RNN, HYBRID, "experiment=best"),
            *("model=svm feature=all", "model=knn feature=all", "model=dbn", "model=transformer", "model=majority"),
        ),
        seeds=(0,),
    ),
    Sweep("architectures", "Which of the paper's three is best?", (CNN, RNN, HYBRID), {CNN: HYBRID, RNN: HYBRID}),
    Sweep(
        "inputs",
        "Do spectrogram and chroma beside MFCC help?",
        [f"{CNN} {feature}" for feature in (MFCC, SPECTRAL)],
        {f"{CNN} {SPECTRAL}": f"{CNN} {MFCC}"},
    ),
    Sweep(
        "regularization",
        "Do dropout and L2 help?",
        [f"{base} {BARE}" for base in (CNN, RNN, HYBRID)],
        {base: f"{base} {BARE}" for base in (CNN, RNN, HYBRID)},
    ),
    _varied("cells", "Do gated cells help the hybrid?", HYBRID, *(f"model.cell={c}" for c in ("rnn", "lstm", "gru"))),
    _varied(
        "augmentation",
        "Does augmentation help?",
        HYBRID,
        *(f"augmentation={choice}" for choice in ("none", "spectrogram", "full")),
    ),
    _varied(
        "kinds",
        "Which kind of augmentation helps?",
        HYBRID,
        *(f"augmentation={choice}" for choice in ("none", "wave", "mixup")),
        data={"synth": DATA["synth"]},  # on music it would take half an hour more
    ),
    _varied(
        "normalization",
        "Does normalization help?",
        HYBRID,
        *(f"normalization={choice}" for choice in ("none", "standard", "instance")),
    ),
    _varied(
        "loss",
        "Which loss?",
        HYBRID,
        *(f"loss=cross_entropy loss.label_smoothing={share}" for share in ("0.0", "0.1")),
        "loss=focal",  # weighted is cross-entropy itself where genres are even; see imbalance
    ),
    Sweep(
        "imbalance",
        "What helps a genre with few training clips?",
        (PLAIN, *(f"model=cnn feature=mfcc {cure}" for cure in ("loss=weighted", "loss=focal", "sampler=balanced"))),
        {f"model=cnn feature=mfcc {cure}": PLAIN for cure in ("loss=weighted", "loss=focal", "sampler=balanced")},
        data=SCARCE,
    ),
)


@dataclass(frozen=True)
class Command:
    """One `python -m src.train --multirun`: an arm on a data set, with the seeds that no sweep before has."""

    data: str
    sweep: Sweep
    arm: str
    seeds: Sequence[int]

    @property
    def jobs(self) -> int:
        return len(self.seeds) * (FOLDS if "split.fold=" in self.sweep.data[self.data] else 1)

    def words(self, folder: Path, tables: Mapping[str, Path]) -> list[str]:
        """The words after --multirun; `tables` are the manifests that the data sets are read from."""
        quoted = {name: "'{}'".format(str(path).replace("'", "\\'")) for name, path in tables.items()}
        data = [word.format(**quoted) for word in self.sweep.data[self.data].split()]
        seed = f"seed={','.join(map(str, self.seeds))}"
        sweep = f"hydra.sweep.dir={folder / self.data / self.sweep.name}"
        threads = [f"trainer.threads={THREADS}"] if self.sweep.against else []
        return [*data, *self.arm.split(), seed, *threads, "logger=none", sweep]


def commands(data: Sequence[str], only: Sequence[str] = ()) -> Iterator[Command]:
    """The commands of the data sets' sweeps, or of some. A job of an earlier judged sweep, named or not, is left to it."""
    for name in data:
        taken: set[tuple[str, int]] = set()
        for sweep in PLAN:
            for arm in sweep.arms if name in sweep.data else ():
                fresh = [seed for seed in sweep.seeds if (key(arm), seed) not in taken]
                taken |= {(key(arm), seed) for seed in fresh} if sweep.against else set()
                if fresh and (not only or sweep.name in only):
                    yield Command(name, sweep, arm, fresh)


@cache
def key(arm: str) -> str:
    """A digest of what Hydra composes from an arm, the same for two arms that are one experiment in other words.

    For words that Hydra does not know, the words themselves.
    """
    home = next(sweep for sweep in PLAN if arm in sweep.arms)
    words = [*home.data["synth"].format(scarce="x").split(), *arm.split()]
    try:
        composed = configs.resolved(configs.compose(*words))
    except (HydraException, OmegaConfBaseException):
        return arm
    return configs.digest(composed, without=(*NOT_IN_IDENTITY, "seed"))


def arm_of(words: Sequence[str]) -> str | None:
    """The plan's arm that a run's command line is of; None where it is of none."""
    own = {word for word in words if "=" in word and re.split("[.=]", word)[0] not in NOT_OF_AN_ARM}
    return next((arm for sweep in PLAN for arm in sweep.arms if set(arm.split()) == own), None)


def short(arm: str) -> str:
    """An arm for a table: "experiment=paper_hybrid model.cell=gru" -> "hybrid model.cell=gru"."""
    return arm.removeprefix("experiment=paper_").removeprefix("experiment=")
