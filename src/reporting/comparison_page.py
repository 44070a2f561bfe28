"""Render a comparison of groups of runs as a page: verdicts first, then differences with intervals, genres and clips."""

from collections.abc import Sequence
from typing import Any

from src import formatting
from src.reporting import comparison_text, render, sweep_section
from src.reporting.comparison_text import Content

VERDICTS = {"a": "{a} is better", "b": "{b} is better", "same": "{a} and {b} are the same"}


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
        "notes": comparison_text.note_lines(content),
    }


def _cards(content: Content) -> list[tuple[str, str, str, bool]]:
    """The verdict and the difference of the first pair, the number of pairs, and the test data."""
    pair = content["pairs"][0]
    difference, interval = 100 * pair["accuracy"]["difference"], pair["accuracy"]["interval"]
    verdict = VERDICTS.get(pair["verdict"], pair["verdict"]).format(**pair)
    note = (
        f"95 % interval {100 * interval[0]:+.1f} to {100 * interval[1]:+.1f}"
        if interval
        else "no interval: too few artists"
    )
    cards = [
        (
            f"accuracy of {pair['a']} minus {pair['b']}, in points",
            f"{difference:+.1f}",
            f"{note}; {verdict}",
            not interval,
        ),
    ]
    if len(content["pairs"]) > 1:
        better = sum(each["verdict"] in ("a", "b") for each in content["pairs"])
        cards.append(
            ("pairs that can be told apart", f"{better} of {len(content['pairs'])}", "p values adjusted by Holm", False)
        )
    owners = "artists unknown" if content["artists"] is None else f"of {formatting.count(content['artists'], 'artist')}"
    leaks = any(group["leaks"] for group in content["groups"])
    data = f"{owners}; {formatting.data(content['dataset'], content['synthetic'])}{'; leaks' if leaks else ''}"
    doubtful = leaks or content["synthetic"] or content["artists"] is None
    return [*cards, ("test clips", f"{content['clips']:,}", data, doubtful)]
