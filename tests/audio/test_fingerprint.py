"""Near copies are found after cuts, encoding and other changes; music that is merely similar is not."""

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
    """Minor-scale notes of eight harmonics, eighths at 120 beats per minute, over noise drums; `kit` seeds the drums."""
    random, drums = np.random.default_rng(seed), np.random.default_rng([9, seed if kit is None else kit])
    time_T = np.arange(round(seconds * rate)) / rate
    wave_T = np.zeros(len(time_T))
    for beat in np.arange(0, seconds, 0.25):
        after_T = time_T[round(beat * rate) :] - beat
        hz = 220 * 2 ** (random.choice([0, 3, 5, 7, 10, 12, 15, 17]) / 12)
        note_T = sum(np.sin(2 * np.pi * k * hz * after_T) / k for k in range(1, 9)) * np.exp(-after_T * 6)
        drum_T = drums.standard_normal(len(after_T)) * np.exp(-after_T * 40) * (drums.random() < 0.7)
        wave_T[-len(after_T) :] += random.uniform(0.1, 0.3) * note_T + 0.2 * drum_T
    return (0.3 * wave_T).astype(np.float32)


def noisy(wave_T: Wave, db: float, seed: int = 0) -> Wave:
    """Add white noise, `db` below the level of the sound."""
    noise_T = np.random.default_rng([7, seed]).standard_normal(len(wave_T)) * wave_T.std() * 10 ** (-db / 20)
    return (wave_T + noise_T).astype(np.float32)


def tone(hz: float, seconds: float = 10.0) -> NDArray[np.float64]:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)


def find_copies(*waves: NDArray[np.floating]) -> list[Match]:
    return near_copies([codes(wave_T.astype(np.float32)) for wave_T in waves])


def random_codes(clips: int, length: int) -> list[Codes]:
    return list(np.random.default_rng(0).integers(1, 2**32, (clips, length), dtype=np.uint32))


def count_comparisons(catalogue: Sequence[Codes], monkeypatch: pytest.MonkeyPatch) -> int:
    """Count the possible overlaps that a search compares."""
    counts, likely = [], fingerprint._likely
    with monkeypatch.context() as patch:
        patch.setattr(
            fingerprint, "_likely", lambda *arguments: (counts.append(len(arguments[2])), likely(*arguments))[1]
        )
        near_copies(catalogue)
    return sum(counts)


# The codes


def test_codes_match_scipy() -> None:
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


def test_a_band_that_grows_louder_sets_its_bit_and_clears_the_bit_below() -> None:
    edge_M = np.geomspace(300, 2000, 34)
    swell_T = tone((edge_M[20] + edge_M[21]) / 2) * np.linspace(0, 1, 10 * SAMPLE_RATE)
    code_N = codes(noisy(swell_T, 20))
    known_N = code_N[code_N != BLANK]
    assert len(known_N) > 50
    assert (known_N >> np.uint32(20) & 1).mean() > 0.9
    assert (known_N >> np.uint32(19) & 1).mean() < 0.1


def test_level_does_not_change_the_codes() -> None:
    wave_T = song(1)
    np.testing.assert_array_equal(codes(wave_T * np.float32(0.25)), codes(wave_T))
    assert (codes(wave_T * np.float32(0.251)) == codes(wave_T)).mean() > 0.99  # apart from rounding


@pytest.mark.parametrize("length", [0, 1, 1311])
def test_sound_below_the_shortest_length_has_no_code(length: int) -> None:
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
def test_steady_sound_has_blank_codes(wave_T: NDArray[np.float64]) -> None:
    assert (codes(wave_T.astype(np.float32)) == BLANK).mean() > 0.9
    assert find_copies(wave_T, wave_T, 0.5 * wave_T) == []


# Copies


@pytest.mark.parametrize("cut", [0, HOP_LENGTH, 37 * HOP_LENGTH, 100, 11_111, 30_000])
def test_the_shift_of_a_cut_copy_is_found(cut: int) -> None:
    wave_T = song(2)
    for waves, sign in (((wave_T, wave_T[cut:]), 1), ((wave_T[cut:], wave_T), -1)):
        (match,) = find_copies(*waves)
        assert (match.a, match.b) == (0, 1)
        assert match.shift_seconds == pytest.approx(sign * cut / SAMPLE_RATE, abs=0.020)
        assert match.overlap_seconds == pytest.approx(10 - cut / SAMPLE_RATE, abs=0.040)
        assert match.error == 0 if cut % HOP_LENGTH == 0 else 0 < match.error < 0.15


def test_two_parts_of_one_recording_are_found_by_their_overlap() -> None:
    wave_T = song(3, 20)
    (match,) = find_copies(wave_T[: 12 * SAMPLE_RATE], wave_T[5 * SAMPLE_RATE :])
    assert match.shift_seconds == pytest.approx(5, abs=0.020)
    assert match.overlap_seconds == pytest.approx(7, abs=0.040)
    assert find_copies(wave_T[: 10 * SAMPLE_RATE], wave_T[8 * SAMPLE_RATE :]) == []  # an overlap of 2 s is too short


def test_a_short_clip_is_found_in_a_longer_one() -> None:
    wave_T = song(4)
    assert len(find_copies(wave_T[: 2 * SAMPLE_RATE], wave_T)) == 1
    assert find_copies(wave_T[: SAMPLE_RATE // 2], wave_T) == []


@pytest.mark.parametrize("suffix", [".mp3", ".ogg"])
def test_an_encoded_copy_is_found(suffix: str, tmp_path: Path) -> None:
    wave_T = song(5, rate=RATE)
    copy_T = reader.read(write(tmp_path / f"copy{suffix}", wave_T, RATE), SAMPLE_RATE)
    (match,) = find_copies(reader.resample(wave_T, RATE, SAMPLE_RATE), copy_T)
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
    (match,) = find_copies(*(reader.resample(x_T, RATE, SAMPLE_RATE) for x_T in (wave_T, copy_T)))
    assert abs(match.shift_seconds) <= 0.020


def test_every_pair_is_listed_once_lowest_error_first() -> None:
    wave_T = song(7)
    matches = find_copies(wave_T, noisy(wave_T, 30, 1), song(8), noisy(wave_T, 15, 2))
    assert sorted((match.a, match.b) for match in matches) == [(0, 1), (0, 3), (1, 3)]
    assert (matches[0].a, matches[0].b) == (0, 1)
    assert matches == sorted(matches, key=lambda match: match.error)


def test_the_order_of_the_catalogue_does_not_change_the_matches() -> None:
    waves = [song(k // 3)[1000 * (k % 3) :] for k in range(30)]
    order = np.random.default_rng(0).permutation(30)
    in_order, shuffled = find_copies(*waves), find_copies(*(waves[k] for k in order))
    assert len(in_order) == 30

    def normalized(a: int, b: int, match: Match) -> tuple[int, int, float, float]:
        shift = match.shift_seconds if a < b else -match.shift_seconds
        return min(a, b), max(a, b), shift, match.error

    assert sorted(normalized(m.a, m.b, m) for m in in_order) == sorted(
        normalized(int(order[m.a]), int(order[m.b]), m) for m in shuffled
    )
    assert in_order == find_copies(*waves)


def test_a_large_group_of_copies_is_connected() -> None:
    copies = [random_codes(1, 400)[0]] * (2 * NEIGHBOURS)
    pairs = {(match.a, match.b) for match in near_copies(copies)}
    assert {(k, k + 1) for k in range(len(copies) - 1)} <= pairs


# No copies


def test_different_music_is_not_a_copy() -> None:
    assert find_copies(*(song(seed) for seed in range(20))) == []


def test_different_music_with_the_same_drums_is_not_a_copy() -> None:
    assert find_copies(*(song(seed, kit=1) for seed in range(20))) == []


def test_different_noise_is_not_a_copy() -> None:
    assert find_copies(*(np.random.default_rng(k).standard_normal(10 * SAMPLE_RATE) for k in range(20))) == []


def test_drones_are_not_copies() -> None:
    """A sawtooth chord whose level rises and falls, at a different rate in each clip: a few codes that repeat."""
    chord_T = sum(tone(k * hz) / k for hz in (220, 277, 330) for k in range(1, 8))
    assert find_copies(*(chord_T * (1 + 0.5 * tone(rate)) for rate in np.linspace(3, 7, 20))) == []


def test_an_empty_catalogue_has_no_copies() -> None:
    no_codes = np.empty(0, dtype=np.uint32)
    assert near_copies([]) == near_copies([no_codes]) == near_copies([no_codes, no_codes]) == []
    wave_T = song(9)
    matches = near_copies([no_codes, codes(wave_T), no_codes, codes(wave_T), no_codes])
    assert [(match.a, match.b, match.error) for match in matches] == [(1, 3, 0)]


# Cost


def test_comparisons_grow_linearly_with_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = (count_comparisons(random_codes(clips, 200), monkeypatch) / (200 * clips) for clips in (100, 1600))
    assert 0.02 < small < 0.15  # comparisons per code
    assert 0.02 < large < 0.15


def test_comparisons_are_bounded_even_if_all_clips_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    assert count_comparisons(random_codes(1, 50) * 300, monkeypatch) <= NEIGHBOURS * 300 * 50


def test_lookup_in_parts_finds_the_same_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue = [codes(song(k // 2)[500 * (k % 2) :]) for k in range(12)]
    whole = near_copies(catalogue)
    assert len(whole) == 6
    monkeypatch.setattr(fingerprint, "PART_CODES", 1000)
    assert near_copies(catalogue) == whole


def test_of_two_catalogues_only_pairs_between_them_are_found() -> None:
    waves = [song(1), noisy(song(1), 30), song(2), noisy(song(1), 25, seed=1)]
    matches = near_copies([codes(wave_T) for wave_T in waves], between=3)
    assert sorted((match.a, match.b) for match in matches) == [(0, 3), (1, 3)]


def test_the_shortest_overlap_can_be_3_s_of_sound() -> None:
    wave_T, six, three = song(1), 6 * SAMPLE_RATE, 3 * SAMPLE_RATE
    parts = [codes(wave_T[:six]), codes(wave_T[three : three + six])]
    assert near_copies(parts, between=1) == []  # its frames are 2.8 s long
    (match,) = near_copies(parts, between=1, shortest_seconds=2.75)
    assert match.shift_seconds == pytest.approx(3, abs=HOP_LENGTH / SAMPLE_RATE)
    assert match.overlap_seconds == pytest.approx(3, abs=2 * HOP_LENGTH / SAMPLE_RATE)
