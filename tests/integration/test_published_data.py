"""MTG-Jamendo and Ballroom as a user has them: trained on, audited, judged on the other one. All files are made."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from src import evaluate, predict
from src.rundir import RunDir
from tests.conftest import tone
from tests.dataset.jamendo_files import HEADER, audio, row, tables
from tests.programs import SMALL, audit, train

HZ = {"rock": 110.0, "folk": 880.0}  # genre -> of its tones
DANCES = {  # dance -> a clip of each of four albums, and its tones
    "Waltz": (("Media-105901", "Media-104202", "Albums-Chrisanne1-01", "Albums-Step_By_Step-01"), 110.0),
    "Jive": (("Media-103515", "Media-106015", "Albums-Fire-07", "Albums-Macumba-14"), 880.0),
}


@pytest.fixture(scope="module")
def jamendo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the tables of split 0, and beside them low-quality audio: two genres, two tracks of each in each set."""
    root = tmp_path_factory.mktemp("jamendo")
    rows: dict[str, list[str]] = {}
    for start, name in enumerate(("train", "validation", "test"), start=1):
        rows[name] = []
        for genre, hz in HZ.items():
            numbers = [1000 * start + 10 * len(rows[name]), 1000 * start + 10 * len(rows[name]) + 1]
            rows[name] += [row(number, number, genre) for number in numbers]
            audio(root / "audio-low", numbers, ".low.mp3", hz)
    rows["train"] += [row(7, 7, "folk", "rock"), row(8, 8, "rock")]  # several genres; a file that was not unpacked
    tables(root / "data" / "splits" / "split-0", **rows)
    return root


@pytest.fixture(scope="module")
def ballroom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked archive with two dances."""
    root = tmp_path_factory.mktemp("ballroom")
    for dance, (names, hz) in DANCES.items():
        for k, name in enumerate(names):
            tone(root / "BallroomData" / dance / f"{name}.wav", hz + k, 1.0)
    return root


def words(data_set: str, root: Path, folder: Path) -> Sequence[str]:
    cache = f"data.cache={root / 'cache'}"
    return (f"dataset={data_set}", f"dataset.root={root}", cache, *SMALL, f"hydra.run.dir={folder}")


@pytest.fixture(scope="module")
def jamendo_run(jamendo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "jamendo"
    with pytest.MonkeyPatch.context() as patch:
        assert train(patch, *words("jamendo", jamendo, folder), "split=official", "model=cnn") == 0
    return folder


def test_a_run_on_jamendo_has_the_official_sets_and_lists_what_is_left_out(jamendo_run: Path) -> None:
    run = RunDir(jamendo_run)
    assert run.metrics["dataset"] == "jamendo-low"
    certificate = run.metrics["certificate"]
    assert certificate["split"] == "official, as the data set states it"
    assert certificate["grouped_by"] == "nothing"
    assert certificate["shared"]["artists"] == []
    assert {name: sizes["clips"] for name, sizes in certificate["sets"].items()} == {"train": 4, "val": 4, "test": 4}
    assert sorted(run.predictions.clips) == ["00/3000.mp3", "01/3001.mp3", "20/3020.mp3", "21/3021.mp3"]
    with open(jamendo_run / "excluded.csv", newline="", encoding="utf-8") as file:
        assert list(csv.reader(file))[1:] == [
            ["08/8.mp3", "no such file"],
            ["07/7.mp3", "several genres: left out by dataset.several_genres=exclude"],
        ]


def test_a_run_on_ballroom_is_grouped_by_album(ballroom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("split.test=0.25", "split.val=0.25", "model=cnn")
    assert train(monkeypatch, *words("ballroom", ballroom, tmp_path / "run"), *arguments) == 0
    certificate = RunDir(tmp_path / "run").metrics["certificate"]
    assert certificate["grouped_by"] == "album"
    assert certificate["shared"]["albums"] == []
    with open(tmp_path / "run" / "excluded.csv", newline="", encoding="utf-8") as file:
        reasons = dict(list(csv.reader(file))[1:])
    assert len(reasons) == 698 - 8
    assert reasons["Media-103401"] == f"missing from {ballroom / 'BallroomData'}"


def test_a_run_on_jamendo_is_judged_on_ballroom_and_on_its_own_clips_again(
    jamendo_run: Path, jamendo: Path, ballroom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = ("dataset=ballroom", f"dataset.root={ballroom}", "dataset.genre_map={Waltz:rock,Jive:null}")
    cache = f"data.cache={tmp_path / 'cache'}"
    assert evaluate.main([str(jamendo_run), *other, cache, f"hydra.run.dir={tmp_path / 'other'}"]) == 0
    metrics = json.loads((tmp_path / "other" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["evaluation"]["common_genres"] == ["rock"]
    assert metrics["test"]["clips"] == 4
    # The tables may have been moved, and the run's own clips keep the labels that it was trained with.
    again = ("dataset=jamendo", f"dataset.root={jamendo}", f"dataset.metadata={jamendo / 'data'}")
    assert (
        evaluate.main(
            [str(jamendo_run), *again, "dataset.several_genres=rarest", cache, f"hydra.run.dir={tmp_path / 'again'}"]
        )
        == 0
    )
    assert "The scores are those of the run itself." in capsys.readouterr().out


def test_a_run_on_jamendo_predicts_a_clip_of_ballroom(
    jamendo_run: Path, ballroom: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = ballroom / "BallroomData" / "Waltz" / "Media-105901.wav"
    assert predict.main([str(path), "--run", str(jamendo_run)]) == 0
    assert json.loads(capsys.readouterr().out)["predicted_genre"] in HZ


def test_an_audit_finds_the_copies_of_ballroom(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "BallroomData"
    for k, name in enumerate(("Albums-Fire-08", "Media-103401", "Media-103402")):
        tone(root / "ChaChaCha" / f"{name}.wav", 440.0 + 50 * k, 3.0)
    tone(root / "Samba" / "Albums-Fire-09.wav", 440.0, 3.0)  # the same sound as Albums-Fire-08
    tone(root / "Samba" / "Media-103501.wav", 800.0, 3.0)
    arguments = (
        "dataset=ballroom",
        f"dataset.root={tmp_path}",
        "dataset.faults=keep",
        f"hydra.run.dir={tmp_path / 'a'}",
    )
    assert audit(monkeypatch, *arguments, f"data.cache={tmp_path / 'cache'}") == 1
    report = json.loads((tmp_path / "a" / "audit.json").read_text(encoding="utf-8"))
    assert report["copies"] == [["Albums-Fire-08", "Albums-Fire-09"]]


TABLE = Path("data", "splits", "split-0", "autotagging_genre-train.tsv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["dataset.root=nowhere"],
            "dataset.root is nowhere, which is not a folder: expected the folder in which the archives",
        ),
        (
            ["dataset.root=src"],
            "The tables of MTG-Jamendo's genre task were not found: expected autotagging_genre-train.tsv",
        ),
        (["dataset.split_number=7"], "dataset.split_number is 7: expected a whole number from 0 to 4"),
        (["dataset.split_number=1"], "The tables of MTG-Jamendo's genre task were not found"),
        (["dataset.several_genres=first"], "dataset.several_genres is 'first': expected exclude, selected or rarest"),
        (["dataset.several_genres=selected"], "dataset.several_genres=selected needs dataset.genres"),
        (["dataset.genres=[jazz,rock]"], "dataset.genres asks for jazz, but jamendo-low has folk, rock."),
    ],
)
def test_wrong_words_give_one_message(
    arguments: list[str],
    message: str,
    jamendo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    root = [] if any("root" in word for word in arguments) else [f"dataset.root={jamendo}"]
    assert train(monkeypatch, "dataset=jamendo", "split=official", "logger=none", *root, *arguments) == 1
    error = capsys.readouterr().err
    assert message in " ".join(error.split())
    assert "Traceback" not in error


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["TRACK_ID\tPATH\tTAGS"], "begins with 'TRACK_ID\\tPATH\\tTAGS': expected the columns TRACK_ID, ARTIST_ID,"),
        ([HEADER, "track_0000214\tartist_000014"], "line 2: 2 cells, expected at least 6."),
        ([HEADER, row(214, 14, "rock"), row(214, 14, "rock")], "line 3: track_0000214 is also in "),
    ],
)
def test_a_broken_table_gives_one_message(
    lines: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tables(tmp_path / TABLE.parent, [], [], [])
    (tmp_path / TABLE).write_text("\n".join(lines), encoding="utf-8")
    audio(tmp_path, [214])
    assert train(monkeypatch, "dataset=jamendo", f"dataset.root={tmp_path}", "logger=none") == 1
    error = " ".join(capsys.readouterr().err.split())
    assert message in error
    assert "Traceback" not in error
    assert audit(monkeypatch, "dataset=jamendo", f"dataset.root={tmp_path}") == 2
