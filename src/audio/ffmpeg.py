"""Sound files that libsndfile cannot decode, decoded by FFmpeg: PyAV, an extra (`make extra-m4a`)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def has_ffmpeg() -> bool:
    """True if the extra is installed."""
    return find_spec("av") is not None


class FFmpegFile:
    """The first audio stream of a container file, decoded by FFmpeg, with the interface of File.

    Raises ImportError if PyAV is not installed, and RuntimeError with FFmpeg's message if FFmpeg cannot decode the file.
    """

    format = "FFmpeg"
    extra_info = ""
    stated: int | None = None
    notes: Sequence[str] = ()

    def __init__(self, path: Path) -> None:
        import av

        self._av = av
        with self._errors():
            with self._open(path) as file:
                if not file.streams.audio:
                    raise RuntimeError("no sound found in it")
                stream = file.streams.audio[0]
                codec = stream.codec_context
                if codec is None or (codec.format is None and codec.sample_rate):
                    raise RuntimeError("a codec that FFmpeg does not know")
                self.samplerate = int(codec.sample_rate)
                samples = codec.format.name if codec.format else ""
                # As libsndfile calls samples that may be on any scale.
                self.subtype = "FLOAT" if codec.codec.lossless and samples[:3] in ("flt", "dbl") else ""
                # A container's own duration may be an estimate from its bit rate, so its packets are counted.
                ends = (packet.pts + packet.duration for packet in file.demux(stream) if packet.pts is not None)
                self.frames = round(max(ends, default=0) * float(stream.time_base or 0) * self.samplerate)
            self._path = path
            self._rewind()

    def _rewind(self) -> None:
        self._file = self._open(self._path)
        self._blocks = self._decoded_blocks()
        self._unread: NDArray[np.float32] | None = None  # decoded, not yet read: (frames, K)
        self._position = 0  # of the next frame

    def seek(self, frames: int) -> int:
        """Seek to a frame, counted from the beginning. The frames before it are decoded and discarded.

        Seeking in a container is not exact, so a seek backwards opens the file again.
        """
        if frames < self._position:
            self.close()
            with self._errors():
                self._rewind()
        while self._position < frames and len(self.read(min(frames - self._position, self.samplerate))):
            pass
        return self._position

    def read(self, frames: int, dtype: str = "float32", always_2d: bool = True) -> NDArray[np.float32]:
        """Read the next `frames` frames, fewer at the end of the file -> (frames, K) in about [-1, 1]."""
        blocks = [] if self._unread is None else [self._unread]
        count = sum(len(block_TK) for block_TK in blocks)
        with self._errors():
            while count < frames and (block_TK := next(self._blocks, None)) is not None:
                blocks.append(block_TK)
                count += len(block_TK)
        if not blocks:
            return np.empty((0, 1), dtype=np.float32)
        wave_TK = np.concatenate(blocks)
        self._unread = wave_TK[frames:].copy()  # a view of a few frames would keep the whole array in memory
        self._position += min(frames, len(wave_TK))
        return wave_TK[:frames]

    def close(self) -> None:
        self._file.close()

    def _open(self, path: Path) -> Any:
        # Only this file may be opened: a playlist may name other files or URLs.
        return self._av.open(f"file:{path}", options={"protocol_whitelist": "file"})

    def _decoded_blocks(self) -> Iterator[NDArray[np.float32]]:
        planar = self._av.AudioResampler(format="fltp")  # changes the sample format only
        for frame in chain(self._file.decode(audio=0), [None]):  # None flushes the resampler
            for block in planar.resample(frame):
                yield block.to_ndarray().T

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except self._av.FFmpegError as error:
            raise RuntimeError(error.strerror or str(error)) from error
