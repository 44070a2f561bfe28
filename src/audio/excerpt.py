"""An excerpt of a sound file, decoded at once or block by block, as far as the file is undamaged."""

from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from src.audio import corrections
from src.audio.corrections import Note
from src.audio.decoders import AudioError, as_audio_errors, end_is_readable, open_file, seek_exactly
from src.audio.header import TOLERANCE_SECONDS, shortfall, stated_frames

BLOCK_SECONDS = 1.0  # decoded at once, and
STEP_SECONDS = 0.05  # in a damaged block, so that not more than this of good sound is lost
FLOAT_SUBTYPES = ("FLOAT", "DOUBLE")  # only these samples can be on another scale than [-1, 1]


class Excerpt:
    """The frames `first` to `last` (excluded) of a file at its own `rate` and with its K channels.

    If the part from `start_seconds` to `stop_seconds` is longer than `max_seconds`, it is the middle of it. Opens the
    file; `close` closes it. Raises AudioError if the file is missing or unreadable, or ends before the start.
    """

    def __init__(
        self,
        path: Path,
        start_seconds: float = 0.0,
        stop_seconds: float | None = None,
        max_seconds: float | None = None,
    ) -> None:
        self.path = path
        with as_audio_errors(path):
            self._file = open_file(path)
            self.rate, self.frames = self._file.samplerate, self._file.frames
            self._stated = stated_frames(path, self._file)
        self._damage: str | None = None  # set where decoding fails
        try:
            self.first, self.last = _frame_range(self.frames, self.rate, start_seconds, stop_seconds, max_seconds)
        except AudioError:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()

    def decode(self) -> NDArray[np.float32]:
        """Decode the part at once, or, if the decoder fails, the blocks before the damage -> wave (T, K)."""
        try:
            with as_audio_errors(self.path):
                seek_exactly(self._file, self.first)
                wave_TK = self._file.read(self.last - self.first, dtype="float32", always_2d=True)
        except AudioError:
            self.close()
            with as_audio_errors(self.path):
                self._file = open_file(self.path)
            return _join(list(self.blocks()))
        self._end_at(self.first + len(wave_TK))
        return wave_TK

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Decode the part in blocks of BLOCK_SECONDS, up to the first that cannot be decoded -> waves (T, K).

        Raises AudioError if this is the first one.
        """
        with as_audio_errors(self.path):
            seek_exactly(self._file, self.first)
        position = self.first  # of the next frame
        while position < self.last:
            count = min(round(BLOCK_SECONDS * self.rate), self.last - position)
            try:
                with as_audio_errors(self.path):
                    wave_TK = self._file.read(count, dtype="float32", always_2d=True)
            except AudioError:
                wave_TK = self._before_damage(position, position + count)
                if position + len(wave_TK) == self.first:
                    raise
                self._damage = (
                    f"damaged or cut short: its header states {self.frames / self.rate:.1f} s, but only the first "
                    f"{(position + len(wave_TK)) / self.rate:.1f} s can be decoded"
                )
            if len(wave_TK):
                position += len(wave_TK)
                yield wave_TK
            if self._damage or not len(wave_TK):
                break
        self._end_at(position)

    def _before_damage(self, first: int, last: int) -> NDArray[np.float32]:
        """Decode the frames of a block up to its damage, in short steps -> wave (T, K); T is 0 if even seeking fails."""
        steps, step = [], max(1, round(STEP_SECONDS * self.rate))
        with suppress(AudioError), as_audio_errors(self.path), closing(open_file(self.path)) as file:
            seek_exactly(file, first)
            while first < last and len(wave_TK := file.read(min(step, last - first), "float32", True)):
                steps.append(wave_TK)
                first += len(wave_TK)
        return _join(steps)

    def scale(self, wave_TK: NDArray[np.float32] | None = None) -> tuple[float, tuple[Note, ...]]:
        """The divisor of the file's samples and the note on it, see corrections.scale.

        The scale of floats follows from the peak of the whole file, so that all its parts are treated alike. If the part
        is the whole file and is decoded already (`wave_TK`), it is not decoded again.
        """
        if getattr(self._file, "subtype", "") not in FLOAT_SUBTYPES:
            return 1.0, ()
        if wave_TK is not None and self.first == 0 and self.last >= self.frames:
            return corrections.scale(corrections.peak([wave_TK]))
        with closing(Excerpt(self.path)) as whole:
            return corrections.scale(corrections.peak(whole.blocks()))

    @property
    def notes(self) -> tuple[Note, ...]:
        """Notes of the decoder on the file."""
        return tuple(Note("file", text) for text in self._file.notes)

    @property
    def shortfall(self) -> str | None:
        """The missing part of the sound that the header states, as text, after decoding; None if nothing is known to be missing."""
        return self._damage or shortfall(self._stated, self.frames, self.rate)

    @property
    def unreadable_end(self) -> str | None:
        """The shortfall, found also where the decoded part ends before the file does."""
        if self.shortfall or end_is_readable(self._file, round(TOLERANCE_SECONDS * self.rate)):
            return self.shortfall
        stated = self.frames / self.rate
        return f"damaged or cut short: its header states {stated:.1f} s, but the end cannot be decoded"

    def empty(self) -> AudioError:
        """The error for a part without samples."""
        start = self.first / self.rate
        return AudioError(f"no samples{f' from {start:.1f} s on: cut short' if self.first else ''}")

    def _end_at(self, position: int) -> None:
        if position < self.last:
            self.frames = position


def _join(waves: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate(waves) if waves else np.empty((0, 1), dtype=np.float32)


def _frame_range(
    frames: int, rate: int, start_seconds: float, stop_seconds: float | None, max_seconds: float | None
) -> tuple[int, int]:
    first = round(start_seconds * rate)
    last = frames if stop_seconds is None else min(frames, round(stop_seconds * rate))
    if frames and first >= frames:
        raise AudioError(f"starts at {start_seconds:g} s, but the file is {frames / rate:.2f} s long")
    if max_seconds is not None and last - first > round(max_seconds * rate):
        first += (last - first - round(max_seconds * rate)) // 2
        last = first + round(max_seconds * rate)
    return first, max(first, last)
