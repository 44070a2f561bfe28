"""Commands of pages with other options."""

import pytest

from src.reporting import commands


@pytest.mark.parametrize(
    "command",
    [
        "python -m src.explain 'a run' --clips 5 --json k=v",
        "python -m src.explain 'a run' --clips=5 k=v --json",
        "python -m src.explain 'a run' k=v",
    ],
)
def test_options_are_left_out_with_their_values(command: str) -> None:
    assert commands.without(command, ("--clips",), ("--json",)) == "python -m src.explain 'a run' k=v"
