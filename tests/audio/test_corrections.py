"""Corrections of samples: the limits of each, and that sounds within them are untouched."""

import numpy as np
import pytest
from numpy.typing import NDArray

from src.audio.corrections import Meter, Mix, choose_mix, mean, peak, rescale, scale
from src.audio.decoders import AudioError
from tests.conftest import RATE


def noise(seconds: float, channels: int = 1, level: float = 0.1, seed: int = 0) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    return (level * random.standard_normal((round(seconds * RATE), channels))).astype(np.float32)


def sine(hz: float, seconds: float, level: float = 0.5) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)[:, None]


@pytest.mark.parametrize(
    ("highest", "divisor"),
    [
        (0.0, 1),
        (1.0, 1),
        (1.25, 1),
        (1.26, 1.26),
        (10.0, 10.0),
        (11.0, 2**15),
        (22_900.0, 2**15),
        (40_000.0, 2**15),
        (500_000.0, 2**23),
        (8_388_608.0, 2**23),
        (1e8, 2**31),
        (2.0**31, 2**31),
    ],
)
def test_the_divisor_follows_from_the_peak(highest: float, divisor: float) -> None:
    result, notes = scale(highest)
    assert result == divisor
    assert [note.kind for note in notes] == ["rescaled"] * (divisor != 1)


@pytest.mark.parametrize(("highest", "text"), [(1e5, "100,000"), (5e7, "50,000,000"), (4e9, "4,000,000,000"), (1e30, "1e+30")])  # fmt: skip
def test_a_peak_that_fits_no_scale_raises_with_its_value(highest: float, text: str) -> None:
    with pytest.raises(AudioError) as raised:
        scale(highest)
    assert str(raised.value).startswith(f"samples reach {text}: expected about [-1, 1]")


def test_the_peak_ignores_samples_that_are_not_numbers() -> None:
    blocks = [np.array([0.5, -2.0]), np.array([np.nan, 1.0, -np.inf]), np.empty(0), np.full(3, np.nan)]
    assert peak(blocks) == 2.0
    with pytest.raises(AudioError, match="NaN or infinite"):
        rescale(np.array([[0.5], [np.nan]], dtype=np.float32), 1.0)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 8])
def test_the_mean_is_that_of_numpy_to_the_bit(channels: int) -> None:
    wave_TK = noise(0.5, channels)
    wave_TK[::7] = -0.0
    wave_TK[::11] *= 1e-42  # below the smallest normal number
    assert mean(wave_TK).tobytes() == wave_TK.mean(axis=1).tobytes()


@pytest.mark.parametrize("offset", [0.02, -0.1, 0.5, 0.9])
def test_a_constant_offset_is_removed(offset: float) -> None:
    wave_TK = noise(4, level=0.02)
    mix = choose_mix(wave_TK + np.float32(1.02 * offset), RATE)
    assert mix.offset == pytest.approx(1.02 * offset, abs=1e-3)
    np.testing.assert_allclose(mix.mono(wave_TK + np.float32(1.02 * offset)), wave_TK[:, 0], atol=1e-3)
    assert [note.kind for note in mix.notes] == ["offset"]


@pytest.mark.parametrize(
    "wave_TK",
    [
        noise(4) + np.float32(0.005),  # below the limit
        noise(4) + np.float32(0.019),
        sine(40, 0.4, 0.02) + np.float32(0.3),  # too short
        sine(55, 1.003),
        np.concatenate([noise(2) + np.float32(0.2), noise(2) - np.float32(0.1)]),  # it comes and goes
        (np.abs(sine(110, 4, 2.0)) - np.float32(0.6)).clip(-1, 1.4) * np.float32(1.1),  # asymmetric by nature
    ],
)
def test_other_means_are_no_offset(wave_TK: NDArray[np.float32]) -> None:
    assert choose_mix(wave_TK, RATE) == Mix()


@pytest.mark.parametrize("gains", [(1, -1), (1, -0.5), (-0.9, 1), (1, -1, 0), (0.5, -1, 0.5), (1, -1, 0.5, -0.5)])
def test_of_channels_that_cancel_the_strongest_is_used(gains: tuple[float, ...]) -> None:
    wave_TK = noise(2) * np.array(gains, dtype=np.float32)
    mix = choose_mix(wave_TK, RATE)
    assert mix.channel == int(np.argmax(np.abs(gains)))
    np.testing.assert_array_equal(mix.mono(wave_TK), wave_TK[:, mix.channel])
    assert [note.text for note in mix.notes] == [
        f"its {len(gains)} channels cancel each other: only channel {mix.channel + 1} is used"
    ]


def test_channels_that_cancel_are_found_under_an_offset() -> None:
    wave_TK = noise(2) * np.array([1, -1], dtype=np.float32)
    mix = choose_mix(wave_TK + np.float32(0.5), RATE)
    assert (mix.channel, [note.kind for note in mix.notes]) == (0, ["channels", "offset"])
    np.testing.assert_allclose(mix.mono(wave_TK + np.float32(0.5)), wave_TK[:, 0], atol=1e-3)


@pytest.mark.parametrize(
    "wave_TK",
    [
        noise(2, 2),  # unrelated channels
        noise(2) * np.array([1, 0], dtype=np.float32),  # one channel is empty
        noise(2) * np.array([1, 0, 0, 0, 0, 0, 0, 0], dtype=np.float32),
        noise(2, 2) @ np.array([[1, 0.6], [-0.6, -1]], dtype=np.float32),  # a stereo effect
        noise(2, 2) @ np.array([[1, -0.5], [0, 0.87]], dtype=np.float32),  # a correlation of -0.5
        np.zeros((RATE, 2), dtype=np.float32),
        np.zeros((0, 2), dtype=np.float32),
    ],
)
def test_the_mean_of_other_channels_is_used(wave_TK: NDArray[np.float32]) -> None:
    assert choose_mix(wave_TK, RATE) == Mix()


def test_silence_is_what_stays_near_its_mean() -> None:
    for wave_T, silent in (
        (np.zeros(99), True),
        (np.full(99, 0.5), True),
        (np.tile([0.0011, -0.0011], 99), False),
        (np.tile([0.5009, 0.4991], 99), True),
    ):
        meter = Meter()
        for block_T in np.array_split(wave_T.astype(np.float32), 5):
            meter.add(block_T)
        assert meter.silent is silent
