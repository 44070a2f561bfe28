"""Expected content of metrics.json, environment.json and config.yaml, checked in one place: any file may be broken."""

import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from src import plain_files

LARGEST = 1e15  # larger numbers are no counts, scores or seconds


class Kind(NamedTuple):
    """A kind of value: its description in messages, and a function that accepts it."""

    description: str
    accepts: Callable[[Any], bool]


class Each(NamedTuple):
    """An object with any keys, at least `least`, whose values all have one specification."""

    entry: Any
    least: int = 0


class Many(NamedTuple):
    """A list whose items all have one specification."""

    item: Any


class OrNull(NamedTuple):
    """A specification, or null."""

    known: Any


def _is_number(value: Any, low: float = -LARGEST, high: float = LARGEST) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _whole(low: int, high: int = int(LARGEST)) -> Kind:
    return Kind(
        f"a whole number of {low} or more",
        lambda value: isinstance(value, int) and _is_number(value, low, high),
    )


def _is_pair(value: Any, low: float = -LARGEST, high: float = LARGEST) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(_is_number(end, low, high) for end in value)
        and value[0] <= value[1]
    )


def _is_interval(value: Any) -> bool:
    return _is_pair(value, 0, 1)


TEXT = Kind("a text", lambda value: isinstance(value, str))
NUMBER = Kind("a number", _is_number)
SHARE = Kind("a number from 0 to 1", lambda value: _is_number(value, 0, 1))
NONNEGATIVE = Kind("a number of 0 or more", lambda value: _is_number(value, 0))
POSITIVE = Kind("a number above 0", lambda value: _is_number(value, math.ulp(0.0)))
INTERVAL = Kind("two numbers from 0 to 1, the lower one first", _is_interval)
CORRELATION = Kind("a number from -1 to 1", lambda value: _is_number(value, -1, 1))
BETWEEN = Kind("two numbers, the lower one first", _is_pair)
BOOLEAN = Kind("true or false", lambda value: isinstance(value, bool))
COUNT, AT_LEAST_1 = _whole(0), _whole(1)
SCALAR = Kind(
    "a text, a number, true, false or null", lambda value: value is None or isinstance(value, str | int | float)
)

# In a specification, a key that ends in ? may be missing. Keys that are not specified may have any value.
GENRE = {
    "recall": OrNull(SHARE),
    "precision": OrNull(SHARE),
    "f1": OrNull(SHARE),
    "accuracy_one_vs_rest": SHARE,
    "support": COUNT,
}
# Opinions of several people: see `src.data.opinions`.
CEILING = {"accuracy": SHARE, "accuracy_interval": INTERVAL, "f1_macro": SHARE, "f1_macro_interval": INTERVAL}
ANNOTATOR = {"clips": AT_LEAST_1, **CEILING}
AGREEMENT = {
    "clips": AT_LEAST_1,
    "artists": OrNull(COUNT),
    "annotators": COUNT,
    "labels": COUNT,
    "resampled": TEXT,
    "tied": Many(TEXT),
    "unanimous": OrNull(SHARE),
    "several_clips": COUNT,
    "entropy": NONNEGATIVE,
    "fleiss": OrNull({"kappa": CORRELATION, "interval": BETWEEN, "clips": AT_LEAST_1, "labels_per_clip": COUNT}),
    "krippendorff": OrNull({"alpha": CORRELATION, "interval": BETWEEN, "clips": AT_LEAST_1}),
    "ceiling": OrNull({**CEILING, "annotators": Each(ANNOTATOR)}),
    "few": Each(COUNT),
}
OPINIONS = {
    "agreement": AGREEMENT,
    "shares": {
        "cross_entropy": OrNull(NONNEGATIVE),
        "cross_entropy_interval": OrNull(BETWEEN),
        "cross_entropy_uncalibrated": OrNull(NONNEGATIVE),
        "divergence": NONNEGATIVE,
        "divergence_interval": BETWEEN,
        "divergence_uncalibrated": NONNEGATIVE,
    },
    "annotators": Each({**ANNOTATOR, "nll": OrNull(NONNEGATIVE)}),
    "beside_people": OrNull(
        {
            **CEILING,
            "annotators": Each(ANNOTATOR),
            "accuracy_difference": CORRELATION,
            "accuracy_difference_interval": BETWEEN,
            "f1_macro_difference": CORRELATION,
            "f1_macro_difference_interval": BETWEEN,
        }
    ),
    "disagreement": OrNull({"spearman": CORRELATION, "interval": BETWEEN}),
}
SCORES = {
    "clips": AT_LEAST_1,
    "tracks": OrNull(COUNT),
    "artists": OrNull(COUNT),
    "accuracy": SHARE,
    "accuracy_interval": INTERVAL,
    "accuracy_interval_by_artist": OrNull(INTERVAL),
    "precision_macro": SHARE,
    "recall_macro": SHARE,
    "f1_macro": SHARE,
    "nll": OrNull(NONNEGATIVE),
    "ece": SHARE,
    "nll_uncalibrated?": OrNull(NONNEGATIVE),
    "ece_uncalibrated?": OrNull(SHARE),
    "opinions?": OrNull(OPINIONS),
    "genres": Each(GENRE, least=2),
}
COVERAGE = {
    "clips": COUNT,
    "coverage": OrNull(SHARE),
    "coverage_interval": OrNull(INTERVAL),
    "mean_size": OrNull(NONNEGATIVE),
}
DOUBT = {
    "aurc": SHARE,
    "aurc_of_a_perfect_order": SHARE,
    "risk_coverage": Many({"coverage": SHARE, "error": SHARE}),
    "calibration": OrNull({"clips": AT_LEAST_1, "artists": AT_LEAST_1}),
    "sets": OrNull(
        {**COVERAGE, "level": SHARE, "coverage_interval_by_artist": OrNull(INTERVAL), "genres": Each(COVERAGE, least=2)}
    ),
    "abstention": OrNull(Many({"confidence": SHARE, "error_bound": SHARE, "answered": COUNT, "errors": COUNT})),
    "unlike_training": OrNull({"clips": AT_LEAST_1, "unlike": COUNT, "limit": NONNEGATIVE}),
}
SIZE = {"clips": COUNT, "tracks": OrNull(COUNT), "artists": OrNull(COUNT)}
METRICS = {
    "kind?": TEXT,
    "train_seconds": NONNEGATIVE,
    "epochs": COUNT,
    "best_epoch": OrNull(COUNT),
    "parameters": COUNT,
    "dataset": TEXT,
    "synthetic": BOOLEAN,
    "identity": Each(TEXT),
    "val": OrNull(SCORES),
    "test": SCORES,
    "doubt?": OrNull(DOUBT),
    "temperature?": OrNull(POSITIVE),
    "passes?": Each(Many(NUMBER)),
    "fitted?": OrNull(TEXT),
    "certificate": {
        "split": TEXT,
        "grouped_by": TEXT,
        "sets": {"train": SIZE, "val": SIZE, "test": SIZE, "calibration?": SIZE},
        "shared": {
            "artists": Many(TEXT),
            "albums?": OrNull(Many(TEXT)),
            "tracks": Many(TEXT),
            "audio": Many(Many(TEXT)),
            "near_copies?": OrNull(Many(Many(TEXT))),
        },
        "allow_leak": BOOLEAN,
        "warnings": Many(TEXT),
    },
}
# A run of an average, with its own scores on the judged clips.
MEMBER = {
    "run": TEXT,
    "name": TEXT,
    "trained_on": TEXT,
    "identity": Each(TEXT),
    "clips": AT_LEAST_1,
    "accuracy": SHARE,
    "accuracy_interval": INTERVAL,
    "recall_macro": SHARE,
    "f1_macro": SHARE,
}
# Of metrics.json whose `kind` is "evaluation", besides METRICS.
EVALUATION = {
    "evaluation": {
        "run": TEXT,
        "members?": Many(MEMBER),
        "trained_on": TEXT,
        "training_clips": Each(COUNT),
        "training_artists_known": BOOLEAN,
        "own_test_clips": BOOLEAN,
        "scores_of_run": OrNull(BOOLEAN),
        "common_genres": Many(TEXT),
        "other_genres": Each(COUNT),
        "untested_genres": Many(TEXT),
        "chance": {"all_genres": SHARE, "common_genres": SHARE},
        "recall_macro_interval_by_artist": OrNull(INTERVAL),
        "among_common": OrNull(SCORES),
        "shared_clips": {"artist": COUNT, "track": COUNT, "audio": COUNT, "near_copy": OrNull(COUNT), "any": COUNT},
        "without_shared": OrNull(SCORES),
    },
}
ENVIRONMENT = {
    "command": TEXT,
    "identity?": {"config": TEXT, "data": TEXT, "source": TEXT},
    "source?": OrNull(Each(TEXT)),
    "choices?": OrNull(Each(OrNull(TEXT))),
    "versions?": OrNull(Each(SCALAR)),
    "git?": OrNull({"commit": OrNull(TEXT), "dirty": OrNull(BOOLEAN)}),
    "hardware?": OrNull(Each(SCALAR)),
    "threads?": SCALAR,
    "precision?": SCALAR,
    "started?": SCALAR,
    "finished?": SCALAR,
}
# What programs read from the config of a run by name. Its classes check the settings that they get.
CONFIG = {
    "feature": {},
    "model": {},
    "seed?": OrNull(_whole(0)),
    "split?": {"fold?": OrNull(_whole(0)), "folds?": OrNull(_whole(1, 100_000))},
    "trainer?": {},
    "audio?": {"sample_rate?": _whole(1, 1_000_000)},
    "data?": {"crop_seconds?": Kind("a number of seconds, up to 3600", lambda value: _is_number(value, 1e-3, 3600))},
}


def check(where: Path, content: Mapping[str, Any], specification: Mapping[str, Any]) -> None:
    """Raise ValueError unless `content` has all keys of the specification, with values of their kinds.

    `where` is the file, for the message, which names all missing keys, or else the first wrong value.
    """
    problems = list(_problems(content, specification, ""))
    missing = [key for key, problem in problems if problem is None]
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}. Train the run again.")
    if problems:
        key, problem = problems[0]
        raise ValueError(f"{where}: {key} is {problem}. Train the run again.")


def _problems(value: Any, specification: Any, key: str) -> Iterator[tuple[str, str | None]]:
    """Yield the dotted key of each wrong value, with what it is and what was expected; None for a missing key."""
    if isinstance(specification, OrNull):
        if value is not None:
            yield from _problems(value, specification.known, key)
    elif isinstance(specification, Kind):
        if not specification.accepts(value):
            yield key, f"{plain_files.shown(value)}, expected {specification.description}"
    elif isinstance(specification, Many):
        if not isinstance(value, list):
            yield key, f"{plain_files.shown(value)}, expected a list"
            return
        for k, item in enumerate(value):
            yield from _problems(item, specification.item, f"{key}[{k}]")
    elif not isinstance(value, Mapping):
        yield key, f"{plain_files.shown(value)}, expected an object"
    elif isinstance(specification, Each):
        if len(value) < specification.least:
            yield key, f"an object with {len(value)} entries, expected at least {specification.least}"
        for name, entry in value.items():
            yield from _problems(entry, specification.entry, f"{key}.{name}")
    else:
        for name, expected in specification.items():
            child = f"{key}.{name}".removeprefix(".").removesuffix("?")
            if name.removesuffix("?") in value:
                yield from _problems(value[name.removesuffix("?")], expected, child)
            elif not name.endswith("?"):
                yield child, None
