"""Jobs of a sweep are rerun only if their own settings, data or source files have changed."""

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import filelock
import pytest

from src import console, rundir
from src.rundir import changes, code_digest
from tests.conftest import tone
from tests.programs import SMALL, small, train

ROOT = Path(__file__).parents[2]
NO_MODEL_SETTINGS = [argument for argument in SMALL if not argument.startswith("model.")]
# Source files that run during a training without changing its results: names, job notes, progress, locks, pages.
FILES_WITHOUT_EFFECT = {
    "rundir/folder",
    "rundir/members",
    "rundir/nested",
    "settings/check",
    "settings/kinds",
    "settings/quoting",
    "settings/table",
    "settings/values",
    "settings/words",
    "rundir/code_digest",
    "errors",
    "rundir/changes",
    "rundir/extras",
    "rundir/provenance",
    "sweep/callbacks",
    "sweep/dashboard",
    "sweep/jobs",
    "sweep/names",
    "sweep/processes",
    "training/callbacks",
    "training/curves",
    "training/embedding",
    "training/loggers/choices",
    "training/loggers/opening",
    "training/loggers/results",
    "training/loggers/tolerant",
    "classifier/precision",  # the config of a run has the precision itself
    "training/report_material",
    "training/resume",
    "training/sounds",
}


def sweep_arguments(manifest: Path | str, folder: Path, *arguments: str) -> list[str]:
    """Arguments of a small sweep into a folder."""
    data = ["dataset=manifest", f"dataset.path={manifest}", f"data.cache={folder / 'cache'}"]
    return ["--multirun", *data, *NO_MODEL_SETTINGS, f"hydra.sweep.dir={folder / 'sweep'}", *arguments]


def copy_manifest(tiny: Path, name: str) -> Path:
    """Copy the tiny manifest within its folder, so that the copy can be changed."""
    return Path(shutil.copy(tiny, tiny.with_name(name)))


def summary_and_messages(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """The counts of the last summary line, and all messages on standard error."""
    out, err = capsys.readouterr()
    return re.findall(r"jobs?: (.*) failed\.", out)[-1], err


def test_a_changed_label_reruns_the_jobs_of_that_manifest(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = copy_manifest(tiny, "changed.csv")
    arguments = sweep_arguments(f"{tiny},{manifest}", tmp_path, "model=majority")
    assert train(monkeypatch, *arguments) == 0
    assert summary_and_messages(capsys)[0] == "2 run, 0 resumed, 0 skipped, 0"
    lines = manifest.read_text(encoding="utf-8").splitlines()
    manifest.write_text("\n".join([lines[0], lines[1].replace("track 0", "track 9"), *lines[2:]]), encoding="utf-8")
    assert train(monkeypatch, *arguments) == 0
    summary, messages = summary_and_messages(capsys)
    assert summary == "1 run, 0 resumed, 1 skipped, 0"
    message = "the data changed (1 clip is labelled differently: bell/bell-0--0.wav) since this run was trained, so it is trained again."
    assert message in messages


def test_a_changed_recording_reruns_the_jobs_that_use_it(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(shutil.copytree(tiny.parent, tmp_path / "other")) / tiny.name
    arguments = sweep_arguments(f"{tiny},{other}", tmp_path, "model=majority")
    assert train(monkeypatch, *arguments) == 0
    assert summary_and_messages(capsys)[0] == "2 run, 0 resumed, 0 skipped, 0"
    tone(other.parent / "bell" / "bell-0--0.wav", seconds=2, level=0.25)
    assert train(monkeypatch, *arguments) == 0
    summary, messages = summary_and_messages(capsys)
    assert summary == "1 run, 0 resumed, 1 skipped, 0"
    assert (
        "the data changed (some clips sound different) since this run was trained, so it is trained again." in messages
    )


def test_a_changed_source_line_reruns_the_jobs_that_use_it(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = sweep_arguments(tiny, tmp_path, "model=majority,knn")
    assert train(monkeypatch, *arguments) == 0
    assert summary_and_messages(capsys)[0] == "2 run, 0 resumed, 0 skipped, 0"
    original_digest = code_digest._file_digest
    monkeypatch.setattr(
        code_digest, "_file_digest", lambda path: "new" if path.name == "knn.py" else original_digest(path)
    )
    assert train(monkeypatch, *arguments) == 0
    summary, messages = summary_and_messages(capsys)
    assert summary == "1 run, 0 resumed, 1 skipped, 0"
    assert "the source changed (src/model/knn.py) since this run was trained, so it is trained again." in messages


@pytest.mark.slow
def test_edited_yaml_and_source_files_rerun_their_jobs(tiny: Path, tmp_path: Path) -> None:
    """Edit a copy of the project, and run each sweep in a separate process."""
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))

    def run() -> str:
        arguments = sweep_arguments(tiny, tmp_path, "model=majority,knn,svm", "feature=timbre")
        completed = subprocess.run(
            [sys.executable, "-m", "src.train", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert completed.returncode == 0, completed.stderr
        return completed.stdout + completed.stderr

    assert "3 jobs: 3 run, 0 resumed, 0 skipped" in run()
    yaml, module = tmp_path / "conf/model/knn.yaml", tmp_path / "src/model/svm.py"
    yaml.write_text(yaml.read_text(encoding="utf-8").replace("neighbours: 15", "neighbours: 5"), encoding="utf-8")
    module.write_text(module.read_text(encoding="utf-8") + "\n# Another line.\n", encoding="utf-8")
    output = run()
    assert "3 jobs: 2 run, 0 resumed, 1 skipped" in output
    assert re.search(r"svm-\w+: the source changed \(src/model/svm.py\) since", output)
    assert "also contains 1 run of other commands or earlier settings." in output  # the earlier knn
    assert "3 jobs: 0 run, 0 resumed, 3 skipped" in run()


@pytest.mark.parametrize(
    "arguments",
    [["model=cnn", "feature=mfcc"], ["model=svm", "feature=all", "augmentation=full"]],
    ids=["trained", "fitted"],
)
def test_all_files_that_change_results_are_in_the_digest(
    arguments: list[str], tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The functions that a training calls in source files without a digest only display, name or lock things."""
    called_files: set[str] = set()

    def record(frame: object, event: str, _: object) -> None:
        if event == "call":
            called_files.add(frame.f_code.co_filename)  # type: ignore[attr-defined]

    folder = tmp_path / "run"
    data = ["dataset=manifest", f"dataset.path={tiny}", f"data.cache={tmp_path / 'cache'}"]
    threading.setprofile(record)
    sys.setprofile(record)
    try:
        assert train(monkeypatch, *data, *NO_MODEL_SETTINGS, *arguments, f"hydra.run.dir={folder}") == 0
    finally:
        sys.setprofile(None)
        threading.setprofile(None)  # type: ignore[arg-type]
    digests = code_digest.run_digests(rundir.RunDir(folder).config)
    ours = {Path(path).relative_to(ROOT).as_posix() for path in called_files if Path(path).is_relative_to(ROOT / "src")}
    without_digest = {path for path in ours - digests.keys() if not path.endswith("__init__.py")}
    assert {"src/training/setup.py", "src/data/waveform_cache.py", "src/loss.py", "src/train.py"} <= ours
    reporting = {path for path in without_digest if path.startswith(("src/reporting/", "src/evaluation/"))}
    assert {
        path.removeprefix("src/").removesuffix(".py") for path in without_digest - reporting
    } <= FILES_WITHOUT_EFFECT


def test_only_the_files_of_the_chosen_classes_have_digests() -> None:
    def digests_of(model: str) -> dict[str, str]:
        return code_digest.run_digests(
            {"model": {"_target_": f"src.model.{model}"}, "logger": {"_target_": "src.training.loggers.csv"}}
        )

    assert digests_of("Rnn").keys() - digests_of("Cnn").keys() == {"src/model/rnn.py"}
    assert {"src/model/cnn.py", "src/model/network.py", "src/train.py"} <= digests_of("Cnn").keys()
    assert not [path for path in digests_of("Cnn") if "reporting" in path or "loggers" in path]
    assert code_digest.digest(digests_of("Cnn")) != code_digest.digest(digests_of("Rnn"))
    parts = code_digest.run_digests(
        {"feature": {"parts": {"a": {"_target_": "src.feature.Mfcc"}}, "list": [{"_target_": "x.Y"}]}}
    )
    assert "src/feature/mfcc.py" in parts


def test_changes_are_named() -> None:
    rows = [{"clip": f"{k}.wav", "genre": "a", "artist": None, "track": None, "set": "train"} for k in range(8)]
    assert changes.clips(rows, rows) == "some clips sound different"
    assert changes.clips(rows, rows[1:]) == "1 clip is gone: 0.wav"
    assert changes.clips(rows[:2], rows) == "6 clips are new: 2.wav, 3.wav, 4.wav, 5.wav, 6.wav and 1 more"
    assert changes.clips(rows, [{**rows[0], "set": "test"}, *rows[1:]]) == "1 clip is in another set: 0.wav"
    assert changes.files({"a.py": "1", "b.py": "2"}, {"a.py": "1", "b.py": "3", "c.py": "4"}) == "b.py, c.py"
    assert changes.files(None, {"a.py": "1"}) == ""  # a run that did not yet record its source files
    before, now = {"seed": 0, "model": {"layers": 3}}, {"seed": 1, "model": {"layers": 3, "width": 4}}
    assert changes.settings(before, now) == "model.width was None, is 4; seed was 0, is 1"


def test_a_missing_run_page_is_written_by_the_next_sweep(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = sweep_arguments(tiny, tmp_path, "model=majority")
    assert train(monkeypatch, *arguments) == 0
    (page,) = (tmp_path / "sweep").glob("*/report.html")
    page.unlink()
    assert train(monkeypatch, *arguments) == 0
    assert summary_and_messages(capsys)[0] == "0 run, 0 resumed, 1 skipped, 0"
    assert page.exists()


def test_a_sweep_waits_for_a_job_that_another_process_trains(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As after kill -9 of a sweep whose jobs continue in their own processes."""
    arguments = sweep_arguments(tiny, tmp_path, "model=majority")
    assert train(monkeypatch, *arguments) == 0
    (lock_file,) = (tmp_path / "sweep").glob(f"*/{rundir.LOCK}")
    capsys.readouterr()
    messages: list[str] = []
    with filelock.FileLock(lock_file, thread_local=False) as lock:
        monkeypatch.setattr(console, "note", lambda text: (messages.append(text), "waiting" in text and lock.release()))
        assert train(monkeypatch, *arguments) == 0
    assert f"Another process is training in {lock_file.parent}: waiting for it." in messages
    assert summary_and_messages(capsys)[0] == "0 run, 0 resumed, 1 skipped, 0"


def test_a_single_run_does_not_wait_for_another_process(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = small(tiny, tmp_path / "run")
    (tmp_path / "run").mkdir()
    with filelock.FileLock(tmp_path / "run" / rundir.LOCK):
        assert train(monkeypatch, *arguments) == 1
    message = (
        f"train: Another process is training in {tmp_path / 'run'}. Wait for it, or choose another hydra.run.dir.\n"
    )
    assert capsys.readouterr().err == message


def test_a_sweep_that_another_process_is_running_is_refused(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = sweep_arguments(tiny, tmp_path, "model=majority")
    assert train(monkeypatch, *arguments) == 0
    (lock_file,) = (tmp_path / "sweep" / ".jobs").glob("*/.lock")
    with filelock.FileLock(lock_file):
        assert train(monkeypatch, *arguments) == 1
    assert "train: Another process is already running this sweep" in capsys.readouterr().err
    assert train(monkeypatch, *arguments) == 0
