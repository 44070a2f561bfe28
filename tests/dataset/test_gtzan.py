"""GTZAN is found in the layouts of its releases, with the sides, artists and faults that its literature gives."""

import os
import re
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from src import plain_files
from src.clip import Corpus, Excluded
from src.dataset import Gtzan
from src.dataset.gtzan import COPY, DISTORTED, FACTS, GENRES, LEADS, OUT, SAME, UNREADABLE
from src.split import Holdout, Official
from src.split.certificate import certify, refuse_leaks
from src.split.grouping import groups
from tests.conftest import tone

NAMES = [f"{genre}.{number:05}" for genre in GENRES for number in range(100)]
ROWS = [row for _, row in plain_files.rows(FACTS, "gtzan.csv", ("clip", "artist", "track", "split"))]
FAULTS = [row for _, row in plain_files.rows(FACTS, "gtzan_faults.csv", ("clip", "fault", "other", "source"))]


def lay(folder: Path, suffix: str = ".wav", names: list[str] = NAMES) -> Path:
    """Lay out GTZAN's names in a folder: one generated sound, linked to all of them."""
    sound = tone(folder.parent / f"one{suffix}", seconds=0.1)
    for name in names:
        genre = folder / name.partition(".")[0]
        genre.mkdir(parents=True, exist_ok=True)
        os.link(sound, genre / f"{name}{suffix}")
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all 1,000 clips as wav."""
    return lay(tmp_path_factory.mktemp("gtzan") / "genres_original")


def corpus(root: Path, faults: str = "exclude", **keys: object) -> Corpus:
    return Gtzan(str(root), faults, **keys).corpus()  # type: ignore[arg-type]


def reasons(found: Corpus) -> dict[str, str]:
    return {left.clip: left.reason for left in found.excluded}


# The tables


def test_the_sides_are_those_of_torchaudio() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchaudio's own
        from torchaudio.datasets import gtzan
    stated = {side: {row["clip"] for row in ROWS if row["split"] == side} for side in ("train", "val", "test", "")}
    assert stated["train"] == set(gtzan.filtered_train)
    assert stated["val"] == set(gtzan.filtered_valid)
    assert stated["test"] == set(gtzan.filtered_test)
    assert {side: len(clips) for side, clips in stated.items()} == {"train": 443, "val": 197, "test": 290, "": 70}


def test_the_table_has_each_clip_once_and_sturms_counts_of_artists() -> None:
    assert [row["clip"] for row in ROWS] == sorted(NAMES)
    counted = Counter((row["clip"].partition(".")[0], row["artist"]) for row in ROWS)
    assert counted["reggae", "Bob Marley"] == 35  # Sturm 2012; a 36th is by Bob Marley and Lauryn Hill
    assert counted["pop", "Britney Spears"] == 24  # Sturm 2012
    assert sum(not row["artist"] for row in ROWS) == 81


def test_an_artist_is_spelt_in_one_way() -> None:
    def plain(name: str) -> str:
        return re.sub(r"\b(the|and)\b|[^a-z0-9]", "", name.lower())

    artists = {artist for row in ROWS for artist in row["artist"].split("; ") if artist}
    assert len({plain(artist) for artist in artists}) == len(artists)
    assert all(artist == artist.strip() for artist in artists)


def test_the_exact_copies_are_the_50_that_sturm_counts() -> None:
    copies = defaultdict(set)
    for row in FAULTS:
        if row["fault"] == COPY:
            copies[row["clip"]] |= {row["clip"], row["other"]}
    sets = {frozenset(copies[clip]) for clip in copies}
    assert sum(len(group) - 1 for group in sets) == 50
    assert [sorted(group) for group in sets if len({clip.partition(".")[0] for clip in group}) > 1] == [
        ["metal.00058", "rock.00016"]
    ]
    told = {row["clip"]: (row["artist"], row["track"], row["split"]) for row in ROWS}
    for group in sets:
        assert len({told[clip][:2] for clip in group}) == 1
        assert sum(bool(told[clip][2]) for clip in group) <= 1


def test_every_fault_is_of_a_known_kind_of_a_known_clip_and_has_a_source() -> None:
    assert len({tuple(row.values()) for row in FAULTS}) == len(FAULTS)
    assert {row["clip"] for row in FAULTS} <= set(NAMES)
    assert all(row["source"] for row in FAULTS)
    clips = {kind: {row["clip"] for row in FAULTS if row["fault"] == kind} for kind in LEADS}
    assert {kind: len(names) for kind, names in clips.items()} == {
        COPY: 96,
        SAME: 61,
        OUT: 70,
        DISTORTED: 1,
        UNREADABLE: 1,
    }
    assert clips[OUT] == {row["clip"] for row in ROWS if not row["split"]}


@pytest.mark.parametrize("kind", [COPY, SAME])
def test_a_repetition_stands_at_both_clips(kind: str) -> None:
    pairs = {(row["clip"], row["other"]) for row in FAULTS if row["fault"] == kind}
    assert pairs == {(other, clip) for clip, other in pairs}
    told = {row["clip"]: (row["artist"], row["track"]) for row in ROWS}
    assert all(told[clip] == told[other] for clip, other in pairs)


# The clips


def test_the_official_split_has_its_published_sizes(whole: Path) -> None:
    found = corpus(whole)
    sides = Official(file=None, seed=0, allow_leak=False).assign(found.clips)
    assert Counter(sides) == {"train": 443, "val": 197, "test": 290}
    assert (found.name, found.genres, found.synthetic) == ("gtzan", list(GENRES), False)
    assert len(found.excluded) == 70
    [chosen] = [clip for clip in found.clips if clip.name == "reggae.00047"]
    assert (chosen.genre, chosen.artist, chosen.track) == ("reggae", "Dennis Brown", "Money in My Pocket")
    assert (chosen.subset, chosen.path) == ("test", whole / "reggae" / "reggae.00047.wav")


def test_what_the_official_sides_share_is_found(whole: Path) -> None:
    clips = corpus(whole).clips
    sides = Official(file=None, seed=0, allow_leak=False).assign(clips)
    certificate = certify(clips, sides, [clip.name for clip in clips], "official")
    assert certificate["shared"] == {
        "artists": ["Bob Marley", "Donna Summer"],
        "tracks": ["I'll Be Watching You"],
        "audio": [],
        "albums": [],
        "near_copies": None,
    }
    with pytest.raises(ValueError, match=r"2 artists \(Bob Marley, Donna Summer\); 1 track"):
        refuse_leaks(certificate)


def test_a_grouped_split_of_all_clips_keeps_copies_and_artists_together(whole: Path) -> None:
    clips = corpus(whole, "keep").clips
    side = dict(
        zip(
            (clip.name for clip in clips),
            Holdout(test=0.2, val=0.2, seed=0, grouped=True, allow_leak=False).assign(clips),
            strict=True,
        )
    )
    assert len(side) == 1000
    assert all(side[row["clip"]] == side[row["other"]] for row in FAULTS if row["fault"] in (COPY, SAME))
    assert Counter(kind for kind, _ in groups(clips)) == {"artist": 919, "track": 8, "clip": 73}


def test_each_fault_is_named_with_its_source(whole: Path) -> None:
    left = reasons(corpus(whole))
    assert left["disco.00050"] == (
        "exact copy of disco.00051 and disco.00070 (public lists of the 50 that Sturm 2012 counts); "
        "left out of the fault-filtered lists (Kereliuk, Sturm and Larsen 2015)"
    )
    assert left["metal.00058"].startswith("exact copy of rock.00016 (MD5 in mirdata 0.3.8 and public lists); left out")
    assert left["hiphop.00001"].startswith("same track in the index as hiphop.00042 (Sturm 2012); left out of")
    assert left["reggae.00086"].endswith(
        "distorted: all but 5 seconds are useless (Sturm 2012; a public list names the clip)"
    )
    assert all("Kereliuk, Sturm and Larsen 2015" in reason for reason in left.values())


def test_what_is_left_out_and_what_is_kept_is_said(whole: Path) -> None:
    excluding, kept, unreadable, mislabels = corpus(whole).notes
    assert excluding.startswith("70 of 1,000 clips have known faults and are left out, as in the fault-filtered lists")
    assert kept.startswith("Clips with known faults are kept: same track in the index (25: blues.00024,")
    assert ", unreadable (1: jazz.00054); src/" in kept
    assert unreadable.startswith("jazz.00054 is unreadable in the wav release (")
    assert mislabels.endswith("43 conspicuous and 63 contentious ones, which no table here names.")


def test_keep_takes_all_clips(whole: Path) -> None:
    found = corpus(whole, "keep")
    assert (len(found.clips), found.excluded) == (1000, [])
    assert found.notes[0].startswith(
        "Clips with known faults are kept: exact copy (96), same track in the index (61), left out of the fault-filtered "
        "lists (70), distorted (1: reggae.00086), unreadable (1: jazz.00054); "
    )
    with pytest.raises(ValueError, match=r"70 of 1000 have none, e\.g\. classical\.00042"):
        Official(file=None, seed=0, allow_leak=False).assign(found.clips)


# The releases


@pytest.mark.parametrize("inside", [".", "genres", "genres_original", "Data/genres_original"])
@pytest.mark.parametrize("suffix", [".au", ".wav"])
def test_every_release_gives_the_same_names(inside: str, suffix: str, tmp_path: Path) -> None:
    lay(tmp_path / "root" / inside, suffix, ["blues.00000", "rock.00099"])
    found = corpus(tmp_path / "root")
    assert [clip.name for clip in found.clips] == ["blues.00000", "rock.00099"]
    assert [clip.path.name for clip in found.clips] == [f"blues.00000{suffix}", f"rock.00099{suffix}"]


def test_of_two_formats_one_is_read(tmp_path: Path) -> None:
    lay(tmp_path / "root", ".au", ["blues.00000", "jazz.00054"])
    lay(tmp_path / "root", ".wav", ["blues.00000", "jazz.00054", "rock.00000"])
    found = corpus(tmp_path / "root")
    assert [clip.path.name for clip in found.clips] == ["blues.00000.au", "jazz.00054.au", "rock.00000.wav"]
    assert reasons(found)["blues/blues.00000.wav"] == "blues.00000 is read from blues/blues.00000.au"
    assert not [note for note in found.notes if "wav release" in note]


def test_of_two_releases_one_is_read(tmp_path: Path) -> None:
    for inside in ("genres", "genres_original"):
        lay(tmp_path / inside, names=["blues.00000"])
        (tmp_path / "one.wav").unlink()
    assert corpus(tmp_path).clips[0].path == tmp_path / "genres" / "blues" / "blues.00000.wav"
    assert corpus(tmp_path).notes[0] == (
        f"{tmp_path} holds GTZAN more than once: {tmp_path / 'genres'} is read, {tmp_path / 'genres_original'} is not."
    )


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    gone = {"jazz.00054", "rock.00001", "disco.00050"}
    found = corpus(lay(tmp_path / "root", names=[name for name in NAMES if name not in gone]))
    assert found.notes[0] == (
        f"3 of 1,000 clips are missing from {tmp_path / 'root'}: disco.00050, jazz.00054, rock.00001."
    )
    assert Excluded("rock.00001", f"missing from {tmp_path / 'root'}") in found.excluded
    assert reasons(found)["jazz.00054"].endswith("root; unreadable in the wav release (reports of its users)")
    assert len(found.clips) == 928
    some = corpus(lay(tmp_path / "some", ".au", ["rock.00000"]), genres="rock").notes[0]
    assert some.endswith("some: rock.00001, rock.00002, rock.00003, rock.00004, rock.00005, and 94 more.")


def test_whatever_else_lies_there_is_listed(tmp_path: Path) -> None:
    root = lay(tmp_path / "root", names=["blues.00000"])
    for other in (
        "blues.mf",
        "blues/blues.00001.mp3",
        "blues/blues.00100.wav",
        "blues/jazz.00000.wav",
        "hip-hop/a.wav",
        ".x",
    ):
        (root / other).parent.mkdir(exist_ok=True)
        (root / other).touch()
    left = reasons(corpus(root))
    assert "hip-hop/a.wav" not in left  # its folder is
    for strange in ("blues.mf", "hip-hop"):
        assert left[strange] == f"no genre of GTZAN, which are {', '.join(GENRES)}"
    for strange in ("blues.00001.mp3", "blues.00100.wav", "jazz.00000.wav"):
        assert left[f"blues/{strange}"] == "no clip of GTZAN, which are called blues.00000.wav (or .au) to 00099"


def test_genres_choose_a_subset_of_clips_and_of_what_is_said(whole: Path) -> None:
    found = corpus(whole, genres=["rock", "metal"])
    assert found.genres == ["metal", "rock"]
    assert {left.clip.partition(".")[0] for left in found.excluded} == {"metal"}
    assert found.notes[0].startswith("9 of 200 clips have known faults")
    assert corpus(whole, genres="jazz").genres == ["jazz"]


def test_a_runs_split_file_is_read_back(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("clip,side\nblues.00000,test\nrock.00000,train\n", encoding="utf-8")
    found = corpus(whole, split_file=str(tmp_path / "split.csv"))
    assert [(clip.name, clip.subset) for clip in found.clips] == [("blues.00000", "test"), ("rock.00000", "train")]


# What cannot be


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"faults": "drop"}, "dataset.faults is 'drop': expected exclude or keep."),
        ({"genres": ["hip-hop"]}, "dataset.genres is ['hip-hop']: expected null (all) or some of blues, classical,"),
        ({"genres": []}, "dataset.genres is []: expected null (all) or some of blues, classical,"),
    ],
)
def test_a_choice_that_cannot_be_is_refused(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Gtzan("somewhere", **{"faults": "keep", **keys})  # type: ignore[arg-type]


def test_a_root_that_is_no_gtzan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "gone", tmp_path / "file"):
        with pytest.raises(
            ValueError, match=f"^dataset.root is {root}, which is no folder: expected the folder with GTZAN's"
        ):
            corpus(root)
    lay(tmp_path / "root", names=["blues.00000"])
    (tmp_path / "root" / "jazz").mkdir()
    (tmp_path / "root" / "jazz" / "song.wav").touch()
    for root in (tmp_path / "root" / "blues", tmp_path / "root" / "jazz"):
        with pytest.raises(
            ValueError, match=f"^dataset.root is {root}, in which there is no clip of GTZAN: expected the"
        ):
            corpus(root)


def test_a_root_without_usable_clips_of_the_genre_is_refused(tmp_path: Path) -> None:
    root = lay(tmp_path / "root", names=["disco.00050"])
    message = f"{root} has no usable clip of disco: 99 are missing, and 1 have known faults (dataset.faults=keep takes those)."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        corpus(root, genres=["disco"])
    assert len(corpus(root, "keep", genres=["disco"]).clips) == 1
