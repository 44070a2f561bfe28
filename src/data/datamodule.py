"""The data of an experiment: clips, their sets, and batches on the accelerator."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.utils.data import DataLoader, DistributedSampler, Sampler

from src import formatting
from src.clip import CALIBRATION, SUBSETS, Clip, Corpus, Excluded
from src.data import opinions as clip_opinions
from src.data import waveform_cache
from src.data.audit_file import read_audit
from src.data.crops import CPU, CropIds, CropSource, WaveformCrops, check_count, check_resident
from src.data.feature_cache import SegmentValues
from src.dataset import DataSet, opinions
from src.instantiate import call_with_facts
from src.metrics.conformal import LEAST_ARTISTS
from src.sampler import Share
from src.split import Split, certificate
from src.split.grouping import artist_groups


class Batch(NamedTuple):
    """S crops or segments of each of B clips: `sound` (B, S, T) in [-1, 1].

    `genre` (B,) are the genre indices, `clip` (B,) the clip indices. If a feature is cached, `sound` is this feature,
    (B, S, F, N). `target` (B, C) are the shares of opinions to train on; None: the target is the genre.
    """

    sound: Tensor
    genre: Tensor
    clip: Tensor
    target: Tensor | None = None


class GenreData(lightning.LightningDataModule):
    """Clips, decoded once, cut into random crops for training and into fixed segments for evaluation.

    The loaders yield crop ids (training, see `src.data.crops`) or clip indices. `on_after_batch_transfer` then cuts the
    sound from the waveform cache, or from a copy of it on the accelerator (`resident`). No loader worker is needed.
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
        self.crops_setting, self.segments_setting = check_count("crops", crops), check_count("segments", segments)
        self.least_crops, self.crop_length = least_crops, round(crop_seconds * sample_rate)
        self.preferred_genres = preferred_genres
        self.max_seconds, self.strict, self.cache = max_seconds, strict, Path(cache)
        self.resident = check_resident(resident)
        self.statistics: SegmentValues | None = None  # of the feature, at least of the training clips, if it is frozen
        self.audit = read_audit(Path(audit)) if audit else None  # read now: an error must come before hours of decoding

    @cached_property
    def corpus(self) -> Corpus:
        """The clips that the data set lists, before any is decoded.

        Raises ValueError if there are fewer than two genres, or clips without a genre.
        """
        corpus = self.dataset.corpus()
        unlabelled = [clip.name for clip in corpus.clips if not clip.genre]
        if unlabelled:
            raise ValueError(
                f"{corpus.name}: no genre is known for {len(unlabelled)} of {formatting.count(len(corpus.clips), 'clip')}, e.g. "
                f"{unlabelled[0]}. Training needs the genre of every clip: label these, list them in a file "
                "(dataset.exclude=FILE), or choose genres (dataset.genres=[...])."
            )
        if set(self.preferred_genres) <= set(corpus.genres):
            corpus = opinions.among_genres(corpus.select(self.preferred_genres or None))
        if len(corpus.genres) < 2:
            content = f"one genre, {corpus.genres[0]}" if corpus.clips else "no clip"
            raise ValueError(
                f"{corpus.name} has {content}: at least two genres are needed. Add a genre, or widen dataset.genres."
            )
        return corpus

    @cached_property
    def waveforms(self) -> waveform_cache.WaveformCache:
        """The decoded clips. Raises ValueError if no clip of a genre can be used."""
        corpus = self.corpus
        waveforms = waveform_cache.open_or_decode(
            corpus.clips, self.cache, self.sample_rate, self.max_seconds, self.strict
        )
        usable = {clip.genre for clip in waveforms.clips}
        missing = [genre for genre in corpus.genres if genre not in usable]
        if missing:
            reasons = "; ".join(f"{excluded.clip}: {excluded.reason}" for excluded in waveforms.excluded[:5])
            raise ValueError(
                f"No usable clip is left of {', '.join(missing)} ({reasons}). Fix the files or leave out the genre."
            )
        return waveforms

    @cached_property
    def subsets(self) -> list[str]:
        """The set of each decoded clip: train, val, test or calibration. Raises ValueError if the split leaves a set empty."""
        self._assign(self.corpus.clips)  # a split that the clips do not allow is refused before hours of decoding
        return self._assign(self.waveforms.clips)

    def _assign(self, clips: Sequence[Clip]) -> list[str]:
        subsets = self.split.assign(clips)
        for subset in SUBSETS:
            if subset not in subsets:
                raise ValueError(
                    f"The {formatting.subset(subset)} set of the split ({self.split.description}) has none of the "
                    f"{formatting.count(len(subsets), 'clip')}. Add clips or artists, or change the split's shares."
                )
        return subsets

    @cached_property
    def certificate(self) -> dict[str, Any]:
        """Method of the split, and what its sets share; see `certificate.certify`. Raises ValueError on a leak."""
        subsets, split = (
            self.subsets,
            self.split,
        )  # subsets first: assign() may add the test artist to split.description
        near_copies, measured = self.audit or (None, None)
        content = certificate.certify(
            self.clips, subsets, self.waveforms.digest, split.description, split.grouped, near_copies, measured
        )
        if not self.split.allow_leak:
            certificate.refuse_leaks(content)
        warnings = [*content["warnings"], *self._calibration_warnings()]
        return {**content, "warnings": warnings, "allow_leak": self.split.allow_leak}

    def _calibration_warnings(self) -> list[str]:
        """Warn of a calibration set of too few artists (else albums, else tracks)."""
        calibration, train = ([self.clips[k] for k in self.clips_in(subset)] for subset in (CALIBRATION, "train"))
        artists, together = (len(set(artist_groups(clips))) for clips in (calibration, [*calibration, *train]))
        if not 0 < artists < LEAST_ARTISTS:
            return []
        advice = "raise split.calibration"
        if together - len(self.genres) < LEAST_ARTISTS:  # each genre keeps an artist for training
            advice = (
                f"no split.calibration reaches this, as training and calibration have {formatting.count(together, 'artist')} together. "
                "Collect more artists, or test on fewer"
            )
        return [
            f"The split has {formatting.count(artists, 'calibration artist')}, and predict --set and --abstain need "
            f"{LEAST_ARTISTS}: {advice}."
        ]

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
    def notes(self) -> Sequence[waveform_cache.ClipNote]:
        """Corrections of clips, and sound that is missing from them."""
        return self.waveforms.notes

    @property
    def digest(self) -> str:
        """A hash of the data: name, genre, artist, track, set, sound and opinions of each clip."""
        digest = hashlib.sha256(b"[")  # of a JSON list, row by row: there may be a million
        clips = zip(self.clips, self.subsets, self.waveforms.digest, strict=True)
        for k, (clip, subset, sound) in enumerate(clips):
            row: tuple[Any, ...] = (clip.name, clip.genre, clip.artist, clip.track, subset, sound)
            if clip.opinions:
                row += (sorted((each.annotator, each.genre, each.weight) for each in clip.opinions),)
            digest.update((", " * bool(k) + json.dumps(row)).encode())
        digest.update(b"]")
        return digest.hexdigest()[:16]

    @cached_property
    def genre(self) -> Tensor:
        """The genre index of each clip, (clips,)."""
        index = {genre: k for k, genre in enumerate(self.genres)}
        return torch.tensor([index[clip.genre] for clip in self.clips])

    @property
    def has_opinions(self) -> bool:
        """True if clips have opinions of several people, or their shares, instead of one label each."""
        return clip_opinions.have_opinions(self.clips)

    @cached_property
    def target_shares(self) -> Tensor | None:
        """The shares of opinions on each clip, (clips, C), if they are trained on; None: the genre is the target."""
        if self.corpus.targets != "shares" or not self.has_opinions:
            return None
        return torch.from_numpy(clip_opinions.share_matrix(self.clips, self.genres)).float()

    @property
    def counts(self) -> list[int]:
        """The number of training clips of each genre."""
        count_of_genre = Counter(self.clips[k].genre for k in self.clips_in("train"))
        return [count_of_genre[genre] for genre in self.genres]

    @property
    def training_groups(self) -> list[str]:
        """The group of each training clip (see `split.grouping`): its artist, else its album, else its track."""
        groups = artist_groups(self.clips)
        return [": ".join(groups[k]) for k in self.clips_in("train")]

    @property
    def short_clip_count(self) -> int:
        """The number of clips shorter than a crop; they are repeated to fill it."""
        return int((self.waveforms.length < self.crop_length).sum())

    def clips_in(self, subset: str) -> list[int]:
        """The indices of the clips of a set."""
        return [k for k, subset_of_clip in enumerate(self.subsets) if subset_of_clip == subset]

    @property
    def crops_per_clip(self) -> int:
        """Crops of each training clip per epoch: `data.crops`, or more if that gives fewer than `data.least_crops` in total."""
        return max(
            self.crops_setting or self._crops_that_fit, math.ceil(self.least_crops / len(self.clips_in("train")))
        )

    @property
    def segments(self) -> int:
        """Number of fixed segments of each clip in evaluation, S."""
        return self.segments_setting or self._crops_that_fit

    @cached_property
    def _crops_that_fit(self) -> int:
        """Number of crops that fit into a clip of median length without overlap, rounded; at least 1."""
        return max(1, round(float(np.median(self.waveforms.length)) / self.crop_length))

    @property
    def share(self) -> tuple[int, int]:
        """The number of this process, from 0, and the number of processes that train together."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)

    def train_dataloader(self) -> DataLoader[int]:
        """Batches of the crop ids of the training clips, in the sampler's order: the share of this process in each batch."""
        rank, ranks = self.share
        train = self.clips_in("train")
        crops = CropIds(train, len(self.clips), len(train) * self.crops_per_clip)
        sampler = call_with_facts(
            self.sampler, crops=len(crops), seed=self.seed, clip_genres=self.genre[train].tolist()
        )
        if ranks > 1:
            sampler = Share(sampler, rank, ranks)
        return DataLoader(crops, batch_size=self.batch_size // ranks, sampler=sampler)  # type: ignore[arg-type]

    def fixed_dataloader(self, subset: str, shared: bool = False) -> DataLoader[int]:
        """Batches of the clip indices of a set, in order. They are smaller than in training, as each clip has S segments.

        `shared`: only the share of this process. All processes have equally many clips, for which some clips are repeated.
        """
        clips = self.clips_in(subset)
        rank, ranks = self.share if shared else (0, 1)
        sampler: Any = DistributedSampler(clips, ranks, rank, shuffle=False) if ranks > 1 else None  # type: ignore[arg-type]
        return DataLoader(clips, batch_size=math.ceil(self.batch_size / ranks / self.segments), sampler=sampler)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[int]:
        return self.fixed_dataloader("val", shared=True)

    def predict_dataloader(self) -> list[DataLoader[int]]:
        """Loaders of the clips on which the finished model is evaluated: those of `evaluated_sets`."""
        return [self.fixed_dataloader(subset, shared=True) for subset in self.evaluated_sets]

    @property
    def evaluated_sets(self) -> tuple[str, ...]:
        """The sets on which the finished model is evaluated: validation, test and, if there is one, calibration."""
        return ("val", "test", *([CALIBRATION] if CALIBRATION in self.subsets else []))

    def transfer_batch_to_device(self, batch: Tensor, device: torch.device, dataloader_idx: int) -> Tensor:
        """Leave the ids on the processor, which needs them to cut the sound: reading them back would stop a GPU."""
        return batch

    def on_after_batch_transfer(self, batch: Tensor, dataloader_idx: int) -> Batch:
        assert self.trainer is not None
        device = self.trainer.strategy.root_device
        if self.trainer.training:
            return self.crop_batch(batch, self.trainer.current_epoch, device)
        return self.segment_batch(batch, device)

    def crop_batch(self, crop_B: Tensor, epoch: int, device: torch.device = CPU) -> Batch:
        """Cut one random crop per crop id, S = 1, onto a device. Its position depends on (seed, epoch, crop id) only."""
        return self._batch(self.source.crops(crop_B, self.seed, epoch, device), crop_B % len(self.clips))

    def segment_batch(self, clip_B: Tensor, device: torch.device = CPU) -> Batch:
        """Cut S = `segments` segments per clip, from its beginning to its end; a single one is the middle."""
        return self._batch(self.source.segments(clip_B, self.segments, device), clip_B)

    def _batch(self, sound: Tensor, clip_B: Tensor) -> Batch:
        parts = [self.genre[clip_B], clip_B]
        if self.target_shares is not None:
            parts.append(self.target_shares[clip_B])
        return Batch(sound, *(part.to(sound.device, non_blocking=True) for part in parts))

    @cached_property
    def waveform_crops(self) -> WaveformCrops:
        """Crops and segments of the sound itself."""
        return WaveformCrops(self.waveforms, self.crop_length, self.resident)

    @cached_property
    def source(self) -> CropSource:
        """Source of the batches: the sound, or the cached feature that `use_cached` has set."""
        return self.waveform_crops

    def use_cached(self, values: CropSource) -> None:
        """Take the batches from cached values of the segments from now on, instead of from their sound."""
        self.source = values

    def training_statistics(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Batches of (`statistics` (B, 3 F), genre (B,)) of all segments of the training clips, B segments each."""
        assert self.statistics is not None
        for clip_B in self.fixed_dataloader("train"):
            statistic_BSE = self.statistics.segments(clip_B, self.segments, CPU)
            yield statistic_BSE.flatten(0, 1), self.genre[clip_B].repeat_interleave(self.segments)
