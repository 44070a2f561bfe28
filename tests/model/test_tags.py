"""Genres from tags, compared with results calculated by hand."""

from typing import Any

import pytest
import torch

from src.classifier import build
from src.model import Tags
from src.model.tags import GTZAN, MUSICNN

TABLE = {
    "rock": ["rock", "hard rock"],
    "hip-hop": ["Hip-Hop"],
    "disco": ["dance + 70s"],
    "reggae": [],
    "hard rock": ["hard rock"],
}
ROWS = ("a/rock", "a/hard rock", "a/Hip-Hop", "a/dance", "a/70s", "b/rock", "b/Hip-Hop")


def tags(*genres: str) -> Tags:
    return Tags(TABLE, 0.3, genre_names=genres, row_names=ROWS, normalized=False)


def evidence(**rows: float) -> torch.Tensor:
    feature_BFN = torch.zeros(1, len(ROWS), 1)
    for name, value in rows.items():
        feature_BFN[
            0, ROWS.index(name.replace("_", "/", 1).replace("HipHop", "Hip-Hop").replace("hardrock", "hard rock"))
        ] = value
    return feature_BFN


def test_the_best_tag_of_each_network_and_the_mean_of_the_networks() -> None:
    model = tags("rock", "hip-hop")
    torch.testing.assert_close(model(evidence(a_rock=1, a_hardrock=3, b_rock=2)), torch.tensor([[2.5, 0.0]]))
    torch.testing.assert_close(model(evidence(a_HipHop=4, b_HipHop=-2)), torch.tensor([[0.0, 1.0]]))


def test_time_is_averaged() -> None:
    feature_BFN = torch.cat((evidence(a_rock=2, b_rock=2), evidence(a_rock=4, b_rock=6)), dim=2)
    assert tags("rock", "disco")(feature_BFN)[0, 0] == 3.5


def test_two_tags_together_are_their_mean_and_a_network_without_them_does_not_count() -> None:
    torch.testing.assert_close(tags("disco", "rock")(evidence(a_dance=3, a_70s=1))[:, 0], torch.tensor([2.0]))


def test_a_tag_that_is_another_genre_counts_for_that_one_only() -> None:
    hard_BFN = evidence(a_rock=1, a_hardrock=3)
    assert tags("rock", "disco")(hard_BFN)[0, 0] == 1.5
    torch.testing.assert_close(tags("rock", "hard rock")(hard_BFN), torch.tensor([[0.5, 3.0]]))


@pytest.mark.parametrize("name", ["hip-hop", "hiphop", "Hip Hop", "HIP_HOP"])
def test_names_are_compared_without_case_spaces_and_punctuation(name: str) -> None:
    model = tags(name, "rock")
    assert not model.uncovered
    assert model(evidence(a_HipHop=4, b_HipHop=4)).argmax() == 0


def test_a_genre_without_a_tag_is_never_predicted_and_a_note_says_so() -> None:
    model = tags("reggae", "rock", "polka")
    assert model.uncovered == ["reggae", "polka"]
    assert model.notes == ["No tag covers reggae, polka: never predicted."]
    probability_C = model(evidence(a_rock=-30, b_rock=-30)).softmax(1)[0]
    assert probability_C[1] > 0.99999
    assert probability_C[0] > 0


@pytest.mark.parametrize(("rows", "normalized"), [((), False), (ROWS, True)])
def test_other_features_are_refused(rows: tuple[str, ...], normalized: bool) -> None:
    with pytest.raises(ValueError, match="experiment=tags sets all three"):
        Tags(TABLE, 0.3, genre_names=["rock", "disco"], row_names=rows, normalized=normalized)


def test_the_default_list_of_musicnn_alone_is_covered() -> None:
    module = build.tagger()
    assert module.genres == list(MUSICNN) == sorted(MUSICNN)
    assert not module.model.uncovered  # type: ignore[union-attr]


def test_gtzan_stands_for_its_ten_genres() -> None:
    module = build.tagger(["gtzan"])
    assert module.genres == list(GTZAN)
    assert module.model.uncovered == ["reggae"]  # type: ignore[union-attr]


@pytest.mark.parametrize("genres", [["rock"], ["reggae", "rock"], []])
def test_fewer_than_two_genres_are_refused(genres: list[str]) -> None:
    with pytest.raises(ValueError, match=r"expected at least two of alternative, ambient.*src\.weights"):
        build.tagger(genres)


@pytest.mark.parametrize(("first", "again"), [("rock", "Rock"), ("rnb", "R&B"), ("metal", "heavy metal")])
def test_a_genre_that_is_named_twice_is_refused(first: str, again: str) -> None:
    with pytest.raises(ValueError, match=rf"^--genres names {again} and {first}, which are one genre\. Name each"):
        build.tagger([first, "jazz", again])
    with pytest.raises(ValueError, match=rf"^--genres names {first} more than once\. Name each genre once\.$"):
        build.tagger([first, "jazz", first])


@pytest.mark.parametrize("genres", ["gtzan", "rock,jazz", ["rock", 3]])
def test_genres_that_are_no_list_of_names_are_refused(genres: Any) -> None:
    with pytest.raises(ValueError, match=r"expected a list of names, such as \['rock', 'jazz'\]\.$"):
        build.tagger(genres)
