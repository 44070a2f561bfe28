"""Make a map audible: the sound with only its most relevant parts, and without them, by a mask on the STFT."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from src.explanation.feature_map import stft_weights
from src.explanation.model import ExplainedModel, ExplainedSound

SHARE = 0.1  # of the map that counts as its most relevant parts
RANDOM_MASKS = 2  # for each sound
MOST_GAIN_DB = 20.0  # by which the relevant parts alone are made louder, as they may be quiet


class Audible(NamedTuple):
    """The two sounds, waves (T,), and what the run predicts for them: see `listen`."""

    only_T: NDArray[np.float32]
    without_T: NDArray[np.float32]
    gain_db: float
    predictions: dict[str, float | str]


def listen(
    model: ExplainedModel, sound: ExplainedSound, relevance_FN: NDArray[np.float32], genre: int
) -> Audible | None:
    """Split a sound into the SHARE of its map that is most relevant, and the rest; None without a frequency axis.

    The probabilities of the genre are those of the whole path, from the masked wave on: `only`, `without`, and
    `without_random`, the mean over masks that were moved at random. `energy` is the share of the sound's energy in `only`.
    """
    found, hop = stft_weights(model.feature), model.feature.hop_length
    if found is None or hop > found[1] // 2:
        return None
    weights_KF, n_fft = found
    wave_T = torch.from_numpy(sound.wave_T).to(weights_KF.device)
    window = torch.hann_window(n_fft, device=wave_T.device)
    stft_KN = torch.stft(wave_T, n_fft, hop, window=window, pad_mode="constant", return_complex=True)
    relevance = torch.from_numpy(relevance_FN[:, : stft_KN.shape[1]]).to(weights_KF.device)

    def masked(mask_FN: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        mask_KN = weights_KF @ mask_FN
        mask_KN = torch.nn.functional.pad(mask_KN, (0, max(0, stft_KN.shape[1] - mask_KN.shape[1])))
        parts = [
            torch.istft(stft_KN * each, n_fft, hop, window=window, length=len(wave_T))
            for each in (mask_KN, 1 - mask_KN)
        ]
        return parts[0].cpu().numpy(), parts[1].cpu().numpy()

    mask_FN = most_relevant(relevance, SHARE)
    only_T, without_T = masked(mask_FN)
    rng = np.random.default_rng(0)
    rows, columns = mask_FN.shape
    random = [
        masked(mask_FN.roll((int(rng.integers(rows)), int(rng.integers(columns))), (0, 1)))[1]
        for _ in range(RANDOM_MASKS)
    ]
    of_only, of_without = _probabilities(model, sound, only_T), _probabilities(model, sound, without_T)
    energy = float((only_T**2).sum() / max(float((sound.wave_T**2).sum()), 1e-12))
    peak = max(float(np.abs(only_T).max()), 1e-6)
    gain_db = float(np.clip(20 * np.log10(0.5 / peak), 0, MOST_GAIN_DB))
    return Audible(
        np.clip(only_T * 10 ** (gain_db / 20), -1, 1),
        np.clip(without_T, -1, 1),
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


def most_relevant(relevance_FN: Tensor, share: float) -> Tensor:
    """A mask (F, N) of the `share` of a map with the largest positive values."""
    count = max(1, round(share * relevance_FN.numel()))
    limit = relevance_FN.flatten().kthvalue(relevance_FN.numel() - count + 1).values
    return ((relevance_FN >= limit) & (relevance_FN > 0)).float()


def _probabilities(model: ExplainedModel, sound: ExplainedSound, wave_T: NDArray[np.float32]) -> Tensor:
    return model.from_wave(sound.clip, wave_T).probability_C
