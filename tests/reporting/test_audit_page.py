"""The page of an audit: its findings counted and ranked, and its command to copy."""

from typing import Any

from src.reporting import audit_page
from tests.reporting.test_pages import Page

CLIPS = ["rock/a.ogg", "rock/b.ogg", "jazz/c.ogg", "jazz/d.ogg"]


def content(**changes: Any) -> dict[str, Any]:
    """The content of an audit.json of four clips; without changes, nothing is found."""
    genre = {
        "clips": 2,
        "minutes": 1.0,
        "tracks": 2,
        "artists": 2,
        "sample_rates": {"22050": 2},
        "level_db": [-20.0, -18.0, -16.0],
        "bandwidth_hz": [9e3, 1e4, 1.1e4],
    }
    return {
        "dataset": "mine",
        "synthetic": False,
        "clips": CLIPS,
        "genre": ["rock", "rock", "jazz", "jazz"],
        "measures": {
            "level_db": [-20.0, -16.0, -18.0, -17.0],
            "bandwidth_hz": [9e3, 1e4, 1.1e4, 1e4],
            "start_seconds": [0.0] * 4,
        },
        "excluded": [],
        "notes": [],
        "genres": {"rock": genre, "jazz": genre},
        "files": [],
        "copies": [],
        "near_copies": [],
        "split": None,
        "split_trouble": "",
        "shortcut": None,
        "spectrum": None,
        "opinions": None,
        "labels": None,
        **changes,
    }


FOUND = content(
    files=[{"clip": CLIPS[0], "fault": "clipped", "detail": "3 %"}],
    copies=[[CLIPS[0], CLIPS[1]]],
    labels={
        "issues": 1, "clips": 4, "grouped_by": "track",
        "ranked": [
            {"clip": CLIPS[2], "genre": "jazz", "suggested": "rock", "suggested_probability": 0.9, "score": 0.1, "issue": True},
            {"clip": CLIPS[3], "genre": "jazz", "suggested": "rock", "suggested_probability": 0.4, "score": 0.5, "issue": False},
        ],
    },
)  # fmt: skip


def test_the_most_serious_findings_come_first_and_are_counted() -> None:
    sentences = audit_page.findings(FOUND)
    assert [sentence.split(",")[0].rstrip(".") for sentence in sentences] == [
        *("1 redundant clip", "1 label that may be wrong", "1 clip clipped"),
    ]
    assert audit_page.clips_to_check(FOUND) == set(CLIPS[:3])  # the fourth has no issue
    page = audit_page.html(FOUND, {}, "python -m src.audit labels=true")
    shown = Page(page).text
    assert "findings 3 kinds, the most serious first" in shown
    assert "clips to check 3 of 4" in shown
    page = page[page.index('<ol class="findings">') :]
    assert page.index("redundant clip") < page.index("may be wrong") < page.index("clip clipped")


def test_the_command_of_an_audit_can_be_copied() -> None:
    page = audit_page.html(content(), {}, "python -m src.audit")
    assert "<button" in page[page.index('<h2 id="command">') :]
    shown = Page(page).text
    assert "findings 0 nothing was found" in shown
    assert "labels not checked labels=true looks for wrong ones" in shown


def with_near_copies(between_sets: list[list[str]]) -> dict[str, Any]:
    """An audit with a pair of near copies and a weak label; `between_sets`: the pairs that the split divides."""
    pair = {
        "a": CLIPS[0],
        "b": CLIPS[1],
        "genres": ["rock", "rock"],
        "same": "track",
        "overlap_seconds": 3.0,
        "shift_seconds": 0.5,
        "error": 0.1,
    }
    shared = {"artists": [], "tracks": [], "audio": [], "near_copies": between_sets}
    split = {"split": "holdout", "grouped_by": "artist", "sets": {}, "shared": shared, "warnings": []}
    return content(near_copies=[pair], split=split, labels=FOUND["labels"])


def test_copies_that_the_split_keeps_together_are_not_the_first_finding() -> None:
    together = with_near_copies([])
    assert [sentence.split(",")[0] for sentence in audit_page.findings(together)] == [
        *("1 label that may be wrong", "1 pair of near copies: the same recording with other samples"),
    ]
    assert audit_page.findings(together)[-1].endswith("of one track; none between sets.")
    assert "Keep copies in one set" not in audit_page.html(together, {}, "python -m src.audit")
    divided = with_near_copies([CLIPS[:2]])
    assert "near copies" in audit_page.findings(divided)[0] + audit_page.findings(divided)[1]
    assert "none between sets" not in " ".join(audit_page.findings(divided))
    assert "Keep copies in one set" in audit_page.html(divided, {}, "python -m src.audit")


def test_players_are_mentioned_only_where_there_are_some() -> None:
    audit = with_near_copies([])
    silent = audit_page.html(audit, {}, "python -m src.audit")
    assert "Both players start" not in silent
    assert "this page has no players" in silent
    sounding = audit_page.html(
        audit, dict.fromkeys(audit_page.player_places(audit), "data:audio/mpeg;base64,"), "python"
    )
    assert "Both players start" in sounding
    assert "this page has no players" not in sounding


def test_names_break_after_dashes_and_the_issue_is_the_second_column() -> None:
    page = audit_page.html(FOUND, {}, "python -m src.audit")
    assert "<th>clip</th><th>issue</th>" in page
    assert f">{CLIPS[2].replace('/', '/<wbr>')} " in page
    assert page.count("<svg") == 2  # the figure of balance, also for a narrow place
