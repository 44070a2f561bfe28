"""What the header of a sound file promises, which may be more than the file holds."""

import re
from pathlib import Path

from src.audio.decoders import File

SHORT_SECONDS = 0.1  # encoders pad: a header that promises so little more than there is tells no lie
ENDLESS = 2**31 - 2**16  # bytes that a header promises which was written before the length was known, as to a pipe


def promised(path: Path, file: File) -> int:
    """The frames that the header promises, be they there or not; 0 where there is no promise but an estimate."""
    lie = re.search(r"(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", file.extra_info)
    if lie and int(lie[1]) < ENDLESS and int(lie[2]):  # libsndfile counts the bytes of wav, aiff and au itself
        return file.frames * int(lie[1]) // int(lie[2])
    if file.format == "MP3" and not _tells_length(path):
        return 0
    return file.frames


def shortfall(promised: int, there: int, rate: int) -> str | None:
    """In words, that fewer frames are there than were promised; None where they are, give or take an encoder's padding."""
    if promised - there < SHORT_SECONDS * rate:
        return None
    return f"damaged or cut short: of {promised / rate:.1f} s that its header promises, {there / rate:.1f} s are there"


def _tells_length(path: Path) -> bool:
    """Whether an MP3 says how long it is, in the Xing, Info or VBRI header of its first frame, after tags and pictures."""
    with open(path, "rb") as file:
        head = file.read(10)
        while head[:3] == b"ID3" and len(head) == 10:
            file.seek(sum((byte & 127) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)), 1)
            head = file.read(10)
        first = head + file.read(1500)  # a frame and more
    return any(word in first for word in (b"Xing", b"Info", b"VBRI"))
