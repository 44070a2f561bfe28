"""Ballroom is found in the layouts of its archive and of mirdata, with dances, albums and repeated clips.

The files here are made: they have the names and folders of the archive, but a short tone as sound.
"""

import os
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from src import plain_files
from src.clip import AUDIO_SUFFIXES, Clip, Corpus, Excluded
from src.dataset import Ballroom, ballroom
from src.dataset.ballroom import CONNECTORS, FOLDERS, GENRES
from src.dataset.published import FACTS
from src.split import Holdout, Kfold
from src.split.certificate import certify
from tests.conftest import tone

GENRE_OF = ballroom._genres()
NAMES = list(GENRE_OF)
FAULTS = [row for _, row in plain_files.rows(FACTS, "ballroom_faults.csv", ("clip", "fault", "other", "source"))]


def write_clips(folder: Path, names: list[str] = NAMES) -> Path:
    """Fill a folder with files named like those of the archive, all links to one tone. All rumbas are in Rumba-Misc."""
    folder.mkdir(parents=True, exist_ok=True)
    sound = tone(folder.parent / "one.wav", seconds=0.1)
    for name in names:
        dance = folder / GENRE_OF[name].replace("Rumba", "Rumba-Misc")
        dance.mkdir(exist_ok=True)
        os.link(sound, dance / f"{name}.wav")
    (folder / "allBallroomFiles").touch()  # the archive's own list
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which an archive with all 698 clips was unpacked."""
    root = tmp_path_factory.mktemp("ballroom")
    write_clips(root / "BallroomData")
    return root


def corpus(root: Path, faults: str = "exclude", **settings: object) -> Corpus:
    return Ballroom(str(root), faults, **settings).corpus()  # type: ignore[arg-type]


def reasons(data_set: Corpus) -> dict[str, str]:
    return {exclusion.clip: exclusion.reason for exclusion in data_set.excluded}


# The tables


def test_the_table_has_as_many_clips_of_each_dance_as_were_published() -> None:
    """Counts of Gouyon and others; a slip in one name would also break the numbers of a medium, which the next test reads."""
    assert len(NAMES) == len(set(NAMES)) == 698
    assert sorted(NAMES) == NAMES
    assert Counter(GENRE_OF.values()) == {
        "ChaChaCha": 111,
        "Jive": 60,
        "Quickstep": 82,
        "Rumba": 98,
        "Samba": 86,
        "Tango": 86,
        "VienneseWaltz": 65,
        "Waltz": 110,
    }


def test_the_numbers_of_a_medium_go_dance_by_dance() -> None:
    """As the tracks of a compact disc for dancers do: so the first four digits are an album."""
    media: dict[str, list[str]] = {}
    for name in NAMES:
        if name.startswith("Media-"):
            media.setdefault(name[6:10], []).append(GENRE_OF[name])
    for dances in media.values():
        changes = sum(dance != following for dance, following in pairwise(dances))
        assert changes <= 7  # a second, short round through the dances is allowed
    assert media["1058"] == [*["Waltz"] * 5, *["Tango"] * 3, *["VienneseWaltz"] * 4, *["Quickstep"] * 5]


def test_the_repeated_clips_are_the_13_that_sturm_lists() -> None:
    assert Counter(row["fault"] for row in FAULTS) == {"exact copy": 4, "same recording": 9}
    assert {row["fault"] for row in FAULTS} == set(CONNECTORS)
    assert {row["clip"] for row in FAULTS} | {row["other"] for row in FAULTS} <= set(NAMES)
    assert not {row["clip"] for row in FAULTS} & {row["other"] for row in FAULTS}  # the other one is always kept
    assert all(row["source"].startswith("Sturm 2014") for row in FAULTS)
    other_dance = [row["clip"] for row in FAULTS if GENRE_OF[row["clip"]] != GENRE_OF[row["other"]]]
    assert other_dance == ["Albums-Fire-09"]


# The clips


def test_a_file_becomes_a_clip_with_its_dance_and_album(whole: Path) -> None:
    data_set = corpus(whole)
    clips = {clip.name: clip for clip in data_set.clips}
    folder = whole / "BallroomData"
    assert clips["Albums-Latin_Jam2-05"] == Clip(
        "Albums-Latin_Jam2-05", folder / "ChaChaCha" / "Albums-Latin_Jam2-05.wav", "ChaChaCha", album="Latin_Jam2"
    )
    rumba = clips["Media-103514"]
    assert (rumba.genre, rumba.album, rumba.path.parent.name) == ("Rumba", "Media-1035", "Rumba-Misc")
    assert (data_set.name, data_set.genres, data_set.synthetic) == ("ballroom", list(GENRES), False)
    assert len({clip.album for clip in data_set.clips}) == 53


def test_repeated_clips_are_left_out_with_the_source_or_kept(whole: Path) -> None:
    data_set = corpus(whole)
    assert len(data_set.clips) == 685
    assert len(data_set.excluded) == 13
    assert reasons(data_set)["Albums-Fire-09"] == (
        "exact copy of Albums-Fire-08 (Sturm 2014, as the README of CPJKU/BallroomAnnotations lists it)"
    )
    assert reasons(data_set)["Media-103415"].startswith("same recording as Media-103402 (Sturm 2014")
    [note] = data_set.notes
    assert note.startswith("13 clips repeat another one and are left out (Sturm 2014): Albums-AnaBelen_Veneo-15, ")
    assert note.endswith("; dataset.faults=keep includes them.")
    kept = corpus(whole, "keep")
    assert (len(kept.clips), kept.excluded) == (698, [])
    assert kept.notes[0].startswith("Clips that repeat another one are used: Albums-AnaBelen_Veneo-15, ")


def test_a_split_keeps_albums_together(whole: Path) -> None:
    clips = corpus(whole).clips
    split = Kfold(folds=5, fold=0, seed=0, grouped=True, allow_leak=False)
    certificate = certify(clips, split.assign(clips), [clip.name for clip in clips], split.description)
    assert certificate["grouped_by"] == "album"
    assert certificate["shared"]["albums"] == []
    assert certificate["warnings"] == []  # each dance is in each set


def test_with_copies_a_split_may_divide_a_recording_that_is_on_two_albums(whole: Path) -> None:
    """Why the default leaves copies out: three of the pairs are on two albums."""
    clips = corpus(whole, "keep").clips
    set_of = dict(zip((clip.name for clip in clips), Holdout(0.2, 0.2, 0, True, False).assign(clips), strict=True))
    album_of = {clip.name: clip.album for clip in clips}
    across = [row for row in FAULTS if album_of[row["clip"]] != album_of[row["other"]]]
    assert [row["clip"] for row in across] == ["Albums-Chrisanne2-12", "Media-103414", "Media-104705"]
    assert all(set_of[row["clip"]] == set_of[row["other"]] for row in FAULTS if row not in across)


def test_genres_select_dances_and_a_map_renames_them(whole: Path) -> None:
    data_set = corpus(whole, genres=["Waltz", "Tango"])
    assert data_set.genres == ["Tango", "Waltz"]
    assert len(data_set.excluded) == 2  # of the waltzes
    merged = corpus(whole, genre_map={"VienneseWaltz": "Waltz", "Jive": None}, genres=["Waltz", "Samba"])
    assert Counter(clip.genre for clip in merged.clips) == {"Waltz": 173, "Samba": 83}


def test_the_split_file_of_a_run_is_used(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("clip,set\nMedia-103401,test\nMedia-105901,train\n", encoding="utf-8")
    data_set = corpus(whole, split_file=str(tmp_path / "split.csv"))
    assert [(clip.name, clip.subset) for clip in data_set.clips] == [
        ("Media-103401", "test"),
        ("Media-105901", "train"),
    ]


# The layouts


@pytest.mark.parametrize("subfolder", [".", "BallroomData", "audio", "B_1.0/audio"])
def test_the_layouts_of_the_archive_and_of_mirdata_are_found(subfolder: str, tmp_path: Path) -> None:
    write_clips(tmp_path / "root" / subfolder, ["Media-103401", "Media-105901"])
    data_set = corpus(tmp_path / "root")
    assert [clip.name for clip in data_set.clips] == ["Media-103401", "Media-105901"]


@pytest.mark.parametrize("folder", ["Rumba-American", "Rumba-International", "Rumba-Misc"])
def test_the_three_rumbas_are_one_dance(folder: str, tmp_path: Path) -> None:
    tone(tmp_path / folder / "Media-103514.wav", seconds=0.1)
    assert [clip.genre for clip in corpus(tmp_path).clips] == ["Rumba"]


def test_of_two_copies_one_is_read(tmp_path: Path) -> None:
    write_clips(tmp_path / "BallroomData", ["Media-103514"])
    tone(tmp_path / "audio" / "Rumba-Misc" / "Media-103514.wav", seconds=0.1)
    tone(tmp_path / "BallroomData" / "Rumba-American" / "Media-103514.wav", seconds=0.1)
    data_set = corpus(tmp_path)
    assert data_set.notes[0] == (
        f"{tmp_path} contains Ballroom more than once: {tmp_path / 'BallroomData'} is read, {tmp_path / 'audio'} is not."
    )
    assert reasons(data_set)["Rumba-Misc/Media-103514.wav"] == (
        "Media-103514 is read from Rumba-American/Media-103514.wav"
    )


def test_missing_clips_are_named(tmp_path: Path) -> None:
    gone = {"Media-103401", "Albums-Fire-09", "Media-105901"}
    data_set = corpus(write_clips(tmp_path / "root", [name for name in NAMES if name not in gone]))
    assert data_set.notes[0] == (
        f"3 of 698 clips are missing from {tmp_path / 'root'}: Albums-Fire-09, Media-103401, Media-105901."
    )
    assert Excluded("Media-105901", f"missing from {tmp_path / 'root'}") in data_set.excluded
    assert len(data_set.clips) == 685 - 2
    some = corpus(write_clips(tmp_path / "some", ["Media-103401"]), genres="ChaChaCha").notes[0]
    assert some.startswith("110 of 111 clips are missing from ")


def test_all_other_folders_and_sound_files_are_listed_as_left_out(tmp_path: Path) -> None:
    root = write_clips(tmp_path / "root", ["Media-103401"])
    for other in ("ChaChaCha/Media-103401.mp3", "ChaChaCha/Media-999901.wav", "Jive/Media-103402.wav", "Salsa/a.wav"):
        (root / other).parent.mkdir(exist_ok=True)
        (root / other).touch()
    tone(root / f"b{AUDIO_SUFFIXES[0]}")
    reason = reasons(corpus(root))
    for name in ("Salsa", "b.wav"):
        assert reason[name] == f"not a folder of Ballroom, which are {', '.join(FOLDERS)}"
    for name in ("ChaChaCha/Media-103401.mp3", "ChaChaCha/Media-999901.wav"):
        assert reason[name].startswith("not a clip of Ballroom, whose names are those in ")
    assert reason["Jive/Media-103402.wav"] == "in the folder of another dance: Media-103402 is a ChaChaCha"
    assert "allBallroomFiles" not in reason


# Errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"faults": "drop"}, "dataset.faults is 'drop': expected exclude or keep."),
        (
            {"genres": ["Salsa"]},
            "dataset.genres is ['Salsa']: expected null (all) or some of ChaChaCha, Jive, Quickstep,",
        ),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Ballroom("somewhere", **{"faults": "keep", **settings})  # type: ignore[arg-type]


def test_a_root_without_ballroom_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"^dataset.root is {tmp_path / 'gone'}, which is not a folder: expected the"):
        corpus(tmp_path / "gone")
    tone(tmp_path / "Jive" / "song.wav")
    with pytest.raises(ValueError, match=f"^dataset.root is {tmp_path}, which contains no clip of Ballroom: expected"):
        corpus(tmp_path)


def test_a_root_without_usable_clips_of_the_dance_is_refused(tmp_path: Path) -> None:
    root = write_clips(tmp_path / "root", ["Media-103415"])
    message = (
        f"{root} has no usable clip of ChaChaCha: 110 are missing, and 1 repeat another clip (dataset.faults=keep "
        "includes them)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        corpus(root, genres=["ChaChaCha"])
    assert len(corpus(root, "keep", genres=["ChaChaCha"]).clips) == 1
