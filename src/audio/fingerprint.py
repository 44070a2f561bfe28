"""Audio fingerprints: find near copies, the same recording encoded, cut, amplified, equalized or with added noise.

A code has 32 bits and describes one moment. Each bit stands for a pair of neighbouring frequency bands: it is 1 if the
energy moves towards the lower band. Encoding a recording changes few bits, while the codes of two different recordings
agree in half of their bits by chance. A table of all codes shows which clips have a code in common, and so at which
time shift they may overlap; the bits of the whole overlap then decide. The cost grows about linearly with the number of
clips.
Source: Haitsma and Kalker 2002, "A highly robust audio fingerprinting system".
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 5512  # an eighth of 44.1 kHz: no frequency above 2 kHz is used
# 0.19 s, half of the paper's frame: two takes of the same notes differ in timing, which the paper's 0.37 s would blur.
FRAME_LENGTH = 1024
HOP_LENGTH = 96  # 17 ms; the frames of a copy that is cut elsewhere are at most half of that off
LAG = 3  # frames between two energies, 52 ms: within 17 ms music changes them too little compared with an encoder
BITS = 32
LOWEST_HZ, HIGHEST_HZ = 300.0, 2000.0  # a range that every encoder, telephone and loudspeaker transmits
# Share of a frame's energy: if the bands change less in all, it is a held tone, and the signs are rounding errors.
STEADY = 0.03
# Share of the largest change: if most bands change less, they hold the spectral leakage of one tone, all of one sign.
LEAKAGE = 1e-3
QUIET = 1e-6  # share of the energy of the clip's loudest frame, -60 dB: below it, an encoder leaves its own noise
BLANK = 0  # code of a frame without information

SHORTEST_SECONDS = 3.0  # shortest overlap, or
SHORTEST_SHARE = 0.8  # this share of the shorter clip, if that is less
# The shorter the overlap, the lower the error of merely similar music, and so the limit; benchmarks/copies.py measures it.
ERROR_LIMIT, ERROR_ALLOWANCE = 0.28, 0.3

SPARE_BITS = 3  # bits of a key beyond those that number all codes: 1 key in 2**3 then occurs in another clip by chance
NEIGHBOURS = 32  # codes with the same key that a code is compared with; comparing all would cost their number squared
REPEATS = 4  # times that a key counts in one clip, so that a loop does not use up the neighbours
PART_CODES = 2_000_000  # codes that are looked up at once
SAMPLED_FRAMES = 16  # frames of an overlap that are compared first
SAMPLED_ERROR_LIMIT = 0.42  # share of differing bits in them, above which the rest is not compared; chance gives 0.5
SHIFT_TOLERANCE = 3  # frames on each side of a shift that are tried: a key may begin a little earlier in one clip


class Match(NamedTuple):
    """Two clips that contain the same recording, by their index in the catalogue, `a` < `b`.

    `b` begins at `shift_seconds` on the time axis of `a` (negative: before `a`), and they overlap for `overlap_seconds`.
    `error` is the share of bits that differ in the overlap, over the frames where neither code is BLANK: 0 if all are
    the same, 0.5 by chance.
    """

    a: int
    b: int
    shift_seconds: float
    overlap_seconds: float
    error: float


def codes(wave_T: NDArray[np.float32]) -> NDArray[np.uint32]:
    """Compute the fingerprint, one code every 17 ms: wave (T,) at SAMPLE_RATE -> (N,).

    N = 1 + (T - 1312) // 96, and 0 if T is below 1312 samples, 0.24 s. Bit m is 1 if E(n, m) - E(n, m + 1) has grown in
    52 ms, where E is the energy of frame n (0.19 s, Hann window) in band m of 33. The bands are equally wide in octaves,
    from 300 to 2,000 Hz; bit 0 is the lowest. Level and polarity have no effect. The code is BLANK for silence, a held
    tone or a single tone.
    """
    if len(wave_T) < FRAME_LENGTH + LAG * HOP_LENGTH:
        return np.empty(0, dtype=np.uint32)
    energy_NM = _energy(wave_T)
    slope_NM = energy_NM[:, :-1] - energy_NM[:, 1:]
    change_NM = slope_NM[LAG:] - slope_NM[:-LAG]
    code_N = np.packbits(change_NM > 0, axis=1, bitorder="little").view("<u4")[:, 0].astype(np.uint32)
    size_NM, total_N = np.abs(change_NM), energy_NM.sum(axis=1)
    sum_N = total_N[LAG:] + total_N[:-LAG]
    blank_N = (size_NM.sum(axis=1) <= STEADY * sum_N) | (sum_N <= QUIET * sum_N.max())
    blank_N |= (size_NM > LEAKAGE * size_NM.max(axis=1, keepdims=True)).sum(axis=1) < BITS // 2
    return np.where(blank_N, np.uint32(BLANK), np.maximum(code_N, BLANK + 1))


def near_copies(
    codes: Sequence[NDArray[np.uint32]], between: int | None = None, shortest_seconds: float = SHORTEST_SECONDS
) -> list[Match]:
    """Find the pairs of clips that contain the same recording, each pair once, lowest error first; codes (N,) of each clip.

    `between`: only pairs of one of the first `between` clips and one of the others, as of two catalogues. An overlap has
    frames for `shortest_seconds` or more; the sound of these frames is 0.2 s longer.
    If a recording has more than NEIGHBOURS copies, each copy is paired with those nearest to it in the catalogue, so the
    group is still connected. The same catalogue gives the same matches. A larger catalogue uses longer keys, so it may
    miss a borderline copy that a smaller one finds. If most clips resemble one another, as over one loop, the cost grows
    with the number of their pairs. Memory: a second copy of the codes, and about 0.3 GB.
    """
    if sum(map(len, codes)) == 0:
        return []
    packed_P = np.empty(0, dtype=np.int64)  # clip pair and shift in one number
    span = 2 * max(map(len, codes))
    for a_P, b_P, shift_P in coincidences(codes):
        if between is not None:
            wanted_P = (a_P < between) & (b_P >= between)
            a_P, b_P, shift_P = a_P[wanted_P], b_P[wanted_P], shift_P[wanted_P]
        packed_P = np.union1d(packed_P, (a_P * len(codes) + b_P) * span + shift_P + span // 2)
    pair_P, shift_P = np.divmod(packed_P, span)
    pair_Q, first_Q = np.unique(pair_P, return_index=True)
    matches = []
    for pair, shift_S in zip(pair_Q.tolist(), np.split(shift_P - span // 2, first_Q[1:]), strict=False):
        a, b = divmod(pair, len(codes))
        tried_S = np.unique(shift_S[:, None] + np.arange(-SHIFT_TOLERANCE, SHIFT_TOLERANCE + 1))
        if match := _best_match(a, b, codes[a], codes[b], tried_S.tolist(), shortest_seconds):
            matches.append(match)
    return sorted(matches, key=lambda match: (match.error, match.a, match.b))


def coincidences(
    codes: Sequence[NDArray[np.uint32]],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Find possible overlaps of clips that have a key in common and agree in SAMPLED_FRAMES -> a, b, shift (P,) each.

    A key is the lower bits of a code, those of the bands where music has most of its energy. The results come block by
    block and may repeat. `shift` is in frames, `a` < `b`.
    """
    code_I = np.concatenate(codes)  # the I codes of all clips
    start_K = np.concatenate(([0], np.cumsum([len(code_N) for code_N in codes])))
    bits = min(BITS, (len(code_I) - 1).bit_length() + SPARE_BITS)
    parts = 1 + len(code_I) // PART_CODES
    for part in range(parts):
        index_P, key_P = _entries(code_I, start_K, np.uint32(2**bits - 1), parts, part)
        clip_P = _clip_of(start_K, index_P)
        frame_P = index_P - start_K[clip_P]
        for step in range(1, NEIGHBOURS + 1):
            first_P = np.flatnonzero(key_P[:-step] == key_P[step:])
            if not len(first_P):
                break
            first_P = first_P[clip_P[first_P] != clip_P[first_P + step]]
            a_P, b_P = clip_P[first_P], clip_P[first_P + step]
            shift_P = frame_P[first_P] - frame_P[first_P + step]
            likely_P = _likely(code_I, start_K, a_P, b_P, shift_P)
            yield a_P[likely_P], b_P[likely_P], shift_P[likely_P]


def _entries(
    code_I: NDArray[np.uint32], start_K: NDArray[np.int64], mask: np.uint32, parts: int, part: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Build one part of the lookup table -> indices (P,) into all codes and their keys (P,), sorted by key, then index.

    A key that is repeated in successive frames counts once.
    """
    blocks = []
    for start in range(0, len(code_I), PART_CODES):
        code_P = code_I[start : start + PART_CODES]
        key_P = code_P & mask
        new_P = np.append(True, key_P[1:] != key_P[:-1])
        clip_start_P = start_K[(start_K >= start) & (start_K < start + len(code_P))] - start
        new_P[clip_start_P] = True
        blocks.append(start + np.flatnonzero(new_P & (code_P != BLANK) & (key_P % np.uint32(parts) == part)))
    index_P = np.concatenate(blocks)
    index_P = index_P[np.argsort(code_I[index_P] & mask, kind="stable")]
    key_P, clip_P = code_I[index_P] & mask, _clip_of(start_K, index_P)
    used_P = np.ones(len(index_P), dtype=bool)
    used_P[REPEATS:] = (key_P[REPEATS:] != key_P[:-REPEATS]) | (clip_P[REPEATS:] != clip_P[:-REPEATS])
    return index_P[used_P], key_P[used_P]


def _clip_of(start_K: NDArray[np.int64], index_P: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(start_K, index_P, side="right") - 1


def _likely(
    code_I: NDArray[np.uint32],
    start_K: NDArray[np.int64],
    a_P: NDArray[np.int64],
    b_P: NDArray[np.int64],
    shift_P: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Find the overlaps (P,) where SAMPLED_FRAMES frames, evenly spaced, differ by at most SAMPLED_ERROR_LIMIT."""
    first_P = np.maximum(shift_P, 0)  # on the time axis of a
    last_P = np.minimum(start_K[a_P + 1] - start_K[a_P], start_K[b_P + 1] - start_K[b_P] + shift_P)
    a_index_P, b_index_P = start_K[a_P] + first_P, start_K[b_P] + first_P - shift_P
    differing_bits_P = np.zeros(len(a_P), dtype=np.int64)
    compared_P = np.zeros(len(a_P), dtype=np.int64)
    for k in range(SAMPLED_FRAMES):
        offset_P = (2 * k + 1) * (last_P - first_P) // (2 * SAMPLED_FRAMES)
        x_P, y_P = code_I[a_index_P + offset_P], code_I[b_index_P + offset_P]
        both_P = (x_P != BLANK) & (y_P != BLANK)
        differing_bits_P += np.where(both_P, np.bitwise_count(x_P ^ y_P), 0)
        compared_P += both_P
    return (compared_P > 0) & (differing_bits_P <= SAMPLED_ERROR_LIMIT * BITS * compared_P)


def _best_match(
    a: int,
    b: int,
    a_N: NDArray[np.uint32],
    b_N: NDArray[np.uint32],
    shifts: Sequence[int],
    shortest_seconds: float,
) -> Match | None:
    """Find the match at the shift where most bits agree beyond chance; None if no shift is a match."""
    shortest = min(shortest_seconds * SAMPLE_RATE / HOP_LENGTH, SHORTEST_SHARE * min(len(a_N), len(b_N)))
    best, match = 0.0, None
    for shift in shifts:
        first, last = max(shift, 0), min(len(a_N), len(b_N) + shift)
        if last - first < shortest:
            continue
        x_N, y_N = a_N[first:last], b_N[first - shift : last - shift]
        both_N = (x_N != BLANK) & (y_N != BLANK)
        compared = int(both_N.sum())
        error = int(np.bitwise_count(x_N ^ y_N)[both_N].sum()) / (BITS * max(compared, 1))
        if error > ERROR_LIMIT or compared * (0.5 - error) <= best:
            continue
        distinct = min(len(np.unique(x_N[both_N])), len(np.unique(y_N[both_N])))
        if error <= error_limit(distinct * HOP_LENGTH / SAMPLE_RATE):
            best = compared * (0.5 - error)
            length = (last - first - 1 + LAG) * HOP_LENGTH + FRAME_LENGTH
            match = Match(a, b, shift * HOP_LENGTH / SAMPLE_RATE, length / SAMPLE_RATE, error)
    return match


def error_limit(seconds: float) -> float:
    """Highest share of differing bits at which two clips are the same recording, with `seconds` of distinct codes."""
    return ERROR_LIMIT - ERROR_ALLOWANCE / max(seconds, 1e-9)


def _energy(wave_T: NDArray[np.float32]) -> NDArray[np.float32]:
    """Energy of each frame in each band: wave (T,) -> (N, 33)."""
    window_W = np.hanning(FRAME_LENGTH + 1)[:-1].astype(np.float32)
    frame_NW = np.lib.stride_tricks.sliding_window_view(wave_T.astype(np.float32, copy=False), FRAME_LENGTH)
    edge_M = np.round(np.geomspace(LOWEST_HZ, HIGHEST_HZ, BITS + 2) * FRAME_LENGTH / SAMPLE_RATE).astype(np.int64)
    blocks = []
    for start in range(0, len(frame_NW), 64 * HOP_LENGTH):  # as many as fit in the cache of a CPU core
        spectrum_NF = np.fft.rfft(frame_NW[start : start + 64 * HOP_LENGTH : HOP_LENGTH] * window_W)
        spectrum_NF = spectrum_NF[:, : edge_M[-1]]
        # Not a matrix product: it would start threads on all cores for this small amount of work.
        blocks.append(np.add.reduceat(spectrum_NF.real**2 + spectrum_NF.imag**2, edge_M[:-1], axis=1))
    return np.concatenate(blocks)
