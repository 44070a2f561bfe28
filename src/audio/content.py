"""Content of a file, from its first bytes: sound for libsndfile, sound for FFmpeg, or no sound."""

import codecs
import os
import re
import stat
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from src.audio.byte_ranges import Source
from src.audio.tags import first_byte_after_tags

HEAD_BYTES = 4096  # enough to tell text from sound
TEXT = re.compile(rb"[\t\n\f\r\x20-\x7e\x80-\xff]+")
ASCII_SHARE = 0.9  # of the bytes of a text in Latin-1 or a similar encoding, at least
NIST = "NIST Sphere"  # begins with 1024 bytes of text
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
KINDS = (
    (stat.S_ISFIFO, "a FIFO"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Decoder(Enum):
    """The library that decodes a kind of content."""

    LIBSNDFILE = 1
    MPEG = 2  # libsndfile too, but the length must be checked
    OGG = 3  # libsndfile too, but there may be several streams, one after another
    FFMPEG = 4
    NONE = 5  # no sound


class Content(NamedTuple):
    """A kind of content, by name, and its decoder."""

    name: str
    decoder: Decoder


# (position, bytes, name): what stands at the beginning of a file.
_SOUND = (
    (0, b"RIFF", "WAV"),
    (0, b"RIFX", "WAV"),
    (0, b"RF64", "RF64"),
    (8, b"AIFF", "AIFF"),
    (8, b"AIFC", "AIFF"),
    (8, b"8SVX", "IFF"),
    (8, b"16SV", "IFF"),
    (0, b".snd", "AU"),
    (0, b"dns.", "AU"),
    (0, b"caff\0", "CAF"),
    (0, b"riff\x2e\x91\xcf\x11", "W64"),
    (0, b"Creative Voice File", "VOC"),
    (0, b"fLaC", "FLAC"),
    (0, b"NIST_1A", NIST),
    (0, b" paf", "PAF"),
    (0, b"fap ", "PAF"),
    (0, b"\x64\xa3\x01\0", "IRCAM"),
    (0, b"\x64\xa3\x02\0", "IRCAM"),
    (0, b"\x64\xa3\x03\0", "IRCAM"),
    (0, b"\x64\xa3\x04\0", "IRCAM"),
    (0, b"\0\x01\xa3\x64", "IRCAM"),
    (0, b"\0\x02\xa3\x64", "IRCAM"),
    (0, b"\0\x03\xa3\x64", "IRCAM"),
    (0, b"\0\x04\xa3\x64", "IRCAM"),
    (0, b"\xf0\x7e", "SDS"),
    (0, b"PVF1", "PVF"),
    (0, b"Extended Instrument: ", "XI"),
    (0, b"ALawSoundFile**", "WVE"),
    (0, b"2BIT", "AVR"),
)
_FFMPEG = (
    (4, b"ftyp", "MPEG-4 (m4a, mp4)"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (wma)"),
    (0, b"MAC ", "Monkey's Audio (ape)"),
    (0, b"wvpk", "WavPack"),
    (0, b"MPCK", "Musepack"),
    (0, b"MP+", "Musepack"),
    (0, b"TTA1", "True Audio (tta)"),
    (0, b"TTA2", "True Audio (tta)"),
    (0, b"DSD ", "DSD (dsf)"),
    (0, b"FRM8", "DSD (dff)"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska (mka, webm)"),
    (0, b"#!AMR", "AMR"),
    (0, b"ADIF", "AAC"),
    (0, b".RMF", "RealMedia"),
    (0, b".ra\xfd", "RealAudio"),
    (0, b"\x0b\x77", "AC-3"),
    (0, b"\x7f\xfe\x80\x01", "DTS"),
    (0, b"tBaK", "TAK"),
    (0, b"ajkg", "Shorten"),
    (0, b"FLV\x01", "Flash video"),
)
_NO_SOUND = (
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"PK\x05\x06", "a zip archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"BZh", "a bzip2 archive"),
    (0, b"\xfd7zXZ\0", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"II*\0", "a TIFF picture"),
    (0, b"MM\0*", "a TIFF picture"),
    (0, b"%PDF", "a PDF document"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office document"),
    (0, b"{\\rtf", "an RTF document"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ\x90\0", "a program"),
    (0, b"SQLite format 3\0", "an SQLite database"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"MThd", "MIDI notes"),
)
# (pattern, name) of the beginning of a text in lower case.
_TEXTS = (
    (rb"<!doctype html|<html|<head|<body|<script", "HTML"),
    (rb"<\?xml|<svg|<!--|<rss", "XML"),
    (rb"#extm3u|\[playlist\]", "a playlist"),
)


def regular_file_problem(path: Path) -> str | None:
    """Describe a path that is no regular file, such as a FIFO; None for a regular file and for a path that cannot be read.

    Anything else must not be opened: a FIFO would wait for ever, and a device may never end.
    """
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return None
    if stat.S_ISREG(mode):
        return None
    return f"not a regular file ({next((name for test, name in KINDS if test(mode)), 'of an unknown kind')})"


def content_of(source: Source) -> Content | None:
    """Recognize the content of a file behind its ID3 and APE tags; None if it is not known."""
    return recognize(source.at(first_byte_after_tags(source), HEAD_BYTES))


def recognize(head: bytes) -> Content | None:
    """Recognize a content by its first HEAD_BYTES, without tags; None if it is not known."""
    if head[:4] == b"RIFF" and head[8:12] in (b"WEBP", b"AVI "):
        return Content("a WebP picture", Decoder.NONE) if head[8:12] == b"WEBP" else Content("AVI", Decoder.FFMPEG)
    if head[8:16] == b"WAVEfmt " and head[20:22] in (b"P\0", b"U\0"):
        return Content("MPEG audio", Decoder.MPEG)  # in a wav file; libsndfile does not read it there
    if head[:4] == b"OggS":
        return Content("Ogg", Decoder.OGG)
    for table, decoder in ((_NO_SOUND, Decoder.NONE), (_FFMPEG, Decoder.FFMPEG), (_SOUND, Decoder.LIBSNDFILE)):
        for position, magic, name in table:
            if head.startswith(magic, position):
                return (None if name == NIST else _text(head)) or Content(name, decoder)
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:  # layer 0, which MPEG audio has not
        return Content("AAC", Decoder.FFMPEG)
    if len(head) > 3 and head[0] == 0xFF and head[1] >= 0xE2 and head[2] < 0xF0 and head[2] & 12 != 12:
        return Content("MPEG audio", Decoder.MPEG)
    return _text(head)


def _text(head: bytes) -> Content | None:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and head[2:].count(0) > len(head) // 4:
        return Content("text", Decoder.NONE)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if start.startswith(LFS_POINTER):
        return Content("a Git LFS pointer", Decoder.NONE)
    if not TEXT.fullmatch(head):
        return None
    for pattern, name in _TEXTS:
        if re.match(pattern, start):
            return Content(name, Decoder.NONE)
    ascii_share = sum(byte < 128 for byte in head) / len(head)
    return Content("text", Decoder.NONE) if ascii_share >= ASCII_SHARE or _is_utf8(head) else None


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head, final=len(head) < HEAD_BYTES)
    except UnicodeDecodeError:
        return False
    return True


def not_sound(content: Content) -> str:
    """The reason why a file without sound cannot be used."""
    if content.name == "a Git LFS pointer":
        return "a Git LFS pointer, not the sound itself: run `git lfs pull` in its repository"
    return f"contains {content.name}, not sound"
