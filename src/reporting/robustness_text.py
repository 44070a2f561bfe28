"""Describe how a run's predictions change with altered sound: tables and sentences. Input: the content of robustness.json."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.markup import escape
from rich.table import Table

from src import formatting
from src.formatting import count
from src.reporting import commands
from src.reporting.cards import FEW_CLIPS, Card

HEADINGS = ("alteration", "change, points", "accuracy %", "agreement %", "genre that changes most")
TERMINAL_HEADINGS = (
    "alteration",
    "strength",
    "change",
    "95 %",
    "accuracy",
    "agreement",
)  # 80 characters have no room for more
REDUCED_HEADINGS = ("sound", "the run's model %", "95 % interval", "svm fitted to it %", "95 % interval")
TERMINAL_REDUCED_HEADINGS = ("sound", "model", "95 %", "svm", "95 %")
MOST_FINDINGS = 8
MOST_NAMED = 5
NO_ACCURACY = "-"
NEXT = (
    "What to do: the audit shows whether level, bandwidth or file format differ between the genres of the data. "
    "augmentation=wave trains with other levels, equalizations and noise."
)
STURM = "Sturm 2014: tempo within 6 % and pitch within a semitone keep the genre of a piece."


class Row(NamedTuple):
    """A row of the table of alterations. `change`, `interval` and `most_changed` are empty where a piece may change its genre."""

    name: str
    strength: str
    change: str
    interval: str
    accuracy: str
    agreement: str
    most_changed: str
    significant: bool


def strength(row: Mapping[str, Any]) -> str:
    """The strength of an alteration with its unit: "8,000 Hz", "-6 dB", "+2 semitones"."""
    value, unit = row["strength"], row["unit"]
    signed = unit in ("%", "semitones") or row["name"] in ("level", "bass", "treble")
    number = f"{value:+g}" if signed else f"{value:,g}" if value >= 1000 else f"{value:g}"
    return f"{number} {'semitone' if unit == 'semitones' and abs(value) == 1 else unit}"


def points(difference: float) -> str:
    """A difference of two shares in percentage points: -0.125 -> "-12.5"; 0 has no sign."""
    return formatting.signed(100 * difference, 1)


def points_interval(interval: Sequence[float]) -> str:
    return f"{points(interval[0])} to {points(interval[1])}"


def rows(content: Mapping[str, Any]) -> list[Row]:
    """The rows of the table of alterations."""
    found = significant(content)
    result = []
    for row in content["alterations"]:
        keeps = row["keeps_genre"]
        change = (points(row["difference"]), points_interval(row["difference_interval"])) if keeps else ("", "")
        accuracy = formatting.cell(row["accuracy"]) if keeps else NO_ACCURACY
        scores = (accuracy, formatting.cell(row["agreement"]), _most_changed(row))
        clear = (row["name"], row["strength"], None) in found
        result.append(Row(row["name"], strength(row), *change, *scores, clear))
    return result


def significant(content: Mapping[str, Any]) -> set[tuple[str, float, str | None]]:
    """The significant changes: name, strength and genre, None for the accuracy."""
    return {(change["name"], change["strength"], change["genre"]) for change in content["findings"]["changes"]}


def _most_changed(row: Mapping[str, Any]) -> str:
    """The genre whose recall changes most: "jazz: -25.0 points", "jazz: 2 → 0 of 2 clips"; "" if none does."""
    if not row["keeps_genre"]:
        return ""
    genre, scores = max(row["genres"].items(), key=lambda pair: abs(pair[1]["difference"]))
    if not scores["difference"]:
        return ""
    of = f"of {count(scores['clips'], 'clip')}" if is_few(scores) else "points"
    return f"{genre}: {recall_change(scores)} {of}"


def is_few(scores: Mapping[str, Any]) -> bool:
    """True if a genre has so few clips that its correct clips are counted, as percents would look certain."""
    return bool(scores["clips"] < FEW_CLIPS)


def recall(value: float, clips: int) -> str:
    """A recall for a table column in percent: "81.2"; of few clips "1 of 2"."""
    return f"{round(value * clips)} of {clips}" if clips < FEW_CLIPS else formatting.cell(value)


def recall_change(scores: Mapping[str, Any]) -> str:
    """The change of a genre's recall in points: "-25.0"; of few clips, the correct ones: "2 → 0"."""
    if not is_few(scores):
        return points(scores["difference"])
    before = scores["recall"] - scores["difference"]
    return f"{round(before * scores['clips'])} → {round(scores['recall'] * scores['clips'])}"


def reduced_rows(content: Mapping[str, Any]) -> list[list[str]]:
    """The rows of the table of reduced sound, below REDUCED_HEADINGS; unaltered sound first."""
    before, about = content["unaltered"], content["retrained"]
    first = {"name": "unaltered", **before, "retrained": about["unaltered"] if about else None}
    result = []
    for row in [first, *content["reduced"]]:
        again = row.get("retrained")
        cells = (
            [formatting.cell(again["accuracy"]), formatting.cell_interval(again["accuracy_interval"])]
            if again
            else ["", ""]
        )
        name = row["name"].replace("_", " and ")
        result.append(
            [name, formatting.cell(row["accuracy"]), formatting.cell_interval(row["accuracy_interval"]), *cells]
        )
    return result


def tables(content: Mapping[str, Any]) -> list[Table]:
    """The tables for the terminal."""
    built = []
    if content["alterations"]:
        table = Table(
            title=escape(f"{content['run']}: altered sound (%; change in points)"),
            title_justify="left",
            caption_justify="left",
        )
        for k, heading in enumerate(TERMINAL_HEADINGS):
            table.add_column(heading, justify="right" if k else "left", no_wrap=True)
        last = None
        for row in rows(content):
            if last and row.name != last:
                table.add_section()
            name = row.name if row.name != last else ""
            table.add_row(*map(escape, (name, row.strength, row.change, row.interval, row.accuracy, row.agreement)))
            last = row.name
        table.caption = escape(basis(content))
        built.append(table)
    if content["reduced"]:
        about = content["retrained"]
        headings = TERMINAL_REDUCED_HEADINGS if about else TERMINAL_REDUCED_HEADINGS[:3]
        table = Table(
            title="Reduced sound: accuracy (%) of the run's model" + (", and of an svm fitted to it" if about else ""),
            title_justify="left",
            caption_justify="left",
        )
        for k, heading in enumerate(headings):
            table.add_column(heading, justify="right" if k else "left", no_wrap=True)
        for cells in reduced_rows(content):
            table.add_row(*map(escape, cells[: len(headings)]))
        table.caption = escape(reduced_basis(content))
        built.append(table)
    return built


def size(content: Mapping[str, Any]) -> str:
    """The size of the test set that was measured: "160 test clips of 40 artists"."""
    return formatting.size(content, "test clip")


def basis(content: Mapping[str, Any]) -> str:
    """Describe the basis of the table of alterations: the data, then that of the changes."""
    unaltered = content["unaltered"]
    return (
        f"{formatting.data(content['dataset'], content['synthetic'])}, {content['split']}: {size(content)}. Unaltered: accuracy "
        f"{formatting.share(unaltered['accuracy'], unaltered['accuracy_interval'])}. {change_basis(content)}"
    )


def change_basis(content: Mapping[str, Any]) -> str:
    """Describe the basis of changes, of their intervals and of agreement."""
    over = (
        "a paired bootstrap over artists"
        if content["interval_over"] == "artists"
        else "paired over clips, because some genres have fewer than 10 artists"
    )
    text = (
        f"Change in percentage points; its interval is {over}. Agreement: clips with the same prediction as unaltered."
    )
    if any(not row["keeps_genre"] for row in content["alterations"]):
        text += f" {NO_ACCURACY}: the piece may have changed its genre, so another prediction is no error ({STURM.rstrip('.')})."
    return text


def reduced_basis(content: Mapping[str, Any]) -> str:
    """Describe the basis of the table of reduced sound."""
    chance, about = content["chance"], content["retrained"]
    text = (
        f"Always predicting {_always(content)} has an accuracy of {formatting.percent(chance['commonest_share'])}. "
        f"{size(content)}; the interval is over {content['interval_over']}."
    )
    if not about:
        return f"{text} --retrain adds a model that is fitted to each sound."
    text += (
        f" svm: another model, a support vector machine on {about['feature']}, fitted to {count(about['training_clips'], 'training clip')} of "
        f"{count(about['training_artists'], 'artist')}; the split is grouped by {about['grouped_by']}"
    )
    shared = about["shared_artists"]
    if shared:
        return f"{text}, and {count(len(shared), 'artist')} is in several sets, so the scores are too high."
    return f"{text}."


def _always(content: Mapping[str, Any]) -> str:
    """The commonest genre; "one genre" if all are equally common."""
    equal = len({scores["clips"] for scores in content["unaltered"]["genres"].values()}) == 1
    return "one genre" if equal else f"{content['chance']['commonest']}, the commonest genre here,"


def lines(content: Mapping[str, Any]) -> list[str]:
    """Sentences: what changed, what was left out."""
    result = finding_lines(content, MOST_FINDINGS) if content["alterations"] else []
    return [*result, *notes(content)]


def cards(content: Mapping[str, Any]) -> list[Card]:
    """The alteration that lowers the accuracy most, the accuracy without one, and the number of significant changes."""
    unaltered, found = content["unaltered"], content["findings"]
    result = []
    if kept := [row for row in content["alterations"] if row["keeps_genre"]]:
        worst = min(kept, key=lambda row: row["difference"])
        clear = (worst["name"], worst["strength"], None) in significant(content)
        low, high = (formatting.signed(100 * end, 0) for end in worst["difference_interval"])
        note = (
            f"points of accuracy; 95 % interval {low} to {high}, {'' if clear else 'not '}significant; "
            f"{formatting.percent(1 - worst['agreement'])} of predictions change"
        )
        label = f"worst alteration: {worst['name']}, {strength(worst)}"
        result.append(Card(label, formatting.signed(100 * worst["difference"], 0), note, clear))
    interval = formatting.interval(unaltered["accuracy_interval"])
    result.append(Card("accuracy, unaltered", formatting.percent(unaltered["accuracy"]), interval))
    if found["tests"]:
        changes, note = len(found["changes"]), f"of {count(found['tests'], 'test')} of accuracy and recall"
        result.append(Card("significant changes", f"{changes:,}", note, changes > 0))
    return result


def finding_lines(content: Mapping[str, Any], most: int) -> list[str]:
    """The significant changes, one sentence for each alteration: changes of accuracy first, then the largest of recall."""
    found = content["findings"]
    about = f"McNemar's test over clips, Holm's correction; {count(found['tests'], 'test')}"
    if not found["changes"]:
        return [
            f"No accuracy or recall changes significantly where the genre stays the same ({about}). {_by_intervals(content)}"
        ]
    ordered = sorted(found["changes"], key=lambda change: change["genre"] is not None)  # within, the largest first
    groups: dict[tuple[str, float], list[Mapping[str, Any]]] = {}
    for change in ordered:
        groups.setdefault((change["name"], change["strength"]), []).append(change)
    result = [describe(changes) for changes in list(groups.values())[:most]]
    more = len(groups) - most
    last = f"{count(more, 'more alteration')} with significant changes in robustness.json. " if more > 0 else ""
    return [
        *result,
        f"{last}Significant: p below 0.05 ({about}). Clips of one artist are not independent, so p is too small.",
        NEXT,
    ]


def _by_intervals(content: Mapping[str, Any]) -> str:
    """Describe what the intervals of single changes show if no change is significant among all."""
    ends = [row["difference_interval"] for row in content["alterations"] if row["keeps_genre"]]
    clear = sum(not low <= 0 <= high for low, high in ends)
    if not clear:
        return f"With {count(content['clips'], 'clip')}, small changes are not found."
    return (
        f"But {clear} of {count(len(ends), 'change')} of accuracy {'has' if clear == 1 else 'have'} an interval of {'its' if clear == 1 else 'their'} own without 0: "
        "measure more clips, or fewer alterations."
    )


def describe(changes: Sequence[Mapping[str, Any]]) -> str:
    """The changes by one alteration as a sentence, that of accuracy first.

    "low_pass, 8,000 Hz: accuracy 81.2 % to 12.5 % (change -68.8 points, 95 % interval ...); recall of jazz -80.0, blues -75.0 points."
    """
    parts = [
        f"accuracy {formatting.cell(change['before'])} % to {formatting.cell(change['after'])} % (change "
        f"{points(change['difference'])} points, 95 % interval {points_interval(change['difference_interval'])})"
        for change in changes
        if change["genre"] is None
    ]
    recalls = [f"{change['genre']} {points(change['difference'])}" for change in changes if change["genre"] is not None]
    if recalls:
        parts.append(f"recall of {', '.join(recalls)} points")
    return f"{changes[0]['name']}, {strength(changes[0])}: {'; '.join(parts)}."


def notes(content: Mapping[str, Any]) -> list[str]:
    """Sentences about what was not measured, and about the basis."""
    result = []
    differing = content["unaltered"]["differs_from_run"]
    if differing:
        result.append(
            f"{count(differing, 'unaltered clip')} of {content['clips']:,} got another prediction than in predictions.csv: the "
            "sound, the code or the hardware differs."
        )
    if content["clips"] < content["test_clips"] - len(content["left_out"]):
        result.append(
            f"{content['clips']:,} of {content['test_clips']:,} test clips were measured; the whole set shows smaller changes: "
            f"`{commands.without(content['command'], valued=('--clips',))}`"
        )
    result += [f"Left out: {item['clip']}: {item['reason']}." for item in content["left_out"][:MOST_NAMED]]
    more = len(content["left_out"]) - MOST_NAMED
    if more > 0:
        result.append(f"{count(more, 'more clip')} left out; robustness.json lists all.")
    about = content["retrained"]
    if about and about["left_out"]:
        result.append(f"{count(len(about['left_out']), 'training clip')} could not be read; robustness.json lists all.")
    for item in content["not_measured"]:
        name = item["name"] if item["strength"] is None else f"{item['name']}={item['strength']:g}"
        result.append(f"Not measured: {name}: {item['reason']}.")
    return result
