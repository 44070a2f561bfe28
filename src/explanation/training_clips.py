"""The training clips of a run, read again: what an explained clip is compared with.

Shapes: K training clips, E embedding, C genres, Q tags, F rows, N values of a row.
"""

import hashlib
import json
import zipfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from omegaconf import OmegaConf
from torch import Tensor

from src import console, plain_files, rundir
from src.clip import Clip
from src.explanation.model_input import ModelInput, feature_of, needs_training_mean
from src.explanation.tag_values import tag_names, tag_problem, tag_values
from src.judging.judged_data import Request, judged_config, open_data
from src.model.classic import Classic
from src.rundir import RunDir, extras
from src.threads import compute_in_order
from src.training import setup

FILE = "training_clips.npz"  # in the run: computed once
FORMAT = 1  # changes with the content of the file
ARRAYS = ("embedding_KE", "logits_KC", "tag_KQ", "mean_FN")


@dataclass(frozen=True)
class TrainingClips:
    """Clips of the training set of a run, as its model reads them.

    `embedding_KE` has no columns if the model has no embedding, `tag_KQ` none if the feature has no tags. `logits_KC` are
    calibrated. `mean_FN` is the mean of the model's input over the clips; it has no rows if the model implies it.
    """

    clips: list[Clip]
    embedding_KE: NDArray[np.float64]
    logits_KC: NDArray[np.float64]
    tag_KQ: NDArray[np.float64]
    mean_FN: NDArray[np.float64]
    max_seconds: float | None


class RunClips:
    """The clips of a finished run, those of its split.csv, with their frozen feature from the cache where training uses it.

    Raises ValueError or OSError, which say what is missing, if the data set is not where the config says.
    """

    def __init__(self, run: RunDir, model: ModelInput, device: torch.device, request: Request) -> None:
        self.run, self.model, self.device = run, model, device
        request = (
            Request() if request.dataset is not None else request
        )  # those of another data set are no training clips
        judged = judged_config(run, request)
        self.config = OmegaConf.create(judged)
        self.data, _ = open_data(run, request, judged, model.classifier.genres, own=True)
        self.has_statistics = False

    def in_set(self, subset: str) -> list[int]:
        """The indices of the clips of a set. Their frozen feature, or its statistics, is computed now if it is not cached."""
        clips, classifier = self.data.clips_in(subset), self.model.classifier
        feature: Any = classifier.feature
        if feature.cached:
            self.data.use_cached(setup.cached_feature(self.config, self.data, feature, self.device, clips))
        elif isinstance(classifier.model, Classic) and classifier.has_statistics and self.device.type != "mps":
            self.has_statistics = True
            self.data.use_cached(setup.cached_statistics(self.config, self.data, feature, self.device, clips))
        return clips

    def sound(self, k: int) -> Tensor:
        """The sound (S, T) of clip k, or what is cached in its place: the feature (S, F, N) or statistics of it (S, 3 F)."""
        return self.data.segment_batch(torch.tensor([k]), self.device).sound[0]

    def values(self, k: int) -> Tensor:
        """The model's input (S, F, N) for clip k."""
        return self.model.values(self.sound(k), self.has_statistics)


def read(clips: RunClips) -> TrainingClips:
    """The training clips of a run, from its file or computed now, which may take minutes; then they are stored in the run.

    If the run cannot be written, they are computed again next time.
    """
    data, path = clips.data, clips.run.path / FILE
    chosen = data.clips_in("train")
    digest = _digest(clips, chosen)
    arrays = _stored(path, digest, len(chosen), clips.model)
    if arrays is None:
        arrays = _compute(clips, clips.in_set("train"))
        try:
            with plain_files.replacing(path) as part, open(part, "wb") as file:
                np.savez(file, allow_pickle=False, digest=np.array(digest), **arrays)
        except OSError as error:
            reason = plain_files.first_line(error)
            console.note(f"Note: {path} cannot be written ({reason}): the training clips are read again next time.")
    return TrainingClips([data.clips[k] for k in chosen], **arrays, max_seconds=data.max_seconds)


def _digest(clips: RunClips, chosen: Sequence[int]) -> str:
    """Digest of what decides the arrays: the checkpoint of the model, and the names and sound of the clips."""
    weights = hashlib.sha256((clips.run.path / rundir.BEST).read_bytes()).hexdigest()
    sounds = [(clips.data.clips[k].name, clips.data.waveforms.digest[k]) for k in chosen]
    return hashlib.sha256(json.dumps([FORMAT, weights, sounds]).encode()).hexdigest()


def _stored(path: Path, digest: str, clips: int, model: ModelInput) -> dict[str, NDArray[np.float64]] | None:
    """The arrays of a file; None if there is none, or if it is of another model or of other clips."""
    if not path.is_file():
        return None
    try:
        content = extras.load_arrays(path)
        arrays = {name: content[name] for name in ARRAYS}
        valid = str(content["digest"]) == digest and all(
            array.ndim == 2 and array.dtype == np.float64 and np.isfinite(array).all() for array in arrays.values()
        )
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile):
        return None
    feature = feature_of(model.classifier)
    columns = {
        "logits_KC": len(model.classifier.genres),
        "tag_KQ": 0 if tag_problem(feature) else len(tag_names(feature)),
        "mean_FN": 1,
    }
    rows = {"mean_FN": feature.rows if needs_training_mean(model.classifier) else 0}
    shapes = {name: array.shape for name, array in arrays.items()}
    valid = valid and all(shapes[name][0] == rows.get(name, clips) for name in ARRAYS)
    return arrays if valid and all(shapes[name][1] == count for name, count in columns.items()) else None


def _compute(clips: RunClips, chosen: Sequence[int]) -> dict[str, NDArray[np.float64]]:
    model, feature = clips.model, feature_of(clips.model.classifier)
    has_tags = not tag_problem(feature)

    @torch.no_grad()
    def row(k: int) -> tuple[NDArray[np.float64], ...]:
        sound = clips.sound(k)
        value_SFN = model.values(sound, clips.has_statistics)
        embedding_E = model.embedding(value_SFN) if model.has_embedding else torch.empty(0)
        tag_Q = tag_values(feature, model.classifier.raw_feature(sound)) if has_tags else torch.empty(0)
        mean_F = value_SFN.mean(dim=(0, 2)) if needs_training_mean(model.classifier) else torch.empty(0)
        return tuple(
            each.double().cpu().numpy() for each in (embedding_E, model.logits(value_SFN).mean(dim=0), tag_Q, mean_F)
        )

    workers = None if clips.device.type == "cpu" else 1
    with closing(compute_in_order(row, chosen, workers)) as results:
        rows = list(console.track(results, "Reading the training clips, once", len(chosen)))
    embedding_KE, logits_KC, tag_KQ, mean_KF = (np.stack(each) for each in zip(*rows, strict=True))
    return dict(zip(ARRAYS, (embedding_KE, logits_KC, tag_KQ, mean_KF.mean(axis=0)[:, None]), strict=True))
