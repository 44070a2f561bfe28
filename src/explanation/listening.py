"""Make a map audible: the sound with only its most relevant parts, and without them, by a mask on the STFT."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from src.explanation.faithfulness import moved
from src.explanation.feature_map import FeatureMap, stft_weights
from src.explanation.model import ExplainedModel, ExplainedSound
from src.normalization import Standard

SHARE = 0.1  # of the map that counts as its most relevant parts
RANDOM_MASKS = 2  # for each sound
MOST_GAIN_DB = 20.0  # by which quiet parts are made louder at most


class Audible(NamedTuple):
    """The two sounds, waves (T,), and what the run predicts for them: see `listen`."""

    only_T: NDArray[np.float32]
    without_T: NDArray[np.float32]
    gain_db: float
    predictions: dict[str, float | str]


def listen(
    model: ExplainedModel, sound: ExplainedSound, inputs: FeatureMap, relevance_FN: NDArray[np.float32], genre: int
) -> Audible | None:
    """Make two sounds of a map: its most relevant SHARE alone, and the sound without it; None without a frequency axis.

    Alone, everything else is silence. Without it, these parts get their average level, that of the baseline, as in deletion:
    holes of silence would be a sound that no training clip has. The probabilities of the genre are those of the whole path, from the altered
    wave on: `only`, `without`, and `without_random`, the mean over masks that were moved at random. `energy` is the share
    of the sound's energy in `only`.
    """
    found, hop = stft_weights(model.feature), model.feature.hop_length
    if found is None or hop > found[1] // 2:
        return None
    weights_KF, n_fft = found
    wave_T = torch.from_numpy(sound.wave_T).to(weights_KF.device)
    window = torch.hann_window(n_fft, device=wave_T.device)
    stft_KN = torch.stft(wave_T, n_fft, hop, window=window, pad_mode="constant", return_complex=True)
    columns = stft_KN.shape[1]
    uncovered_K1 = (weights_KF.sum(dim=1, keepdim=True) == 0).float()
    average_FN = _gain_to_average(model, sound, inputs)[:, :columns]

    def altered(gain_FN: Tensor, outside: float) -> NDArray[np.float32]:
        gain_KN = weights_KF @ gain_FN + outside * uncovered_K1
        gain_KN = functional.pad(gain_KN, (0, max(0, columns - gain_KN.shape[1])), value=outside)
        changed_T = torch.istft(stft_KN * gain_KN, n_fft, hop, window=window, length=len(wave_T))
        return changed_T.cpu().numpy()

    def without(mask_FN: Tensor) -> NDArray[np.float32]:
        return np.clip(altered(torch.where(mask_FN > 0, average_FN, 1.0), 1.0), -1, 1)

    covered_N = inputs.covered_N[:columns]  # the model hears nothing between the windows

    def whole(covered_FN: Tensor) -> Tensor:
        whole_FN = covered_FN.new_zeros(len(covered_FN), len(covered_N))
        whole_FN[:, covered_N] = covered_FN
        return whole_FN

    map_FN = torch.from_numpy(relevance_FN[:, :columns]).to(weights_KF.device)
    mask_FN = most_relevant(map_FN[:, covered_N], SHARE)
    only_T, without_T = altered(whole(mask_FN), 0.0), without(whole(mask_FN))
    rng = np.random.default_rng(0)
    random = [without(whole(moved(mask_FN, rng))) for _ in range(RANDOM_MASKS)]
    of_only, of_without = _probabilities(model, sound, only_T), _probabilities(model, sound, without_T)
    energy = float((only_T**2).sum() / max(float((sound.wave_T**2).sum()), 1e-12))
    peak = max(float(np.abs(only_T).max()), 1e-6)
    gain_db = float(np.clip(20 * np.log10(0.5 / peak), 0, MOST_GAIN_DB))
    return Audible(
        np.clip(only_T * 10 ** (gain_db / 20), -1, 1),
        without_T,
        gain_db,
        {
            "share": SHARE,
            "energy": energy,
            "only": float(of_only[genre]),
            "only_predicted": model.genres[int(of_only.argmax())],
            "without": float(of_without[genre]),
            "without_predicted": model.genres[int(of_without.argmax())],
            "without_random": float(np.mean([_probabilities(model, sound, each_T)[genre] for each_T in random])),
        },
    )


def _gain_to_average(model: ExplainedModel, sound: ExplainedSound, inputs: FeatureMap) -> Tensor:
    """The factor that brings each value of a feature in dB to the average level of its row, (F, N).

    The average is that of the training clips, or of the sound where the run does not store it. At most MOST_GAIN_DB louder.
    """
    level_FN = torch.from_numpy(inputs.whole(sound.feature_SFN, mean=True)).to(sound.feature_SFN.device)
    normalization = model.classifier.normalization
    average_F1 = normalization.mean_F1 if isinstance(normalization, Standard) else level_FN.mean(dim=1, keepdim=True)
    change_FN: Tensor = (average_F1 - level_FN).clamp(-60.0, MOST_GAIN_DB)
    return 10 ** (change_FN / 20)


def most_relevant(relevance_FN: Tensor, share: float) -> Tensor:
    """A mask (F, N) of the `share` of a map with the largest positive values."""
    count = max(1, round(share * relevance_FN.numel()))
    limit = relevance_FN.flatten().kthvalue(relevance_FN.numel() - count + 1).values
    return ((relevance_FN >= limit) & (relevance_FN > 0)).float()


def _probabilities(model: ExplainedModel, sound: ExplainedSound, wave_T: NDArray[np.float32]) -> Tensor:
    return model.from_wave(sound.clip, wave_T).probability_C
