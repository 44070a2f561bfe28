"""model=few: comparison with scikit-learn, the choice of the method, inner folds, checkpoints and bad input."""

import io

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor

from src.model.few import LARGEST, PENALTIES, Few, best_penalty, inner_folds, training_shortage

ROWS, SEGMENTS = 6, 4
NAMES = ("folk", "jazz", "rock")


def _music(
    artists: int, clips_each: int, genres: int = 3, spread: float = 1.0, seed: int = 0
) -> tuple[Tensor, Tensor, list[str]]:
    """Segments (M, F, 1) of clips whose artists differ, the genre of each segment, and the artist of each clip."""
    random = torch.Generator().manual_seed(seed)
    centre_CF = 2 * torch.randn(genres, ROWS, generator=random)
    segments, genre_M, artist_K = [], [], []
    for genre in range(genres):
        for artist in range(artists):
            style_F = centre_CF[genre] + spread * torch.randn(ROWS, generator=random)
            for _ in range(clips_each):
                clip_F = style_F + 0.5 * torch.randn(ROWS, generator=random)
                segments.append(clip_F + 0.3 * torch.randn(SEGMENTS, ROWS, generator=random))
                genre_M += [genre] * SEGMENTS
                artist_K.append(f"{genre} {artist}")
    return torch.cat(segments)[:, :, None], torch.tensor(genre_M), artist_K


def _fitted(feature_MFN: Tensor, genre_M: Tensor, artist_K: list[str] | None, genres: int = 3) -> Few:
    model = Few(rows=ROWS, genres=genres, genre_names=NAMES[:genres])
    model.group_of_clip = artist_K
    model.prepare(list(zip(feature_MFN.split(SEGMENTS * 3), genre_M.split(SEGMENTS * 3), strict=True)))
    return model


def _clips(model: Few, feature_MFN: Tensor) -> np.ndarray:
    """The standardized means of the clips (K, E)."""
    return model.embed(feature_MFN).double().unflatten(0, (-1, SEGMENTS)).mean(1).numpy()


def test_few_clips_give_the_cosines_with_the_means_of_the_genres() -> None:
    feature_MFN, genre_M, artist_K = _music(artists=2, clips_each=2)
    model = _fitted(feature_MFN, genre_M, artist_K)
    new_BFN = _music(artists=3, clips_each=2, seed=1)[0]
    x_KE, genre_K = _clips(model, feature_MFN), genre_M[::SEGMENTS].numpy()
    mean_GE = np.stack([x_KE[genre_K == g].mean(axis=0) for g in range(3)])
    expected = 8 * cosine_similarity(model.embed(new_BFN).numpy(), mean_GE)
    torch.testing.assert_close(
        model(new_BFN), torch.from_numpy(expected).log_softmax(1), atol=1e-4, rtol=0, check_dtype=False
    )
    assert model.fitted == "nearest mean by cosine, because folk has 4 training clips, fewer than 5"


@pytest.mark.parametrize("genres", [2, 3])
def test_enough_clips_give_scikit_learns_logistic_regression(genres: int) -> None:
    feature_MFN, genre_M, artist_K = _music(artists=4, clips_each=2, genres=genres)
    model = _fitted(feature_MFN, genre_M, artist_K, genres)
    x_KE, genre_K = _clips(model, feature_MFN), genre_M[::SEGMENTS].numpy()
    losses = []
    for c in PENALTIES:
        held_out = np.zeros((len(genre_K), genres))
        for fitted, tested in StratifiedGroupKFold(4).split(x_KE, genre_K, artist_K):
            machine = LogisticRegression(C=c, max_iter=1000).fit(x_KE[fitted], genre_K[fitted])
            held_out[tested] = machine.predict_proba(x_KE[tested])
        clips = len(genre_K)
        target_KG = np.full((clips, genres), 1 / (clips + 2) / (genres - 1))
        target_KG[np.arange(clips), genre_K] = (clips + 1) / (clips + 2)
        losses.append(-(target_KG * np.log(held_out)).sum(axis=1).mean())
    best = PENALTIES[int(np.argmin(losses))]
    assert 0 < losses.index(min(losses)) < len(PENALTIES) - 1  # neither end, so the choice is one
    assert float(model.c_1) == pytest.approx(best)
    assert model.fitted is not None
    assert model.fitted.startswith(f"logistic regression with C = {best:.3g}, chosen by 4 inner folds")
    machine = LogisticRegression(C=best, max_iter=1000).fit(x_KE, genre_K)
    new_BFN = _music(artists=3, clips_each=2, genres=genres, seed=1)[0]
    expected = machine.predict_proba(model.embed(new_BFN).double().numpy())
    assert np.abs(model(new_BFN).exp().numpy() - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("artists", "clips_each", "method", "reason"),
    [
        (1, 1, "nearest mean", "folk has 1 training clip, fewer than 5"),
        (4, 1, "nearest mean", "folk has 4 training clips, fewer than 5"),
        (2, 10, "nearest mean", "folk has training clips of 2 artists, fewer than 3"),
        (3, 2, "logistic regression", "chosen by 3 inner folds"),
        (5, 1, "logistic regression", "chosen by 5 inner folds"),
        (8, 2, "logistic regression", "chosen by 5 inner folds"),
    ],
)
def test_clips_and_artists_choose_the_method(artists: int, clips_each: int, method: str, reason: str) -> None:
    model = _fitted(*_music(artists, clips_each))
    assert model.fitted is not None
    assert model.fitted.startswith(method)
    assert reason in model.fitted
    assert bool(model.cosine_1) == (method == "nearest mean")
    assert bool(model.c_1 > 0) == (method == "logistic regression")


def test_the_scarcest_genre_decides() -> None:
    genre_K, artist_K = np.array([0] * 9 + [1] * 5), np.arange(14) // 2
    assert training_shortage(["folk", "jazz"], genre_K, artist_K) is None  # jazz has clips of artists 4, 5 and 6
    assert (
        training_shortage(["folk", "jazz"], genre_K, artist_K // 2 * 2)
        == "jazz has training clips of 2 artists, fewer than 3"
    )
    assert training_shortage(["folk", "jazz"], genre_K[:-1], artist_K[:-1]) == "jazz has 4 training clips, fewer than 5"


def test_inner_folds_divide_no_artist_and_hold_out_each_clip_once() -> None:
    random = np.random.default_rng(0)
    artist_K = random.integers(9, size=60)
    genre_K = artist_K % 3
    folds = inner_folds(genre_K, artist_K)
    assert len(folds) == 3
    for fitted, held_out in folds:
        assert not set(artist_K[fitted]) & set(artist_K[held_out])
        assert set(genre_K[fitted]) == {0, 1, 2}
    assert sorted(np.concatenate([held_out for _, held_out in folds])) == list(range(60))


def test_folds_without_clips_of_a_genre_to_fit_are_left_out() -> None:
    """Every artist of genre 1 also has clips of genre 0."""
    genre_K, artist_K = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1]), np.array([0, 0, 1, 1, 2, 2, 0, 1, 2, 2, 2])
    for fitted, _ in inner_folds(genre_K, artist_K):
        assert set(genre_K[fitted]) == {0, 1}


def test_a_penalty_fits_how_far_artists_differ() -> None:
    """Among artists that hardly differ, large weights are right; where they differ much, they are overconfident."""
    chosen = []
    for spread in (0.1, 4.0):
        feature_MFN, genre_M, artist_K = _music(artists=6, clips_each=4, spread=spread)
        chosen.append(float(_fitted(feature_MFN, genre_M, artist_K).c_1))
    assert chosen[0] > 3 * chosen[1]


def test_the_mean_of_the_logits_of_segments_is_that_of_the_mean_embedding() -> None:
    """The penalty is chosen for the means of clips, and the classifier averages logits."""
    feature_MFN, genre_M, artist_K = _music(artists=4, clips_each=2)
    model = _fitted(feature_MFN, genre_M, artist_K)
    of_segments_KC = model(feature_MFN).unflatten(0, (-1, SEGMENTS)).mean(1).softmax(1)
    x_KE = torch.from_numpy(_clips(model, feature_MFN)).float()
    torch.testing.assert_close(of_segments_KC, model.probabilities(x_KE), atol=1e-3, rtol=0)


def test_a_row_that_is_silent_in_training_does_not_decide() -> None:
    feature_MFN, genre_M, artist_K = _music(artists=2, clips_each=2)
    feature_MFN[:, 0] *= 1e-4
    model = _fitted(feature_MFN, genre_M, artist_K)
    assert float(model.embed(1e3 * torch.ones(1, ROWS, 1)).abs().max()) == LARGEST


def test_without_artists_each_segment_is_a_clip_of_its_own() -> None:
    feature_MFN, genre_M, _ = _music(artists=3, clips_each=1)
    assert "5 inner folds" in str(_fitted(feature_MFN, genre_M, None).fitted)


@pytest.mark.parametrize("artists", [1, 5])
def test_a_checkpoint_gives_the_same_logits(artists: int) -> None:
    model, new_BFN = _fitted(*_music(artists, 1)), _music(3, 2, seed=1)[0]
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = Few(rows=ROWS, genres=3)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(other(new_BFN), model(new_BFN))
    assert not list(other.parameters())


@pytest.mark.parametrize("artists", [1, 5])
def test_the_seed_changes_nothing(artists: int) -> None:
    logits = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        np.random.seed(seed)
        logits.append(_fitted(*_music(artists, 2))(_music(3, 2, seed=1)[0]))
    assert torch.equal(*logits)


def test_a_genre_without_clips_gets_no_probability() -> None:
    feature_MFN, genre_M, artist_K = _music(artists=1, clips_each=1, genres=2)
    model = _fitted(feature_MFN, 2 * genre_M, artist_K)
    logits_BC = model(_music(3, 2, seed=1)[0])
    torch.testing.assert_close(logits_BC[:, 1], torch.full((len(logits_BC),), 1e-6).log())
    assert logits_BC.argmax(1).unique().tolist() == [0, 2]


def test_one_genre_is_refused() -> None:
    feature_MFN, genre_M, artist_K = _music(artists=2, clips_each=1, genres=1)
    with pytest.raises(
        ValueError, match="model=few needs two genres, and the training clips are all of one: add clips"
    ):
        _fitted(feature_MFN, genre_M, artist_K)


def test_equal_penalties_give_the_strongest() -> None:
    """Without information in x, all penalties give the same probabilities."""
    genre_K, artist_K = np.arange(12) % 2, np.arange(12)
    assert best_penalty(np.zeros((12, 3)), genre_K, inner_folds(genre_K, artist_K)) == PENALTIES[0]
