"""Find shortcuts: level, bandwidth or a mark in the spectrum may predict the genre, and a network may learn them instead of music."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from src.clip import Clip
from src.metrics import intervals
from src.quality.marks import marks
from src.quality.measures import ClipMeasures
from src.quality.spectrum import THIRD_OCTAVES_HZ
from src.split.grouping import artist_groups, held_out

FOLDS = 5
LEAST_CLIPS = 5  # a genre with fewer clips is not tested for separation: its quantiles mean nothing
TAIL = 0.1  # ranges of genres are compared without this share of the clips at each end
GAP = {"bandwidth_hz": 500.0, "level_db": 3.0}  # a genre is separate if its range is at least this far from the rest
NAMES = {"bandwidth_hz": "bandwidth", "level_db": "level"}


def shortcut(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> dict[str, Any] | None:
    """Predict the genre by logistic regression on level, peak and bandwidth, their squares and products.

    Returns the content of `shortcut` in audit.json: see `_score`. `apart` has a sentence for each genre that one measure alone
    separates from the rest, and `marks` the steady peaks and steep limits of single genres (see marks.py). None if there are
    fewer than two genres or groups.
    """
    measures_KM = np.array([(row.level_db, row.peak_db, row.bandwidth_hz / 1000) for row in measures])
    result = _score(clips, measures_KM, PolynomialFeatures(2))
    return result and {
        **result,
        "apart": _separate_genres(clips, measures, sorted(result["recall"])),
        "marks": [mark._asdict() for mark in marks(clips, measures)],
    }


def spectrum(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> dict[str, Any] | None:
    """Predict the genre by logistic regression on the third-octave levels of the long-term spectrum.

    Genres do differ in it, so that this is no finding, but what a model must exceed to be more than an equalizer. Returns
    the content of `spectrum` in audit.json: see `_score`. `bands` has, for each genre, the band in which the median of its
    clips is farthest from the median of all, in units of the spread. None as in `shortcut`.
    """
    level_KB = np.array([row.third_octaves_db for row in measures])
    result = _score(clips, level_KB)
    if result is None:
        return None
    genre_K = np.array([clip.genre for clip in clips])
    median_B, spread_B = np.median(level_KB, axis=0), level_KB.std(axis=0) + 1.0  # 1 dB: hardly a difference
    bands = []
    for genre in result["recall"]:
        difference_B = np.median(level_KB[genre_K == genre], axis=0) - median_B
        best = int(np.argmax(np.abs(difference_B) / spread_B))
        bands.append(
            {"genre": genre, "hz": round(THIRD_OCTAVES_HZ[best]), "difference_db": round(difference_B[best], 1)}
        )
    return {**result, "bands": bands}


def _score(clips: Sequence[Clip], measures_KM: NDArray[np.float64], *steps: Any) -> dict[str, Any] | None:
    """Score a linear model on measures (K, M) that predicts each clip after fitting on other groups.

    Groups are artists, else albums, tracks, clips; `steps` transform the measures. Returns accuracy over all clips (0 to 1) with Wilson's interval, recall
    of each genre, and the most frequent genre with its share of the clips. `found` is True if the interval lies above this
    share. None if there are fewer than two genres or groups.
    """
    genres = sorted({clip.genre for clip in clips})
    groups = artist_groups(clips)
    folds = min(FOLDS, len(set(groups)))
    if len(genres) < 2 or folds < 2:
        return None
    genre_K = np.array([clip.genre for clip in clips])
    predicted_K = np.empty_like(genre_K)
    for test_K in held_out(clips, groups, folds, seed=0):
        predicted_K[test_K] = _predict(measures_KM[~test_K], genre_K[~test_K], measures_KM[test_K], steps)
    correct, (commonest, commonest_clips) = (
        int((predicted_K == genre_K).sum()),
        Counter(genre_K.tolist()).most_common(1)[0],
    )
    interval = intervals.wilson(correct, len(clips))
    return {
        "accuracy": correct / len(clips),
        "accuracy_interval": list(interval),
        "clips": len(clips),
        "folds": folds,
        "commonest": str(commonest),
        "commonest_share": commonest_clips / len(clips),
        "recall": {genre: float((predicted_K[genre_K == genre] == genre).mean()) for genre in genres},
        "found": interval[0] > commonest_clips / len(clips),
    }


def _predict(
    train_KM: NDArray[np.float64], genre_K: NDArray[np.str_], test_KM: NDArray[np.float64], steps: Sequence[Any]
) -> NDArray[np.str_]:
    """Fit on the training clips and predict the genre of the test clips; measures are (K, M)."""
    if len(set(genre_K.tolist())) == 1:
        return np.repeat(genre_K[:1], len(test_KM))
    model = make_pipeline(StandardScaler(), *map(clone, steps), StandardScaler(), LogisticRegression(max_iter=5000))
    predicted_K: NDArray[np.str_] = model.fit(train_KM, genre_K).predict(test_KM)
    return predicted_K


def _separate_genres(clips: Sequence[Clip], measures: Sequence[ClipMeasures], genres: Sequence[str]) -> list[str]:
    """Describe the genres that one measure separates from all others, one sentence each.

    A genre is separate in level or bandwidth if its range, from the quantile TAIL to 1 - TAIL, is at least GAP below or
    above that of all other clips together. It is separate in sample rate if no other genre has its rates.
    """
    sentences = []
    genre_K = np.array([clip.genre for clip in clips])
    for key, gap in GAP.items():
        value_K = np.array([getattr(row, key) for row in measures])
        for genre in genres:
            genre_values, others = value_K[genre_K == genre], value_K[genre_K != genre]
            if min(len(genre_values), len(others)) < LEAST_CLIPS:
                continue
            low, high = np.quantile(genre_values, [TAIL, 1 - TAIL])
            others_low, others_high = np.quantile(others, [TAIL, 1 - TAIL])
            below, above = high + gap < others_low, low - gap > others_high
            if below or above:
                place = "below" if below else "above"
                genre_range, other_range = _format_range(key, low, high), _format_range(key, others_low, others_high)
                sentences.append(
                    f"{genre} lies {place} the rest in {NAMES[key]} ({genre_range}, the rest {other_range})."
                )
    rate_K = np.array([row.sample_rate for row in measures])
    for genre in genres:
        rates = np.unique(rate_K[genre_K == genre])
        if not np.isin(rates, rate_K[genre_K != genre]).any():
            sentences.append(f"{genre} has sample rates that no other genre has: {', '.join(map(str, rates))} Hz.")
    return sentences


def _format_range(key: str, low: float, high: float) -> str:
    if key == "level_db":
        return f"{low:.0f} to {high:.0f} dB"
    return f"{low / 1000:.1f} to {high / 1000:.1f} kHz"
