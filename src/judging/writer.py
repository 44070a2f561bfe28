"""Write the run directory of a judgement: the files of a run without checkpoint and validation scores."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from src import formatting, rundir
from src.judging.judge import Judgement
from src.judging.shared import Shared, distinct
from src.metrics import calibration
from src.plain_files import write_json
from src.rundir import RunDir, provenance
from src.training import run_writer

MOST_NAMED = 5  # a warning names at most this many artists, tracks or clips


def check_folder(folder: Path) -> None:
    """Raise ValueError if a folder contains a run."""
    if any((folder / name).exists() for name in (rundir.METRICS, rundir.CONFIG, rundir.BEST)):
        raise ValueError(f"{folder} contains a run. Choose another hydra.run.dir.")


def write(
    folder: Path, judgement: Judgement, command: str, identity: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Write the files of a judgement, metrics.json last, and return its content.

    `command` repeats the judgement; `identity` is added to its identity.
    """
    with _nothing_half_written(folder):
        return _write(folder, judgement, command, identity)


@contextmanager
def _nothing_half_written(folder: Path) -> Iterator[None]:
    """Remove what was written into a folder if the writing fails or is interrupted."""
    before = {*folder.iterdir()}
    try:
        yield
    except BaseException:
        for path in {*folder.iterdir()} - before:
            path.unlink()
        raise


def _write(folder: Path, judgement: Judgement, command: str, identity: Mapping[str, str] | None) -> dict[str, Any]:
    runs, data = judgement.runs, judgement.data
    environment = provenance.environment(judgement.config, data.digest, command, _choices(runs))
    environment["identity"] |= {"run": "+".join(map(identity_of, runs)), **(identity or {})}
    run_writer.write_inputs(folder, judgement.config, data, environment)
    run_writer.write_predictions(folder, judgement.predictions, data)
    run_writer.write_confusion(folder, judgement.predictions, data)
    run_writer.write_opinions(folder, judgement.predictions, data)
    environment["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(folder / rundir.ENVIRONMENT, environment, indent=2)
    before = [run.metrics for run in runs]
    content = {
        "schema": rundir.SCHEMA,
        "kind": rundir.EVALUATION,
        "val": None,
        "test": judgement.test,
        "doubt": judgement.doubt,
        rundir.EVALUATION: judgement.evaluation,
        "temperature": before[0]["temperature"] if len(runs) == 1 else None,  # each run of an average has its own
        "worsened_by_calibration": calibration.worsened(judgement.test),
        **{key: sum(metrics[key] for metrics in before) for key in ("train_seconds", "epochs", "parameters")},
        "best_epoch": before[0]["best_epoch"] if len(runs) == 1 else None,
        "certificate": certificate(judgement),
        "dataset": data.corpus.name,
        "synthetic": data.corpus.synthetic,
        "identity": environment["identity"],
    }
    write_json(folder / rundir.METRICS, content, indent=2)
    return content


def _choices(runs: Sequence[RunDir]) -> dict[str, str]:
    """The choices of config groups that all runs have in common."""
    first, *others = [run.environment.get("choices") or {} for run in runs]
    return {group: choice for group, choice in first.items() if all(other.get(group) == choice for other in others)}


def identity_of(run: RunDir) -> str:
    """The identity of a run in one text."""
    return "-".join(str(run.metrics["identity"].get(key)) for key in ("config", "data", "source"))


def certificate(judgement: Judgement) -> dict[str, Any]:
    """The `certificate` of a judgement: what its clips share with the training, and what limits its scores.

    For the own test clips of the runs, it is that of their training.
    """
    before = [run.metrics["certificate"] for run in judgement.runs]
    sets = _sets(judgement)
    if judgement.own:
        return dict(before[0]) if len(before) == 1 else _joined(before, sets)
    test, split, found = judgement.test, judgement.data.split, judgement.found
    return {
        "split": f"test clips of {split.description}" if split else "all clips",
        "grouped_by": "data set",
        "sets": {**sets, "test": {key: test[key] for key in ("clips", "tracks", "artists")}},
        "shared": {
            "artists": found.artists,
            "albums": None,
            "tracks": found.tracks,
            "audio": found.audio or [],
            "near_copies": found.near_copies,
        },
        "allow_leak": False,
        "pretrained": _pretrained(before),
        "warnings": [*_warnings(judgement), *judgement.model_notes],
    }


def _joined(certificates: Sequence[Mapping[str, Any]], sets: Mapping[str, Any]) -> dict[str, Any]:
    """The certificate of several runs with the same test clips: what the sets of any of them share."""
    shared = [each["shared"] for each in certificates]
    return {
        **certificates[0],
        "sets": sets,
        "shared": {
            key: None
            if any(each[key] is None for each in shared)
            else distinct(item for each in shared for item in each[key])
            for key in shared[0]
        },
        "allow_leak": any(each["allow_leak"] for each in certificates),
        "pretrained": _pretrained(certificates),
        "warnings": distinct(warning for each in certificates for warning in each["warnings"]),
    }


def _pretrained(certificates: Sequence[Mapping[str, Any]]) -> str | None:
    return "; ".join(distinct(each["pretrained"] for each in certificates if each.get("pretrained"))) or None


def _sets(judgement: Judgement) -> dict[str, Any]:
    """The sizes of the sets: of several runs, the clips that any was trained on, and the others of any run's other sets."""
    first, *others = judgement.runs
    sets = first.metrics["certificate"]["sets"]
    if not others:
        return dict(sets)
    rows_of: dict[str, dict[tuple[str, str], Mapping[str, str | None]]] = {key: {} for key in sets if key != "test"}
    for subset, rows in rows_of.items():
        for run in judgement.runs:
            for row in run.split:
                key = (str(run.metrics["dataset"]), str(row["clip"]))
                if row["set"] == subset and key not in rows_of["train"]:
                    rows[key] = row
    return {**sets, **{subset: _size(list(rows.values())) for subset, rows in rows_of.items()}}


def _size(rows: Sequence[Mapping[str, str | None]]) -> dict[str, Any]:
    """The size of a set as in the certificate of a split: its clips, and its known tracks and artists."""
    artists = {row["artist"] for row in rows if row["artist"]}
    tracks = {(row["artist"], row["track"]) for row in rows if row["track"]}
    return {"clips": len(rows), "tracks": len(tracks), "artists": len(artists)}


def _warnings(judgement: Judgement) -> list[str]:
    evaluation, found = judgement.evaluation, judgement.found
    one = len(judgement.runs) == 1
    s = "" if one else "s"
    warnings = []
    if len(evaluation["common_genres"]) == 1:
        warnings.append(
            f"Only {evaluation['common_genres'][0]} is common to the run{s} and the data set: the scores are its recall, and do "
            "not show what other genres are taken for it."
        )
    shared = len(found.any)
    if shared:
        warnings.append(
            f"{formatting.count(shared, 'judged clip')} of {judgement.test['clips']:,} share an artist, a track or a recording with "
            f"the training or validation clips of the run{s} ({describe_shared(found)})."
        )
    if shared == judgement.test["clips"]:
        warnings.append("Every judged clip is shared, so the scores say nothing about new music.")
    if found.near_copies is None:
        warnings.append(
            "Whether judged clips are copies of training clips is unknown: the run was made with an earlier version, which saved "
            "no fingerprints."
            if one
            else "Whether judged clips are copies of training clips is unknown: one of the runs was made with an earlier "
            "version, which saved no fingerprints."
        )
    return warnings


def describe_shared(found: Shared) -> str:
    """Count and name what is shared: "2 artists: A, B; 1 pair of near copies: a.wav ~ b.mp3"."""
    kinds = (
        ("artist", found.artists),
        ("track", found.tracks),
        ("group of identical clips", [" = ".join(names) for names in found.audio or []]),
        ("pair of near copies", [" ~ ".join(names) for names in found.near_copies or []]),
    )
    return "; ".join(
        f"{formatting.count(len(names), kind)}: {formatting.first_names(names, MOST_NAMED)}"
        for kind, names in kinds
        if names
    )
