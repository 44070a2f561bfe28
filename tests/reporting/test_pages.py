"""The page and the Markdown of one run: their content, and escaping of text from the data."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src import formatting, rundir
from src.evaluation import run_analysis, run_names
from src.metrics import calibration
from src.reporting import cards, render, run_page, run_summary, run_text
from src.rundir import RunDir, extras
from tests.reporting.sweeps import set_validation
from tests.rundirs import GENRES, config, write_embedding, write_run, write_sounds

VOID = {"meta", "br", "wbr", "img", "hr", "link", "input"}


class Page(HTMLParser):
    """A strict HTML parser: every tag must close the last open one; it collects text, links and tags, without our script."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.links: list[str] = []
        self.tags: set[str] = set()
        self.feed(text.replace(f"<script>{render._script()[0]}</script>", "").replace("<wbr>", ""))
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [
            value or "" for name, value in attrs if name in ("href", "src") and not (value or "").startswith("#")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())


def test_page_has_the_result_of_the_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config())
    written = run_page.write(run)
    assert written == run / "report.html"
    text = written.read_text(encoding="utf-8")
    shown = Page(text)
    scores = RunDir(run).metrics["test"]
    low, high = scores["accuracy_interval"]
    assert (
        f"The hybrid on mel recognizes {100 * scores['accuracy']:.0f} % of 160 test clips of composer by 80 artists "
        f"unseen in training (95 % interval {100 * low:.0f} to {100 * high:.0f} %); synthetic music."
    ) in shown.text
    assert "always blues, as frequent in training as 9 other genres; 10 % by guessing" in shown.text
    assert "clips of one artist are not, so the true interval is wider" in shown.text
    for genre, row in scores["genres"].items():
        assert re.search(
            rf"{genre} {100 * row['recall']:.1f} [0-9.]+ to [0-9.]+ {100 * row['precision']:.1f} [0-9.]+ 16", shown.text
        )
    assert (
        "composer (synthetic music), test set: 160 clips of 80 artists; split holdout, seed 0, grouped by artist"
        in shown.text
    )
    assert "the scores are those of epoch 8" in shown.text
    assert "No artist is in more than one set." in shown.text
    assert "jazz/00054.wav not readable as audio" in shown.text
    assert "python -m src.train model=hybrid feature=mel" in shown.text
    assert "_target_: src.model.Hybrid" in shown.text
    assert "git commit 0f1e2d3c, with uncommitted changes" in shown.text
    assert "hardware machine x86_64, cores 2 threads 2" in shown.text
    assert "identity config 0123, data 4567, source 89ab" in shown.text
    assert "training time 12 min 34 s" in shown.text
    assert "http" not in text.replace("http-equiv", "")
    assert shown.links == []
    assert text.count("<svg") == 10  # five figures, each for a wide and for a narrow place
    assert not list(run.glob(".*"))  # no incomplete page remains


def test_names_from_data_are_escaped(tmp_path: Path) -> None:
    evil = ["<b>", "rock & roll", '"><script>alert(1)</script>', "a|b"]
    run = write_run(tmp_path / "<i>run", config(), genres=evil)
    text = run_page.write(run).read_text(encoding="utf-8")
    shown = Page(text)
    assert "script" not in shown.tags
    assert "<b> (40)" not in shown.tags
    assert "genre recall % 95 % interval precision % F1 % test clips accuracy one-vs-rest % <b> " in shown.text
    assert all(each.clip in shown.text for each in run_analysis.clip_predictions(RunDir(run))[:10])
    row = next(line for line in run_page.markdown(RunDir(run)).splitlines() if line.startswith(r"| a\|b"))
    assert row.replace(r"\|", "").count("|") == 8


def test_cards_say_the_score_its_floor_and_what_is_doubtful(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "run", config()))
    cards = run_summary.page_cards(run)
    assert [card.label for card in cards[:3]] == ["accuracy over all test clips", "macro F1", "floor"]
    scores = run.metrics["test"]
    assert cards[0].value == f"{100 * scores['accuracy']:.0f} %"
    assert cards[0].note.startswith("95 % interval ")
    assert not cards[0].doubtful
    assert cards[2].value == "10 %"
    assert cards[3].doubtful  # synthetic music
    poor = RunDir(write_run(tmp_path / "poor", config(), skill=0.0))
    assert run_summary.page_cards(poor)[0].doubtful
    assert "It includes the floor" in run_summary.page_cards(poor)[0].note
    leak = RunDir(write_run(tmp_path / "leak", config(), shared={"artists": ["a"], "tracks": [], "audio": []}))
    assert run_summary.page_cards(leak)[0].note.endswith("Training and test share 1 artist: too high for new music")
    assert run_summary.doubts(leak)[0].startswith("Training, validation and test share 1 artist")


def test_few_test_clips_of_a_genre_are_doubtful_and_folds_are_advised(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "run", config(), clips=20, synthetic=False))
    assert any(line.startswith("Fewer than 10 test clips in 10 genres (blues, ") for line in run_summary.doubts(run))
    assert any(step.command.endswith("sweep=folds") for step in run_summary.next_steps(run))
    fold = RunDir(write_run(tmp_path / "fold", config(fold=0), synthetic=False))
    assert any(step.command == "… sweep=folds split.folds=4" for step in run_summary.next_steps(fold))


def test_warnings_that_say_the_same_of_several_genres_are_one_sentence() -> None:
    warnings = [
        f"{genre} has training clips of one artist only, X: a model may learn the artist, not the genre."
        for genre in "ab"
    ]
    assert run_summary.together([*warnings, "Other."]) == [
        "2 genres (a, b) have training clips of one artist only: a model may learn the artist, not the genre.",
        "Other.",
    ]
    assert run_summary.together([warnings[0], "Other."]) == [warnings[0], "Other."]


def test_the_page_of_a_run_with_sounds_and_an_embedding(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config())
    write_embedding(run, umap=True)
    names = write_sounds(run)
    text = run_page.write(run).read_text(encoding="utf-8")
    shown = Page(text)
    assert sorted({link for link in shown.links if not link.startswith("data:")}) == [
        f"sounds/{number:03}.ogg" for number in range(4)
    ]
    assert sum(link.startswith("data:image/png;base64,") for link in shown.links) == 4
    assert f"{names[0]}, 5 to 6 s; by " in shown.text
    assert " has no sound here: no such file." in shown.text
    assert "2 clips more had no room" in shown.text
    assert text.count('data-genre="') == 2 * 160  # two maps
    assert re.search(r"Trustworthiness [01]\.\d\d of 1", shown.text)
    assert "Distances between clusters mean nothing." in shown.text
    assert "The components were fitted on 100 training clips (80 % of their variance in 8 components)" in shown.text


def test_the_page_of_an_older_run_says_what_is_missing(tmp_path: Path) -> None:
    shown = Page(run_page.write(write_run(tmp_path / "run", config())).read_text(encoding="utf-8"))
    assert "The map is missing: the run has no embedding.npz, as it was made with an earlier version" in shown.text
    assert "This page has no sounds: the run is a job of a sweep, " in shown.text
    for missing in ("Listen to find out", "the player plays", "folder sounds", "has a sound"):
        assert missing not in shown.text
    tags = Page(run_page.write(write_run(tmp_path / "tags", config(model="Tags"))).read_text(encoding="utf-8"))
    assert "The model tags computes nothing between the feature and its prediction" in tags.text


def test_a_broken_embedding_costs_the_map_only(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config())
    (run / extras.EMBEDDING).write_bytes(b"no zip")
    (run / extras.SOUNDS).mkdir()
    (run / extras.SOUNDS / extras.SOUNDS_LIST).write_text('{"clips": [{"clip": 3}]}', encoding="utf-8")
    shown = Page(run_page.write(run).read_text(encoding="utf-8"))
    assert "embedding.npz cannot be read" in shown.text
    assert "sounds cannot be read" in shown.text
    assert "The hybrid on mel recognizes" in shown.text


def test_markdown_of_a_run(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "run", config(), clips=8, genres=["jazz", "rock"], skill=20))
    text = run_page.markdown(run)
    assert text.startswith(
        "# hybrid on mel, composer\n\nThe hybrid on mel recognizes 100 % of 8 test clips of composer by 4 artists "
        "unseen in training (95 % interval 68 to 100 %); synthetic music.\n"
    )
    assert (
        "composer (synthetic music), test set: 8 clips of 4 artists; split holdout, seed 0, grouped by artist; "
        "shares in percent; the interval is Wilson's 95 % interval of recall.\n\n"
        "| genre | clips | recall | 95 % interval | precision | F1 | accuracy one-vs-rest |\n"
        "|---|---:|---:|---:|---:|---:|---:|\n"
        "| jazz | 4 | 100.0 | 51.0 to 100.0 | 100.0 | 100.0 | 100.0 |\n"
        "| rock | 4 | 100.0 | 51.0 to 100.0 | 100.0 | 100.0 | 100.0 |\n"
        "| macro average | 8 | 100.0 | | 100.0 | 100.0 | |\n"
    ) in text
    assert "No test clip was predicted as another genre." in text


def test_a_leak_is_in_the_first_sentence(tmp_path: Path) -> None:
    shared: dict[str, list[Any]] = {
        "artists": [f"artist {k}" for k in range(12)],
        "tracks": [],
        "audio": [["a.ogg", "b.ogg"]],
    }
    run = RunDir(write_run(tmp_path / "run", config(), shared=shared, synthetic=False))
    first = run_text.describe_result(run)[0]
    assert (
        "that it may have memorized, as training, validation and test share 12 artists and 1 group of identical clips"
        in first
    )
    assert "unseen" not in first
    assert "synthetic" not in first
    sentences = " ".join(run_text.describe_split(run))
    assert "In more than one set: 12 artists (artist 0, " in sentences
    assert "artist 9 and 2 more)" in sentences
    assert "Byte-identical audio in more than one set: a.ogg = b.ogg." in sentences
    assert "split.allow_leak is true" in sentences


def test_unknown_artists_are_not_called_unseen(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "run", config(), artists_known=False))
    assert (
        "held out by clip; not all artists are known, so some may be in its training clips"
        in run_text.describe_result(run)[0]
    )
    assert "The sets may share artists: the artists of some clips are unknown." in run_text.describe_split(run)
    assert "160 clips whose artists are not all known" in Page(run_page.html(run)).text


def test_a_pretrained_front_end_weakens_the_claim_about_artists(tmp_path: Path) -> None:
    warning = "The front end was trained on MSD; its artists may be in the test set."
    run = RunDir(write_run(tmp_path / "run", config(), warnings=[warning]))
    assert "by 80 artists absent from its training clips" in run_text.describe_result(run)[0]
    assert warning in Page(run_page.html(run)).text


def test_a_model_no_better_than_the_majority_baseline_is_called_so(tmp_path: Path) -> None:
    good = run_text.describe_result(RunDir(write_run(tmp_path / "good", config(), skill=3)))
    chance = run_text.describe_result(RunDir(write_run(tmp_path / "chance", config(), skill=0)))
    assert "160 clips do not show that the model is better than that." in chance[1]
    assert "do not show" not in good[1]


def test_confusions_and_mistakes_start_with_the_worst(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "run", config()))
    genres, counts = run.confusion
    assert genres == GENRES
    worst = max(counts[i, j] for i in range(10) for j in range(10) if i != j)
    assert run_text.describe_confusions(run)[0].startswith(f"{worst} of 16 ")
    predictions = run_analysis.clip_predictions(run)
    assert len(predictions) == 160
    mistakes = [each for each in predictions if not each.correct]
    assert mistakes == predictions[: len(mistakes)]  # before the correct ones
    assert all(mistake.probability >= mistake.probability_true for mistake in mistakes)
    assert all(mistake.true in dict(mistake.likeliest) for mistake in mistakes)
    assert {len(mistake.likeliest) for mistake in mistakes} == {3, 4}
    assert [mistake.probability for mistake in mistakes] == sorted((m.probability for m in mistakes), reverse=True)


def test_confusions_with_as_many_clips_are_not_called_the_worst(tmp_path: Path) -> None:
    genres = ["blues", "jazz", "rock"]
    pairs = run_analysis.confusions(genres, np.array([[5, 2, 0], [1, 5, 0], [0, 2, 5]]))
    assert [(pair.true, pair.predicted, pair.clips, pair.support) for pair in pairs] == [
        *[("blues", "jazz", 2, 7), ("rock", "jazz", 2, 7)],
        ("jazz", "blues", 1, 6),
    ]
    card = cards.confusion(pairs)
    assert card == (
        "most frequent confusion",
        "2 pairs",
        "equally frequent, 2 clips each: blues → jazz, rock → jazz",
        False,
    )
    assert cards.confusion(pairs[:1]) == ("most frequent confusion", "blues → jazz", "2 of 7 blues clips", False)
    assert cards.confusion([]) is None
    run = RunDir(write_run(tmp_path / "run", config(), clips=20, skill=0.5))
    lines = run_text.describe_confusions(run)
    count = len(run_analysis.confusions(*run.confusion))
    assert len(lines) == run_text.MOST_CONFUSIONS + 1
    others = count - run_text.MOST_CONFUSIONS  # all of one clip
    assert lines[-1] == f"{others} other pairs of genres are as frequent as the last one above: see the matrix."


def test_other_confusions_of_which_some_are_as_frequent_are_counted(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config(), clips=20)
    clips = {(i, j): 0 for i in range(10) for j in range(10)} | {(k, k + 1): 2 for k in range(7)} | {(8, 9): 1}
    rows = [["genre", *GENRES], *([genre, *(str(clips[i, j]) for j in range(10))] for i, genre in enumerate(GENRES))]
    (run / rundir.CONFUSION).write_text("\n".join(map(",".join, rows)) + "\n", encoding="utf-8")
    last = run_text.describe_confusions(RunDir(run))[-1]
    assert last == "3 other pairs of genres, 2 of them as frequent as the last one above: see the matrix."


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.105, "11 %"), (0.225, "23 %"), (0.2249, "22 %"), (0.996, "99.6 %"), (1.0, "100 %"), (0.0, "0 %")],
)
def test_whole_percents_round_a_half_up_as_tables_are_read(share: float, text: str) -> None:
    assert formatting.percent(share) == text


def test_genres_that_are_equally_frequent_in_training_are_counted(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config(), clips=20)
    assert run_analysis.majority_baseline(RunDir(run)) == ("blues", 0.1, 10)
    assert "always blues, as frequent in training as 9 other genres" in run_summary.page_cards(RunDir(run))[2].note
    with (run / rundir.SPLIT).open("a", encoding="utf-8") as file:
        file.write("more.ogg,rock,,,train\n")
    assert run_analysis.majority_baseline(RunDir(run)) == ("rock", 0.1, 1)
    assert (
        "always rock, the most frequent genre in training; 10 % by guessing"
        in run_summary.page_cards(RunDir(run))[2].note
    )


@pytest.mark.parametrize(
    ("val_f1", "val_accuracy", "clips", "doubt"),
    [
        (0.55, 0.55, 160, ""),
        (0.75, 0.75, 160, "is 25 points above that of the test clips (50 %), more than chance explains: the model may"),
        (
            0.25,
            0.25,
            160,
            "is 25 points below that of the test clips (50 %), more than chance explains: the test clips",
        ),
        (0.65, 0.65, 20, "with 20 validation clips and 20 test clips, this may be chance"),
    ],
)
def test_validation_and_test_scores_that_are_far_apart_are_doubtful(
    val_f1: float, val_accuracy: float, clips: int, doubt: str
) -> None:
    genres = {"jazz": {"support": clips}}
    val = {"f1_macro": val_f1, "accuracy": val_accuracy, "clips": clips, "genres": genres}
    test = {"f1_macro": 0.5, "accuracy": 0.5, "clips": clips, "genres": genres}
    sentence = cards.validation_gap(val_f1, [val], test)
    assert bool(sentence) == bool(doubt)
    assert doubt in sentence
    scores = {**test, "accuracy_interval": [0.4, 0.6]}
    card = cards.accuracy(scores, 0.1, [], sentence)
    assert card.doubtful == bool(doubt)
    assert card.note == "95 % interval 40 to 60 %" + (". Far from the validation score" if doubt else "")


def test_the_gap_is_among_the_doubts_of_a_run(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config())
    set_validation(run, 0.99)
    gap = run_summary.validation_gap(RunDir(run))
    assert gap.startswith("The validation macro F1 (99 %) is ")
    assert gap in run_summary.doubts(RunDir(run))
    assert run_summary.page_cards(RunDir(run))[0].doubtful


def test_a_score_on_few_clips_of_most_genres_is_doubtful_and_a_poor_one_too(tmp_path: Path) -> None:
    few = RunDir(write_run(tmp_path / "few", config(), clips=20, skill=9))
    assert run_summary.page_cards(few)[1].note == "mean over 10 genres; 10 of them with fewer than 10 test clips"
    assert [card.doubtful for card in run_summary.page_cards(few)[:2]] == [False, True]
    poor = RunDir(write_run(tmp_path / "poor", config(), skill=0.0))
    assert any("do not show that the model is better" in line for line in run_summary.doubts(poor))
    assert not run_summary.page_cards(poor)[1].doubtful


def test_a_model_without_trained_parameters_says_so(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config(model="Svm"), clips=20)
    content = json.loads((run / rundir.METRICS).read_text()) | {"parameters": 0}
    (run / rundir.METRICS).write_text(json.dumps(content))
    assert "trained parameters none: the model is fitted in one step" in Page(run_page.html(RunDir(run))).text


def test_a_fitted_model_has_no_curves(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config(model="Svm"))
    (run / rundir.HISTORY).unlink()
    content = json.loads((run / rundir.METRICS).read_text()) | {"epochs": 0, "best_epoch": None}
    (run / rundir.METRICS).write_text(json.dumps(content))
    text = run_page.html(RunDir(run))
    assert "This model is fitted in one step, without epochs." in Page(text).text
    assert text.count("<svg") == 8
    assert "used to select the epoch" not in Page(text).text


def test_scores_before_and_after_calibration_are_shown(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "run", config(), temperature=3.0))
    scores = run.metrics["test"]
    shown = Page(run_page.html(run)).text
    assert (
        "logits are divided by a temperature of 3, fitted on the 160 validation clips, where the model was overconfident."
        in shown
    )
    assert (
        f"On the 160 test clips, NLL is {scores['nll']:.2f} nats ({scores['nll_uncalibrated']:.2f} before calibration) "
        f"and ECE {100 * scores['ece']:.1f} % ({100 * scores['ece_uncalibrated']:.1f} % before)"
    ) in shown
    assert "the validation loss of the learning curves is not calibrated" in shown
    worse = calibration.worsened(scores)
    assert ("The validation clips were also used to select the epoch" in shown) == (
        not worse
    )  # or the next one contradicts it
    assert ("Calibration made the probabilities" in shown) == bool(worse)
    assert ("were rescaled, which made them worse on the test clips" in shown) == bool(worse)
    assert ("The probabilities are calibrated" in shown) != bool(worse)
    assert (
        "the model was not overconfident"
        in run_page.calibration_lines(
            RunDir(write_run(tmp_path / "underconfident", config(trainer__keep="last"), temperature=0.5))
        )[0]
    )
    assert "used to select the epoch" not in run_page.markdown(RunDir(tmp_path / "underconfident"))


def test_the_highest_temperature_is_explained(tmp_path: Path) -> None:
    lines = run_page.calibration_lines(RunDir(write_run(tmp_path / "run", config(), temperature=100.0)))
    assert lines[-1].startswith("It is the highest temperature allowed: ")


@pytest.mark.parametrize(
    ("power", "finding"),
    [
        (0.2, "The model is too cautious on average: "),
        (5.0, "The model is too confident on average: "),
        (None, "The confidence of the model is about right on average: "),
    ],
)
def test_the_direction_of_calibration_is_said(tmp_path: Path, power: float | None, finding: str) -> None:
    run = RunDir(write_run(tmp_path / "run", config()))
    probability_KC = run.predictions.probability_KC
    if power is None:
        probability_KC[:] = (1 - run.metrics["test"]["accuracy"]) / 9
        probability_KC[:, 0] = run.metrics["test"]["accuracy"]
    else:
        probability_KC[:] = probability_KC**power / (probability_KC**power).sum(axis=1, keepdims=True)
    assert any(line.startswith(finding) for line in run_page.calibration_lines(run))


def test_bins_before_calibration_are_computed_from_the_predictions_file(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "run", config(), temperature=2.0))
    for bins, key in zip(run_analysis.reliability_bins(run), ("ece", "ece_uncalibrated"), strict=True):
        error = sum(abs(each.correct - each.clips * each.mean_probability) for each in bins) / 160
        assert error == pytest.approx(run.metrics["test"][key], abs=1e-4)  # six digits are written


def test_a_run_from_before_calibration_is_still_rendered(tmp_path: Path) -> None:
    run = RunDir(write_run(tmp_path / "run", config(), temperature=None))
    assert run.metrics["temperature"] is None
    assert run.metrics["val"]["nll_uncalibrated"] is run.metrics["test"]["ece_uncalibrated"] is None
    text = run_page.write(run.path).read_text(encoding="utf-8")
    assert "The probabilities are not calibrated: the run was made with an earlier version" in Page(text).text
    assert text.count("<svg") == 10  # five figures, each for a wide and for a narrow place


def test_an_infinite_nll_is_not_available(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config())
    content = json.loads((run / rundir.METRICS).read_text())
    content["test"] |= {"nll": None, "nll_uncalibrated": None}
    (run / rundir.METRICS).write_text(json.dumps(content))
    assert "NLL is n/a nats (n/a before calibration)" in Page(run_page.html(RunDir(run))).text


def test_combined_features_are_joined_in_the_name() -> None:
    parts = {
        "_target_": "src.feature.Combined",
        "parts": {"mfcc": {"_target_": "src.feature.Mfcc"}, "x": {"_target_": "src.feature.Chroma"}},
    }
    assert run_names.choice_name({"feature": parts}, "feature") == "mfcc + chroma"


def test_a_model_is_named_as_it_was_chosen_and_by_its_class_if_that_is_not_stored(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", config(model="Rnn"))
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    stored = {**environment, "choices": {"model": "gru", "feature": "all"}}
    (run / "environment.json").write_text(json.dumps(stored), encoding="utf-8")
    assert (run_names.chosen(RunDir(run), "model"), run_names.chosen(RunDir(run), "feature")) == ("gru", "all")
    (run / "environment.json").unlink()
    assert run_names.chosen(RunDir(run), "model") == "rnn"


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (rundir.METRICS, "{", "is not JSON"),
        (rundir.METRICS, "[]", "contains a list, expected an object"),
        (rundir.METRICS, '{"schema": 3}', "has schema 3, expected 2"),
        (rundir.METRICS, '{"schema": 1, "val": null, "test": {}}', "lacks train_seconds, .*test.clips"),
        (rundir.CONFIG, "a: [", "cannot be read as a config"),
        (rundir.CONFIG, "a: ${nothing}", "cannot be read as a config"),
        (rundir.CONFIG, "[1]", "contains a list, expected a mapping"),
        (rundir.PREDICTIONS, "clip,genre\n", "lacks the columns artist, predicted"),
        (rundir.PREDICTIONS, "clip,artist,genre,predicted,p_jazz\n", "has no rows"),
        (rundir.PREDICTIONS, "clip,artist,genre,predicted,p_jazz\na,b,jazz\n", "line 2: expected 5 fields"),
        (rundir.PREDICTIONS, "clip,artist,genre,predicted,p_jazz\na,b,jazz,jazz,x\n", "line 2: 'x' is not a number"),
        (rundir.PREDICTIONS, "clip,artist,genre,predicted,p_jazz\na,b,rock,jazz,1\n", "'rock', predicted 'jazz', but"),
        (rundir.CONFUSION, "genre,jazz,rock\njazz,1,2\n", "not the same genres"),
        (rundir.HISTORY, "epoch\n1\n", "lacks the columns train_loss"),
        (rundir.SPLIT, "clip,genre,artist,track,side\na,jazz,,,test\n", "lists no training clips"),
        (rundir.SPLIT, None, "has no split.csv"),
        (rundir.METRICS, None, "has no metrics.json: its run has not finished"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, file: str, content: str | None, message: str) -> None:
    run = write_run(tmp_path / "run", config(), clips=20)
    (run / file).unlink()
    if content is not None:
        (run / file).write_text(content)
    with pytest.raises(ValueError, match=message):
        run_page.write(run)
    assert not (run / rundir.REPORT).exists()
