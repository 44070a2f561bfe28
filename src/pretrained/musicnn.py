"""musicnn: a convolutional network that tags 3 s of music, with its published weights.

Source: Pons and Serra 2019, musicnn: pre-trained convolutional neural networks for music audio tagging; Pons et al.
2018, End-to-end learning for music audio tagging at scale, for the architecture.
"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchaudio.functional import melscale_fbanks

from src.pretrained import weights
from src.pretrained.timbral import PATCH_CHUNK, Timbral

SAMPLE_RATE, HOP_LENGTH, N_FFT, BANDS = 16000, 256, 512, 96
FRAMES = 187  # frames in a patch: 3 s, as in training
TIMBRAL, TEMPORAL = (38, 67), (128, 64, 32)  # height of the tall filters in bands, length of the long filters in frames
EPSILON = 1e-3  # added to the variance in every batch normalization
ROWS = {"pool": 1506, "penultimate": 200, "tags": 50}


class Layers(NamedTuple):
    """Outputs of the network for a batch of patches, by layer.

    `pool` (B, 1506): maximum and mean over time of each of the 753 feature maps, alternating; `penultimate` (B, 200);
    `tags` (B, 50): the probability of each tag, whose log-odds are `logits`.
    """

    pool: Tensor
    penultimate: Tensor
    logits: Tensor

    @property
    def tags(self) -> Tensor:
        return self.logits.sigmoid()


def logmel(wave_BT: Tensor) -> Tensor:
    """Compute the network's input, log10(10000 mel + 1), at 16 kHz: wave (B, T) -> (B, 96, N), N = 1 + T // 256.

    mel is the power in librosa's 96 Slaney bands, rounded to float16 as in training. Silence gives 0. The wave is
    mirrored at its ends. A wave too short for this (fewer than 257 samples) is repeated first.
    """
    if wave_BT.shape[1] <= N_FFT // 2:
        wave_BT = wave_BT.repeat(1, 1 + N_FFT // 2 // wave_BT.shape[1])[:, : 1 + N_FFT // 2]
    window = torch.hann_window(N_FFT, device=wave_BT.device)
    spectrum = torch.stft(wave_BT, N_FFT, HOP_LENGTH, window=window, return_complex=True)  # mirrors the ends
    power_BKN = torch.view_as_real(spectrum).square().sum(-1)
    mel_BMN = torch.einsum("km,bkn->bmn", bands(wave_BT.device), power_BKN)
    return (10000 * mel_BMN.clamp(max=torch.finfo(torch.float16).max).half().float() + 1).log10()


@cache
def bands(device: torch.device) -> Tensor:
    """Compute librosa's mel bands, (257, 96)."""
    filters: Tensor = melscale_fbanks(N_FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, BANDS, SAMPLE_RATE, "slaney", "slaney")
    return filters.to(device)


class Musicnn(nn.Module):
    """One of the two published networks: "msd" (Million Song Dataset, 201,680 training songs) or "mtt" (MagnaTagATune).

    logmel (B, 96, N) -> Layers. A patch has 187 frames (3 s); other lengths work, but less well. Batch normalization
    always uses the statistics of the original training. If `in_bfloat16` is set, the convolutions that gain by it are computed
    in bfloat16, and the rest in float32.
    """

    in_bfloat16 = False

    def __init__(self, network: str) -> None:
        super().__init__()
        self.image = Normalization(1)
        self.timbral = nn.ModuleList([Timbral(height, 204, BANDS) for height in TIMBRAL])
        self.temporal = nn.ModuleList([Temporal(frames, 51) for frames in TEMPORAL])
        self.front = nn.ModuleList([Normalization(width) for width in (204, 204, 51, 51, 51)])
        self.middle = nn.ModuleList([nn.Conv1d(width, 64, 7, padding=3) for width in (561, 64, 64)])
        self.between = nn.ModuleList([Normalization(64) for _ in range(3)])
        self.pooled, self.dense = Normalization(ROWS["pool"]), nn.Linear(ROWS["pool"], ROWS["penultimate"])
        self.hidden, self.tags = Normalization(ROWS["penultimate"]), nn.Linear(ROWS["penultimate"], ROWS["tags"])
        self._load_published({name: torch.from_numpy(array.copy()) for name, array in weights.read(network).items()})

    def forward(self, patch_BMN: Tensor) -> Layers:
        with torch.autocast(patch_BMN.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            map_BKN = self._maps(patch_BMN).float()
        pool_BE = torch.stack((map_BKN.amax(dim=2), map_BKN.mean(dim=2)), dim=2).flatten(1)
        penultimate_BE = self.hidden(functional.relu(self.dense(self.pooled(pool_BE))))
        return Layers(pool_BE, penultimate_BE, self.tags(penultimate_BE))

    def _maps(self, patch_BMN: Tensor) -> Tensor:
        """The feature maps of all convolutions: logmel (B, 96, N) -> (B, 753, N)."""
        image_BMN = self.image(patch_BMN[:, None])[:, 0]
        maps = [
            normalization(functional.relu(layer(image_BMN, normalization.sign_K)))
            for layer, normalization in zip([*self.timbral, *self.temporal], self.front, strict=True)
        ]
        hidden_BKN = torch.cat(maps, dim=1)
        maps, residual_BKN = [hidden_BKN], torch.zeros_like(hidden_BKN[:, :64])
        for layer, normalization in zip(self.middle, self.between, strict=True):
            hidden_BKN = normalization(functional.relu(layer(hidden_BKN))) + residual_BKN
            residual_BKN = hidden_BKN
            maps.append(hidden_BKN)
        return torch.cat(maps, dim=1)

    @property
    def mean_logits(self) -> Tensor:
        """Mean log-odds of each tag over the songs of the original training, (50,)."""
        mean: Tensor = self.tags(self.hidden.bias)  # the mean output of batch normalization is its shift
        return mean

    def _load_published(self, arrays: dict[str, Tensor]) -> None:
        """Copy the published arrays. TensorFlow numbered the layers in the order in which they were created."""
        source = {}
        for k, layer in enumerate([*self.timbral, *self.temporal, *self.middle]):  # kernels (time, bands, 1 or in, out)
            name = f"conv2d_{k}" if k else "conv2d"
            kernel = arrays[f"{name}/kernel"].squeeze(2)
            source[layer.weight] = kernel.permute(2, 0, 1) if isinstance(layer, Timbral) else kernel.permute(2, 1, 0)
            source[layer.bias] = arrays[f"{name}/bias"]
        for name, dense in (("dense", self.dense), ("dense_1", self.tags)):
            source[dense.weight], source[dense.bias] = arrays[f"{name}/kernel"].T, arrays[f"{name}/bias"]
        for k, normalization in enumerate([self.image, *self.front, *self.between, self.pooled, self.hidden]):
            name = f"batch_normalization_{k}" if k else "batch_normalization"
            source[normalization.weight], source[normalization.bias] = arrays[f"{name}/gamma"], arrays[f"{name}/beta"]
            source[normalization.mean], source[normalization.variance] = (
                arrays[f"{name}/moving_mean"],
                arrays[f"{name}/moving_variance"],
            )
        with torch.no_grad():
            for weight, published in source.items():
                weight.copy_(published)


class Normalization(nn.Module):
    """Batch normalization with the mean and variance of the original training, in fine-tuning too: (B, K, ...)."""

    mean: Tensor
    variance: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(width)), nn.Parameter(torch.empty(width))
        self.register_buffer("mean", torch.empty(width))
        self.register_buffer("variance", torch.empty(width))

    @property
    def sign_K(self) -> Tensor:
        """Sign of each channel's scale, (K,): -1 if normalization turns the smallest value into the largest, else 1.

        With it, maximum pooling can come before normalization, which then has fewer values to process.
        """
        return torch.where(self.weight < 0, -1.0, 1.0)

    def forward(self, hidden_BK: Tensor) -> Tensor:
        return functional.batch_norm(hidden_BK, self.mean, self.variance, self.weight, self.bias, eps=EPSILON)


class Temporal(nn.Module):
    """Maximum response of each long filter over all bands, before activation: image (B, M, N), sign (K,) -> (B, K, N).

    The filters cover one band and an even number of frames. The image is padded with zeros over time, with one more
    zero at the end than at the start. `sign` is -1 for filters whose smallest response is wanted.
    """

    def __init__(self, frames: int, filters: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.empty(filters, 1, frames)), nn.Parameter(torch.empty(filters))
        self.padding = ((frames - 1) // 2, frames // 2)

    def forward(self, image_BMN: Tensor, sign_K: Tensor) -> Tensor:
        padded_B1MN = functional.pad(image_BMN, self.padding)[:, None]
        filter_K11T = (self.weight * sign_K[:, None, None])[:, :, None]
        chunks = torch.split(padded_B1MN, PATCH_CHUNK[image_BMN.device.type])
        with torch.autocast(image_BMN.device.type, enabled=False):  # a processor needs longer for them in bfloat16
            largest_BKN = torch.cat([functional.conv2d(chunk_B1MN, filter_K11T).amax(dim=2) for chunk_B1MN in chunks])
        return sign_K[:, None] * largest_BKN + self.bias[:, None]
