"""Frames of an MPEG audio file (MP1, MP2, MP3): their headers, and the length that a Xing, Info or VBRI header states.

Sources: ISO/IEC 11172-3 and 13818-3 for the frame header; Supurovic, "MPEG Audio Frame Header", and the LAME tag
specification of Gabriel Bouvigne for the length headers.
"""

from functools import lru_cache
from typing import NamedTuple

HEADER_BYTES = 4  # of a frame header
MAX_FRAME_BYTES = (
    2881  # MPEG-1 layer II, 384 kbit/s at 32 kHz, is 1729; MPEG-2.5 layer II, 160 kbit/s at 8 kHz, is 2881
)
DECODER_DELAY = 529  # frames that the decoder removes at the beginning if a header states the length
_V1_L1 = (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)  # kbit/s by MPEG version and layer
_V1_L2 = (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_V1_L3 = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_V2_L1 = (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
_V2_L23 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_HZ = (44100, 48000, 32000)


class Form(NamedTuple):
    """Properties that all frames of a stream share."""

    version: int  # 1, 2 or 3 (MPEG-2.5)
    layer: int
    sample_rate: int
    channels: int


class Header(NamedTuple):
    """The header of one frame of `length` bytes, which is decoded to `samples` samples per channel."""

    form: Form
    bitrate: int  # kbit/s
    length: int
    samples: int


class StatedLength(NamedTuple):
    """Length in a Xing, Info or VBRI header, without the frame that contains it. 0: not stated."""

    frames: int
    size: int  # bytes
    delay: int  # encoder delay in samples, which the decoder removes
    kind: bytes


@lru_cache(maxsize=1 << 14)
def parse_header(word: bytes) -> Header | None:
    """Parse the four bytes of a frame header; None if they are not one, or are of a free-format stream."""
    if len(word) < HEADER_BYTES or word[0] != 0xFF or word[1] & 0xE0 != 0xE0:
        return None
    version = {3: 1, 2: 2, 0: 3}.get(word[1] >> 3 & 3)
    layer = 4 - (word[1] >> 1 & 3)
    bitrate_index, rate_index, padding = word[2] >> 4, word[2] >> 2 & 3, word[2] >> 1 & 1
    if version is None or layer == 4 or bitrate_index in (0, 15) or rate_index == 3 or word[3] & 3 == 2:
        return None
    bitrates = (_V1_L1, _V1_L2, _V1_L3) if version == 1 else (_V2_L1, _V2_L23, _V2_L23)
    bitrate, sample_rate = bitrates[layer - 1][bitrate_index - 1], _RATES_HZ[rate_index] >> (version - 1)
    samples = 384 if layer == 1 else 1152 if layer == 2 or version == 1 else 576
    if layer == 1:
        length = 4 * (12000 * bitrate // sample_rate + padding)
    else:
        length = samples // 8 * 1000 * bitrate // sample_rate + padding
    channels = 1 if word[3] >> 6 == 3 else 2
    return Header(Form(version, layer, sample_rate, channels), bitrate, length, samples)


def stated_length(frame: bytes) -> StatedLength | None:
    """Read the Xing, Info or VBRI header in a frame, given from its first byte on; None if it has none."""
    header = parse_header(frame[:HEADER_BYTES])
    if header is None or header.form.layer != 3:
        return None
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        return StatedLength(_integer(frame, 50), _integer(frame, 46), 0, b"VBRI")
    form = header.form
    side_bytes = (32 if form.channels == 2 else 17) if form.version == 1 else (17 if form.channels == 2 else 9)
    for start in (HEADER_BYTES + side_bytes, HEADER_BYTES + 2 + side_bytes):  # with and without a checksum
        kind = frame[start : start + 4]
        if kind in (b"Xing", b"Info") and len(frame) >= start + 8:
            flags, position = _integer(frame, start + 4), start + 8
            frames = _integer(frame, position) if flags & 1 else 0
            position += 4 * (flags & 1)
            size = _integer(frame, position) if flags & 2 else 0
            position += 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1) + 4 * (flags >> 3 & 1)
            delays = frame[position + 21 : position + 24] if frame[position : position + 1].strip(b"\0") else b""
            delay = int.from_bytes(delays, "big") >> 12 if len(delays) == 3 else 0
            return StatedLength(frames, size, delay, kind)
    return None


def _integer(data: bytes, position: int) -> int:
    return int.from_bytes(data[position : position + 4], "big")
