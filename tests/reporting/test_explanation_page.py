"""The page of explanations: what it says in words, what it shows, and its size."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.reporting import explanation_page, explanation_plots, explanation_text
from src.rundir import RunDir
from tests.reporting.explanations import explanations, page
from tests.reporting.genre_explanations import add_words
from tests.rundirs import config, write_run


def row(curve: str, gain: float, interval: tuple[float, float] | None, verdict: str) -> dict[str, Any]:
    return {
        "curve": curve,
        "other": "random",
        "gain": gain,
        "interval": interval,
        "verdict": verdict,
        "over": "clips",
        "clips": 20,
    }


def said(*rows: dict[str, Any], **correlations: float) -> str:
    method = {"method": "occlusion", "compared": rows, "correlations": correlations}
    return " ".join(explanation_text.sentences({"no_map": "", "methods": [method], "listening": {}}))


def test_the_words_follow_the_interval() -> None:
    deletion, insertion = row("deletion", 0.27, (0.21, 0.33), "better"), row("insertion", 0.38, (0.33, 0.41), "better")
    assert said(deletion, insertion) == (
        "Occlusion finds what the model uses better than random masks of the same shape: a gain of 27 points by deletion (21 to 33) "
        "and 38 points by insertion (33 to 41); 95 % intervals over clips, 20 clips."
    )
    none = row("insertion", 0.01, (-0.02, 0.03), "no better")
    assert "is better than random masks of the same shape by deletion only" in said(deletion, none)
    assert "no better than random masks" in said(row("deletion", 0.0, (-0.1, 0.1), "no better"), none)
    assert "Do not rely on it" in said(row("deletion", -0.2, (-0.3, -0.1), "worse"), none)
    assert "20 sounds are too few to say whether the maps show what the model uses, which needs 10" in said(
        row("deletion", 0.2, None, "unknown"), row("insertion", 0.2, None, "unknown")
    )


def test_a_model_with_random_weights_is_compared_in_words() -> None:
    unsure = row("deletion", 0.2, None, "unknown")
    assert "gives other maps" in said(unsure, random_weights=0.2, random_weights_given_input=0.1, input=0.5)
    assert "gives much the same maps" in said(unsure, random_weights=0.8, random_weights_given_input=0.7, input=0.5)


def test_what_the_run_hears_is_said_with_an_interval() -> None:
    heard = {"share": 0.1, "gain": 0.12, "interval": (0.05, 0.2), "verdict": "better"}
    for changed, text in (
        (
            {},
            "hears it too: with the most relevant 10 % of the sound flattened, the probability falls 12 points further",
        ),
        ({"verdict": "no better"}, "does not hear it"),
        ({"interval": None}, ""),
    ):
        lines = explanation_text.sentences({"no_map": "", "methods": [], "listening": {**heard, **changed}})
        assert text in " ".join(lines)
        assert bool(lines) == bool(text)


def test_the_page_and_the_json_of_sounds_with_a_map(tmp_path: Path) -> None:
    found = explanations(6, methods=("integrated_gradients", "gradcam"))
    text = page(tmp_path, found, {"bad.wav": "it is <empty>"}).read_text(encoding="utf-8")
    assert text.count("<audio") == 18
    assert "bad.wav: it is &lt;empty&gt;" in text
    assert "Bands by predicted genre" in text
    assert "synthetic music" in text
    run = RunDir(tmp_path / "run")
    content = json.loads(json.dumps(explanation_page.content(run, found, {}, [], "command")))
    assert [each["method"] for each in content["methods"]] == ["integrated_gradients", "gradcam"]
    own = content["clips"][0]["maps"][0]
    assert own["row_relevance"] == pytest.approx(found[0].maps[0].relevance_FN.sum(axis=1), rel=1e-5)  # type: ignore[union-attr]
    assert "relevance_FN" not in own
    assert content["methods"][0]["completeness_gap_nats"] is not None
    assert content["methods"][1]["completeness_gap_nats"] is None


def test_the_sounds_come_before_the_details_of_faithfulness(tmp_path: Path) -> None:
    text = page(tmp_path, explanations(2)).read_text(encoding="utf-8")
    assert (
        "2 test clips of 2 artists explained; the run was trained on composer (synthetic music); split holdout" in text
    )
    places = [
        text.index(part)
        for part in (
            "predictions for real recordings mean nothing",
            "too few to say",
            "Terms on this page",
            "Explained sounds</h2>",
            "Bands by predicted genre</h2>",
            "number 1.ogg</h2>",
            "Do the maps show what the model uses?</h2>",
            "Does the run hear it too?</h2>",
        )
    ]
    assert places == sorted(places)


def test_rows_stand_for_a_feature_without_a_frequency_axis(tmp_path: Path) -> None:
    text = page(tmp_path, explanations(1, audible=False)).read_text(encoding="utf-8")
    assert "Relevance for" in text
    assert text.count("<audio") == 1
    assert "Does the run hear it too?" not in text


@pytest.mark.slow
def test_a_page_of_many_sounds_stays_small_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    found = explanations(explanation_page.MOST_CLIPS + 1)
    for each in found[: explanation_page.MOST_CLIPS]:  # as large as those of 30 s
        rng = np.random.default_rng(0)
        each.maps[0].relevance_FN = rng.standard_normal((96, 1292)).astype(np.float32)
        each.maps[0].row_relevance = [0.0] * 96
        each.value_FN = -100 * rng.random((96, 1292)).astype(np.float32)
        each.row_hz = np.geomspace(20, 11_000, 96).tolist()
        each.row_names = [""] * 96
    found[-1].drop_pictures()
    run = RunDir(write_run(tmp_path / "run", config(), clips=20))
    content = explanation_page.content(run, found[-1:], {}, [], "command")
    text = explanation_page.html({**content, "row_hz": None}, found, [])
    assert len(text) < 5_000_000
    assert f"the first {explanation_page.MOST_CLIPS} of {len(found)} sounds" in text


def test_a_picture_is_averaged_over_blocks() -> None:
    value_FN = np.arange(24.0).reshape(4, 6)
    small = explanation_plots.shrink(value_FN, 2, 3)
    assert small.shape == (2, 3)
    assert small[0, 0] == np.mean([0, 1, 6, 7])
    assert explanation_plots.shrink(value_FN, 9, 9).shape == (4, 6)


def test_gaps_between_windows_are_transparent_and_do_not_change_the_levels() -> None:
    value_FN = np.array([[-20.0, 0.0, -50.0], [-30.0, 0.0, -40.0]])
    relevance_FN = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    blank_FN = explanation_plots.blank_gaps(value_FN, relevance_FN)
    assert (blank_FN[:, [0, 2]] == value_FN[:, [0, 2]]).all()
    image = explanation_plots.colours(blank_FN, np.zeros((2, 3)))
    assert image[:, 1, 3].tolist() == [0, 0]
    assert image[0, 0, 3] == pytest.approx(0.6, abs=0.02)


def test_a_sound_like_a_training_clip_is_pointed_out(tmp_path: Path) -> None:
    found = explanations(1, audible=False)
    add_words(found[0])
    assert "may be a training clip" not in page(tmp_path / "a", found).read_text(encoding="utf-8")
    found[0].neighbours["clips"][0]["cosine"] = 0.999
    assert "may be a training clip" in page(tmp_path / "b", found).read_text(encoding="utf-8")


def test_what_no_sound_has_is_said_once(tmp_path: Path) -> None:
    found = explanations(2)
    for each in found:
        each.row_groups = {"sentences": ["There are no groups."]}
    assert page(tmp_path, found).read_text(encoding="utf-8").count("There are no groups.") == 1


def test_a_wrong_prediction_is_named_beside_it(tmp_path: Path) -> None:
    found = explanations(2)
    found[0].predicted, found[1].predicted = "rock", "jazz"
    text = page(tmp_path, found).read_text(encoding="utf-8")
    assert ">1. jazz, heard as rock</a>" in text
    assert text.count(", wrong</td><td>jazz</td>") == 1
    assert explanation_page._of_genre("rock", found[:1]) == "rock, 1 clip, 0 right"
    found[0].genre = None
    assert explanation_page._of_genre("rock", found[:1]) == "rock, 1 clip"


def test_groups_that_do_not_interact_have_one_column(tmp_path: Path) -> None:
    found = explanations(1, audible=False)
    add_words(found[0])
    assert "only together" in page(tmp_path / "a", found).read_text(encoding="utf-8")
    for row in found[0].row_groups["groups"].values():
        row["alone_nats"] = row["without_nats"] = row["share_nats"]
    text = page(tmp_path / "b", found).read_text(encoding="utf-8")
    assert "only together" not in text
    assert "lost without it" not in text


def test_colours_tell_for_from_against_and_level() -> None:
    level_FN = np.array([[0.0, -100.0, -100.0, 0.0]])
    image = explanation_plots.colours(level_FN, np.array([[0.0, 1.0, -1.0, 0.0]]))
    red, blue = image[0, 1], image[0, 2]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert image[0, 0, 3] == pytest.approx(0.6, abs=0.02)
    assert image[0, 1, 3] == 1


def content_of(*methods: dict[str, Any]) -> dict[str, Any]:
    return {"no_map": "", "methods": methods, "listening": {}}


def compared(method: str, verdict: str, random_weights: float = 0.1) -> dict[str, Any]:
    rows = [row(curve, 0.2, (0.1, 0.3), verdict) for curve in ("deletion", "insertion")]
    return {
        "method": method,
        "compared": [*rows, *({**each, "other": "loudest", "verdict": "better"} for each in rows)],
        "correlations": {"random_weights": random_weights, "random_weights_given_input": 0.0, "input": 0.0},
    }


def test_the_first_screen_says_which_maps_can_be_trusted() -> None:
    good, bad = compared("integrated_gradients", "better"), compared("gradcam", "no better")
    first, *others = explanation_text.summary(content_of(good, compared("occlusion", "better"), bad))
    assert first == (
        "The maps by integrated gradients and occlusion show what the model uses: over 20 clips, better than random masks of the same "
        "shape and the loudest values."
    )
    [warning] = others
    assert warning.startswith("Grad-CAM is no better than random masks")
    assert "much the same maps" in " ".join(explanation_text.summary(content_of(compared("occlusion", "better", 0.8))))
    assert not any("show what the model uses:" in line for line in explanation_text.summary(content_of(bad)))


def test_genres_that_are_one_artist_are_warned_about() -> None:
    found = explanations(4)
    assert explanation_text.one_artist(found) == ""
    for each in found:
        each.artist = "Anna"
    assert explanation_text.one_artist(found).startswith("All clips of jazz that are explained here are by one artist:")
    found[0].artist = None
    assert explanation_text.one_artist(found) == ""
    assert explanation_text.one_artist(found[1:2]) == ""


def test_right_predictions_are_counted() -> None:
    found = explanations(3)
    for each, predicted in zip(found, ("jazz", "rock", "jazz"), strict=True):
        each.predicted = predicted
    assert explanation_text.right(found) == "2 of 3 clips are predicted correctly."
    found[1].genre, found[2].genre = None, "rock"
    assert explanation_text.right(found) == "1 of 2 clips is predicted correctly."


def test_the_strongest_band_and_second_are_named() -> None:
    [each] = explanations(1)
    rows, columns = 4, 20
    each.row_hz, each.seconds, each.start_seconds, each.predicted = [100.0, 700.0, 1500.0, 9000.0], 10.0, 30.0, "jazz"
    relevance_FN = np.zeros((rows, columns), np.float32)
    relevance_FN[2, 6], relevance_FN[0, 1] = 0.7, 0.2  # at 3 s and at 0.5 s
    each.maps[0].relevance_FN = relevance_FN
    assert explanation_text.strongest(each) == (
        "What speaks most for jazz, summed over octaves: 1 to 2 kHz (+0.7 nats); summed over seconds: 33 to 34 s (+0.7)."
    )
    each.maps[0].relevance_FN = relevance_FN.mean(axis=1, keepdims=True) + np.zeros_like(relevance_FN)
    assert explanation_text.strongest(each) == "What speaks most for jazz, summed over octaves: 1 to 2 kHz (+0.7 nats)."
    each.maps[0].relevance_FN = -relevance_FN
    assert explanation_text.strongest(each) == "All frequency bands speak against jazz."


def test_rows_without_names_are_not_drawn(tmp_path: Path) -> None:
    found = explanations(1, audible=False)
    named = page(tmp_path / "a", found).read_text(encoding="utf-8")
    found[0].row_names = [f"dimension {k + 1}" for k in range(len(found[0].row_names))]
    nameless = page(tmp_path / "b", found).read_text(encoding="utf-8")
    assert "dimensions of an embedding, without names" in nameless
    assert len(nameless) < len(named)
