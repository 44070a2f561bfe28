"""Wrong labels stand out from folds that never saw them; which ones depends on what the folds keep together."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from src.clip import Clip
from src.quality import label_errors

GENRES = ("blues", "jazz", "rock")


def corpus(seed: int = 0, artists: int = 5, tracks: int = 4, spread: float = 0.4) -> tuple[list[Clip], Tensor]:
    """Two clips a track, whose embeddings lie around their genre's, their artist's and their track's place."""
    random = np.random.default_rng(seed)
    clips, rows = [], []
    for genre in GENRES:
        centre_E = random.standard_normal(16)
        for artist in range(artists):
            own_E = centre_E + spread * random.standard_normal(16)
            for track in range(tracks):
                for part in "ab":
                    name = f"{genre} {artist}"
                    clips.append(Clip(f"{name}/{track}{part}", Path("x"), genre, name, f"song {track}"))
                    rows.append(own_E + 0.3 * random.standard_normal(16))
    return clips, torch.tensor(np.array(rows), dtype=torch.float32)


def test_single_wrong_labels_come_first() -> None:
    clips, embedding_KE = corpus()
    wrong = {7: "jazz", 50: "rock", 100: "blues"}
    given = [replace(clip, genre=wrong.get(k, clip.genre)) for k, clip in enumerate(clips)]
    found = label_errors.suspect_labels(given, embedding_KE, "track")
    assert {doubt.clip for doubt in found[:3]} == {clips[k].name for k in wrong}
    assert sum(doubt.issue for doubt in found) == sum(doubt.issue for doubt in found[:3]) >= 2
    for doubt in found[:3]:
        assert doubt.suggested == next(clip.genre for clip in clips if clip.name == doubt.clip)
        assert doubt.score < 0.5 < doubt.suggested_probability


def test_right_labels_are_no_issue() -> None:
    found = label_errors.suspect_labels(*corpus(), "track")
    assert not any(doubt.issue for doubt in found)


def test_an_artist_that_is_all_wrong_shows_by_artist_only() -> None:
    clips, embedding_KE = corpus()
    given = [replace(clip, genre="rock") if clip.artist == "jazz 2" else clip for clip in clips]
    mine = [clip.name for clip in clips if clip.artist == "jazz 2"]
    by_artist = [doubt.clip for doubt in label_errors.suspect_labels(given, embedding_KE, "artist")]
    by_track = [doubt.clip for doubt in label_errors.suspect_labels(given, embedding_KE, "track")]
    assert set(by_artist[: len(mine)]) == set(mine)
    assert sum(map(by_artist.index, mine)) <= sum(map(by_track.index, mine))


def test_nobody_judges_a_clip_that_it_was_fitted_on() -> None:
    """With embeddings that say nothing, what was fitted is known by heart and what was not is guessed."""
    clips, _ = corpus()
    genre_K = torch.tensor([GENRES.index(clip.genre) for clip in clips])
    noise_KE = torch.randn(len(clips), 200, generator=torch.Generator().manual_seed(0))
    for by in label_errors.GROUP_BY:
        answer_K = label_errors.out_of_fold(noise_KE, genre_K, clips, by, seed=0).argmax(axis=1)
        assert (answer_K == genre_K.numpy()).mean() < 0.55


def test_probabilities_are_shares_of_all_genres() -> None:
    clips, embedding_KE = corpus()
    genre_K = torch.tensor([GENRES.index(clip.genre) for clip in clips])
    np.testing.assert_allclose(
        label_errors.out_of_fold(embedding_KE, genre_K, clips, "track", 0).sum(axis=1), 1, atol=1e-6
    )


def test_the_same_clips_give_the_same_order() -> None:
    clips, embedding_KE = corpus()
    assert label_errors.suspect_labels(clips, embedding_KE, "track") == label_errors.suspect_labels(
        clips, embedding_KE, "track"
    )


def test_one_genre_cannot_be_doubted() -> None:
    clips, embedding_KE = corpus()
    blues = [k for k, clip in enumerate(clips) if clip.genre == "blues"]
    with pytest.raises(ValueError, match="labels=true needs two genres"):
        label_errors.suspect_labels([clips[k] for k in blues], embedding_KE[blues], "track")
