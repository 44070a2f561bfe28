"""MTG-Jamendo's tables and folders become a corpus; an error says what differs from the published ones.

The files here are made: the tables have the published form, the sound files are empty or tones.
"""

import re
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from src.clip import Clip, Corpus, Excluded
from src.config import compose
from src.dataset import Jamendo
from src.dataset.jamendo import COPIES
from src.split import Official
from src.split.certificate import certify, refuse_leaks
from src.training import setup
from tests.dataset.jamendo_files import HEADER, audio, row, tables

TRACKS = (214, 215, 1300, 1301, 2011, 2634, 3112, 1051711)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with the clone and the audio in full quality: eight tracks, three of them with several genres."""
    tables(
        tmp_path / "mtg-jamendo-dataset" / "data" / "splits" / "split-0",
        [row(214, 14, "punkrock"), row(215, 14, "metal"), row(1300, 15, "rock"), row(1301, 15, "hardrock", "rock")],
        [row(2011, 316, "electronic"), row(2634, 379, "folk", "instrumentalpop")],
        [row(3112, 286, "electronic", "minimal"), row(1051711, 375104, "rock")],
    )
    return audio(tmp_path / "raw_30s" / "audio", TRACKS).parents[1]


def corpus(root: Path, several_genres: str = "exclude", split_number: int = 0, **settings: Any) -> Corpus:
    return Jamendo(str(root), split_number, several_genres, **settings).corpus()


def genres_of(data_set: Corpus) -> dict[str, str]:
    """The genre of each clip, by the number of the track."""
    return {clip.path.name.partition(".")[0]: clip.genre for clip in data_set.clips}


def test_a_row_becomes_a_clip_with_ids_and_its_set(root: Path) -> None:
    data_set = corpus(root)
    assert data_set.clips[0] == Clip(
        name="14/214.mp3",
        path=root / "raw_30s" / "audio" / "14" / "214.mp3",
        genre="punkrock",
        artist="artist_000014",
        track="track_0000214",
        subset="train",
        album="album_000014",
    )
    assert [clip.subset for clip in data_set.clips] == ["train", "train", "train", "val", "test"]
    assert (data_set.name, data_set.synthetic) == ("jamendo", False)
    assert data_set.genres == ["electronic", "metal", "punkrock", "rock"]


def test_tracks_with_several_genres_are_left_out_counted_and_listed(root: Path) -> None:
    data_set = corpus(root)
    reason = "several genres: left out by dataset.several_genres=exclude"
    assert data_set.excluded == [Excluded(name, reason) for name in ("01/1301.mp3", "34/2634.mp3", "12/3112.mp3")]
    assert data_set.notes == [
        "3 of the 8 tracks of MTG-Jamendo's genre task have several genres and are left out "
        "(dataset.several_genres=exclude).",
        COPIES,
    ]


def test_of_selected_genres_a_track_may_have_one(root: Path) -> None:
    data_set = corpus(root, "selected", genres=["rock", "electronic", "folk"])
    assert genres_of(data_set) == {
        "1300": "rock",
        "1301": "rock",
        "2011": "electronic",
        "2634": "folk",
        "3112": "electronic",
        "1051711": "rock",
    }
    both = corpus(root, "selected", genre_map={"hardrock": "metal"}, genres=["rock", "metal", "electronic"])
    assert "1301" not in genres_of(both)
    assert both.excluded == [Excluded("01/1301.mp3", "several genres: left out by dataset.several_genres=selected")]
    assert both.notes[0].startswith(
        "1 of the 8 tracks of MTG-Jamendo's genre task have several of the selected genres and"
    )


def test_the_rarest_genre_is_the_one_that_the_fewest_tracks_have(root: Path) -> None:
    data_set = corpus(root, "rarest")
    genres = genres_of(data_set)
    assert len(genres) == 8
    assert data_set.excluded == []
    # hardrock 1, rock 3; minimal 1, electronic 2; folk and instrumentalpop have one track each: the first by name
    assert (genres["1301"], genres["3112"], genres["2634"]) == ("hardrock", "minimal", "folk")
    assert data_set.notes[0] == (
        "Tracks with several genres count under the one that the fewest tracks have (dataset.several_genres=rarest)."
    )
    assert genres_of(corpus(root, "rarest", genres=["rock", "electronic"]))["1301"] == "rock"


def test_a_map_joins_the_genres_of_a_track_and_null_ignores_one(root: Path) -> None:
    data_set = corpus(root, genre_map={"hardrock": "rock", "punkrock": "rock", "instrumentalpop": None})
    assert genres_of(data_set) == {
        "214": "rock",
        "215": "metal",
        "1300": "rock",
        "1301": "rock",
        "2011": "electronic",
        "2634": "folk",
        "1051711": "rock",
    }
    assert not [note for note in data_set.notes if "no clip has the genre" in note]  # instrumentalpop exists
    with pytest.raises(ValueError, match=r"no clip has the genre 'instrumental'\. Did you mean 'instrumentalpop'\?"):
        Jamendo(str(root), 0, "exclude", genre_map={"instrumental": None}).corpus(strict=True)


def test_a_track_whose_only_genre_is_dropped_is_listed(root: Path) -> None:
    data_set = corpus(root, genre_map={"metal": None})
    assert Excluded("15/215.mp3", "genre metal: left out by dataset.genre_map") in data_set.excluded


def test_genres_select_clips(root: Path) -> None:
    assert genres_of(corpus(root, genres=["rock", "metal"])) == {"215": "metal", "1300": "rock", "1051711": "rock"}
    with pytest.raises(
        ValueError, match=r"^dataset\.genres asks for jazz, but jamendo has electronic, metal, punkrock, rock"
    ):
        corpus(root, genres=["jazz"])


# The layouts


def test_low_quality_has_the_same_names(root: Path) -> None:
    full = corpus(root)
    low = corpus(audio(root / "low", TRACKS, ".low.mp3"), metadata=str(root / "mtg-jamendo-dataset"))
    assert [clip.name for clip in low.clips] == [clip.name for clip in full.clips]
    assert low.clips[0].path == root / "low" / "14" / "214.low.mp3"
    assert low.name == "jamendo-low"
    assert low.notes == full.notes


def test_of_two_qualities_in_a_folder_the_one_with_more_files_is_read(root: Path) -> None:
    folder = audio(root / "mixed", TRACKS, ".low.mp3")
    audio(folder, TRACKS[:2])
    data_set = corpus(folder)
    assert {clip.path.name for clip in data_set.clips} >= {"214.low.mp3", "215.low.mp3"}
    assert data_set.notes[1] == (
        f"{folder} has 2 files in full and 8 in low quality: those in low quality are read, the other 2 are not."
    )


def test_of_two_audio_folders_one_is_read(root: Path) -> None:
    audio(root / "audio", TRACKS)
    note = f"{root} contains MTG-Jamendo more than once: {root / 'audio'} is read, {root / 'raw_30s' / 'audio'} is not."
    assert corpus(root).notes[0] == note


@pytest.mark.parametrize("place", ["split-1", "splits/split-1", "data/splits/split-1", "../data/splits/split-1"])
def test_the_tables_are_found_in_root_and_its_parent_folder(place: str, tmp_path: Path) -> None:
    folder = audio(tmp_path / "music", [214, 215])
    tables(folder / place, [row(214, 14, "punkrock")], [], [row(215, 14, "metal")])
    assert genres_of(corpus(folder, split_number=1)) == {"214": "punkrock", "215": "metal"}


@pytest.mark.parametrize("named", ["", "data", "data/splits", "data/splits/split-2"])
def test_metadata_is_the_clone_or_a_folder_in_it(named: str, tmp_path: Path) -> None:
    folder = audio(tmp_path / "music", [214])
    tables(tmp_path / "clone" / "data" / "splits" / "split-2", [row(214, 14, "punkrock")], [], [])
    metadata = str(tmp_path / "clone" / named)
    assert genres_of(corpus(folder, split_number=2, metadata=metadata)) == {"214": "punkrock"}


def test_missing_files_are_counted_and_listed_and_other_files_counted(root: Path) -> None:
    (root / "raw_30s" / "audio" / "14" / "214.mp3").unlink()
    audio(root / "raw_30s" / "audio", [9999])
    (root / "raw_30s" / "audio" / "14" / "._214.mp3").touch()  # written by macOS
    data_set = corpus(root)
    assert Excluded("14/214.mp3", "no such file") in data_set.excluded
    folder = root / "raw_30s" / "audio"
    assert data_set.notes[1:3] == [
        f"{folder} has no file for 1 of the 5 tracks of MTG-Jamendo's genre task with one genre, e.g. 14/214.mp3. Unpack the "
        "archive again, or continue without them.",
        f"1 of the mp3 files in {folder} are not tracks of MTG-Jamendo's genre task; they are not used.",
    ]


def test_the_tables_of_another_split_are_not_taken_for_the_chosen_one(tmp_path: Path) -> None:
    folder = tables(tmp_path / "clone" / "data" / "splits" / "split-2", [row(214, 14, "punkrock")], [], [])
    with pytest.raises(
        ValueError, match=r"^The tables of MTG-Jamendo's genre task were not found: .*split-2/split-1 or "
    ):
        corpus(audio(tmp_path / "music", [214]), split_number=1, metadata=str(folder))


# The official split


def test_an_artist_in_two_official_sets_is_found(tmp_path: Path) -> None:
    """The published sets share none, says the program that made them; this table is made to share one."""
    tables(tmp_path / "split-0", [row(214, 14, "metal")], [row(215, 15, "metal")], [row(216, 14, "rock")])
    clips = corpus(audio(tmp_path, [214, 215, 216])).clips
    certificate = certify(clips, Official(None, 0, False).assign(clips), [clip.name for clip in clips], "official")
    assert certificate["shared"]["artists"] == ["artist_000014"]
    with pytest.raises(ValueError, match=r"1 artist \(artist_000014\)"):
        refuse_leaks(certificate)


def test_sound_files_are_decoded_and_get_their_official_sets(tmp_path: Path) -> None:
    """Tones in both genres and all sets are prepared for training; an empty file is listed."""
    rows = {
        name: [row(start, start, "rock"), row(start + 1, start + 1, "folk")]
        for name, start in {"train": 100, "validation": 200, "test": 300}.items()
    }
    rows["train"].append(row(999, 999, "rock"))
    tables(tmp_path / "data" / "splits" / "split-3", **rows)
    for start in (100, 200, 300):
        audio(tmp_path / "audio-low", [start], ".low.mp3", 220.0)
        audio(tmp_path / "audio-low", [start + 1], ".low.mp3", 880.0)
    audio(tmp_path / "audio-low", [999], ".low.mp3")
    words = ("dataset=jamendo", f"dataset.root={tmp_path}", "dataset.split_number=3", "split=official")
    data = setup.compose_data(compose(*words, f"data.cache={tmp_path / 'cache'}"))
    assert data.subsets == ["train", "train", "val", "val", "test", "test"]
    assert data.genres == ["folk", "rock"]
    assert data.excluded == [Excluded("99/999.mp3", "an empty file (0 bytes)")]


def test_as_many_tracks_as_published_are_listed_in_seconds(tmp_path: Path) -> None:
    rows = [row(number, number // 15, *("rock", "pop", "folk")[: 1 + number % 3]) for number in range(55_000)]
    tables(tmp_path / "split-0", rows[:33_000], rows[33_000:44_000], rows[44_000:])
    audio(tmp_path, [0, 3])  # a file for each of the others would be slow to make, not to list
    started = time.perf_counter()
    data_set = corpus(tmp_path)
    assert time.perf_counter() - started < 10
    assert Counter(exclusion.reason[:7] for exclusion in data_set.excluded) == {"several": 36_666, "no such": 18_332}


# Errors


def test_a_missing_root_or_one_without_tracks_is_refused(root: Path) -> None:
    with pytest.raises(
        ValueError, match=r"gone, which is not a folder: expected the folder in which the archives were"
    ):
        corpus(root / "gone")
    with pytest.raises(
        ValueError, match=r"which contains no track of MTG-Jamendo's genre task: expected the folder in"
    ):
        corpus(root / "mtg-jamendo-dataset", metadata=str(root / "mtg-jamendo-dataset"))
    audio(root / "other", [7])
    with pytest.raises(
        ValueError, match=r"other contains none of the 8 tracks of MTG-Jamendo's genre task that have one"
    ):
        corpus(root / "other")


def test_missing_tables_are_refused(root: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^The tables of MTG-Jamendo's genre task were not found: expected autotagging_genre-"
    ):
        corpus(root, split_number=4)
    with pytest.raises(ValueError, match=r"-train\.tsv in nowhere/split-0 or .*: dataset\.metadata=DIR$"):
        corpus(root, metadata="nowhere")
    (root / "mtg-jamendo-dataset/data/splits/split-0/autotagging_genre-validation.tsv").unlink()
    with pytest.raises(
        ValueError, match=r"split-0/autotagging_genre-validation\.tsv is not a file\. Expected autotagging_"
    ):
        corpus(root)


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((5, "exclude"), {}, "dataset.split_number is 5: expected 0 to 4."),
        ((0, "first"), {}, "dataset.several_genres is 'first': expected exclude, selected, rarest."),
        (
            (0, "selected"),
            {},
            "dataset.several_genres=selected needs dataset.genres, e.g. 'dataset.genres=[rock,jazz,metal]'",
        ),
    ],
)
def test_invalid_settings_are_refused(arguments: tuple[int, str], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Jamendo("somewhere", *arguments, **settings)


GOOD = row(214, 14, "rock")
END = (
    " Expected autotagging_genre-train.tsv, autotagging_genre-validation.tsv, autotagging_genre-test.tsv of one split, "
    "unchanged, as in the repository MTG/mtg-jamendo-dataset: data/splits/split-0."
)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["TRACK_ID\tPATH\tTAGS", GOOD],
            "{path} begins with 'TRACK_ID\\tPATH\\tTAGS': expected the columns TRACK_ID, ARTIST_ID, ALBUM_ID, PATH, DURATION, "
            "TAGS, separated by tabs.",
        ),
        (
            [HEADER.replace("\t", ","), GOOD],
            "{path} begins with 'TRACK_ID,ARTIST_ID,ALBUM_ID,PATH,DURATION,TAGS': expected",
        ),
        (["<!DOCTYPE html>"], "{path} begins with '<!DOCTYPE html>': expected the columns"),
        ([], "{path} begins with '': expected the columns"),
        ([HEADER, GOOD, "track_0000215\tartist_000014"], "{path}, line 3: 2 cells, expected at least 6."),
        (
            [HEADER, GOOD.replace("14/214", "14/215")],
            "{path}, line 2: 'track_0000214, artist_000014, album_000014, 14/215.mp3': expected ids and path of one track, "
            "such as track_0000214, artist_000014, album_000031, 14/214.mp3.",
        ),
        (
            [HEADER, GOOD.replace("artist_", "")],
            "{path}, line 2: 'track_0000214, 000014, album_000014, 14/214.mp3': expected",
        ),
        (
            [HEADER, "", GOOD.replace("genre---rock", "mood/theme---happy")],
            "{path}, line 3: the tag 'mood/theme---happy' is no genre, such as genre---rock.",
        ),
        ([HEADER, GOOD, GOOD], "{path}, line 3: track_0000214 is also in {path}, line 2."),
    ],
)
def test_a_table_that_is_not_of_the_genre_task_is_refused(lines: list[str], message: str, tmp_path: Path) -> None:
    path = tables(tmp_path / "split-0", [], [], []) / "autotagging_genre-train.tsv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with pytest.raises(ValueError, match=f"^{re.escape(message.format(path=path))}") as error:
        corpus(audio(tmp_path, [214]))
    assert str(error.value).endswith(END)


def test_a_track_in_two_sets_empty_tables_and_other_bytes_are_refused(tmp_path: Path) -> None:
    folder = tables(tmp_path / "split-0", [GOOD], [], [GOOD])
    audio(tmp_path, [214])
    with pytest.raises(
        ValueError, match=r"-test\.tsv, line 2: track_0000214 is also in .*-train\.tsv, line 2\. Expected"
    ):
        corpus(tmp_path)
    tables(folder, [], [], [])
    with pytest.raises(ValueError, match=r"^The tables in .*split-0 have a header but no rows\. Expected"):
        corpus(tmp_path)
    (folder / "autotagging_genre-train.tsv").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(ValueError, match=r"-train\.tsv is not UTF-8 text \('utf-8' codec can't decode .*\)\. Expected"):
        corpus(tmp_path)
