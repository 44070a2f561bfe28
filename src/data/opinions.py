"""Opinions of several people on clips as arrays; their agreement, and a model's probabilities scored against them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src.clip import Clip
from src.dataset.opinions import draw, leaders, shares
from src.metrics import agreement, intervals
from src.metrics import opinions as measures
from src.metrics.agreement import MISSING, Ceiling, Estimate, Labels

LEAST_CLIPS = 10  # an annotator with fewer clips that others labelled too is no measure of a ceiling
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Opinions:
    """The opinions on K clips: `share_KC` of each genre, and the genres `label_KA` of the annotators, MISSING for none.

    `annotators` is empty if only shares are known. `cluster` is what is resampled for intervals: the artists if all are
    known and there are at least 10 of them, otherwise the clips. `draw_K` decides ties, see `src.dataset.opinions`.
    """

    clips: Sequence[Clip]
    genres: Sequence[str]
    annotators: list[str]
    share_KC: Values
    label_KA: Labels
    draw_K: Labels
    resampled: str
    cluster: list[str]

    @property
    def tied(self) -> list[Clip]:
        """The clips on which several genres are equally frequent."""
        return [clip for clip in self.clips if len(leaders(clip.opinions)) > 1]


def have_opinions(clips: Sequence[Clip]) -> bool:
    """True if clips have opinions of several people, or their shares, instead of one label each."""
    return any(clip.opinions for clip in clips)


def share_matrix(clips: Sequence[Clip], genres: Sequence[str]) -> Values:
    """The shares of the genres, (K, C); 1 for the genre of a clip without opinions."""
    index = {genre: k for k, genre in enumerate(genres)}
    share_KC = np.zeros((len(clips), len(genres)))
    for k, clip in enumerate(clips):
        for genre, share in (shares(clip.opinions) if clip.opinions else {clip.genre: 1.0}).items():
            share_KC[k, index[genre]] = share
    return share_KC


def collect(clips: Sequence[Clip], genres: Sequence[str]) -> Opinions:
    """Collect the opinions on clips whose genres are all among `genres`, in the order of the logits."""
    index = {genre: k for k, genre in enumerate(genres)}
    annotators = sorted({opinion.annotator for clip in clips for opinion in clip.opinions} - {""})
    column = {annotator: k for k, annotator in enumerate(annotators)}
    label_KA = np.full((len(clips), len(annotators)), MISSING)
    for k, clip in enumerate(clips):
        for opinion in clip.opinions:
            if opinion.annotator:
                label_KA[k, column[opinion.annotator]] = index[opinion.genre]
    artists = [clip.artist for clip in clips if clip.artist]
    by_artist = len(artists) == len(clips) and len(set(artists)) >= intervals.MIN_ARTISTS
    return Opinions(
        clips=clips,
        genres=genres,
        annotators=annotators,
        share_KC=share_matrix(clips, genres),
        label_KA=label_KA,
        draw_K=np.array([draw(clip.name) for clip in clips], dtype=np.int64),
        resampled="artist" if by_artist else "clip",
        cluster=artists if by_artist else [str(k) for k in range(len(clips))],
    )


def agree(opinions: Opinions) -> dict[str, Any]:
    """Measure the agreement of the annotators: the object `agreement` of metrics.json and audit.json, in plain types.

    `ceiling` scores each annotator against the majority of the others, on the clips that both labelled, and averages over
    the annotators. Annotators with fewer than LEAST_CLIPS such clips are listed in `few`. What cannot be measured is None.
    """
    count_KC = agreement.counts(opinions.label_KA, len(opinions.genres))
    fleiss = agreement.fleiss_kappa(count_KC, opinions.cluster) if opinions.annotators else None
    alpha = agreement.krippendorff_alpha(count_KC, opinions.cluster) if opinions.annotators else None
    several_K = count_KC.sum(axis=1) > 1 if opinions.annotators else np.ones(len(opinions.clips), dtype=bool)
    people, few = _people(opinions, count_KC)
    return {
        "clips": len(opinions.clips),
        "artists": None
        if any(clip.artist is None for clip in opinions.clips)
        else len({c.artist for c in opinions.clips}),
        "annotators": len(opinions.annotators),
        "labels": int(count_KC.sum()),
        "resampled": opinions.resampled,
        "tied": [clip.name for clip in opinions.tied],
        "unanimous": float((opinions.share_KC[several_K].max(axis=1) > 1 - 1e-9).mean()) if several_K.any() else None,
        "several_clips": int(several_K.sum()),
        "entropy": float(measures.entropy(opinions.share_KC).mean()),
        "fleiss": {**_estimate(fleiss[0], "kappa"), "labels_per_clip": fleiss[1]} if fleiss else None,
        "krippendorff": _estimate(alpha, "alpha") if alpha else None,
        "ceiling": _ceiling({name: scored for name, (_, scored) in people.items()}) if people else None,
        "few": few,
    }


def score(opinions: Opinions, probability_KC: Values, uncalibrated_KC: Values) -> dict[str, Any]:
    """Score a model's probabilities for the clips: the object `opinions` of a set's scores in metrics.json.

    `shares` compares them with the shares, `annotators` with each annotator's labels; `beside_people` has the scores of the
    model where `agreement.ceiling` has those of people: against the same majorities, on the same clips, with the paired
    difference model - people. `disagreement` is the rank correlation of the entropies of people and model.
    """
    share_KC, cluster = opinions.share_KC, opinions.cluster
    predicted_K, genres = probability_KC.argmax(axis=1), len(opinions.genres)
    count_KC = agreement.counts(opinions.label_KA, genres)
    people, _ = _people(opinions, count_KC)
    model = {name: _scored(opinions, predicted_K, true_K) for name, (true_K, _) in people.items()}
    own_entropy_K, people_entropy_K = measures.entropy(probability_KC), measures.entropy(share_KC)
    correlation = measures.rank_correlation(people_entropy_K, own_entropy_K, cluster)
    entropy_K = measures.cross_entropy(share_KC, probability_KC)
    divergence_K = measures.jensen_shannon(share_KC, probability_KC)
    return {
        "agreement": agree(opinions),
        "shares": {
            "cross_entropy": _finite(entropy_K.mean()),
            "cross_entropy_interval": _interval(entropy_K, cluster),
            "cross_entropy_uncalibrated": _finite(measures.cross_entropy(share_KC, uncalibrated_KC).mean()),
            "divergence": float(divergence_K.mean()),
            "divergence_interval": _interval(divergence_K, cluster),
            "divergence_uncalibrated": float(measures.jensen_shannon(share_KC, uncalibrated_KC).mean()),
        },
        "annotators": {
            name: _against(opinions, column, predicted_K, probability_KC)
            for column, name in enumerate(opinions.annotators)
        },
        "beside_people": _beside(model, {name: scored for name, (_, scored) in people.items()}) if people else None,
        "disagreement": {"spearman": correlation[0], "interval": list(correlation[1])} if correlation else None,
    }


def _people(opinions: Opinions, count_KC: Labels) -> tuple[dict[str, tuple[Labels, Ceiling]], dict[str, int]]:
    """Each annotator's majorities of the others, and scores against them; and the clips of annotators who have few."""
    people: dict[str, tuple[Labels, Ceiling]] = {}
    few: dict[str, int] = {}
    for column, name in enumerate(opinions.annotators):
        true_K = agreement.others_majority(opinions.label_KA, column, count_KC, opinions.draw_K)
        clips = int((true_K != MISSING).sum())
        if clips < LEAST_CLIPS:
            few[name] = clips
        else:
            people[name] = true_K, _scored(opinions, opinions.label_KA[:, column], true_K)
    return people, few


def _scored(opinions: Opinions, predicted_K: Labels, true_K: Labels) -> Ceiling:
    return agreement.ceiling(predicted_K, true_K, len(opinions.genres), opinions.cluster)


def _ceiling(scored: dict[str, Ceiling]) -> dict[str, Any]:
    return {**_means(list(scored.values())), "annotators": {name: _row(each) for name, each in scored.items()}}


def _means(scored: Sequence[Ceiling]) -> dict[str, Any]:
    """Means over annotators, with intervals: the replicates of all are of the same resamples."""
    accuracy_R, f1_R = (
        np.mean([getattr(each, key) for each in scored], axis=0) for key in ("accuracy_R", "f1_macro_R")
    )
    return {
        "accuracy": float(np.mean([each.accuracy for each in scored])),
        "accuracy_interval": list(agreement.interval(accuracy_R)),
        "f1_macro": float(np.mean([each.f1_macro for each in scored])),
        "f1_macro_interval": list(agreement.interval(f1_R)),
    }


def _row(scored: Ceiling) -> dict[str, Any]:
    return {"clips": scored.clips, **_means([scored])}


def _beside(model: dict[str, Ceiling], people: dict[str, Ceiling]) -> dict[str, Any]:
    """The model's scores where people's are, and the mean differences model - people, paired by the resampled clips."""
    result = _ceiling(model)
    for key in ("accuracy", "f1_macro"):
        of_model, of_people = _means(list(model.values())), _means(list(people.values()))
        difference_R = np.mean(
            [getattr(model[name], f"{key}_R") - getattr(people[name], f"{key}_R") for name in people], axis=0
        )
        result[f"{key}_difference"] = of_model[key] - of_people[key]
        result[f"{key}_difference_interval"] = list(agreement.interval(difference_R))
    return result


def _against(opinions: Opinions, column: int, predicted_K: Labels, probability_KC: Values) -> dict[str, Any]:
    """The scores of a model against the labels of one annotator, on the clips that this one labelled."""
    label_K = opinions.label_KA[:, column]
    used = np.flatnonzero(label_K != MISSING)
    label_KC = np.eye(len(opinions.genres))[label_K[used]]
    return {
        **_row(_scored(opinions, predicted_K, label_K)),
        "nll": _finite(measures.cross_entropy(label_KC, probability_KC[used]).mean()),
    }


def _estimate(estimate: Estimate, name: str) -> dict[str, Any]:
    return {name: estimate.value, "interval": list(estimate.interval), "clips": estimate.clips}


def _interval(value_K: Values, cluster: Sequence[str]) -> list[float] | None:
    return list(intervals.bootstrap_by_cluster(value_K, cluster)) if np.isfinite(value_K).all() else None


def _finite(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None
