"""Structure of an MPEG audio file: the parts that it was joined from, their frames, and what lies between them."""

from dataclasses import dataclass, field
from typing import NamedTuple

from src.audio.byte_ranges import Source
from src.audio.mpeg import HEADER_BYTES, MAX_FRAME_BYTES, Form, Header, StatedLength, parse_header, stated_length
from src.audio.tags import first_byte_after_tags, last_byte_before_tags, tag_bytes

SPOTS, SPOT_BYTES = 8, 4096  # where the frames of a file are sampled to check the length that its header states
CONSISTENT = 2  # headers that must follow the first frame after bytes that are no frame
OVERLAP = 10  # bytes that two windows share, so that the beginning of a tag is found in one of them
TAG_WORDS = (b"Xing", b"Info", b"VBRI")


@dataclass
class Part:
    """Frames of one form, which one encoder wrote: what was one file before files were joined."""

    form: Form
    stated: StatedLength | None
    ranges: list[tuple[int, int]] = field(default_factory=list)  # of bytes with frames only: [start, stop)
    header_bytes: int = 0  # of the frame at the beginning of the first range that states the length
    frames: int = 0  # MPEG frames, without this one
    samples: int = 0  # per channel, in these frames

    @property
    def seconds(self) -> float:
        return self.samples / self.form.sample_rate

    @property
    def ranges_without_header(self) -> list[tuple[int, int]]:
        start, stop = self.ranges[0]
        ranges = [(start + self.header_bytes, stop), *self.ranges[1:]]
        return [(start, stop) for start, stop in ranges if start < stop]

    @property
    def states_true_length(self) -> bool:
        """True if its header states the number of frames that were counted, give or take one for the header itself."""
        return self.stated is not None and self.stated.kind != b"VBRI" and abs(self.stated.frames - self.frames) <= 1


class Gap(NamedTuple):
    """Bytes that are neither frames nor tags."""

    position: int
    size: int  # bytes
    after_seconds: float  # of sound


class Scan(NamedTuple):
    """The parts of a file, and the gaps before, between and after their frames."""

    parts: list[Part]
    gaps: list[Gap]
    junk_first: bool  # the first frame comes after more than one tag


def states_true_length(source: Source) -> bool:
    """True if the header of an MP3 states its length, and a look at the size and at a few frames does not contradict it.

    The file must begin with at most one tag and then the frame with the header. Only some kilobytes are read.
    """
    start = tag_bytes(source, 0)
    first = source.at(start, MAX_FRAME_BYTES)
    header, stated = parse_header(first[:HEADER_BYTES]), stated_length(first)
    if header is None or stated is None or stated.kind == b"VBRI" or not stated.frames:
        return False
    audio_bytes = last_byte_before_tags(source) - start
    if stated.size and abs(audio_bytes - stated.size) > 1.5 * header.length:
        return False
    lengths, bitrates = _sampled_frames(source, start + header.length, audio_bytes - header.length, header.form)
    if not lengths:
        return audio_bytes < SPOT_BYTES
    tolerance = 0.02 if len(bitrates) == 1 else 0.25  # of the mean length of a frame: constant or variable bit rate
    expected = (audio_bytes - header.length) / stated.frames
    shortest_allowed = expected * (1 - tolerance) - 1
    return shortest_allowed <= sum(lengths) / len(lengths) <= expected * (1 + tolerance) + 1


def scan(source: Source) -> Scan:
    """Find all frames of a file. It has no parts if it contains no MPEG audio with frames of known length."""
    parts: list[Part] = []
    gaps: list[Gap] = []
    first_tag_bytes = tag_bytes(source, 0)
    position, end = first_byte_after_tags(source), last_byte_before_tags(source)
    while position < end:
        if length := tag_bytes(source, position):
            position += length
            continue
        form = parts[-1].form if parts else None
        start = _next_frame(source, position, end, form)
        if start > position:
            gaps.append(Gap(position, start - position, sum(part.seconds for part in parts)))
        if start >= end:
            break
        position = start
        if tag_bytes(source, position):
            continue
        position = _append_run(source, position, end, parts)
    return Scan(parts, gaps, bool(parts) and parts[0].ranges[0][0] != first_tag_bytes)


def _append_run(source: Source, position: int, end: int, parts: list[Part]) -> int:
    """Add the frames from a position on to the last part, or to a new one; return the position after them."""
    first = source.at(position, MAX_FRAME_BYTES)
    header, stated = parse_header(first[:HEADER_BYTES]), stated_length(first)
    assert header is not None, "a run begins at a frame"
    if stated is not None or not parts or parts[-1].form != header.form:
        parts.append(Part(header.form, stated, header_bytes=header.length if stated else 0))
    part = parts[-1]
    stop = min(position + header.length, end) if stated else position
    stop, frames = _run(source, stop, end, header.form)
    part.frames += frames
    part.samples += frames * header.samples
    if stop > position:
        if part.ranges and part.ranges[-1][1] == position:
            part.ranges[-1] = (part.ranges[-1][0], stop)
        else:
            part.ranges.append((position, stop))
    return max(stop, position + 1)


def _run(source: Source, position: int, end: int, form: Form) -> tuple[int, int]:
    """Follow consecutive whole frames of one form -> (position after the last, their number)."""
    side = (36 if form.channels == 2 else 21) if form.version == 1 else (21 if form.channels == 2 else 13)
    frames = 0
    while True:
        data = source.window(position)
        k, available = 0, min(len(data), end - position)
        while k + MAX_FRAME_BYTES <= available or (position + available >= end and k < available):
            header = parse_header(data[k : k + HEADER_BYTES])
            if header is None or header.form != form or k + header.length > available:
                return position + k, frames
            if form.layer == 3 and (data[k + side : k + side + 4] in TAG_WORDS or data[k + 36 : k + 40] == b"VBRI"):
                return position + k, frames  # a header that states a length: another file begins
            k += header.length
            frames += 1
        position += k
        if not k or position + len(data) - k >= end:
            return position, frames


def _next_frame(source: Source, position: int, end: int, form: Form | None) -> int:
    """Position of the next frame or tag from a position on; `end` if there is none.

    Bytes that look like the header of a frame count only if further frames of the same form follow.
    """
    while position < end:
        data = source.window(position)
        if not data:
            return end
        k = 0
        while (k := _candidate(data, k)) >= 0:
            at = position + k
            if at >= end:
                return end
            if len(data) - k < (CONSISTENT + 1) * MAX_FRAME_BYTES and position + len(data) < source.size:
                break  # read on from here
            is_frame = data[k] == 0xFF and _consistent(data, k, min(len(data), end - position), form)
            if is_frame or (data[k] != 0xFF and tag_bytes(source, at)):
                return at
            k += 1
        step = k if k > 0 else len(data) - OVERLAP if position + len(data) < end else len(data)
        position += max(1, step)
    return end


def _candidate(data: bytes, start: int) -> int:
    """Index of the next byte in `data` at which a frame or an ID3v2 or APE tag may begin; -1 if there is none."""
    sync = data.find(b"\xff", start)
    while sync >= 0 and (sync + 1 >= len(data) or data[sync + 1] < 0xE0):
        sync = data.find(b"\xff", sync + 1)
    stop = len(data) if sync < 0 else sync
    found = [k for k in (data.find(b"ID3", start, stop), data.find(b"APETAGEX", start, stop)) if k >= 0]
    return min([*found, sync]) if found and sync >= 0 else found[0] if found else sync


def _consistent(data: bytes, start: int, end: int, form: Form | None) -> bool:
    """True if frames of one form follow each other from `start` on: CONSISTENT + 1 headers, fewer at the end."""
    header = parse_header(data[start : start + HEADER_BYTES])
    if header is None:
        return False
    expected, k = header.form, start
    for n in range(CONSISTENT + 1):
        if header is None or header.form != expected:
            return False
        k += header.length
        if k >= end - HEADER_BYTES:  # the file ends here
            return k <= end and (n > 0 or header.form == form or start == 0)
        header = parse_header(data[k : k + HEADER_BYTES])
    return True


def _sampled_frames(source: Source, start: int, size: int, form: Form) -> tuple[list[int], set[int]]:
    """Lengths and bit rates of the frames at a few places."""
    lengths: list[int] = []
    bitrates: set[int] = set()
    for spot in range(SPOTS):
        data = source.at(start + max(0, size - SPOT_BYTES) * spot // (SPOTS - 1), SPOT_BYTES)
        k = 0
        while (k := _candidate(data, k)) >= 0 and not _consistent(data, k, len(data), form):
            k += 1
        header: Header | None
        while k >= 0 and (header := parse_header(data[k : k + HEADER_BYTES])) and header.form == form:
            lengths.append(header.length)
            bitrates.add(header.bitrate)
            k += header.length
    return lengths, bitrates
