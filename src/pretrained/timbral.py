"""musicnn's tall filters, computed by Fourier transforms over frequency."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS = 7  # frames in a filter
# Patches and frames processed at a time. On a CPU they fit into the cache of a core, which halves the time.
PATCH_CHUNK = {"cpu": 2, "cuda": 32}
FRAME_CHUNK = {"cpu": 32, "cuda": 4096}


class Timbral(nn.Module):
    """Maximum response of each tall filter over all bands, before activation: image (B, M, N), sign (K,) -> (B, K, N).

    The filters cover 7 frames x `height` mel bands and slide over M = 96 bands. The image is padded with zeros over
    time. `sign` is -1 for filters whose smallest response is wanted.

    The convolution over bands is a product in the frequency domain. H(q) is the transform of a filter, X(q) that of a
    frame over its M bands. The response at distance f from the middle position is E(f) - O(f), and at distance -f it is
    E(f) + O(f), where E is the sum of Re(XH) cos and O the sum of Im(XH) sin. So the larger of the two is E + |O|, and
    half of the responses are never computed. This needs a quarter of the multiplications of a convolution, and gives
    the same values up to rounding.
    """

    def __init__(self, height: int, filters: int, bands: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(filters, TAPS, height))
        self.bias = nn.Parameter(torch.empty(filters))
        self.bands, self.positions = bands, bands - height + 1
        bin_Q = torch.arange(bands // 2 + 1, dtype=torch.float64)
        weight_Q = (2.0 - ((bin_Q == 0) | (2 * bin_Q == bands)).double()) / bands  # bins with a mirror bin count twice
        band_M = torch.arange(bands, dtype=torch.float64)
        angle_MQ = 2 * math.pi / bands * torch.outer(band_M, bin_Q)
        angle_PQ = 2 * math.pi / bands * torch.outer(torch.arange(self.positions // 2 + 1, dtype=torch.float64), bin_Q)
        shift_Q = 2 * math.pi / bands * (self.positions // 2) * bin_Q  # to the middle position
        self.register_buffer("shift_Q", torch.polar(weight_Q, shift_Q).to(torch.complex64), persistent=False)
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
        # T: 7 frames of real parts, then 7 of imaginary parts.
        even_QTK, odd_QTK = torch.cat((re_QTK, -im_QTK), 1), torch.cat((im_QTK, re_QTK), 1)
        chunks = torch.split(image_BMN.transpose(1, 2), PATCH_CHUNK[image_BMN.device.type])
        largest_BNK = torch.cat([self._largest(image_BNM, even_QTK, odd_QTK) for image_BNM in chunks])
        return (sign_K * largest_BNK + self.bias).transpose(1, 2)

    def _largest(self, image_BNM: Tensor, even_QTK: Tensor, odd_QTK: Tensor) -> Tensor:
        bins = len(even_QTK)
        spectrum_BNQ2 = functional.pad(image_BNM @ self.wave_MQ2, (0, 0, TAPS // 2, TAPS // 2))
        spectrum_BN2QT = torch.unflatten(spectrum_BNQ2.unfold(1, TAPS, 1), 2, (2, bins))
        spectrum_QLT = spectrum_BN2QT.permute(3, 0, 1, 2, 4).reshape(bins, -1, 2 * TAPS)  # L: frames of all patches
        chunks = torch.split(spectrum_QLT, FRAME_CHUNK[image_BNM.device.type], dim=1)
        largest_L = torch.cat([self._largest_in_chunk(chunk_QLT, even_QTK, odd_QTK) for chunk_QLT in chunks])
        return largest_L.view(*image_BNM.shape[:2], -1)

    def _largest_in_chunk(self, spectrum_QLT: Tensor, even_QTK: Tensor, odd_QTK: Tensor) -> Tensor:
        even_PL = self.even_PQ @ torch.bmm(spectrum_QLT, even_QTK).flatten(1)  # L: frames times filters, filters last
        odd_PL = self.odd_PQ @ torch.bmm(spectrum_QLT, odd_QTK).flatten(1)
        if self.positions % 2:
            return (even_PL + odd_PL.abs()).amax(0)
        half = self.positions // 2  # the position farthest below the middle has no partner above it
        paired_L = (even_PL[:half] + odd_PL[:half].abs()).amax(0)
        return torch.maximum(paired_L, even_PL[half] + odd_PL[half])
