"""Near copies in a catalogue: the same recording encoded, cut, amplified, equalized or disturbed, found by its codes.

A code says, for one moment, in which of 32 neighbouring pairs of bands the energy moves towards the lower one. The bits
outlast an encoder, while two recordings agree in half of them by chance. A table of all codes says which clips share
one, and so where they may lie upon each other; the bits over the whole of that overlap decide. Cost grows about as the
number of clips does.
Source: Haitsma and Kalker 2002, "A highly robust audio fingerprinting system".
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 5512  # an eighth of 44.1 kHz: nothing above 2 kHz is looked at
# Half of the paper's frame, 0.19 s: two takes of the same notes differ in their timing, which its 0.37 s blur.
FRAME_LENGTH = 1024
HOP_LENGTH = 96  # 17 ms; a copy cut elsewhere lies half of that beside the grid, at most
LAG = 3  # frames, 52 ms, from one energy to the next: 17 ms move it too little against what an encoder moves
BITS = 32
LOWEST_HZ, HIGHEST_HZ = 300.0, 2000.0  # which every encoder, telephone and loudspeaker keeps
STEADY = 0.03  # of a frame's energy: bands that move less are a held tone, and their signs are rounding
LEAK = 1e-3  # of the band that moves most: where most move less, they hold one tone's leakage, one sign for all
QUIET = 1e-6  # of the energy of the clip's loudest frame, -60 dB: what an encoder leaves there is its own
BLANK = 0  # the code of a frame that says nothing

SHORTEST_SECONDS = 3.0  # of overlap, or
SHORTEST_SHARE = 0.8  # of the shorter clip
# Errors of music that only resembles reach down the further the shorter it is; benchmarks/copies.py measures it.
ERROR_LIMIT, ERROR_ALLOWANCE = 0.28, 0.3

SPARE_BITS = 3  # of a key, more than tell all codes apart: by chance, one key in 2**3 is then another clip's as well
NEIGHBOURS = 32  # of a code among those of its key; a key that many share would otherwise cost their number squared
REPEATS = 4  # of a key that count in one clip: a loop fills no neighbourhood
PART = 2_000_000  # codes that are looked up at once
SAMPLES = 16  # frames of an overlap that are looked at first
DOUBT = 0.42  # share of differing bits in those, above which the rest is not looked at; chance makes 0.5
REACH = 3  # frames to either side of a shift that are tried: a key may be a little older in one clip


class Match(NamedTuple):
    """Two clips that hold the same sound, by their places in the catalogue, `a` < `b`.

    `b` begins at `shift_seconds` in the time of `a` (negative: before it), and they overlap for `overlap_seconds`.
    `error` is the share of bits that differ there, where both say something: 0 is the same, 0.5 chance.
    """

    a: int
    b: int
    shift_seconds: float
    overlap_seconds: float
    error: float


def codes(wave_T: NDArray[np.float32]) -> NDArray[np.uint32]:
    """What the sound says, a code every 17 ms: wave (T,) at SAMPLE_RATE -> (N,).

    N = 1 + (T - 1312) // 96, and 0 where T is below that: 0.24 s. Bit m is 1 where E(n, m) - E(n, m + 1) has grown in
    52 ms, with E the energy of frame n (0.19 s, Hann) in band m of 33, equally wide in octaves from 300 to 2,000 Hz; the
    lowest band is bit 0. Level and polarity change nothing. A frame of silence, a held tone or a lone one says BLANK.
    """
    if len(wave_T) < FRAME_LENGTH + LAG * HOP_LENGTH:
        return np.empty(0, dtype=np.uint32)
    energy_NM = _energy(wave_T)
    slope_NM = energy_NM[:, :-1] - energy_NM[:, 1:]
    move_NM = slope_NM[LAG:] - slope_NM[:-LAG]
    code_N = np.packbits(move_NM > 0, axis=1, bitorder="little").view("<u4")[:, 0].astype(np.uint32)
    size_NM, total_N = np.abs(move_NM), energy_NM.sum(axis=1)
    sum_N = total_N[LAG:] + total_N[:-LAG]
    blank_N = (size_NM.sum(axis=1) <= STEADY * sum_N) | (sum_N <= QUIET * sum_N.max())
    blank_N |= (size_NM > LEAK * size_NM.max(axis=1, keepdims=True)).sum(axis=1) < BITS // 2
    return np.where(blank_N, np.uint32(BLANK), np.maximum(code_N, BLANK + 1))


def near_copies(codes: Sequence[NDArray[np.uint32]]) -> list[Match]:
    """The pairs of clips that hold the same sound, each once, lowest error first; codes (N,) of each clip.

    Of more than NEIGHBOURS copies of one sound, each is paired with those nearest to it in the catalogue, which still
    holds the group together. The same catalogue gives the same matches; a larger one looks for longer keys, and so may
    miss a copy at the limit that a smaller one finds. Where most clips resemble one another, as over one loop, the cost
    grows as their pairs do. Memory: the codes once more, and some 0.3 GB.
    """
    if sum(map(len, codes)) == 0:
        return []
    found_P = np.empty(0, dtype=np.int64)
    span = 2 * max(map(len, codes))
    for a_P, b_P, shift_P in coincidences(codes):
        found_P = np.union1d(found_P, (a_P * len(codes) + b_P) * span + shift_P + span // 2)
    pair_P, shift_P = np.divmod(found_P, span)
    pair_Q, first_Q = np.unique(pair_P, return_index=True)
    matches = []
    for pair, shift_S in zip(pair_Q.tolist(), np.split(shift_P - span // 2, first_Q[1:]), strict=False):
        a, b = divmod(pair, len(codes))
        near_S = np.unique(shift_S[:, None] + np.arange(-REACH, REACH + 1))
        if match := _best(a, b, codes[a], codes[b], near_S.tolist()):
            matches.append(match)
    return sorted(matches, key=lambda match: (match.error, match.a, match.b))


def coincidences(
    codes: Sequence[NDArray[np.uint32]],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]]:
    """Where clips may lie upon each other, as a key in common and a look at SAMPLES frames say -> a, b, shift (P,) each.

    A key is a code's lower bits, of the bands where music has most of its energy. They come block by block, and the
    same ones may come again. `shift` is in frames, `a` < `b`.
    """
    code_I = np.concatenate(codes)  # of all clips, I in all
    start_K = np.concatenate(([0], np.cumsum([len(code_N) for code_N in codes])))
    bits = min(BITS, (len(code_I) - 1).bit_length() + SPARE_BITS)
    parts = 1 + len(code_I) // PART
    for part in range(parts):
        index_P, key_P = _entries(code_I, start_K, np.uint32(2**bits - 1), parts, part)
        clip_P = _clip(start_K, index_P)
        place_P = index_P - start_K[clip_P]
        for step in range(1, NEIGHBOURS + 1):
            first_P = np.flatnonzero(key_P[:-step] == key_P[step:])
            if not len(first_P):
                break
            first_P = first_P[clip_P[first_P] != clip_P[first_P + step]]
            a_P, b_P = clip_P[first_P], clip_P[first_P + step]
            shift_P = place_P[first_P] - place_P[first_P + step]
            likely_P = _likely(code_I, start_K, a_P, b_P, shift_P)
            yield a_P[likely_P], b_P[likely_P], shift_P[likely_P]


def _entries(
    code_I: NDArray[np.uint32], start_K: NDArray[np.int64], mask: np.uint32, parts: int, part: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """What is looked up: places (P,) in all codes and their keys (P,), by key, then place. Runs of a key count once."""
    blocks = []
    for low in range(0, len(code_I), PART):
        code_P = code_I[low : low + PART]
        key_P = code_P & mask
        new_P = np.append(True, key_P[1:] != key_P[:-1])
        edge_P = start_K[(start_K >= low) & (start_K < low + len(code_P))] - low
        new_P[edge_P] = True
        blocks.append(low + np.flatnonzero(new_P & (code_P != BLANK) & (key_P % np.uint32(parts) == part)))
    index_P = np.concatenate(blocks)
    index_P = index_P[np.argsort(code_I[index_P] & mask, kind="stable")]
    key_P, clip_P = code_I[index_P] & mask, _clip(start_K, index_P)
    kept_P = np.ones(len(index_P), dtype=bool)
    kept_P[REPEATS:] = (key_P[REPEATS:] != key_P[:-REPEATS]) | (clip_P[REPEATS:] != clip_P[:-REPEATS])
    return index_P[kept_P], key_P[kept_P]


def _clip(start_K: NDArray[np.int64], index_P: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.searchsorted(start_K, index_P, side="right") - 1


def _likely(
    code_I: NDArray[np.uint32],
    start_K: NDArray[np.int64],
    a_P: NDArray[np.int64],
    b_P: NDArray[np.int64],
    shift_P: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether SAMPLES frames, evenly over the overlap, differ by no more than DOUBT."""
    first_P = np.maximum(shift_P, 0)  # in the time of a
    last_P = np.minimum(start_K[a_P + 1] - start_K[a_P], start_K[b_P + 1] - start_K[b_P] + shift_P)
    a_place_P, b_place_P = start_K[a_P] + first_P, start_K[b_P] + first_P - shift_P
    differ_P = np.zeros(len(a_P), dtype=np.int64)
    known_P = np.zeros(len(a_P), dtype=np.int64)
    for k in range(SAMPLES):
        step_P = (2 * k + 1) * (last_P - first_P) // (2 * SAMPLES)
        x_P, y_P = code_I[a_place_P + step_P], code_I[b_place_P + step_P]
        both_P = (x_P != BLANK) & (y_P != BLANK)
        differ_P += np.where(both_P, np.bitwise_count(x_P ^ y_P), 0)
        known_P += both_P
    return (known_P > 0) & (differ_P <= DOUBT * BITS * known_P)


def _best(a: int, b: int, a_N: NDArray[np.uint32], b_N: NDArray[np.uint32], shifts: Sequence[int]) -> Match | None:
    """The match at the shift where most agrees beyond chance; None where no shift is a match."""
    shortest = min(SHORTEST_SECONDS * SAMPLE_RATE / HOP_LENGTH, SHORTEST_SHARE * min(len(a_N), len(b_N)))
    best, match = 0.0, None
    for shift in shifts:
        first, last = max(shift, 0), min(len(a_N), len(b_N) + shift)
        if last - first < shortest:
            continue
        x_N, y_N = a_N[first:last], b_N[first - shift : last - shift]
        both_N = (x_N != BLANK) & (y_N != BLANK)
        known = int(both_N.sum())
        error = int(np.bitwise_count(x_N ^ y_N)[both_N].sum()) / (BITS * max(known, 1))
        if error > ERROR_LIMIT or known * (0.5 - error) <= best:
            continue
        said = min(len(np.unique(x_N[both_N])), len(np.unique(y_N[both_N])))
        if error <= error_limit(said * HOP_LENGTH / SAMPLE_RATE):
            best = known * (0.5 - error)
            length = (last - first - 1 + LAG) * HOP_LENGTH + FRAME_LENGTH
            match = Match(a, b, shift * HOP_LENGTH / SAMPLE_RATE, length / SAMPLE_RATE, error)
    return match


def error_limit(seconds: float) -> float:
    """The share of differing bits up to which two clips are the same, where both say something new for `seconds`."""
    return ERROR_LIMIT - ERROR_ALLOWANCE / max(seconds, 1e-9)


def _energy(wave_T: NDArray[np.float32]) -> NDArray[np.float32]:
    """Energy of each frame in each band: wave (T,) -> (N, 33)."""
    window_W = np.hanning(FRAME_LENGTH + 1)[:-1].astype(np.float32)
    frame_NW = np.lib.stride_tricks.sliding_window_view(wave_T.astype(np.float32, copy=False), FRAME_LENGTH)
    edge_M = np.round(np.geomspace(LOWEST_HZ, HIGHEST_HZ, BITS + 2) * FRAME_LENGTH / SAMPLE_RATE).astype(np.int64)
    blocks = []
    for start in range(0, len(frame_NW), 64 * HOP_LENGTH):  # as many as a core's cache holds
        spectrum_NF = np.fft.rfft(frame_NW[start : start + 64 * HOP_LENGTH : HOP_LENGTH] * window_W)
        spectrum_NF = spectrum_NF[:, : edge_M[-1]]
        # Not by a matrix product, which would wake all cores for this little.
        blocks.append(np.add.reduceat(spectrum_NF.real**2 + spectrum_NF.imag**2, edge_M[:-1], axis=1))
    return np.concatenate(blocks)
