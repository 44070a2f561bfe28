"""EfficientAT compared with its authors' outputs, with a reference at other widths, and on files that are none of its."""

import contextlib
import csv
import hashlib
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from src.pretrained.efficientat import FRAMES, TAGS, EfficientAT, logmel
from tests.conftest import ROOT
from tests.pretrained import mobilenet_reference as reference
from tests.pretrained.mobilenet_reference import State, random_state

FOLDER = ROOT.parent / "shared" / "data" / "efficientat"
RATE = 32000
TIME_T = np.arange(10 * RATE) / RATE
SOUNDS = {
    "noise": 0.1 * np.random.default_rng(0).standard_normal(len(TIME_T)),
    "chord": 0.2 * sum(np.sin(2 * np.pi * hz * TIME_T) for hz in (220, 277.18, 329.63)),
}
# bfloat16 has 8 bits. On 12 recordings, embeddings changed by up to 0.06 of their norm, probabilities by up to 0.033; on
# the chord, whose embedding is small, by 0.13 of its norm.
BF16_LAYER = 0.2


@pytest.fixture(scope="module")
def published() -> EfficientAT:
    path = FOLDER / "mn04_as_mAP_432.pt"
    if not path.is_file():
        pytest.skip(f"no published weights: {path} is missing")
    return EfficientAT(path).eval()


def saved(state: object, folder: Path) -> Path:
    torch.save(state, folder / "weights.pt")
    return folder / "weights.pt"


# Values ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sound", SOUNDS)
def test_outputs_equal_those_of_the_authors(published: EfficientAT, sound: str) -> None:
    expected = np.load(FOLDER / "reference.npz")
    with torch.inference_mode():
        mel_BMN = logmel(torch.from_numpy(SOUNDS[sound]).float()[None])
        layers = published(mel_BMN)
    assert mel_BMN.shape == (1, 128, FRAMES)
    np.testing.assert_allclose(mel_BMN[0].mean(1), expected[f"{sound}_mel_mean_over_time"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(layers.embedding[0], expected[f"{sound}_embedding"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(layers.logits[0], expected[f"{sound}_logits"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("width", [0.1, 0.3, 0.5, 1.0])
def test_the_width_is_read_from_the_file(width: float, tmp_path: Path) -> None:
    state = random_state(width)
    network = EfficientAT(saved(state, tmp_path))
    mel_BMN = torch.randn(2, 128, 77, generator=torch.Generator().manual_seed(0))
    expected_BE, expected_BC = reference.forward(state, mel_BMN)
    with torch.inference_mode():
        layers = network(mel_BMN)
    assert network.width == width
    assert layers.embedding.shape == (2, network.rows["embedding"]) == (2, 960 * width)
    for actual, expected in ((layers.embedding, expected_BE), (layers.logits, expected_BC)):
        torch.testing.assert_close(actual, expected, rtol=1e-3, atol=1e-3 * float(expected.std()))
    assert torch.equal(layers.tags, layers.logits.sigmoid())


def test_the_reference_equals_the_authors_outputs(published: EfficientAT) -> None:
    state = torch.load(FOLDER / "mn04_as_mAP_432.pt", weights_only=True)
    logits_BC = reference.forward(state, logmel(torch.from_numpy(SOUNDS["chord"]).float()[None]))[1]
    np.testing.assert_allclose(logits_BC[0], np.load(FOLDER / "reference.npz")["chord_logits"], rtol=0, atol=1e-4)


def test_log_mel_equals_kaldis_bands_of_a_plain_fourier_transform() -> None:
    from torchaudio.compliance.kaldi import get_mel_banks

    wave_T = SOUNDS["noise"][:2000].astype(np.float32)
    emphasized_T = np.pad(wave_T[1:] - np.float32(0.97) * wave_T[:-1], 512, mode="reflect")
    window_T = np.pad(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(800) / 799), 112)
    frames_NT = np.stack([emphasized_T[n * 320 : n * 320 + 1024] * window_T for n in range(7)])
    power_NK = np.abs(np.fft.rfft(frames_NT)) ** 2
    bands_MK = get_mel_banks(128, 1024, 32000.0, 0.0, 15000.0, 100.0, -500.0, 1.0)[0].numpy()
    expected_MN = (np.log(bands_MK @ power_NK[:, :512].T + 1e-5) + 4.5) / 5
    np.testing.assert_allclose(logmel(torch.from_numpy(wave_T)[None])[0], expected_MN, rtol=0, atol=1e-4)


@pytest.mark.parametrize("samples", [1, 2, 320, 513, 514, 3200, 320000])
def test_frames_and_silence(samples: int) -> None:
    mel_BMN = logmel(torch.zeros(2, samples))
    assert mel_BMN.shape == (2, 128, 1 + (max(samples, 514) - 1) // 320)
    torch.testing.assert_close(mel_BMN, torch.full_like(mel_BMN, (np.log(1e-5) + 4.5) / 5))


def test_training_mode_changes_nothing(efficientat: Path) -> None:
    # Lightning calls train() on all submodules of a model.
    network, mel_BMN = EfficientAT(efficientat), torch.randn(2, 128, 50)
    before = {name: array.clone() for name, array in network.state_dict().items()}
    expected = network.eval()(mel_BMN)
    assert torch.equal(network.train()(mel_BMN).logits, expected.logits)
    assert all(torch.equal(array, before[name]) for name, array in network.state_dict().items())


@pytest.mark.parametrize("sound", SOUNDS)
def test_bfloat16_is_close(published: EfficientAT, sound: str) -> None:
    mel_BMN = logmel(torch.from_numpy(SOUNDS[sound]).float()[None])
    with torch.inference_mode():
        expected = published(mel_BMN)
        published.in_bfloat16 = True
        actual = published(mel_BMN)
    published.in_bfloat16 = False
    for layer, expected_layer in zip(actual, expected, strict=True):
        assert layer.dtype == torch.float32
        assert not torch.equal(layer, expected_layer)
        assert float((layer - expected_layer).norm() / expected_layer.norm()) < BF16_LAYER


def test_classes_are_audiosets_in_its_order() -> None:
    assert len(TAGS) == len(set(TAGS)) == 527
    assert (TAGS[0], TAGS[137], TAGS[216], TAGS[263], TAGS[526]) == (
        "Speech",
        "Music",
        "Pop music",
        "Ska",
        "Field recording",
    )
    table = FOLDER / "class_labels_indices.csv"
    if not table.is_file():
        pytest.skip(f"no table of AudioSet's classes to compare with: {table} is missing")
    with open(table, newline="", encoding="utf-8") as file:
        assert tuple(row["display_name"] for row in csv.DictReader(file)) == TAGS


# Files that are none of its -------------------------------------------------------------------------------------------


def changed(change: Callable[[State], object]) -> Callable[[Path], Path]:
    """A file of the smallest width with a change."""

    def write(folder: Path) -> Path:
        state = random_state(0.1)
        change(state)
        return saved(state, folder)

    write.__name__ = change.__name__
    return write


@changed
def another_network(state: State) -> None:
    state.clear()
    state["conv1.weight"] = torch.zeros(3)


@changed
def without_a_layer(state: State) -> None:
    del state["features.7.block.1.1.running_mean"]


@changed
def with_another_layer(state: State) -> None:
    state["features.17.0.weight"] = torch.zeros(8, 8)


@changed
def wrong_shape(state: State) -> None:
    state["classifier.5.weight"] = torch.zeros(10, 128)


@changed
def wrong_type(state: State) -> None:
    state["features.0.0.weight"] = state["features.0.0.weight"].double()


@changed
def not_a_number(state: State) -> None:
    state["features.3.block.0.0.weight"][0, 0] = torch.nan


@changed
def negative_variance(state: State) -> None:
    state["features.3.block.0.1.running_var"][0] = -1


@changed
def huge(state: State) -> None:
    state["features.16.0.weight"] = torch.zeros(1).expand(6_000_000, 1_000_000, 1, 1)


@changed
def stored_once(state: State) -> None:
    state.clear()
    for name, shape in reference.shapes(4.0):
        state[name] = torch.zeros(()).expand(shape)


def empty(folder: Path) -> Path:
    (folder / "weights.pt").touch()
    return folder / "weights.pt"


def web_page(folder: Path) -> Path:
    (folder / "weights.pt").write_text("<!DOCTYPE html><html>404: not found</html>")
    return folder / "weights.pt"


def another_zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "weights.pt", "w") as archive:
        archive.writestr("song.txt", "no weights")
    return folder / "weights.pt"


def zip_bomb(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "weights.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000))
    return folder / "weights.pt"


def cut_short(folder: Path) -> Path:
    path = saved(random_state(0.1), folder)
    path.write_bytes(path.read_bytes()[:100_000])
    return path


def program(folder: Path) -> Path:
    return saved({"features.0.0.weight": Bomb()}, folder)


def a_list(folder: Path) -> Path:
    return saved([torch.zeros(3)], folder)


def missing(folder: Path) -> Path:
    return folder / "weights.pt"


class Bomb:
    """Would run code when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (print, ("code of a stranger has run",))


@pytest.mark.parametrize(
    ("write", "problem"),
    [
        (missing, "is missing, or no file"),
        (empty, "cannot be read as weights of EfficientAT"),
        (web_page, "cannot be read as weights of EfficientAT"),
        (cut_short, "cannot be read as weights of EfficientAT"),
        (another_zip, "cannot be read as weights of EfficientAT|other objects"),
        (zip_bomb, "unpacks to 10,000,000 bytes"),
        (program, "could run code"),
        (a_list, "it is no dictionary of tensors"),
        (another_network, "it has no features.16.0.weight"),
        (huge, r"features.16.0.weight has the shape \(6000000, 1000000, 1, 1\)"),
        (stored_once, "stores one value for many places"),
        (without_a_layer, "it lacks 1 tensor, such as features.7.block.1.1.running_mean"),
        (with_another_layer, "it also has 1 tensor, such as features.17.0.weight"),
        (wrong_shape, r"\(10, 128\).* expected .*\(527, 128\)"),
        (wrong_type, "in float64, expected .* in float32"),
        (not_a_number, "features.3.block.0.0.weight has values that are not finite"),
        (negative_variance, "a variance below 0"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_wrong_file_gets_one_clear_message(
    write: Callable[[Path], Path], problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path)
    with pytest.raises(ValueError, match=rf"(?s){path}.*({problem}).*python -m src\.weights efficientat"):
        EfficientAT(path)
    assert "code of a stranger" not in capsys.readouterr().out


def test_a_file_with_a_broken_byte_is_refused_or_read(tmp_path: Path) -> None:
    content = saved(random_state(0.1), tmp_path).read_bytes()
    random, path, refused = np.random.default_rng(0), tmp_path / "broken.pt", 0
    middle = random.integers(len(content), size=60).tolist()
    for place in [*range(60), *middle, *range(len(content) - 60, len(content))]:
        broken = bytearray(content)
        broken[place] ^= int(random.integers(1, 256))
        path.write_bytes(broken)
        with contextlib.suppress(ValueError):  # another exception would be shown as an unexpected error
            EfficientAT(path)
            continue
        refused += 1
    assert refused > 20


def test_the_published_file_is_the_one_whose_digest_is_known(published: EfficientAT) -> None:
    content = (FOLDER / "mn04_as_mAP_432.pt").read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith("899a8c62")
    assert published.width == 0.4
    assert pickle.loads(pickle.dumps(published)).width == 0.4
