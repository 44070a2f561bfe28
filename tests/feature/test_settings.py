"""Settings of features: error messages, trainable kernels and combined features."""

import copy
from typing import Any

import pytest
import torch
from hydra.errors import InstantiationException

from src.feature import Combined, Waveform
from tests.feature.conftest import TRAINABLE, Build, noise


@pytest.mark.parametrize(
    ("choice", "setting", "message"),
    [
        ("mel", "backend=nnaudo", "feature.backend is 'nnaudo': expected auto, nnaudio or torchaudio"),
        ("mel", "n_mels=0", "feature.n_mels is 0: expected a whole number of 1 or more"),
        ("mel", "n_mels=1.5", "feature.n_mels is 1.5: expected a whole number"),
        ("mel", "n_mels=2000", "Lower n_mels or raise audio.n_fft"),
        ("mel", "hop_length=4096", "feature.hop_length is 4096: expected at most feature.n_fft, 2048"),
        ("mel", "hop_length=0", "feature.hop_length is 0: expected a whole number of 1"),
        ("mel", "sample_rate=0", "feature.sample_rate is 0: expected"),
        ("mel", "n_fft=2047", "feature.n_fft is 2047: expected an even number"),
        ("mel", "fmax_hz=12000", "feature.fmax_hz is 12000: expected a number from 0 to 11025 (half the sample rate)"),
        ("mel", "fmin_hz=-1", "feature.fmin_hz is -1: expected a number from 0"),
        ("mel", "fmin_hz=12000", "feature.fmin_hz is 12000: expected a number from 0 to 11025 (feature.fmax_hz)"),
        ("mel", "fmax_hz=low", "feature.fmax_hz is 'low': expected a number"),
        ("mfcc", "n_mfcc=129", "feature.n_mfcc is 129: expected a whole number from 1 to 128 (feature.n_mels)"),
        ("mfcc", "deltas=3", "feature.deltas is 3: expected a whole number from 0 to 2"),
        ("cqt", "n_bins=120", "feature.n_bins is 120: the top bin, 31608 Hz, is above half the sample rate"),
        ("cqt", "bins_per_octave=0", "feature.bins_per_octave is 0: expected"),
        ("cqt", "fmin_hz=0", "feature.fmin_hz is 0: expected a number from 1"),
        ("chroma", "source=fft", "feature.source is 'fft': expected stft or cqt"),
        ("energy", "frame_length=256", "feature.hop_length is 512: expected at most feature.frame_length, 256"),
        ("zero_crossing", "frame_length=3", "feature.frame_length is 3: expected an even number"),
        ("autocorrelation", "fmin_hz=10", "feature.fmin_hz is 10: expected a number from 21.5"),
        ("autocorrelation", "lags=100", "feature.lags is 100: between 50 and 2000 Hz"),
        ("rolloff", "percent=101", "feature.percent is 101: expected a number from 0 to 100"),
        ("contrast", "octaves=7", "feature.octaves is 7 with feature.fmin_hz 200: octave 7, from 12800 Hz"),
        ("contrast", "percent=60", "feature.percent is 60: expected a number from 0 to 50"),
        ("tempogram", "window_frames=5", "feature.window_frames is 5: expected an even number"),
    ],
)
def test_settings_out_of_range_are_refused(build: Build, choice: str, setting: str, message: str) -> None:
    with pytest.raises(InstantiationException) as raised:
        build(choice, setting)
    assert isinstance(raised.value.__cause__, ValueError)
    assert message in str(raised.value.__cause__)


@pytest.mark.parametrize("choice", TRAINABLE)
class TestTrainable:
    def test_starts_equal_to_the_untrained_feature(self, build: Build, choice: str) -> None:
        torch.testing.assert_close(
            build(choice, "trainable=true")(noise()).detach(), build(choice)(noise()), rtol=1e-5, atol=1e-2
        )

    def test_kernels_are_in_the_checkpoint(self, build: Build, choice: str) -> None:
        feature = build(choice, "trainable=true")
        assert set(feature.state_dict()) == {name for name, _ in feature.named_parameters()}
        assert feature.state_dict()

    @pytest.mark.parametrize("amplitude", [0.1, 0])
    def test_gradients_are_finite_on_silence_too(self, build: Build, choice: str, amplitude: float) -> None:
        feature = copy.deepcopy(build(choice, "trainable=true"))
        wave_BT = noise(seconds=0.1, amplitude=amplitude).requires_grad_()
        feature(wave_BT).mean().backward()
        assert wave_BT.grad is None
        for name, parameter in feature.named_parameters():
            assert parameter.grad is not None, name
            assert parameter.grad.isfinite().all(), name
            assert bool(parameter.grad.any()) == bool(amplitude), name


def test_only_nnaudio_can_be_trained(build: Build) -> None:
    with pytest.raises(InstantiationException, match="only nnAudio's kernels can be trained"):
        build("stft", "trainable=true", "backend=torchaudio")


def test_auto_makes_no_kernels_on_the_cpu(build: Build) -> None:
    feature = copy.deepcopy(build("mel"))
    feature(noise())
    assert feature.spectrum.kernels is None


def test_kernels_created_in_validation_can_be_used_in_training(build: Build) -> None:
    feature = copy.deepcopy(build("mel", "backend=nnaudio"))
    feature.spectrum.kernels = None
    with torch.inference_mode():
        feature(noise())
    assert not any(buffer.is_inference() for buffer in feature.buffers())
    head = torch.nn.Linear(feature.rows, 1)
    head(feature(noise()).transpose(1, 2)).sum().backward()


def test_nnaudio_convolves_in_full_float32(build: Build) -> None:
    feature = copy.deepcopy(build("stft", "backend=nnaudio"))
    precisions = []
    convolution: Any = torch.backends.cudnn.conv  # type: ignore[attr-defined]
    previous = convolution.fp32_precision
    feature(noise())
    feature.spectrum.kernels.register_forward_hook(lambda *_: precisions.append(convolution.fp32_precision))
    feature(noise())
    assert precisions == ["ieee"]
    assert convolution.fp32_precision == previous


def test_combined_stacks_its_parts_in_order(build: Build) -> None:
    timbre, wave_BT = build("timbre"), noise(clips=2)
    parts = list(timbre.parts)
    assert parts[:2] == ["mfcc", "centroid"]
    torch.testing.assert_close(timbre(wave_BT), torch.cat([build(part)(wave_BT) for part in parts], dim=1))


def test_combined_computes_a_spectrum_once(build: Build) -> None:
    combined = copy.deepcopy(build("all"))
    calls = []
    for spectrum in {part.spectrum for part in combined.parts.values() if hasattr(part, "spectrum")}:
        spectrum.register_forward_hook(lambda *_: calls.append(1))
    combined(noise())
    assert len(calls) == 1


def test_parts_have_their_own_settings(build: Build) -> None:
    assert build("all", "parts.mfcc.n_mfcc=40").rows == build("all").rows + 20
    assert build("rhythm", "parts.tempogram.window_frames=384").rows == build("rhythm").rows + 192


def test_parts_follow_the_sample_rate(build: Build) -> None:
    combined = build("all", "sample_rate=16000")
    assert combined.sample_rate == 16000
    assert {part.sample_rate for part in combined.parts.values()} == {16000}


def test_trained_parts_have_their_own_kernels(build: Build) -> None:
    timbre = build("timbre", "parts.mfcc.trainable=true")
    assert set(timbre.state_dict()) == {f"parts.mfcc.{name}" for name in build("mfcc", "trainable=true").state_dict()}


def test_combined_refuses_parts_that_cannot_be_stacked(build: Build) -> None:
    mel, slow = build("mel"), build("mel", "hop_length=1024")
    with pytest.raises(ValueError, match="different hop_length: mel 512, slow 1024"):
        Combined(22050, {"mel": mel, "slow": slow})
    with pytest.raises(ValueError, match=r"different hop_length: mel 512, waveform 1\. .* leave out .* waveform"):
        Combined(22050, {"mel": mel, "waveform": Waveform(22050)})
    with pytest.raises(ValueError, match=r"feature\.parts\.mel\.sample_rate is 22050: expected .* 16000"):
        Combined(16000, {"mel": mel})
    with pytest.raises(ValueError, match=r"feature\.parts is empty"):
        Combined(22050, {})
