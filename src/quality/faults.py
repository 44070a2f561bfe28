"""What is wrong with single files: what cannot be used, and what is out of line with the rest."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from src.clip import Clip
from src.quality.measures import ClipMeasures

CLIPPED_SHARE = 0.01  # of the samples: loud masters have a tenth of it, a broken recording more
SHORT_SHARE = 0.2  # of the typical length
RARE_SHARE = 0.1  # of the clips: what more of them have is no exception
NARROW_SHARE = 0.5  # of the typical bandwidth
UNUSABLE = ("unreadable", "silent", "constant")  # what training leaves out by itself


class Fault(NamedTuple):
    """What is wrong with a clip, in a word and in words."""

    clip: str
    fault: str  # unreadable, silent, constant, truncated, short, clipped, sample rate, bandwidth
    detail: str


def faults(clips: Sequence[Clip], results: Sequence[ClipMeasures | str], crop_seconds: float) -> list[Fault]:
    """The faults of each clip, in the clips' order. An answer is a clip's measures, or why it has none.

    `crop_seconds`: a clip shorter than that is repeated in training to fill it.
    """
    heard = [answer for answer in results if not isinstance(answer, str) and not answer.fault]
    least = max(crop_seconds, SHORT_SHARE * float(np.median([each.seconds for each in heard]))) if heard else 0.0
    bandwidth = float(np.median([each.bandwidth_hz for each in heard])) if heard else 0.0
    narrow = sum(each.bandwidth_hz < NARROW_SHARE * bandwidth for each in heard) <= RARE_SHARE * len(heard)
    rates = Counter(each.sample_rate for each in heard)
    usual = next((rate for rate, count in rates.items() if count >= (1 - RARE_SHARE) * len(heard)), None)
    found = []
    for clip, answer in zip(clips, results, strict=True):
        if isinstance(answer, str):
            found.append(Fault(clip.name, "unreadable", answer))
            continue
        if answer.shortfall:
            found.append(Fault(clip.name, "truncated", answer.shortfall))
        if answer.fault:
            found.append(Fault(clip.name, answer.fault, f"its loudest sample is at {answer.peak_db:.0f} dB"))
            continue
        if answer.seconds < least:
            found.append(Fault(clip.name, "short", f"{answer.seconds:.1f} s, where {least:.1f} s would be enough"))
        if answer.clipped > CLIPPED_SHARE:
            found.append(Fault(clip.name, "clipped", f"{100 * answer.clipped:.1f} % of its samples are cut off"))
        if usual and answer.sample_rate != usual:
            found.append(Fault(clip.name, "sample rate", f"{answer.sample_rate} Hz, where most have {usual} Hz"))
        if narrow and answer.bandwidth_hz < NARROW_SHARE * bandwidth:
            told = f"nothing above {answer.bandwidth_hz / 1000:.1f} kHz, where most reach {bandwidth / 1000:.1f} kHz"
            found.append(Fault(clip.name, "bandwidth", told))
    return found
