"""Lossy encodings: mp3, Opus and Ogg Vorbis at a bit rate, decoded again."""

import io
from typing import NamedTuple

import numpy as np
import soundfile

from src.alteration.waves import Wave
from src.audio import reader

MPEG_RATES = (16000, 22050, 24000, 32000, 44100, 48000)  # Hz, of MPEG-2 and, from 32,000 on, MPEG-1
OPUS_RATE = 48000  # Hz; Opus knows a few rates, and decodes all at this one
OPUS_KILOBITS = (6, 256)  # the range of libsndfile's compression levels, a channel
BIT_RATE_ERROR = 0.05  # largest relative error of the bit rate of an mp3, beside
PADDING_SAMPLES = 4 * 1152  # the frames that start and end a file, which weigh in a short one
LARGEST_LEVEL = 0.99999  # of libsndfile's compression levels; it refuses 1


class Encoded(NamedTuple):
    """A wave (T,) that was encoded and decoded, and the bit rate of its file in kbit/s."""

    wave: Wave
    kilobits: float


def mp3(wave_T: Wave, rate: int, kilobits: float) -> Encoded:
    """mp3 at a constant bit rate in kbit/s (LAME). Raises ValueError if the file's bit rate is more than 5 % off.

    At other sample rates than MPEG's, the wave is encoded at the next one of them; for 32 kbit/s or less at 22,050 Hz or below, as
    the bit rates of MPEG-1 begin there.
    """
    encoded_rate = next((possible for possible in MPEG_RATES if possible >= rate), MPEG_RATES[-1])
    if kilobits <= 32:
        encoded_rate = min(encoded_rate, 22050)
    lowest, highest = (32, 320) if encoded_rate >= 32000 else (8, 160)
    level = (highest - kilobits) / (highest - lowest)
    encoded = _encode(wave_T, rate, encoded_rate, level, format="MP3", bitrate_mode="CONSTANT")
    padding = PADDING_SAMPLES * rate / encoded_rate / len(wave_T)
    if abs(encoded.kilobits / kilobits - 1) > BIT_RATE_ERROR + padding:
        raise ValueError(
            f"the mp3 has {encoded.kilobits:.1f} kbit/s: expected {kilobits:g} kbit/s at {encoded_rate} Hz."
        )
    return encoded


def opus(wave_T: Wave, rate: int, kilobits: float) -> Encoded:
    """Opus at an average bit rate of about `kilobits` kbit/s; simple music takes less."""
    lowest, highest = OPUS_KILOBITS
    level = (highest - kilobits) / (highest - lowest)
    return _encode(wave_T, rate, OPUS_RATE, level, format="OGG", subtype="OPUS")


def ogg(wave_T: Wave, rate: int, level: float) -> Encoded:
    """Ogg Vorbis at one of libsndfile's compression levels, 0 to 1."""
    return _encode(wave_T, rate, rate, level, format="OGG", subtype="VORBIS")


def _encode(wave_T: Wave, rate: int, encoded_rate: int, level: float, **settings: str) -> Encoded:
    """Encode at `encoded_rate` with a compression level from 0 to 1, decode, and return to `rate` and T samples."""
    file = io.BytesIO()
    encoded_T = wave_T if encoded_rate == rate else reader.resample(wave_T, rate, encoded_rate)
    encoded_T = encoded_T if len(encoded_T) else wave_T[:1]  # of a sample at a high rate, nothing would be left
    level = min(max(level, 0.0), LARGEST_LEVEL)
    with soundfile.SoundFile(file, "w", encoded_rate, 1, compression_level=level, **settings) as sound:
        for first in range(0, len(encoded_T), encoded_rate):  # libsndfile overflows its stack on much Vorbis at once
            sound.write(encoded_T[first : first + encoded_rate])
    kilobits = file.tell() * 8 / 1000 / (len(encoded_T) / encoded_rate)
    file.seek(0)
    decoded_T, decoded_rate = soundfile.read(file, dtype="float32")
    decoded_T = decoded_T if decoded_rate == rate else reader.resample(decoded_T, decoded_rate, rate)
    return Encoded(np.pad(decoded_T, (0, max(0, len(wave_T) - len(decoded_T))))[: len(wave_T)], kilobits)
