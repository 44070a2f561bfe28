"""Describe one finished run in sentences: its result, its confusions and its split."""

from collections.abc import Mapping
from typing import Any

from src import formatting
from src.evaluation import run_analysis, run_names
from src.metrics import calibration
from src.reporting import cards, evaluation_text, opinions_text
from src.rundir import RunDir
from src.split.certificate import leaks

MOST_CONFUSIONS = 5  # that sentences describe
MAX_NAMES = 10  # a sentence names at most this many artists, tracks or clips


def describe_result(run: RunDir) -> list[str]:
    """Describe the test result of a run in four sentences: accuracy, majority baseline, macro averages, interval.

    The first sentence is also the summary of the page.
    """
    metrics, scores = run.metrics, run.metrics["test"]
    accuracy, interval = scores["accuracy"], formatting.named_interval(scores)
    clips = f"{formatting.count(scores['clips'], 'test clip')} of {metrics['dataset']}"
    music = "; synthetic music" if metrics["synthetic"] else ""
    tested = formatting.tested_genres(scores)
    if tested:  # a share "of the test clips" would be read as one of all genres
        correct = round(accuracy * scores["clips"])
        first = (
            f"Tested on {tested}. The {run_names.run_name(run)} is right for {correct} of {clips} {_test_artists(run)} "
            f"({interval} of clips of these genres){music}."
        )
    else:
        opinions, share = scores["opinions"], formatting.percent(accuracy)
        right = f"agrees with {opinions_text.majority(opinions)} on {share}" if opinions else f"recognizes {share}"
        first = f"The {run_names.run_name(run)} {right} of {clips} {_test_artists(run)} ({interval}){music}."
    third = (
        f"Averaged over {formatting.macro_genres(scores)} (macro), F1 is {formatting.percent(scores['f1_macro'])}, "
        f"recall {formatting.percent(scores['recall_macro'])}, precision {formatting.percent(scores['precision_macro'])}."
    )
    return [first, describe_baseline(run), third, _interval_sentence(scores)]


def describe_baseline(run: RunDir) -> str:
    """Describe the accuracy of always predicting the most frequent genre, and if the clips do not show that the run is better."""
    scores = run.metrics["test"]
    baseline = run_analysis.majority_baseline(run)
    text = f"Always predicting {cards.name_baseline(baseline)}, would give an accuracy of {formatting.percent(baseline.accuracy)}."
    if cards.above(scores, baseline.accuracy):
        return text
    return f"{text} {formatting.count(scores['clips'], 'clip')} do not show that the model is better than that."


def describe_warnings(metrics: Mapping[str, Any]) -> list[str]:
    """Describe what makes the scores of a run misleading: validation genres without clips, calibration that did harm.

    `metrics` is the content of metrics.json. The warnings of the certificate are not among them.
    """
    warnings = []
    val, test = metrics["val"], metrics["test"]
    if val and (tested := formatting.tested_genres(val)):
        warnings.append(f"The validation set has only {tested}. Its scores, which select the epoch, leave these out.")
    worse = calibration.worsened(test)
    if worse:
        formats = {"nll": lambda value: f"NLL {value:.3f} nats", "ece": lambda value: f"ECE {100 * value:.1f} %"}
        changes = [f"{formats[key](test[key])} ({formats[key](test[f'{key}_uncalibrated'])} before)" for key in worse]
        clips = metrics["certificate"]["sets"]["val"]["clips"]
        warnings.append(
            f"Calibration made the probabilities of the {formatting.count(test['clips'], 'test clip')} worse: "
            f"{', '.join(changes)}. The temperature was fitted on {formatting.count(clips, 'validation clip')}, whose artists may not "
            "be like those of other music: do not take the probabilities literally."
        )
    return warnings


def _test_artists(run: RunDir) -> str:
    """Say if the artists of the test clips were unseen in training, as far as the certificate proves it.

    The text continues "... of 90 test clips".
    """
    certificate = run.metrics["certificate"]
    shared = leaks(certificate)
    if shared:
        return f"that it may have memorized, as training, validation and test share {' and '.join(shared)}"
    if _some_unknown(run, "artist") or run.metrics["test"]["artists"] is None or _training_unknown(run):
        return (
            f"held out by {certificate['grouped_by']}; not all artists are known, so some may be in its training clips"
        )
    # With a warning, "unseen" would claim too much: a pretrained front end may have been trained on these artists.
    unseen = "absent from its training clips" if certificate["warnings"] else "unseen in training"
    return f"by {formatting.count(run.metrics['test']['artists'], 'artist')} {unseen}"


def _some_unknown(run: RunDir, kind: str) -> bool:
    """Return True if some clip has no known `kind` ("artist" or "track"), so the sets may share one."""
    return any(row[kind] is None for row in run.split)


def _training_unknown(run: RunDir) -> bool:
    """Return True for an evaluation of a run that does not know all artists of its training clips."""
    return run.is_evaluation and not run.metrics["evaluation"]["training_artists_known"]


def _interval_sentence(scores: Mapping[str, Any]) -> str:
    """Name the method of the interval of accuracy, and say if it is too narrow."""
    clips = formatting.count(scores["clips"], "clip")
    if scores["accuracy_interval_by_artist"]:
        wilson = formatting.interval(scores["accuracy_interval"])
        return f"The interval of accuracy is a bootstrap over whole artists; Wilson's over {clips}, as if they were independent: {wilson}."
    return next(
        iter(cards.interval_doubt(scores)),
        f"The interval of accuracy is Wilson's over {clips}, each of another artist.",
    )


def describe_split(run: RunDir) -> list[str]:
    """Describe the split, and the artists, tracks and copies that its sets share, one sentence each, then the warnings."""
    certificate = run.metrics["certificate"]
    if run.is_evaluation and not run.metrics["evaluation"]["own_test_clips"]:
        return [*evaluation_text.shared_lines(run.metrics), *certificate["warnings"]]
    sentences = [f"Split: {formatting.split(certificate)}."]
    for kind, key in (("artist", "artists"), ("track", "tracks")):
        shared = certificate["shared"][key]
        if shared:
            sentences.append(
                f"In more than one set: {formatting.count(len(shared), kind)} ({formatting.first_names(shared, MAX_NAMES)})."
            )
        elif _some_unknown(run, kind):
            sentences.append(f"The sets may share {key}: the {key} of some clips are unknown.")
        else:
            sentences.append(f"No {kind} is in more than one set.")
    copies = [" = ".join(clips) for clips in certificate["shared"]["audio"]]
    sentences.append(
        f"Byte-identical audio in more than one set: {formatting.first_names(copies, MAX_NAMES)}."
        if copies
        else "No byte-identical audio is in more than one set."
    )
    near_copies = certificate["shared"]["near_copies"]
    if near_copies is None:
        sentences.append(
            "Near copies (the same recording with another encoding, level or beginning) were not looked for: "
            "`python -m src.audit` finds them, and training with data.audit=AUDIT/audit.json stops if sets share any."
        )
    else:
        pairs = [" ~ ".join(clips) for clips in near_copies]
        sentences.append(
            f"Near copies in more than one set: {formatting.first_names(pairs, MAX_NAMES)}."
            if pairs
            else "No near copies are in more than one set, among the clips that the audit decoded."
        )
    if certificate["allow_leak"]:
        sentences.append("split.allow_leak is true: the experiment was allowed to share artists between its sets.")
    return [*sentences, *certificate["warnings"]]


def describe_confusions(run: RunDir) -> list[str]:
    """Describe the most frequent confusions: "9 of 16 rock clips (56 %) were predicted as pop."."""
    pairs = run_analysis.confusions(*run.confusion)
    lines = [
        f"{pair.clips} of {formatting.count(pair.support, f'{pair.true} clip')} "
        f"({formatting.percent(pair.clips / pair.support)}) {'was' if pair.clips == 1 else 'were'} predicted as "
        f"{pair.predicted}."
        for pair in pairs[:MOST_CONFUSIONS]
    ]
    if rest := pairs[MOST_CONFUSIONS:]:
        equal = sum(pair.clips == pairs[MOST_CONFUSIONS - 1].clips for pair in rest)
        as_many = f", {equal} of them as frequent as the last one above" if equal else ""
        if equal == len(rest):
            as_many = f" {'is' if equal == 1 else 'are'} as frequent as the last one above"
        lines.append(f"{formatting.count(len(rest), 'other pair')} of genres{as_many}: see the matrix.")
    return lines
