"""EfficientAT: MobileNetV3 that tags 10 s of sound with AudioSet's 527 classes, with published weights from a file.

Source: Schmid, Koutini and Widmer 2023, Efficient large-scale audio tagging via transformer-to-CNN knowledge
distillation; weights under the MIT licence. AudioSet's class names (Gemmeke et al. 2017) under CC BY 4.0.
"""

from functools import cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchaudio.compliance.kaldi import get_mel_banks

from src import formatting
from src.pretrained import files, tensors
from src.pretrained.mobilenet import EXPANSION, LAST, MobileNet

SAMPLE_RATE, HOP_LENGTH, N_FFT, WINDOW, BANDS = 32000, 320, 1024, 800, 128
FRAMES = 1000  # frames in a patch: 10 s, as in training
PREEMPHASIS = 0.97
HIGHEST_HZ = 15000.0
SHORTEST = N_FFT // 2 + 2  # samples: of them, pre-emphasis leaves one less, which is enough to mirror the ends
WIDTHS = (0.1, 4.0)  # smallest and largest width of a published network
TAGS = tuple((Path(__file__).parent / "audioset.txt").read_text(encoding="utf-8").splitlines())


class Layers(NamedTuple):
    """Outputs of the network for a batch of patches, by layer.

    `embedding` (B, E): mean over frequency and time of the last feature maps; `tags` (B, 527): the probability of each
    class, whose log-odds are `logits`.
    """

    embedding: Tensor
    logits: Tensor

    @property
    def tags(self) -> Tensor:
        return self.logits.sigmoid()


def logmel(wave_BT: Tensor) -> Tensor:
    """Compute the network's input at 32 kHz: wave (B, T) -> (B, 128, N), N = 1 + (T - 1) // 320.

    It is (log(mel + 1e-5) + 4.5) / 5, where mel is the power in Kaldi's bands after pre-emphasis, x[t] - 0.97 x[t - 1].
    Silence gives -1.40. The wave is mirrored at its ends. A wave of fewer than 514 samples is repeated first.
    """
    if wave_BT.shape[1] < SHORTEST:
        wave_BT = wave_BT.repeat(1, -(-SHORTEST // wave_BT.shape[1]))[:, :SHORTEST]
    wave_BT = wave_BT[:, 1:] - PREEMPHASIS * wave_BT[:, :-1]
    window = torch.hann_window(WINDOW, periodic=False, device=wave_BT.device)
    spectrum = torch.stft(wave_BT, N_FFT, HOP_LENGTH, WINDOW, window, return_complex=True)  # mirrors the ends
    power_BKN = torch.view_as_real(spectrum).square().sum(-1)
    mel_BMN = torch.einsum("mk,bkn->bmn", bands(wave_BT.device), power_BKN)
    return ((mel_BMN + 1e-5).log() + 4.5) / 5


@cache
def bands(device: torch.device) -> Tensor:
    """Compute Kaldi's mel bands from 0 to 15,000 Hz, (128, 513)."""
    filters_MK, _ = get_mel_banks(BANDS, N_FFT, SAMPLE_RATE, 0.0, HIGHEST_HZ, 100.0, -500.0, 1.0)
    return functional.pad(filters_MK, (0, 1)).to(device)  # Kaldi leaves out the last bin


class EfficientAT(nn.Module):
    """The network of a published file: logmel (B, 128, N) -> Layers. The width is read from the file.

    A patch has 1000 frames (10 s), as in training. Batch normalization always uses the statistics of the original
    training. If `in_bfloat16` is set, the convolutions are computed in bfloat16. Raises ValueError if the file contains
    anything else than these weights.
    """

    in_bfloat16 = False
    rows: dict[str, int]  # number of values of each layer

    def __init__(self, weights: Path) -> None:
        super().__init__()
        state = _read(weights)
        self.width = _width(weights, state)
        with torch.device("meta"):
            self.network = MobileNet(self.width, len(TAGS))
        self.network.load_state_dict(_checked(weights, state, self.network), assign=True)
        self.rows = {"embedding": self.network.rows, "tags": len(TAGS)}

    def forward(self, patch_BMN: Tensor) -> Layers:
        with torch.autocast(patch_BMN.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            embedding_BE = self.network.features(patch_BMN[:, None]).float().mean(dim=(2, 3))
        return Layers(embedding_BE, self.network.classifier(embedding_BE))


def _read(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file by their published names, without the counts of batches."""
    state = tensors.read(path, "weights of EfficientAT", files.advice(files.EFFICIENTAT))
    if not tensors.is_state_dict(state):
        raise _refusal(path, "it is no dictionary of tensors")
    return {name: value for name, value in state.items() if not name.endswith("num_batches_tracked")}


def _published(name: str) -> str:
    """The published name of a tensor of MobileNet.

    The published network can also weight frequencies and times, and its classifier begins with the mean over them.
    """
    parts = {
        ".mean": ".running_mean",
        ".variance": ".running_var",
        ".fc": ".conc_se_layers.0.fc",
        "classifier.2.": "classifier.5.",
        "classifier.0.": "classifier.2.",
    }
    for own, published in parts.items():
        name = name.replace(own, published)
    return name


def _width(path: Path, state: dict[str, Tensor]) -> float:
    """Read the width off the last convolution."""
    name = "features.16.0.weight"
    if name not in state:
        raise _refusal(path, f"it has no {name}")
    shape = tuple(state[name].shape)
    count = shape[1] if len(shape) == 4 else 0
    if not WIDTHS[0] <= count / LAST <= WIDTHS[1] or count % 8 or shape != (EXPANSION * count, count, 1, 1):
        raise _refusal(path, f"{name} has the shape {shape}")
    return count / LAST


def _checked(path: Path, state: dict[str, Tensor], network: MobileNet) -> dict[str, Tensor]:
    """The tensors of a file by their names in the network.

    Raises ValueError unless it has exactly those of the network, with its shapes, in finite float32.
    """
    own = network.state_dict()
    own_name = {_published(name): name for name in own}
    for problem, names in (("lacks", own_name.keys() - state.keys()), ("also has", state.keys() - own_name.keys())):
        if names:
            raise _refusal(path, f"it {problem} {formatting.count(len(names), 'tensor')}, such as {min(names)}")
    for name, value in state.items():
        expected = own[own_name[name]]
        if (value.shape, value.dtype) != (expected.shape, expected.dtype):
            raise _refusal(path, f"{name} has {_form(value)}, expected {_form(expected)}")
        if not value.is_contiguous():
            raise _refusal(path, f"{name} stores one value for many places")
        if not value.isfinite().all() or (name.endswith("running_var") and (value < 0).any()):
            raise _refusal(path, f"{name} has values that are not finite, or a variance below 0")
    return {own_name[name]: value for name, value in state.items()}


def _form(tensor: Tensor) -> str:
    return f"the shape {tuple(tensor.shape)} in {str(tensor.dtype).removeprefix('torch.')}"


def _refusal(path: Path, problem: str) -> ValueError:
    return ValueError(
        f"{path} does not contain the weights of EfficientAT at one of its widths, mn01 to mn40, with 128 mel bands: "
        f"{problem}. {files.advice(files.EFFICIENTAT)}"
    )
