"""From a data set and a split to batches of waveforms on the accelerator."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler

from src.clip import SIDES, Clip, Corpus, Excluded
from src.data import waveform_cache
from src.data.audit_file import read_audit
from src.data.crops import Crops, Cutter, check_count, check_resident
from src.data.feature_cache import Kept
from src.dataset import DataSet
from src.instantiate import supply
from src.split import Split, certificate


class Batch(NamedTuple):
    """S stretches of each of B clips: `sound` (B, S, T) in [-1, 1], `genre` (B,), `clip` (B,) the clips' numbers.

    Where a feature is kept, `sound` is that feature, (B, S, F, N).
    """

    sound: Tensor
    genre: Tensor
    clip: Tensor


class GenreData(lightning.LightningDataModule):
    """Clips, prepared once, cut into random crops for training and into fixed segments for evaluation.

    The loaders yield clip numbers only; `on_after_batch_transfer` cuts sound from the memory map, or from the accelerator's
    own copy of it (`resident`), so no loader worker is needed.
    """

    def __init__(
        self,
        dataset: DataSet,
        split: Split,
        sampler: Callable[..., Sampler[int]],
        sample_rate: int,
        batch_size: int,
        crop_seconds: float,
        crops: int | str,
        least_crops: int,
        segments: int | str,
        max_seconds: float | None,
        preferred_genres: Sequence[str],
        strict: bool,
        resident: bool | str,
        cache: str,
        audit: str | None,
        seed: int,
    ) -> None:
        super().__init__()
        self.dataset, self.split, self.sampler, self.sample_rate = dataset, split, sampler, sample_rate
        self.batch_size, self.seed = batch_size, seed
        self.crops_asked, self.segments_asked = check_count("crops", crops), check_count("segments", segments)
        self.least_crops, self.crop_length = least_crops, round(crop_seconds * sample_rate)
        self.preferred_genres = preferred_genres
        self.max_seconds, self.strict, self.cache = max_seconds, strict, Path(cache)
        self.resident = check_resident(resident)
        self.audit = read_audit(Path(audit)) if audit else None  # now, before hours of decoding

    @cached_property
    def corpus(self) -> Corpus:
        """The data set's clips as it lists them, before any is decoded. Raises ValueError on fewer than two genres, or
        on clips of an unknown one."""
        listed = self.dataset.corpus()
        unknown = [clip.name for clip in listed.clips if not clip.genre]
        if unknown:
            raise ValueError(
                f"{listed.name}: {len(unknown)} of {len(listed.clips)} clips have no genre, e.g. {unknown[0]}, and nothing "
                "is learned from those. Give them one, name those to leave out in a file (dataset.exclude=FILE), or choose "
                "genres (dataset.genres=[...])."
            )
        if set(self.preferred_genres) <= set(listed.genres):
            listed = listed.select(self.preferred_genres or None)
        if len(listed.genres) < 2:
            raise ValueError(
                f"{listed.name} has {', '.join(['one genre', *listed.genres] if listed.clips else ['no clip'])}: at least two "
                "are needed to tell apart. Add a genre, or widen dataset.genres."
            )
        return listed

    @cached_property
    def map(self) -> waveform_cache.WaveMap:
        """The decoded clips. Raises ValueError where a genre has lost all its clips."""
        corpus = self.corpus
        made = waveform_cache.prepare(corpus.clips, self.cache, self.sample_rate, self.max_seconds, self.strict)
        lost = [genre for genre in corpus.genres if genre not in {clip.genre for clip in made.clips}]
        if lost:
            reasons = "; ".join(f"{left.clip}: {left.reason}" for left in made.excluded[:5])
            raise ValueError(
                f"No usable clip is left of {', '.join(lost)} ({reasons}). Mend the files or drop the genre."
            )
        return made

    @cached_property
    def sides(self) -> list[str]:
        """The side of each clip of the map. Raises ValueError where the split leaks, or leaves a side empty."""
        sides = self.split.assign(self.map.clips)
        for side in SIDES:
            if side not in sides:
                raise ValueError(
                    f"The {side} side of the split ({self.split.words}) has no clip, out of {len(sides)} in all. "
                    "More clips or artists, or other shares, are needed."
                )
        return sides

    @cached_property
    def certificate(self) -> dict[str, Any]:
        """How the split was made and what its sides share; see `certificate.certify`."""
        sides, split = self.sides, self.split  # sides first, since they may put an artist into the split's words
        near_copies, heard = self.audit or (None, None)
        made = certificate.certify(self.clips, sides, self.map.digest, split.words, split.grouped, near_copies, heard)
        if not self.split.allow_leak:
            certificate.refuse_leaks(made)
        return {**made, "allow_leak": self.split.allow_leak}

    @property
    def clips(self) -> Sequence[Clip]:
        return self.map.clips

    @property
    def genres(self) -> list[str]:
        return self.corpus.genres

    @property
    def excluded(self) -> list[Excluded]:
        return [*self.corpus.excluded, *self.map.excluded]

    @property
    def digest(self) -> str:
        """A hash of what is learned from: each clip's name, genre, artist, side and sound."""
        told = zip(self.clips, self.sides, self.map.digest, strict=True)
        rows = [(clip.name, clip.genre, clip.artist, clip.track, side, sound) for clip, side, sound in told]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]

    @cached_property
    def genre(self) -> Tensor:
        """The number of each clip's genre, (clips,)."""
        return torch.tensor([self.genres.index(clip.genre) for clip in self.clips])

    @property
    def counts(self) -> list[int]:
        """Training clips of each genre."""
        counted = Counter(self.clips[k].genre for k in self.of("train"))
        return [counted[genre] for genre in self.genres]

    @property
    def short(self) -> int:
        """How many clips are shorter than a crop; they are repeated to fill it."""
        return int((self.map.length < self.crop_length).sum())

    def of(self, side: str) -> list[int]:
        """The numbers of a side's clips."""
        return [k for k, s in enumerate(self.sides) if s == side]

    @property
    def crops_per_clip(self) -> int:
        """Of each training clip in an epoch: more than asked where there are few clips."""
        return max(self.crops_asked or self._held, math.ceil(self.least_crops / len(self.of("train"))))

    @property
    def segments(self) -> int:
        """Fixed stretches of each clip in evaluation, S."""
        return self.segments_asked or self._held

    @cached_property
    def _held(self) -> int:
        """How many crops a typical clip holds."""
        return max(1, round(float(np.median(self.map.length)) / self.crop_length))

    def train_dataloader(self) -> DataLoader[int]:
        """The training crops' numbers, in the sampler's order."""
        train = self.of("train")
        crops = Crops(train, len(self.clips), len(train) * self.crops_per_clip)
        sampler = supply(self.sampler, crops=len(crops), seed=self.seed, clip_genres=self.genre[train].tolist())
        return DataLoader(crops, batch_size=self.batch_size, sampler=sampler)  # type: ignore[arg-type]

    def fixed_dataloader(self, side: str) -> DataLoader[int]:
        """A side's clips in order, fewer a batch than in training, since each brings S segments."""
        return DataLoader(self.of(side), batch_size=math.ceil(self.batch_size / self.segments))  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[int]:
        return self.fixed_dataloader("val")

    def predict_dataloader(self) -> list[DataLoader[int]]:
        """What the finished model is judged on: the validation side, then the test side."""
        return [self.fixed_dataloader("val"), self.fixed_dataloader("test")]

    def on_after_batch_transfer(self, batch: Tensor, dataloader_idx: int) -> Batch:
        assert self.trainer is not None
        return self.crops(batch, self.trainer.current_epoch) if self.trainer.training else self.segmented(batch)

    def crops(self, crop_B: Tensor, epoch: int) -> Batch:
        """Random crops, each of which (seed, epoch, its number) alone decides: S = 1."""
        clip_B = crop_B % len(self.clips)
        return Batch(self.cutter.crops(crop_B, self.seed, epoch), self.genre.to(clip_B.device)[clip_B], clip_B)

    def segmented(self, clip_B: Tensor) -> Batch:
        """`segments` crops of each clip, from its beginning to its end; a single one is the middle: S = segments."""
        return Batch(self.cutter.segments(clip_B, self.segments), self.genre.to(clip_B.device)[clip_B], clip_B)

    @cached_property
    def cutter(self) -> Cutter | Kept:
        """What cuts sound out of the map; `run.keep` puts a feature that is kept in its place."""
        return Cutter(self.map, self.crop_length, self.resident)
