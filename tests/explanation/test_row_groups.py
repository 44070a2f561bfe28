"""Groups of the rows of features."""

import pytest
import torch
from hydra import compose, initialize_config_dir

from src import feature as features
from src.config import CONF
from src.explanation import row_groups
from src.explanation.row_groups import HARMONY, LEVEL, RHYTHM, SPECTRUM, TIMBRE
from src.feature.feature import Feature
from src.instantiate import instantiate_choice


def build(name: str) -> Feature:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"feature={name}"])
    feature: Feature = instantiate_choice(config.feature)
    return feature


@pytest.mark.parametrize("name", ["all", "timbre", "harmony", "rhythm", "spectral", "mel", "waveform"])
def test_each_row_is_in_one_group(name: str) -> None:
    feature = build(name)
    for groups in (row_groups.aspects(feature), row_groups.parts(feature)):
        assert sorted(row for group in groups for row in group.rows) == list(range(feature.rows))


def test_the_rows_of_all_are_timbre_harmony_rhythm_and_level() -> None:
    feature = build("all")
    groups = {group.name: group for group in row_groups.aspects(feature)}
    assert list(groups) == [TIMBRE, HARMONY, RHYTHM, LEVEL]
    assert {name: len(group.rows) for name, group in groups.items()} == {
        TIMBRE: 19 + 1 + 1 + 1 + 1 + 7 + 1,  # mfcc, centroid, variance, rolloff, flatness, contrast, zero crossings
        HARMONY: 12 + 32,
        RHYTHM: 1 + 192,
        LEVEL: 3,  # the first coefficient of mfcc, the mean of the spectrum, energy
    }
    assert groups[LEVEL].rows == (0, 21, 270)
    assert [group.name for group in row_groups.parts(feature)] == list(feature.parts)


def test_the_level_rows_are_those_that_change_with_the_gain() -> None:
    feature = build("timbre")
    wave_BT = 0.1 * torch.randn(1, 22050, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        change_F = (feature(2 * wave_BT) - feature(wave_BT)).mean(dim=(0, 2)).abs()
    level = next(group for group in row_groups.aspects(feature) if group.name == LEVEL)
    assert (change_F > 1).nonzero().flatten().tolist() == list(level.rows)


def test_slopes_of_the_first_coefficient_are_level_too() -> None:
    feature = features.Mfcc(22050, 512, 2048, 40, 20, deltas=2)
    assert [group.rows for group in row_groups.aspects(feature) if group.name == LEVEL] == [(0, 20, 40)]


def test_networks_are_groups_and_their_classic_companions_keep_their_aspects() -> None:
    deep = features.Musicnn(16000, "both", "penultimate", 3.0, trainable=False)
    parts = {"chroma": features.Chroma(16000, 512, 2048, "stft"), "energy": features.Energy(16000, 512, 2048)}
    feature = features.DeepClassic(16000, deep, parts)
    assert [(group.name, len(group.rows)) for group in row_groups.aspects(feature)] == [
        (HARMONY, 24), (LEVEL, 2), ("musicnn msd", 200), ("musicnn mtt", 200)
    ]  # fmt: skip
    assert [group.rows for group in row_groups.parts(feature) if group.name == "energy"] == [(412, 425)]


def test_a_class_of_the_users_names_its_aspect() -> None:
    class Swing(features.Energy):
        aspect = RHYTHM

    assert row_groups.aspects(Swing(22050, 512, 2048))[0].name == RHYTHM
    assert row_groups.aspects(build("mel"))[0].name == SPECTRUM
