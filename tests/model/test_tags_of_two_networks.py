"""Genres from musicnn's tags and AudioSet's classes together, compared with results calculated by hand."""

import math

import pytest
import torch
from torch import Tensor

from src.model import Tags
from src.model.genre_table import GenreTable
from src.model.tags import MUSICNN
from src.pretrained import TAGS
from tests.model.test_genre_table import ROWS as TABLE

MUSICNN_ROWS = tuple(f"{network}/{tag}" for network, tags in TAGS.items() for tag in tags)
CLASSES = tuple(f"audioset/{genre.audioset}" for genre in GenreTable(TABLE).genres.values() if genre.audioset)
BOTH = (*MUSICNN_ROWS, *CLASSES)
ALL_GENRES = tuple(TABLE)
ABSENT = -30.0  # log-odds of a label that is certainly absent


def tags(*genres: str, rows: tuple[str, ...] = BOTH, temperatures: dict[int, float] | None = None) -> Tags:
    return Tags(TABLE, 0.2, temperatures, genre_names=genres, row_names=rows, normalized=False)


def feature(values: dict[str, float], rows: tuple[str, ...] = BOTH, rest: float = ABSENT) -> Tensor:
    """The named rows, in nats; other tags have 0, as in the average song, and other classes `rest`."""
    return torch.tensor(
        [[[values.get(row, rest if row.startswith("audioset/") else 0.0)] for row in rows]], dtype=torch.float64
    )


def probabilities(model: Tags, feature_BFN: Tensor) -> dict[str, float]:
    return dict(zip(model.genres, model(feature_BFN).softmax(dim=1)[0].tolist(), strict=True))


def strong(genre: str, rows: tuple[str, ...]) -> Tensor:
    """Features of a clear case of a genre: its first tag, its class, and with a class also those above it."""
    table = GenreTable(TABLE)
    row = table.genres[table.key(genre)]
    parts = {part for tag in row.tags[:1] for part in tag.split(" + ")}
    classes = [table.genres[key].audioset for key in (table.key(genre), *row.above) if row.audioset]
    names = {f"{network}/{part}" for network in TAGS for part in parts} | {f"audioset/{name}" for name in classes}
    return feature(dict.fromkeys(names & set(rows), 6.0), rows, rest=-6.0)


@pytest.mark.parametrize("genre", ALL_GENRES)
def test_each_genre_can_be_predicted_by_both_networks(genre: str) -> None:
    probability = probabilities(tags(*ALL_GENRES), strong(genre, BOTH))
    assert max(probability, key=lambda name: probability[name]) == genre
    assert sum(probability.values()) == pytest.approx(1)


@pytest.mark.parametrize("genre", [name for name in ALL_GENRES if TABLE[name].get("audioset")])
def test_each_genre_of_audioset_can_be_predicted_by_its_classes_alone(genre: str) -> None:
    probability = probabilities(tags(*ALL_GENRES, rows=CLASSES), strong(genre, CLASSES))
    assert max(probability, key=lambda name: probability[name]) == genre


@pytest.mark.parametrize("genre", [name for name in ALL_GENRES if TABLE[name].get("tags")])
def test_each_genre_of_musicnn_can_be_predicted_by_musicnn_alone(genre: str) -> None:
    names = list(dict.fromkeys([*MUSICNN, genre]))
    probability = probabilities(tags(*names, rows=MUSICNN_ROWS), strong(genre, MUSICNN_ROWS))
    assert max(probability, key=lambda name: probability[name]) == genre


def test_audiosets_classes_decide_outside_musicnns_list_and_inside_both_have_a_vote() -> None:
    """reggae is known to AudioSet only, rock and jazz to both."""
    model = tags("reggae", "rock", "jazz")
    inputs = feature({"audioset/Reggae": 2.0, "audioset/Rock music": 1.0, "audioset/Jazz": 0.0, "msd/jazz": 1.0})
    outside = math.exp(2) / (math.exp(2) + math.exp(1) + 1)
    rock_of_classes, rock_of_tags = math.exp(1) / (math.exp(1) + 1), 1 / (1 + math.exp(1))
    rock = (1 - outside) * (rock_of_classes + rock_of_tags) / 2
    assert probabilities(model, inputs) == pytest.approx(
        {"reggae": outside, "rock": rock, "jazz": 1 - outside - rock}, abs=1e-6
    )


def test_musicnns_tags_decide_about_a_genre_that_only_they_have() -> None:
    """indie is known to musicnn only: its odds against the shared genres are those of the tags."""
    model = tags("indie", "rock", "jazz")
    inputs = feature({"msd/indie": 3.0, "msd/rock": 1.0, "audioset/Rock music": 0.0, "audioset/Jazz": 0.0})
    evidence = {"indie": 3.0, "rock": (1.0 + 0.0) / 2, "jazz": 0.0}  # rock has tags in both networks
    shared = math.exp(evidence["rock"]) + math.exp(evidence["jazz"])
    indie = math.exp(evidence["indie"]) / (math.exp(evidence["indie"]) + shared)
    rock = (1 - indie) * (math.exp(evidence["rock"]) / shared + 1 / 2) / 2
    assert probabilities(model, inputs) == pytest.approx(
        {"indie": indie, "rock": rock, "jazz": 1 - indie - rock}, abs=1e-6
    )


def test_genres_of_one_network_each_are_compared_by_the_shared_genres_of_the_table() -> None:
    model = tags("reggae", "indie")
    sure_of_reggae = feature({"audioset/Reggae": 3.0, "audioset/Rock music": -3.0})
    sure_of_indie = feature({"msd/indie": 6.0, "audioset/Reggae": -6.0, "audioset/Rock music": 3.0})
    assert probabilities(model, sure_of_reggae)["reggae"] > 0.9
    assert probabilities(model, sure_of_indie)["indie"] > 0.9
    assert sum(probabilities(model, sure_of_indie).values()) == pytest.approx(1)


def test_without_a_shared_genre_in_the_table_there_is_no_comparison() -> None:
    table = {"indie": ["indie"], "reggae": {"audioset": "Reggae"}}
    with pytest.raises(ValueError, match="model.table has no genre with both tags and a class of AudioSet"):
        Tags(table, 0.2, genre_names=["indie", "reggae"], row_names=BOTH, normalized=False)


def test_a_genre_sums_those_below_it_and_their_odds_count_the_labels_above() -> None:
    """rock alone: itself, metal, and the others below it; a clip of metal may be labelled as rock too."""
    inputs = feature({"audioset/Rock music": 1.0, "audioset/Heavy metal": 0.5, "audioset/Jazz": 0.2}, CLASSES)
    rock, metal, jazz = math.exp(1), math.exp(0.5) * (1 + math.exp(1)), math.exp(0.2)
    assert probabilities(tags("rock", "jazz", rows=CLASSES), inputs)["rock"] == pytest.approx(
        (rock + metal) / (rock + metal + jazz), abs=1e-6
    )
    assert probabilities(tags("rock", "metal", "jazz", rows=CLASSES), inputs) == pytest.approx(
        {genre: value / (rock + metal + jazz) for genre, value in (("rock", rock), ("metal", metal), ("jazz", jazz))},
        abs=1e-6,
    )


def test_a_request_for_a_genre_and_one_below_it_only_divides_its_probability() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(1, len(CLASSES), 1, generator=generator, dtype=torch.float64)
    whole = probabilities(tags("asian", "rock", "jazz", "electronic", rows=CLASSES), inputs)
    parts = probabilities(
        tags("asian", "indian", "carnatic", "rock", "metal", "jazz", "electronic", rows=CLASSES), inputs
    )
    assert parts["asian"] + parts["indian"] + parts["carnatic"] == pytest.approx(whole["asian"])
    assert parts["rock"] + parts["metal"] == pytest.approx(whole["rock"])
    assert parts["electronic"] == pytest.approx(whole["electronic"])


@pytest.mark.parametrize("seed", range(5))
def test_probabilities_sum_to_1_for_any_list(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    inputs = 3 * torch.randn(4, len(BOTH), 2, generator=generator, dtype=torch.float64)
    names = [ALL_GENRES[k] for k in torch.randperm(len(ALL_GENRES), generator=generator)[: 2 + 5 * seed]]
    probability_BC = tags(*names, "polka")(inputs).softmax(dim=1)
    torch.testing.assert_close(probability_BC.sum(dim=1), torch.ones(4, dtype=torch.float64))
    assert (probability_BC[:, -1] < 2e-6).all()


def walk(**probability: float) -> tuple[str, float] | None:
    names = [name.replace("_", " ") for name in probability]
    found = tags(*names).surest_above(torch.tensor(list(probability.values()), dtype=torch.float64))
    return None if found is None else (names[found[0]], pytest.approx(found[1]))


def test_where_only_a_genre_above_is_sure_it_is_found() -> None:
    assert walk(rock=0.15, metal=0.15, punk=0.15, jazz=0.18, blues=0.19, pop=0.18) == ("rock", 0.45)
    assert walk(jazz=0.19, blues=0.19, pop=0.19, soul=0.19, funk=0.19, rock=0.05) is None
    assert walk(rock=0.1, metal=0.09, jazz=0.19, blues=0.19, pop=0.19, soul=0.19, funk=0.05) is None


def test_the_walk_goes_down_as_long_as_a_genre_is_sure() -> None:
    """carnatic and bollywood are below indian, indian is below asian."""
    others = {"jazz": 0.19, "blues": 0.19, "pop": 0.19}
    assert walk(asian=0.07, indian=0.1, carnatic=0.13, bollywood=0.13, **others) == ("indian", 0.36)
    assert walk(asian=0.19, indian=0.05, carnatic=0.05, bollywood=0.05, soul=0.09, **others) == ("asian", 0.34)
    assert walk(asian=0.05, indian=0.05, carnatic=0.1, rock=0.15, metal=0.15, punk=0.02, soul=0.1, **others) == (
        "rock",
        0.32,
    )


def test_the_temperature_depends_on_the_number_of_genres() -> None:
    inputs = feature({"audioset/Rock music": 1.0, "audioset/Jazz": 0.0, "msd/jazz": 1.0})
    raw_BC = tags("rock", "jazz", "blues", "pop")(inputs)
    for names, temperature in (
        (("rock", "jazz", "blues", "pop"), 1.5),
        (("rock", "jazz", "blues"), 1.5),  # shorter than the shortest list
        (ALL_GENRES, 3.0),
        (ALL_GENRES[:8], 2.0),  # half way between 4 and 16 on a logarithmic axis
    ):
        model = tags(*names, temperatures={4: 1.5, 16: 2.5, 40: 3.0})
        assert model.temperature == pytest.approx(temperature)
    torch.testing.assert_close(tags("rock", "jazz", "blues", "pop", temperatures={4: 1.5})(inputs), raw_BC / 1.5)
    assert tags("rock", "jazz", rows=MUSICNN_ROWS, temperatures={4: 1.5}).temperature == 1.0
