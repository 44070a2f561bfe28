"""The pretrained tagger with one and with both networks; random weights stand for those of EfficientAT."""

import re
from pathlib import Path

import numpy as np
import pytest

from src.classifier import build
from src.inference.recognizer import MUSICNN_ONLY, NOT_MUSIC, Recognizer
from src.model.tags import GTZAN, MUSICNN, Tags
from src.pretrained import files
from tests.cases.noises import NO_MUSIC, RATE
from tests.cases.sounds import music

REAL = "mn04_as_mAP_432.pt"


@pytest.fixture(scope="session")
def real_weights() -> Path:
    """The published weights, which are not part of the project."""
    path = Path(__file__).parents[2].parent / "shared" / "data" / "efficientat" / REAL
    if not path.is_file():
        pytest.skip(f"needs {REAL} in ../shared/data/efficientat")
    return path


@pytest.mark.parametrize("how", ["named", "variable", "downloaded"])
def test_the_second_network_is_found(
    how: str, efficientat: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "variable":
        monkeypatch.setenv("MUSIC_GENRE_EFFICIENTAT", str(efficientat))
    if how == "downloaded":
        monkeypatch.setenv("MUSIC_GENRE_CACHE", str(tmp_path))
        files.folder(files.EFFICIENTAT).mkdir(parents=True)
        (files.folder(files.EFFICIENTAT) / "a.pt").write_bytes(efficientat.read_bytes())
    recognizer = Recognizer.pretrained(weights=f"efficientat:{efficientat}" if how == "named" else None)
    assert (recognizer.name, recognizer.notes) == ("musicnn and EfficientAT tags", [])
    assert (recognizer.sample_rate, recognizer.length) == (32000, 320_000)
    assert len(recognizer.genres) == 48
    assert not recognizer.classifier.model.uncovered  # type: ignore[union-attr]
    assert Recognizer.pretrained(["gtzan"], "none").notes == ["No tag covers reggae: never predicted."]


def test_without_the_file_musicnn_answers_as_before_and_a_note_says_so() -> None:
    recognizer = Recognizer.pretrained()
    assert (recognizer.name, recognizer.notes) == ("musicnn tags", [MUSICNN_ONLY])
    assert recognizer.genres == list(MUSICNN)
    assert (recognizer.sample_rate, recognizer.length) == (16000, 48_000)
    assert "\n" not in MUSICNN_ONLY


def test_both_networks_predict(efficientat: Path) -> None:
    recognizer = Recognizer.pretrained(["gtzan"], f"efficientat:{efficientat}")
    prediction = recognizer.predict(music(24, 0, 44100), 44100)
    assert list(prediction.probabilities) == list(GTZAN)
    assert sum(prediction.probabilities.values()) == pytest.approx(1)
    assert prediction.calibrated is False
    assert prediction.segments[-1].stop_seconds == pytest.approx(24, abs=1e-3)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("musicnn", "--weights is 'musicnn': expected efficientat:FILE, or none for musicnn alone."),
        ("efficientat:", "--weights is 'efficientat:': expected efficientat:FILE"),
        ("efficientat:gone.pt", "--weights efficientat:gone.pt: gone.pt does not exist. Download"),
        ("efficientat:.", "--weights efficientat:.: . is not a file."),
        (f"efficientat:{__file__}", "cannot be read as weights of EfficientAT (File is not a zip file)"),
    ],
)
def test_wrong_weights_get_one_message(weights: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        build.tagger(weights=weights)


def test_a_variable_that_names_no_file_is_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSIC_GENRE_EFFICIENTAT", "gone.pt")
    with pytest.raises(ValueError, match=r"^MUSIC_GENRE_EFFICIENTAT is gone\.pt, which does not exist"):
        build.tagger()
    assert isinstance(build.tagger(weights="none").model, Tags)


def test_a_genre_of_the_second_network_is_not_enough_for_musicnn_alone(efficientat: Path) -> None:
    with pytest.raises(ValueError, match="of which tags cover 1: expected at least two"):
        build.tagger(["reggae", "rock"])
    assert build.tagger(["reggae", "ska"], f"efficientat:{efficientat}").genres == ["reggae", "ska"]


@pytest.mark.slow
def test_both_networks_refuse_noise(real_weights: Path) -> None:
    """At least 27 of 30 invented sounds, as in docs/results.md, and no invented music."""
    tagger = Recognizer.pretrained(weights=f"efficientat:{real_weights}")
    refused = [name for name, sound in NO_MUSIC.items() if tagger.predict(sound(10.0), RATE).reason == NOT_MUSIC]
    assert len(refused) >= 27
    assert all(tagger.predict(music(10, seed), RATE).reason != NOT_MUSIC for seed in range(4))


@pytest.mark.slow
def test_both_networks_know_real_metal(real_weights: Path, music: Path) -> None:
    tagger = Recognizer.pretrained(weights=f"efficientat:{real_weights}")
    paths = sorted((music / "metal").glob("*muldjord*"))
    predicted = [tagger.predict(path).predicted_genre for path in paths]
    assert np.mean([genre == "metal" for genre in predicted]) > 0.5
