"""The feature cache: frozen features, or their statistics over time, of the segments of each clip, computed once."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.config import without_paths
from src.console import track
from src.data.crops import CPU, WaveformCrops, draw
from src.data.store import Store
from src.plain_files import explaining_no_room
from src.rundir import code_digest
from src.threads import compute_in_order

# The modules that turn a feature into what is stored of it, by the kind of store.
MODULES: dict[str, tuple[str, ...]] = {"feature": (), "statistics": ("src.model.classic",)}
TITLES = {"feature": "Computing the frozen feature, once", "statistics": "Computing statistics of the feature, once"}


def describe(kind: str, feature: Mapping[str, Any]) -> dict[str, Any]:
    """Describe stored values: their kind, the settings of the feature, and a digest of the code that computes them.

    Raises LookupError if the settings name a module that this project does not have.
    """
    # src.data.crops is hashed without its imports: values are stored under hashes of the decoded samples, so the decoding
    # code does not matter.
    code = code_digest.digests_with_imports(
        *code_digest.project_targets(feature)
    ) | code_digest.digests_without_imports("src.data.crops", *MODULES[kind])
    return {"kind": kind, "feature": without_paths(feature), "code": code_digest.digest(code)}


@dataclass(frozen=True)
class SegmentValues:
    """One array per clip, (S, ...), in a store: that of clip k begins at value `start[k]` of `pieces[piece[k]]`.

    As a source of batches (a CropSource) it returns values of segments in place of their sound; a random crop is one of
    the S segments of its clip.
    """

    pieces: Mapping[int, Tensor]
    piece: NDArray[np.int64]
    start: NDArray[np.int64]
    shape: tuple[int, ...]  # of an array: S, F, N for a feature

    def __getitem__(self, k: int) -> Tensor:
        """The array of clip k, not copied."""
        start = int(self.start[k])
        return self.pieces[int(self.piece[k])][start : start + math.prod(self.shape)].view(self.shape)

    def crops(self, crop_B: Tensor, seed: int, epoch: int, device: torch.device = CPU) -> Tensor:
        """Draw one segment per crop id (see `src.data.crops`). The draw depends on (seed, epoch, crop id) only."""
        clips, segments = len(self.piece), self.shape[0]
        values = [self[crop_id % clips][draw(seed, epoch, crop_id, segments)] for crop_id in crop_B.tolist()]
        return torch.stack(values)[:, None].to(device)

    def segments(self, clip_B: Tensor, segments: int, device: torch.device = CPU) -> Tensor:
        """Return the values of all S = `segments` segments of each clip, (B, S, ...)."""
        assert segments == self.shape[0]
        return torch.stack([self[k] for k in clip_B.tolist()]).to(device)


def open_or_compute(
    source: WaveformCrops,
    segments: int,
    compute: Callable[[Tensor], Tensor],
    about: Mapping[str, Any],
    cache: Path,
    device: torch.device,
    clips: Sequence[int] | None = None,
    dtype: torch.dtype = torch.float32,
) -> SegmentValues:
    """Compute the values of those clips that are missing in the folder `cache`, then open them.

    `compute` turns the sound of the S segments of a clip, (S, T), into an array (S, ...) of the same shape for every clip.
    The array of a clip is known by its samples: it does not depend on the other clips of a corpus, and clips that are added
    later are computed alone. `about` is everything else that affects it: its "kind", settings and code. `clips` are the
    indices of the clips that are needed; by default, all.

    Safe to interrupt and to run concurrently. Raises NoRoom if the disk is full or read-only.
    """
    about = {**about, "length": source.length, "segments": segments}
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:12]
    cache.mkdir(parents=True, exist_ok=True)
    store = Store(cache / f"{about['kind']}-{digest}", dtype, about)
    sounds = source.waveforms.digest
    needed = range(len(sounds)) if clips is None else clips
    # The lock is for the whole corpus: folds need different clips, and the second one finds those of the first computed.
    with store.lock("".join(sorted(set(sounds))).encode()), explaining_no_room(store.folder):
        known = {entry.key for entry in store.find(list({sounds[k] for k in needed}))}
        missing = list({sounds[k]: k for k in needed if sounds[k] not in known}.values())
        if missing:
            _compute(store, source, segments, compute, missing, device, TITLES[about["kind"]])
        return _open(store, sounds, needed)


def _compute(
    store: Store,
    source: WaveformCrops,
    segments: int,
    compute: Callable[[Tensor], Tensor],
    missing: Sequence[int],
    device: torch.device,
    title: str,
) -> None:
    """Compute and store the arrays of some clips, one clip at a time in each thread: so they depend on no other clip."""

    def values(k: int) -> Tensor:
        with torch.no_grad():
            wave_ST = source.segments(torch.tensor([k]), segments, device)[0]
            return compute(wave_ST).to("cpu", store.dtype).contiguous()

    workers = None if device.type == "cpu" else 1
    with store.appending() as appender, closing(compute_in_order(values, missing, workers)) as results:
        for k, value in zip(missing, track(results, title, len(missing)), strict=True):
            content = value.numpy().tobytes()
            appender.append(source.waveforms.digest[k], content, json.dumps(list(value.shape)))


def _open(store: Store, sounds: Sequence[str], clips: Sequence[int]) -> SegmentValues:
    """Open the arrays of some clips; those of the others are not to be asked for."""
    clips_of: dict[str, list[int]] = {}
    for k in clips:
        clips_of.setdefault(sounds[k], []).append(k)
    piece_K, start_K = np.zeros(len(sounds), np.int64), np.zeros(len(sounds), np.int64)
    ends: dict[int, int] = {}
    shape: tuple[int, ...] = ()
    for entry in store.find(list(clips_of)):
        indices = clips_of.pop(entry.key)
        piece_K[indices], start_K[indices] = entry.piece, entry.start
        ends[entry.piece] = max(ends.get(entry.piece, 0), entry.start + entry.items)
        shape = tuple(json.loads(entry.detail))
    if clips_of:  # another process has found the index damaged and made it anew
        raise OSError(f"{store.folder} lost {len(clips_of)} arrays while it was used. Give the command again.")
    return SegmentValues({piece: store.map(piece, end) for piece, end in ends.items()}, piece_K, start_K, shape)
