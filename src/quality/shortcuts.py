"""How well level and bandwidth alone predict the genre: what a network may learn in place of music."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from src.clip import Clip
from src.metrics import intervals
from src.quality.measures import ClipMeasures
from src.split.grouping import artist_groups, held_out

FOLDS = 5
LEAST_CLIPS = 5  # clips of a genre, below which its quantiles say nothing
TAIL = 0.1  # of the clips, at each end, that may overlap where genres are called apart
GAP = {"bandwidth_hz": 500.0, "level_db": 3.0}  # between genres that are called apart


def shortcut(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> dict[str, Any] | None:
    """Logistic regression on level, peak and bandwidth, and their products, each clip judged by others' artists.

    -> accuracy over all K clips with Wilson's interval, the share of the commonest genre beside it, and, in words, the
    genres that one measure alone sets apart. None below two genres or two groups (artists, else albums, tracks, clips).
    """
    genres = sorted({clip.genre for clip in clips})
    group = artist_groups(clips)
    folds = min(FOLDS, len(set(group)))
    if len(genres) < 2 or folds < 2:
        return None
    measures_KM = np.array([(each.level_db, each.peak_db, each.bandwidth_hz / 1000) for each in measures])
    genre_K = np.array([clip.genre for clip in clips])
    answer_K = np.empty_like(genre_K)
    for judged_K in held_out(clips, group, folds, seed=0):
        answer_K[judged_K] = _answers(measures_KM[~judged_K], genre_K[~judged_K], measures_KM[judged_K])
    correct, commonest = int((answer_K == genre_K).sum()), Counter(genre_K.tolist()).most_common(1)[0]
    interval = intervals.wilson(correct, len(clips))
    return {
        "accuracy": correct / len(clips),
        "accuracy_interval": list(interval),
        "clips": len(clips),
        "folds": folds,
        "commonest": str(commonest[0]),
        "commonest_share": commonest[1] / len(clips),
        "recall": {genre: float((answer_K[genre_K == genre] == genre).mean()) for genre in genres},
        "apart": _apart(clips, measures, genres),
        "found": interval[0] > commonest[1] / len(clips),
    }


def _answers(
    known_KM: NDArray[np.float64], genre_K: NDArray[np.str_], asked_KM: NDArray[np.float64]
) -> NDArray[np.str_]:
    if len(set(genre_K.tolist())) == 1:
        return np.repeat(genre_K[:1], len(asked_KM))
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), StandardScaler(), LogisticRegression(max_iter=5000))
    answers: NDArray[np.str_] = model.fit(known_KM, genre_K).predict(asked_KM)
    return answers


def _apart(clips: Sequence[Clip], measures: Sequence[ClipMeasures], genres: Sequence[str]) -> list[str]:
    """In words, each genre that lies below or above all others in one measure, but for TAIL of each."""
    found = []
    genre_K = np.array([clip.genre for clip in clips])
    for key, gap in GAP.items():
        value_K = np.array([getattr(each, key) for each in measures])
        for genre in genres:
            mine, others = value_K[genre_K == genre], value_K[genre_K != genre]
            if min(len(mine), len(others)) < LEAST_CLIPS:
                continue
            low, high = np.quantile(mine, [TAIL, 1 - TAIL])
            others_low, others_high = np.quantile(others, [TAIL, 1 - TAIL])
            below, above = high + gap < others_low, low - gap > others_high
            if below or above:
                word = "below" if below else "above"
                found.append(
                    f"{genre} lies {word} the rest in {_words(key, low, high)}; the rest in {_words(key, others_low, others_high)}."
                )
    rate_K = np.array([each.sample_rate for each in measures])
    for genre in genres:
        rates = np.unique(rate_K[genre_K == genre])
        if not np.isin(rates, rate_K[genre_K != genre]).any():
            found.append(f"{genre} has sample rates that no other genre has: {', '.join(map(str, rates))} Hz.")
    return found


def _words(key: str, low: float, high: float) -> str:
    if key == "level_db":
        return f"level ({low:.0f} to {high:.0f} dB)"
    return f"bandwidth ({low / 1000:.1f} to {high / 1000:.1f} kHz)"
