"""Inspect a data set and its split: collect the content of audit.json and the lines of exclude.txt."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from src.clip import Clip, Corpus
from src.data import opinions
from src.data.audit_file import AUDIT_SCHEMA
from src.dataset.exclude import line
from src.quality.copies import exact_copies, near_copies
from src.quality.faults import faults
from src.quality.label_errors import SuspectLabel
from src.quality.measures import ClipMeasures
from src.quality.shortcuts import shortcut, spectrum
from src.quality.spectrum import THIRD_OCTAVES_HZ
from src.split import Split
from src.split.certificate import certify
from src.split.grouping import full_track_name

MEASURES = (
    "start_seconds",
    "seconds",
    "sample_rate",
    "channels",
    "level_db",
    "peak_db",
    "clipped",
    "bandwidth_hz",
    "third_octaves_db",
    "steady_hz",
    "limit_hz",
)
# Faults with which a clip may still be used: exclude.txt has it as a comment.
USABLE_FAULTS = ("clipped", "sample rate", "bandwidth", "rescaled", "offset", "channels", "file")
LISTED_SHARE = 0.2  # list at least this share of the labels, the most suspicious ones: nobody listens to more


def inspect(corpus: Corpus, results: Sequence[ClipMeasures | str], split: Split, crop_seconds: float) -> dict[str, Any]:
    """Collect all findings on a data set, except label errors -> the content of audit.json.

    `results` has the measures of each clip, or the reason why it has none (str). Clips that training leaves out
    (unreadable, silent, constant) are listed under `files`, the faults, and nowhere else.
    """
    found_faults = faults(corpus.clips, results, crop_seconds)
    usable = [(c, r) for c, r in zip(corpus.clips, results, strict=True) if not isinstance(r, str) and not r.fault]
    clips, measures = [clip for clip, _ in usable], [row for _, row in usable]
    near = near_copies(clips, measures)
    labelled = [(clip, row) for clip, row in usable if clip.genre]
    labelled_clips = [clip for clip, _ in labelled]
    known = labelled_clips, [row for _, row in labelled]
    certificate, split_error = _certificate(clips, measures, near, split)
    return {
        "schema": AUDIT_SCHEMA,
        "dataset": corpus.name,
        "synthetic": corpus.synthetic,
        "clips": [clip.name for clip in clips],
        "genre": [clip.genre for clip in clips],
        "measures": {key: [getattr(row, key) for row in measures] for key in MEASURES},
        "files": [fault._asdict() for fault in found_faults],
        "copies": exact_copies(clips, measures),
        "near_copies": near,
        "split": certificate,
        "split_trouble": split_error,
        "shortcut": shortcut(*known),
        "third_octaves_hz": list(THIRD_OCTAVES_HZ),
        "spectrum": spectrum(*known),
        "genres": balance(clips, measures),
        "labels": None,
        "opinions": opinions.agree(opinions.collect(labelled_clips, corpus.genres))
        if opinions.have_opinions(labelled_clips)
        else None,
        "excluded": [{"clip": excluded.clip, "reason": excluded.reason} for excluded in corpus.excluded],
        "notes": list(corpus.notes),
    }


def _certificate(
    clips: Sequence[Clip], measures: Sequence[ClipMeasures], near: Sequence[dict[str, Any]], split: Split
) -> tuple[dict[str, Any] | None, str | None]:
    """Certify the split -> (certificate, None), or (None, error message) if the split cannot be made."""
    if not clips:
        return None, None
    try:
        subsets = split.assign(clips)
    except ValueError as error:
        return None, str(error)
    pairs = [(pair["a"], pair["b"]) for pair in near]
    digests = [row.digest for row in measures]
    return certify(clips, subsets, digests, split.description, split.grouped, near_copies=pairs), None


def balance(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> dict[str, Any]:
    """Count the clips, minutes, tracks, artists and sample rates of each genre ("" if it is unknown).

    `level_db` and `bandwidth_hz` are the 10th, 50th and 90th percentile over the clips of the genre.
    """
    members = defaultdict(list)
    for clip, row in zip(clips, measures, strict=True):
        members[clip.genre].append((clip, row))
    table = {}
    for genre, pairs in sorted(members.items()):
        rates = Counter(row.sample_rate for _, row in pairs)
        table[genre] = {
            "clips": len(pairs),
            "minutes": sum(row.seconds for _, row in pairs) / 60,
            "tracks": len({full_track_name(clip) for clip, _ in pairs} - {None}),
            "artists": len({clip.artist for clip, _ in pairs} - {None}),
            "sample_rates": {str(rate): clip_count for rate, clip_count in sorted(rates.items())},
            **{
                key: np.quantile([getattr(row, key) for _, row in pairs], [0.1, 0.5, 0.9]).round(1).tolist()
                for key in ("level_db", "bandwidth_hz")
            },
        }
    return table


def with_label_errors(content: dict[str, Any], labels: Sequence[SuspectLabel], group_by: str) -> dict[str, Any]:
    """Return the content of an audit with the most suspicious labels added as `labels`.

    All issues are listed, and at least LISTED_SHARE of the labels. `group_by` is "track" or "artist".
    """
    listed_count = max(sum(label.issue for label in labels), round(LISTED_SHARE * len(labels)))
    errors = {
        "grouped_by": group_by,
        "clips": len(labels),
        "issues": sum(label.issue for label in labels),
        "ranked": [label._asdict() for label in labels[:listed_count]],
    }
    return {**content, "labels": errors}


def exclude_lines(content: dict[str, Any]) -> list[str]:
    """Format exclude.txt: names of clips to leave out, and as comments ("# ...") names of clips to listen to first."""
    lines = [
        "# Clips to leave out: dataset.exclude=THIS_FILE. Read it first: lines that begin with a hash and a space are "
        "comments."
    ]
    for fault in content["files"]:
        certain = fault["fault"] not in USABLE_FAULTS
        lines += [_comment(f"{fault['fault']}: {fault['detail']}"), f"{'' if certain else '# '}{line(fault['clip'])}"]
    for names in content["copies"]:
        lines += [f"# identical to {line(names[0])}", *map(line, names[1:])]
    for pair in content["near_copies"]:
        mark = "# " if pair["same"] == "track" else ""  # a grouped split puts all excerpts of a track into one set
        lines += [
            f"# same recording as {line(pair['a'])}, {pair['overlap_seconds']:.1f} s of it",
            f"{mark}{line(pair['b'])}",
        ]
    for label in content["labels"]["ranked"] if content["labels"] else []:
        if label["issue"]:
            lines += [
                _comment(
                    f"{label['genre']}, but sounds like {label['suggested']} (score {label['score']:.2f}); listen first"
                ),
                f"# {line(label['clip'])}",
            ]
    return lines


def _comment(text: str) -> str:
    return f"# {' '.join(text.split())}"
