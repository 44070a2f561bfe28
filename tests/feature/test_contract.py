"""The interface of features, tested on every choice in conf/feature."""

import copy
import pickle

import pytest
import torch

from tests.feature.conftest import FEATURES, FRAME, RATE, WITH_BACKEND, Build, noise, tone

RATES = {"musicnn": 16000, "efficientat": 32000, "pretrained": 32000, "deep_classic": 16000}  # by networks, in Hz


def frames(choice: str, samples: int, hop_length: int) -> int:
    """Expected number of frames. Networks give 1, because their patches are longer than the waves tested here."""
    return {"waveform": samples, **dict.fromkeys(RATES, 1)}.get(choice, 1 + samples // hop_length)


@pytest.mark.parametrize("choice", FEATURES)
@pytest.mark.parametrize("samples", [1, 100, 511, 512, FRAME, 10000])  # shorter and longer than a hop and a frame
def test_shape(build: Build, choice: str, samples: int) -> None:
    feature = build(choice)
    feature_BFN = feature(noise(clips=2, seconds=0.5)[:, :samples])
    assert feature_BFN.shape == (2, feature.rows, frames(choice, samples, feature.hop_length))
    assert feature_BFN.shape[2] == feature.frames(samples)
    assert feature_BFN.isfinite().all()
    assert feature.sample_rate == RATES.get(choice, RATE)


@pytest.mark.parametrize("choice", FEATURES)
@pytest.mark.parametrize("samples", [100, 10000])
def test_silence_is_finite(build: Build, choice: str, samples: int) -> None:
    assert build(choice)(torch.zeros(1, samples)).isfinite().all()


@pytest.mark.parametrize("choice", FEATURES)
def test_a_clip_does_not_depend_on_its_batch(build: Build, choice: str) -> None:
    feature = build(choice)
    wave_BT = torch.cat([noise(amplitude=0.001), noise(amplitude=0.5), tone(440, 0.25)[None].float()])
    together_BFN = feature(wave_BT)
    alone_BFN = torch.cat([feature(wave_BT[index : index + 1]) for index in range(3)])
    # The tone's quiet bins, 100 dB below it, are rounding noise and may differ by some 0.01 dB. Deep networks round more.
    rtol = 1e-4 if choice in RATES else 1e-5
    torch.testing.assert_close(together_BFN[:2], alone_BFN[:2], rtol=rtol, atol=1e-4)
    torch.testing.assert_close(together_BFN[2], alone_BFN[2], rtol=1e-3, atol=1e-1)


@pytest.mark.parametrize("choice", FEATURES)
def test_output_is_float32_for_every_input_type_and_under_autocast(build: Build, choice: str) -> None:
    feature, wave_BT = build(choice), noise()
    expected_BFN = feature(wave_BT)
    assert expected_BFN.dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(feature(wave_BT), expected_BFN)
    assert torch.equal(feature(wave_BT.double()), expected_BFN)
    assert feature(wave_BT.half()).dtype == torch.float32


@pytest.mark.parametrize("choice", FEATURES)
def test_gradients_stop_before_the_feature(build: Build, choice: str) -> None:
    assert not build(choice)(noise().requires_grad_()).requires_grad


@pytest.mark.parametrize(
    ("choice", "settings"),
    [(choice, ()) for choice in FEATURES] + [(choice, ("backend=nnaudio",)) for choice in WITH_BACKEND],
)
def test_untrained_features_save_nothing_in_checkpoints(build: Build, choice: str, settings: tuple[str, ...]) -> None:
    feature = build(choice, *settings)
    feature(noise())  # nnAudio's kernels are created at first use
    assert not feature.state_dict()
    assert not list(feature.parameters())


@pytest.mark.parametrize("choice", WITH_BACKEND)
def test_both_back_ends_agree(build: Build, choice: str, capsys: pytest.CaptureFixture[str]) -> None:
    wave_BT = noise(clips=2)
    nnaudio_BFN, torchaudio_BFN = (
        build(choice, f"backend={backend}")(wave_BT) for backend in ("nnaudio", "torchaudio")
    )
    torch.testing.assert_close(nnaudio_BFN, torchaudio_BFN, rtol=1e-5, atol=1e-2)  # dB or Hz
    assert torch.equal(build(choice)(wave_BT), torchaudio_BFN)  # auto, on the CPU
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("choice", FEATURES)
def test_copies_give_the_same_values(build: Build, choice: str) -> None:
    feature, wave_BT = build(choice), noise()
    expected_BFN = feature(wave_BT)
    assert torch.equal(copy.deepcopy(feature)(wave_BT), expected_BFN)
    assert torch.equal(pickle.loads(pickle.dumps(feature))(wave_BT), expected_BFN)


@pytest.mark.parametrize("choice", FEATURES)
@pytest.mark.parametrize(
    ("wave_BT", "message"),
    [
        (torch.zeros(1, 0), "0 samples"),
        (torch.zeros(100), r"shape \(100,\)"),
        (torch.zeros(1, 2, 100), r"shape \(1, 2, 100\)"),
        (torch.zeros(1, 100, dtype=torch.int16), "torch.int16"),
    ],
)
def test_invalid_waves_are_refused(build: Build, choice: str, wave_BT: torch.Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(choice)(wave_BT)


@pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs CUDA, where auto uses nnAudio; the values must equal those of the CPU"
)
@pytest.mark.parametrize("choice", FEATURES)
def test_cuda_equals_the_cpu(build: Build, choice: str) -> None:
    feature, wave_BT = build(choice), noise(clips=2)
    expected_BFN = feature(wave_BT)
    cuda_BFN = copy.deepcopy(feature).cuda()(wave_BT.cuda())
    assert cuda_BFN.is_cuda
    torch.testing.assert_close(cuda_BFN.cpu(), expected_BFN, rtol=1e-3, atol=1e-2)
