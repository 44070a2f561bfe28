"""src/pretrained compared with a numpy reference of musicnn, and with outputs of the published TensorFlow code."""

import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from src.audio.reader import read as read_audio
from src.pretrained import NETWORKS, TAGS, Layers, Musicnn, logmel
from src.pretrained.weights import read
from tests.pretrained import reference
from tests.pretrained.reference import BANDS, HOP, LAYERS, PATCH, RATE, Array

LENGTH = (PATCH - 1) * HOP  # samples in a patch
FP32 = 1e-4  # of a probability, and relative to a layer's value, or to its RMS if the value is smaller
# At a tie, float16 may round the two in different directions. STEP: log10(1 + 2**-10) in the log-mel. AFTER_STEP: its
# effect on later layers.
STEP, AFTER_STEP = 4.3e-4, 1e-3
# bfloat16 has 8 bits. On these sounds and 35 recordings, probabilities changed by up to 0.0101, layers by 0.028 of RMS.
BF16_TAGS, BF16_LAYER = 0.02, 0.05


def chirp(low_hz: float = 50.0, high_hz: float = 7900.0) -> Array:
    time_T = np.arange(LENGTH) / RATE
    return np.sin(2 * np.pi * (low_hz * time_T + (high_hz - low_hz) * time_T**2 / (2 * time_T[-1])))


def noise(level: float) -> Array:
    return level * np.random.default_rng(0).standard_normal(LENGTH)


def square(hz: float = 110.0) -> Array:
    return np.where(np.arange(LENGTH) * hz / RATE % 1 < 0.5, 1.0, -1.0)


SOUNDS = {
    "silence": np.zeros(LENGTH),
    "quiet noise": noise(1e-4),
    "noise": noise(0.1),
    "full-scale square": square(),
    "chirp": 0.8 * chirp(),
}
NAMES = list(SOUNDS)


def wave(name: str) -> Tensor:
    return torch.from_numpy(SOUNDS[name].astype(np.float32))


@cache
def net(network: str) -> Musicnn:
    return Musicnn(network)


@cache
def patches() -> Tensor:
    """The sounds as input patches of the reference, (B, 96, 187)."""
    return torch.from_numpy(np.stack([reference.logmel(sound_T.astype(np.float32)) for sound_T in SOUNDS.values()]))


@cache
def expected(network: str) -> reference.Output:
    """Outputs of the reference for the patches: (B, 1506), (B, 200) and (B, 50)."""
    return reference.Output(
        *map(np.stack, zip(*(reference.forward(network, p.numpy()) for p in patches()), strict=True))
    )


@cache
@torch.inference_mode()
def actual(network: str) -> reference.Output:
    """Outputs of src/pretrained for the same patches."""
    return as_reference(net(network)(patches()))


def as_reference(output: Layers) -> reference.Output:
    """Convert the layers to the form of the reference."""
    return reference.Output(*(layer.double().numpy() for layer in (output.pool, output.penultimate, output.tags)))


def layers(pool: Array) -> dict[str, Array]:
    """Split the pooled rows (..., 1506) into the maxima and means of each layer."""
    return {name: pool[..., 2 * rows.start : 2 * rows.stop] for name, rows in LAYERS.items()}


def assert_close(values: Array, expected_values: Array, tolerance: float = FP32) -> None:
    """Compare with a tolerance relative to each value, or to the RMS of all values if the value is smaller."""
    rms = np.sqrt(np.mean(expected_values**2))
    np.testing.assert_array_less(np.abs(values - expected_values), tolerance * np.maximum(np.abs(expected_values), rms))


# The reference --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "tags", "penultimate", "maxima", "means"),
    [
        (
            "msd",
            {"metal": 0.94030535, "jazz": 0.05186773, "heavy metal": 0.006403885, "experimental": 0.0050124433},
            (-0.17717558, 5.980071, -0.28482637),
            (2.258330e-06, 33.879738),
            (2.2583288e-06, -0.60105264),
        ),
        (
            "mtt",
            {"vocal": 0.16547528, "solo": 0.13803162, "singing": 0.10565751, "guitar": 0.090746306},
            (1.4932823, 0.7352815, 2.4549022),
            (-1.11506146e-04, 6.4058404),
            (-1.14366405e-04, 0.05282553),
        ),
    ],
)
def test_the_reference_equals_the_published_code(
    network: str,
    tags: dict[str, float],
    penultimate: tuple[float, ...],
    maxima: tuple[float, ...],
    means: tuple[float, ...],
) -> None:
    # These numbers were computed by models.py of the published package under TensorFlow 2.15.1.
    band_F1, frame_N = np.arange(BANDS)[:, None], np.arange(PATCH)
    output = reference.forward(network, (3 + 3 * np.sin(band_F1 / 7 + frame_N / 11)).astype(np.float32))
    probabilities = dict(zip(reference.tags(network), output.tags, strict=True))
    assert sorted(probabilities, key=lambda tag: -probabilities[tag])[:4] == list(tags)
    np.testing.assert_allclose([probabilities[tag] for tag in tags], list(tags.values()), atol=1e-6)
    np.testing.assert_allclose(output.penultimate[:3], penultimate, atol=1e-5)
    np.testing.assert_allclose(output.pool[[0, -2]], maxima, rtol=1e-5)
    np.testing.assert_allclose(output.pool[[1, -1]], means, rtol=1e-5)


# The input ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_log_mel_equals_librosa_to_one_step_of_float16(name: str) -> None:
    power_FN = reference.power(SOUNDS[name].astype(np.float32)).astype(np.float16)
    # At a tie, the two may round in different directions: one step, at most 2**-10 of a power.
    below_FN = reference.compress(np.maximum(np.nextafter(power_FN, np.float16(-np.inf)), np.float16(0)))
    above_FN = reference.compress(np.nextafter(power_FN, np.float16(np.inf)))
    feature_FN = logmel(wave(name)[None])[0].numpy()
    assert feature_FN.shape == (BANDS, PATCH)
    assert (feature_FN >= below_FN - 1e-6).all()
    assert (feature_FN <= above_FN + 1e-6).all()
    # Ties are rare: nearly all values are the same.
    assert np.mean(np.abs(feature_FN - reference.compress(power_FN)) < 1e-6) > 0.97


def test_silence_gives_zero() -> None:
    assert not logmel(wave("silence")[None]).any()


def test_loud_music_is_finite() -> None:
    # With numpy 2 the published code would overflow from a mel power of 6.55 on, a sine of -19 dB.
    loud_FN = logmel(wave("full-scale square")[None])[0]
    assert loud_FN.isfinite().all()
    assert loud_FN.max() > np.log10(np.finfo(np.float16).max) + 1


@pytest.mark.filterwarnings("ignore:n_fft=512 is too large")  # librosa's warning on sounds shorter than a frame
@pytest.mark.parametrize("samples", [300, 511, 512, 16000, LENGTH - 1])
def test_log_mel_has_a_frame_every_256_samples_and_mirrors_the_ends(samples: int) -> None:
    sound_T = noise(0.1)[:samples].astype(np.float32)
    feature_FN = logmel(torch.from_numpy(sound_T)[None])[0].numpy()
    assert feature_FN.shape == (BANDS, 1 + samples // HOP)
    np.testing.assert_allclose(feature_FN, reference.logmel(sound_T), rtol=0, atol=STEP)


def test_log_mel_of_a_clip_does_not_depend_on_its_batch() -> None:
    wave_BT = torch.stack([wave(name) for name in NAMES])
    for wave_T, mel_FN in zip(wave_BT, logmel(wave_BT), strict=True):
        torch.testing.assert_close(logmel(wave_T[None])[0], mel_FN, rtol=0, atol=STEP)


# The network ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("network", NETWORKS)
def test_each_pooled_layer_equals_the_reference(network: str, layer: str) -> None:
    assert_close(layers(actual(network).pool)[layer], layers(expected(network).pool)[layer])


@pytest.mark.parametrize("network", NETWORKS)
def test_the_penultimate_layer_and_the_tags_equal_the_reference(network: str) -> None:
    assert_close(actual(network).penultimate, expected(network).penultimate)
    np.testing.assert_allclose(actual(network).tags, expected(network).tags, rtol=0, atol=FP32)


@pytest.mark.parametrize("network", NETWORKS)
def test_from_music_to_tags(network: str, music: Path) -> None:
    paths = [min((music / genre).glob("*.ogg")) for genre in ("classical", "metal")]
    wave_BT = torch.stack([torch.from_numpy(read_audio(path, RATE, 5, 9)[:LENGTH]) for path in paths])
    with torch.inference_mode():
        output = net(network)(logmel(wave_BT))
    expected_outputs = [reference.forward(network, reference.logmel(wave_T.numpy())) for wave_T in wave_BT]
    expected_tags = np.stack([expected_output.tags for expected_output in expected_outputs])
    np.testing.assert_allclose(output.tags.numpy(), expected_tags, rtol=0, atol=AFTER_STEP)
    pool = layers(output.pool.double().numpy())
    expected_pool = layers(np.stack([expected_output.pool for expected_output in expected_outputs]))
    for layer in LAYERS:
        assert_close(pool[layer], expected_pool[layer], AFTER_STEP)


@pytest.mark.parametrize("network", NETWORKS)
def test_shapes_and_types(network: str) -> None:
    with torch.inference_mode():
        output = net(network)(patches()[:2])
    assert {name: tuple(layer.shape) for name, layer in output._asdict().items()} == {
        "pool": (2, 1506),
        "penultimate": (2, 200),
        "logits": (2, 50),
    }
    assert all(layer.dtype == torch.float32 for layer in output)
    assert ((output.tags >= 0) & (output.tags <= 1)).all()


@pytest.mark.parametrize("network", NETWORKS)
def test_a_patch_gives_the_same_alone_in_a_batch_and_again(network: str) -> None:
    together = actual(network)
    index = NAMES.index("chirp")
    with torch.inference_mode():
        first, second = (as_reference(net(network)(patches()[index : index + 1])) for _ in range(2))
    for alone, again, in_batch in zip(first, second, together, strict=True):
        assert np.array_equal(alone, again)
        assert_close(alone[0], in_batch[index])


@pytest.mark.parametrize("network", NETWORKS)
def test_training_mode_changes_nothing(network: str) -> None:
    # Lightning calls train() on all submodules of a model.
    model = Musicnn(network).train()
    before = {name: array.clone() for name, array in model.state_dict().items()}
    with torch.inference_mode():
        for layer, expected_layer in zip(as_reference(model(patches()[-1:])), actual(network), strict=True):
            assert_close(layer[0], expected_layer[-1])
    assert all(torch.equal(array, before[name]) for name, array in model.state_dict().items())


@pytest.mark.parametrize("network", NETWORKS)
def test_bfloat16_is_close_to_the_reference(network: str) -> None:
    chosen = [NAMES.index(name) for name in ("noise", "chirp")]
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        output = net(network)(patches()[chosen])
    pool, expected_pool = layers(output.pool.double().numpy()), layers(expected(network).pool[chosen])
    for layer in LAYERS:
        error = np.linalg.norm(pool[layer] - expected_pool[layer]) / np.linalg.norm(expected_pool[layer])
        assert error < BF16_LAYER, f"{layer}: {error:.4f}"
    probabilities = output.tags.double().numpy()
    np.testing.assert_allclose(probabilities, expected(network).tags[chosen], rtol=0, atol=BF16_TAGS)


# The package ----------------------------------------------------------------------------------------------------------


def test_tags_are_those_of_the_package_in_its_order() -> None:
    assert NETWORKS == ("msd", "mtt")
    for network in NETWORKS:
        assert TAGS[network] == reference.tags(network)
        assert len(TAGS[network]) == 50


@pytest.mark.parametrize("network", NETWORKS)
def test_the_weights_of_the_package_are_read(network: str) -> None:
    arrays, expected_arrays = read(network), reference.weights(network)
    assert arrays.keys() - {"beta1_power", "beta2_power"} == expected_arrays.keys() - {"beta1_power", "beta2_power"}
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, expected_arrays[name])


@pytest.mark.parametrize("call", [read, Musicnn])
def test_the_error_for_a_missing_package_says_what_to_do(
    call: Callable[[str], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "musicnn", None)  # importlib's find_spec now returns None
    with pytest.raises(ImportError, match=r"(?s)musicnn.*make setup"):
        call("msd")


def flip_a_bit(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1])


def swap(file: Path) -> None:
    """Replace the file by that of the other network."""
    shutil.copy(reference.package() / "MTT_musicnn" / file.name, file)


@pytest.mark.parametrize("damage", [flip_a_bit, cut_short, swap, Path.unlink])
@pytest.mark.parametrize("name", [".index", ".data-00000-of-00001"])
def test_a_damaged_or_missing_file_is_refused(damage: Callable[[Path], None], name: str, tmp_path: Path) -> None:
    folder = shutil.copytree(reference.package() / "MSD_musicnn", tmp_path / "copy")
    assert read("msd", folder).keys() == read("msd").keys()
    damage(folder / name)
    with pytest.raises(ValueError, match=rf"(?s){name}.*musicnn 0\.1\.0.*make setup"):
        read("msd", folder)
