"""Facts reach exactly those who name them."""

from functools import partial

import pytest

from src.instantiate import supply

FACTS = {"rows": 96, "genres": 10, "counts": [1, 2]}


class Head:
    def __init__(self, width: int, *, genres: int, rows: int = 1) -> None:
        self.settings = (width, genres, rows)


def test_a_choice_gets_the_facts_that_it_names() -> None:
    assert supply(partial(Head, width=3), **FACTS).settings == (3, 10, 96)


def test_a_choice_that_names_none_gets_none() -> None:
    assert supply(partial(pow, 2), exp=3, **FACTS) == 8
    assert supply(lambda: "nothing", **FACTS) == "nothing"
    assert supply(lambda **others: others, **FACTS) == {}


def test_a_setting_that_is_no_fact_is_not_invented() -> None:
    with pytest.raises(TypeError, match="width"):
        supply(Head, **FACTS)


def test_a_setting_that_the_class_has_not_is_named() -> None:
    def network(width: int, *, rows: int) -> int:
        return width * rows

    def anything(width: int, **rest: int) -> int:
        return width + rest["heads"]

    with pytest.raises(ValueError, match=r"^network has no setting heads, layers\. .* as in ~model.heads, or leave"):
        supply(partial(network, width=2, layers=3, heads=4), rows=5)
    assert supply(partial(anything, width=2, heads=4), rows=5) == 6
