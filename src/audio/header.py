"""Length that the header of a sound file states. It may be more than the file contains."""

import re
from pathlib import Path

from src.audio.decoders import File

TOLERANCE_SECONDS = 0.1  # encoders pad: the header of an undamaged file may state this much more than the file contains
UNKNOWN_BYTES = 2**31 - 2**16  # a header with this many or more was written before the length was known, as to a pipe


def stated_frames(path: Path, file: File) -> int:
    """Number of frames that the header states, even if the file contains fewer."""
    if file.stated is not None:
        return file.stated
    mismatch = re.search(r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", file.extra_info)
    # For wav, aiff and au, libsndfile counts the bytes itself, and `frames` follows that count.
    if mismatch and int(mismatch[1]) < UNKNOWN_BYTES and int(mismatch[2]):
        return file.frames * int(mismatch[1]) // int(mismatch[2])
    return file.frames


def shortfall(stated: int, present: int, rate: int) -> str | None:
    """Describe how much of the stated length is missing; None if all of it is there, apart from an encoder's padding."""
    if stated - present < TOLERANCE_SECONDS * rate:
        return None
    return f"damaged or cut short: its header states {stated / rate:.1f} s, but only {present / rate:.1f} s are there"
