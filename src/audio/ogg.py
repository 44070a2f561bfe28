"""Pages of an Ogg file: the streams that follow each other in it (chained, as in joined files and recorded radio)."""

import struct
from typing import NamedTuple

from src.audio.byte_ranges import Source

PAGE_HEADER_BYTES, MAX_PAGE_BYTES = 27, 27 + 255 + 255 * 255
FIRST = 2  # flag of the first page of a stream
SPOTS = 8  # places at which the pages of a long file are looked at
SHORT_BYTES = 2 * SPOTS * MAX_PAGE_BYTES  # all pages of a shorter file are looked at


class Page(NamedTuple):
    """Header of a page of `size` bytes."""

    flags: int
    serial: int  # of its stream
    number: int  # in its stream
    size: int


def may_be_chained(source: Source) -> bool:
    """False if pages at a few places, and at the end, all belong to the streams that the file begins with, in order."""
    if source.size < SHORT_BYTES:
        return chain(source) != [(0, source.size)]
    numbers: dict[int, int] = {}  # serial of a stream -> number of its last page seen
    position = 0
    while (page := _page(source, position)) and page.flags & FIRST:
        numbers[page.serial] = 0
        position += page.size
    for spot in range(SPOTS):
        data = source.at(position + (source.size - MAX_PAGE_BYTES - position) * spot // (SPOTS - 1), MAX_PAGE_BYTES)
        k = data.find(b"OggS")
        if k < 0:
            return True
        while k >= 0 and (page := _parse(data, k)):
            if page.flags & FIRST or page.number < numbers.get(page.serial, page.number + 1):
                return True
            numbers[page.serial] = page.number
            k += page.size
    return False


def chain(source: Source) -> list[tuple[int, int]]:
    """Byte ranges [start, stop) of the streams that follow each other; multiplexed streams count as one."""
    starts: list[int] = []
    position, end, was_first = 0, 0, False
    while position < source.size:
        page = _page(source, position)
        if page is None:
            position = _next_page(source, position + 1)
            continue
        is_first = bool(page.flags & FIRST)
        if is_first and not was_first:
            starts.append(position)
        was_first = is_first
        position += page.size
        end = min(position, source.size)
    return list(zip(starts, [*starts[1:], end], strict=True)) if starts else []


def _page(source: Source, position: int) -> Page | None:
    return _parse(source.at(position, PAGE_HEADER_BYTES + 255), 0)


def _parse(data: bytes, k: int) -> Page | None:
    if len(data) < k + PAGE_HEADER_BYTES or not data.startswith(b"OggS\0", k):
        return None
    serial, number = struct.unpack_from("<II", data, k + 14)
    segments = data[k + 26]
    table = data[k + PAGE_HEADER_BYTES : k + PAGE_HEADER_BYTES + segments]
    return Page(data[k + 5], serial, number, PAGE_HEADER_BYTES + segments + sum(table))


def _next_page(source: Source, position: int) -> int:
    """Position of the next page from a position on; the size of the file if there is none."""
    while position < source.size:
        data = source.window(position)
        k = data.find(b"OggS")
        if k >= 0:
            return position + k
        position += max(1, len(data) - 3)
    return source.size
