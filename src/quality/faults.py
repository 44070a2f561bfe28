"""Faults of single files: files that cannot be used, and files that differ from most of the data set."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from src.clip import Clip
from src.quality.measures import ClipMeasures

CLIPPED_SHARE = 0.01  # of the samples: loud masters have a tenth of this, a broken recording has more
SHORT_SHARE = 0.2  # of the median length
RARE_SHARE = 0.1  # of the clips: a deviation that more of them have is not a fault
NARROW_SHARE = 0.5  # of the median bandwidth
UNUSABLE = ("unreadable", "silent", "constant")  # training leaves these out by itself


class Fault(NamedTuple):
    """A fault of a clip: its kind, and a description for the user."""

    clip: str
    fault: str  # unreadable, silent, constant, truncated, short, clipped, sample rate, bandwidth
    detail: str


def faults(clips: Sequence[Clip], results: Sequence[ClipMeasures | str], crop_seconds: float) -> list[Fault]:
    """List the faults of each clip, in the order of the clips.

    `results` holds each clip's measures, or the reason it has none. A clip shorter than `crop_seconds` counts as short,
    since training would repeat it to fill a crop.
    """
    measures = [result for result in results if not isinstance(result, str) and not result.fault]
    least_seconds = (
        max(crop_seconds, SHORT_SHARE * float(np.median([row.seconds for row in measures]))) if measures else 0.0
    )
    median_hz = float(np.median([row.bandwidth_hz for row in measures])) if measures else 0.0
    narrow_is_rare = sum(row.bandwidth_hz < NARROW_SHARE * median_hz for row in measures) <= RARE_SHARE * len(measures)
    rates = Counter(row.sample_rate for row in measures)
    usual_rate = next((rate for rate, count in rates.items() if count >= (1 - RARE_SHARE) * len(measures)), None)
    found = []
    for clip, result in zip(clips, results, strict=True):
        if isinstance(result, str):
            found.append(Fault(clip.name, "unreadable", result))
            continue
        if result.shortfall:
            found.append(Fault(clip.name, "truncated", result.shortfall))
        if result.fault:
            found.append(Fault(clip.name, result.fault, f"its loudest sample is at {result.peak_db:.0f} dB"))
            continue
        if result.seconds < least_seconds:
            found.append(Fault(clip.name, "short", f"{result.seconds:.1f} s, expected at least {least_seconds:.1f} s"))
        if result.clipped > CLIPPED_SHARE:
            found.append(Fault(clip.name, "clipped", f"{100 * result.clipped:.1f} % of its samples"))
        if usual_rate and result.sample_rate != usual_rate:
            found.append(Fault(clip.name, "sample rate", f"{result.sample_rate} Hz, most clips have {usual_rate} Hz"))
        if narrow_is_rare and result.bandwidth_hz < NARROW_SHARE * median_hz:
            detail = f"{result.bandwidth_hz / 1000:.1f} kHz, the median is {median_hz / 1000:.1f} kHz"
            found.append(Fault(clip.name, "bandwidth", detail))
    return found
