"""Names of sweeps and jobs: the same command has the same folder; the folder of a job says the swept values."""

import re

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from src.sweep.names import name_part, sweep_name, swept_keys

CHOICES = {"sweep": "none", "experiment": "quick"}


def test_a_reordered_command_has_the_same_folder() -> None:
    words = ["model=cnn,rnn", "experiment=quick", "seed=0,1"]
    names = {sweep_name(order, CHOICES) for order in (words, words[::-1], [words[1], words[2], words[0]])}
    (name,) = names
    assert re.fullmatch(r"sweep_quick_model_seed-[0-9a-f]{8}", name)


def test_other_settings_have_another_folder_and_launchers_do_not() -> None:
    name = sweep_name(["model=cnn,rnn"], CHOICES)
    assert sweep_name(["model=cnn,rnn,hybrid"], CHOICES) != name
    assert sweep_name(["model=cnn,rnn", "launcher=joblib"], CHOICES) == name


@pytest.mark.parametrize(
    ("key", "value", "part"),
    [
        ("model", "cnn", "cnn"),
        ("split.fold", "2", "fold2"),
        ("optimizer.lr", "0.001", "lr0.001"),
        ("optimizer.lr", "0.0031234567", "lr0.003123"),
        ("optimizer.lr", "1e-3", "lr1e-3"),
        ("model.activation", "leaky_relu", "activation-leaky-relu"),
        ("split.grouped", "False", "grouped-False"),
        ("dataset.path", "'my music/a b, c=d.csv'", "path-a-b-c-d.csv"),
        ("dataset.genres", "[rock,pop]", "genres-rock-pop"),
        ("dataset.root", "/音楽/ロック/", "root-"),
    ],
)
def test_a_part_of_a_name_says_key_and_value_in_characters_that_hydra_accepts(key: str, value: str, part: str) -> None:
    assert name_part(key, value) == part
    assert OverridesParser.create().parse_override(f"hydra.run.dir=outputs/x_{part}").value() == f"outputs/x_{part}"


def test_swept_keys_are_those_with_several_values_and_the_command_overrides_the_preset() -> None:
    params = {"optimizer.lr": "0.001,0.005", "data.batch_size": "32,64", "model.layers": "3,4,5"}
    assert swept_keys(["sweep=paper"], params) == "optimizer.lr data.batch_size model.layers"
    assert swept_keys(["model.layers=4", "model=cnn,rnn", "seed=range(0,3)"], params) == (
        "optimizer.lr data.batch_size model seed"
    )
    assert swept_keys(["optimizer.lr=tag(log,interval(0.1,1))"], None) == "optimizer.lr"
    assert swept_keys(["model=cnn", "dataset.genres=[rock,pop]"], None) == ""
