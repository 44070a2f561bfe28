"""Members of an average of runs: their paths, their names, and the check that they know the same genres."""

from collections.abc import Sequence
from pathlib import Path

from src import console, formatting
from src.clip import comparable
from src.rundir.reader import METRICS, RunDir, runs_at

MOST_NAMED = 10  # a message names at most this many genres


def trained_runs_at(paths: Sequence[Path], trust: tuple[str, ...] = ()) -> list[RunDir]:
    """Find the runs with a model at some paths: run directories, or folders of runs. A run that is named twice is there twice.

    Unfinished runs in a folder are left out, with a note; evaluations too. Raises ValueError if a path has no
    finished run, or if it is an evaluation.
    """
    found: list[RunDir] = []
    for path in paths:
        runs = runs_at(path, trust)
        if runs[0].path != path:
            finished = [run for run in runs if (run.path / METRICS).exists()]
            if len(finished) < len(runs):
                console.note(f"{path}: {formatting.count(len(runs) - len(finished), 'unfinished run')} left out.")
            runs = [run for run in finished if not run.is_evaluation]
            if not runs:
                raise ValueError(f"{path} contains no finished run. Name a run directory that `src.train` wrote.")
        for run in runs:
            run.require_model()  # reads metrics.json: an unfinished run is refused before any sound is decoded
        found += runs
    return found


def check_members(runs: Sequence[RunDir]) -> None:
    """Raise ValueError unless there are several different runs, all with the same genres."""
    if len(runs) < 2:
        raise ValueError(
            f"--average joins several runs: expected two or more, got one, {runs[0].path}. Name another, or leave --average out."
        )
    seen: dict[object, RunDir] = {}
    for run in runs:
        identity = tuple(sorted(run.metrics["identity"].items()))
        for key in (run.path.resolve(), *([identity] if identity else [])):
            first = seen.setdefault(key, run)
            if first is not run:
                same = (
                    f"{run.path} is named twice"
                    if first.path == run.path
                    else f"{first.path} and {run.path} are one run"
                )
                raise ValueError(f"{same}: in the average it would count twice. Name each run once.")
    first_genres = runs[0].genres
    for run in runs[1:]:
        genre_order(str(run.path), run.genres, str(runs[0].path), first_genres)


def genre_order(name: str, genres: Sequence[str], first_name: str, first_genres: Sequence[str]) -> list[int]:
    """The indices of a run's genres in the order of another run's; case and separators of a name do not count.

    Raises ValueError, which names the genres, if one of the two runs lacks a genre of the other.
    """
    exact = sorted(genres) == sorted(first_genres)
    keys, first_keys = ([genre if exact else comparable(genre) for genre in each] for each in (genres, first_genres))
    only = [
        f"only {owner} has {formatting.first_names(missing, MOST_NAMED)}"
        for owner, own, own_keys, others in (
            (first_name, first_genres, first_keys, keys),
            (name, genres, keys, first_keys),
        )
        if (missing := [genre for genre, key in zip(own, own_keys, strict=True) if key not in others])
    ]
    if not only and not len(set(keys)) == len(keys) == len(first_keys):  # two spellings of one genre in one of the runs
        only = [f"{first_name} has {', '.join(first_genres)}; {name} has {', '.join(genres)}"]
    if only:
        raise ValueError(
            f"{first_name} and {name} have different genres: {'; '.join(only)}. An average needs runs with the same genres."
        )
    return [keys.index(key) for key in first_keys]


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """The name of each run's folder, or its path where two folders have one name."""
    names = [folder.resolve().name for folder in folders]
    return [str(folder) if names.count(name) > 1 else name for folder, name in zip(folders, names, strict=True)]


def average_name(names: Sequence[str]) -> str:
    """The name of an average of runs."""
    return f"average of {', '.join(names)}"
