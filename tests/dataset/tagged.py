"""Write tagged audio files: with libsndfile, and by hand the start and end of an MP3 and the atoms of an m4a."""

from pathlib import Path

import numpy as np
import soundfile

FRAMES = {"artist": b"TPE1", "albumartist": b"TPE2", "album": b"TALB", "title": b"TIT2", "genre": b"TCON"}
ATOMS = {"artist": b"\xa9ART", "albumartist": b"aART", "album": b"\xa9alb", "title": b"\xa9nam", "genre": b"\xa9gen"}
TAIL = {"title": 30, "artist": 30, "album": 30, "year": 4, "comment": 30}  # fields of an ID3v1 tag, in bytes


def silence(path: Path, **tags: str) -> Path:
    """Write 0.1 s of silence with tags, in the format of the path's suffix."""
    kind = {".aif": "AIFF", ".opus": "OGG"}.get(path.suffix)
    subtype = "OPUS" if path.suffix == ".opus" else None
    path.parent.mkdir(parents=True, exist_ok=True)
    with soundfile.SoundFile(path, "w", 48000, 1, format=kind, subtype=subtype) as file:
        for key, value in tags.items():
            setattr(file, key, value)
        file.write(np.zeros(4800))
    return path


def id3(path: Path, **tags: str) -> Path:
    """Write an ID3v2.4 tag in UTF-8 and no audio. Source: id3.org, id3v2.4.0-structure."""
    frames = b""
    for key, value in tags.items():
        text = b"\x03" + value.encode()
        frames += FRAMES[key] + _synchsafe(len(text)) + b"\0\0" + text
    return _write(path, b"ID3\x04\0\0" + _synchsafe(len(frames)) + frames)


def id3v1(path: Path, genre: int, **tags: str) -> Path:
    """Write some zeros, then an ID3v1 tag, padded with spaces as some programs do. `genre` is its ID3v1 number."""
    fields = [tags.get(key, "").encode("latin-1").ljust(length) for key, length in TAIL.items()]
    return _write(path, bytes(64) + b"TAG" + b"".join(fields) + bytes([genre]))


def m4a(path: Path, **tags: str) -> Path:
    """Write the atoms of an m4a that contain its tags, and no audio. Source: Apple, QuickTime File Format."""
    items = b"".join(
        _atom(ATOMS[key], _atom(b"data", b"\0\0\0\1\0\0\0\0" + value.encode())) for key, value in tags.items()
    )
    meta = _atom(b"meta", bytes(4) + _atom(b"ilst", items))
    return _write(path, _atom(b"ftyp", b"M4A \0\0\0\0") + _atom(b"moov", _atom(b"udta", meta)))


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 127 for shift in (21, 14, 7, 0))


def _atom(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def _write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
