"""A sound file that is decoded in sections, one after another, as joined files are."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Sound(Protocol):
    """Interface of an open sound file that a section uses."""

    @property
    def notes(self) -> Sequence[str]: ...
    def seek(self, frames: int) -> int: ...
    def read(self, frames: int, dtype: str, always_2d: bool) -> NDArray[np.float32]: ...
    def close(self) -> None: ...


class Section(NamedTuple):
    """A file of `frames` frames at `samplerate` Hz, which `open` opens at its beginning."""

    open: Callable[[], Sound]
    frames: int
    samplerate: int
    channels: int


class JoinedFile:
    """Sections of the same sample rate, one after another, with the interface of decoders.File.

    All are read with the number of channels of the first: other sections are mixed to mono, which is read in each channel.
    """

    extra_info = ""
    subtype = ""  # libsndfile's name of the format of the samples, if it is known

    def __init__(self, sections: Sequence[Section], form: str, notes: Sequence[str] = (), stated: int = 0) -> None:
        self.format, self.samplerate, self.channels = form, sections[0].samplerate, sections[0].channels
        self.frames = sum(section.frames for section in sections)
        self.stated: int | None = stated or self.frames
        self._sections, self._notes = sections, list(notes)
        self._open(0)

    def _open(self, k: int) -> None:
        self._k, self._position = k, 0  # the section, and the next frame in it
        self._file = self._sections[k].open()

    @property
    def notes(self) -> Sequence[str]:
        """Sentences for the user about what was found in the file, as far as it has been decoded."""
        return list(dict.fromkeys([*self._notes, *self._file.notes]))

    def add_note(self, note: str) -> None:
        self._notes.append(note)

    def seek(self, frames: int) -> int:
        """Seek to a frame, counted from the beginning."""
        position, k = frames, 0
        while k < len(self._sections) - 1 and position >= self._sections[k].frames:
            position -= self._sections[k].frames
            k += 1
        if k != self._k:
            self.close()
            self._open(k)
        position = min(position, self._sections[k].frames)
        if position != self._position:
            self._file.seek(position)
            self._position = position
        return frames

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> NDArray[np.float32]:
        """Read the next `frames` frames, fewer at the end -> (frames, K) in about [-1, 1]."""
        blocks = []
        while frames > 0:
            wanted = min(frames, self._sections[self._k].frames - self._position)
            block_TK = self._file.read(wanted, dtype=dtype, always_2d=always_2d)
            self._position += len(block_TK)
            frames -= len(block_TK)
            blocks.append(self._with_channels(block_TK))
            if len(block_TK) in (wanted, 0):  # the end of the section, as expected or before
                if not frames or self._k + 1 == len(self._sections):
                    break
                self.close()
                self._open(self._k + 1)
        return np.concatenate(blocks) if blocks else np.empty((0, self.channels), dtype=np.float32)

    def close(self) -> None:
        """Close the open section."""
        self._notes = list(self.notes)
        self._file.close()

    def _with_channels(self, wave_TK: NDArray[np.float32]) -> NDArray[np.float32]:
        if wave_TK.shape[1] == self.channels:
            return wave_TK
        return np.repeat(wave_TK.mean(axis=1, keepdims=True), self.channels, axis=1)


class ForwardFile:
    """A file whose codec cannot seek: a seek decodes and discards, and one backwards opens the file again."""

    def __init__(self, open_again: Callable[[], Any], samplerate: int) -> None:
        self._open_again, self._samplerate = open_again, samplerate
        self._file, self._position = open_again(), 0

    @property
    def notes(self) -> Sequence[str]:
        return list(self._file.notes)

    def seek(self, frames: int) -> int:
        """Seek to a frame, counted from the beginning."""
        if frames < self._position:
            self._file.close()
            self._file, self._position = self._open_again(), 0
        while self._position < frames and len(self.read(min(frames - self._position, self._samplerate))):
            pass
        return self._position

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> NDArray[np.float32]:
        """Read the next `frames` frames, fewer at the end -> (frames, K)."""
        wave_TK: NDArray[np.float32] = self._file.read(frames, dtype=dtype, always_2d=always_2d)
        self._position += len(wave_TK)
        return wave_TK

    def close(self) -> None:
        self._file.close()
