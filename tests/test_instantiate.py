"""Facts from the data are passed to the classes whose signature names them, and only to those."""

from functools import partial

import pytest

from src.instantiate import supply

FACTS = {"rows": 96, "genres": 10, "counts": [1, 2]}


class Head:
    def __init__(self, width: int, *, genres: int, rows: int = 1) -> None:
        self.settings = (width, genres, rows)


def test_a_class_gets_the_facts_that_its_signature_names() -> None:
    assert supply(partial(Head, width=3), **FACTS).settings == (3, 10, 96)


def test_a_signature_without_facts_gets_none() -> None:
    assert supply(partial(pow, 2), exp=3, **FACTS) == 8
    assert supply(lambda: "nothing", **FACTS) == "nothing"
    assert supply(lambda **facts: facts, **FACTS) == {}


def test_a_missing_setting_is_an_error() -> None:
    with pytest.raises(TypeError, match="width"):
        supply(Head, **FACTS)


def test_an_unknown_setting_is_named_in_the_error() -> None:
    def network(width: int, *, rows: int) -> int:
        return width * rows

    def with_any_setting(width: int, **settings: int) -> int:
        return width + settings["heads"]

    with pytest.raises(ValueError, match=r"^network has no setting heads, layers\. .* as in ~model.heads, or leave"):
        supply(partial(network, width=2, layers=3, heads=4), rows=5)
    assert supply(partial(with_any_setting, width=2, heads=4), rows=5) == 6
