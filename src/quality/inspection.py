"""What an audit finds in a data set and its split, as plain values: the content of audit.json."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from src.clip import Clip, Corpus
from src.data.audit_file import AUDIT_SCHEMA
from src.quality.copies import exact_copies, near_copies
from src.quality.faults import faults
from src.quality.label_errors import SuspectLabel
from src.quality.measures import ClipMeasures
from src.quality.shortcuts import shortcut
from src.split import Split
from src.split.certificate import certify
from src.split.grouping import full_track_name

MEASURES = ("start_seconds", "seconds", "sample_rate", "channels", "level_db", "peak_db", "clipped", "bandwidth_hz")
LISTED_SHARE = 0.2  # of the clips, listed: nobody listens to more


def inspect(corpus: Corpus, results: Sequence[ClipMeasures | str], split: Split, crop_seconds: float) -> dict[str, Any]:
    """The findings on a corpus whose clips gave these answers: their measures, or why there are none.

    What training leaves out by itself (unreadable, silent) is in no count but the faults.
    """
    known = faults(corpus.clips, results, crop_seconds)
    pairs = [(c, a) for c, a in zip(corpus.clips, results, strict=True) if not isinstance(a, str) and not a.fault]
    clips, heard = [clip for clip, _ in pairs], [each for _, each in pairs]
    near = near_copies(clips, heard)
    labelled = [(clip, each) for clip, each in pairs if clip.genre]
    certificate, trouble = _certificate(clips, heard, near, split)
    return {
        "schema": AUDIT_SCHEMA,
        "dataset": corpus.name,
        "synthetic": corpus.synthetic,
        "clips": [clip.name for clip in clips],
        "genre": [clip.genre for clip in clips],
        "measures": {key: [getattr(each, key) for each in heard] for key in MEASURES},
        "files": [fault._asdict() for fault in known],
        "copies": exact_copies(clips, heard),
        "near_copies": near,
        "split": certificate,
        "split_trouble": trouble,
        "shortcut": shortcut([clip for clip, _ in labelled], [each for _, each in labelled]),
        "genres": balance(clips, heard),
        "labels": None,
        "excluded": [{"clip": left.clip, "reason": left.reason} for left in corpus.excluded],
        "notes": list(corpus.notes),
    }


def _certificate(
    clips: Sequence[Clip], heard: Sequence[ClipMeasures], near: Sequence[dict[str, Any]], split: Split
) -> tuple[dict[str, Any] | None, str | None]:
    """What the sides of the split share; or why it could not be made."""
    if not clips:
        return None, None
    try:
        sides = split.assign(clips)
    except ValueError as error:
        return None, str(error)
    pairs = [(pair["a"], pair["b"]) for pair in near]
    return certify(
        clips, sides, [each.digest for each in heard], split.description, split.grouped, near_copies=pairs
    ), None


def balance(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> dict[str, Any]:
    """Of each genre ("" where it is unknown): clips, minutes, tracks, artists, sample rates, level and bandwidth."""
    members = defaultdict(list)
    for clip, each in zip(clips, measures, strict=True):
        members[clip.genre].append((clip, each))
    table = {}
    for genre, mine in sorted(members.items()):
        rates = Counter(each.sample_rate for _, each in mine)
        table[genre] = {
            "clips": len(mine),
            "minutes": sum(each.seconds for _, each in mine) / 60,
            "tracks": len({full_track_name(clip) for clip, _ in mine} - {None}),
            "artists": len({clip.artist for clip, _ in mine} - {None}),
            "sample_rates": {str(rate): number for rate, number in sorted(rates.items())},
            **{
                key: np.quantile([getattr(each, key) for _, each in mine], [0.1, 0.5, 0.9]).round(1).tolist()
                for key in ("level_db", "bandwidth_hz")
            },
        }
    return table


def with_label_errors(content: dict[str, Any], doubts: Sequence[SuspectLabel], group_by: str) -> dict[str, Any]:
    """The content of an audit, and the clips whose labels look wrong, the most doubtful first."""
    most = max(sum(doubt.issue for doubt in doubts), round(LISTED_SHARE * len(doubts)))
    told = {
        "grouped_by": group_by,
        "clips": len(doubts),
        "issues": sum(doubt.issue for doubt in doubts),
        "ranked": [doubt._asdict() for doubt in doubts[:most]],
    }
    return {**content, "labels": told}


def exclude_lines(content: dict[str, Any]) -> list[str]:
    """The lines of exclude.txt: what may well be left out stands as a name, what takes an ear as a remark."""
    lines = [
        "# Clips to leave out: dataset.exclude=THIS_FILE. Read it first: lines that begin with a hash and a space are remarks."
    ]
    for fault in content["files"]:
        certain = fault["fault"] not in ("clipped", "sample rate", "bandwidth")
        lines += [f"# {fault['fault']}: {fault['detail']}", f"{'' if certain else '# '}{fault['clip']}"]
    for names in content["copies"]:
        lines += [f"# the same as {names[0]}", *names[1:]]
    for pair in content["near_copies"]:
        mark = "# " if pair["same"] == "track" else ""  # a grouped split keeps a track's excerpts together
        lines += [f"# the same recording as {pair['a']}, {pair['overlap_seconds']:.1f} s of it", f"{mark}{pair['b']}"]
    for doubt in content["labels"]["ranked"] if content["labels"] else []:
        if doubt["issue"]:
            lines += [
                f"# {doubt['genre']}, but sounds like {doubt['suggested']} (score {doubt['score']:.2f}); listen first",
                f"# {doubt['clip']}",
            ]
    return lines
