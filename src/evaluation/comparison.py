"""Compare groups of runs on the same test clips, as plain values."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from src.evaluation.compared_groups import ComparedGroup, run_folders
from src.evaluation.test_predictions import TestPredictions
from src.metrics import intervals, significance
from src.metrics.intervals import MIN_ARTISTS, resampled_sums
from src.rundir import nested
from src.split.certificate import leaks

SCHEMA = 1
MIN_FOLDS = 3  # for a t test over folds
CONFIDENCE = 0.95
FAMILIES = ("accuracy", "mcnemar", "folds")  # the parts of a pair that have a p value, adjusted among their own kind
SCORES = ("accuracy", "accuracy_interval", "precision_macro", "recall_macro", "f1_macro")


class Replicates(NamedTuple):
    """R bootstrap replicates of accuracy over all clips and of macro F1, each the mean over repetitions."""

    accuracy_R: NDArray[np.float64]
    f1_macro_R: NDArray[np.float64]


def compare(groups: Sequence[ComparedGroup]) -> dict[str, Any]:
    """All sides and all pairs of them, in plain values. A difference is the first side's less the second's, in shares.

    A pair's `verdict`: "same" where every answer is the same; "too few artists" below 10, where there is neither interval
    nor p; "a" or "b" better where the 95 % interval of the accuracy difference, resampled by artist, leaves out 0 and no p
    value of the pair is 0.05 or more (over artists, McNemar's, over folds: those that there are, each adjusted by Holm
    for the number of pairs); else "cannot be told apart".
    """
    first = groups[0].predictions
    pairs = list(combinations(groups, 2))
    owners = len(set(first.owner))
    # Many pairs ask for small p values, and a bootstrap's are never below 2 / (resamples + 1).
    resamples = max(intervals.RESAMPLES, 400 * len(pairs))
    drawn = (
        {side.key: bootstrap_replicates(side.predictions, resamples) for side in groups}
        if owners >= MIN_ARTISTS
        else {}
    )
    told = [_pair(a, b, drawn) for a, b in pairs]
    _adjust(told)
    for pair in told:
        pair["verdict"] = verdict(pair)
    metrics = groups[0].group.runs[0].metrics
    return {
        "schema": SCHEMA,
        "dataset": metrics["dataset"],
        "synthetic": any(side.group.synthetic for side in groups),
        "split": list(dict.fromkeys(run.metrics["certificate"]["split"] for side in groups for run in side.group.runs)),
        "clips": len(first.clips),
        "artists": first.artists,
        "resampled": {"by": first.owner_kind, "of": owners, "resamples": resamples if drawn else None},
        "confidence": CONFIDENCE,
        "groups": [_side(side) for side in groups],
        "pairs": told,
    }


def _side(side: ComparedGroup) -> dict[str, Any]:
    group, certificates = side.group, [run.metrics["certificate"] for run in side.group.runs]
    return {
        "key": side.key,
        "label": group.label,
        "runs": run_folders(group),
        "seeds": sorted({nested.get(run.config, "seed") for run in group.runs}, key=str),
        "repetitions": side.predictions.predicted_KS.shape[1],
        "how": group.description,
        "scores": {key: group.scores[key] for key in SCORES},
        "genres": group.scores["genres"],
        "val_f1_macro": group.val_f1_macro,
        "train_seconds": group.train_seconds,
        "parameters": group.parameters,
        "leaks": sorted({leak for each in certificates for leak in leaks(each)}),
        "warnings": sorted({text for each in certificates for text in each["warnings"]}),
    }


def _pair(a: ComparedGroup, b: ComparedGroup, drawn: Mapping[str, Replicates]) -> dict[str, Any]:
    same = np.array_equal(a.predictions.predicted_KS, b.predictions.predicted_KS)
    difference = a.predictions.accuracy_K - b.predictions.accuracy_K
    content: dict[str, Any] = {"a": a.key, "b": b.key, "same": same}
    scores = {"accuracy": float(difference.mean()), "f1_macro": _difference(a, b, "f1_macro")}
    for key, effect in scores.items():
        value_R = getattr(drawn[a.key], f"{key}_R") - getattr(drawn[b.key], f"{key}_R") if drawn else None
        content[key] = {
            "difference": effect,
            "interval": None if value_R is None else list(intervals.percentiles(value_R, CONFIDENCE)),
        }
        if key == "accuracy":
            content[key]["p"] = 1.0 if same else None if value_R is None else significance.bootstrap_p(value_R)
    if same or drawn:
        content |= {
            "mcnemar": _mcnemar(a.predictions, b.predictions),
            "folds": _over_folds(a.predictions, b.predictions),
        }
    else:
        content |= {"mcnemar": {"p": None}, "folds": {"p": None}}
    content["genres"] = _genres(a.predictions, b.predictions)
    content["disagreements"] = _disagreements(a.predictions, b.predictions)
    return content


def _difference(a: ComparedGroup, b: ComparedGroup, score: str) -> float:
    return float(a.group.scores[score] - b.group.scores[score])


def _mcnemar(a: TestPredictions, b: TestPredictions) -> dict[str, Any]:
    """The counts of McNemar's table and p; `left_out` says why there is none."""
    if a.correct_KS.shape[1] > 1 or b.correct_KS.shape[1] > 1:
        return {
            "p": None,
            "left_out": "McNemar's test takes one answer of each side to a clip, and there are several seeds",
        }
    a_K, b_K = a.correct_KS[:, 0], b.correct_KS[:, 0]
    table = {"both": a_K & b_K, "a_only": a_K & ~b_K, "b_only": ~a_K & b_K, "neither": ~a_K & ~b_K}
    counts = {key: int(value_K.sum()) for key, value_K in table.items()}
    return {"p": significance.mcnemar(counts["a_only"], counts["b_only"]), **counts}


def _over_folds(a: TestPredictions, b: TestPredictions) -> dict[str, Any]:
    """Nadeau and Bengio's t over the folds that both have; `left_out` says why there is none."""
    theirs = {fold.clips: fold for fold in b.folds}
    if {fold.clips for fold in a.folds} != set(theirs):
        return {"p": None, "left_out": "a t test over folds needs the same folds on both sides"}
    count = len(a.folds)
    if count < MIN_FOLDS:
        return {"p": None, "left_out": f"a t test over folds needs {MIN_FOLDS} or more, not {count}"}
    ratio = float(np.mean([len(fold.clips) / max(fold.training_clips, 1) for fold in a.folds]))
    found = significance.corrected_t(
        [fold.accuracy - theirs[fold.clips].accuracy for fold in a.folds], ratio, CONFIDENCE
    )
    interval = None if found.low is None else [found.low, found.high]
    told = {"folds": count, "difference": found.difference, "interval": interval, "p": found.p}
    return told | ({} if found.p is not None else {"left_out": "all folds differ by the same amount, too few to vary"})


def _genres(a: TestPredictions, b: TestPredictions) -> dict[str, Any]:
    """Of each genre the recall of both sides and its difference, with an interval from 10 artists of the genre on."""
    found = {}
    for genre in sorted(set(a.true)):
        mine = np.array([true == genre for true in a.true])
        owner = [each for each, its in zip(a.owner, mine, strict=True) if its]
        a_K, b_K = a.accuracy_K[mine], b.accuracy_K[mine]
        difference, low, high = intervals.paired_difference(a_K, b_K, owner, CONFIDENCE)
        found[genre] = {
            "clips": len(owner),
            "artists": len(set(owner)) if a.owner_kind == "artist" else None,
            "recall_a": float(a_K.mean()),
            "recall_b": float(b_K.mean()),
            "difference": difference,
            "interval": [low, high] if len(set(owner)) >= MIN_ARTISTS else None,
        }
    return found


def _disagreements(a: TestPredictions, b: TestPredictions) -> dict[str, Any]:
    """The clips that more repetitions of one side recognize than of the other, with all answers.

    The clearest come first; of equals one of each genre, then another of each, so that the first few show all genres.
    """
    difference_K = a.accuracy_K - b.accuracy_K
    found: dict[str, list[dict[str, Any]]] = {}
    for side, more_K in (("a", difference_K), ("b", -difference_K)):
        seen: Counter[str] = Counter()
        order = []
        for k in np.flatnonzero(more_K > 0).tolist():
            order.append((-round(more_K[k], 9), seen[a.true[k]], k))
            seen[a.true[k]] += 1
        found[side] = [
            {
                "clip": a.clips[k],
                "genre": a.true[k],
                "predicted": {"a": a.predicted_KS[k].tolist(), "b": b.predicted_KS[k].tolist()},
            }
            for _, _, k in sorted(order)
        ]
    return found


def _adjust(pairs: Sequence[dict[str, Any]]) -> None:
    """Put `p_holm` beside each p, adjusted over the pairs that have one of its kind."""
    for family in FAMILIES:
        known = [pair[family] for pair in pairs if pair[family]["p"] is not None]
        for one, adjusted in zip(known, significance.holm([each["p"] for each in known]), strict=True):
            one["p_holm"] = adjusted


def verdict(pair: Mapping[str, Any]) -> str:
    """What a pair's numbers come to, as `compare` defines it."""
    if pair["same"]:
        return "same"
    interval = pair["accuracy"]["interval"]
    if interval is None:
        return "too few artists"
    if interval[0] <= 0 <= interval[1] or nonsignificant_tests(pair):
        return "cannot be told apart"
    return "a" if pair["accuracy"]["difference"] > 0 else "b"


def nonsignificant_tests(pair: Mapping[str, Any]) -> list[str]:
    """The kinds of p value of a pair, adjusted, that are not small."""
    return [key for key in FAMILIES if pair[key]["p"] is not None and pair[key]["p_holm"] >= significance.LEVEL]


def bootstrap_replicates(side: TestPredictions, resamples: int) -> Replicates:
    """The side's scores on `resamples` draws of whole artists; the same number draws the same artists for every side.

    Source: as `statistics.bootstrap_by_cluster`; macro F1 from the counts of each draw, with metrics.json's rule on
    which genres count.
    """
    genres = sorted({*side.true, *side.predicted_KS.ravel().tolist()})
    true_KC = np.array(side.true)[:, None] == np.array(genres)
    blocks = [np.stack([side.accuracy_K, np.ones(len(side.clips))], axis=1), true_KC]
    for said_K in side.predicted_KS.T:
        said_KC = said_K[:, None] == np.array(genres)
        blocks += [said_KC, said_KC & true_KC]
    sum_RM = resampled_sums(np.concatenate(blocks, axis=1).astype(np.float64), side.owner, resamples)
    right_R, clips_R = sum_RM[:, 0], sum_RM[:, 1]
    count_RNC = sum_RM[:, 2:].reshape(resamples, -1, len(genres))
    support_RC = count_RNC[:, 0]
    pairs = range(1, count_RNC.shape[1], 2)
    f1_SR = [f1_macro(support_RC, count_RNC[:, k], count_RNC[:, k + 1]) for k in pairs]
    return Replicates(right_R / clips_R, np.mean(f1_SR, axis=0))


def f1_macro(
    support_RC: NDArray[np.float64], predicted_RC: NDArray[np.float64], hits_RC: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Macro F1 of each of R tables of counts: the mean over the genres that have clips or predictions in it.

    F1 = 2 hits / (clips + predictions).
    """
    whole_RC = support_RC + predicted_RC
    counts_RC = whole_RC > 0
    f1_RC = np.divide(2 * hits_RC, whole_RC, out=np.zeros_like(whole_RC), where=counts_RC)
    mean_R: NDArray[np.float64] = f1_RC.sum(axis=1) / counts_RC.sum(axis=1)
    return mean_R
