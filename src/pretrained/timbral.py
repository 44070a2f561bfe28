"""musicnn's tall filters, by Fourier transforms over frequency."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS = 7  # frames that a filter sees
# What is done at a time: on a CPU as much as fits into a core's cache, which halves the time.
GROUP = {"cpu": 2, "cuda": 32}  # patches
CHUNK = {"cpu": 32, "cuda": 4096}  # frames


class Timbral(nn.Module):
    """The loudest answer of each tall filter over all bands, before activation: image (B, M, N), sign (K,) -> (B, K, N).

    Filters of 7 frames x `height` mel bands slide over M = 96 bands; over time the image is padded with zeros. `sign` is
    -1 for filters of which the least answer is asked for.

    The sum over bands is taken in the frequency domain, a product there: with H(q) the transform of a filter and X(q)
    that of a frame over its M bands, answers at distance f from the middle are E(f) - O(f), and at -f E(f) + O(f), E
    being the sum of Re(XH) cos and O of Im(XH) sin. So the largest of both is E + |O|, and half of the answers are never
    made. That is a quarter of the multiplications of a convolution, whose numbers these are, up to rounding.
    """

    def __init__(self, height: int, filters: int, bands: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(filters, TAPS, height))
        self.bias = nn.Parameter(torch.empty(filters))
        self.bands, self.places = bands, bands - height + 1
        bin_Q = torch.arange(bands // 2 + 1, dtype=torch.float64)
        twice_Q = (2.0 - ((bin_Q == 0) | (2 * bin_Q == bands)).double()) / bands  # Q bins stand for all
        band_M = torch.arange(bands, dtype=torch.float64)
        angle_MQ = 2 * math.pi / bands * torch.outer(band_M, bin_Q)
        angle_PQ = 2 * math.pi / bands * torch.outer(torch.arange(self.places // 2 + 1, dtype=torch.float64), bin_Q)
        shift_Q = 2 * math.pi / bands * (self.places // 2) * bin_Q  # to the middle of the places
        self.register_buffer("shift_Q", torch.polar(twice_Q, shift_Q).to(torch.complex64), persistent=False)
        self.register_buffer("wave_MQ2", torch.cat((angle_MQ.cos(), -angle_MQ.sin()), 1).float(), persistent=False)
        self.register_buffer("even_PQ", angle_PQ.cos().float(), persistent=False)
        self.register_buffer("odd_PQ", angle_PQ.sin().float(), persistent=False)

    shift_Q: Tensor
    wave_MQ2: Tensor
    even_PQ: Tensor
    odd_PQ: Tensor

    def forward(self, image_BMN: Tensor, sign_K: Tensor) -> Tensor:
        filter_KTQ = torch.fft.rfft(self.weight * sign_K[:, None, None], n=self.bands).conj() * self.shift_Q
        re_QTK, im_QTK = filter_KTQ.real.permute(2, 1, 0), filter_KTQ.imag.permute(2, 1, 0)
        even_QTK, odd_QTK = torch.cat((re_QTK, -im_QTK), 1), torch.cat((im_QTK, re_QTK), 1)  # T: 7 real, 7 imaginary
        groups = torch.split(image_BMN.transpose(1, 2), GROUP[image_BMN.device.type])
        most_BNK = torch.cat([self._most(image_BNM, even_QTK, odd_QTK) for image_BNM in groups])
        return (sign_K * most_BNK + self.bias).transpose(1, 2)

    def _most(self, image_BNM: Tensor, even_QTK: Tensor, odd_QTK: Tensor) -> Tensor:
        bins = len(even_QTK)
        wave_BNQ2 = functional.pad(image_BNM @ self.wave_MQ2, (0, 0, TAPS // 2, TAPS // 2))
        wave_BN2QT = torch.unflatten(wave_BNQ2.unfold(1, TAPS, 1), 2, (2, bins))
        wave_QLT = wave_BN2QT.permute(3, 0, 1, 2, 4).reshape(bins, -1, 2 * TAPS)  # L: all frames
        some = torch.split(wave_QLT, CHUNK[image_BNM.device.type], dim=1)
        most_L = torch.cat([self._most_of(each_QLT, even_QTK, odd_QTK) for each_QLT in some])
        return most_L.view(*image_BNM.shape[:2], -1)

    def _most_of(self, wave_QLT: Tensor, even_QTK: Tensor, odd_QTK: Tensor) -> Tensor:
        even_PL = self.even_PQ @ torch.bmm(wave_QLT, even_QTK).flatten(1)  # L: frames times filters, filters last
        odd_PL = self.odd_PQ @ torch.bmm(wave_QLT, odd_QTK).flatten(1)
        if self.places % 2:
            return (even_PL + odd_PL.abs()).amax(0)
        half = self.places // 2  # the place farthest below the middle has no partner above it
        both_L = (even_PL[:half] + odd_PL[:half].abs()).amax(0)
        return torch.maximum(both_L, even_PL[half] + odd_PL[half])
