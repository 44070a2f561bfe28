"""GTZAN is found in all layouts of its releases, with the published sets, artists and faults."""

import os
import re
import warnings
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from src import plain_files
from src.clip import Corpus, Excluded
from src.dataset import Gtzan
from src.dataset.gtzan import CONNECTORS, COPY, DISTORTED, FACTS, GENRES, LEFT_OUT, SAME_TRACK, UNREADABLE
from src.split import Holdout, Official
from src.split.certificate import certify, refuse_leaks
from src.split.grouping import artist_groups
from tests.conftest import tone

NAMES = [f"{genre}.{number:05}" for genre in GENRES for number in range(100)]
ROWS = [row for _, row in plain_files.rows(FACTS, "gtzan.csv", ("clip", "artist", "track", "split"))]
FAULTS = [row for _, row in plain_files.rows(FACTS, "gtzan_faults.csv", ("clip", "fault", "other", "source"))]


def write_clips(folder: Path, suffix: str = ".wav", names: list[str] = NAMES) -> Path:
    """Fill a folder with files named like GTZAN's, all links to one generated tone."""
    sound = tone(folder.parent / f"one{suffix}", seconds=0.1)
    for name in names:
        genre = folder / name.partition(".")[0]
        genre.mkdir(parents=True, exist_ok=True)
        os.link(sound, genre / f"{name}{suffix}")
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all 1,000 clips as wav."""
    return write_clips(tmp_path_factory.mktemp("gtzan") / "genres_original")


def corpus(root: Path, faults: str = "exclude", **settings: object) -> Corpus:
    return Gtzan(str(root), faults, **settings).corpus()  # type: ignore[arg-type]


def reasons(gtzan: Corpus) -> dict[str, str]:
    return {exclusion.clip: exclusion.reason for exclusion in gtzan.excluded}


# The tables


def test_the_sets_are_those_of_torchaudio() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from torchaudio itself
        from torchaudio.datasets import gtzan
    clips_of = {split: {row["clip"] for row in ROWS if row["split"] == split} for split in ("train", "val", "test", "")}
    assert clips_of["train"] == set(gtzan.filtered_train)
    assert clips_of["val"] == set(gtzan.filtered_valid)
    assert clips_of["test"] == set(gtzan.filtered_test)
    assert {split: len(clips) for split, clips in clips_of.items()} == {"train": 443, "val": 197, "test": 290, "": 70}


def test_the_table_has_each_clip_once_and_as_many_clips_per_artist_as_sturm() -> None:
    assert [row["clip"] for row in ROWS] == sorted(NAMES)
    counts = Counter((row["clip"].partition(".")[0], row["artist"]) for row in ROWS)
    assert counts["reggae", "Bob Marley"] == 35  # Sturm 2012; a 36th is by Bob Marley and Lauryn Hill
    assert counts["pop", "Britney Spears"] == 24  # Sturm 2012
    assert sum(not row["artist"] for row in ROWS) == 81


def test_each_artist_has_one_spelling() -> None:
    def normalize(name: str) -> str:
        return re.sub(r"\b(the|and)\b|[^a-z0-9]", "", name.lower())

    artists = {artist for row in ROWS for artist in row["artist"].split("; ") if artist}
    assert len({normalize(artist) for artist in artists}) == len(artists)
    assert all(artist == artist.strip() for artist in artists)


def test_the_exact_copies_are_the_50_that_sturm_counts() -> None:
    group_of = defaultdict(set)
    for row in FAULTS:
        if row["fault"] == COPY:
            group_of[row["clip"]] |= {row["clip"], row["other"]}
    copy_groups = {frozenset(group) for group in group_of.values()}
    assert sum(len(group) - 1 for group in copy_groups) == 50
    assert [sorted(group) for group in copy_groups if len({clip.partition(".")[0] for clip in group}) > 1] == [
        ["metal.00058", "rock.00016"]
    ]
    metadata = {row["clip"]: (row["artist"], row["track"], row["split"]) for row in ROWS}
    for group in copy_groups:
        assert len({metadata[clip][:2] for clip in group}) == 1
        assert sum(bool(metadata[clip][2]) for clip in group) <= 1


def test_every_fault_has_a_known_clip_a_known_kind_and_a_source() -> None:
    assert len({tuple(row.values()) for row in FAULTS}) == len(FAULTS)
    assert {row["clip"] for row in FAULTS} <= set(NAMES)
    assert all(row["source"] for row in FAULTS)
    clips = {kind: {row["clip"] for row in FAULTS if row["fault"] == kind} for kind in CONNECTORS}
    assert {kind: len(names) for kind, names in clips.items()} == {
        COPY: 96,
        SAME_TRACK: 61,
        LEFT_OUT: 70,
        DISTORTED: 1,
        UNREADABLE: 1,
    }
    assert clips[LEFT_OUT] == {row["clip"] for row in ROWS if not row["split"]}


@pytest.mark.parametrize("kind", [COPY, SAME_TRACK])
def test_a_repetition_is_listed_at_both_clips(kind: str) -> None:
    pairs = {(row["clip"], row["other"]) for row in FAULTS if row["fault"] == kind}
    assert pairs == {(other, clip) for clip, other in pairs}
    metadata = {row["clip"]: (row["artist"], row["track"]) for row in ROWS}
    assert all(metadata[clip] == metadata[other] for clip, other in pairs)


# The clips


def test_the_official_split_has_its_published_sizes(whole: Path) -> None:
    gtzan = corpus(whole)
    subsets = Official(file=None, seed=0, allow_leak=False).assign(gtzan.clips)
    assert Counter(subsets) == {"train": 443, "val": 197, "test": 290}
    assert (gtzan.name, gtzan.genres, gtzan.synthetic) == ("gtzan", list(GENRES), False)
    assert len(gtzan.excluded) == 70
    [clip] = [clip for clip in gtzan.clips if clip.name == "reggae.00047"]
    assert (clip.genre, clip.artist, clip.track) == ("reggae", "Dennis Brown", "Money in My Pocket")
    assert (clip.subset, clip.path) == ("test", whole / "reggae" / "reggae.00047.wav")


def test_the_leaks_of_the_official_split_are_found(whole: Path) -> None:
    clips = corpus(whole).clips
    subsets = Official(file=None, seed=0, allow_leak=False).assign(clips)
    certificate = certify(clips, subsets, [clip.name for clip in clips], "official")
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
    set_of_clip = dict(
        zip(
            (clip.name for clip in clips),
            Holdout(test=0.2, val=0.2, seed=0, grouped=True, allow_leak=False).assign(clips),
            strict=True,
        )
    )
    assert len(set_of_clip) == 1000
    assert all(
        set_of_clip[row["clip"]] == set_of_clip[row["other"]] for row in FAULTS if row["fault"] in (COPY, SAME_TRACK)
    )
    assert Counter(kind for kind, _ in artist_groups(clips)) == {"artist": 919, "track": 8, "clip": 73}


def test_each_fault_is_named_with_its_source(whole: Path) -> None:
    reason = reasons(corpus(whole))
    assert reason["disco.00050"] == (
        "exact copy of disco.00051 and disco.00070 (public lists of the 50 that Sturm 2012 counts); "
        "left out of the fault-filtered lists (Kereliuk, Sturm and Larsen 2015)"
    )
    assert reason["metal.00058"].startswith(
        "exact copy of rock.00016 (MD5 in mirdata 0.3.8 and public lists); left out"
    )
    assert reason["hiphop.00001"].startswith("same track in the index as hiphop.00042 (Sturm 2012); left out of")
    assert reason["reggae.00086"].endswith(
        "distorted: all but 5 seconds are useless (Sturm 2012; a public list names the clip)"
    )
    assert all("Kereliuk, Sturm and Larsen 2015" in text for text in reason.values())


def test_notes_describe_the_clips_that_are_left_out_and_the_faulty_ones_that_are_kept(whole: Path) -> None:
    left_out, kept, unreadable, mislabels = corpus(whole).notes
    assert left_out.startswith("70 of 1,000 clips have known faults and are left out, as in the fault-filtered lists")
    assert kept.startswith("Clips with known faults are used: same track in the index (25: blues.00024,")
    assert ", unreadable (1: jazz.00054); see src/" in kept
    assert unreadable.startswith("jazz.00054 is unreadable in the wav release (")
    assert mislabels.endswith("43 conspicuous and 63 contentious ones, but no table here names them.")


def test_keep_includes_all_clips(whole: Path) -> None:
    gtzan = corpus(whole, "keep")
    assert (len(gtzan.clips), gtzan.excluded) == (1000, [])
    assert gtzan.notes[0].startswith(
        "Clips with known faults are used: exact copy (96), same track in the index (61), left out of the fault-filtered "
        "lists (70), distorted (1: reggae.00086), unreadable (1: jazz.00054); "
    )
    with pytest.raises(ValueError, match=r"70 of 1000 have none, e\.g\. classical\.00042"):
        Official(file=None, seed=0, allow_leak=False).assign(gtzan.clips)


# The releases


@pytest.mark.parametrize("subfolder", [".", "genres", "genres_original", "Data/genres_original"])
@pytest.mark.parametrize("suffix", [".au", ".wav"])
def test_every_release_gives_the_same_names(subfolder: str, suffix: str, tmp_path: Path) -> None:
    write_clips(tmp_path / "root" / subfolder, suffix, ["blues.00000", "rock.00099"])
    gtzan = corpus(tmp_path / "root")
    assert [clip.name for clip in gtzan.clips] == ["blues.00000", "rock.00099"]
    assert [clip.path.name for clip in gtzan.clips] == [f"blues.00000{suffix}", f"rock.00099{suffix}"]


def test_of_two_formats_one_is_read(tmp_path: Path) -> None:
    write_clips(tmp_path / "root", ".au", ["blues.00000", "jazz.00054"])
    write_clips(tmp_path / "root", ".wav", ["blues.00000", "jazz.00054", "rock.00000"])
    gtzan = corpus(tmp_path / "root")
    assert [clip.path.name for clip in gtzan.clips] == ["blues.00000.au", "jazz.00054.au", "rock.00000.wav"]
    assert reasons(gtzan)["blues/blues.00000.wav"] == "blues.00000 is read from blues/blues.00000.au"
    assert not [note for note in gtzan.notes if "wav release" in note]


def test_of_two_releases_one_is_read(tmp_path: Path) -> None:
    for subfolder in ("genres", "genres_original"):
        write_clips(tmp_path / subfolder, names=["blues.00000"])
        (tmp_path / "one.wav").unlink()
    assert corpus(tmp_path).clips[0].path == tmp_path / "genres" / "blues" / "blues.00000.wav"
    assert corpus(tmp_path).notes[0] == (
        f"{tmp_path} contains GTZAN more than once: {tmp_path / 'genres'} is read, {tmp_path / 'genres_original'} is not."
    )


def test_missing_clips_are_named(tmp_path: Path) -> None:
    gone = {"jazz.00054", "rock.00001", "disco.00050"}
    gtzan = corpus(write_clips(tmp_path / "root", names=[name for name in NAMES if name not in gone]))
    assert gtzan.notes[0] == (
        f"3 of 1,000 clips are missing from {tmp_path / 'root'}: disco.00050, jazz.00054, rock.00001."
    )
    assert Excluded("rock.00001", f"missing from {tmp_path / 'root'}") in gtzan.excluded
    assert reasons(gtzan)["jazz.00054"].endswith("root; unreadable in the wav release (reports of its users)")
    assert len(gtzan.clips) == 928
    some = corpus(write_clips(tmp_path / "some", ".au", ["rock.00000"]), genres="rock").notes[0]
    assert some.endswith("some: rock.00001, rock.00002, rock.00003, rock.00004, rock.00005, and 94 more.")


def test_all_other_files_are_listed_as_left_out(tmp_path: Path) -> None:
    root = write_clips(tmp_path / "root", names=["blues.00000"])
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
    reason = reasons(corpus(root))
    assert "hip-hop/a.wav" not in reason  # only its folder is listed
    for name in ("blues.mf", "hip-hop"):
        assert reason[name] == f"not a genre of GTZAN, which are {', '.join(GENRES)}"
    for name in ("blues.00001.mp3", "blues.00100.wav", "jazz.00000.wav"):
        assert reason[f"blues/{name}"] == (
            "not a clip of GTZAN, whose names are blues.00000.wav (or .au) to blues.00099.wav"
        )


def test_genres_select_clips_and_notes(whole: Path) -> None:
    gtzan = corpus(whole, genres=["rock", "metal"])
    assert gtzan.genres == ["metal", "rock"]
    assert {exclusion.clip.partition(".")[0] for exclusion in gtzan.excluded} == {"metal"}
    assert gtzan.notes[0].startswith("9 of 200 clips have known faults")
    assert corpus(whole, genres="jazz").genres == ["jazz"]


def test_the_split_file_of_a_run_is_used(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "split.csv").write_text("clip,set\nblues.00000,test\nrock.00000,train\n", encoding="utf-8")
    gtzan = corpus(whole, split_file=str(tmp_path / "split.csv"))
    assert [(clip.name, clip.subset) for clip in gtzan.clips] == [("blues.00000", "test"), ("rock.00000", "train")]


# Errors


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"faults": "drop"}, "dataset.faults is 'drop': expected exclude or keep."),
        ({"genres": ["hip-hop"]}, "dataset.genres is ['hip-hop']: expected null (all) or some of blues, classical,"),
        ({"genres": []}, "dataset.genres is []: expected null (all) or some of blues, classical,"),
    ],
)
def test_invalid_settings_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        Gtzan("somewhere", **{"faults": "keep", **settings})  # type: ignore[arg-type]


def test_a_root_without_gtzan_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "gone", tmp_path / "file"):
        with pytest.raises(
            ValueError,
            match=f"^dataset.root is {root}, which is not a folder: expected the folder that contains GTZAN's",
        ):
            corpus(root)
    write_clips(tmp_path / "root", names=["blues.00000"])
    (tmp_path / "root" / "jazz").mkdir()
    (tmp_path / "root" / "jazz" / "song.wav").touch()
    for root in (tmp_path / "root" / "blues", tmp_path / "root" / "jazz"):
        with pytest.raises(ValueError, match=f"^dataset.root is {root}, which contains no clip of GTZAN: expected the"):
            corpus(root)


def test_a_root_without_usable_clips_of_the_genre_is_refused(tmp_path: Path) -> None:
    root = write_clips(tmp_path / "root", names=["disco.00050"])
    message = (
        f"{root} has no usable clip of disco: 99 are missing, and 1 have known faults "
        "(dataset.faults=keep includes them)."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        corpus(root, genres=["disco"])
    assert len(corpus(root, "keep", genres=["disco"]).clips) == 1
