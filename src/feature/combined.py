"""Several features at once."""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from src.feature.feature import Feature
from src.feature.spectrum import Spectral, Spectrum


class Combined(Feature):
    """The rows of all parts, one below the other in the order of `parts`.

    wave (B, T) -> (B, sum of the parts' rows, N). Silence is each part's silence. All parts have one sample rate and
    one hop. Parts that read the same spectrum share it: it is computed once.
    """

    def __init__(self, sample_rate: int, parts: Mapping[str, Feature]) -> None:
        if not parts:
            raise ValueError("feature.parts is empty: expected at least one feature, as in conf/feature/timbre.yaml.")
        hops = {name: part.hop_length for name, part in parts.items()}
        if len(set(hops.values())) > 1:
            described = ", ".join(f"{name} {hop}" for name, hop in hops.items())
            raise ValueError(
                f"feature.parts have different hop_length: {described}. Expected one, so that their frames stack. Set "
                "audio.hop_length for all, and leave features without frames, such as waveform, out."
            )
        super().__init__(sample_rate, next(iter(hops.values())), sum(part.rows for part in parts.values()))
        for name, part in parts.items():
            if part.sample_rate != sample_rate:
                raise ValueError(
                    f"feature.parts.{name}.sample_rate is {part.sample_rate}: expected feature.sample_rate, "
                    f"{sample_rate}, because all parts hear the same wave."
                )
        self.parts = nn.ModuleDict(dict(parts.items()))
        spectra: dict[tuple[object, ...], Spectrum] = {}
        for part in parts.values():
            if isinstance(part, Spectral) and not part.spectrum.trainable:
                part.spectrum = spectra.setdefault((type(part.spectrum), *part.spectrum.settings), part.spectrum)

    def frames(self, samples: int) -> int:
        return cast(Feature, next(iter(self.parts.values()))).frames(samples)

    def extract(self, wave_BT: Tensor) -> Tensor:
        powers: dict[Spectrum, Tensor] = {}
        features = []
        for part in cast("list[Feature]", list(self.parts.values())):
            if isinstance(part, Spectral):
                if part.spectrum not in powers:
                    powers[part.spectrum] = part.spectrum(wave_BT)
                features.append(part.describe(powers[part.spectrum]))
            else:
                features.append(part.extract(wave_BT))
        return torch.cat(features, dim=1)
