"""Scores on another data set, for logits whose scores are counted by hand."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from src.clip import Clip
from src.judging import scores
from src.training.module import Predictions

GENRES = ["jazz", "pop", "rock"]
TRUE = [0, 0, 0, 0, 2, 2]  # four jazz clips, two rock clips; the data set has no pop
# Answers among all genres: jazz, jazz, pop, pop, rock, pop; among jazz and rock: jazz, jazz, jazz, rock, rock, rock.
LOGITS = [[3, 0, 0], [3, 0, 0], [2, 3, 1], [1, 3, 2], [0, 0, 3], [1, 3, 2]]


def data(artists: int) -> Any:
    clips = [Clip(f"{k}.wav", None, GENRES[genre], f"artist {k % artists}") for k, genre in enumerate(TRUE)]  # type: ignore[arg-type]
    return SimpleNamespace(clips=clips, genres=GENRES)


PREDICTIONS = Predictions(torch.arange(6), torch.tensor(TRUE), torch.tensor(LOGITS, dtype=torch.float32))


def test_over_all_genres_an_answer_that_no_clip_has_is_wrong() -> None:
    result = scores.over_all_genres(PREDICTIONS, 1.0, data(6))
    assert result["accuracy"] == pytest.approx(3 / 6)
    assert result["recall_macro"] == pytest.approx((2 / 4 + 1 / 2) / 2)
    assert result["precision_macro"] == pytest.approx(1)
    assert result["f1_macro"] == pytest.approx((2 * 2 / (4 + 2) + 2 * 1 / (2 + 1)) / 2)
    assert result["genres"]["pop"] == {
        "recall": None,
        "precision": None,
        "f1": None,
        "accuracy_one_vs_rest": pytest.approx(3 / 6),
        "support": 0,
    }


def test_over_common_genres_the_answer_is_one_of_them() -> None:
    result = scores.over_common_genres(PREDICTIONS, 1.0, data(6))
    assert result is not None
    assert list(result["genres"]) == ["jazz", "rock"]
    assert result["accuracy"] == pytest.approx(5 / 6)
    assert result["recall_macro"] == pytest.approx((3 / 4 + 1) / 2)


def test_one_common_genre_has_no_second_score() -> None:
    jazz = Predictions(*(tensor[:4] for tensor in PREDICTIONS))
    assert scores.over_common_genres(jazz, 1.0, data(6)) is None
    assert scores.over_all_genres(jazz, 1.0, data(6))["recall_macro"] == pytest.approx(2 / 4)


def test_the_interval_of_the_macro_recall_contains_it_and_draws_artists() -> None:
    low, high = scores.recall_macro_interval(PREDICTIONS, data(6))
    assert 0 <= low < 0.5 < high <= 1
    # With one artist, every resample is the same.
    assert scores.recall_macro_interval(PREDICTIONS, data(1)) == pytest.approx([0.5, 0.5])
