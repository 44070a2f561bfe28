"""Embeddings of clips, the input of the model's last layer: for doubt, and for the map in the report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from src import plain_files
from src.data.datamodule import GenreData
from src.training.module import GenreModule

COMPONENTS = 32  # principal components that are stored: 64 bytes for a clip
MOST_FITTED = 500  # training clips to which components and UMAP are fitted: more change a two-dimensional map little
MOST_SHOWN = 5_000  # test clips that are embedded
LARGEST = 6e4  # component; float16 ends at 65,504
NEIGHBOURS, UMAP_SEED = 15, 0  # of UMAP: its usual neighbourhood, and its random state, so that the map is repeatable


def embed(module: GenreModule, data: GenreData, clips: Sequence[int], device: torch.device) -> NDArray[np.float64]:
    """Embed clips, each as the mean over its segments -> (K, E): the input of a network's last linear layer.

    For a classic model (svm, knn) these are the standardized statistics of the feature. Uses no random numbers. Raises
    ValueError if the model has no embedding, or if it is not finite.
    """
    model: Any = module.model
    if not hasattr(model, "embed"):
        raise ValueError(f"the model {type(model).__name__} has no embedding")
    module.eval().to(device)
    vectors = []
    with torch.no_grad():
        batch = max(1, data.batch_size // data.segments)
        for first in range(0, len(clips), batch):
            clip_B = torch.tensor(clips[first : first + batch])
            sound = data.segment_batch(clip_B, device).sound
            segment_M = sound.flatten(0, 1)  # M = B * S segments
            if module.reads_statistics:
                embedding_ME: Tensor = model.standardize(module.normalized_statistics(segment_M))
            else:
                embedding_ME = model.embed(module.normalized_feature(segment_M))
            vectors.append(embedding_ME.double().reshape(*sound.shape[:2], -1).mean(dim=1).cpu())
    embedding_KE: NDArray[np.float64] = torch.cat(vectors).numpy()
    if not np.isfinite(embedding_KE).all():
        raise ValueError("the embedding has values that are not finite")
    return embedding_KE


class Embeddings:
    """Embeddings of clips by a module that is trained, each computed once."""

    def __init__(self, module: GenreModule, data: GenreData, device: torch.device) -> None:
        self.module, self.data, self.device = module, data, device
        self._known: dict[int, NDArray[np.float64]] = {}

    def of(self, clips: Sequence[int]) -> NDArray[np.float64]:
        """The embeddings of clips, as `embed` computes them -> (K, E). Raises its errors."""
        missing = [clip for clip in clips if clip not in self._known]
        if missing:
            self._known.update(zip(missing, embed(self.module, self.data, missing, self.device), strict=True))
        return np.stack([self._known[clip] for clip in clips])


def evenly_spaced(clips: Sequence[int], most: int) -> list[int]:
    """At most `most` of the clips, evenly spaced; all of them if they are fewer."""
    if len(clips) <= most:
        return list(clips)
    return [clips[round(k)] for k in np.linspace(0, len(clips) - 1, most)]


def write(path: Path, embeddings: Embeddings, with_umap: bool) -> None:
    """Write embedding.npz: principal components of the test clips, fitted on training clips; see `rundir.extras`.

    The components are divided by the standard deviation of the first and stored as float16: 64 bytes a clip. Raises
    ValueError if there is no embedding, or if all training clips have the same one.
    """
    data = embeddings.data
    test = data.clips_in("test")
    shown = evenly_spaced(range(len(test)), MOST_SHOWN)
    train_ME = embeddings.of(evenly_spaced(data.clips_in("train"), MOST_FITTED))
    test_KE = embeddings.of([test[row] for row in shown])
    if not np.ptp(train_ME, axis=0).any():
        raise ValueError("the embeddings of all training clips are equal")
    pca = PCA(min(COMPONENTS, *train_ME.shape, max(1, len(train_ME) - 1)), svd_solver="full").fit(train_ME)
    unit = float(np.sqrt(pca.explained_variance_[0]))
    train_MD, test_KD = (np.clip(pca.transform(each) / unit, -LARGEST, LARGEST) for each in (train_ME, test_KE))
    arrays: dict[str, NDArray[Any]] = {
        "row": np.array(shown, np.int32),
        "component": test_KD.astype(np.float16),
        "explained": pca.explained_variance_ratio_.astype(np.float32),
        "fitted_clips": np.array(len(train_ME), np.int32),
    }
    if with_umap:
        arrays["umap"] = umap_map(train_MD, test_KD).astype(np.float32)
    with plain_files.replacing(path) as part, open(part, "wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def umap_map(train_MD: NDArray[np.float64], test_KD: NDArray[np.float64]) -> NDArray[np.float64]:
    """A map of the test clips by UMAP, fitted on the training clips with a fixed random state -> (K, 2).

    Raises ImportError if umap-learn is not installed. Source: McInnes, Healy and Melville 2018.
    """
    from umap import UMAP

    if len(train_MD) < 4:
        raise ValueError(f"UMAP needs 4 training clips or more, found {len(train_MD)}")
    # Several jobs would give different numbers each time.
    umap = UMAP(n_neighbors=min(NEIGHBOURS, len(train_MD) - 1), random_state=UMAP_SEED, n_jobs=1)
    umap.fit(train_MD)
    return np.asarray(umap.transform(test_KD), dtype=np.float64)
