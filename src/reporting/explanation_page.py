"""Format explanations: as the page explanation.html, and as the content of explanation.json."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from src.explanation import Explanation
from src.reporting import render

MOST_CLIPS = 24  # that the page shows; explanation.json has all


def content(run: str, explanations: Sequence[Explanation], command: str) -> dict[str, Any]:
    """The content of explanation.json; a map is shortened to the relevance of each row."""
    return {"schema": 1, "run": run, "command": command, "clips": [_plain(each) for each in explanations]}


def html(run: str, explanations: Sequence[Explanation], command: str) -> str:
    """Render the page as one file; sounds are beside it."""
    return render.html(
        "explanation.html",
        {
            "title": f"Why {run} predicts what it predicts",
            "run": run,
            "explanations": explanations[:MOST_CLIPS],
            "all_clips": len(explanations),
            "command": command,
        },
    )


def _plain(explanation: Explanation) -> dict[str, Any]:
    plain = {key: value for key, value in vars(explanation).items() if key != "maps"}
    plain["maps"] = [
        {**asdict(each), "relevance_FN": None, "row_relevance": each.relevance_FN.sum(axis=1).tolist()}
        for each in explanation.maps
    ]
    for each in plain["maps"]:
        del each["relevance_FN"]
    return plain
