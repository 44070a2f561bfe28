"""Find faulty files: files that cannot be used, and files that differ from most of the data set."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from src.audio.corrections import SILENT_DETAIL
from src.clip import Clip
from src.quality.measures import ClipMeasures

CLIPPED_SHARE = 0.01  # fault: a larger share of clipped samples; loud masters have a tenth of this
SHORT_SHARE = 0.2  # fault: shorter than this share of the median length
RARE_SHARE = 0.1  # a deviation that a larger share of the clips has is not a fault
NARROW_SHARE = 0.5  # fault: a bandwidth below this share of the median


class Fault(NamedTuple):
    """A fault of a clip; `detail` describes it to the user."""

    clip: str
    # Its kind: unreadable, truncated, silent, constant, short, clipped, sample rate, bandwidth, or that of a Note of the
    # reader: rescaled, offset, channels, file.
    fault: str
    detail: str


def faults(clips: Sequence[Clip], results: Sequence[ClipMeasures | str], crop_seconds: float) -> list[Fault]:
    """List the faults of each clip, in the order of the clips.

    `results` has the measures of each clip, or the reason why it has none (str). A clip shorter than `crop_seconds`
    counts as short, since training would repeat it to fill a crop.
    """
    measures = [result for result in results if not isinstance(result, str) and not result.fault]
    min_seconds = (
        max(crop_seconds, SHORT_SHARE * float(np.median([row.seconds for row in measures]))) if measures else 0.0
    )
    median_hz = float(np.median([row.bandwidth_hz for row in measures])) if measures else 0.0
    narrow_is_rare = sum(row.bandwidth_hz < NARROW_SHARE * median_hz for row in measures) <= RARE_SHARE * len(measures)
    rates = Counter(row.sample_rate for row in measures)
    common_rate = next((rate for rate, count in rates.items() if count >= (1 - RARE_SHARE) * len(measures)), None)
    all_faults = []
    for clip, result in zip(clips, results, strict=True):
        if isinstance(result, str):
            all_faults.append(Fault(clip.name, "unreadable", result))
            continue
        if result.shortfall:
            all_faults.append(Fault(clip.name, "truncated", result.shortfall))
        if result.fault:
            all_faults.append(Fault(clip.name, result.fault, SILENT_DETAIL))
            continue
        all_faults += [Fault(clip.name, note.kind, note.text) for note in result.notes]
        if result.seconds < min_seconds:
            all_faults.append(
                Fault(clip.name, "short", f"{result.seconds:.1f} s, expected at least {min_seconds:.1f} s")
            )
        if result.clipped > CLIPPED_SHARE:
            all_faults.append(Fault(clip.name, "clipped", f"{100 * result.clipped:.1f} % of its samples"))
        if common_rate and result.sample_rate != common_rate:
            all_faults.append(
                Fault(clip.name, "sample rate", f"{result.sample_rate} Hz, most clips have {common_rate} Hz")
            )
        if narrow_is_rare and result.bandwidth_hz < NARROW_SHARE * median_hz:
            detail = f"{result.bandwidth_hz / 1000:.1f} kHz, the median is {median_hz / 1000:.1f} kHz"
            all_faults.append(Fault(clip.name, "bandwidth", detail))
    return all_faults
