"""Known digests: the real recordings and the synthetic corpus decode to the same samples as ever."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from src.audio.reader import Stream, read, read_native
from src.dataset import Synth

DIGESTS = Path(__file__).with_name("digests.csv")  # path, and the digest at 22,050 Hz and at 16,000 Hz
DECODER = "1.2.2"  # version of libsndfile that the digests were made with


def digest(wave_T: NDArray[np.float32]) -> str:
    return hashlib.sha256(wave_T.tobytes()).hexdigest()[:16]


def rows() -> list[dict[str, str]]:
    with DIGESTS.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_real_recordings_decode_to_the_same_samples(music: Path) -> None:
    if soundfile.__libsndfile_version__ != DECODER:
        pytest.skip(f"the digests are those of libsndfile {DECODER}, this is {soundfile.__libsndfile_version__}")
    assert len(rows()) == 103
    for row in rows():
        sound = read_native(music / row["path"], 0.0, None, None)
        assert (digest(sound.wave_T), sound.notes) == (row["22050"], ()), row["path"]
        assert digest(read(music / row["path"], 16000)) == row["16000"], row["path"]


def test_a_stream_of_a_real_recording_has_the_same_samples(music: Path) -> None:
    for row in rows()[::20]:
        stream = Stream(music / row["path"], 16000)
        np.testing.assert_array_equal(np.concatenate(list(stream)), read(music / row["path"], 16000))
        assert stream.notes == ()


def test_the_synthetic_corpus_decodes_to_the_samples_of_its_files(tmp_path: Path) -> None:
    corpus = Synth(str(tmp_path), artists=1, tracks=1, clip_seconds=4).corpus()
    assert len(corpus.clips) == 10
    for clip in corpus.clips:
        expected_T = soundfile.read(clip.path, dtype="int16")[0] / np.float32(32768)
        np.testing.assert_array_equal(read_native(clip.path, 0.0, None, None).wave_T, expected_T)
