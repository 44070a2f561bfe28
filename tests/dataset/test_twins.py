"""Genres that are probably one genre, or several, are pointed out with a setting that resolves them."""

import shlex
from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from src.clip import Clip, Corpus
from src.dataset.genres import GenreRules
from src.dataset.twins import resolving_line, twin_notes


@pytest.mark.parametrize(
    "names",
    [
        ["Hip-Hop", "hip-hop"],
        ["Hip-Hop", "hip hop", "HIP_HOP", "HipHop"],
        ["rock", "rock ", "Rock"],
        ["drum & bass", "Drum & Bass"],
        ["Singer/Songwriter", "singer-songwriter"],
        ["post\u2010rock", "post-rock"],
        ["ÉLECTRO", "électro"],
        ["Strasse", "Straße"],
        ["rock\u200b", "rock"],
    ],
)
def test_spellings_of_one_name_are_twins(names: list[str]) -> None:
    [note] = twin_notes({name: len(names) - k for k, name in enumerate(names)})
    assert note.startswith(
        f"Genres that differ only in case or separators: {names[0]!r} ({len(names)} clips) and {names[1]!r}"
    )


@pytest.mark.parametrize(
    "names",
    [
        ["!!!", "!!", "?!", "! ! !"],
        ["Música", "Musica"],
        ["80s", "90s"],
        ["C", "C#", "C++"],
        ["Folk, World, & Country", "Drum & Bass", "R&B", "Singer/Songwriter", "R", "B"],
        ["rock", "rock'n'roll"],
    ],
)
def test_different_names_are_not_pointed_out(names: list[str]) -> None:
    assert list(twin_notes(dict.fromkeys(names, 3))) == []


def test_only_twins_of_selected_genres_are_pointed_out() -> None:
    counts = {"Rock": 3, "rock": 2, "Jazz": 3, "jazz": 3}
    [note] = twin_notes(counts, ["rock"])
    assert "'Rock' (3 clips) and 'rock' (2 clips)" in note
    assert "jazz" not in note.lower()


@pytest.mark.parametrize(
    ("names", "sign"),
    [(["jazz|pop", "x"], "|"), (["jazz;pop", "x"], ";"), (["rock/pop", "Pop"], "/"), (["rock + pop", "rock"], "+")],
)
def test_names_that_list_several_genres_are_pointed_out(names: list[str], sign: str) -> None:
    [note] = twin_notes(dict.fromkeys(names, 1))
    assert note.startswith(f"The genre of 1 clip seems to list several genres: {names[0]!r} (1 clip). ")
    [word] = [word for word in shlex.split(note) if word.startswith("dataset.genre_separator=")]
    assert OverridesParser.create().parse_override(word).value() == sign


@pytest.mark.parametrize(
    "names", [["Hip-Hop", "hip hop"], ["rock/pop", "Rock Pop"], ["R&B", "r&b"], ["Música", "música"], ["it's", "It's"]]
)
def test_the_proposed_setting_joins_the_twins(names: list[str], tmp_path: Path) -> None:
    """The proposal is read as the shell and Hydra would read it, or as the file that it describes."""
    line = resolving_line({names[1]: names[0]})
    if "FILE.csv" in line:
        (tmp_path / "FILE.csv").write_text(line.partition(" the lines ")[2].replace(" / ", "\n"), encoding="utf-8")
        setting: object = str(tmp_path / "FILE.csv")
    else:
        [word] = shlex.split(line)
        setting = OverridesParser.create().parse_override(word).value()
    clips = [Clip(name, Path(name), name) for name in names]
    rules = GenreRules(setting, None, "first")  # type: ignore[arg-type]
    assert rules.apply(Corpus("shelf", clips)).genres == [names[0]]
