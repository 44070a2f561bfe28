"""Train a method on the clips of a draw, and count its correct test clips by artist."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf
from torch import Tensor

from benchmarks.few.draws import Cell, Draw
from src import config as configs
from src import plain_files
from src.data.crops import CPU
from src.data.datamodule import GenreData
from src.data.feature_cache import SegmentValues
from src.model.classic import Classic, statistics
from src.settings.quoting import quoted
from src.training import setup

# A draw has training and test clips only: no validation clips choose an epoch, and no temperature is fitted.
SETTINGS = ("split=random", "split.allow_leak=true", "logger=none", "trainer.threads=1", "trainer.accelerator=cpu")
NO_VALIDATION = ("trainer.checkpoint=last", "+trainer.limit_val_batches=0")
METHODS: dict[str, tuple[str, ...]] = {
    "few": ("experiment=few",),
    "head": ("feature=musicnn", "model=head"),
    "knn": ("feature=musicnn", "model=knn"),
    "lda": ("experiment=few",),  # shrinkage LDA on the same embeddings, to choose between it and the nearest mean
}


class Tally(NamedTuple):
    """The test clips of an artist: their number, how many were predicted correctly, and the sum of the NLL in nats."""

    clips: int
    correct: int
    nll: float


@dataclass(frozen=True)
class Trial:
    """A method on a draw of a cell: the tally of each test artist, as (genre, artist), and the method that `few` chose."""

    cell: Cell
    draw: int
    method: str
    tallies: Mapping[tuple[str, str], Tally]
    fitted: str | None = None

    @property
    def key(self) -> tuple[Cell, int, str]:
        return self.cell, self.draw, self.method


class Trainer:
    """The clips of some genres with their cached embeddings, on which methods are trained. `words` choose the data set."""

    def __init__(self, words: Sequence[str], genres: Sequence[str] | None, methods: Sequence[str], cache: Path) -> None:
        words = (*words, *SETTINGS, *NO_VALIDATION, quoted("data.cache", str(cache)))
        self.configs = {name: configs.compose(*METHODS[name], *words) for name in {"few", *methods}}
        for each in self.configs.values():
            each.dataset.genres = list(genres) if genres else None
        config = self.configs["few"]
        self.data: GenreData = setup.compose_data(config)
        genres = self.data.genres
        self.untrained = {
            name: setup.build_module(each, genres, [1] * len(genres)) for name, each in self.configs.items()
        }
        self.embeddings = setup.cached_feature(config, self.data, self.untrained["few"].feature, CPU)
        # In double precision, as in a run on a feature whose statistics are cached: svm and knn read nothing else.
        values = [statistics(self.embeddings[k].double()) for k in range(len(self.data.clips))]
        starts = np.arange(len(values)) * values[0].numel()
        self.statistics = SegmentValues({0: torch.cat(values).flatten()}, 0 * starts, starts, tuple(values[0].shape))

    @property
    def digest(self) -> str:
        """A hash of the clips, their genres, artists and sound."""
        rows = [
            (clip.name, clip.genre, clip.artist, clip.track, sound)
            for clip, sound in zip(self.data.clips, self.data.waveforms.digest, strict=True)
        ]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]

    def trial(self, cell: Cell, number: int, drawn: Draw, method: str) -> Trial:
        """Train a method on the training clips of a draw and count its correct test clips. The number is also the seed."""
        config, data = self.configs[method], self.data
        data.subsets = ["unused"] * len(data.clips)
        for subset, indices in (("train", drawn.train), ("test", drawn.test)):
            for k in indices:
                data.subsets[k] = subset
        data.use_cached(self.embeddings)
        if method == "lda":
            train_KE, test_LE = self.mean_embeddings(drawn.train), self.mean_embeddings(drawn.test)
            fitted, logits_KC = None, shrinkage_lda(train_KE, data.genre[drawn.train].numpy(), test_LE)
        else:
            # A copy, which does not read musicnn's weights again. None of these methods starts from random weights: the
            # seed only changes the crops and the dropout of `head`.
            module = deepcopy(self.untrained[method])
            module.seed = data.seed = number
            module.reads_statistics = isinstance(module.model, Classic)
            data.statistics = self.statistics if module.reads_statistics else None
            if module.reads_statistics:
                data.use_cached(self.statistics)
            trainer = setup.make_trainer(config, module, Path(), False, [])
            trainer.callbacks.clear()  # type: ignore[attr-defined]  # which save checkpoints
            trainer.fit(module, data)
            sound = data.segment_batch(torch.tensor(drawn.test)).sound
            with torch.no_grad():
                fitted, logits_KC = getattr(module.model, "fitted", None), module.eval()(sound)
        genre_K = data.genre[drawn.test]
        log_KC = logits_KC.double().log_softmax(dim=1)
        nll_K = -log_KC.gather(1, genre_K[:, None])[:, 0]
        correct_K = log_KC.argmax(dim=1) == genre_K
        tallies: dict[tuple[str, str], Tally] = {}
        for k, correct, nll in zip(drawn.test, correct_K.tolist(), nll_K.tolist(), strict=True):
            clip = data.clips[k]
            who = (clip.genre, clip.artist or clip.name)
            before = tallies.get(who, Tally(0, 0, 0.0))
            tallies[who] = Tally(before.clips + 1, before.correct + correct, before.nll + nll)
        return Trial(cell, number, method, tallies, fitted)

    def mean_embeddings(self, clips: Sequence[int]) -> NDArray[np.float64]:
        """The embeddings of clips, averaged over their segments and frames, (K, E)."""
        feature_KSEN = self.embeddings.segments(torch.tensor(clips), self.data.segments)
        return feature_KSEN.double().mean(dim=(1, 3)).numpy()


def shrinkage_lda(train_KE: NDArray[np.float64], genre_K: NDArray[np.int64], test_LE: NDArray[np.float64]) -> Tensor:
    """Scores (L, C) by linear discriminant analysis on the standardized embeddings of clips, with equal priors.

    The common covariance of the genres is shrunk by the formula of Ledoit and Wolf (2004). A genre must have two clips.
    """
    centre_E, deviation_E = train_KE.mean(axis=0), np.maximum(train_KE.std(axis=0), 1e-9)
    x_KE, x_LE = ((clips_KE - centre_E) / deviation_E for clips_KE in (train_KE, test_LE))
    mean_CE = np.stack([x_KE[genre_K == c].mean(axis=0) for c in range(genre_K.max() + 1)])
    covariance_EE, _ = ledoit_wolf(x_KE - mean_CE[genre_K], assume_centered=True)
    weight_EC = np.linalg.solve(covariance_EE, mean_CE.T)
    return torch.from_numpy(x_LE @ weight_EC - (mean_CE.T * weight_EC).sum(axis=0) / 2)


def write(trial: Trial, file: Path) -> None:
    """Append a trial to a file, as a line of JSON."""
    rows = [[genre, artist, *tally] for (genre, artist), tally in trial.tallies.items()]
    line = {**trial.cell._asdict(), "draw": trial.draw, "method": trial.method, "fitted": trial.fitted, "artists": rows}
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(line) + "\n")


def read(file: Path, digest: str) -> Iterator[Trial]:
    """Yield the trials of a file, which is made if it does not exist. A last line that was cut off is removed.

    Raises ValueError if the trials are of other clips.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        plain_files.write_text(file, json.dumps({"clips": digest}) + "\n")
    text = file.read_text(encoding="utf-8")
    whole, _, rest = text.rpartition("\n")
    if rest:
        plain_files.write_text(file, whole + "\n")
    head, *lines = whole.splitlines()
    if json.loads(head) != {"clips": digest}:
        raise ValueError(f"{file} has trials of other clips. Delete it, or name another file with --trials.")
    for text in lines:
        line: dict[str, Any] = json.loads(text)
        cell = Cell(tuple(line["genres"]), line["by"], line["k"])
        tallies = {(genre, artist): Tally(*tally) for genre, artist, *tally in line["artists"]}
        yield Trial(cell, line["draw"], line["method"], tallies, line["fitted"])
