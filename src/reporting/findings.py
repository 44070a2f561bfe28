"""What a finished run's files say, in sentences: the verdict, the confusions, the mistakes, the split's certificate."""

from collections.abc import Mapping
from typing import Any

from src import formatting
from src.evaluation import run_analysis, run_names
from src.rundir import RunDir
from src.split.certificate import leaks

MAX_NAMES = 10  # of artists, tracks or clips in one sentence


def describe_result(run: RunDir) -> list[str]:
    """The run's result in a few sentences, the first one for those who read only one."""
    metrics, scores = run.metrics, run.metrics["test"]
    accuracy, interval = scores["accuracy"], scores["accuracy_interval"]
    clips = f"{formatting.count(scores['clips'], 'test clip')} of {metrics['dataset']}"
    music = "; synthetic music" if metrics["synthetic"] else ""
    first = (
        f"The {run_names.run_name(run)} recognizes {formatting.percent(accuracy)} of {clips} {_unheard(run)} "
        f"({formatting.interval(interval)}){music}."
    )
    genre, guessed = run_analysis.majority_baseline(run)
    second = f"Always answering {genre}, the commonest genre in training, would get {formatting.percent(guessed)}."
    if interval[0] <= guessed:
        second += f" {formatting.count(scores['clips'], 'clip')} do not show that the model does better than that."
    third = (
        f"Averaged over genres (macro), F1 is {formatting.percent(scores['f1_macro'])}, "
        f"recall {formatting.percent(scores['recall_macro'])}, precision {formatting.percent(scores['precision_macro'])}."
    )
    return [first, second, third, _trust(scores)]


def _unheard(run: RunDir) -> str:
    """What the test clips are to the model: the strongest claim that the certificate allows."""
    certificate = run.metrics["certificate"]
    leak = leaks(certificate)
    if leak:
        return f"that it may know by heart, as {' and '.join(leak)} are on two sides of the split"
    if _unknown(run, "artist"):
        return f"held out by {certificate['grouped_by']}; whether it heard their artists in training is unknown"
    # A pretrained front end may have heard them elsewhere; its warning is shown below.
    never = "absent from its training clips" if certificate["warnings"] else "it never heard"
    return f"by {formatting.count(run.metrics['test']['artists'], 'artist')} {never}"


def _unknown(run: RunDir, kind: str) -> bool:
    """Whether some clip's artist or track is not known, so that shared ones cannot be ruled out."""
    return any(row[kind] is None for row in run.split)


def _trust(scores: Mapping[str, Any]) -> str:
    by_artist = scores["accuracy_interval_by_artist"]
    text = f"The interval of accuracy is Wilson's over {formatting.count(scores['clips'], 'clip')}, as if they were independent"
    if by_artist is not None:
        return f"{text}; resampling whole artists instead gives {formatting.interval(by_artist)}."
    return f"{text}; clips of one artist are not, so the true interval is wider."


def describe_split(run: RunDir) -> list[str]:
    """How the split was made, what its sides share and what is not known about it, one sentence each."""
    given = run.metrics["certificate"]
    sentences = [f"Split: {formatting.split(given)}."]
    for kind, key in (("artist", "artists"), ("track", "tracks")):
        shared = given["shared"][key]
        if shared:
            sentences.append(
                f"On more than one side: {formatting.count(len(shared), kind)} ({formatting.few(shared, MAX_NAMES)})."
            )
        elif _unknown(run, kind):
            sentences.append(f"Whether the sides share {key} cannot be ruled out: some clips' {key} are unknown.")
        else:
            sentences.append(f"No {kind} is on more than one side.")
    copies = [" = ".join(clips) for clips in given["shared"]["audio"]]
    sentences.append(
        f"Byte-identical audio on more than one side: {formatting.few(copies, MAX_NAMES)}."
        if copies
        else "No byte-identical audio is on more than one side."
    )
    near = given["shared"]["near_copies"]
    if near is None:
        sentences.append(
            "Near copies (another encoding, level or beginning of the same recording) were not looked for: "
            "`python -m src.audit` finds them, and training with data.audit=AUDIT/audit.json stops at them."
        )
    else:
        pairs = [" ~ ".join(clips) for clips in near]
        sentences.append(
            f"Near copies on more than one side: {formatting.few(pairs, MAX_NAMES)}."
            if pairs
            else "No near copies are on more than one side, as far as the audit heard."
        )
    if given["allow_leak"]:
        sentences.append("split.allow_leak is true: the experiment was allowed to share artists between its sides.")
    return [*sentences, *given["warnings"]]


def describe_confusions(run: RunDir) -> list[str]:
    """The pairs of genres that were confused most often, with counts: "9 of 16 rock clips (56 %) were called pop."."""
    return [
        f"{each.clips} of {formatting.count(each.support, f'{each.true} clip')} "
        f"({formatting.percent(each.clips / each.support)}) {'was' if each.clips == 1 else 'were'} called {each.predicted}."
        for each in run_analysis.confusions(run)
    ]
