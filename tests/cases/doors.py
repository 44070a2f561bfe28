"""The doors through which sound enters: training, audit and prediction; and files that are damaged."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from src.audio import reader
from src.audio.reader import AudioError
from src.classifier.doubt import Doubt
from src.clip import Clip, Excluded
from src.data.decoding import decode
from src.inference.recognizer import Recognizer
from src.quality.measures import measure
from tests.cases.sounds import RATE, music


class LevelTagger(nn.Module):
    """In place of the tagger: its logits are the level of the sound, so that two equal predictions mean equal sound."""

    genres = ("loud", "quiet")
    calibrated = torch.tensor(False)

    def __init__(self, genres: list[str] | None = None, weights: str | None = None) -> None:
        super().__init__()
        self.model = SimpleNamespace()
        self.feature = SimpleNamespace(sample_rate=16000)
        self.doubt = Doubt()

    def with_embedding(self, wave_BST: Tensor) -> tuple[Tensor, None]:
        return self.forward(wave_BST), None

    def forward(self, wave_BST: Tensor) -> Tensor:
        level_B = 20 * (wave_BST.square().mean(dim=(1, 2)).sqrt() - 0.1)
        return torch.stack((level_B, -level_B), dim=1)


def save(path: Path, wave: NDArray[np.floating], rate: int = RATE, **settings: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave, rate, **settings)
    return path


class Doors(NamedTuple):
    """What each door uses of a file, at RATE, and the texts of its notes."""

    training: NDArray[np.float64]
    stream: NDArray[np.float32]
    audit: NDArray[np.float32]
    notes: list[str]


def doors(path: Path) -> Doors:
    """Open a file at all doors. They must agree in their notes, in the prediction too."""
    clip = decode(Clip("a", path, "g"), RATE, None)
    assert not isinstance(clip, Excluded)
    stream = reader.Stream(path, RATE)
    stream_T = np.concatenate(list(stream))
    native = reader.read_native(path, 0.0, None, None)
    notes = [note.text for note in clip.notes]
    assert [note.text for note in stream.notes] == notes
    assert [note.text for note in native.notes] + [native.shortfall] * bool(native.shortfall) == notes
    prediction = Recognizer.pretrained().predict(path)
    assert (prediction.note or "").split("; ") == (notes or [""])
    audit_T = reader.resample(native.wave_T, native.sample_rate, RATE)
    return Doors(clip.wave_T / 32767, stream_T, audit_T, notes)


def refusals(path: Path) -> set[str]:
    """The messages of all doors for a file that cannot be used."""
    excluded = decode(Clip("a", path, "g"), RATE, None)
    assert isinstance(excluded, Excluded)
    messages = {excluded.reason}
    with pytest.raises(AudioError) as raised:
        Recognizer.pretrained().predict(path)
    messages.add(str(raised.value))
    try:
        measured = measure(Clip("a", path, "g"), None)
        messages.add(f"silent ({'its peak stays below 0.001 of full scale' if measured.fault else measured})")
    except AudioError as error:
        messages.add(str(error))
    return messages


def check_all_doors(path: Path, expected_T: NDArray[np.floating], notes: list[str], atol: float = 2e-5) -> None:
    result = doors(path)
    assert result.notes == notes
    for wave_T in (result.training, result.stream, result.audit):
        np.testing.assert_allclose(wave_T, expected_T, atol=atol)


def damage(path: Path, seconds: float, how: str, place: float = 0.5, rate: int = 44100) -> Path:
    """Write music of some seconds, and damage the file at a place, a share of its bytes."""
    rate = 48000 if path.suffix == ".opus" else rate
    opus = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    save(path, music(seconds, 1, rate), rate, **opus)
    content = bytearray(path.read_bytes())
    first = round(place * len(content))
    last = first + len(content) // 10
    if how == "cut out":
        del content[first:last]
    elif how == "single bytes":
        for k in range(first, last, max(1, (last - first) // 9)):
            content[k] ^= 0x55
    else:
        filling = {"zeros": bytes(last - first), "ones": b"\xff" * (last - first)}
        content[first:last] = filling.get(how) or np.random.default_rng(0).bytes(last - first)
    path.write_bytes(content)
    return path
