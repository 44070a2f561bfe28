"""Linear head: comparison with scikit-learn's logistic regression, and settings."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from src.model import Head

CLIPS, ROWS, GENRES = 60, 12, 3


def batches() -> list[tuple[torch.Tensor, torch.Tensor]]:
    random = torch.Generator().manual_seed(0)
    genre_M = torch.arange(CLIPS) % GENRES
    feature_MFN = torch.randn(CLIPS, ROWS, 4, generator=random) + 0.4 * torch.eye(ROWS)[genre_M][:, :, None]
    return list(zip(feature_MFN.split(16), genre_M.split(16), strict=True))


def head(hidden: int = 0, l2: float = 0.01) -> Head:
    torch.manual_seed(0)
    return Head(hidden, 0.3, "relu", l2, rows=ROWS, genres=GENRES)


@pytest.mark.parametrize("l2", [0.1, 0.01])
def test_a_linear_head_starts_as_logistic_regression(l2: float) -> None:
    model = head(l2=l2)
    model.prepare(batches())
    feature_MFN, genre_M = (torch.cat(parts) for parts in zip(*batches(), strict=True))
    reference = LogisticRegression(C=1 / (l2 * CLIPS), tol=1e-8, max_iter=1000).fit(feature_MFN.mean(2), genre_M)
    with torch.no_grad():
        probability_MC = model.eval()(feature_MFN).softmax(1)
    np.testing.assert_allclose(probability_MC, reference.predict_proba(feature_MFN.mean(2)), atol=1e-3)
    assert all(weight.grad is None for weight in model.parameters())


def test_a_head_with_a_hidden_layer_starts_random() -> None:
    model = head(hidden=8)
    before = [weight.clone() for weight in model.parameters()]
    assert model.prepare(batches()) == {}
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert model(batches()[0][0]).shape == (16, GENRES)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"hidden": -1}, "model.hidden is -1: expected 0"), ({"l2": 0.0}, "model.l2 is 0: expected more than 0")],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        head(**settings)  # type: ignore[arg-type]
