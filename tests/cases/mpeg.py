"""MP3 files as cutters, joiners, recorders and taggers leave them."""

import struct
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from tests.cases.sounds import music

RATE = 44100
VBR_FRAMES = 1150  # of 30 s of music(30, 1, RATE), as `ffprobe -count_packets` counts them too


def mp3(
    path: Path, wave: NDArray[np.float32] | float = 30.0, rate: int = RATE, mode: str = "VARIABLE", level: float = 0.5
) -> Path:
    """Encode a wave (T,) or (T, K), or so many seconds of music. The file begins with a Xing or Info header."""
    wave = music(wave, 1, rate) if isinstance(wave, float | int) else wave
    soundfile.write(path, wave, rate, format="MP3", bitrate_mode=mode, compression_level=level)
    return path


def header(content: bytes) -> tuple[int, int]:
    """Position of the word Xing or Info in an MP3, and of the frame after it."""
    position = max(content.find(b"Xing"), content.find(b"Info"))
    return position, content.find(content[:2], position)


def bare(path: Path) -> Path:
    """Remove the header that states the length."""
    content = path.read_bytes()
    path.write_bytes(content[header(content)[1] :])
    return path


def state(path: Path, frames: int) -> Path:
    """Make the Xing or Info header state another number of frames."""
    content = bytearray(path.read_bytes())
    position = header(content)[0]
    content[position + 8 : position + 12] = struct.pack(">I", frames)
    path.write_bytes(content)
    return path


def vbri(path: Path, frames: int) -> Path:
    """Replace the Xing header by a VBRI header, as Fraunhofer's encoder writes it."""
    content = path.read_bytes()
    frame = bytearray(content[:4] + bytes(header(content)[1] - 4))
    frame[36:62] = struct.pack(">4sHHHIIHHHH", b"VBRI", 1, 0, 75, len(content), frames, 0, 1, 2, 1)
    path.write_bytes(bytes(frame) + content[len(frame) :])
    return path


def id3(size: int, footer: bool = False) -> bytes:
    """An ID3v2.4 tag of `size` bytes of padding, without or with a footer."""
    numbers = bytes(size >> shift & 127 for shift in (21, 14, 7, 0))
    flags = bytes([16 * footer])
    return b"ID3\4\0" + flags + numbers + bytes(size) + (b"3DI\4\0" + flags + numbers) * footer


def id3v1() -> bytes:
    """An ID3v1 tag."""
    return b"TAG" + b"title".ljust(125, b"\0")


def ape(text: bytes = b"x" * 5000) -> bytes:
    """An APEv2 tag with a header, one item and a footer."""
    item = struct.pack("<II", len(text), 0) + b"Lyrics\0" + text
    numbers = struct.pack("<IIII", 2000, len(item) + 32, 1, 0)[:12]
    head, foot = (numbers + struct.pack("<I", flag) + bytes(8) for flag in (0xA0000000, 0x80000000))
    return b"APETAGEX" + head + item + b"APETAGEX" + foot


def lyrics3(text: bytes = b"la la la" * 200) -> bytes:
    """A Lyrics3v2 tag, which stands before an ID3v1 tag."""
    body = b"LYRICSBEGIN" + b"LYR%05d" % len(text) + text
    return body + b"%06dLYRICS200" % len(body)


def in_wav(path: Path, content: bytes, rate: int = RATE, channels: int = 1) -> Path:
    """Write MP3 frames as the data of a wav file (format tag 0x55)."""
    form = struct.pack("<HHIIHHHHIHHH", 0x55, channels, rate, 16000, 1, 0, 12, 1, 2, 417, 1, 1393)
    chunks = b"fmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(content)) + content
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


def joined(path: Path, *parts: Path | bytes) -> Path:
    """Write files and bytes one after another."""
    path.write_bytes(b"".join(part if isinstance(part, bytes) else part.read_bytes() for part in parts))
    return path
