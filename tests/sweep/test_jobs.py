"""States of a sweep's jobs while it runs and after it has ended, in this process and in others."""

import errno
import pickle
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra.core.utils import JobReturn, JobStatus
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf
from rich.console import Console

from src import errors
from src.sweep import jobs, names
from src.sweep.callbacks import Jobs
from src.sweep.jobs import Job, Outcome

RUN = Job(0, "model=cnn", "a", "run", seconds=10.0, f1_macro=0.612)
SKIPPED = Job(1, "model=rnn", "b", "skipped", seconds=1.0, f1_macro=0.5)
FAILED = Job(2, "model=knn", "c", "failed", seconds=1.0, reason="k is 0: expected 1 or more.")
TRAINING = Job(3, "model=svm", "d", jobs.TRAINING)


def rendered(table: object) -> str:
    console = Console(width=100)
    with console.capture() as text:
        console.print(table)
    return text.get()


def test_notes_are_read_in_order_and_a_new_note_replaces_the_old_one(tmp_path: Path) -> None:
    for job in (TRAINING, SKIPPED, RUN, replace(TRAINING, state="resumed")):
        jobs.write(tmp_path / "notes", job)
    assert jobs.read(tmp_path / "notes") == [RUN, SKIPPED, replace(TRAINING, state="resumed")]
    jobs.clear(tmp_path / "notes")
    assert jobs.read(tmp_path / "notes") == []


def test_the_remaining_time_is_estimated_from_trained_jobs() -> None:
    assert jobs.estimate_seconds_left([SKIPPED, TRAINING], total=4, elapsed=1) is None  # nothing was trained yet
    assert jobs.estimate_seconds_left([RUN, SKIPPED, FAILED, TRAINING], total=6, elapsed=12) == pytest.approx(3 * 10)
    assert jobs.estimate_seconds_left([RUN, replace(RUN, number=1, seconds=20)], total=4, elapsed=30) == pytest.approx(
        2 * 15
    )
    assert jobs.estimate_seconds_left([replace(RUN, state="resumed")], total=2, elapsed=10) == pytest.approx(10)


def test_parallel_jobs_shorten_the_remaining_time() -> None:
    four = [replace(RUN, number=k) for k in range(4)]
    assert jobs.estimate_seconds_left(four, total=8, elapsed=10) == pytest.approx(10)


def test_progress_counts_the_jobs_that_have_ended() -> None:
    assert jobs.progress([TRAINING], 2, 1) == "0 of 2 jobs are done, 2 left"
    assert jobs.progress([RUN], 3, 10) == "1 of 3 jobs is done, 2 left: about 20.0 s"
    assert jobs.progress([RUN, SKIPPED], 2, 11) == "All 2 jobs are done"
    assert jobs.progress([RUN], 1, 10) == "The job is done"


def test_each_end_state_is_described() -> None:
    assert jobs.describe(RUN) == "model=cnn: run in 10.0 s, validation macro F1 61.2 %"
    assert jobs.describe(SKIPPED) == "model=rnn: skipped, already finished, validation macro F1 50.0 %"
    assert jobs.describe(FAILED) == "model=knn: failed"
    assert jobs.describe(FAILED, with_reason=True) == "model=knn: failed: k is 0: expected 1 or more"
    assert jobs.summary([RUN, SKIPPED, FAILED]) == "3 jobs: 1 run, 0 resumed, 1 skipped, 1 failed"


def test_unfinished_jobs_of_a_complete_sweep_have_failed_and_equal_reasons_are_listed_once() -> None:
    all_jobs = jobs.with_final_states([RUN, TRAINING], ["model=cnn", "model=rnn", "model=knn", "model=svm"])
    assert [job.state for job in all_jobs] == ["run", "failed", "failed", "failed"]
    assert jobs.failure_messages(all_jobs) == [
        "Failed: model=rnn, and 1 more: It was never started.",
        "Failed: model=svm: Its process ended without an error message. It may have been killed, or have run out of memory.",
    ]
    assert jobs.failure_messages([RUN, FAILED]) == ["Failed: model=knn: k is 0: expected 1 or more."]


def test_unfinished_jobs_of_an_interrupted_sweep_are_stopped_or_waiting() -> None:
    all_jobs = jobs.with_final_states(
        [RUN, TRAINING], ["model=cnn", "model=rnn", "model=knn", "model=svm"], complete=False
    )
    assert [job.state for job in all_jobs] == ["run", "waiting", "waiting", "stopped"]
    assert jobs.failure_messages(all_jobs) == []
    assert jobs.summary(all_jobs) == "4 jobs: 1 run, 0 resumed, 0 skipped, 0 failed, 3 not finished"


def test_jobs_that_differ_only_in_fold_and_seed_have_the_same_settings() -> None:
    assert not jobs.differ_in_settings(
        [replace(RUN, label=label) for label in ("fold=0 seed=0", "fold=1 seed=0", "fold=10 seed=3")]
    )
    assert jobs.differ_in_settings([replace(RUN, label=label) for label in ("fold=0 model=cnn", "fold=0 model=rnn")])


def test_the_live_table_shows_why_jobs_failed() -> None:
    assert "Failed: model=knn: k is 0: expected 1 or more." in rendered(
        jobs.live_table([RUN, FAILED], ["", "", ""], elapsed=9)
    )


def test_the_live_table_is_short_and_shows_the_next_jobs() -> None:
    labels = [f"seed={k}" for k in range(100)]
    ended = [replace(RUN, number=k, label=labels[k]) for k in range(40)]
    text = rendered(jobs.live_table([*ended, replace(TRAINING, number=40, label="seed=40")], labels, elapsed=400))
    assert "40 of 100 jobs are done, 60 left: about 10 min 0 s" in text
    rows = [line.split("│")[1].strip() for line in text.splitlines() if line.startswith("│")]
    assert rows == [f"seed={k}" for k in range(34, 44)]
    assert text.count("waiting") == 3


def test_a_pickled_copy_in_another_process_writes_job_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Launchers such as joblib and submitit pickle the callbacks and send them along with the job."""
    in_sweep = Jobs()
    config = OmegaConf.create(
        {
            "hydra": {
                "sweep": {"dir": str(tmp_path)},
                "sweeper": {"_target_": "somebody.elses.Sweeper"},
                "overrides": {"task": ["model=cnn,rnn"]},
                "runtime": {"choices": {}, "output_dir": str(tmp_path / "job")},
                "job": {"num": 1},
            }
        }
    )
    in_sweep.on_multirun_start(config)
    in_job: Jobs = pickle.loads(pickle.dumps(in_sweep))
    in_job.on_job_start(config)
    assert in_sweep.notes_folder is not None
    assert [job.state for job in jobs.read(in_sweep.notes_folder)] == [jobs.TRAINING]
    job_return = JobReturn(status=JobStatus.COMPLETED)
    job_return.return_value = Outcome("failed", "no luck.")
    in_job.on_job_end(config, job_return)
    with pytest.raises(SystemExit, match="1"):
        in_sweep.on_multirun_end(config)
    out, err = capsys.readouterr()
    assert "A search with an unknown number of jobs in" in err
    assert "Job 2: job: failed: no luck." in err  # with the reason, as the output of the job's process goes to a file
    assert "Failed: job: no luck.\n1 job: 0 run, 0 resumed, 0 skipped, 1 failed. Run the same command again" in out


def test_a_trial_of_a_search_is_labelled_by_its_chosen_values() -> None:
    search_overrides = ["sweep=optuna", "model=cnn", "model.layers=2,3"]
    chosen = ["optimizer.lr=0.0012520653814999472", "model.dropout=0.25", "model.layers=3"]
    job_overrides = ["sweep=optuna", "model=cnn", *chosen]
    assert names.trial_label(search_overrides, job_overrides) == "lr=0.001252 dropout=0.25 layers=3"


def test_a_single_run_is_no_sweep(tmp_path: Path) -> None:
    callback, config = Jobs(), OmegaConf.create({})
    callback.on_job_start(config)
    callback.on_job_end(config, SimpleNamespace(status=JobStatus.COMPLETED))  # type: ignore[arg-type]
    assert callback.notes_folder is None


def test_a_job_without_an_end_gets_its_final_state_in_its_note(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its process was killed, or the sweep ended before the job started: the page of the sweep says so."""
    sweep = Jobs()
    sweep.notes_folder, sweep.labels, sweep.command = tmp_path / ".jobs" / "x", ["model=cnn", "model=rnn"], "the sweep"
    jobs.write(sweep.notes_folder, jobs.Job(0, "model=cnn", "cnn-1", jobs.TRAINING, command="the job"))
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}})
    assert sweep._print_summary(config, complete=True)
    killed, waiting = jobs.unfinished(tmp_path)
    assert (killed["state"], killed["reason"], killed["command"]) == ("failed", jobs.CRASH_REASON, "the job")
    assert (waiting["state"], waiting["reason"]) == ("failed", "It was never started.")
    assert waiting["command"] == "the sweep"
    assert "2 failed" in capsys.readouterr().out


def test_failed_jobs_are_advised_by_their_errors() -> None:
    wrong, killed = (replace(RUN, state="failed", repeats=repeats) for repeats in (True, False))
    assert jobs.advice([RUN]) == ""
    assert jobs.advice([RUN, wrong]).startswith("The failed jobs fail in the same way again: change the settings")
    assert jobs.advice([wrong, killed]).startswith("Run the same command again")


@pytest.mark.parametrize(
    ("error", "repeats"),
    [
        (ValueError("model.layers is 0"), True),
        (ConfigCompositionException("no such choice"), True),
        (ImportError("no musicnn"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False),
        (RuntimeError("CUDA out of memory"), False),
        (MemoryError(), False),
    ],
)
def test_wrong_settings_repeat_their_error_and_a_full_disk_need_not(error: Exception, repeats: bool) -> None:
    assert errors.repeats(error) == repeats
