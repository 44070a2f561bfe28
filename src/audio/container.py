"""Sound that libsndfile cannot decode (m4a, wma, the sound of a film), decoded by FFmpeg: an extra, `make extra-m4a`."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class File(Protocol):
    """An opened file of sound, as soundfile.SoundFile has it: so many `frames` of K channels at `samplerate` Hz."""

    samplerate: int
    frames: int
    format: str
    extra_info: str  # libsndfile's remarks on the header

    def seek(self, frames: int) -> int: ...
    def read(self, frames: int, dtype: str, always_2d: bool) -> NDArray[np.float32]: ...
    def close(self) -> None: ...


class Container:
    """The first sound of a container, read from its beginning; a File.

    Raises ImportError where PyAV is not installed, and RuntimeError, with FFmpeg's words, on what it cannot decode.
    """

    format = "FFmpeg"
    extra_info = ""

    def __init__(self, path: Path) -> None:
        import av

        self._av = av
        with self._errors():
            with self._open(path) as file:
                if not file.streams.audio:
                    raise RuntimeError("no sound found in it")
                stream = file.streams.audio[0]
                self.samplerate = int(stream.codec_context.sample_rate)
                # A container's own duration may be an estimate from its bit rate, so its packets are counted.
                ends = (packet.pts + packet.duration for packet in file.demux(stream) if packet.pts is not None)
                self.frames = round(max(ends, default=0) * float(stream.time_base) * self.samplerate)
            self._file = self._open(path)
        self._parts = self._decoded()
        self._waiting: NDArray[np.float32] | None = None  # decoded, not yet read: (frames, K)

    def seek(self, frames: int) -> int:
        """Go `frames` on from the beginning. They are decoded and dropped, since a seek in a container is not exact."""
        left = frames
        while left > 0 and (got := len(self.read(min(left, self.samplerate)))):
            left -= got
        return frames - left

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> NDArray[np.float32]:
        """The next `frames`, fewer at the end -> (frames, K) in about [-1, 1]."""
        parts = [] if self._waiting is None else [self._waiting]
        count = sum(len(part) for part in parts)
        with self._errors():
            while count < frames and (part := next(self._parts, None)) is not None:
                parts.append(part)
                count += len(part)
        if not parts:
            return np.empty((0, 1), dtype=np.float32)
        wave_TK = np.concatenate(parts)
        self._waiting = wave_TK[frames:].copy()  # a copy, or a few frames would keep all in memory
        return wave_TK[:frames]

    def close(self) -> None:
        self._file.close()

    def _open(self, path: Path) -> Any:
        # Nothing but this very file is opened: a playlist may name others, or addresses in the network.
        return self._av.open(f"file:{path}", options={"protocol_whitelist": "file"})

    def _decoded(self) -> Iterator[NDArray[np.float32]]:
        planar = self._av.AudioResampler(format="fltp")  # the sample's type alone is changed
        for frame in chain(self._file.decode(audio=0), [None]):  # None: what the resampler still holds
            for part in planar.resample(frame):
                yield part.to_ndarray().T

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._av.FFmpegError as error:
            raise RuntimeError(error.strerror or str(error)) from error
