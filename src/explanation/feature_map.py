"""The feature as the input of a map: its values, the baseline, the score of a genre, and its grid in time and frequency."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.explanation.model import ExplainedModel, ExplainedSound
from src.feature import Chroma, Cqt, Mel, Mfcc, Onset, Stft
from src.normalization import Instance, Standard

TRAINING_MEAN = "the mean of each row over the training clips"
WINDOW_MEAN = "the mean of each row over its window, which this normalization turns into 0"
SOUND_MEAN = "the mean of each row over this sound"
ZERO = "0, as each window has one frame"
PITCH_CLASSES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
DIMENSION = "dimension"  # the first word of the names of rows that mean nothing to people
MASK_FFT = 4096  # of the sound of a constant-Q map: its low rows are narrow


@dataclass(frozen=True)
class FeatureMap:
    """The windows of a sound as the input of a network, with the baseline that stands for "nothing there".

    value, baseline (S, F, N) -> `network` -> calibrated logits (S, C). `network` includes the normalization, except with
    normalization=instance, whose output is explained: a constant row has no direction from which a path could start.
    `column_S` is the first column of each window in the map of the whole sound, which has `columns` columns.
    """

    value_SFN: Tensor
    baseline_SFN: Tensor
    baseline: str
    network: Callable[[Tensor], Tensor]
    column_S: list[int]
    columns: int

    @property
    def covered_N(self) -> Tensor:
        """True for each column of the whole map that lies in a window; between windows there may be gaps."""
        covered_N = torch.zeros(self.columns, dtype=torch.bool, device=self.value_SFN.device)
        for first in self.column_S:
            covered_N[first : first + self.value_SFN.shape[2]] = True
        return covered_N

    def whole(self, window_SFN: Tensor, mean: bool = False) -> NDArray[np.float32]:
        """Put windows together along time, (S, F, N) -> (F, columns): the sum of those that overlap, or their mean."""
        _, rows, frames = window_SFN.shape
        total_FN = window_SFN.new_zeros(rows, self.columns)
        count_N = window_SFN.new_zeros(self.columns)
        for first, window_FN in zip(self.column_S, window_SFN, strict=True):
            kept = min(frames, self.columns - first)
            total_FN[:, first : first + kept] += window_FN[:, :kept]
            count_N[first : first + kept] += 1
        total_FN = total_FN / count_N.clamp_min(1) if mean else total_FN
        result_FN: NDArray[np.float32] = total_FN.float().cpu().numpy()
        return result_FN

    def windows(self, whole_FN: Tensor) -> Tensor:
        """Cut a map of the whole sound into its windows, (F, columns) -> (S, F, N). Columns beyond the end repeat the last."""
        frames = self.value_SFN.shape[2]
        missing = max(0, max(self.column_S) + frames - self.columns)
        padded_FN = torch.cat([whole_FN, whole_FN[:, -1:].expand(-1, missing)], dim=1)
        return torch.stack([padded_FN[:, first : first + frames] for first in self.column_S])


def feature_map(model: ExplainedModel, sound: ExplainedSound, network: Any = None) -> FeatureMap:
    """The feature map of a sound; `network` takes the place of the run's model, e.g. a copy with random weights."""
    normalization: Any = model.classifier.normalization
    network = network or model.classifier.model
    temperature = model.classifier.temperature
    value_SFN, full = sound.feature_SFN, torch.full_like
    if isinstance(normalization, Instance):
        value_SFN = normalization(value_SFN)
        baseline_SFN, text = torch.zeros_like(value_SFN), WINDOW_MEAN
    elif isinstance(normalization, Standard):
        baseline_SFN, text = normalization.mean_F1.expand_as(value_SFN).contiguous(), TRAINING_MEAN
    elif value_SFN.shape[2] == 1:
        baseline_SFN, text = full(value_SFN, 0.0), ZERO
    else:
        mean_1F1 = value_SFN.mean(dim=(0, 2), keepdim=True)
        baseline_SFN, text = mean_1F1.expand_as(value_SFN).contiguous(), SOUND_MEAN

    def logits(value_MFN: Tensor) -> Tensor:
        normalized_MFN = value_MFN if isinstance(normalization, Instance) else normalization(value_MFN)
        logits_MC: Tensor = network(normalized_MFN)
        return logits_MC.float() / temperature

    frames = value_SFN.shape[2]
    if model.feature.patch_length:  # patches may lie anywhere, so they are put side by side
        column_S, columns = [frames * s for s in range(len(value_SFN))], frames * len(value_SFN)
    else:
        hop = model.feature.hop_length
        column_S = [round(start / hop) for start in sound.start_S]
        columns = max(max(column_S) + 1, model.feature.frames(max(len(sound.wave_T), sound.wave_ST.shape[1])))
    return FeatureMap(value_SFN, baseline_SFN, text, logits, column_S, columns)


def score(logits_MC: Tensor, genre: int) -> Tensor:
    """The score of a genre, (M,), in nats: its logit minus the mean logit of the other genres.

    It is linear in the logits, so the score of a sound is the mean over its windows, and maps of windows add up.
    """
    own_M = logits_MC[:, genre]
    return own_M - (logits_MC.sum(dim=1) - own_M) / (logits_MC.shape[1] - 1)


def row_hz(feature: Any) -> NDArray[np.float64] | None:
    """The centre frequency of each row in Hz; None for a feature without a frequency axis."""
    if _has_bands(feature):
        frequency_K = feature.spectrum.frequency_hz
        bands_FK = feature.bands_FK.detach().clamp_min(0)
        centre_F = (bands_FK @ frequency_K) / bands_FK.sum(dim=1).clamp_min(1e-12)
        centre: NDArray[np.float64] = centre_F.double().cpu().numpy()
        return centre
    if isinstance(feature, Stft | Cqt):
        hz_F: NDArray[np.float64] = feature.spectrum.frequency_hz.double().cpu().numpy()
        return hz_F
    return None


def _has_bands(feature: Any) -> bool:
    """True if the rows of a feature are mel bands; those of mfcc and onset are computed from them."""
    return isinstance(feature, Mel) and not isinstance(feature, Mfcc | Onset)


def row_names(feature: Any) -> list[str]:
    """A name for each row: the feature's own names, Hz, pitch classes, or the number of the row in its part, from 1.

    The rows of a network's embedding are dimensions: DIMENSION and a number.
    """
    hz = row_hz(feature)
    if hz is not None:
        return [f"{each:.0f} Hz" for each in hz]
    if feature.row_names:
        return list(feature.row_names)
    parts = getattr(feature, "parts", None)
    if parts is not None:
        return [name if part.rows == 1 else f"{name} {own}" for name, part in parts.items() for own in _own_names(part)]
    if isinstance(feature, Chroma):
        return list(PITCH_CLASSES)
    is_network = feature.cached or any(True for _ in feature.parameters())  # frozen, or trained
    return [f"{DIMENSION if is_network else 'row'} {own}" for own in _own_names(feature)]


def _own_names(feature: Any) -> Sequence[str]:
    return PITCH_CLASSES if isinstance(feature, Chroma) else [str(k + 1) for k in range(feature.rows)]


def stft_weights(feature: Any) -> tuple[Tensor, int] | None:
    """Weights with which the rows of a map become a mask of the STFT's bins, (K, F), and the STFT's n_fft.

    The weights of a bin sum to 1; those of a bin that the feature does not contain are 0. None for a feature without a
    frequency axis. A mel band is mapped by its triangle, a constant-Q row to the bins that are nearest in pitch.
    """
    if _has_bands(feature):
        bands_KF = feature.bands_FK.detach().clamp_min(0).T
        total_K1 = bands_KF.sum(dim=1, keepdim=True)
        return torch.where(total_K1 > 0, bands_KF / total_K1.clamp_min(1e-12), 0.0), 2 * (len(bands_KF) - 1)
    if isinstance(feature, Stft):
        return torch.eye(feature.rows, device=feature.spectrum.frequency_hz.device), 2 * (feature.rows - 1)
    if isinstance(feature, Cqt):
        hz_F = feature.spectrum.frequency_hz
        hz_K = torch.arange(1, MASK_FFT // 2 + 1, device=hz_F.device) * (feature.sample_rate / MASK_FFT)
        distance_KF = (hz_K.log2()[:, None] - hz_F.log2()[None]).abs()
        step = float(hz_F.log2().diff().mean()) if len(hz_F) > 1 else 1.0
        nearest_K = distance_KF.argmin(dim=1)
        weights_KF = torch.nn.functional.one_hot(nearest_K, feature.rows).float()
        weights_KF[distance_KF.amin(dim=1) > step / 2] = 0.0
        return torch.cat([weights_KF.new_zeros(1, feature.rows), weights_KF]), MASK_FFT
    return None
