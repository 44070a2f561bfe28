"""Tags and padding around the frames of an MPEG audio file: ID3v1, ID3v2, APE and Lyrics3."""

from src.audio.byte_ranges import Source

LYRICS_BYTES = 5100 + 11 + 9  # longest Lyrics3 v1 block


def tag_bytes(source: Source, position: int) -> int:
    """Length of the tag that begins at a position, with its footer; 0 if there is none."""
    head = source.at(position, 32)
    if head[:3] == b"ID3" and len(head) >= 10 and max(head[6:10]) < 128 and 255 not in head[3:5]:
        length = 10 + _synchsafe(head[6:10]) + 10 * (head[5] >> 4 & 1)
        return (
            length if position + length <= source.size else 10
        )  # a wrong length: only the header is known to be a tag
    if head[:8] == b"APETAGEX" and len(head) == 32:
        is_header = head[23] >> 5 & 1
        return 32 + is_header * int.from_bytes(head[12:16], "little")
    if head[:4] == b"TAG+":
        return 227
    if head[:3] == b"TAG":
        return 128
    if head[:11] == b"LYRICSBEGIN":
        block = source.at(position, 1 << 16)
        for end in (b"LYRICS200", b"LYRICSEND"):
            if end in block:
                return block.index(end) + len(end)
    return 0


def first_byte_after_tags(source: Source) -> int:
    """Position after all tags at the beginning of a file."""
    position = 0
    while length := tag_bytes(source, position):
        position += length
    return min(position, source.size)


def last_byte_before_tags(source: Source) -> int:
    """Position at which the tags at the end of a file begin; the size of the file if it has none."""
    end = source.size
    while 0 < (length := _length_before(source, end)) <= end:
        end -= length
    return end


def _length_before(source: Source, end: int) -> int:
    """Length of the tag that ends at a position; 0 if there is none."""
    tail = source.at(max(0, end - 128), min(end, 128))
    if tail[:3] == b"TAG" and len(tail) == 128:
        return 128 + 227 * (source.at(max(0, end - 355), 4) == b"TAG+")
    if tail[-32:-24] == b"APETAGEX":
        return int.from_bytes(tail[-20:-16], "little") + 32 * (tail[-9] >> 7)
    if tail.endswith(b"LYRICS200") and tail[-15:-9].isdigit():
        return 15 + int(tail[-15:-9])
    if tail.endswith(b"LYRICSEND"):
        block = source.at(max(0, end - LYRICS_BYTES), min(end, LYRICS_BYTES))
        start = block.rfind(b"LYRICSBEGIN")
        return len(block) - start if start >= 0 else 0
    if tail[-10:-7] == b"3DI":
        return 20 + _synchsafe(tail[-4:])
    return 0


def _synchsafe(four: bytes) -> int:
    return sum((byte & 127) << shift for byte, shift in zip(four, (21, 14, 7, 0), strict=True))
