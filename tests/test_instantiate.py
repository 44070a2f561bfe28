"""Facts from the data are passed to the classes whose signature names them, and only to those."""

from functools import partial

import pytest

from src.instantiate import call_with_facts

FACTS = {"rows": 96, "genres": 10, "counts": [1, 2]}


class Head:
    def __init__(self, width: int, *, genres: int, rows: int = 1) -> None:
        self.settings = (width, genres, rows)


def test_a_class_gets_the_facts_that_its_signature_names() -> None:
    assert call_with_facts(partial(Head, width=3), **FACTS).settings == (3, 10, 96)


def test_a_signature_without_facts_gets_none() -> None:
    assert call_with_facts(partial(pow, 2), exp=3, **FACTS) == 8
    assert call_with_facts(lambda: "nothing", **FACTS) == "nothing"
    assert call_with_facts(lambda **facts: facts, **FACTS) == {}


def test_a_missing_setting_is_an_error() -> None:
    with pytest.raises(TypeError, match="width"):
        call_with_facts(Head, **FACTS)


def test_an_unknown_setting_is_named_in_the_error() -> None:
    def network(width: int, *, rows: int) -> int:
        return width * rows

    def with_any_setting(width: int, **settings: int) -> int:
        return width + settings["heads"]

    with pytest.raises(
        ValueError,
        match=r"^network has no setting heads, layers\. .* remove heads, layers .* as in ~GROUP.heads, or leave",
    ):
        call_with_facts(partial(network, width=2, layers=3, heads=4), rows=5)
    assert call_with_facts(partial(with_any_setting, width=2, heads=4), rows=5) == 6
