"""The audit, as a user runs it, on a folder with every kind of fault and on one without any."""

import itertools
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
    """A unique melody with chords and noise: notes of random pitch and length, four at a time."""
    random = np.random.default_rng(seed)
    time_T = np.arange(round(seconds * RATE)) / RATE
    wave_T = 0.003 * random.standard_normal(len(time_T))
    for _ in range(4):
        start = 0.0
        while start < seconds:
            length = random.uniform(0.12, 0.6)
            hz = 110 * 2 ** (random.integers(0, 48) / 12)
            inside = (time_T >= start) & (time_T < start + length)
            note_T = time_T[inside] - start
            wave_T[inside] += (
                0.1 * np.exp(-3 * note_T / length) * sum(np.sin(2 * np.pi * h * hz * note_T) / h for h in (1, 2, 3))
            )
            start += length
    return wave_T


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of three genres of four artists with one song each, of equal level and bandwidth."""
    root = tmp_path_factory.mktemp("clean") / "shelf"
    for g, genre in enumerate(GENRES):
        for artist in range(4):
            write(root / genre / f"{genre} {artist}--song.wav", song(10 * g + artist))
    return root


@pytest.fixture(scope="module")
def messy(clean: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clean folder with faulty files and copies added."""
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
    """The output folder of the audit of the messy folder."""
    folder = tmp_path_factory.mktemp("audited")
    with pytest.MonkeyPatch.context() as patch:
        overrides = ("dataset=folder", f"dataset.root={messy}", PATTERN, f"data.cache={folder / 'cache'}")
        assert audit(patch, *overrides, f"hydra.run.dir={folder / 'out'}", "split=kfold", "split.folds=3") == 1
    return folder / "out"


def content(folder: Path) -> dict[str, Any]:
    audit_json: dict[str, Any] = json.loads((folder / "audit.json").read_text())
    return audit_json


def run(monkeypatch: pytest.MonkeyPatch, root: Path, folder: Path, *overrides: str) -> int:
    basic_overrides = (
        "dataset=folder",
        f"dataset.root={root}",
        f"data.cache={folder / 'cache'}",
        f"hydra.run.dir={folder / 'out'}",
    )
    return audit(monkeypatch, *basic_overrides, *overrides)


def test_a_clean_data_set_exits_with_0(
    clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, clean, tmp_path, PATTERN, "split=kfold", "split.folds=3") == 0
    assert "Nothing was found." in capsys.readouterr().out
    result = content(tmp_path / "out")
    assert (result["files"], result["copies"], result["near_copies"]) == ([], [], [])
    assert result["split"]["shared"] == {"artists": [], "albums": [], "tracks": [], "audio": [], "near_copies": []}
    assert result["genres"]["polka"] | {"sample_rates": {}, "level_db": [], "bandwidth_hz": []} == {
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


def test_copies_are_found_with_their_originals(audited: Path) -> None:
    result = content(audited)
    assert result["copies"] == [["drone/drone 0--song.wav", "samba/copy--b.wav"]]
    near = {(pair["a"], pair["b"]): pair for pair in result["near_copies"]}
    assert set(near) == {
        ("drone/drone 1--song.wav", "samba/encoded--b.mp3"),
        ("drone/drone 2--song.wav", "samba/later--b.flac"),
    }
    later = near["drone/drone 2--song.wav", "samba/later--b.flac"]
    assert later["shift_seconds"] == pytest.approx(3.3, abs=0.02)
    assert later["overlap_seconds"] == pytest.approx(8.7, abs=0.5)
    assert later["genres"] == ["drone", "samba"]


def test_copies_in_several_sets_are_listed(audited: Path) -> None:
    shared = content(audited)["split"]["shared"]
    copies = [{"drone/drone 0--song.wav", "samba/copy--b.wav"}]
    pairs = [{"drone/drone 1--song.wav", "samba/encoded--b.mp3"}, {"drone/drone 2--song.wav", "samba/later--b.flac"}]
    listed = [set(names) for names in [*shared["audio"], *shared["near_copies"]]]
    assert listed
    assert all(names in copies + pairs for names in listed)


def test_the_page_has_players_for_the_findings(audited: Path) -> None:
    page = (audited / "audit.html").read_text(encoding="utf-8")
    for text in ("samba/encoded--b.mp3", "cut short", "Near copies", "fold 0 of 3"):
        assert text in page.replace("<wbr>", "")  # where long names may be broken
    assert page.count('src="data:audio/mpeg;base64,') >= 5
    assert "http" not in page.replace("http://www.w3.org", "").replace("http-equiv", "")


def test_the_exclude_file_leaves_out_exactly_the_clips_that_it_names(audited: Path, messy: Path) -> None:
    remaining = {clip.name for clip in Folder(str(messy), exclude=str(audited / "exclude.txt")).corpus().clips}
    everything = {clip.name for clip in Folder(str(messy)).corpus().clips}
    assert everything - remaining == {
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
    overrides = [
        override
        for override in small(messy, tmp_path / "run", PATTERN, "split=kfold", "split.folds=3")
        if "dataset" not in override
    ]
    overrides += ["dataset=folder", f"dataset.root={messy}", PATTERN]
    shared = content(audited)["split"]["shared"]
    assert train(monkeypatch, *overrides, f"data.audit={audited / 'audit.json'}") == 1
    message = capsys.readouterr().err
    assert "leaks" in message
    for pair in shared["near_copies"]:
        assert " = ".join(pair) in message


def test_a_second_audit_measures_only_what_failed_before(
    audited: Path, messy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from src.quality import measures

    measured = []
    real_measure = measures.measure
    monkeypatch.setattr(
        measures, "measure", lambda clip, max_seconds: (measured.append(clip.name), real_measure(clip, max_seconds))[1]
    )
    overrides = ("dataset=folder", f"dataset.root={messy}", PATTERN, f"data.cache={audited.parent / 'cache'}")
    assert audit(monkeypatch, *overrides, f"hydra.run.dir={tmp_path / 'out'}", "split=kfold", "split.folds=3") == 1
    assert sorted(measured) == ["polka/broken--a.ogg", "polka/empty--a.mp3"]  # a failure may be fixed
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
    result = content(tmp_path / "out")
    assert list(result["genres"]) == [""]
    assert result["shortcut"] is None
    assert len(result["clips"]) == 3


WRONG = {
    "dataset.root=nowhere": "dataset.root is nowhere, which is not a folder",
    "labels_by=album": "labels_by is 'album': expected track or artist.",
    "labels=maybe": "labels is 'maybe': expected true or false",
    "split.folds=1": "split.folds is 1: expected a whole number from 2 to 100.",
    "model=cnn": "model",
    "lables=true": "lables: there is no such key. Did you mean 'labels'?",
    "dataset=gzan": "dataset=gzan: there is no such choice. Did you mean 'gtzan'?",
    "data.max_seconds=0": "data.max_seconds is 0: expected a number from 0.1 to 86,400 or null.",
}


@pytest.mark.parametrize("override", WRONG)
def test_a_wrong_override_exits_with_2_and_one_message(
    override: str, clean: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, clean, tmp_path, "split=kfold", override) == 2
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    (line,) = [line for line in captured.err.splitlines() if line.startswith("audit: ")]
    assert WRONG[override] in line
    assert captured.out == ""
    assert not (tmp_path / "out").exists()


def test_a_split_that_cannot_be_made_is_reported_with_the_other_findings(
    messy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, messy, tmp_path, "split=official") == 1
    result = content(tmp_path / "out")
    assert result["split"] is None
    assert "split=official needs a set for every clip" in result["split_trouble"]
    assert "The split could not be checked" in capsys.readouterr().out
    assert result["near_copies"]


def test_help_lists_every_data_set_and_split() -> None:
    shown, loaded = help_of("src.audit")
    conf = Path(__file__).parents[2] / "conf"
    for group in ("dataset", "split"):
        choices = shown.split(f"\n{group}=\n")[1]
        names = [
            line.split()[0]
            for line in itertools.takewhile(lambda line: line[:2] == "  ", choices.splitlines())
            if line[2] != " "
        ]
        assert sorted(names) == sorted(path.stem for path in (conf / group).glob("*.yaml"))
    assert not loaded & {"torch", "soundfile", "sklearn", "pandas"}


def test_labels_that_cannot_be_checked_are_reported_with_the_other_findings(
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
    assert "Labels could not be checked: shelf has one genre, polka" in " ".join(capsys.readouterr().out.split())
    assert content(tmp_path / "out")["labels"] is None


def test_labels_are_checked(messy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On random melodies no result is right or wrong, but each usable clip gets a score, and the page shows it."""
    assert run(monkeypatch, messy, tmp_path, PATTERN, "labels=true", "labels_by=artist") == 1
    result = content(tmp_path / "out")["labels"]
    assert result["grouped_by"] == "artist"
    assert result["clips"] == len(content(tmp_path / "out")["clips"])
    scores = [row["score"] for row in result["ranked"] if not row["issue"]]
    assert scores == sorted(scores)
    assert "Labels that may be wrong" in (tmp_path / "out" / "audit.html").read_text()
