"""Describe a run that was judged on other clips than its own: its scores, the genres that both know, what is shared."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rich.markup import escape
from rich.table import Table

from src import formatting

HEADINGS = ("possible genres", "clips", "accuracy %", "95 %", "macro recall %", "chance %", "macro F1 %")
AVERAGED = "The prediction is the genre with the highest mean of the runs' calibrated probabilities."
MOST_NAMED = 10  # a sentence names at most this many genres


class Row(NamedTuple):
    """One way to score the predictions: its name, its scores, and the macro recall of guessing (0 to 1)."""

    name: str
    scores: Mapping[str, Any]
    chance: float


def score_rows(metrics: Mapping[str, Any]) -> list[Row]:
    """The ways in which the predictions of a judged run are scored; `metrics` is the content of its metrics.json."""
    evaluation, test = metrics["evaluation"], metrics["test"]
    chance = evaluation["chance"]
    rows = [Row(f"any of {len(test['genres'])} genres", test, chance["all_genres"])]
    if evaluation["among_common"] and evaluation["untested_genres"]:
        common = len(evaluation["common_genres"])
        rows.append(Row(f"{common} common genres", evaluation["among_common"], chance["common_genres"]))
    if evaluation["without_shared"]:
        rows.append(Row("without shared clips", evaluation["without_shared"], chance["all_genres"]))
    rows += [Row(f"{member['run']} alone", member, chance["all_genres"]) for member in evaluation["members"]]
    return rows


def cells(row: Row) -> list[str]:
    """The cells of a row, below HEADINGS."""
    scores = row.scores
    return [
        row.name,
        f"{scores['clips']:,}",
        formatting.cell(scores["accuracy"]),
        formatting.cell_interval(scores["accuracy_interval"]),
        formatting.cell(scores["recall_macro"]),
        formatting.cell(row.chance),
        formatting.cell(scores["f1_macro"]),
    ]


def table(metrics: Mapping[str, Any]) -> Table:
    """The table of the scores of a judged run, for a terminal."""
    evaluation = metrics["evaluation"]
    built = Table(title=escape(f"{evaluation['run']}, judged on {metrics['dataset']}"), title_justify="left")
    for heading in HEADINGS:
        first = heading == HEADINGS[0]
        built.add_column(heading, justify="left" if first else "right", no_wrap=first)
    for row in score_rows(metrics):
        built.add_row(*map(escape, cells(row)))
    built.caption = escape(basis(metrics))
    built.caption_justify = "left"
    return built


def basis(metrics: Mapping[str, Any]) -> str:
    """Describe the basis of the scores: data, clips, artists, intervals, chance."""
    evaluation, test = metrics["evaluation"], metrics["test"]
    text = (
        f"{formatting.data(metrics['dataset'], metrics['synthetic'])}, {metrics['certificate']['split']}: "
        f"{formatting.size(test)}. Chance is the macro recall of guessing among the possible genres. The interval is Wilson's over clips; "
    )
    accuracy, recall = test["accuracy_interval_by_artist"], evaluation["recall_macro_interval_by_artist"]
    if not accuracy or not recall:
        return f"{text}some genre has fewer than 10 artists, so there is none over artists."
    return (
        f"{text}a bootstrap over artists gives {formatting.cell_interval(accuracy)} % for the accuracy of the first row, and "
        f"{formatting.cell_interval(recall)} % for its macro recall."
    )


def lines(metrics: Mapping[str, Any]) -> list[str]:
    """Describe what was judged and what was not, one sentence each."""
    evaluation, test = metrics["evaluation"], metrics["test"]
    several = len(evaluation["members"])
    if evaluation["own_test_clips"]:
        if several:
            return [f"Judged on the test clips that all {several} runs have in common. {AVERAGED}"]
        same = "The scores are those of the run itself."
        other = "The scores are not those of the run itself: the clips, the code or the hardware differ."
        return [f"Judged on the run's own test clips. {same if evaluation['scores_of_run'] else other}"]
    common, untested = evaluation["common_genres"], evaluation["untested_genres"]
    known = f"{formatting.count(len(common), 'genre')} in common: {formatting.first_names(common, MOST_NAMED)}"
    the_run, knows = ("The runs were", "The runs also know") if several else ("The run was", "The run also knows")
    result = [AVERAGED] if several else []
    result.append(
        f"{the_run} trained on {evaluation['trained_on']}, whose genres and those of {metrics['dataset']} have {known}."
    )
    if untested:
        answered = sum(_predicted(test["genres"][genre], test["clips"]) for genre in untested)
        result.append(
            f"{knows} {formatting.first_names(untested, MOST_NAMED)}, of which no clip was judged; "
            f"{formatting.count(answered, 'clip')} of {test['clips']:,} got one of these predictions."
        )
    other_genres = evaluation["other_genres"]
    if other_genres:
        names = [f"{genre}: {count:,}" for genre, count in sorted(other_genres.items(), key=lambda pair: -pair[1])]
        clips = formatting.count(sum(other_genres.values()), "clip")
        result.append(
            f"Not judged, as {'the runs do' if several else 'the run does'} not know their genre: {clips} ({formatting.first_names(names, MOST_NAMED)}). "
            "dataset.genre_map.NAME=GENRE maps a name to one of its genres."
        )
    if not evaluation["among_common"]:  # only one
        result.append("With one common genre, the accuracy is the recall of this genre.")
    return result


def _predicted(row: Mapping[str, Any], clips: int) -> int:
    """The number of predictions of a genre that no clip has: each is one clip less in its one-vs-rest accuracy."""
    return round((1 - float(row["accuracy_one_vs_rest"])) * clips)


def shared_lines(metrics: Mapping[str, Any]) -> list[str]:
    """Describe what the judged clips share with the training and validation clips of the run, one sentence each."""
    evaluation, shared = metrics["evaluation"], metrics["certificate"]["shared"]
    clips, result = evaluation["shared_clips"], []
    for kind, key in (("artist", "artists"), ("track", "tracks")):
        if shared[key]:
            names = formatting.first_names(shared[key], MOST_NAMED)
            result.append(f"{formatting.count(clips[kind], 'judged clip')} by name of a training {kind}: {names}.")
        elif not evaluation["training_artists_known"] or metrics["test"]["artists"] is None:
            result.append(f"No {kind} of the training is known to be judged; some {key} are unknown.")
        else:
            result.append(f"No {kind} of the training is judged.")
    if shared["near_copies"] is None:
        return result  # a warning of the certificate says why
    for name, sign, groups in (
        ("identical to", " = ", shared["audio"]),
        ("near copies of", " ~ ", shared["near_copies"]),
    ):
        pairs = formatting.first_names([sign.join(group) for group in groups], MOST_NAMED)
        result.append(f"Judged clips that are {name} training clips: {pairs or 'none'}.")
    return result
