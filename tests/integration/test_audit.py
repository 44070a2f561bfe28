"""The audit, as a user runs it, on a folder in which everything is wrong that can be, and on one in which nothing is."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from src.dataset import Folder
from tests.conftest import RATE, write
from tests.programs import audit, help_of, small, train

GENRES = ("drone", "polka", "samba")
PATTERN = "dataset.artist_pattern='/(?P<artist>.+?)--'"


def song(seed: int, seconds: float = 12.0) -> NDArray[np.float64]:
    """A melody with chords and noise, like no other: notes of random pitch and length, four at a time."""
    random = np.random.default_rng(seed)
    time_T = np.arange(round(seconds * RATE)) / RATE
    wave_T = 0.003 * random.standard_normal(len(time_T))
    for _ in range(4):
        at = 0.0
        while at < seconds:
            length = random.uniform(0.12, 0.6)
            hz = 110 * 2 ** (random.integers(0, 48) / 12)
            inside = (time_T >= at) & (time_T < at + length)
            note_T = time_T[inside] - at
            wave_T[inside] += (
                0.1 * np.exp(-3 * note_T / length) * sum(np.sin(2 * np.pi * h * hz * note_T) / h for h in (1, 2, 3))
            )
            at += length
    return wave_T


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three genres of four artists with one song each, alike in level and bandwidth."""
    root = tmp_path_factory.mktemp("clean") / "shelf"
    for g, genre in enumerate(GENRES):
        for artist in range(4):
            write(root / genre / f"{genre} {artist}--song.wav", song(10 * g + artist))
    return root


@pytest.fixture(scope="module")
def messy(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clean one, and what may go wrong."""
    root = tmp_path_factory.mktemp("messy") / "shelf"
    shutil.copytree(clean, root)
    first = song(0)
    write(root / "drone/silent--a.wav", np.zeros(12 * RATE))
    write(root / "drone/constant--a.wav", np.full(12 * RATE, 0.3))
    write(root / "drone/clipped--a.wav", np.clip(30 * song(90), -1, 1))
    write(root / "drone/short--a.wav", song(91, seconds=1.0))
    (root / "polka/empty--a.mp3").write_bytes(b"")
    (root / "polka/broken--a.ogg").write_bytes(b"no sound " * 99)
    whole = write(root / "polka/truncated--a.wav", song(92))
    whole.write_bytes(whole.read_bytes()[:300_000])
    shutil.copy(root / "drone/drone 0--song.wav", root / "samba/copy--b.wav")
    write(root / "samba/encoded--b.mp3", song(1))
    write(root / "samba/later--b.flac", 0.25 * song(2)[round(3.3 * RATE) :])
    assert len(first)
    return root


@pytest.fixture(scope="module")
def audited(messy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the messy one's audit."""
    folder = tmp_path_factory.mktemp("audited")
    with pytest.MonkeyPatch.context() as patch:
        words = ("dataset=folder", f"dataset.root={messy}", PATTERN, f"data.cache={folder / 'cache'}")
        assert audit(patch, *words, f"hydra.run.dir={folder / 'out'}", "split=kfold", "split.folds=3") == 1
    return folder / "out"


def content(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "audit.json").read_text())
    return found


def run(monkeypatch: pytest.MonkeyPatch, root: Path, folder: Path, *words: str) -> int:
    given = (
        "dataset=folder",
        f"dataset.root={root}",
        f"data.cache={folder / 'cache'}",
        f"hydra.run.dir={folder / 'out'}",
    )
    return audit(monkeypatch, *given, *words)


def test_a_clean_data_set_exits_with_0(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, clean, tmp_path, PATTERN, "split=kfold", "split.folds=3") == 0
    assert "Nothing was found." in capsys.readouterr().out
    found = content(tmp_path / "out")
    assert (found["files"], found["copies"], found["near_copies"]) == ([], [], [])
    assert found["split"]["shared"] == {"artists": [], "albums": [], "tracks": [], "audio": [], "near_copies": []}
    assert found["genres"]["polka"] | {"sample_rates": {}, "level_db": [], "bandwidth_hz": []} == {
        "clips": 4, "minutes": pytest.approx(0.8), "tracks": 0, "artists": 4, "sample_rates": {}, "level_db": [], "bandwidth_hz": [],
    }  # fmt: skip


def test_each_fault_is_found(audited: Path) -> None:
    found = {(row["clip"], row["fault"]) for row in content(audited)["files"]}
    assert found == {
        ("drone/silent--a.wav", "silent"),
        ("drone/constant--a.wav", "constant"),
        ("drone/clipped--a.wav", "clipped"),
        ("drone/short--a.wav", "short"),
        ("polka/empty--a.mp3", "unreadable"),
        ("polka/broken--a.ogg", "unreadable"),
        ("polka/truncated--a.wav", "truncated"),
    }


def test_copies_are_found_with_what_they_are_copies_of(audited: Path) -> None:
    found = content(audited)
    assert found["copies"] == [["drone/drone 0--song.wav", "samba/copy--b.wav"]]
    near = {(pair["a"], pair["b"]): pair for pair in found["near_copies"]}
    assert set(near) == {
        ("drone/drone 1--song.wav", "samba/encoded--b.mp3"),
        ("drone/drone 2--song.wav", "samba/later--b.flac"),
    }
    later = near["drone/drone 2--song.wav", "samba/later--b.flac"]
    assert later["shift_seconds"] == pytest.approx(3.3, abs=0.02)
    assert later["overlap_seconds"] == pytest.approx(8.7, abs=0.5)
    assert later["genres"] == ["drone", "samba"]


def test_what_the_sides_share_is_told(audited: Path) -> None:
    shared = content(audited)["split"]["shared"]
    copies = [{"drone/drone 0--song.wav", "samba/copy--b.wav"}]
    pairs = [{"drone/drone 1--song.wav", "samba/encoded--b.mp3"}, {"drone/drone 2--song.wav", "samba/later--b.flac"}]
    told = [set(names) for names in [*shared["audio"], *shared["near_copies"]]]
    assert told
    assert all(names in copies + pairs for names in told)


def test_the_page_plays_what_is_concerned(audited: Path) -> None:
    page = (audited / "audit.html").read_text(encoding="utf-8")
    for words in ("samba/encoded--b.mp3", "cut short", "The same recording twice", "kfold" if False else "fold 0 of 3"):
        assert words in page
    assert page.count('src="data:audio/mpeg;base64,') >= 5
    assert "http" not in page.replace("http://www.w3.org", "")


def test_the_exclude_file_leaves_out_what_it_names_and_no_more(audited: Path, messy: Path) -> None:
    kept = {clip.name for clip in Folder(str(messy), exclude=str(audited / "exclude.txt")).corpus().clips}
    everything = {clip.name for clip in Folder(str(messy)).corpus().clips}
    assert everything - kept == {
        "drone/silent--a.wav",
        "drone/constant--a.wav",
        "drone/short--a.wav",
        "polka/empty--a.mp3",
        "polka/broken--a.ogg",
        "polka/truncated--a.wav",
        "samba/copy--b.wav",
        "samba/encoded--b.mp3",
        "samba/later--b.flac",
    }


def test_near_copies_of_an_audit_stop_a_training(
    audited: Path, messy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        word
        for word in small(messy, tmp_path / "run", PATTERN, "split=kfold", "split.folds=3")
        if "dataset" not in word
    ]
    words += ["dataset=folder", f"dataset.root={messy}", PATTERN]
    shared = content(audited)["split"]["shared"]
    assert train(monkeypatch, *words, f"data.audit={audited / 'audit.json'}") == 1
    said = capsys.readouterr().err
    assert "leaks" in said
    for pair in shared["near_copies"]:
        assert " = ".join(pair) in said


def test_a_second_audit_hears_nothing_again(
    audited: Path, messy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from src.quality import measures

    heard = []
    real = measures.measure
    monkeypatch.setattr(measures, "measure", lambda clip, most: (heard.append(clip.name), real(clip, most))[1])
    words = ("dataset=folder", f"dataset.root={messy}", PATTERN, f"data.cache={audited.parent / 'cache'}")
    assert audit(monkeypatch, *words, f"hydra.run.dir={tmp_path / 'out'}", "split=kfold", "split.folds=3") == 1
    assert sorted(heard) == ["polka/broken--a.ogg", "polka/empty--a.mp3"]  # what failed may be mended
    first, second = content(audited), content(tmp_path / "out")
    assert {**first, "command": ""} == {**second, "command": ""}


def test_files_without_genres_are_audited(
    messy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    flat = tmp_path / "flat"
    flat.mkdir()
    for path in messy.rglob("*--b.*"):
        shutil.copy(path, flat)
    assert run(monkeypatch, flat, tmp_path) == 0
    found = content(tmp_path / "out")
    assert list(found["genres"]) == [""]
    assert found["shortcut"] is None
    assert len(found["clips"]) == 3


WRONG = {
    "dataset.root=nowhere": "dataset.root is nowhere, which is not a folder",
    "labels_by=album": "labels_by is 'album': expected track or artist.",
    "labels=maybe": "labels is 'maybe': expected true or false",
    "split.folds=1": "split.folds is 1: expected 2 or more.",
    "model=cnn": "model",
    "lables=true": "lables: there is no such key. Did you mean 'labels'?",
    "dataset=gzan": "dataset=gzan: there is no such choice. Did you mean 'gtzan'?",
    "data.max_seconds=0": "data.max_seconds is 0: expected more than 0.",
}


@pytest.mark.parametrize("word", WRONG)
def test_what_cannot_run_exits_with_2_and_one_message(
    word: str, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, clean, tmp_path, "split=kfold", word) == 2
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    (line,) = [line for line in said.err.splitlines() if line.startswith("audit: ")]
    assert WRONG[word] in line
    assert said.out == ""
    assert not (tmp_path / "out").exists()


def test_a_split_that_cannot_be_made_is_told_and_the_rest_is_found(
    messy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, messy, tmp_path, "split=official") == 1
    found = content(tmp_path / "out")
    assert found["split"] is None
    assert "split=official needs a side for every clip" in found["split_trouble"]
    assert "The split could not be looked at" in capsys.readouterr().out
    assert found["near_copies"]


def test_help_tells_of_every_data_set_and_split() -> None:
    shown, loaded = help_of("src.audit")
    conf = Path(__file__).parents[2] / "conf"
    for group in ("dataset", "split"):
        (line,) = [line for line in shown.splitlines() if line.strip().startswith(f"{group}: ")]
        assert sorted(line.split(": ")[1].split(", ")) == sorted(path.stem for path in (conf / group).glob("*.yaml"))
    assert not loaded & {"torch", "soundfile", "sklearn", "pandas"}


def test_labels_that_cannot_be_judged_are_told_and_the_rest_is_found(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        run(
            monkeypatch,
            clean,
            tmp_path,
            PATTERN,
            "split=kfold",
            "split.folds=3",
            "dataset.genres=[polka]",
            "labels=true",
        )
        == 0
    )
    assert "Labels could not be judged: shelf has one genre, polka" in " ".join(capsys.readouterr().out.split())
    assert content(tmp_path / "out")["labels"] is None


def test_labels_are_judged(messy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On melodies that mean nothing no verdict is right; but each usable clip gets one, and the page tells it."""
    assert run(monkeypatch, messy, tmp_path, PATTERN, "labels=true", "labels_by=artist") == 1
    found = content(tmp_path / "out")["labels"]
    assert found["grouped_by"] == "artist"
    assert found["clips"] == len(content(tmp_path / "out")["clips"])
    scores = [row["score"] for row in found["ranked"] if not row["issue"]]
    assert scores == sorted(scores)
    assert "Labels that may be wrong" in (tmp_path / "out" / "audit.html").read_text()
