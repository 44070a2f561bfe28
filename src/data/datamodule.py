"""The data of an experiment: clips, their sets, and batches of sound on the accelerator."""

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

from src.clip import SUBSETS, Clip, Corpus, Excluded
from src.data import waveform_cache
from src.data.audit_file import read_audit
from src.data.crops import CropNumbers, CropSource, WaveformCrops, check_count, check_resident
from src.dataset import DataSet
from src.instantiate import call_with_facts
from src.split import Split, certificate


class Batch(NamedTuple):
    """S crops or segments of each of B clips: `sound` (B, S, T) in [-1, 1], `genre` (B,), `clip` (B,) the clips' numbers.

    Where a feature is cached, `sound` is that feature, (B, S, F, N).
    """

    sound: Tensor
    genre: Tensor
    clip: Tensor


class GenreData(lightning.LightningDataModule):
    """Clips, decoded once, cut into random crops for training and into fixed segments for evaluation.

    The loaders yield clip numbers only; `on_after_batch_transfer` cuts the sound out of the waveform cache, or out of the
    accelerator's own copy of it (`resident`), so no loader worker is needed.
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
        """The clips that the data set lists, before any is decoded.

        Raises ValueError on fewer than two genres, or on clips without a genre.
        """
        listed = self.dataset.corpus()
        unknown = [clip.name for clip in listed.clips if not clip.genre]
        if unknown:
            raise ValueError(
                f"{listed.name}: {len(unknown)} of {len(listed.clips)} clips have no genre, e.g. {unknown[0]}, so "
                "they cannot be trained on. Give them one, name those to leave out in a file (dataset.exclude=FILE), or "
                "choose genres (dataset.genres=[...])."
            )
        if set(self.preferred_genres) <= set(listed.genres):
            listed = listed.select(self.preferred_genres or None)
        if len(listed.genres) < 2:
            raise ValueError(
                f"{listed.name} has {', '.join(['one genre', *listed.genres] if listed.clips else ['no clip'])}: at least two "
                "are needed. Add a genre, or widen dataset.genres."
            )
        return listed

    @cached_property
    def waveforms(self) -> waveform_cache.WaveformCache:
        """The decoded clips. Raises ValueError where no clip of a genre can be used."""
        corpus = self.corpus
        waveforms = waveform_cache.prepare(corpus.clips, self.cache, self.sample_rate, self.max_seconds, self.strict)
        lost = [genre for genre in corpus.genres if genre not in {clip.genre for clip in waveforms.clips}]
        if lost:
            reasons = "; ".join(f"{excluded.clip}: {excluded.reason}" for excluded in waveforms.excluded[:5])
            raise ValueError(
                f"No usable clip is left of {', '.join(lost)} ({reasons}). Fix the files or drop the genre."
            )
        return waveforms

    @cached_property
    def subsets(self) -> list[str]:
        """The set of each clip: train, val or test. Raises ValueError where the split leaves a set empty."""
        subsets = self.split.assign(self.waveforms.clips)
        for subset in SUBSETS:
            if subset not in subsets:
                raise ValueError(
                    f"The {subset} set of the split ({self.split.description}) has no clip, out of {len(subsets)} in all. "
                    "More clips or artists, or other shares, are needed."
                )
        return subsets

    @cached_property
    def certificate(self) -> dict[str, Any]:
        """How the split was made and what its sets share; see `certificate.certify`. Raises ValueError on a leak."""
        subsets, split = self.subsets, self.split  # subsets first: assigning them may name an artist in the description
        near_copies, measured = self.audit or (None, None)
        content = certificate.certify(
            self.clips, subsets, self.waveforms.digest, split.description, split.grouped, near_copies, measured
        )
        if not self.split.allow_leak:
            certificate.refuse_leaks(content)
        return {**content, "allow_leak": self.split.allow_leak}

    @property
    def clips(self) -> Sequence[Clip]:
        return self.waveforms.clips

    @property
    def genres(self) -> list[str]:
        return self.corpus.genres

    @property
    def excluded(self) -> list[Excluded]:
        return [*self.corpus.excluded, *self.waveforms.excluded]

    @property
    def digest(self) -> str:
        """A hash of the data: name, genre, artist, track, set and sound of each clip."""
        clips = zip(self.clips, self.subsets, self.waveforms.digest, strict=True)
        rows = [(clip.name, clip.genre, clip.artist, clip.track, subset, sound) for clip, subset, sound in clips]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()[:16]

    @cached_property
    def genre(self) -> Tensor:
        """The number of each clip's genre, (clips,)."""
        return torch.tensor([self.genres.index(clip.genre) for clip in self.clips])

    @property
    def counts(self) -> list[int]:
        """The number of training clips of each genre."""
        counted = Counter(self.clips[k].genre for k in self.clips_in("train"))
        return [counted[genre] for genre in self.genres]

    @property
    def short(self) -> int:
        """The number of clips shorter than a crop; they are repeated to fill it."""
        return int((self.waveforms.length < self.crop_length).sum())

    def clips_in(self, subset: str) -> list[int]:
        """The numbers of the clips of a set."""
        return [k for k, each in enumerate(self.subsets) if each == subset]

    @property
    def crops_per_clip(self) -> int:
        """Crops of each training clip in an epoch: more than asked for where there are few clips."""
        return max(self.crops_asked or self._crops_that_fit, math.ceil(self.least_crops / len(self.clips_in("train"))))

    @property
    def segments(self) -> int:
        """Fixed segments of each clip in evaluation, S."""
        return self.segments_asked or self._crops_that_fit

    @cached_property
    def _crops_that_fit(self) -> int:
        """How many crops fit into a typical clip, side by side."""
        return max(1, round(float(np.median(self.waveforms.length)) / self.crop_length))

    def train_dataloader(self) -> DataLoader[int]:
        """The numbers of the training crops, in the sampler's order."""
        train = self.clips_in("train")
        crops = CropNumbers(train, len(self.clips), len(train) * self.crops_per_clip)
        sampler = call_with_facts(
            self.sampler, crops=len(crops), seed=self.seed, clip_genres=self.genre[train].tolist()
        )
        return DataLoader(crops, batch_size=self.batch_size, sampler=sampler)  # type: ignore[arg-type]

    def fixed_dataloader(self, subset: str) -> DataLoader[int]:
        """The clips of a set in order, fewer a batch than in training, since each brings S segments."""
        clips = self.clips_in(subset)
        return DataLoader(clips, batch_size=math.ceil(self.batch_size / self.segments))  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[int]:
        return self.fixed_dataloader("val")

    def predict_dataloader(self) -> list[DataLoader[int]]:
        """The clips on which the finished model is evaluated: the validation set, then the test set."""
        return [self.fixed_dataloader("val"), self.fixed_dataloader("test")]

    def on_after_batch_transfer(self, batch: Tensor, dataloader_idx: int) -> Batch:
        assert self.trainer is not None
        return self.crops(batch, self.trainer.current_epoch) if self.trainer.training else self.segmented(batch)

    def crops(self, crop_B: Tensor, epoch: int) -> Batch:
        """Random crops, S = 1; each is decided by (seed, epoch, its number) alone."""
        clip_B = crop_B % len(self.clips)
        return Batch(self.source.crops(crop_B, self.seed, epoch), self.genre.to(clip_B.device)[clip_B], clip_B)

    def segmented(self, clip_B: Tensor) -> Batch:
        """S = `segments` segments of each clip, from its beginning to its end; a single one is the middle."""
        return Batch(self.source.segments(clip_B, self.segments), self.genre.to(clip_B.device)[clip_B], clip_B)

    @cached_property
    def waveform_crops(self) -> WaveformCrops:
        """Crops and segments of the sound itself."""
        return WaveformCrops(self.waveforms, self.crop_length, self.resident)

    @cached_property
    def source(self) -> CropSource:
        """What batches are made from: the sound, or the cached feature that `use_cached` was given."""
        return self.waveform_crops

    def use_cached(self, feature: CropSource) -> None:
        """Make batches from a cached feature of the segments instead of their sound."""
        self.source = feature
