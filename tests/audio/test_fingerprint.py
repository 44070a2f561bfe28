"""Near copies are found, wherever they were cut and whatever was done to them; music that only resembles is not."""

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from src.audio import fingerprint, reader
from src.audio.fingerprint import BLANK, HOP_LENGTH, NEIGHBOURS, SAMPLE_RATE, Match, codes, near_copies
from tests.conftest import RATE, write

Wave = NDArray[np.float32]
Codes = NDArray[np.uint32]


@cache
def song(seed: int, seconds: float = 10.0, rate: int = SAMPLE_RATE, kit: int | None = None) -> Wave:
    """Notes of eight harmonics in a minor scale at 120 beats a minute, over noisy drums; one `kit`, one drum track."""
    random, hit = np.random.default_rng(seed), np.random.default_rng([9, seed if kit is None else kit])
    time_T = np.arange(round(seconds * rate)) / rate
    wave_T = np.zeros(len(time_T))
    for beat in np.arange(0, seconds, 0.25):
        after_T = time_T[round(beat * rate) :] - beat
        hz = 220 * 2 ** (random.choice([0, 3, 5, 7, 10, 12, 15, 17]) / 12)
        note_T = sum(np.sin(2 * np.pi * k * hz * after_T) / k for k in range(1, 9)) * np.exp(-after_T * 6)
        drum_T = hit.standard_normal(len(after_T)) * np.exp(-after_T * 40) * (hit.random() < 0.7)
        wave_T[-len(after_T) :] += random.uniform(0.1, 0.3) * note_T + 0.2 * drum_T
    return (0.3 * wave_T).astype(np.float32)


def noisy(wave_T: Wave, db: float, seed: int = 0) -> Wave:
    """With white noise, `db` below the sound."""
    noise_T = np.random.default_rng([7, seed]).standard_normal(len(wave_T)) * wave_T.std() * 10 ** (-db / 20)
    return (wave_T + noise_T).astype(np.float32)


def tone(hz: float, seconds: float = 10.0) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def found(*waves: NDArray[np.floating]) -> list[Match]:
    return near_copies([codes(wave_T.astype(np.float32)) for wave_T in waves])


def random_codes(clips: int, length: int) -> list[Codes]:
    return list(np.random.default_rng(0).integers(1, 2**32, (clips, length), dtype=np.uint32))


def looked_at(catalogue: Sequence[Codes], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many coincidences a search looks at."""
    counts, likely = [], fingerprint._likely
    with monkeypatch.context() as patch:
        patch.setattr(fingerprint, "_likely", lambda *given: (counts.append(len(given[2])), likely(*given))[1])
        near_copies(catalogue)
    return sum(counts)


# The codes


def test_codes_are_what_scipy_says() -> None:
    wave_T = song(0)
    _, _, spectrum_FN = signal.stft(wave_T, SAMPLE_RATE, "hann", 1024, 1024 - 96, boundary=None, padded=False)
    edge_M = np.round(300 * (2000 / 300) ** (np.arange(34) / 33) * 1024 / SAMPLE_RATE).astype(int)
    bands = [(np.abs(spectrum_FN[low:high]) ** 2).sum(0) for low, high in pairwise(edge_M)]
    difference_MN = -np.diff(bands, axis=0)
    bit_MN = difference_MN[:, 3:] > difference_MN[:, :-3]
    expected_N = (bit_MN.T * 2 ** np.arange(32, dtype=np.uint64)).sum(axis=1)
    code_N = codes(wave_T)
    assert len(code_N) == len(expected_N) == 1 + (len(wave_T) - 1312) // 96
    assert (code_N == expected_N)[code_N != BLANK].mean() > 0.99
    assert (code_N != BLANK).mean() > 0.5


def test_a_band_that_swells_sets_its_bit_and_clears_the_one_below() -> None:
    edge_M = np.geomspace(300, 2000, 34)
    swell_T = tone((edge_M[20] + edge_M[21]) / 2) * np.linspace(0, 1, 10 * SAMPLE_RATE)
    code_N = codes(noisy(swell_T, 20))
    said_N = code_N[code_N != BLANK]
    assert len(said_N) > 50
    assert (said_N >> np.uint32(20) & 1).mean() > 0.9
    assert (said_N >> np.uint32(19) & 1).mean() < 0.1


def test_level_changes_no_code() -> None:
    wave_T = song(1)
    np.testing.assert_array_equal(codes(wave_T * np.float32(0.25)), codes(wave_T))
    assert (codes(wave_T * np.float32(0.251)) == codes(wave_T)).mean() > 0.99  # but for rounding


@pytest.mark.parametrize("length", [0, 1, 1311])
def test_what_is_too_short_has_no_code(length: int) -> None:
    assert len(codes(np.ones(length, np.float32))) == 0
    assert len(codes(np.ones(1312, np.float32))) == 1


@pytest.mark.parametrize(
    "wave_T",
    [
        np.zeros(10 * SAMPLE_RATE),
        np.full(10 * SAMPLE_RATE, 0.5),
        tone(440),
        tone(440) + tone(554) + tone(659),
        np.round(tone(440) * 32767) / 32767,
        tone(440) * (1 + 0.5 * tone(5)),  # a tremolo
        tone(440) * np.exp(-np.arange(10 * SAMPLE_RATE) / SAMPLE_RATE),
    ],
    ids=["silence", "a constant", "a tone", "a chord", "16 bits", "tremolo", "a tone that fades"],
)
def test_what_holds_still_says_nothing(wave_T: NDArray[np.float64]) -> None:
    assert (codes(wave_T.astype(np.float32)) == BLANK).mean() > 0.9
    assert found(wave_T, wave_T, 0.5 * wave_T) == []


# Copies


@pytest.mark.parametrize("cut", [0, HOP_LENGTH, 37 * HOP_LENGTH, 100, 11_111, 30_000])
def test_a_copy_is_found_where_it_was_cut(cut: int) -> None:
    wave_T = song(2)
    for waves, sign in (((wave_T, wave_T[cut:]), 1), ((wave_T[cut:], wave_T), -1)):
        (match,) = found(*waves)
        assert (match.a, match.b) == (0, 1)
        assert match.shift_seconds == pytest.approx(sign * cut / SAMPLE_RATE, abs=0.020)
        assert match.overlap_seconds == pytest.approx(10 - cut / SAMPLE_RATE, abs=0.040)
        assert match.error == 0 if cut % HOP_LENGTH == 0 else 0 < match.error < 0.15


def test_two_cuts_of_one_recording_are_found_by_what_they_share() -> None:
    wave_T = song(3, 20)
    (match,) = found(wave_T[: 12 * SAMPLE_RATE], wave_T[5 * SAMPLE_RATE :])
    assert match.shift_seconds == pytest.approx(5, abs=0.020)
    assert match.overlap_seconds == pytest.approx(7, abs=0.040)
    assert found(wave_T[: 10 * SAMPLE_RATE], wave_T[8 * SAMPLE_RATE :]) == []  # 2 s are too little


def test_a_short_clip_is_found_by_most_of_it() -> None:
    wave_T = song(4)
    assert len(found(wave_T[: 2 * SAMPLE_RATE], wave_T)) == 1
    assert found(wave_T[: SAMPLE_RATE // 2], wave_T) == []


@pytest.mark.parametrize("suffix", [".mp3", ".ogg"])
def test_an_encoded_copy_is_found(suffix: str, tmp_path: Path) -> None:
    wave_T = song(5, rate=RATE)
    copy_T = reader.read(write(tmp_path / f"copy{suffix}", wave_T, RATE), SAMPLE_RATE)
    (match,) = found(reader.resample(wave_T, RATE, SAMPLE_RATE), copy_T)
    assert match.error < 0.2


@pytest.mark.parametrize("change", ["noise", "resampling", "bass", "polarity"])
def test_a_changed_copy_is_found(change: str) -> None:
    wave_T = song(6, rate=RATE)
    copy_T = {
        "noise": noisy(wave_T, 20),
        "resampling": reader.resample(reader.resample(wave_T, RATE, 8000), 8000, RATE),
        "bass": wave_T + signal.lfilter([0.05], [1, -0.95], wave_T).astype(np.float32),
        "polarity": -wave_T,
    }[change]
    (match,) = found(*(reader.resample(each_T, RATE, SAMPLE_RATE) for each_T in (wave_T, copy_T)))
    assert abs(match.shift_seconds) <= 0.020


def test_every_pair_comes_once_and_the_best_first() -> None:
    wave_T = song(7)
    matches = found(wave_T, noisy(wave_T, 30, 1), song(8), noisy(wave_T, 15, 2))
    assert sorted((match.a, match.b) for match in matches) == [(0, 1), (0, 3), (1, 3)]
    assert (matches[0].a, matches[0].b) == (0, 1)
    assert matches == sorted(matches, key=lambda match: match.error)


def test_the_order_of_the_catalogue_changes_nothing() -> None:
    waves = [song(k // 3)[1000 * (k % 3) :] for k in range(30)]
    order = np.random.default_rng(0).permutation(30)
    plain, mixed = found(*waves), found(*(waves[k] for k in order))
    assert len(plain) == 30

    def named(a: int, b: int, match: Match) -> tuple[int, int, float, float]:
        shift = match.shift_seconds if a < b else -match.shift_seconds
        return min(a, b), max(a, b), shift, match.error

    assert sorted(named(m.a, m.b, m) for m in plain) == sorted(
        named(int(order[m.a]), int(order[m.b]), m) for m in mixed
    )
    assert plain == found(*waves)


def test_a_large_group_of_copies_holds_together() -> None:
    copies = [random_codes(1, 400)[0]] * (2 * NEIGHBOURS)
    pairs = {(match.a, match.b) for match in near_copies(copies)}
    assert {(k, k + 1) for k in range(len(copies) - 1)} <= pairs


# What is none


def test_different_music_is_no_copy() -> None:
    assert found(*(song(seed) for seed in range(20))) == []


def test_music_over_the_same_drums_is_no_copy() -> None:
    assert found(*(song(seed, kit=1) for seed in range(20))) == []


def test_noises_are_no_copies() -> None:
    assert found(*(np.random.default_rng(k).standard_normal(10 * SAMPLE_RATE) for k in range(20))) == []


def test_drones_are_no_copies() -> None:
    """A chord of saw teeth that swells, each at its own pace: the same few codes over and over."""
    chord_T = sum(tone(k * hz) / k for hz in (220, 277, 330) for k in range(1, 8))
    assert found(*(chord_T * (1 + 0.5 * tone(rate)) for rate in np.linspace(3, 7, 20))) == []


def test_an_empty_catalogue_has_no_copies() -> None:
    nothing = np.empty(0, dtype=np.uint32)
    assert near_copies([]) == near_copies([nothing]) == near_copies([nothing, nothing]) == []
    wave_T = song(9)
    matches = near_copies([nothing, codes(wave_T), nothing, codes(wave_T), nothing])
    assert [(match.a, match.b, match.error) for match in matches] == [(1, 3, 0)]


# Cost


def test_what_is_looked_at_grows_as_the_catalogue_does(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = (looked_at(random_codes(clips, 200), monkeypatch) / (200 * clips) for clips in (100, 1600))
    assert 0.02 < few < 0.15  # of each code
    assert 0.02 < many < 0.15


def test_even_where_all_clips_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    assert looked_at(random_codes(1, 50) * 300, monkeypatch) <= NEIGHBOURS * 300 * 50


def test_a_catalogue_in_parts_has_the_same_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = [codes(song(k // 2)[500 * (k % 2) :]) for k in range(12)]
    whole = near_copies(catalogue)
    assert len(whole) == 6
    monkeypatch.setattr(fingerprint, "PART", 1000)
    assert near_copies(catalogue) == whole
