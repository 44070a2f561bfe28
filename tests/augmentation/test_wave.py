"""Waveform augmentation, on signals with known results."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from src.alteration.equalizer import KNOTS, equalize
from src.alteration.vocoder import bend
from src.augmentation import Wave

RATE = 22050
T = RATE
NEUTRAL: dict[str, Any] = {
    "gain_db": 0.0,
    "polarity": 0.0,
    "noise": 0.0,
    "noise_snr_db": [20.0, 20.0],
    "shift_share": 0.0,
    "filter": 0.0,
    "filter_db": 6.0,
}
FULL: dict[str, Any] = {
    "gain_db": 6.0,
    "polarity": 0.5,
    "noise": 0.5,
    "noise_snr_db": [15.0, 40.0],
    "shift_share": 0.1,
    "filter": 0.5,
    "filter_db": 6.0,
    "pitch_semitones": 2,
    "stretch_share": 0.1,
}
SINGLE: list[dict[str, Any]] = [
    {"gain_db": 6.0},
    {"polarity": 0.5},
    {"noise": 0.5},
    {"shift_share": 0.1},
    {"filter": 0.5},
    {"pitch_semitones": 2},
    {"stretch_share": 0.1},
]


def _tone(frequency_hz: float, examples: int = 1, seconds: float = 1.0) -> Tensor:
    time_T = torch.arange(round(seconds * RATE), dtype=torch.float64) / RATE
    return (0.5 * torch.sin(2 * math.pi * frequency_hz * time_T)).float().repeat(examples, 1)


def _changed(wave_BT: Tensor, seed: int = 0, **settings: Any) -> Tensor:
    torch.manual_seed(seed)
    changed: Tensor = Wave(**{**NEUTRAL, **settings})(wave_BT)
    return changed


def _level_db(wave_BT: Tensor) -> Tensor:
    return 10 * wave_BT.double().square().mean(dim=1).log10()


def _frequency_hz(wave_T: Tensor) -> float:
    """Frequency of the strongest partial, to 1 / 4 of a bin."""
    spectrum_K = torch.fft.rfft(wave_T * torch.hann_window(len(wave_T)), n=4 * len(wave_T)).abs()
    return int(spectrum_K.argmax()) * RATE / (4 * len(wave_T))


def _spacing_seconds(wave_T: Tensor) -> float:
    """Lag from 0.3 to 0.8 s at which the autocorrelation of the loudness is highest, to 5 ms."""
    hop_length = RATE // 200
    level_N = wave_T.unfold(0, hop_length, hop_length).square().mean(dim=1).sqrt()
    power_K = torch.fft.rfft(level_N - level_N.mean(), n=2 * len(level_N)).abs().square()
    correlation_N = torch.fft.irfft(power_K)
    return (60 + int(correlation_N[60:160].argmax())) * hop_length / RATE


def test_neutral_settings_change_nothing() -> None:
    wave_BT = torch.randn(4, T)
    assert torch.equal(_changed(wave_BT), wave_BT)


def test_gain_is_uniform_in_db_within_its_limits_and_constant_over_the_example() -> None:
    wave_BT = _tone(440, examples=200, seconds=0.1)
    ratio_BT = _changed(wave_BT, gain_db=6.0)[:, 1:] / wave_BT[:, 1:]
    gain_db_B = 20 * ratio_BT[:, 0].log10()
    assert torch.allclose(ratio_BT, ratio_BT[:, :1].expand_as(ratio_BT), rtol=1e-4)
    assert 5.5 < gain_db_B.max() <= 6.0001
    assert -6.0001 <= gain_db_B.min() < -5.5
    assert gain_db_B.mean().abs() < 0.8  # more than three standard errors of 6 / sqrt(3 * 200) = 0.24


@pytest.mark.parametrize("polarity", [0.0, 0.3, 1.0])
def test_the_sign_flips_with_its_probability(polarity: float) -> None:
    wave_BT = torch.randn(400, 10)
    changed = _changed(wave_BT, polarity=polarity)
    assert torch.equal(changed.abs(), wave_BT.abs())
    flipped_B = (changed == -wave_BT).all(dim=1)
    assert torch.equal(flipped_B, (changed != wave_BT).any(dim=1))
    assert flipped_B.float().mean() == pytest.approx(polarity, abs=0.08)


@pytest.mark.parametrize("snr_db", [0.0, 20.0, 40.0])
@pytest.mark.parametrize("amplitude", [1.0, 1e-3])
def test_noise_has_the_given_ratio_to_the_power_of_each_example(snr_db: float, amplitude: float) -> None:
    wave_BT = _tone(440, examples=2).double() * torch.tensor([[1.0], [amplitude]])
    noise_BT = _changed(wave_BT, noise=1.0, noise_snr_db=[snr_db, snr_db]) - wave_BT
    assert (_level_db(wave_BT) - _level_db(noise_BT)).tolist() == pytest.approx([snr_db] * 2, abs=0.2)
    power_BK = torch.fft.rfft(noise_BT).abs().square().unflatten(1, (-1, 149))  # 74 bands
    assert (power_BK.mean(dim=2) / power_BK.mean(dim=(1, 2))[:, None]).log().abs().max() < 0.5  # white


def test_noise_levels_are_in_range_and_occur_with_the_given_probability() -> None:
    wave_BT = _tone(440, examples=300, seconds=0.1)
    noise_BT = _changed(wave_BT, noise=0.5, noise_snr_db=[10.0, 30.0]) - wave_BT
    noisy_B = noise_BT.any(dim=1)
    snr_db_B = (_level_db(wave_BT) - _level_db(noise_BT))[noisy_B]
    assert noisy_B.float().mean() == pytest.approx(0.5, abs=0.1)
    assert snr_db_B.min() == pytest.approx(10, abs=1)
    assert snr_db_B.max() == pytest.approx(30, abs=1)


def test_a_shift_rotates_up_to_its_share_and_loses_no_sample() -> None:
    wave_BT = torch.arange(1000.0).repeat(300, 1)
    shifted = _changed(wave_BT, shift_share=0.1)
    start_B = shifted[:, 0]
    assert torch.equal(shifted, (wave_BT + start_B[:, None]) % 1000)
    assert start_B.min() < 5
    assert 90 < start_B.max() <= 99


@pytest.mark.parametrize("frequency_hz", [60, 440, 3000, 9000])
def test_equalization_keeps_the_frequency_of_a_tone_and_changes_its_level_within_limits(frequency_hz: float) -> None:
    wave_BT = _tone(frequency_hz, examples=60)
    equalized = _changed(wave_BT, filter=1.0, filter_db=6.0)
    gain_db_B = _level_db(equalized) - _level_db(wave_BT)
    assert gain_db_B.abs().max() <= 6.01
    assert gain_db_B.abs().max() > 3
    assert gain_db_B.std() > 1.5
    for wave_T in equalized[:5]:
        assert _frequency_hz(wave_T) == pytest.approx(frequency_hz, abs=0.3)


def test_equalization_has_the_gains_of_the_knots_and_zero_phase() -> None:
    knot_db_1K = torch.tensor([[6.0, -3.0, 2.0, -6.0, 4.0]])
    for knot, gain_db in zip(range(1, KNOTS), knot_db_1K[0, 1:].tolist(), strict=True):
        wave_1T = _tone(RATE / 2 / 4**knot, seconds=2.0)
        equalized = equalize(wave_1T, knot_db_1K)[:, T // 2 : -T // 2]
        assert torch.allclose(equalized, 10 ** (gain_db / 20) * wave_1T[:, T // 2 : -T // 2], atol=5e-3), knot
    click_1T = torch.zeros(1, 4001).index_fill(1, torch.tensor([2000]), 1.0)
    response_T = equalize(click_1T, knot_db_1K)[0]
    assert torch.allclose(response_T, response_T.flip(0), atol=1e-5)  # symmetric around the click: zero phase
    assert torch.allclose(equalize(click_1T, torch.full((1, KNOTS), 6.0)), 10**0.3 * click_1T, atol=1e-5)


@pytest.mark.parametrize("semitones", [12, 7, 1, 0, -2, -12])
def test_a_tone_is_shifted_by_semitones_and_keeps_its_length_and_level(semitones: int) -> None:
    shifted = bend(_tone(440), torch.ones(1), torch.tensor([semitones]))
    assert shifted.shape == (1, T)
    inner_T = shifted[0, 1000:-1000]
    assert 1200 * math.log2(_frequency_hz(inner_T) / 440) == pytest.approx(100 * semitones, abs=3)
    assert _level_db(inner_T[None]).item() == pytest.approx(_level_db(_tone(440)).item(), abs=0.2)


def test_a_batch_gives_the_same_as_its_examples_alone() -> None:
    wave_BT = torch.randn(4, T)
    tempo_B, semitones_B = torch.tensor([0.9, 1.1, 1.0, 1.05]), torch.tensor([12, -3, 0, 12])
    bent = bend(wave_BT, tempo_B, semitones_B)
    for k in range(4):
        alone = bend(wave_BT[k : k + 1], tempo_B[k : k + 1], semitones_B[k : k + 1])
        assert torch.allclose(bent[k, : T // 2], alone[0, : T // 2], atol=1e-3), k


def test_tempo_1_and_0_semitones_change_nothing() -> None:
    wave_BT = torch.randn(2, T)
    assert torch.allclose(bend(wave_BT, torch.ones(2), torch.zeros(2, dtype=torch.long)), wave_BT, atol=1e-3)


@pytest.mark.parametrize(("tempo", "semitones"), [(0.8, 0), (1.25, 0), (1.0, 7), (0.8, -12)])
def test_tempo_sets_the_spacing_of_pings_and_semitones_set_their_pitch(tempo: float, semitones: int) -> None:
    pings_1T = _tone(1000, seconds=4.0)
    time_T = torch.arange(pings_1T.shape[1]) / RATE
    pings_1T *= (time_T % 0.5 > 0.2) & (time_T % 0.5 < 0.35)  # 150 ms, twice a second
    assert _spacing_seconds(pings_1T[0]) == pytest.approx(0.5, abs=0.005)
    bent_T = bend(pings_1T, torch.tensor([tempo]), torch.tensor([semitones]))[0, : 3 * RATE]  # before it starts again
    assert _spacing_seconds(bent_T) == pytest.approx(0.5 / tempo, abs=0.01)
    assert _frequency_hz(bent_T) == pytest.approx(1000 * 2 ** (semitones / 12), rel=0.005)


@pytest.mark.parametrize("settings", SINGLE, ids=lambda settings: next(iter(settings)))
def test_each_example_has_its_own_draws(settings: dict[str, Any]) -> None:
    changed = _changed(torch.randn(1, 4096).repeat(16, 1), **settings)
    assert len({tuple(wave_T[:5].tolist()) for wave_T in changed}) >= (2 if "polarity" in settings else 4)


def test_results_depend_on_the_torch_seed_and_the_input_batch_is_not_changed() -> None:
    wave_BT = torch.randn(3, 8192)
    before = wave_BT.clone()
    first = _changed(wave_BT, seed=5, **FULL)
    assert torch.equal(wave_BT, before)
    assert torch.equal(_changed(wave_BT, seed=5, **FULL), first)
    assert not torch.allclose(_changed(wave_BT, seed=6, **FULL), first)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(1, 2048), (1, 8191), (5, 4097)])
def test_shape_and_dtype_are_kept_and_silence_stays_silent(shape: tuple[int, int], dtype: torch.dtype) -> None:
    for seed in range(4):  # with a single example, some seeds draw no change
        changed = _changed(torch.randn(shape, dtype=dtype), seed, **FULL)
        assert changed.shape == shape
        assert changed.dtype == dtype
        assert changed.isfinite().all()
        assert not _changed(torch.zeros(shape, dtype=dtype), seed, **FULL).any()


def test_autocast_to_half_precision_changes_nothing() -> None:
    wave_BT = torch.randn(4, 4096)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        under_autocast = _changed(wave_BT, **FULL)
    assert torch.equal(under_autocast, _changed(wave_BT, **FULL))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("gain_db", -1.0, "0 dB or more"),
        ("filter_db", float("nan"), "0 dB or more"),
        ("polarity", 1.5, "a probability between 0 and 1"),
        ("noise", -0.1, "a probability between 0 and 1"),
        ("filter", 2, "a probability between 0 and 1"),
        ("shift_share", 1.1, "a share between 0 and 1"),
        ("noise_snr_db", [40.0, 15.0], r"\[low, high\] in dB, as in \[15,40\]"),
        ("noise_snr_db", [20.0], r"\[low, high\] in dB, as in \[15,40\]"),
        ("noise_snr_db", 20.0, r"\[low, high\] in dB, as in \[15,40\]"),
        ("pitch_semitones", 13, "a whole number from 0 to 12"),
        ("pitch_semitones", 0.5, "a whole number from 0 to 12"),
        ("stretch_share", 0.6, "a share between 0 and 0.5"),
    ],
)
def test_settings_out_of_range_are_refused(key: str, value: Any, expected: str) -> None:
    value_pattern = str(value).replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(ValueError, match=rf"^augmentation\.wave\.{key} is {value_pattern}: expected {expected}\.$"):
        Wave(**{**FULL, key: value})
