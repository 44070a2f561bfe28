"""Combination of several features."""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from src.feature.feature import Feature
from src.feature.spectrum import Spectral, Spectrum


class Combined(Feature):
    """Stack the rows of all parts in the order of `parts`.

    wave (B, T) -> (B, sum of the parts' rows, N). Silence gives the silence values of each part. All parts have the
    same sample rate and the same hop. Parts that use the same spectrum share it: it is computed once.
    """

    def __init__(self, sample_rate: int, parts: Mapping[str, Feature]) -> None:
        if not parts:
            raise ValueError("feature.parts is empty: expected at least one feature, as in conf/feature/timbre.yaml.")
        hops = {name: part.hop_length for name, part in parts.items()}
        if len(set(hops.values())) > 1:
            hop_list = ", ".join(f"{name} {hop}" for name, hop in hops.items())
            raise ValueError(
                f"feature.parts have different hop_length: {hop_list}. Expected one for all, so that their frames "
                "can be stacked. Set audio.hop_length for all, and leave out features without frames, such as waveform."
            )
        super().__init__(sample_rate, next(iter(hops.values())), sum(part.rows for part in parts.values()))
        for name, part in parts.items():
            if part.sample_rate != sample_rate:
                raise ValueError(
                    f"feature.parts.{name}.sample_rate is {part.sample_rate}: expected feature.sample_rate, "
                    f"{sample_rate}, because all parts are computed from the same wave."
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
                features.append(part.from_power(powers[part.spectrum]))
            else:
                features.append(part.extract(wave_BT))
        return torch.cat(features, dim=1)
