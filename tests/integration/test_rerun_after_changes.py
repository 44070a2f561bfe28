"""What makes a job of a sweep run again: its own settings, data and source lines, and nothing else."""

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import pytest

from src import code_digest, console, rundir
from src.rundir import changes
from tests.conftest import tone
from tests.programs import SMALL, small, train

ROOT = Path(__file__).parents[2]
FITTED = [word for word in SMALL if not word.startswith("model.")]
# Files of ours that run in a training and make no number: names, notes, progress, pages.
SILENT = {
    "code_digest",
    "errors",
    "rundir/changes",
    "rundir/provenance",
    "sweep/callbacks",
    "sweep/jobs",
    "sweep/names",
    "sweep/processes",
    "training/callbacks",
    "training/loggers",
    "training/resume",
}


def sweep(manifest: Path | str, folder: Path, *more: str) -> list[str]:
    data = ["dataset=manifest", f"dataset.path={manifest}", f"data.cache={folder / 'cache'}"]
    return ["--multirun", *data, *FITTED, f"hydra.sweep.dir={folder / 'sweep'}", *more]


def copied(tiny: Path, name: str) -> Path:
    """A manifest of its own beside the tiny one, so that it can be changed."""
    return Path(shutil.copy(tiny, tiny.with_name(name)))


def ended(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """The last line, and what was said on the way."""
    out, err = capsys.readouterr()
    return re.findall(r"jobs?: (.*) failed\.", out)[-1], err


def test_a_changed_label_makes_the_jobs_of_that_manifest_run_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = copied(tiny, "changed.csv")
    words = sweep(f"{tiny},{manifest}", tmp_path, "model=majority")
    assert train(monkeypatch, *words) == 0
    assert ended(capsys)[0] == "2 run, 0 resumed, 0 skipped, 0"
    lines = manifest.read_text(encoding="utf-8").splitlines()
    manifest.write_text("\n".join([lines[0], lines[1].replace("track 0", "track 9"), *lines[2:]]), encoding="utf-8")
    assert train(monkeypatch, *words) == 0
    last, said = ended(capsys)
    assert last == "1 run, 0 resumed, 1 skipped, 0"
    told = "the data changed (1 clip is labelled otherwise: bell/bell-0--0.wav) since it was trained, so it is trained again."
    assert told in said


def test_a_changed_recording_makes_the_jobs_that_hear_it_run_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(shutil.copytree(tiny.parent, tmp_path / "other")) / tiny.name
    words = sweep(f"{tiny},{other}", tmp_path, "model=majority")
    assert train(monkeypatch, *words) == 0
    assert ended(capsys)[0] == "2 run, 0 resumed, 0 skipped, 0"
    tone(other.parent / "bell" / "bell-0--0.wav", seconds=2, level=0.25)
    assert train(monkeypatch, *words) == 0
    last, said = ended(capsys)
    assert last == "1 run, 0 resumed, 1 skipped, 0"
    assert "the data changed (some clips sound different) since it was trained, so it is trained again." in said


def test_a_changed_source_line_makes_the_jobs_that_use_it_run_again(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = sweep(tiny, tmp_path, "model=majority,knn")
    assert train(monkeypatch, *words) == 0
    assert ended(capsys)[0] == "2 run, 0 resumed, 0 skipped, 0"
    usual = code_digest._file_digest
    monkeypatch.setattr(code_digest, "_file_digest", lambda path: "new" if path.name == "knn.py" else usual(path))
    assert train(monkeypatch, *words) == 0
    last, said = ended(capsys)
    assert last == "1 run, 0 resumed, 1 skipped, 0"
    assert "the source changed (src/model/knn.py) since it was trained, so it is trained again." in said


@pytest.mark.slow
def test_yaml_and_source_files_as_a_user_edits_them(tiny: Path, tmp_path: Path) -> None:
    """On a copy of the project, in processes of their own."""
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))

    def run() -> str:
        words = sweep(tiny, tmp_path, "model=majority,knn,svm", "feature=timbre")
        ran = subprocess.run(
            [sys.executable, "-m", "src.train", *words], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout + ran.stderr

    assert "3 jobs: 3 run, 0 resumed, 0 skipped" in run()
    yaml, module = tmp_path / "conf/model/knn.yaml", tmp_path / "src/model/svm.py"
    yaml.write_text(yaml.read_text(encoding="utf-8").replace("neighbours: 15", "neighbours: 5"), encoding="utf-8")
    module.write_text(module.read_text(encoding="utf-8") + "\n# Another line.\n", encoding="utf-8")
    said = run()
    assert "3 jobs: 2 run, 0 resumed, 1 skipped" in said
    assert re.search(r"_svm_seed0-\w+: the source changed \(src/model/svm.py\) since", said)
    assert "also holds 1 run of other commands or of earlier settings." in said  # the knn of before
    assert "3 jobs: 0 run, 0 resumed, 3 skipped" in run()


@pytest.mark.parametrize(
    "words",
    [["model=cnn", "feature=mfcc"], ["model=svm", "feature=all", "augmentation=full"]],
    ids=["trained", "fitted"],
)
def test_no_file_that_makes_a_number_is_missing(
    words: list[str], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all functions of ours that a training calls, those in files outside its identity only show or name things."""
    ran: set[str] = set()

    def seen(frame: object, event: str, _: object) -> None:
        if event == "call":
            ran.add(frame.f_code.co_filename)  # type: ignore[attr-defined]

    folder = tmp_path / "run"
    data = ["dataset=manifest", f"dataset.path={tiny}", f"data.cache={tmp_path / 'cache'}"]
    threading.setprofile(seen)
    sys.setprofile(seen)
    try:
        assert train(monkeypatch, *data, *FITTED, *words, f"hydra.run.dir={folder}") == 0
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    files = code_digest.run_digests(rundir.RunDir(folder).config)
    ours = {Path(path).relative_to(ROOT).as_posix() for path in ran if Path(path).is_relative_to(ROOT / "src")}
    outside = {path for path in ours - files.keys() if not path.endswith("__init__.py")}
    assert {"src/training/setup.py", "src/data/waveform_cache.py", "src/loss.py", "src/train.py"} <= ours
    drawn = {path for path in outside if path.startswith(("src/reporting/", "src/evaluation/"))}
    assert {path.removeprefix("src/").removesuffix(".py") for path in outside - drawn} <= SILENT


def test_of_all_choices_only_those_that_are_made_count() -> None:
    def of(model: str) -> dict[str, str]:
        return code_digest.run_digests(
            {"model": {"_target_": f"src.model.{model}"}, "logger": {"_target_": "src.training.loggers.csv"}}
        )

    assert of("Rnn").keys() - of("Cnn").keys() == {"src/model/rnn.py"}
    assert {"src/model/cnn.py", "src/model/network.py", "src/train.py"} <= of("Cnn").keys()
    assert not [path for path in of("Cnn") if "reporting" in path or "loggers" in path]
    assert code_digest.digest(of("Cnn")) != code_digest.digest(of("Rnn"))
    parts = code_digest.run_digests(
        {"feature": {"parts": {"a": {"_target_": "src.feature.Mfcc"}}, "list": [{"_target_": "x.Y"}]}}
    )
    assert "src/feature/mfcc.py" in parts


def test_what_changed_is_named() -> None:
    rows = [{"clip": f"{k}.wav", "genre": "a", "artist": None, "track": None, "set": "train"} for k in range(8)]
    assert changes.clips(rows, rows) == "some clips sound different"
    assert changes.clips(rows, rows[1:]) == "1 clip is gone: 0.wav"
    assert changes.clips(rows[:2], rows) == "6 clips are new: 2.wav, 3.wav, 4.wav, 5.wav, 6.wav and 1 more"
    assert changes.clips(rows, [{**rows[0], "set": "test"}, *rows[1:]]) == "1 clip is in another set: 0.wav"
    assert changes.files({"a.py": "1", "b.py": "2"}, {"a.py": "1", "b.py": "3", "c.py": "4"}) == "b.py, c.py"
    assert changes.files(None, {"a.py": "1"}) == ""  # a run of before files were noted
    before, now = {"seed": 0, "model": {"layers": 3}}, {"seed": 1, "model": {"layers": 3, "width": 4}}
    assert changes.settings(before, now) == "model.width was None, is 4; seed was 0, is 1"


def test_a_page_that_a_kill_prevented_is_written_by_the_next_sweep(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = sweep(tiny, tmp_path, "model=majority")
    assert train(monkeypatch, *words) == 0
    (page,) = (tmp_path / "sweep").glob("*/report.html")
    page.unlink()
    assert train(monkeypatch, *words) == 0
    assert ended(capsys)[0] == "0 run, 0 resumed, 1 skipped, 0"
    assert page.exists()


def test_a_job_that_another_process_trains_is_waited_for(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after kill -9 of a sweep whose jobs run in processes of their own, which go on."""
    words = sweep(tiny, tmp_path, "model=majority")
    assert train(monkeypatch, *words) == 0
    (held,) = (tmp_path / "sweep").glob(f"*/{rundir.LOCK}")
    capsys.readouterr()
    said: list[str] = []
    with filelock.FileLock(held, thread_local=False) as lock:
        monkeypatch.setattr(console, "note", lambda text: (said.append(text), "waiting" in text and lock.release()))
        assert train(monkeypatch, *words) == 0
    assert f"Another process is training in {held.parent}: waiting for it." in said
    assert ended(capsys)[0] == "0 run, 0 resumed, 1 skipped, 0"


def test_a_single_run_does_not_wait_for_another_process(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = small(tiny, tmp_path / "run")
    (tmp_path / "run").mkdir()
    with filelock.FileLock(tmp_path / "run" / rundir.LOCK):
        assert train(monkeypatch, *words) == 1
    said = f"train: Another process is training in {tmp_path / 'run'}. Wait for it, or choose another hydra.run.dir.\n"
    assert capsys.readouterr().err == said


def test_the_same_sweep_is_not_run_twice_at_once(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = sweep(tiny, tmp_path, "model=majority")
    assert train(monkeypatch, *words) == 0
    (held,) = (tmp_path / "sweep" / ".jobs").glob("*/.lock")
    with filelock.FileLock(held):
        assert train(monkeypatch, *words) == 1
    assert "train: Another process runs this very sweep" in capsys.readouterr().err
    assert train(monkeypatch, *words) == 0
