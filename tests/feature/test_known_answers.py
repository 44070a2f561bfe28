"""Features of simple signals whose values are known."""

import math

import pytest
import torch
from torch import Tensor

from src.feature.mfcc import slope
from tests.feature.conftest import FRAME, HOP, RATE, Build, clicks, noise, on_bin, tone

INNER = slice(2, -2)  # the frames that lie entirely within the wave


def rows(feature: torch.nn.Module, wave_T: Tensor) -> Tensor:
    feature_BFN: Tensor = feature(wave_T[None])
    return feature_BFN[0]


def click() -> Tensor:
    """One sample of height 1 at the centre of frame 4."""
    wave_T = torch.zeros(8 * HOP)
    wave_T[4 * HOP] = 1
    return wave_T


def test_a_full_scale_tone_peaks_at_its_bin(build: Build) -> None:
    stft_FN = rows(build("stft"), tone(on_bin(93)))
    assert (stft_FN[:, INNER].argmax(dim=0) == 93).all()
    # A Hann window sums to half the frame, and half the amplitude of a sine lies at positive frequencies.
    assert stft_FN[93, INNER].tolist() == pytest.approx([20 * math.log10(FRAME / 4)] * 40, abs=1e-3)


def test_a_click_is_flat_in_frequency(build: Build) -> None:
    assert rows(build("stft"), click())[:, 4].abs().max() < 1e-3  # 0 dB in every bin: the window is 1 at its centre
    assert rows(build("flatness"), click())[0, 4] == pytest.approx(1, abs=1e-5)
    assert rows(build("spectral_mean"), click())[0, 4] == pytest.approx(0, abs=1e-4)
    assert rows(build("centroid"), click())[0, 4] == pytest.approx(RATE / 4, rel=1e-4)
    assert rows(build("contrast"), click())[:, 4].abs().max() < 1e-3


@pytest.mark.parametrize("choice", ["stft", "mel", "cqt", "energy", "spectral_mean"])
def test_levels_of_silence_are_at_the_floor(build: Build, choice: str) -> None:
    assert torch.equal(build(choice)(torch.zeros(1, RATE)), torch.full((1, build(choice).rows, 44), -100.0))


@pytest.mark.parametrize(
    ("choice", "value"),
    [
        ("chroma", 0),
        ("zero_crossing", 0),
        ("autocorrelation", 0),
        ("centroid", 0),
        ("spectral_variance", 0),
        ("rolloff", 0),
        ("flatness", 1),
        ("contrast", 0),
        ("onset", 0),
        ("tempogram", 0),
    ],
)
def test_silence(build: Build, choice: str, value: float) -> None:
    assert (rows(build(choice), torch.zeros(RATE)) - value).abs().max() < 1e-6


@pytest.mark.parametrize("choice", ["stft", "mel", "cqt", "energy", "spectral_mean"])
def test_ten_times_the_amplitude_is_20_db_more(build: Build, choice: str) -> None:
    quiet_BT = noise(amplitude=0.01)
    torch.testing.assert_close(build(choice)(10 * quiet_BT), build(choice)(quiet_BT) + 20, rtol=0, atol=1e-3)


def test_mel_of_a_higher_tone_peaks_in_a_higher_band(build: Build) -> None:
    bands = [int(rows(build("mel"), tone(hz))[:, INNER].mean(dim=1).argmax()) for hz in (110, 440, 1760, 7040)]
    assert bands == sorted(set(bands))


def test_mfcc_of_silence_and_of_a_change_of_level(build: Build) -> None:
    silence_FN = rows(build("mfcc", "deltas=2"), torch.zeros(RATE))
    assert silence_FN[0].tolist() == pytest.approx([-100 * math.sqrt(128)] * 44, rel=1e-5)
    assert silence_FN[1:].abs().max() < 1e-3
    louder_FN = rows(build("mfcc"), noise()[0]) - rows(build("mfcc"), 0.1 * noise()[0])
    assert louder_FN[0].tolist() == pytest.approx([20 * math.sqrt(128)] * 11, rel=1e-4)  # level changes row 0 only
    assert louder_FN[1:].abs().max() < 1e-2


def test_slope_of_a_line_and_curvature_of_a_parabola() -> None:
    time_N = torch.arange(30.0)
    assert slope(3 * time_N[None, None], 1)[0, 0, 4:-4].tolist() == pytest.approx([3] * 22, abs=1e-5)
    assert slope(time_N[None, None] ** 2, 2)[0, 0, 4:-4].tolist() == pytest.approx([2] * 22, abs=1e-4)


def test_cqt_finds_a4_and_an_octave_is_twelve_rows(build: Build) -> None:
    a4, a5 = (rows(build("cqt"), tone(hz))[:, 10:-10].mean(dim=1).argmax() for hz in (440, 880))
    assert (int(a4), int(a5)) == (45, 57)  # A4 is 45 semitones above C1


@pytest.mark.parametrize("source", ["stft", "cqt"])
@pytest.mark.parametrize("octave", [0.5, 1, 2, 4])
def test_chroma_finds_a_in_every_octave(build: Build, source: str, octave: float) -> None:
    chroma_FN = rows(build("chroma", f"source={source}"), tone(440 * octave))[:, INNER]
    assert (chroma_FN[9] == 1).all()
    assert chroma_FN[[0, 1, 2, 3, 4, 5, 6]].max() < 0.1


@pytest.mark.parametrize("source", ["stft", "cqt"])
def test_chroma_of_a_c_major_chord(build: Build, source: str) -> None:
    chroma_FN = rows(build("chroma", f"source={source}"), tone(523.25) + tone(659.26) + tone(783.99))
    assert sorted(chroma_FN.mean(dim=1).topk(3).indices.tolist()) == [0, 4, 7]  # C, E, G


@pytest.mark.parametrize("hz", [220, 440, 3000])
def test_a_tone_crosses_zero_twice_a_period(build: Build, hz: float) -> None:
    per_second_FN = rows(build("zero_crossing"), tone(hz)) * RATE
    assert per_second_FN[:, INNER].mean() == pytest.approx(2 * hz, rel=0.005)


def test_energy_of_a_full_scale_sine_and_of_a_constant(build: Build) -> None:
    assert rows(build("energy"), tone(on_bin(93)))[0, INNER].tolist() == pytest.approx([-3.0103] * 40, abs=1e-3)
    assert rows(build("energy"), torch.ones(RATE))[0, INNER].tolist() == pytest.approx([0] * 40, abs=1e-4)


def test_autocorrelation_peaks_at_the_period(build: Build) -> None:
    feature = build("autocorrelation")
    period = int(feature.lag_F[20])
    autocorrelation_FN = rows(feature, tone(RATE / period, amplitude=0.1))[:, INNER]
    assert (autocorrelation_FN.argmax(dim=0) == 20).all()
    # One period later the tone is the same, except for the samples without a partner within the frame.
    assert autocorrelation_FN[20].tolist() == pytest.approx([1 - period / FRAME] * 40, abs=0.01)
    assert rows(feature, noise(seconds=1)[0])[:, INNER].abs().max() < 0.2


def test_centroid_and_spread_of_tones(build: Build) -> None:
    low, high, both = tone(on_bin(100)), tone(on_bin(300)), tone(on_bin(100)) + tone(on_bin(300))
    assert rows(build("centroid"), low)[0, INNER].tolist() == pytest.approx([on_bin(100)] * 40, abs=1)
    assert rows(build("centroid"), high)[0, INNER].tolist() == pytest.approx([on_bin(300)] * 40, abs=1)
    assert rows(build("centroid"), both)[0, INNER].tolist() == pytest.approx([on_bin(200)] * 40, abs=1)
    # The Hann window gives the neighbouring bins of a tone half its magnitude: a variance of half a squared bin. Rounding
    # errors far from the tone add noise, and count most there.
    assert rows(build("spectral_variance"), low)[0, INNER].tolist() == pytest.approx([on_bin(1) / 2**0.5] * 40, abs=3)
    assert rows(build("spectral_variance"), both)[0, INNER].tolist() == pytest.approx([on_bin(100)] * 40, abs=1)


def test_rolloff_of_a_tone_is_its_frequency_and_of_noise_its_percentage(build: Build) -> None:
    assert rows(build("rolloff"), tone(on_bin(100)))[0, INNER].tolist() == pytest.approx([on_bin(101)] * 40, abs=0.1)
    assert rows(build("rolloff"), noise(seconds=1)[0]).mean() == pytest.approx(0.85 * RATE / 2, rel=0.01)
    assert rows(build("rolloff", "percent=50"), noise(seconds=1)[0]).mean() == pytest.approx(RATE / 4, rel=0.01)


def test_flatness_of_noise_and_of_a_tone(build: Build) -> None:
    assert rows(build("flatness"), noise(seconds=1)[0]).mean() == pytest.approx(0.5615, abs=0.01)  # exp(-Euler's gamma)
    assert rows(build("flatness"), tone(440))[0, INNER].max() < 1e-5


def test_contrast_of_a_tone_is_in_its_octave(build: Build) -> None:
    tonal_F = rows(build("contrast"), tone(600) + noise(seconds=1, amplitude=0.001)[0])[:, INNER].mean(dim=1)
    noisy_F = rows(build("contrast"), noise(seconds=1)[0])[:, INNER].mean(dim=1)
    assert int((tonal_F - noisy_F).argmax()) == 2  # 400 to 800 Hz
    assert (tonal_F - noisy_F)[2] > 15
    assert (tonal_F - noisy_F)[6].abs() < 1


def test_onset_peaks_at_the_clicks(build: Build) -> None:
    onset_N = rows(build("onset"), clicks(20 * HOP, 4))[0]
    for frame in (20, 40, 60, 80):
        assert abs(int(onset_N[frame - 10 : frame + 10].argmax()) - 10) <= 1


@pytest.mark.parametrize("lag", [15, 20, 30])
def test_tempogram_finds_the_tempo(build: Build, lag: int) -> None:
    # A click every `lag` frames: 172, 129 and 86 beats a minute. Rows below 8 are faster than 320.
    tempogram_FN = rows(build("tempogram"), clicks(lag * HOP, 400 // lag))
    assert (tempogram_FN[0] == 1).float().mean() > 0.9
    assert int(tempogram_FN[8:].mean(dim=1).argmax()) + 8 == lag


def test_waveform_returns_the_samples_unchanged(build: Build) -> None:
    wave_BT = noise(clips=3)
    assert torch.equal(build("waveform")(wave_BT), wave_BT[:, None])
