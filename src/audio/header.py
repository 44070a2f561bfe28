"""Length that the header of a sound file states. It may be more than the file contains."""

import re
from pathlib import Path

from src.audio.decoders import File

TOLERANCE_SECONDS = 0.1  # encoders pad: the header of an undamaged file may state this much more than the file contains
UNKNOWN_BYTES = 2**31 - 2**16  # a header with this many or more was written before the length was known, as to a pipe


def stated_frames(path: Path, file: File) -> int:
    """Number of frames that the header states, even if the file contains fewer; 0 if the length is only an estimate."""
    mismatch = re.search(r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", file.extra_info)
    # For wav, aiff and au, libsndfile counts the bytes itself, and `frames` follows that count.
    if mismatch and int(mismatch[1]) < UNKNOWN_BYTES and int(mismatch[2]):
        return file.frames * int(mismatch[1]) // int(mismatch[2])
    if file.format == "MP3" and not _states_length(path):
        return 0
    return file.frames


def shortfall(stated: int, present: int, rate: int) -> str | None:
    """Describe how much of the stated length is missing; None if all of it is there, apart from an encoder's padding."""
    if stated - present < TOLERANCE_SECONDS * rate:
        return None
    return f"damaged or cut short: its header states {stated / rate:.1f} s, but only {present / rate:.1f} s are there"


def _states_length(path: Path) -> bool:
    """True if an MP3 states its length in a Xing, Info or VBRI header: in its first frame, after tags and pictures."""
    with open(path, "rb") as file:
        head = file.read(10)
        while head[:3] == b"ID3" and len(head) == 10:
            file.seek(sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)), 1)
            head = file.read(10)
        first = head + file.read(1500)  # more than one frame
    return any(word in first for word in (b"Xing", b"Info", b"VBRI"))
