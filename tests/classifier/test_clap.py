"""Genres as texts with a CLAP network: its own probabilities, and `predict --tagger clap:DIR`."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from src import predict
from src.classifier.clap import PROMPT, clap_tagger
from src.inference.recognizer import Recognizer
from tests.conftest import tone, write

Networks = Callable[[str], str]
GENRES = ["bossa nova", "drill", "polka"]


def test_the_probabilities_are_those_of_the_whole_network(networks: Networks) -> None:
    import transformers

    folder = networks("clap")
    whole = transformers.ClapModel.from_pretrained(folder).eval()
    with torch.no_grad():  # otherwise the texts of a random network are almost alike
        whole.logit_scale_a.fill_(3.0)
    wave_BT = 0.1 * torch.randn(2, 96000, generator=torch.Generator().manual_seed(2))
    extractor = transformers.ClapFeatureExtractor.from_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    inputs = extractor(list(wave_BT.numpy()), sampling_rate=48000, return_tensors="pt")
    tokens = tokenizer([f"This audio is a {genre} song." for genre in GENRES], padding=True, return_tensors="pt")
    with torch.no_grad():
        expected_BC = whole(
            **inputs, input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        ).logits_per_audio
    classifier = clap_tagger(folder, GENRES)
    classifier.model.scale = float(np.exp(3.0))  # type: ignore[attr-defined]
    with torch.no_grad():
        torch.testing.assert_close(classifier(wave_BT[:, None]), expected_BC, rtol=1e-4, atol=1e-4)
    assert PROMPT.format("polka") == "This audio is a polka song."


def test_the_scale_is_the_networks_own(networks: Networks) -> None:
    model = clap_tagger(networks("clap"), GENRES).model
    assert model.scale == pytest.approx(1 / 0.07, rel=1e-3)  # type: ignore[attr-defined]


def test_predict_asks_for_any_genres(networks: Networks, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    hz = random.choice(
        [110, 220, 330, 880, 1760], size=(20, 1)
    )  # a new chord of noise and tone each quarter of a second
    notes = np.sin(2 * np.pi * hz * np.arange(5512) / 22050) + random.uniform(0, 1, (20, 1)) * random.normal(
        size=(20, 5512)
    )
    song = write(tmp_path / "song.wav", 0.1 * notes.ravel())
    command = [str(song), "--tagger", f"clap:{networks('clap')}", "--genres", ",".join(GENRES)]
    answers = []
    for _ in range(2):
        assert predict.main(command) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]
    assert set(answers[0]["probabilities"]) == set(GENRES)
    assert sum(answers[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert answers[0]["predicted_genre"] in GENRES
    assert answers[0]["model"].startswith("clap:")
    hum = tone(tmp_path / "hum.wav", seconds=5)
    assert predict.main([str(hum), *command[1:]]) == 0
    assert json.loads(capsys.readouterr().out)["reason"] == "not_music"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tagger", "clap:DIR"], "--tagger clap:DIR needs the genres to choose from"),
        (["--tagger", "clap:DIR", "--genres", "rock"], "--genres names 1 genre: expected two or more"),
        (["--tagger", "clap:DIR", "--genres", "rock,Rock"], "--genres names Rock more than once"),
        (["--tagger", "clap:", "--genres", "rock,jazz"], "--tagger is 'clap:': expected clap: and the folder"),
        (["--tagger", "other:DIR", "--genres", "rock,jazz"], "--tagger is 'other:DIR': expected clap:"),
        (["--tagger", "clap:DIR", "--run", "RUN"], "--tagger and --run exclude each other"),
        (["--tagger", "clap:nowhere", "--genres", "rock,jazz"], "The network nowhere is no folder here"),
        (["--tagger", "clap:tests", "--genres", "rock,jazz"], "The network tests is a folder without config.json"),
        (["--tagger", "clap:AST", "--genres", "rock,jazz"], "which knows no texts: expected CLAP"),
    ],
)
def test_wrong_commands_get_one_message(
    networks: Networks, arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    song = tone(tmp_path / "song.wav")
    places = {"clap:DIR": f"clap:{networks('clap')}", "clap:AST": f"clap:{networks('ast')}"}
    try:
        status = predict.main([str(song), *(places.get(word, word) for word in arguments)])
    except SystemExit as stop:  # a wrong option
        status = int(stop.code or 0)
    assert status in (1, 2)
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_without_the_extra_the_message_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)
    song = tone(tmp_path / "song.wav")
    assert predict.main([str(song), "--tagger", f"clap:{tmp_path}", "--genres", "rock,jazz"]) == 1
    assert "make extra-transformers" in capsys.readouterr().err


def test_from_python(networks: Networks) -> None:
    tagger = Recognizer.clap(networks("clap"), ["gtzan"])
    assert len(tagger.genres) == 10
    assert tagger.length == 2 * 48000
