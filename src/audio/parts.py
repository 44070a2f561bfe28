"""Files in parts: joined MP3, chained Ogg, and MP3 whose length no header states, or not truly."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import soundfile

from src.audio.byte_ranges import Source, open_ranges
from src.audio.content import recognize
from src.audio.joined import JoinedFile, Section
from src.audio.mpeg import DECODER_DELAY, MAX_FRAME_BYTES
from src.audio.mpeg_scan import Gap, Part, Scan
from src.audio.ogg import chain
from src.audio.sndfile import SoundFile

MOST_IGNORED_BYTES = (
    3 * MAX_FRAME_BYTES
)  # between or after frames, without a note: padding, or less than 0.1 s of sound
MOST_LISTED = 4  # parts whose lengths are listed


def open_mpeg(path: Path, source: Source, found: Scan) -> SoundFile | JoinedFile:
    """Open an MP3 (MP2, MP1) whose frames were counted, as far as the decoder needs it in parts.

    Raises LibsndfileError if it has no frames that can be decoded.
    """
    parts = [part for part in found.parts if part.frames]
    if not parts:
        return SoundFile(path)
    gaps = [gap for gap in found.gaps if gap.size > MOST_IGNORED_BYTES]
    if len(parts) == len(parts[0].ranges) == 1 and not found.junk_first:
        file = SoundFile(path)
        if parts[0].states_true_length or file.frames == parts[0].samples:
            for note in _gap_notes(source, gaps, parts[0].seconds):
                file.add_note(note)
            return file
        file.close()
    sections = [_mpeg_section(path, part) for part in parts]
    joined = _join([section for section, _ in sections], "MP3")
    if len(parts) == 1:
        joined.stated = sections[0][1]
    for note in _gap_notes(source, gaps, sum(part.seconds for part in parts)):
        joined.add_note(note)
    return joined


def _mpeg_section(path: Path, part: Part) -> tuple[Section, int]:
    """The section for a part, and the number of frames that its header states, or that were counted."""
    stated = (
        part.stated if part.stated and part.stated.kind != b"VBRI" and part.stated.frames >= part.frames - 1 else None
    )
    ranges = part.ranges if stated else part.ranges_without_header
    # libsndfile stops at its estimate of the length: of a file this large, it is never less than the frames have.
    size = stated.size if stated else (part.frames + 4) * MAX_FRAME_BYTES

    def open_part() -> SoundFile:
        return SoundFile(open_ranges(path, ranges, size))

    frames = stated_frames = part.samples
    if stated:
        with closing(open_part()) as file:
            frames = stated_frames = file.frames
        if stated.frames > part.frames + 1:  # cut short
            frames = max(0, min(frames, part.samples - stated.delay - DECODER_DELAY))
    return Section(open_part, frames, part.form.sample_rate, part.form.channels), stated_frames


def open_chain(path: Path, source: Source) -> SoundFile | JoinedFile:
    """Open an Ogg file whose streams follow each other, or which does not end with Ogg."""
    ranges = chain(source)
    if len(ranges) < 2:
        file: SoundFile | JoinedFile = SoundFile(path)
    else:
        file = _join([_ogg_section(path, *part) for part in ranges], "OGG")
    stop = ranges[-1][1] if ranges else source.size
    for note in _gap_notes(source, [Gap(stop, source.size - stop, file.frames / file.samplerate)], 0.0):
        file.add_note(note)
    return file


def _ogg_section(path: Path, start: int, stop: int) -> Section | str:
    """The section for one stream, or the reason why libsndfile cannot decode it."""

    def open_part() -> SoundFile:
        return SoundFile(open_ranges(path, [(start, stop)]))

    try:
        with closing(open_part()) as file:
            return Section(open_part, file.frames, file.samplerate, file.channels)
    except soundfile.LibsndfileError as error:
        return str(error.error_string).strip().rstrip(".")


def _join(sections: Sequence[Section | str], form: str) -> JoinedFile:
    """Join the sections that have the sample rate of the first one; a note names the others.

    A str is the reason why a section cannot be decoded. Raises LibsndfileError if this is so for all.
    """
    usable = [section for section in sections if isinstance(section, Section)]
    if not usable:
        raise soundfile.LibsndfileError(0, "no stream can be decoded: ")
    rate = usable[0].samplerate
    decoded = [section for section in usable if section.samplerate == rate]
    file = JoinedFile(decoded, form)
    if len(sections) > 1:
        lengths = [_describe(section) for section in sections]
        listed = f" ({', '.join(lengths)})" if len(sections) <= MOST_LISTED else ""
        file.add_note(
            f"{len(sections)} files joined{listed}" + ("" if len(decoded) < len(sections) else ", decoded as one")
        )
    for k, section in enumerate(sections, start=1):
        if section not in decoded:
            file.add_note(f"number {k} of its {len(sections)} joined files, {_describe(section, rate)}, is not decoded")
    return file


def _describe(section: Section | str, other_rate: int = 0) -> str:
    if isinstance(section, str):
        return f"which libsndfile cannot read ({section})"
    seconds = f"{section.frames / section.samplerate:.1f} s"
    return (
        f"{seconds} at {section.samplerate / 1000:g} kHz instead of {other_rate / 1000:g} kHz"
        if other_rate
        else seconds
    )


def _gap_notes(source: Source, gaps: Sequence[Gap], total_seconds: float) -> list[str]:
    """Notes on bytes that are skipped in the middle of the sound or after it; none on those before it."""
    notes = []
    for gap in gaps:
        if gap.size <= MOST_IGNORED_BYTES or not gap.after_seconds:
            continue
        if gap.after_seconds < total_seconds:
            what = "which are no frames of sound, are skipped"
        elif not source.at(gap.position, MAX_FRAME_BYTES).strip(b"\0"):
            continue
        else:
            content = recognize(source.at(gap.position, MAX_FRAME_BYTES))
            what = f"which are {content.name if content else 'not of its format'}, are not decoded"
        notes.append(f"{gap.size:,} bytes after {gap.after_seconds:.1f} s, {what}")
    return notes
