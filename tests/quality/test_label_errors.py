"""Label errors are found by out-of-fold predictions; the grouping of the folds decides which kind is found."""

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
    """Clips, two of each track, and embeddings (K, 16): the genre's centre, plus the artist's shift, plus noise for each clip."""
    random = np.random.default_rng(seed)
    clips, rows = [], []
    for genre in GENRES:
        centre_E = random.standard_normal(16)
        for artist in range(artists):
            artist_E = centre_E + spread * random.standard_normal(16)
            for track in range(tracks):
                for part in "ab":
                    name = f"{genre} {artist}"
                    clips.append(Clip(f"{name}/{track}{part}", Path("x"), genre, name, f"song {track}"))
                    rows.append(artist_E + 0.3 * random.standard_normal(16))
    return clips, torch.tensor(np.array(rows), dtype=torch.float32)


def test_single_wrong_labels_come_first() -> None:
    clips, embedding_KE = corpus()
    wrong = {7: "jazz", 50: "rock", 100: "blues"}
    relabelled = [replace(clip, genre=wrong.get(k, clip.genre)) for k, clip in enumerate(clips)]
    labels = label_errors.suspect_labels(relabelled, embedding_KE, "track")
    assert {label.clip for label in labels[:3]} == {clips[k].name for k in wrong}
    assert sum(label.issue for label in labels) == sum(label.issue for label in labels[:3]) >= 2
    for label in labels[:3]:
        assert label.suggested == next(clip.genre for clip in clips if clip.name == label.clip)
        assert label.score < 0.5 < label.suggested_probability


def test_correct_labels_are_no_issue() -> None:
    labels = label_errors.suspect_labels(*corpus(), "track")
    assert not any(label.issue for label in labels)


def test_an_artist_whose_labels_are_all_wrong_is_found_by_artist_only() -> None:
    clips, embedding_KE = corpus()
    relabelled = [replace(clip, genre="rock") if clip.artist == "jazz 2" else clip for clip in clips]
    wrong = [clip.name for clip in clips if clip.artist == "jazz 2"]
    by_artist = [label.clip for label in label_errors.suspect_labels(relabelled, embedding_KE, "artist")]
    by_track = [label.clip for label in label_errors.suspect_labels(relabelled, embedding_KE, "track")]
    assert set(by_artist[: len(wrong)]) == set(wrong)
    assert sum(map(by_artist.index, wrong)) <= sum(map(by_track.index, wrong))


def test_no_clip_is_predicted_by_a_head_that_was_fitted_on_it() -> None:
    """From embeddings of noise, a head can predict the clips that it memorized, and only guess the others."""
    clips, _ = corpus()
    genre_K = torch.tensor([GENRES.index(clip.genre) for clip in clips])
    noise_KE = torch.randn(len(clips), 200, generator=torch.Generator().manual_seed(0))
    for group_by in label_errors.GROUP_BY:
        predicted_K = label_errors.out_of_fold(noise_KE, genre_K, clips, group_by, seed=0).argmax(axis=1)
        assert (predicted_K == genre_K.numpy()).mean() < 0.55


def test_probabilities_of_all_genres_add_up_to_1() -> None:
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


def test_labels_of_one_genre_cannot_be_checked() -> None:
    clips, embedding_KE = corpus()
    blues = [k for k, clip in enumerate(clips) if clip.genre == "blues"]
    with pytest.raises(ValueError, match="labels=true needs at least two genres"):
        label_errors.suspect_labels([clips[k] for k in blues], embedding_KE[blues], "track")
