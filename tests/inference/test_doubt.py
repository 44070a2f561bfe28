"""Sets, abstention and sounds unlike training, in Python and in all formats; and what is refused."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from src.classifier import doubt
from src.classifier.doubt import Calibration, Doubt, Training
from src.inference import output, resume
from src.inference.doubt import Rules, rules
from src.inference.ensemble import Ensemble
from src.inference.recognizer import Recognizer
from tests.inference.test_ensemble import RATE, member

TIMES = np.arange(3 * RATE) / RATE


def sine(level: float) -> Any:
    return (level * np.sqrt(2) * np.sin(2 * np.pi * 200 * TIMES)).astype(np.float32)


def calibration(artists: int = 100, errors: int = 0, clips: int = 1, low: float = 0.3) -> Calibration:
    """Clips of the first of three genres: `errors` artists were taken for the second with a probability of `low` for the first."""
    probability_AC = torch.tensor([[low, 0.9 - low, 0.1]] * errors + [[0.85, 0.1, 0.05]] * (artists - errors))
    probability_KC = probability_AC.repeat_interleave(clips, dim=0).double()
    names = tuple(f"artist {a}" for a in range(artists) for _ in range(clips))
    return Calibration(
        tuple(f"clip {k}" for k in range(len(names))),
        names,
        torch.zeros(len(names), dtype=torch.long),
        probability_KC,
        torch.zeros(len(names), dtype=torch.bool),
    )


def with_doubt(recognizer: Recognizer, known: Calibration | None = None, limit: float | None = None) -> Recognizer:
    """`limit`: the distance from a level of 0.1 from which sounds are unlike training."""
    training = None if limit is None else Training(torch.tensor([[0.1]]), limit)
    recognizer.classifier.doubt = Doubt(known, training)
    return recognizer


def test_known_sets_and_limits() -> None:
    """Of 100 artists 20 have the score 0.7, the others 0.15: the 80 % limit is 0.7, as 80 of 101 are below, the 79 % limit 0.15."""
    known = calibration(errors=20)
    assert rules("a", known, 0.79, None).score_limit == pytest.approx(0.15)
    found = rules("a", known, 0.8, None)
    assert found.score_limit == pytest.approx(0.7)
    assert found.genre_set(torch.tensor([0.2, 0.5, 0.3]), "abc") == ("b", "c")
    assert found.genre_set(torch.tensor([0.25, 0.28, 0.26, 0.21]), "abcd") == ("b",)  # empty: the first genre
    assert rules("a", known, None, None) == Rules()


def test_the_lowest_limit_of_confidence_with_few_errors_is_taken() -> None:
    """The 20 wrong answers have a confidence of 0.6, the others 0.85, of which 80 without an error prove 7 %."""
    known = calibration(errors=20)
    assert rules("a", known, None, 0.45).confidence_limit == 0
    found = rules("a", known, None, 0.07)
    assert found.confidence_limit == 0.7
    assert found.abstains(torch.tensor([0.65, 0.35]))
    assert not found.abstains(torch.tensor([0.75, 0.25]))


@pytest.mark.parametrize(
    ("known", "level", "rate", "message"),
    [
        (None, 0.9, None, "--set: run has no calibration artists. Train it with split.calibration=0.25"),
        (None, 0.9, 0.1, "--set and --abstain: run has no"),
        (
            calibration(9),
            0.5,
            None,
            "--set: run has 9 calibration artists, and 10 are needed. Train again with a larger",
        ),
        (calibration(3, clips=50), None, 0.5, "--abstain: run has 3 calibration artists, and 10 are needed"),
        (
            calibration(12),
            0.95,
            None,
            "--set 0.95: with 12 calibration artists, sets at more than 0.923 would hold every",
        ),
        (
            calibration(20),
            None,
            0.05,
            "--abstain 0.05: run cannot promise so few errors with 20 calibration artists. The lowest is 0.233, at a "
            "confidence of 0 or more. Allow 0.24.",
        ),
    ],
)
def test_what_cannot_be_promised_is_refused(
    known: Calibration | None, level: float | None, rate: float | None, message: str
) -> None:
    recognizer = with_doubt(member("run"), known)
    with pytest.raises(ValueError, match="^" + message.replace(".", r"\.").replace("(", r"\(")):
        recognizer.doubt(level, rate)


def test_a_refusal_can_be_followed() -> None:
    """The rate that the message allows is reached."""
    assert rules("run", calibration(20), None, 0.24).confidence_limit == 0


def test_a_prediction_has_its_set_and_says_what_it_doubts() -> None:
    """Logits 5 x and -5 x of the level x: at 0.02 the genres are almost equal, at 0.5 one is sure."""
    recognizer = with_doubt(member("run"), calibration(errors=20), limit=0.3)
    plain = recognizer.predict(sine(0.02), RATE)
    assert (plain.predicted_genre, plain.genre_set, plain.abstain, plain.unlike_training) == ("loud", None, None, False)
    recognizer.doubt(0.8, 0.07)
    unsure, sure, unlike = (recognizer.predict(sine(level), RATE) for level in (0.02, 0.3, 0.6))
    assert (unsure.predicted_genre, unsure.reason) == ("unsure", "low_confidence")
    assert unsure.genre_set == ("loud", "mid", "quiet")[: len(unsure.genre_set or ())]
    assert (sure.predicted_genre, sure.reason, sure.genre_set) == ("loud", None, ("loud",))
    assert (unlike.predicted_genre, unlike.reason, unlike.unlike_training) == ("unsure", "unlike_training", True)
    assert (sure.set_level, sure.abstain) == (0.8, 0.07)
    recognizer.doubt()
    assert recognizer.predict(sine(0.6), RATE).predicted_genre == "loud"  # without --abstain, the field alone says so


def test_a_model_without_an_embedding_cannot_tell() -> None:
    assert with_doubt(member("run")).predict(sine(0.5), RATE).unlike_training is None


def test_the_timeline_keeps_its_genres() -> None:
    recognizer = with_doubt(member("run"), calibration(errors=20), limit=0.3)
    recognizer.doubt(0.8, 0.07)
    assert {segment.genre for segment in recognizer.predict(sine(0.02), RATE).segments} == {"loud"}


def test_an_average_is_calibrated_on_the_mean_of_its_runs() -> None:
    """The second run has its genres and its clips in another order."""
    first, second = with_doubt(member("a"), calibration(errors=20), 0.3), member("b", "quiet mid loud", (-5, 0, 5))
    order = torch.arange(100).flip(0)
    known = calibration(errors=20, low=0.5)
    mirrored = replace(
        known,
        clips=tuple(reversed(known.clips)),
        artist=tuple(reversed(known.artist)),
        genre_K=torch.full((100,), 2),
        probability_KC=known.probability_KC[order].flip(1),
    )
    average = Ensemble([first, with_doubt(second, mirrored, 0.3)])
    average.doubt(0.8, None)
    assert average.most_sure.rules.score_limit == pytest.approx(1 - (0.3 + 0.5) / 2)
    prediction = average.predict(sine(0.6), RATE)
    assert prediction.genre_set == ("loud",)
    assert prediction.unlike_training is True
    second.classifier.doubt = Doubt(None, None)
    with pytest.raises(ValueError, match="no calibration artists"):
        average.doubt(0.8, None)
    second.classifier.doubt = Doubt(replace(mirrored, clips=tuple(f"other {k}" for k in range(100))), None)
    with pytest.raises(ValueError, match=r"no common calibration artists.*Leave --average out"):
        average.doubt(0.8, None)


def written(kind: str, models: int = 1, level: float | None = 0.8, rate: float | None = 0.07) -> str:
    recognizer = with_doubt(member("run"), calibration(errors=20), limit=0.3)
    recognizer.doubt(level, rate)
    out = io.StringIO()
    options = output.OutputOptions(recognizer.genres, models, set_level=level, abstain=rate)
    writer = output.FORMATS[kind](options, out)
    for name, sound_level in (("a.wav", 0.02), ("b.wav", 0.6)):
        writer.add(name, [recognizer.predict(sine(sound_level), RATE)] * models)
    writer.finish()
    return out.getvalue()


def test_all_formats_have_the_set_and_the_doubt() -> None:
    first, second = map(json.loads, written("json").splitlines())
    assert (first["predicted_genre"], first["reason"]) == ("unsure", "low_confidence")
    assert (second["genre_set"], second["set_level"], second["abstain"]) == (["loud"], 0.8, 0.07)
    assert (first["unlike_training"], second["unlike_training"]) == (False, True)
    rows = list(csv.DictReader(io.StringIO(written("csv"))))
    assert rows[1]["genre_set"] == "loud"
    assert "|" in rows[0]["genre_set"]
    assert [row["unlike_training"] for row in rows] == ["false", "true"]
    assert (rows[0]["set_level"], rows[0]["abstain"]) == ("0.8", "0.07")
    table = " ".join(written("table").split())
    for expected in ("80 % set", "unsure: unlike training", "80 % sets hold", "wrong more often than 7 %"):
        assert expected in table
    models = json.loads(written("json", models=2).splitlines()[1])["models"]
    assert [each["genre_set"] for each in models] == [["loud"], ["loud"]]


def test_without_them_nothing_but_the_field_is_added() -> None:
    line = json.loads(written("json", level=None, rate=None).splitlines()[1])
    assert line["unlike_training"] is True
    assert not {"genre_set", "set_level", "abstain", "reason"} & set(line)


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_an_output_with_other_sets_is_not_continued(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text(written(kind))
    earlier = resume.read(path)
    earlier.check_doubt(0.8, 0.07)
    for level, rate, now in ((0.9, 0.07, "--set 0.9 --abstain 0.07"), (None, None, "neither --set nor --abstain")):
        with pytest.raises(ValueError, match=f"with --set 0.8 --abstain 0.07, not {now}"):
            earlier.check_doubt(level, rate)


def test_a_checkpoint_keeps_it_and_an_old_one_has_none(tmp_path: Path) -> None:
    before = Doubt(calibration(12, 3, 2), Training(torch.rand(5, 4), 0.5))
    torch.save(before.state(), tmp_path / "doubt")
    saved = torch.load(tmp_path / "doubt", weights_only=True)
    after = doubt.from_checkpoint(saved, 3, tmp_path)
    assert after.calibration is not None
    assert before.calibration is not None
    assert after.calibration.clips == before.calibration.clips
    assert torch.equal(after.calibration.score_K, before.calibration.score_K)
    assert doubt.from_checkpoint(None, 3, tmp_path) == Doubt()
    assert doubt.from_checkpoint(Doubt().state(), 3, tmp_path) == Doubt()


@pytest.mark.parametrize(
    "change",
    [
        {"clips": ["one"]},
        {"genre_K": torch.full((12,), 7)},
        {"probability_KC": torch.full((12, 3), 2.0)},
        {"probability_KC": torch.full((12, 2), 0.5)},
        {"unlike_K": "yes"},
    ],
)
def test_a_broken_checkpoint_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    saved = Doubt(calibration(12), None).state()
    saved["calibration"] |= change
    with pytest.raises(ValueError, match="its part 'doubt' is broken"):
        doubt.from_checkpoint(saved, 3, tmp_path / "best.ckpt")


def test_distances_are_to_the_nearest_training_clip() -> None:
    training = Training(torch.tensor([[0.0, 0.0], [10.0, 0.0]]), 2.0)
    sound_BE = torch.tensor([[0.0, 1.0], [10.0, 3.0], [5.0, 0.0]])
    assert training.distance(sound_BE).tolist() == [1, 3, 5]
    assert training.unlike(sound_BE).tolist() == [False, True, True]
