"""Sound files as libsndfile decodes them."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from src.audio.messages import Messages, collect

UNKNOWN = 2**63 - 1  # libsndfile's number of frames if a header states none


class SoundFile(soundfile.SoundFile):  # type: ignore[misc]
    """A sound file without soundfile's seek after each read: in an MP3 this seek loses a frame.

    `file` is a path, or an open file, which is closed with this one. What the decoder prints about damage becomes a note.
    """

    stated: int | None = None  # see decoders.File

    def __init__(self, file: Path | io.BufferedReader) -> None:
        self._messages, self._notes = Messages(), list[str]()
        # As bytes, because soundfile refuses a name that is not valid Unicode. On Windows every name is valid.
        with collect(self._messages):
            super().__init__(os.fsencode(file) if isinstance(file, Path) and os.name == "posix" else file)

    @property
    def notes(self) -> Sequence[str]:
        """Sentences for the user about what was found in the file, as far as it has been decoded."""
        return [*self._notes, *self._messages.notes()]

    def add_note(self, note: str) -> None:
        self._notes.append(note)

    @property
    def can_seek(self) -> bool:
        """False for codecs that only decode forwards, such as GSM 6.10."""
        return bool(super().seekable())

    def seekable(self) -> bool:
        return False

    def seek(self, frames: int, whence: int = os.SEEK_SET) -> int:
        with collect(self._messages):
            return int(super().seek(frames, whence))

    def read(self, frames: int = -1, dtype: str = "float32", always_2d: bool = True) -> NDArray[np.float32]:
        with collect(self._messages):
            wave_TK: NDArray[np.float32] = super().read(frames, dtype, always_2d)
        return wave_TK

    def count_frames(self) -> int:
        """Count the frames from here to the end by decoding them."""
        frames = 0
        while count := len(self.read(self.samplerate)):
            frames += count
        return frames

    def close(self) -> None:
        super().close()
        if isinstance(self.name, io.IOBase):
            self.name.close()
