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
FOLDS = 3  # with the 18 artists of music, more folds would test on one or two artists of a genre
DATA = {
    "synth": "dataset=synth split=holdout",
    "music": f"dataset=manifest dataset.path={{music}} split=kfold split.folds={FOLDS} split.fold=range(0,{FOLDS})",
    "gtzan": f"dataset=gtzan dataset.root={{gtzan}} split=kfold split.folds={FOLDS} split.fold=range(0,{FOLDS})",
    "fma": "dataset=fma dataset.root={fma} dataset.subset=medium dataset.genres=[rock,pop,classical,jazz] "
    "dataset.genre_map={{Rock:rock,Pop:pop,Classical:classical,Jazz:jazz}} split=official",
}
WITHOUT_MUSIC = {name: data for name, data in DATA.items() if name != "music"}  # for sweeps that are not measured there
SCARCE = {"synth": "dataset=manifest dataset.path={scarce} split=official"}  # see scarce.py
CNN, RNN, HYBRID = "experiment=paper_cnn", "experiment=paper_rnn", "experiment=paper_hybrid"
MFCC, SPECTRAL = "feature=mfcc", "feature=spectral"
PAPER_GENRES = "data.preferred_genres=[rock,pop,classical,jazz]"  # the recipes paper_* have them too
SVM, SVM_TIMBRE, SVM_ALL = (f"model=svm feature={feature} {PAPER_GENRES}" for feature in ("mfcc", "timbre", "all"))
KNN = f"model=knn {MFCC} {PAPER_GENRES}"
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

    @property
    def compared(self) -> list[str]:
        """The arms of the comparisons: the baselines first, each arm once."""
        return list(dict.fromkeys([*self.baselines.values(), *self.baselines]))


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
        data=WITHOUT_MUSIC,
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
    _variants(
        "rate",
        "Which learning rate suits the RNN?",
        RNN,
        *(f"optimizer.lr={r}" for r in (0.001, 0.005)),
        data=WITHOUT_MUSIC,
    ),
    _variants("batch", "Which batch size?", CNN, *(f"data.batch_size={size}" for size in (32, 64)), data=WITHOUT_MUSIC),
    _variants(
        "layers", "How many layers?", CNN, *(f"model.layers={layers}" for layers in (3, 4, 5)), data=WITHOUT_MUSIC
    ),
    _variants(
        "activation",
        "ReLU or Leaky ReLU?",
        CNN,
        *(f"model.activation={choice}" for choice in ("relu", "leaky_relu")),
        data=WITHOUT_MUSIC,
    ),
    _variants(
        "optimizer",
        "Adam or SGD?",
        CNN,
        *(
            "optimizer=adam",
            "optimizer=sgd",
            "optimizer=sgd optimizer.lr=0.05",
        ),  # the paper's rate, and a usual one of SGD
        data=WITHOUT_MUSIC,
    ),
    Sweep(
        "networks",
        "Is a CNN along time, as in figure 1, better than a CNN, and an LSTM better than an RNN?",
        (CNN, f"{CNN} model=cnn1d", RNN, f"{RNN} model=lstm"),
        {f"{CNN} model=cnn1d": CNN, f"{RNN} model=lstm": RNN},
        data=WITHOUT_MUSIC,
    ),
    Sweep(
        "waveform",
        "Can a network on the waveform do without features?",
        (CNN, f"{CNN} model=cnn1d feature=waveform"),
        {f"{CNN} model=cnn1d feature=waveform": CNN},
        data=WITHOUT_MUSIC,
    ),
    Sweep(
        "classic",
        "Are the networks better than SVM and KNN?",
        (SVM, KNN, CNN, RNN, HYBRID),
        {KNN: SVM, **dict.fromkeys((CNN, RNN, HYBRID), SVM)},
        data=WITHOUT_MUSIC,
    ),
    Sweep(
        "combination",
        "Do other features help in addition to MFCC?",
        (SVM, SVM_TIMBRE, SVM_ALL),
        dict.fromkeys((SVM_TIMBRE, SVM_ALL), SVM),
        data=WITHOUT_MUSIC,
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
    return arm.removeprefix("experiment=paper_").removeprefix("experiment=").removesuffix(f" {PAPER_GENRES}")
