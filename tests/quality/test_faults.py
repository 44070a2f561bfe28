"""Faults of single files: files that cannot be used, and files that differ from most of the data set."""

from pathlib import Path

import numpy as np
import pytest

from src.clip import Clip
from src.quality.faults import faults
from src.quality.measures import ClipMeasures

SOUND = ClipMeasures(
    start_seconds=0.0,
    seconds=30.0,
    sample_rate=44100,
    channels=1,
    level_db=-18.0,
    peak_db=-3.0,
    clipped=0.0,
    bandwidth_hz=16000.0,
    digest="",
    shortfall=None,
    fault=None,
    codes=np.empty(0, dtype=np.uint32),
)


def fault_kinds(*faulty: ClipMeasures | str, usual: int = 20) -> list[tuple[str, str]]:
    """The faults of clips "0", "1" ... among `usual` clips without any, as pairs of clip and fault."""
    results = [*faulty, *[SOUND] * usual]
    clips = [Clip(str(k), Path("x"), "genre") for k in range(len(results))]
    return [(fault.clip, fault.fault) for fault in faults(clips, results, crop_seconds=3.0)]


def test_a_clean_data_set_has_no_faults() -> None:
    assert fault_kinds() == []


@pytest.mark.parametrize(
    ("faulty", "fault"),
    [
        ("an empty file (0 bytes)", "unreadable"),
        (SOUND._replace(fault="silent", peak_db=-80.0), "silent"),
        (SOUND._replace(fault="constant", peak_db=-200.0), "constant"),
        (SOUND._replace(shortfall="damaged or cut short"), "truncated"),
        (SOUND._replace(seconds=2.9), "short"),
        (SOUND._replace(seconds=5.9), "short"),  # less than a fifth of the median, 30 s
        (SOUND._replace(clipped=0.02), "clipped"),
        (SOUND._replace(sample_rate=22050), "sample rate"),
        (SOUND._replace(bandwidth_hz=7900.0), "bandwidth"),
    ],
)
def test_each_fault_is_named(faulty: ClipMeasures | str, fault: str) -> None:
    assert fault_kinds(faulty) == [("0", fault)]


def test_a_clip_may_have_several_faults() -> None:
    several = SOUND._replace(seconds=1.0, clipped=0.5, sample_rate=8000, bandwidth_hz=4000.0)
    assert [fault for _, fault in fault_kinds(several)] == ["short", "clipped", "sample rate", "bandwidth"]


def test_a_silent_clip_has_no_other_fault() -> None:
    assert fault_kinds(SOUND._replace(fault="silent", seconds=0.1, sample_rate=8000)) == [("0", "silent")]


def test_a_deviation_that_many_clips_share_is_no_fault() -> None:
    low = SOUND._replace(sample_rate=22050, bandwidth_hz=7000.0)
    assert fault_kinds(*[low] * 8) == []
    assert len(fault_kinds(*[low] * 2)) == 4


def test_a_data_set_of_broken_files_only() -> None:
    assert fault_kinds("no such file", "no such file", usual=0) == [("0", "unreadable"), ("1", "unreadable")]
