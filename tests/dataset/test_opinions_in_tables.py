"""Opinions of several people in a manifest: three forms, renaming, selection, ties, and tables that are refused."""

import re
from pathlib import Path

import pytest

from src.clip import Clip, Opinion
from src.dataset import Manifest, opinions

ROWS = "path,genre,annotator,artist\na.wav,jazz,ann,X\na.wav,jazz,ben,X\na.wav,blues,cy,X\nb.wav,blues,ann,Y\nb.wav,blues,ben,Y\n"
COLUMNS = "path,genre_1,Genre_2,genre_3,artist\na.wav,jazz,jazz,blues,X\nb.wav,blues,blues,,Y\n"
SHARES = "path,genre,artist\na.wav,jazz=0.6666|blues = 0.3333,X\nb.wav,blues,Y\n"


def _manifest(folder: Path, table: str, **settings: object) -> Manifest:
    for name in ("a.wav", "b.wav", "c.wav"):
        (folder / name).touch()
    (folder / "shelf.csv").write_text(table, encoding="utf-8")
    return Manifest(str(folder / "shelf.csv"), **settings)  # type: ignore[arg-type]


def _shares(clip: Clip) -> dict[str, float]:
    return {genre: round(share, 3) for genre, share in opinions.shares(clip.opinions).items()}


@pytest.mark.parametrize("table", [ROWS, COLUMNS, SHARES], ids=["rows", "columns", "shares"])
def test_three_forms_give_the_same_majorities_and_shares(table: str, tmp_path: Path) -> None:
    corpus = _manifest(tmp_path, table).corpus()
    assert [(clip.name, clip.genre, clip.artist) for clip in corpus.clips] == [
        ("a.wav", "jazz", "X"),
        ("b.wav", "blues", "Y"),
    ]
    assert [_shares(clip) for clip in corpus.clips] == [{"blues": 0.333, "jazz": 0.667}, {"blues": 1.0}]
    assert corpus.targets == "shares"


def test_annotators_and_lines_are_kept(tmp_path: Path) -> None:
    [first, second] = _manifest(tmp_path, ROWS).corpus().clips
    assert first.opinions[2] == Opinion("blues", 1.0, "cy", 4)
    assert [opinion.annotator for opinion in second.opinions] == ["ann", "ben"]
    [first, _] = _manifest(tmp_path, COLUMNS).corpus().clips
    assert first.opinions[1] == Opinion("jazz", 1.0, "genre_2", 2)


def test_a_table_with_one_label_a_clip_has_no_opinions(tmp_path: Path) -> None:
    corpus = _manifest(tmp_path, "path,genre\na.wav,jazz=cool\nb.wav,rock=\n".replace("=\n", "\n")).corpus()
    assert [(clip.genre, clip.opinions) for clip in corpus.clips] == [("jazz=cool", ()), ("rock", ())]
    assert corpus.notes == []


def test_decimal_commas_are_read_where_commas_do_not_separate_cells(tmp_path: Path) -> None:
    corpus = _manifest(tmp_path, "path;genre\na.wav;jazz=0,75|blues=0,25\nb.wav;blues\n").corpus()
    assert _shares(corpus.clips[0]) == {"blues": 0.25, "jazz": 0.75}


def test_labels_that_were_left_out_are_noted(tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, ROWS + "b.wav,,cy,Y\n")
    corpus = manifest.corpus()
    assert len(corpus.clips[1].opinions) == 2
    assert f"{manifest.path}: 1 row without a genre, as annotators left it out: line 7." in corpus.notes
    assert any("2 clips with 5 labels by 3 annotators, 2 to 3 a clip" in note for note in corpus.notes)


def test_ties_are_drawn_by_the_name_and_listed(tmp_path: Path) -> None:
    tied = (Opinion("jazz", 1.0, "ann"), Opinion("blues", 1.0, "ben"))
    drawn = [opinions.majority(tied, f"{k}.wav") for k in range(400)]
    assert 150 < drawn.count("jazz") < 250  # neither genre is favoured
    assert drawn == [opinions.majority(tied[::-1], f"{k}.wav") for k in range(400)]
    corpus = _manifest(
        tmp_path, "path,genre_1,genre_2\na.wav,jazz,blues\nb.wav,jazz,jazz\nc.wav,blues,blues\n"
    ).corpus()
    assert any(note.startswith("1 clip with a tie") and "a.wav (blues = jazz: " in note for note in corpus.notes)


def test_shares_that_are_equal_after_rounding_are_a_tie() -> None:
    assert opinions.leaders((Opinion("a", 0.1), Opinion("a", 0.2), Opinion("b", 0.3), Opinion("c", 0.1))) == ["a", "b"]


def test_the_majority_is_counted_after_renaming(tmp_path: Path) -> None:
    table = (
        "path,genre_1,genre_2,genre_3,genre_4,genre_5\na.wav,bop,swing,blues,blues,swing\nb.wav,blues,blues,blues,,\n"
    )
    corpus = _manifest(tmp_path, table, genre_map={"bop": "jazz", "swing": "jazz"}).corpus()
    assert corpus.clips[0].genre == "jazz"
    assert _shares(corpus.clips[0]) == {"blues": 0.4, "jazz": 0.6}
    assert "dataset.genre_map renames the genre of 3 opinions (bop to jazz: 1, swing to jazz: 2)." in corpus.notes


def test_a_genre_that_is_left_out_takes_its_clips_and_its_other_opinions(tmp_path: Path) -> None:
    table = ROWS + "c.wav,noise,ann,Z\nb.wav,noise,cy,Y\n"
    corpus = _manifest(tmp_path, table, genre_map={"noise": None}).corpus()
    assert [clip.name for clip in corpus.clips] == ["a.wav", "b.wav"]
    assert _shares(corpus.clips[1]) == {"blues": 1.0}
    assert [(excluded.clip, excluded.reason) for excluded in corpus.excluded] == [
        ("c.wav", "genre noise: left out by dataset.genre_map")
    ]
    assert "dataset.genre_map leaves out 2 opinions (noise: 2)." in corpus.notes


def test_a_separator_splits_the_genre_of_each_opinion(tmp_path: Path) -> None:
    table = "path,genre_1,genre_2\na.wav,jazz/pop,jazz\nb.wav,blues,blues\n"
    corpus = _manifest(tmp_path, table, genre_separator="/").corpus()
    assert _shares(corpus.clips[0]) == {"jazz": 1.0}


def test_selected_genres_drop_the_opinions_on_others(tmp_path: Path) -> None:
    table = ROWS + "c.wav,rock,ann,Z\na.wav,rock,dee,X\n"
    corpus = _manifest(tmp_path, table, genres=["jazz", "blues"]).corpus()
    assert [clip.name for clip in corpus.clips] == ["a.wav", "b.wav"]
    assert _shares(corpus.clips[0]) == {"blues": 0.333, "jazz": 0.667}
    assert "1 opinion for genres that no used clip has by majority does not count (rock: 1)." in corpus.notes


def test_excluded_clips_take_their_genre_with_them(tmp_path: Path) -> None:
    table = ROWS + "c.wav,rock,ann,Z\na.wav,rock,dee,X\n"
    (tmp_path / "exclude.txt").write_text("c.wav\n", encoding="utf-8")
    corpus = _manifest(tmp_path, table, exclude=str(tmp_path / "exclude.txt")).corpus()
    assert corpus.genres == ["blues", "jazz"]
    assert {opinion.genre for clip in corpus.clips for opinion in clip.opinions} == {"blues", "jazz"}


H = "path,genre\nb.wav,blues\n"
A = "path,genre,annotator\nb.wav,blues,ann\n"
C = "path,genre_1,genre_2\nb.wav,blues,blues\n"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (H + "a.wav,jazz=0.6|blues=0.3\n", "line 3: genre is 'jazz=0.6|blues=0.3', whose shares sum to 0.9: expected 1."),
        (H + "a.wav,jazz=1.2|blues=-0.2\n", "line 3: genre is 'jazz=1.2|blues=-0.2', where jazz has '1.2': expected a share"),
        (H + "a.wav,blues=-0.2|jazz=1.2\n", "where blues has '-0.2': expected a share from 0 to 1, such as 0.67."),
        (H + "a.wav,jazz:0.67|blues:0.33\n", "and 'jazz:0.67' is no share: expected shares such as jazz=0.6|blues=0.4."),
        (H + "a.wav,jazz=60%|blues=40%\n", "where jazz has '60%': expected a share from 0 to 1, such as 0.67."),
        (H + "a.wav,jazz=nan|blues=1\n", "where jazz has 'nan': expected a share from 0 to 1, such as 0.67."),
        (H + "a.wav,jazz=|blues=1\n", "where jazz has 'nothing': expected a share from 0 to 1, such as 0.67."),
        (H + "a.wav,jazz=0.5|blues\n", "and 'blues' is no share: expected shares such as jazz=0.6|blues=0.4."),
        (H + "a.wav,jazz=0.5|jazz=0.5\n", "which has two shares of jazz. Add them up."),
        (H + "a.wav,jaz=0.4|blues=0.6\n", "line 3: genre 'jaz' is an opinion on a.wav, but the majority genre of no clip"),
        (A + "b.wav,jazz,ann\n", "line 3: ann labels b.wav twice, first in line 2. Remove one row."),
        (A + "a.wav,jazz,\n", "line 3: annotator is empty: expected who gave the genre."),
        (A + "a.wav,,ann\n", "line 3: genre is empty, and no other row gives a.wav one: expected at least one."),
        (A + "a.wav,jazz=1,ann\n", "line 3: genre is 'jazz=1', of annotator ann: shares and annotators are two forms"),
        (A + "a.wav,blues,ann\na.wav,jazz,ben\na.wav,blues,cy\n", "line 4: genre 'jazz' is an opinion on a.wav"),
        (C + "a.wav,,\n", "line 3: genre_1, genre_2 are empty: expected at least one genre. Fill one in, or remove the row."),
        (C + "a.wav,jazz=1,\n", "line 3: genre_1 is 'jazz=1': expected one genre. Shares are for the column genre."),
        (C + "b.wav,blues,\n", "{path} lists b.wav twice."),
        ("path,genre,genre_1\na.wav,jazz,jazz\n", "line 1: the columns genre and genre_1 are two forms of opinions"),
        ("path,genre_1,annotator\na.wav,jazz,ann\n", "line 1: the columns annotator and genre_1 are two forms of opinions"),
        ("path,genre_2,genre_3\na.wav,jazz,jazz\n", "line 1: genre_2, genre_3 without genre_1. Number the columns"),
        (
            "path,genre,annotator,artist,split\na.wav,jazz,ann,X,train\na.wav,jazz,ben,Y,train\n",
            "line 3: artist is 'Y', but line 2 has 'X' for the same clip, a.wav. Correct one.",
        ),
        (
            "path,genre,annotator,split\na.wav,jazz,ann,train\na.wav,jazz,ben,test\n",
            "line 3: split is 'test', but line 2 has 'train' for the same clip, a.wav.",
        ),
    ],
)  # fmt: skip
def test_broken_tables_are_refused_with_file_and_line(table: str, message: str, tmp_path: Path) -> None:
    manifest = _manifest(tmp_path, table)
    with pytest.raises(ValueError, match=re.escape(message.format(path=manifest.path))) as refused:
        manifest.corpus()
    assert str(manifest.path) in str(refused.value)


def test_a_misspelt_opinion_gets_a_suggestion_that_works(tmp_path: Path) -> None:
    table = COLUMNS + "c.wav,jaz,jazz,jazz,Z\n"
    with pytest.raises(ValueError, match=r"Did you mean 'jazz'\? .* 'dataset.genre_map=\{jaz:jazz\}'$"):
        _manifest(tmp_path, table).corpus()
    assert _shares(_manifest(tmp_path, table, genre_map={"jaz": "jazz"}).corpus().clips[2]) == {"jazz": 1.0}


def test_unknown_targets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^dataset.targets is 'both': expected shares or majority\.$"):
        _manifest(tmp_path, ROWS, targets="both")
