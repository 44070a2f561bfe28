"""Render a comparison of groups of runs as a page: verdicts first, then differences with intervals, genres and clips."""

from collections.abc import Sequence
from typing import Any

from src import formatting
from src.evaluation.run_analysis import Confusion
from src.metrics.intervals import MIN_ARTISTS
from src.reporting import cards, comparison_text, render, sweep_section
from src.reporting.cards import Card
from src.reporting.comparison_text import Content
from src.reporting.run_summary import Step, together
from src.reporting.tested_on_text import describe_splits


def html(contents: Sequence[Content], differences: Sequence[str]) -> str:
    """Render the page of comparisons, one section for each test data.

    `contents` are the contents of `compare --format json`; `differences` say how several test data differ.
    """
    sections = [_section(content) for content in contents]
    labels = [group["label"] for content in contents for group in content["groups"]]
    title = " and ".join(labels) if len(labels) == 2 else f"Comparison of {formatting.count(len(labels), 'group')}"
    return render.html("compared.html", {"title": title, "sections": sections, "difference_lines": differences})


def _section(content: Content) -> dict[str, Any]:
    """The values of the groups that were tested on the same data."""
    groups, pairs, *others = comparison_text.comparison_tables(content)
    sentences = [comparison_text.describe_pair(pair, content) for pair in content["pairs"]]
    return {
        "data": f"{formatting.data(content['dataset'], content['synthetic'])}, {formatting.size(content)}",
        "cards": _cards(content),
        "sentences": sentences,
        "figure": sweep_section.difference_figure(content["pairs"]),
        "groups": groups,
        "tables": [pairs, *others],
        "figure_note": sweep_section.DIFFERENCES,
        "doubts": _doubts(content),
        "steps": _steps(content),
        "notes": comparison_text.note_lines(content),
    }


def _doubts(content: Content) -> list[str]:
    """Doubts about the comparison, one sentence each."""
    groups = content["groups"]
    lines = []
    if any(group["leaks"] for group in groups):
        lines.append("Some runs share artists, tracks or audio between training and test: the scores are too high.")
    lines += together(sorted({text for group in groups for text in group["warnings"]}))
    if content["resampled"]["by"] != "artist":
        by = content["resampled"]["by"]
        lines.append(f"Not all artists are known, so clips were resampled by {by}: intervals are too narrow.")
    if all(group["repetitions"] == 1 for group in groups):
        lines.append("Each group was trained with one seed: another seed may reverse a small difference.")
    if content["synthetic"]:
        lines.append("The music is synthetic: scores on it say nothing about recordings.")
    return [*lines, *cards.few_clips_doubt(groups[0])]


def _steps(content: Content) -> list[Step]:
    """Steps that the comparison suggests."""
    pairs, groups = content["pairs"], content["groups"]
    steps = []
    if pairs[0]["verdict"] == "too few artists":
        text = f"Test more artists, {MIN_ARTISTS} or more: in folds, every clip is tested once."
        steps.append(Step(text, "… sweep=folds"))
    if all(group["repetitions"] == 1 for group in groups):
        steps.append(Step("Train several seeds of each group, and compare again.", "… 'seed=range(0,3)'"))
    better = next((pair[pair["verdict"]] for pair in pairs if pair["verdict"] in ("a", "b")), None)
    if len(groups) == 2 and better:
        steps.append(Step(f"Use {better}, if these clips are like your music."))
    elif len(groups) > 2 and all(group["val_f1_macro"] is not None for group in groups):
        best = max(groups, key=lambda group: group["val_f1_macro"])
        steps.append(
            Step(f"Choose by the validation score, which is highest for {best['key']}, not by the test scores.")
        )
    elif not better:
        steps.append(Step("Choose the faster or simpler one, or test more clips: these do not show which is better."))
    if content["synthetic"]:
        steps.append(
            Step(
                "Compare on your own music: train both with a folder for each genre.",
                "… dataset=folder dataset.root=DIR",
            )
        )
    return steps


def _cards(content: Content) -> list[Card]:
    """The verdict and the difference of the first pair, the number of pairs, confusions of the first groups, and the test data."""
    pair = content["pairs"][0]
    difference, interval = 100 * pair["accuracy"]["difference"], pair["accuracy"]["interval"]
    verdict = comparison_text.verdict(pair, content)
    note = (
        f"95 % interval {100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}"
        if interval
        else "no interval: too few artists"
    )
    shown = [
        Card(
            f"accuracy of {pair['a']} minus {pair['b']}, in points",
            f"{difference:+.1f}",
            f"{note}; {verdict}",
            not interval,
        ),
    ]
    if len(content["pairs"]) > 1:
        better = sum(each["verdict"] in ("a", "b") for each in content["pairs"])
        shown.append(
            Card(
                "pairs that can be told apart",
                f"{better} of {len(content['pairs'])}",
                "p values adjusted by Holm",
                False,
            )
        )
    for group in content["groups"][:2]:
        confusion = cards.confusion([Confusion(**entry) for entry in group["most_frequent_confusions"]])
        if confusion:
            shown.append(confusion._replace(label=f"most frequent confusion of {group['key']}"))
    artists = content["artists"]
    owners = "artists not all known" if artists is None else formatting.count(artists, "artist")
    leaks = any(group["leaks"] for group in content["groups"])
    data = f"{owners}; {formatting.data(content['dataset'], content['synthetic'])}; {describe_splits(content['split'])}{'; leaks' if leaks else ''}"
    doubtful = leaks or content["synthetic"] or content["artists"] is None
    return [*shown, Card("test data", formatting.count(content["clips"], "clip"), data, doubtful)]
