"""The plan of the study: one table of sweeps as Hydra overrides, and the training commands made from it."""

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
UNREGULARIZED = "model.dropout=0 optimizer.weight_decay=0"
PLAIN_CNN = "model=cnn feature=mfcc loss=cross_entropy"
NOT_PART_OF_ARM = ("seed", "dataset", "split", "trainer", "logger", "hydra")
THREADS = 1  # of the sweeps with comparisons, so that two data sets can be measured at once on two cores


@dataclass(frozen=True)
class Sweep:
    """A group of arms. An arm is the Hydra overrides of one experiment, without seed and data set.

    `question` is what the sweep asks. `baselines` gives for an arm the arm that it is compared with; `data` gives the
    overrides of each data set that the sweep is run on. Sweeps with baselines train on THREADS threads. A sweep without
    baselines has no comparisons: src.report prints its table, and it trains on the default number of threads.
    """

    name: str
    question: str
    arms: Sequence[str]
    baselines: Mapping[str, str] = field(default_factory=dict)
    seeds: Sequence[int] = SEEDS
    data: Mapping[str, str] = field(default_factory=lambda: DATA)


def _variants(name: str, question: str, base: str, *changes: str, data: Mapping[str, str] = DATA) -> Sweep:
    """Make a sweep over variants of one experiment, all compared with the first."""
    first, *others = arms = [f"{base} {change}" for change in changes]
    return Sweep(name, question, arms, dict.fromkeys(others, first), data=data)


PLAN = (
    Sweep(
        "models",
        "Which scores does each model reach?",
        (
            *(CNN, RNN, HYBRID, "experiment=best"),
            *("model=svm feature=all", "model=knn feature=all", "model=dbn", "model=transformer", "model=majority"),
        ),
        seeds=(0,),
    ),
    Sweep(
        "architectures",
        "Which of the paper's three models is best?",
        (CNN, RNN, HYBRID),
        {CNN: HYBRID, RNN: HYBRID},
    ),
    Sweep(
        "inputs",
        "Do spectrogram and chroma help in addition to MFCC?",
        [f"{CNN} {feature}" for feature in (MFCC, SPECTRAL)],
        {f"{CNN} {SPECTRAL}": f"{CNN} {MFCC}"},
    ),
    Sweep(
        "regularization",
        "Do dropout and L2 help?",
        [f"{base} {UNREGULARIZED}" for base in (CNN, RNN, HYBRID)],
        {base: f"{base} {UNREGULARIZED}" for base in (CNN, RNN, HYBRID)},
    ),
    _variants("cells", "Do gated cells help the hybrid?", HYBRID, *(f"model.cell={c}" for c in ("rnn", "lstm", "gru"))),
    _variants(
        "augmentation",
        "Does augmentation help?",
        HYBRID,
        *(f"augmentation={choice}" for choice in ("none", "spectrogram", "full")),
    ),
    _variants(
        "kinds",
        "Which kind of augmentation helps?",
        HYBRID,
        *(f"augmentation={choice}" for choice in ("none", "wave", "mixup")),
        data={"synth": DATA["synth"]},  # on music it would take another half hour
    ),
    _variants(
        "normalization",
        "Does normalization help?",
        HYBRID,
        *(f"normalization={choice}" for choice in ("none", "standard", "instance")),
    ),
    _variants(
        "loss",
        "Which loss is best?",
        HYBRID,
        *(f"loss=cross_entropy loss.label_smoothing={share}" for share in ("0.0", "0.1")),
        "loss=focal",  # loss=weighted equals cross-entropy if genres are balanced; see the sweep imbalance
    ),
    Sweep(
        "imbalance",
        "What helps a genre with few training clips?",
        (
            PLAIN_CNN,
            *(f"model=cnn feature=mfcc {remedy}" for remedy in ("loss=weighted", "loss=focal", "sampler=balanced")),
        ),
        {
            f"model=cnn feature=mfcc {remedy}": PLAIN_CNN
            for remedy in ("loss=weighted", "loss=focal", "sampler=balanced")
        },
        data=SCARCE,
    ),
)


@dataclass(frozen=True)
class Command:
    """One `python -m src.train --multirun`: an arm on a data set, with the seeds that no earlier sweep has."""

    data: str
    sweep: Sweep
    arm: str
    seeds: Sequence[int]

    @property
    def jobs(self) -> int:
        return len(self.seeds) * (FOLDS if "split.fold=" in self.sweep.data[self.data] else 1)

    def overrides(self, folder: Path, tables: Mapping[str, Path]) -> list[str]:
        """Make the overrides after --multirun. `tables` are the manifests of the data sets, by their {name} in `data`."""
        quoted = {name: "'{}'".format(str(path).replace("'", "\\'")) for name, path in tables.items()}
        data = [override.format(**quoted) for override in self.sweep.data[self.data].split()]
        seed = f"seed={','.join(map(str, self.seeds))}"
        sweep = f"hydra.sweep.dir={folder / self.data / self.sweep.name}"
        threads = [f"trainer.threads={THREADS}"] if self.sweep.baselines else []
        return [*data, *self.arm.split(), seed, *threads, "logger=none", sweep]


def commands(data: Sequence[str], only: Sequence[str] = ()) -> Iterator[Command]:
    """Yield the commands of the sweeps (of all or of those named in `only`) on the data sets.

    A job that an earlier sweep with comparisons has is left out, even if `only` does not name that sweep.
    """
    for name in data:
        planned: set[tuple[str, int]] = set()
        for sweep in PLAN:
            for arm in sweep.arms if name in sweep.data else ():
                new_seeds = [seed for seed in sweep.seeds if (key(arm), seed) not in planned]
                planned |= {(key(arm), seed) for seed in new_seeds} if sweep.baselines else set()
                if new_seeds and (not only or sweep.name in only):
                    yield Command(name, sweep, arm, new_seeds)


@cache
def key(arm: str) -> str:
    """Digest of the config that Hydra composes from an arm: equal for two spellings of the same experiment.

    An arm that Hydra cannot compose is its own key.
    """
    own_sweep = next(sweep for sweep in PLAN if arm in sweep.arms)
    overrides = [*own_sweep.data["synth"].format(scarce="x").split(), *arm.split()]
    try:
        composed = configs.resolved(configs.compose(*overrides))
    except (HydraException, OmegaConfBaseException):
        return arm
    return configs.digest(composed, without=(*NOT_IN_IDENTITY, "seed"))


def arm_of(command: Sequence[str]) -> str | None:
    """Find the plan's arm of a run by the arguments of its command line; None if it is not in the plan."""
    overrides = {word for word in command if "=" in word and re.split("[.=]", word)[0] not in NOT_PART_OF_ARM}
    return next((arm for sweep in PLAN for arm in sweep.arms if set(arm.split()) == overrides), None)


def short(arm: str) -> str:
    """Shorten an arm for a table: "experiment=paper_hybrid model.cell=gru" -> "hybrid model.cell=gru"."""
    return arm.removeprefix("experiment=paper_").removeprefix("experiment=")
