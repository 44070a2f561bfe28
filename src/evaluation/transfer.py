"""Transfer between data sets: a matrix of scores, with a row for each data set trained on and a column for each judged on."""

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from src.evaluation import run_names
from src.evaluation.groups import identifying_settings
from src.evaluation.pooling import pool
from src.rundir import EVALUATION, RunDir, nested

CLIPS_OF = "clips_of"  # in the identity of an evaluation: the run whose test clips were judged
SCORES = ("clips", "artists", "accuracy", "accuracy_interval", "recall_macro", "f1_macro")
OF_DATA = ("dataset.", "trained.", "split.file", "data.preferred_genres")  # settings that differ between data sets


def configuration_key(run: RunDir) -> str:
    """A text that is equal for runs that differ only in the data set, seed and fold, and for their evaluations."""
    settings = {key: text for key, text in identifying_settings(run).items() if not key.startswith(OF_DATA)}
    return json.dumps(settings, sort_keys=True)


def pairing_key(run: RunDir) -> str:
    """A text that is equal for runs that differ only in the data set."""
    return json.dumps([configuration_key(run), run.config.get("seed"), nested.get(run.config, "split.fold")])


def matrices(runs: Sequence[RunDir]) -> list[dict[str, Any]]:
    """One matrix for each configuration of a sweep=transfer; [] if there is none.

    A matrix has its `label`, `data_sets`, and `rows`: name of the data set trained on -> name of the one judged on -> a
    cell. A cell has the scores, pooled over folds and averaged over seeds; the `genres` that both data sets know; `chance`,
    the macro recall of guessing; `recall_macro_common`, when only the common genres are possible predictions; and the number
    of `runs`. It is None if nothing was judged, as no genre is common. The diagonal has the scores on the own test clips.
    """
    of_key: dict[tuple[Path, str], list[RunDir]] = defaultdict(list)
    for run in runs:
        if not run.is_evaluation or _is_transfer(run):
            sweep = run.path.resolve().parents[1 if run.is_evaluation else 0]
            of_key[sweep, configuration_key(run)].append(run)
    result = []
    for members in of_key.values():
        if any(_is_transfer(run) for run in members):
            cells: dict[tuple[str, str], list[RunDir]] = defaultdict(list)
            for run in members:
                cells[_trained_on(run), str(run.metrics["dataset"])].append(run)
            names = sorted({name for pair in cells for name in pair})
            rows = {
                row: {column: _cell(cells[row, column]) if (row, column) in cells else None for column in names}
                for row in names
                if any(pair[0] == row for pair in cells)
            }
            result.append({"label": run_names.run_name(members[0]), "data_sets": names, "rows": rows})
    return result


def _is_transfer(run: RunDir) -> bool:
    """True for an evaluation that sweep=transfer has written: it names the run whose test clips were judged."""
    return run.is_evaluation and CLIPS_OF in run.metrics["identity"]


def _trained_on(run: RunDir) -> str:
    return str(run.metrics[EVALUATION]["trained_on"] if run.is_evaluation else run.metrics["dataset"])


def _cell(runs: Sequence[RunDir]) -> dict[str, Any]:
    group = pool("", runs)
    scores, all_genres = group.scores, list(group.scores["genres"])
    genres = [genre for genre in all_genres if scores["genres"][genre]["support"]]
    cell = {**{key: scores[key] for key in SCORES}, "genres": genres, "chance": 1 / len(all_genres), "runs": len(runs)}
    if not runs[0].is_evaluation:
        return {**cell, "recall_macro_common": scores["recall_macro"], "chance_common": 1 / len(all_genres)}
    common = [run.metrics[EVALUATION]["among_common"] for run in runs]
    recall = fmean(each["recall_macro"] for each in common if each) if all(common) else None
    return {**cell, "recall_macro_common": recall, "chance_common": 1 / len(genres)}
