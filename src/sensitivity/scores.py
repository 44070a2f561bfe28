"""Scores of altered clips: accuracy and agreement with the prediction for the unaltered clip, overall and by genre."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.alteration import ALTERATIONS
from src.clip import Clip
from src.metrics import intervals, significance
from src.metrics.intervals import MIN_ARTISTS
from src.sensitivity.conditions import REDUCED, Condition

Genres = NDArray[np.int64]


class TestSet:
    """K clips with their genres and artists, and how intervals are computed: over artists where each genre has MIN_ARTISTS.

    `true_K` are the indices of the genres. `predicted_K` is the prediction for the unaltered clips.
    """

    def __init__(self, clips: Sequence[Clip], genres: Sequence[str], predicted_K: Genres) -> None:
        self.genres, self.predicted_K = list(genres), predicted_K
        self.true_K = np.array([self.genres.index(clip.genre) for clip in clips])
        self.artists = [clip.artist for clip in clips]
        self.by_artist = all(self._has_artists(np.flatnonzero(self.true_K == g)) for g in set(self.true_K.tolist()))

    def _has_artists(self, of: NDArray[np.int64]) -> bool:
        """True if all artists of some clips are known, and there are MIN_ARTISTS or more."""
        artists = {self.artists[k] for k in of}
        return None not in artists and "" not in artists and len(artists) >= MIN_ARTISTS

    @property
    def interval_over(self) -> str:
        return "artists" if self.by_artist else "clips"

    def present(self) -> list[tuple[str, NDArray[np.int64]]]:
        """The genres that have clips, with these."""
        rows = [(genre, np.flatnonzero(self.true_K == g)) for g, genre in enumerate(self.genres)]
        return [(genre, of) for genre, of in rows if len(of)]

    def share(self, hit_K: NDArray[np.bool_], of: NDArray[np.int64] | None = None) -> tuple[float, list[float]]:
        """The share of clips, and its 95 % interval: a bootstrap over artists if there are enough, else Wilson's."""
        clips = np.arange(len(self.true_K)) if of is None else of
        hit = hit_K[clips]
        over_artists = self.by_artist if of is None else self._has_artists(clips)
        if over_artists:
            interval = intervals.bootstrap_by_cluster(hit, [str(self.artists[k]) for k in clips])
        else:
            interval = intervals.wilson(int(hit.sum()), len(hit))
        return float(hit.mean()), list(interval)

    def change(self, predicted_K: Genres, of: NDArray[np.int64] | None = None) -> dict[str, Any]:
        """Accuracy for altered minus unaltered clips, its paired 95 % interval, and McNemar's p over clips."""
        clips = np.arange(len(self.true_K)) if of is None else of
        after, before = (
            (each_K[clips] == self.true_K[clips]).astype(np.int64) for each_K in (predicted_K, self.predicted_K)
        )
        gained, lost = int((after > before).sum()), int((after < before).sum())
        over_artists = self.by_artist if of is None else self._has_artists(clips)
        if over_artists:
            difference, *interval = intervals.paired_difference(after, before, [str(self.artists[k]) for k in clips])
        else:
            difference, *interval = intervals.paired_proportions(gained, lost, len(clips))
        return {
            "difference": difference,
            "difference_interval": interval,
            "gained": gained,
            "lost": lost,
            "p": significance.mcnemar(gained, lost),
        }

    def scores(self, predicted_K: Genres, keeps_genre: bool = True) -> dict[str, Any]:
        """Scores of the predictions for altered clips; without accuracy if a piece may change its genre."""
        correct_K, same_K = predicted_K == self.true_K, predicted_K == self.predicted_K
        return {
            **self._scores(predicted_K, correct_K, same_K, keeps_genre, None),
            "genres": {
                genre: {"clips": len(of), **self._scores(predicted_K, correct_K, same_K, keeps_genre, of)}
                for genre, of in self.present()
            },
        }

    def _scores(
        self,
        predicted_K: Genres,
        correct_K: NDArray[np.bool_],
        same_K: NDArray[np.bool_],
        keeps_genre: bool,
        of: NDArray[np.int64] | None,
    ) -> dict[str, Any]:
        name = "accuracy" if of is None else "recall"
        agreement, agreement_interval = self.share(same_K, of)
        result = {"agreement": agreement, "agreement_interval": agreement_interval}
        if not keeps_genre:
            return {**result, name: None}
        value, interval = self.share(correct_K, of)
        return {name: value, f"{name}_interval": interval, **self.change(predicted_K, of), **result}


def altered(test: TestSet, predictions: Mapping[Condition, Genres]) -> list[dict[str, Any]]:
    """The scores of all alterations, in the order of the table."""
    order = {name: number for number, name in enumerate(ALTERATIONS)}
    conditions = [condition for condition in predictions if condition.name in order]
    rows = []
    for condition in sorted(conditions, key=lambda c: (order[c.name], c.strength)):
        alteration = ALTERATIONS[condition.name]
        keeps = alteration.keeps_genre(condition.strength or 0.0)
        rows.append(
            {
                "name": condition.name,
                "strength": condition.strength,
                "unit": alteration.unit,
                "description": alteration.description,
                "keeps_genre": keeps,
                **test.scores(predictions[condition], keeps),
            }
        )
    return rows


def reduced(test: TestSet, predictions: Mapping[Condition, Genres]) -> list[dict[str, Any]]:
    """The scores of the trained model for reduced sound."""
    return [
        {"name": name, "description": REDUCED[name][0], **test.scores(predictions[Condition(name)])}
        for name in REDUCED
        if Condition(name) in predictions
    ]


def findings(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The significant changes of accuracy and of the recall of genres, largest first, where a piece keeps its genre.

    Significant is p < 0.05 of McNemar's exact test after Holm's correction, for accuracies and for recalls separately.
    """
    changes: list[dict[str, Any]] = []
    for row in rows:
        if row["keeps_genre"]:
            about = {key: row[key] for key in ("name", "strength", "unit")}
            changes.append({**about, "genre": None, **_change(row, "accuracy")})
            changes += [{**about, "genre": g, **_change(scores, "recall")} for g, scores in row["genres"].items()]
    found = []
    for family in (
        [change for change in changes if change["genre"] is None],
        [change for change in changes if change["genre"] is not None],
    ):
        adjusted = significance.holm([change["p"] for change in family])
        found += [
            {**change, "p_adjusted": p} for change, p in zip(family, adjusted, strict=True) if p < significance.LEVEL
        ]
    found.sort(key=lambda change: (-abs(change["difference"]), change["name"], str(change["genre"])))
    return {"tests": len(changes), "changes": found}


def _change(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    keys = ("difference", "difference_interval", "p")
    return {"before": row[name] - row["difference"], "after": row[name], **{key: row[key] for key in keys}}
