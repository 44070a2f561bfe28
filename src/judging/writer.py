"""Write the run directory of a judgement: the files of a run without checkpoint and validation scores."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from src import formatting, rundir
from src.judging.judge import Judgement
from src.judging.shared import Shared
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
    run, data = judgement.run, judgement.data
    environment = provenance.environment(judgement.config, data.digest, command, run.environment.get("choices") or {})
    environment["identity"] |= {"run": identity_of(run), **(identity or {})}
    run_writer.write_inputs(folder, judgement.config, data, environment)
    run_writer.write_predictions(folder, judgement.predictions, data)
    run_writer.write_confusion(folder, judgement.predictions, data)
    environment["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(folder / rundir.ENVIRONMENT, environment, indent=2)
    before = run.metrics
    content = {
        "schema": rundir.SCHEMA,
        "kind": rundir.EVALUATION,
        "val": None,
        "test": judgement.test,
        rundir.EVALUATION: judgement.evaluation,
        "temperature": before["temperature"],
        "worsened_by_calibration": calibration.worsened(judgement.test),
        **{key: before[key] for key in ("train_seconds", "epochs", "best_epoch", "parameters")},
        "certificate": certificate(judgement),
        "dataset": data.corpus.name,
        "synthetic": data.corpus.synthetic,
        "identity": environment["identity"],
    }
    write_json(folder / rundir.METRICS, content, indent=2)
    return content


def identity_of(run: RunDir) -> str:
    """The identity of a run in one text."""
    return "-".join(str(run.metrics["identity"].get(key)) for key in ("config", "data", "source"))


def certificate(judgement: Judgement) -> dict[str, Any]:
    """The `certificate` of a judgement: what its clips share with the training, and what limits its scores.

    For the run's own test clips, it is the run's certificate.
    """
    before = judgement.run.metrics["certificate"]
    if judgement.own:
        return dict(before)
    test, split, found = judgement.test, judgement.data.split, judgement.found
    return {
        "split": f"test clips of {split.description}" if split else "all clips",
        "grouped_by": "data set",
        "sets": {**before["sets"], "test": {key: test[key] for key in ("clips", "tracks", "artists")}},
        "shared": {
            "artists": found.artists,
            "albums": None,
            "tracks": found.tracks,
            "audio": found.audio or [],
            "near_copies": found.near_copies,
        },
        "allow_leak": False,
        "pretrained": before.get("pretrained"),
        "warnings": [*_warnings(judgement), *judgement.model_notes],
    }


def _warnings(judgement: Judgement) -> list[str]:
    evaluation, found = judgement.evaluation, judgement.found
    warnings = []
    if len(evaluation["common_genres"]) == 1:
        warnings.append(
            f"Only {evaluation['common_genres'][0]} is common to the run and the data set: the scores are its recall, and do "
            "not show what other genres are taken for it."
        )
    shared = len(found.any)
    if shared:
        warnings.append(
            f"{formatting.count(shared, 'judged clip')} of {judgement.test['clips']:,} share an artist, a track or a recording with "
            f"the training or validation clips of the run ({describe_shared(found)})."
        )
    if found.near_copies is None:
        warnings.append(
            "Whether judged clips are copies of training clips is unknown: the run has no fingerprints, as it is older than they are."
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
