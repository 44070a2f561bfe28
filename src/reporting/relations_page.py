"""Render relations.json as a page: what to do, maps and trees, pairs, scores by a tree of genres."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np

from src import formatting
from src.genre_relations.pairs import APART, SAME, UNDECIDED
from src.reporting import relations_plots, relations_text, render
from src.reporting.drawing import both
from src.reporting.matrices import confusion

PAGE, JSON = "relations.html", "relations.json"
VIEWS = (
    (
        "embedding",
        "Distances in the embedding",
        "In the embedding",
        "The embedding is what the model computes of a clip before its prediction. Distance 0: artists of two genres differ as much as "
        "those of one genre.",
    ),
    (
        "answers",
        "Distances by the predictions",
        "By the predictions",
        "Distance 0: the clips of two genres get the same predictions equally often; 1: no prediction in common.",
    ),
)


def html(content: Mapping[str, Any], command: str) -> str:
    """Render the page of `genre_relations.content`; `command` is the command that makes it again."""
    many = len(content["genres"]) > relations_plots.MANY_GENRES
    same = [(pair["a"], pair["b"]) for pair in content["pairs"] if pair["answer"] == SAME]
    nothing_yet = relations_text.nothing_yet(content)
    views = []
    for name, heading, short, basis in VIEWS:
        view = content["views"][name]
        figures = {}
        if not view["reason"]:
            figures["map"] = both(relations_plots.genre_map, view, same)
            figures["joins"] = both(relations_plots.joins, view, content["stable"])
        views.append({"heading": heading, "short": short, "basis": basis, "view": view, **figures})
    return render.html(
        "relations.html",
        {
            "title": f"Relations of {formatting.count(len(content['genres']), 'genre')}",
            "content": content,
            "data_line": relations_text.data_line(content),
            "cards": _cards(content),
            "nothing_yet": nothing_yet,
            "sentences": [each for each in relations_text.sentences(content) if each != nothing_yet],
            "views": views,
            "many": many,
            "any_same": bool(same),
            "pair_title": relations_text.pair_title(content),
            "pair_headings": relations_text.PAIR_HEADINGS,
            "pair_rows": relations_text.pair_rows(content),
            "pair_texts": relations_text.TEXT_COLUMNS,
            "tree_headings": relations_text.TREE_HEADINGS,
            "tree_rows": relations_text.tree_rows(content),
            "confusion": _confusion(content),
            "command": command,
        },
    )


def _confusion(content: Mapping[str, Any]) -> Any:
    """The confusion matrix with all genres that can be predicted, in rounded clips."""
    answers = content["confusion"]["answers"]
    counts = np.zeros((len(answers), len(answers)))
    for genre, row in zip(content["genres"], content["confusion"]["counts"], strict=True):
        counts[answers.index(genre)] = row
    return both(confusion, np.rint(counts), answers)


def _cards(content: Mapping[str, Any]) -> list[tuple[str, str, str, bool]]:
    """Counts of the three verdicts, the most important first, stable joins, hierarchical F1, and the data."""
    answers = Counter(pair["answer"] for pair in content["pairs"])
    total = len(content["pairs"])
    cards = []
    if answers[SAME] or answers[APART]:
        note = f"of {total:,}; {answers[APART]:,} are told apart"
        cards.append(("pairs that cannot be told apart", f"{answers[SAME]:,}", note, answers[SAME] > 0))
    if answers[UNDECIDED]:
        reason = relations_text.undecided_reasons(content).most_common(1)[0][0]
        value = f"{answers[UNDECIDED]:,} of {total:,}"
        place = 0 if 2 * answers[UNDECIDED] > total else len(cards)
        cards.insert(place, ("undecided pairs of genres", value, reason, True))
    for name, _, short, _ in VIEWS:
        view = content["views"][name]
        if view["reason"]:
            cards.append((f"stable joins, {short.lower()}", "none", "no distances", True))
        elif not view["no_stability"] and len(view["joins"]) > 1:
            inner = view["joins"][:-1]
            stable = sum(each["stability"] >= content["stable"] for each in inner)
            cards.append(
                (
                    f"stable joins, {short.lower()}",
                    f"{stable} of {len(inner)}",
                    f"in {formatting.percent(content['stable'])} of resamples or more",
                    stable == 0,
                )
            )
    tree = content["hierarchy"]
    if not tree["reason"]:
        f1 = tree["scores"]["f1"]
        interval = formatting.interval(f1["interval"]) if f1["interval"] else "no interval: too few artists"
        cards.append(("hierarchical F1", formatting.percent(f1["value"]), interval, not f1["interval"]))
    data = formatting.data(content["dataset"], content["synthetic"])
    owners = (
        "some artists unknown" if content["artists"] is None else f"of {formatting.count(content['artists'], 'artist')}"
    )
    return [
        *cards,
        (
            "test clips",
            f"{content['clips']:,}",
            f"{owners}; {data}",
            content["synthetic"] or content["artists"] is None,
        ),
    ]
