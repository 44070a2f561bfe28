"""The benchmarks of sets and of unlike sounds: their noise has the slope that it is named after."""

import numpy as np
import pytest

from benchmarks import unlike

RATE = 16_000


@pytest.mark.parametrize("slope", sorted(unlike.SLOPES.values()))
def test_the_power_of_noise_falls_with_its_slope(slope: float) -> None:
    wave_T = unlike.noise(slope, 3, RATE)
    power = np.abs(np.fft.rfft(wave_T)) ** 2
    hz = np.fft.rfftfreq(len(wave_T), 1 / RATE)
    low, high = (power[(hz > centre / 1.1) & (hz < centre * 1.1)].mean() for centre in (200, 3200))
    assert np.log2(low / high) / 4 == pytest.approx(slope, abs=0.1)
    assert np.abs(wave_T).max() <= 1
