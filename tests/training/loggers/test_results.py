"""Tables of results: scores and intervals of genres, order of the clips, names."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from scipy.stats import binomtest
from sklearn.metrics import precision_recall_fscore_support

from src import metrics
from src.training.loggers.results import CLIP_COLUMNS, GENRE_COLUMNS, Results
from src.training.loggers.tensorboard_files import table
from src.training.loggers.wandb_run import spectrogram
from src.training.module import Predictions

GENRES = ["jazz", "rock", "polka \ud800"]  # the last is no valid text
TRUE = torch.tensor([0, 0, 0, 0, 1, 1, 2])
# Predicted: right, right, a doubtful and a sure mistake, right, a mistake, right.
LOGITS = torch.tensor(
    [[2.0, 0, 0], [1, 0, 0], [0, 0.1, 0], [0, 9, 0], [0, 3, 0], [0, 0, 2], [0, 0, 5]], dtype=torch.float64
)


@pytest.fixture
def results() -> Results:
    scores = metrics.score(LOGITS, TRUE, GENRES)
    clips = [SimpleNamespace(name=f"clip {k}") for k in range(len(TRUE))]
    facts = {"temperature": 1.5, "best_epoch": None, "epochs": 4, "parameters": 12, "train_seconds": 1.0}
    data: Any = SimpleNamespace(genres=GENRES, clips=clips)
    return Results({"val": scores, "test": scores, **facts}, Predictions(torch.arange(7), TRUE, LOGITS), data)


def test_rows_of_genres_agree_with_scikit_learn_and_scipy(results: Results) -> None:
    rows = [dict(zip(GENRE_COLUMNS, row, strict=True)) for row in results.genre_rows()]
    predicted = LOGITS.argmax(dim=1)
    precision, recall, f1, support = precision_recall_fscore_support(TRUE, predicted)
    for k, row in enumerate(rows):
        assert (row["precision"], row["recall"], row["f1"]) == pytest.approx((precision[k], recall[k], f1[k]))
        assert row["support"] == support[k]
        right = int(((k == TRUE) & (predicted == k)).sum())
        for name, count in (("recall", int((k == TRUE).sum())), ("precision", int((predicted == k).sum()))):
            interval = binomtest(right, count).proportion_ci(method="wilson")
            assert (row[f"{name}_low"], row[f"{name}_high"]) == pytest.approx((interval.low, interval.high))


def test_mistakes_with_the_highest_confidence_come_first(results: Results) -> None:
    rows = [dict(zip(CLIP_COLUMNS, row, strict=True)) for row in results.clip_rows()]
    assert [row["clip"] for row in rows[:3]] == ["clip 3", "clip 5", "clip 2"]
    assert [row["right"] for row in rows] == [False] * 3 + [True] * 4
    assert len(results.clip_rows(2)) == 2
    assert len(results.clip_rows(mistakes_only=True)) == 3
    for row in rows:
        assert row["probability_of_genre"] <= row["probability"] <= 1
        assert (row["probability_of_genre"] == row["probability"]) == row["right"]


def test_confusion_rows_are_the_pairs_that_occur(results: Results) -> None:
    assert sum(count for *_, count in results.confusion_rows()) == 7
    assert ("jazz", "rock", 2) in results.confusion_rows()
    assert all(count for *_, count in results.confusion_rows())


def test_scores_leave_out_what_is_not_defined_and_names_are_valid_text(results: Results) -> None:
    scores = results.scores()
    assert "best_epoch" not in scores
    assert scores["best/test/accuracy"] == pytest.approx(4 / 7)
    assert scores["best/test/accuracy_low"] < 4 / 7 < scores["best/test/accuracy_high"]
    for name in scores:
        name.encode()
    assert all(isinstance(value, int | float) for value in scores.values())


def test_a_table_in_markdown() -> None:
    text = table(("genre", "recall"), [("a|b", 0.5), ("c", None)])
    assert text == "| genre | recall |\n| --- | --- |\n| a\\|b | 0.500 |\n| c |  |"


@pytest.mark.parametrize("hz", [441.0, 2205.0])
def test_a_tone_is_a_bright_line_at_its_frequency(hz: float) -> None:
    wave_T = torch.sin(2 * torch.pi * hz * torch.arange(22050) / 22050)
    picture_FN = spectrogram(wave_T)
    bins = len(picture_FN)
    brightest = bins - 1 - int(picture_FN[:, 20].argmax())  # high frequencies are on top
    assert brightest * 22050 / 512 == pytest.approx(hz, abs=22050 / 512)
    assert picture_FN.max() == 255


@pytest.mark.parametrize("samples", [0, 1, 300, 512])
def test_silent_and_short_sound_has_a_picture_too(samples: int) -> None:
    assert spectrogram(torch.zeros(samples)).shape[0] == 257
