"""Permutation importance for models that read known rows, and against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator
from sklearn.inspection import permutation_importance

from src.explanation.permutation import ALL_ROWS, importances
from src.explanation.row_groups import RowGroup
from tests.explanation.known_models import known_model

CLIPS = 200
GROUPS = [RowGroup("timbre", (0, 1)), RowGroup("rhythm", (2,))]


def clips() -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs (K, 1, 3, 1), and the genres that row 0 decides: jazz (0) above 0."""
    value_KF = torch.randn(CLIPS, 3, generator=torch.Generator().manual_seed(1))
    return value_KF[:, None, :, None], (value_KF[:, 0] <= 0).long()


def test_a_model_loses_half_of_its_answers_without_the_row_that_it_reads_and_none_without_another() -> None:
    value_KSFN, genre_K = clips()
    model = known_model(lambda row_BF: 5 * row_BF[:, 0], [0.0] * 3)
    timbre, rhythm, everything = importances(model, value_KSFN, genre_K, GROUPS, [None] * CLIPS)
    assert (rhythm.accuracy_drop.mean, rhythm.nll_rise.mean, rhythm.repeat_deviation) == (0, 0, 0)
    assert timbre.accuracy_drop.interval is not None
    assert timbre.accuracy_drop.interval[0] > 0.4
    assert timbre.accuracy_drop.mean == pytest.approx(0.5, abs=0.03)
    assert everything.name == ALL_ROWS
    assert everything.accuracy_drop.mean == timbre.accuracy_drop.mean  # the same clips are exchanged
    assert [each.rows for each in (timbre, rhythm, everything)] == [2, 1, 3]


def test_the_drop_equals_that_of_scikit_learn() -> None:
    value_KSFN, genre_K = clips()
    weight_F = torch.tensor([2.0, 1.0, 1.5])
    model = known_model(lambda row_BF: row_BF @ weight_F, [0.0] * 3)
    groups = [RowGroup(str(row), (row,)) for row in range(3)]
    ours = importances(model, value_KSFN, genre_K, groups, [None] * CLIPS, repeats=50)

    class Estimator(BaseEstimator):  # type: ignore[misc]
        def fit(self, x: object, y: object) -> None: ...

        def score(self, x_KF: "np.ndarray[tuple[int, int], np.dtype[np.float32]]", y_K: object) -> float:
            return float(np.mean((x_KF @ weight_F.numpy() <= 0) == y_K))

    theirs = permutation_importance(
        Estimator(), value_KSFN[:, 0, :, 0].numpy(), genre_K.numpy(), n_repeats=50, random_state=0
    )
    assert [each.accuracy_drop.mean for each in ours[:3]] == pytest.approx(theirs.importances_mean.tolist(), abs=0.015)


def test_a_group_moves_as_a_whole() -> None:
    value_KSFN = clips()[0].clone()
    value_KSFN[:, :, 1] = value_KSFN[:, :, 0]
    # Right only while rows 0 and 1 come from the same clip: a permutation of the group keeps this.
    model = known_model(lambda row_BF: 1 - 100 * (row_BF[:, 0] - row_BF[:, 1]).abs(), [0.0] * 3)
    together = importances(model, value_KSFN, torch.zeros(CLIPS).long(), GROUPS, [None] * CLIPS)
    apart = importances(
        model, value_KSFN, torch.zeros(CLIPS).long(), [RowGroup("a", (0,)), RowGroup("b", (1, 2))], [None] * CLIPS
    )
    assert together[0].accuracy_drop.mean == 0
    assert apart[0].accuracy_drop.mean > 0.9


def test_intervals_are_over_artists_if_they_are_known_and_many() -> None:
    value_KSFN, genre_K = clips()
    model = known_model(lambda row_BF: row_BF[:, 0], [0.0] * 3)
    by = {
        name: importances(model, value_KSFN, genre_K, GROUPS, artists, repeats=2)[0].accuracy_drop.by
        for name, artists in {
            "many": [str(k % 10) for k in range(CLIPS)],
            "few": [str(k % 9) for k in range(CLIPS)],
            "unknown": [None, *map(str, range(CLIPS - 1))],
        }.items()
    }
    assert by == {"many": "artists", "few": "clips", "unknown": "clips"}


def test_one_clip_is_refused() -> None:
    value_KSFN, genre_K = clips()
    model = known_model(lambda row_BF: row_BF[:, 0], [0.0] * 3)
    with pytest.raises(ValueError, match="1 clip: a permutation needs two clips or more"):
        importances(model, value_KSFN[:1], genre_K[:1], GROUPS, [None])
