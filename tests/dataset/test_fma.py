"""FMA's table and archives become a corpus; an error says what differs from the published FMA."""

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from src.clip import Clip, Excluded
from src.config import compose
from src.dataset import Fma, fma, tracks
from src.training import setup
from tests.conftest import tone

# The columns of tracks.csv in their order, as in the FMA of 2017.
TABLE = {
    "album": "comments date_created date_released engineer favorites id information listens producer tags title tracks type",
    "artist": (
        "active_year_begin active_year_end associated_labels bio comments date_created favorites id latitude location "
        "longitude members name related_projects tags website wikipedia_page"
    ),
    "set": "split subset",
    "track": (
        "bit_rate comments composer date_created date_recorded duration favorites genre_top genres genres_all information "
        "interest language_code license listens lyricist number publisher tags title"
    ),
}
COLUMNS = [(group, column) for group, names in TABLE.items() for column in names.split()]
BIO = '<p>Born in "Lausanne", he said:\n\nrock, folk,\r\nand noise.</p>'
PLAIN = {
    "artist/bio": BIO,
    "artist/id": "1",
    "artist/name": "AWOL",
    "album/id": "10",
    "album/title": "A Way, Of Life",
    "set/split": "training",
    "set/subset": "small",
    "track/genre_top": "Rock",
    "track/title": "Food",
}


def row(number: int, **cells: str) -> list[str]:
    """Make one row of tracks.csv; cells are named like artist_id."""
    values = PLAIN | {name.replace("_", "/", 1): cell for name, cell in cells.items()}
    assert all(tuple(name.split("/")) in COLUMNS for name in values)
    return [str(number), *[values.get(f"{group}/{column}", "") for group, column in COLUMNS]]


def table(path: Path, rows: Sequence[Sequence[str]], columns: Sequence[tuple[str, str]] = COLUMNS) -> Path:
    """Write a tracks.csv like pandas: two header lines and a line with the name of the index."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = [["", *[group for group, _ in columns]], ["", *[column for _, column in columns]]]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([*head, ["track_id", *[""] * len(columns)], *rows])
    return path


def archive(folder: Path, *numbers: int) -> Path:
    """Make an archive's folder with empty files for some tracks."""
    for number in numbers:
        path = folder / f"{number:06d}"[:3] / f"{number:06d}.mp3"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "checksums").touch()
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Five tracks (two of small, one of medium, two of large, one of them without top genre) and the files of large."""
    rows = [
        row(2),
        row(5, set_split="test", artist_name="Ben", artist_id="2", track_genre_top="Folk"),
        row(10, set_subset="medium", set_split="validation", track_genre_top="Jazz"),
        row(134, set_subset="large", track_genre_top=""),
        row(155320, set_subset="large", track_genre_top="Pop", album_id="-1", album_title="", track_title=""),
    ]
    table(tmp_path / "fma_metadata" / "tracks.csv", rows)
    archive(tmp_path / "fma_large", 2, 5, 10, 134, 155320)
    return tmp_path


def _names(root: Path, subset: str, **settings: Any) -> list[str]:
    return [clip.name for clip in Fma(str(root), subset, **settings).corpus().clips]


def test_a_row_becomes_a_clip_with_artist_album_title_and_set(root: Path) -> None:
    corpus = Fma(str(root), "large").corpus()
    folder = root / "fma_large"
    assert corpus.clips[1] == Clip(
        name="000/000005.mp3",
        path=folder / "000" / "000005.mp3",
        genre="Folk",
        artist="Ben (2)",
        track="Food (5)",
        subset="test",
        album="A Way, Of Life (10)",
    )
    last = corpus.clips[-1]
    assert (last.name, last.album, last.track, last.artist) == ("155/155320.mp3", None, "(155320)", "AWOL (1)")
    assert (corpus.name, corpus.synthetic, corpus.genres) == ("fma-large", False, ["Folk", "Jazz", "Pop", "Rock"])


def test_each_subset_contains_the_smaller_ones(root: Path) -> None:
    small, medium = ["000/000002.mp3", "000/000005.mp3"], ["000/000010.mp3"]
    assert _names(root, "small") == small
    assert _names(root, "medium") == small + medium
    assert _names(root, "large") == [*small, *medium, "155/155320.mp3"]


def test_official_sets_are_train_val_and_test(root: Path) -> None:
    assert [clip.subset for clip in Fma(str(root), "medium").corpus().clips] == ["train", "test", "val"]


def test_artists_and_albums_with_the_same_name_are_distinguished(tmp_path: Path) -> None:
    rows = [
        row(2, artist_name="The\n Band ", artist_id="7", album_id="3", album_title="Live"),
        row(3, artist_name="The Band", artist_id="8", album_id="4", album_title="Live"),
    ]
    table(tmp_path / "tracks.csv", rows)
    archive(tmp_path, 2, 3)
    clips = Fma(str(tmp_path), "small").corpus().clips
    assert [clip.artist for clip in clips] == ["The Band (7)", "The Band (8)"]
    assert [clip.album for clip in clips] == ["Live (3)", "Live (4)"]
    assert len({clip.track for clip in clips}) == 2  # both are called Food


@pytest.mark.parametrize(
    "place", ["tracks.csv", "fma_metadata/tracks.csv", "../tracks.csv", "../fma_metadata/tracks.csv"]
)
def test_the_table_is_found_in_root_and_its_parent_folder(place: str, tmp_path: Path) -> None:
    folder = archive(tmp_path / "fma_small", 2)
    table(folder / place, [row(2)])
    assert _names(folder, "small") == ["000/000002.mp3"]


@pytest.mark.parametrize("file", ["", "tracks.csv"])
def test_metadata_is_the_table_or_its_folder(file: str, tmp_path: Path) -> None:
    folder = archive(tmp_path / "music", 2)
    table(tmp_path / "elsewhere" / "tracks.csv", [row(2)])
    assert _names(folder, "small", metadata=str(tmp_path / "elsewhere" / file)) == ["000/000002.mp3"]


def test_the_archive_of_the_subset_is_preferred_to_a_larger_one(root: Path) -> None:
    archive(root / "fma_small", 2)
    corpus = Fma(str(root), "small").corpus()
    assert [clip.path for clip in corpus.clips] == [root / "fma_small" / "000" / "000002.mp3"]
    assert _names(root, "medium") == ["000/000002.mp3", "000/000005.mp3", "000/000010.mp3"]  # from large


def test_tracks_without_a_top_genre_are_counted_and_listed(root: Path) -> None:
    corpus = Fma(str(root), "large").corpus()
    assert corpus.excluded == [
        Excluded("000/000134.mp3", "no top genre in tracks.csv: its genres have several roots, or it has no genre")
    ]
    assert corpus.notes == ["FMA large has no top genre for 1 of its 5 tracks; they are left out."]


def test_missing_files_are_counted_listed_and_named(tmp_path: Path) -> None:
    table(tmp_path / "tracks.csv", [row(number) for number in range(1, 7)])
    archive(tmp_path, 1)
    corpus = Fma(str(tmp_path), "small").corpus()
    assert [exclusion.clip for exclusion in corpus.excluded] == [f"000/00000{number}.mp3" for number in range(2, 7)]
    assert {exclusion.reason for exclusion in corpus.excluded} == {"no such file"}
    assert corpus.notes == [
        f"{tmp_path} has no file for 5 of the 6 tracks of FMA small, e.g. 000/000002.mp3, 000/000003.mp3, 000/000004.mp3. "
        "Unpack the archive again, or continue without them."
    ]


def test_files_that_are_not_in_the_subset_are_counted(root: Path) -> None:
    (root / "fma_large" / "000" / "._000002.mp3").touch()  # written by macOS, not by the user
    archive(root / "fma_large", 999999)
    assert Fma(str(root), "small").corpus().notes == [
        f"4 of the mp3 files in {root / 'fma_large'} are not tracks of FMA small; they are not used."
    ]


def test_clips_with_known_faults_are_left_out_or_noted_with_the_source(tmp_path: Path) -> None:
    table(tmp_path / "tracks.csv", [row(number) for number in (2, 2624, 98565, 98567, 99134, 133297)])
    archive(tmp_path, 2, 2624, 98565, 98567, 99134)  # the user has deleted one of the files without sound
    corpus = Fma(str(tmp_path), "small").corpus()
    assert [clip.name[4:10] for clip in corpus.clips] == ["000002", "002624", "098565", "098567"]
    assert corpus.excluded == [
        Excluded("099/099134.mp3", "no sound in the archive's file (mdeff/fma wiki and issues 8, 36 and 44)"),
        Excluded("133/133297.mp3", "no sound in the archive's file (mdeff/fma wiki and issues 4, 8, 36, 44 and 70)"),
    ]
    assert corpus.notes == [
        "The mdeff/fma wiki lists clips shorter than 30 s that are used here: 098/098565.mp3 (1.6 s), 098/098567.mp3 (0.5 s).",
        "mdeff/fma issue 49 reports 1 of the clips as unreadable, without a second check: they are decoded all the same, "
        "and those that fail are listed in excluded.csv.",
    ]


def test_every_known_fault_has_a_source() -> None:
    """The wiki counts 21 short tracks in medium, and names six of them in small."""
    faults = fma._faults()
    kinds = [fault["fault"] for fault in faults.values()]
    assert {kind: kinds.count(kind) for kind in kinds} == {"no sound": 15, "short": 6, "reported unreadable": 147}
    assert faults.keys() >= {98565, 98567, 98569, 99134, 108925, 133297}
    for fault in faults.values():
        assert fault["source"].startswith("mdeff/fma ")
        if fault["fault"] == "short":
            assert 0 < float(fault["seconds"]) < 30
        else:
            assert fault["seconds"] == ("0" if fault["fault"] == "no sound" else "")


def test_genres_select_clips(root: Path) -> None:
    assert _names(root, "medium", genres=["Jazz", "Folk"]) == ["000/000005.mp3", "000/000010.mp3"]
    with pytest.raises(ValueError, match=r"^dataset.genres asks for rock, but fma-small has Folk, Rock\.$"):
        _names(root, "small", genres=["rock"])


def test_a_very_long_cell_is_read_and_the_csv_limit_is_restored(tmp_path: Path) -> None:
    table(tmp_path / "tracks.csv", [row(2, artist_bio="la, " * 100_000)])
    archive(tmp_path, 2)
    previous_limit = csv.field_size_limit()
    assert _names(tmp_path, "small") == ["000/000002.mp3"]
    assert csv.field_size_limit() == previous_limit


def test_an_unknown_subset_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^dataset.subset is 'full': expected small, medium, large\.$"):
        Fma("somewhere", "full")


def test_a_missing_root_is_refused(tmp_path: Path) -> None:
    message = (
        f"dataset.root is {tmp_path / 'gone'}, which is not a folder: expected the folder in which fma_medium.zip was "
        "unpacked, with files such as fma_medium/000/000002.mp3, or the folder fma_medium itself."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Fma(str(tmp_path / "gone"), "medium").corpus()


def test_a_root_without_any_track_is_refused(root: Path) -> None:
    wrong = root / "fma_metadata"
    message = (
        f"{wrong} contains none of the 2 tracks of FMA small: dataset.root is {wrong}, expected the folder in which "
        "fma_small.zip was unpacked, with files such as fma_small/000/000002.mp3, or the folder fma_small itself."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Fma(str(wrong), "small").corpus()


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    folder = archive(tmp_path / "fma_small", 2)
    places = [base / name for base in (folder, tmp_path) for name in ("tracks.csv", "fma_metadata/tracks.csv")]
    message = (
        f"FMA's tracks.csv was not found: expected {' or '.join(map(str, places))}. Unpack fma_metadata.zip and name its "
        "folder: dataset.metadata=DIR"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Fma(str(folder), "small").corpus()
    with pytest.raises(ValueError, match=r"^FMA's tracks.csv was not found: expected gone or gone/tracks.csv\. "):
        Fma(str(folder), "small", metadata="gone").corpus()


END = " Expected tracks.csv from fma_metadata.zip."


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(2)[:-1]], "{path}, line 7: 52 cells, but the header has 53." + END),
        (
            [row(2), row(3, set_split="train")],
            "{path}, line 11: track '3', subset 'small', split 'train': expected a number, one of small, medium, large, and "
            "one of training, validation, test." + END,
        ),
        (
            [row(2, set_subset="full")],
            "{path}, line 7: track '2', subset 'full', split 'training': expected a number, one of small, medium, large, "
            "and one of training, validation, test." + END,
        ),
        ([row(2), row(3), row(2)], "{path} lists track 2 twice." + END),
    ],
)
def test_a_row_that_is_not_from_fma_is_refused(rows: list[list[str]], message: str, tmp_path: Path) -> None:
    path = table(tmp_path / "tracks.csv", rows)
    with pytest.raises(ValueError, match=f"^{re.escape(message.format(path=path))}$"):
        Fma(str(archive(tmp_path, 2)), "small").corpus()


def test_a_table_without_the_columns_is_refused(tmp_path: Path) -> None:
    columns = [column for column in COLUMNS if column not in [("track", "genre_top"), ("set", "split")]]
    path = table(tmp_path / "tracks.csv", [], columns)
    message = f"{path} lacks the columns set/split, track/genre_top.{END}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        Fma(str(archive(tmp_path, 2)), "small").corpus()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04\xff\xfe\x00", r"tracks.csv cannot be read as CSV \('utf-8' codec can't decode .*\)\."),
        (b"", r"tracks.csv lacks the columns set/subset, .*, track/title\."),
        (b"track_id,title\n2,Food\n", r"tracks.csv lacks the columns set/subset, .*, track/title\."),
    ],
)
def test_another_file_of_that_name_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "tracks.csv").write_bytes(content)
    with pytest.raises(ValueError, match=f"{message}{re.escape(END)}$"):
        Fma(str(archive(tmp_path, 2)), "small").corpus()


def test_a_table_without_its_third_line_is_refused(tmp_path: Path) -> None:
    path = table(tmp_path / "tracks.csv", [row(2)])
    lines = path.read_text(encoding="utf-8").split("track_id")
    path.write_text("2".join(lines), encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(f"{path} has a third line that does not begin with track_id.{END}")):
        Fma(str(archive(tmp_path, 2)), "small").corpus()


def test_a_cell_longer_than_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracks, "MAX_CELL_LENGTH", 100)
    path = table(tmp_path / "tracks.csv", [row(2, artist_bio="x" * 101)])
    message = re.escape(f"{path} cannot be read as CSV (field larger than field limit (100)).{END}")
    with pytest.raises(ValueError, match=message):
        Fma(str(archive(tmp_path, 2)), "small").corpus()


def test_mp3_files_are_decoded_and_get_their_official_sets(tmp_path: Path) -> None:
    """An archive of tiny mp3 files is prepared for training; one file is empty, like some of FMA's."""
    rows, number = [], 2
    for split in ("training", "validation", "test"):
        for genre, hz in (("Rock", 220.0), ("Folk", 880.0)):
            name = f"{genre} {split}"
            rows.append(
                row(
                    number,
                    set_split=split,
                    track_genre_top=genre,
                    artist_name=name,
                    artist_id=str(number),
                    album_id="-1",
                )
            )
            tone(tmp_path / "fma_small" / "000" / f"{number:06d}.mp3", hz, 1.0, 44100, channels=2)
            number += 1
    table(tmp_path / "fma_metadata" / "tracks.csv", [*rows, row(number, artist_id="9")])
    archive(tmp_path / "fma_small", number)
    overrides = ("dataset=fma", f"dataset.root={tmp_path}", "split=official", f"data.cache={tmp_path / 'cache'}")
    data = setup.compose_data(compose(*overrides))
    assert data.subsets == ["train", "train", "val", "val", "test", "test"]
    assert data.genres == ["Folk", "Rock"]
    assert data.excluded == [Excluded("000/000008.mp3", "an empty file (0 bytes)")]
    assert data.waveforms.length.tolist() == [22050] * 6
