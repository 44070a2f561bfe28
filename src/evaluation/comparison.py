"""Compare groups of runs on the same test clips: differences, intervals and p values, as a dictionary for JSON."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.evaluation.compared_groups import ComparedGroup, run_folders
from src.evaluation.group_predictions import TestPredictions
from src.evaluation.pooling import pooled_confusion
from src.evaluation.run_analysis import confusions, most_frequent
from src.metrics import intervals, significance
from src.metrics.intervals import MIN_ARTISTS, resampled_sums
from src.rundir import nested
from src.split.certificate import leaks

SCHEMA = 1
MIN_FOLDS = 3  # with fewer folds there is no t test over folds
CONFIDENCE = 0.95
FAMILIES = (
    "accuracy",
    "mcnemar",
    "folds",
)  # keys of a pair whose value has a p value; Holm adjusts the p values of one family over all pairs
SCORES = ("accuracy", "accuracy_interval", "precision_macro", "recall_macro", "f1_macro")


class Replicates(NamedTuple):
    """Accuracy over all clips and macro F1 (0 to 1) of R bootstrap samples; both are means over repetitions (seeds)."""

    accuracy_R: NDArray[np.float64]
    f1_macro_R: NDArray[np.float64]


def compare(groups: Sequence[ComparedGroup]) -> dict[str, Any]:
    """Compare all groups pairwise and return the content of `compare --format json`.

    A difference is the first group's score minus the second's, in shares (-1 to 1). The `verdict` of a pair is one of:
    - "same": both groups have the same prediction for every clip.
    - "too few artists": there are fewer than 10, so there is no interval and no p value.
    - "a" or "b", the better group: the 95 % interval of the accuracy difference (bootstrap over artists) excludes 0, and
      all p values of the pair are below 0.05. There are up to three: over artists, McNemar's and over folds, all adjusted
      by Holm for the number of pairs.
    - "cannot be told apart": all other cases.
    """
    first = groups[0].predictions
    pairs = list(combinations(groups, 2))
    owners = len(set(first.owner))
    # Holm's adjustment multiplies p by up to the number of pairs, and a bootstrap p is at least 2 / (resamples + 1): with
    # many pairs, more resamples are needed to get below 0.05.
    resamples = max(intervals.RESAMPLES, 400 * len(pairs))
    replicates = (
        {
            group.key: bootstrap_replicates(group.predictions, resamples, group.group.runs[0].is_evaluation)
            for group in groups
        }
        if owners >= MIN_ARTISTS
        else {}
    )
    pair_contents = [_pair(a, b, replicates) for a, b in pairs]
    _adjust(pair_contents)
    for pair in pair_contents:
        pair["verdict"] = verdict(pair)
    metrics = groups[0].group.runs[0].metrics
    return {
        "schema": SCHEMA,
        "dataset": metrics["dataset"],
        "synthetic": any(compared.group.synthetic for compared in groups),
        "split": list(
            dict.fromkeys(run.metrics["certificate"]["split"] for compared in groups for run in compared.group.runs)
        ),
        "clips": len(first.clips),
        "artists": first.artists,
        "resampled": {"by": first.owner_kind, "of": owners, "resamples": resamples if replicates else None},
        "confidence": CONFIDENCE,
        "groups": [_group(compared) for compared in groups],
        "pairs": pair_contents,
    }


def _group(compared: ComparedGroup) -> dict[str, Any]:
    """The JSON content of one group."""
    group, certificates = compared.group, [run.metrics["certificate"] for run in compared.group.runs]
    return {
        "key": compared.key,
        "label": group.label,
        "runs": run_folders(group),
        "seeds": sorted({nested.get(run.config, "seed") for run in group.runs}, key=str),
        "repetitions": compared.predictions.predicted_KS.shape[1],
        "how": group.description,
        "scores": {key: group.scores[key] for key in SCORES},
        "genres": group.scores["genres"],
        "most_frequent_confusions": [asdict(pair) for pair in most_frequent(confusions(*pooled_confusion(group.runs)))],
        "val_f1_macro": group.val_f1_macro,
        "train_seconds": group.train_seconds,
        "parameters": group.parameters,
        "leaks": sorted({leak for certificate in certificates for leak in leaks(certificate)}),
        "warnings": sorted({text for certificate in certificates for text in certificate["warnings"]}),
    }


def _pair(a: ComparedGroup, b: ComparedGroup, replicates: Mapping[str, Replicates]) -> dict[str, Any]:
    """The JSON content of one pair. `replicates` maps group letters; it is empty if there are too few artists."""
    same = np.array_equal(a.predictions.predicted_KS, b.predictions.predicted_KS)
    difference_K = a.predictions.accuracy_K - b.predictions.accuracy_K
    content: dict[str, Any] = {"a": a.key, "b": b.key, "same": same}
    differences = {
        "accuracy": float(difference_K.mean()),
        "f1_macro": float(a.group.scores["f1_macro"] - b.group.scores["f1_macro"]),
    }
    for key, difference in differences.items():
        difference_R = (
            getattr(replicates[a.key], f"{key}_R") - getattr(replicates[b.key], f"{key}_R") if replicates else None
        )
        content[key] = {
            "difference": difference,
            "interval": None if difference_R is None else list(intervals.percentiles(difference_R, CONFIDENCE)),
        }
        if key == "accuracy":
            p = 1.0 if same else None if difference_R is None else significance.bootstrap_p(difference_R)
            content[key]["p"] = p
    if same or replicates:
        content |= {
            "mcnemar": _mcnemar(a.predictions, b.predictions),
            "folds": _over_folds(a.predictions, b.predictions),
        }
    else:
        content |= {"mcnemar": {"p": None}, "folds": {"p": None}}
    content["genres"] = _genres(a.predictions, b.predictions)
    content["disagreements"] = _disagreements(a.predictions, b.predictions)
    return content


def _mcnemar(a: TestPredictions, b: TestPredictions) -> dict[str, Any]:
    """McNemar's exact p value and the four counts of clips behind it; if p is None, `left_out` gives the reason."""
    if a.correct_KS.shape[1] > 1 or b.correct_KS.shape[1] > 1:
        return {
            "p": None,
            "left_out": "McNemar's test needs one prediction of each group for a clip, and there are several seeds",
        }
    a_K, b_K = a.correct_KS[:, 0], b.correct_KS[:, 0]
    table = {"both": a_K & b_K, "a_only": a_K & ~b_K, "b_only": ~a_K & b_K, "neither": ~a_K & ~b_K}
    counts = {key: int(value_K.sum()) for key, value_K in table.items()}
    return {"p": significance.mcnemar(counts["a_only"], counts["b_only"]), **counts}


def _over_folds(a: TestPredictions, b: TestPredictions) -> dict[str, Any]:
    """Corrected t test (Nadeau and Bengio) over the folds of both groups; if p is None, `left_out` gives the reason."""
    b_folds = {fold.clips: fold for fold in b.folds}
    if {fold.clips for fold in a.folds} != set(b_folds):
        return {"p": None, "left_out": "a t test over folds needs the same folds in both groups"}
    fold_count = len(a.folds)
    if fold_count < MIN_FOLDS:
        return {"p": None, "left_out": f"a t test over folds needs {MIN_FOLDS} or more, not {fold_count}"}
    test_per_train = float(np.mean([len(fold.clips) / max(fold.training_clips, 1) for fold in a.folds]))
    test = significance.corrected_t(
        [fold.accuracy - b_folds[fold.clips].accuracy for fold in a.folds], test_per_train, CONFIDENCE
    )
    interval = None if test.low is None else [test.low, test.high]
    content: dict[str, Any] = {"folds": fold_count, "difference": test.difference, "interval": interval, "p": test.p}
    if test.p is None:
        content["left_out"] = (
            "the t test over folds cannot estimate a variance, as the difference is the same in all folds"
        )
    return content


def _genres(a: TestPredictions, b: TestPredictions) -> dict[str, Any]:
    """Recall of both groups and its difference, for each genre; no interval if the genre has fewer than 10 artists."""
    per_genre = {}
    clips_of_genre: dict[str, list[int]] = defaultdict(list)
    for k, genre in enumerate(a.true):
        clips_of_genre[genre].append(k)
    for genre, clips in sorted(clips_of_genre.items()):
        owner = [a.owner[k] for k in clips]
        a_K, b_K = a.accuracy_K[clips], b.accuracy_K[clips]
        difference, low, high = intervals.paired_difference(a_K, b_K, owner, CONFIDENCE)
        per_genre[genre] = {
            "clips": len(owner),
            "artists": len(set(owner)) if a.owner_kind == "artist" else None,
            "recall_a": float(a_K.mean()),
            "recall_b": float(b_K.mean()),
            "difference": difference,
            "interval": [low, high] if len(set(owner)) >= MIN_ARTISTS else None,
        }
    return per_genre


def _disagreements(a: TestPredictions, b: TestPredictions) -> dict[str, Any]:
    """Map "a" to the clips that group a recognizes in more repetitions than group b, and "b" to the reverse.

    The clips with the largest difference come first. Among equal differences, genres alternate (one clip of each genre,
    then a second one of each), so that the first few clips show all genres.
    """
    difference_K = a.accuracy_K - b.accuracy_K
    disagreements: dict[str, list[dict[str, Any]]] = {}
    for better, margin_K in (("a", difference_K), ("b", -difference_K)):
        listed_of_genre: Counter[str] = Counter()  # clips of the genre that are already in `order`
        order = []
        for k in np.flatnonzero(margin_K > 0).tolist():
            order.append((-round(margin_K[k], 9), listed_of_genre[a.true[k]], k))
            listed_of_genre[a.true[k]] += 1
        disagreements[better] = [
            {
                "clip": a.clips[k],
                "genre": a.true[k],
                "predicted": {"a": a.predicted_KS[k].tolist(), "b": b.predicted_KS[k].tolist()},
            }
            for _, _, k in sorted(order)
        ]
    return disagreements


def _adjust(pairs: Sequence[dict[str, Any]]) -> None:
    """Add the key `p_holm` in place: p adjusted by Holm over the pairs that have a p value of the same family."""
    for family in FAMILIES:
        tests = [pair[family] for pair in pairs if pair[family]["p"] is not None]
        for test, adjusted in zip(tests, significance.holm([test["p"] for test in tests]), strict=True):
            test["p_holm"] = adjusted


def verdict(pair: Mapping[str, Any]) -> str:
    """Return the verdict on a pair, as defined in `compare`. Needs `p_holm`."""
    if pair["same"]:
        return "same"
    interval = pair["accuracy"]["interval"]
    if interval is None:
        return "too few artists"
    if interval[0] <= 0 <= interval[1] or nonsignificant_tests(pair):
        return "cannot be told apart"
    return "a" if pair["accuracy"]["difference"] > 0 else "b"


def nonsignificant_tests(pair: Mapping[str, Any]) -> list[str]:
    """List the families in which the pair's adjusted p value is 0.05 or more."""
    return [key for key in FAMILIES if pair[key]["p"] is not None and pair[key]["p_holm"] >= significance.LEVEL]


def bootstrap_replicates(predictions: TestPredictions, resamples: int, evaluation: bool = False) -> Replicates:
    """Compute the scores of `resamples` bootstrap samples; a sample draws artists, each with all its clips.

    The draws have a fixed seed: with the same number of resamples, every group gets the same draws, so the differences
    of two groups are paired. Macro F1 is computed from the counts of each sample, over the same genres as in metrics.json: those
    with clips or predictions, and of an `evaluation` those with clips.
    Source: as `intervals.bootstrap_by_cluster`.
    """
    genres = sorted({*predictions.true, *([] if evaluation else predictions.predicted_KS.ravel().tolist())})
    true_KC = np.array(predictions.true)[:, None] == np.array(genres)
    columns = [np.stack([predictions.accuracy_K, np.ones(len(predictions.clips))], axis=1), true_KC]
    for predicted_K in predictions.predicted_KS.T:
        predicted_KC = predicted_K[:, None] == np.array(genres)
        columns += [predicted_KC, predicted_KC & true_KC]
    sum_RM = resampled_sums(np.concatenate(columns, axis=1).astype(np.float64), predictions.owner, resamples)
    correct_R, clips_R = sum_RM[:, 0], sum_RM[:, 1]
    count_RNC = sum_RM[:, 2:].reshape(resamples, -1, len(genres))
    support_RC = count_RNC[:, 0]
    predicted_columns = range(1, count_RNC.shape[1], 2)
    f1_SR = [f1_macro(support_RC, count_RNC[:, k], count_RNC[:, k + 1]) for k in predicted_columns]
    return Replicates(correct_R / clips_R, np.mean(f1_SR, axis=0))


def f1_macro(
    support_RC: NDArray[np.float64], predicted_RC: NDArray[np.float64], hits_RC: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Macro F1 of R samples, from counts of C genres: (R, C) -> (R,).

    `support` counts the clips of a genre, `predicted` its predictions, `hits` its correct predictions. F1 of a genre is
    2 hits / (support + predicted). The mean is over the genres that have clips or predictions in the sample.
    """
    denominator_RC = support_RC + predicted_RC
    defined_RC = denominator_RC > 0
    f1_RC = np.divide(2 * hits_RC, denominator_RC, out=np.zeros_like(denominator_RC), where=defined_RC)
    mean_R: NDArray[np.float64] = f1_RC.sum(axis=1) / defined_RC.sum(axis=1)
    return mean_R
