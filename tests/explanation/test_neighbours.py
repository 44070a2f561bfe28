"""Nearest training clips: planted neighbours are found."""

from pathlib import Path

import numpy as np
import pytest

from src.clip import Clip
from src.explanation import sentences
from src.explanation.neighbours import Neighbour, nearest

GENRES = ["jazz", "rock"]
CLIPS = [Clip(f"{k}.wav", Path(f"{k}.wav"), GENRES[k % 2]) for k in range(40)]


def embeddings() -> "np.ndarray[tuple[int, int], np.dtype[np.float64]]":
    return np.random.default_rng(0).normal(size=(40, 16)) + 50  # positive, as after an activation


def test_a_planted_neighbour_is_found_first() -> None:
    training_KE = embeddings()
    embedding_E = training_KE[6] + 0.01 * np.random.default_rng(1).normal(size=16)
    first, second, _ = nearest(embedding_E, training_KE, CLIPS, "jazz")
    assert (first.clip.name, first.rank, first.clips) == ("6.wav", 1, 20)
    assert first.cosine > 0.99
    assert second.cosine < 0.8
    assert all(neighbour.clip.genre == "rock" for neighbour in nearest(embedding_E, training_KE, CLIPS, "rock"))


def test_cosines_are_between_embeddings_minus_the_mean_of_all_training_clips() -> None:
    training_KE = embeddings()
    found = nearest(training_KE[3], training_KE, CLIPS, "rock", most=20)
    centred_KE = training_KE - training_KE.mean(axis=0)
    cosine = {
        clip.name: row @ centred_KE[3] / np.linalg.norm(row) / np.linalg.norm(centred_KE[3])
        for clip, row in zip(CLIPS, centred_KE, strict=True)
    }
    assert [each.cosine for each in found] == pytest.approx([cosine[each.clip.name] for each in found])
    assert [each.cosine for each in found] == sorted((each.cosine for each in found), reverse=True)
    assert found[0].median == pytest.approx(np.median([each.cosine for each in found]))


def test_the_explained_clip_is_not_its_own_neighbour() -> None:
    training_KE = embeddings()
    assert nearest(training_KE[6], training_KE, CLIPS, "jazz", without="6.wav")[0].clip.name != "6.wav"


def test_a_genre_without_training_clips_and_a_model_without_embedding_have_no_neighbours() -> None:
    assert nearest(embeddings()[0], embeddings(), CLIPS, "polka") == []
    assert nearest(np.empty(0), np.empty((40, 0)), CLIPS, "jazz") == []


def test_the_sentence_names_the_nearest_clip_and_no_negative_zero() -> None:
    [line] = sentences.neighbours({"jazz": [Neighbour(CLIPS[0], 0.88, 1, 48, -0.001)]})
    assert line == "The nearest of 48 training clips of jazz, 0.wav, has a cosine of 0.88, where the median is 0.00."
