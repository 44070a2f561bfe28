"""Mel-frequency cepstral coefficients."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torchaudio.functional import create_dct

from src.feature.feature import check_integer
from src.feature.mel import Mel

SLOPE_FRAMES = 9  # librosa's width: 0.2 s at hop 512


class Mfcc(Mel):
    """The first `n_mfcc` coefficients of the orthonormal DCT-II of the mel spectrogram in dB: the spectral envelope.

    wave (B, T) in [-1, 1] -> (B, n_mfcc * (1 + deltas), N). `deltas` = 1 adds the slope of each coefficient over
    9 frames (dB per frame), 2 adds the curvature too (dB per frame^2). Both are least-squares fits; the first and the
    last frame are repeated beyond the ends. Silence is -100 sqrt(n_mels) in the first row and 0 in the others.
    Source: Davis and Mermelstein 1980; deltas: Furui 1986, Savitzky and Golay 1964.
    """

    dct_FM: Tensor

    def __init__(
        self,
        sample_rate: int,
        hop_length: int,
        n_fft: int,
        n_mels: int,
        n_mfcc: int,
        deltas: int = 0,
        fmin_hz: float = 0.0,
        fmax_hz: float | None = None,
        backend: str = "auto",
        trainable: bool = False,
    ) -> None:
        super().__init__(sample_rate, hop_length, n_fft, n_mels, fmin_hz, fmax_hz, backend, trainable)
        check_integer("n_mfcc", n_mfcc, maximum=n_mels, maximum_name="feature.n_mels")
        self.deltas = check_integer("deltas", deltas, minimum=0, maximum=2)
        self.rows = n_mfcc * (1 + deltas)
        self.register_buffer("dct_FM", create_dct(n_mfcc, n_mels, norm="ortho"), persistent=False)

    def from_power(self, power_BKN: Tensor) -> Tensor:
        mfcc_BMN = self.dct_FM.T @ super().from_power(power_BKN)
        return torch.cat([mfcc_BMN] + [slope(mfcc_BMN, order) for order in range(1, 1 + self.deltas)], dim=1)


def slope(feature_BFN: Tensor, order: int) -> Tensor:
    """Estimate the derivative of `order` at each frame: (B, F, N) -> (B, F, N).

    It is the derivative of a polynomial of degree `order`, fitted by least squares to the 9 frames around the frame.
    """
    reach = SLOPE_FRAMES // 2
    time = torch.arange(-reach, reach + 1, dtype=torch.float64)
    fit = torch.linalg.pinv(torch.stack([time**power for power in range(order + 1)], dim=1))
    weight = (math.factorial(order) * fit[order]).to(feature_BFN)
    padded_BFN = F.pad(feature_BFN, (reach, reach), "replicate")
    slope_BFN: Tensor = padded_BFN.unfold(-1, SLOPE_FRAMES, 1) @ weight
    return slope_BFN
