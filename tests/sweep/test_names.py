"""Names of sweeps: the same command has the same folder, whatever the order of its words."""

import re

from src.sweep.names import sweep_name

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
