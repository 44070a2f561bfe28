"""Open sound files: libsndfile, and FFmpeg (an extra, `make extra-m4a`) for what libsndfile cannot decode."""

import io
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
from numpy.typing import NDArray

from src.audio.byte_ranges import Source, open_ranges
from src.audio.content import Content, Decoder, content_of, not_sound, regular_file_problem
from src.audio.ffmpeg import FFmpegFile
from src.audio.joined import ForwardFile, JoinedFile, Section
from src.audio.mpeg_scan import scan, states_true_length
from src.audio.ogg import may_be_chained
from src.audio.parts import open_chain, open_mpeg
from src.audio.sndfile import UNKNOWN, SoundFile
from src.clip import FFMPEG_SUFFIXES, MPEG_SUFFIXES

HEADERLESS = "without a header that describes its sound: expected a format with one, such as wav"
PREROLL_SECONDS = (
    0.5  # decoded before the wanted part and discarded: an MP3 frame may need earlier frames (bit reservoir)
)


class AudioError(ValueError):
    """Raised for a file whose sound cannot be used. The message gives the reason, so that the user can fix it."""


class File(Protocol):
    """An open sound file with the interface of soundfile.SoundFile: `frames` of K channels at `samplerate` Hz."""

    samplerate: int
    frames: int
    format: str
    extra_info: str  # libsndfile's log of the header
    stated: int | None  # frames that the header states, if `frames` were counted; else None

    @property
    def notes(self) -> Sequence[str]:
        """Sentences for the user, complete when the file has been decoded: what was found in it, what is not decoded."""
        ...

    def seek(self, frames: int) -> int: ...
    def read(self, frames: int, dtype: str, always_2d: bool) -> NDArray[np.float32]: ...
    def close(self) -> None: ...


@contextmanager
def as_audio_errors(path: Path) -> Iterator[None]:
    """Turn the errors of the decoding libraries into AudioError."""
    try:
        yield
    except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
        raise AudioError(_reason(path, error)) from error


def open_file(path: Path) -> File:
    """Open a sound file at its beginning. Its content decides how, and its name only where the content is not known.

    Raises the errors of the libraries (see `as_audio_errors`), and AudioError if the file cannot be used.
    """
    path = Path(path)
    if problem := regular_file_problem(path):
        raise AudioError(problem)
    file = _open(path)
    if file.samplerate < 1:
        file.close()
        raise AudioError(f"its header states a sample rate of {file.samplerate} Hz")
    return file


def _open(path: Path) -> File:
    """Open a regular file with the decoder that its content needs."""
    with Source(path) as source:
        content = content_of(source)
        if content and content.decoder is Decoder.NONE:
            raise AudioError(not_sound(content))
        if content and content.decoder is Decoder.FFMPEG:
            return _open_with_ffmpeg(path, content)
        is_mpeg = content.decoder is Decoder.MPEG if content else path.suffix.lower() in MPEG_SUFFIXES
        try:
            if is_mpeg and not states_true_length(source):
                return open_mpeg(path, source, scan(source))
            if content and content.decoder is Decoder.OGG and may_be_chained(source):
                return open_chain(path, source)
            return _open_with_libsndfile(path)
        except soundfile.LibsndfileError as error:
            if not source.size:
                raise
            return _open_with_ffmpeg(path, content, error)


def _open_with_libsndfile(path: Path) -> File:
    """Open a file so that it can be sought, and so that its number of frames is known."""
    if path.suffix.lower() == ".raw":  # soundfile takes every file of this name for sound without a header
        file = SoundFile(open_ranges(path, [(0, path.stat().st_size)]))
    else:
        file = SoundFile(path)
    if file.format == "RAW":
        file.close()
        raise AudioError(HEADERLESS)
    if file.can_seek and file.frames != UNKNOWN:
        return file
    with closing(file):
        frames = file.count_frames() if file.frames == UNKNOWN else file.frames
    rate = file.samplerate
    section = Section(lambda: ForwardFile(partial(SoundFile, path), rate), frames, rate, file.channels)
    forward = JoinedFile([section], file.format)
    forward.subtype = file.subtype
    return forward


def _open_with_ffmpeg(path: Path, content: Content | None, error: Exception | None = None) -> File:
    """Open a file that libsndfile does not read. If FFmpeg fails too, raise libsndfile's `error`, if there is one."""
    needs_ffmpeg = error is None or path.suffix.lower() in FFMPEG_SUFFIXES
    try:
        return FFmpegFile(path)
    except ImportError:
        if needs_ffmpeg:
            name = "" if path.suffix.lower() in FFMPEG_SUFFIXES or not content else f"contains {content.name}, which "
            raise AudioError(f"{name}needs FFmpeg: run `make extra-m4a` once") from None
    except RuntimeError:
        if needs_ffmpeg:
            raise
    assert error is not None, "raised above"
    raise error


def seek_exactly(file: File, first: int) -> None:
    """Seek to a frame so that reading from there gives the same samples as decoding from the beginning."""
    preroll = min(first, round(PREROLL_SECONDS * file.samplerate))
    file.seek(first - preroll)
    file.read(preroll, dtype="float32", always_2d=True)


def end_is_readable(file: File, margin: int) -> bool:
    """Try to read the frame that is `margin` frames before the end that the header states; False if this fails."""
    try:
        seek_exactly(file, max(0, file.frames - margin))
        return len(file.read(1, dtype="float32", always_2d=True)) > 0
    except (soundfile.LibsndfileError, OSError, RuntimeError):
        return False


def encode_mp3(wave_T: NDArray[np.float32], sample_rate: int) -> bytes:
    """Encode a waveform (T,) as MP3 at 40 kbit/s, which every browser plays."""
    file = io.BytesIO()
    soundfile.write(file, wave_T, sample_rate, format="MP3", bitrate_mode="CONSTANT", compression_level=0.8)
    return file.getvalue()


def encode_ogg(wave_T: NDArray[np.float32], sample_rate: int) -> bytes:
    """Encode a waveform (T,) in [-1, 1] as Ogg Vorbis at about 60 kbit/s, which every browser plays."""
    file = io.BytesIO()
    # In parts: libsndfile overflows its stack when it encodes much Vorbis at once.
    with soundfile.SoundFile(file, "w", sample_rate, 1, format="OGG", subtype="VORBIS") as sound:
        for first in range(0, len(wave_T), sample_rate):
            sound.write(wave_T[first : first + sample_rate])
    return file.getvalue()


def _reason(path: Path, error: Exception) -> str:
    if not Path(path).exists():
        is_address = str(path).startswith(("http:/", "https:/"))  # a path has no //
        return "addresses are not read: download the file first" if is_address else "no such file"
    if Path(path).stat().st_size == 0:
        return "an empty file (0 bytes)"
    detail = getattr(error, "error_string", str(error)).strip().rstrip(".")
    if "does not exist" in detail:  # libsndfile's message for an MP3 without a frame of sound
        detail = "no sound found in it"
    if "SF_INFO" in detail:  # libsndfile's name for the facts that a header states
        return "its header states an impossible sample rate or number of channels"
    return f"not readable as audio ({detail})"
