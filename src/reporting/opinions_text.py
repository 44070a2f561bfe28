"""Describe the opinions of several people: how far they agree, and how a model compares with them; as sentences and rows."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from src import formatting
from src.formatting import count
from src.rundir import ClipOpinions

MOST_NAMED = 5  # a sentence names at most this many clips or annotators
MOST_PAIRS = 3  # a sentence names at most this many pairs of genres
TENTATIVE, RELIABLE = 0.667, 0.8  # least alpha for tentative conclusions, and for others: Krippendorff 2004, page 241
MOST_ROWS = 40  # a table shows at most this many annotators
PEOPLE_HEADINGS = ("annotator", "clips", "accuracy %", "95 %", "macro F1 %")
MODEL_HEADINGS = (  # a line break may become a blank
    *("annotator", "labels", "(1) annotator:\naccuracy %", "95 %", "macro\nF1 %"),
    *("(1) model:\naccuracy %", "macro\nF1 %", "(2) model:\naccuracy %", "macro\nF1 %", "(2) model:\nNLL, nats"),
)


def people_lines(agreement: Mapping[str, Any]) -> list[str]:
    """Describe the agreement of the annotators, one sentence each; `agreement` is that of metrics.json or audit.json."""
    clips = f"{count(agreement['clips'], 'clip')}{_of_artists(agreement['artists'])}"
    if agreement["annotators"]:
        people = count(agreement["annotators"], "annotator")
        first = f"{people} gave {count(agreement['labels'], 'label')} to {clips}."
    else:
        first = f"The shares of opinions on {clips} are known, but not who has which: agreement cannot be measured."
    if agreement["unanimous"] is not None:
        several = count(agreement["several_clips"], "clip")
        what = f"{several} with several labels" if agreement["annotators"] else several
        first += f" All agree on {formatting.percent(agreement['unanimous'])} of {what}."
    lines = [first]
    alpha, fleiss = agreement["krippendorff"], agreement["fleiss"]
    if alpha:
        text = (
            f"Krippendorff's alpha is {_number(alpha['alpha'], alpha['interval'])} on {count(alpha['clips'], 'clip')}"
        )
        if fleiss:
            text += (
                f", Fleiss' kappa {_number(fleiss['kappa'], fleiss['interval'])} on the "
                f"{count(fleiss['clips'], 'clip')} with {fleiss['labels_per_clip']} labels each"
            )
        lines.append(f"{text}: 1 is full agreement, 0 is chance.")
    elif agreement["annotators"]:
        lines.append(
            "Agreement above chance cannot be measured: no clip has two labels, or all labels are of one genre."
        )
    ceiling = agreement["ceiling"]
    if ceiling:
        lines.append(
            f"An annotator gives the genre of the majority of the others on "
            f"{formatting.share(ceiling['accuracy'], ceiling['accuracy_interval'])} of the clips, with a macro F1 of "
            f"{formatting.share(ceiling['f1_macro'], ceiling['f1_macro_interval'])}: means over "
            f"{count(len(ceiling['annotators']), 'annotator')}."
        )
    lines += _left_out(agreement)
    if alpha:
        lines.append(f"{_basis(agreement)} The agreement of other annotators may differ more.")
    return lines


def by_chance(agreement: Mapping[str, Any]) -> str:
    """Say that the annotators do not show agreement above chance; "" if they do, or if it is not measured."""
    alpha = agreement["krippendorff"]
    if not alpha or alpha["interval"][0] > 0:
        return ""
    return (
        f"The annotators do not agree more than by chance: Krippendorff's alpha is "
        f"{_number(alpha['alpha'], alpha['interval'])}, and 0 is chance. Their labels may say nothing about the music."
    )


def weak(agreement: Mapping[str, Any]) -> str:
    """Say that the annotators agree by chance, or too little for tentative conclusions; "" if neither, or not measured."""
    alpha = agreement["krippendorff"]
    if not alpha or alpha["interval"][0] <= 0 or alpha["alpha"] >= TENTATIVE:
        return by_chance(agreement)
    return (
        f"The annotators disagree much: Krippendorff's alpha is {_number(alpha['alpha'], alpha['interval'])}, and {TENTATIVE:g} is the "
        "least for tentative conclusions. Many labels, and so the scores, are a matter of opinion."
    )


def lead_lines(opinions: Mapping[str, Any], contested: Sequence[tuple[str, str, int]]) -> list[str]:
    """Describe opinions in short, one sentence or two each: the agreement of people, the model beside them, its doubt.

    `contested` are the pairs of genres that people gave to the same clip, as from `run_analysis.contested_genres`.
    """
    first = _agreement_in_short(opinions["agreement"])
    if contested:
        pairs = [f"{a} and {b} ({count(clips, 'clip')})" for a, b, clips in contested]
        first += f" Most often named for the same clip: {formatting.first_names(pairs, MOST_PAIRS)}."
    return [first, *compared(opinions), f"{_doubt(opinions)[0]}."]


def _agreement_in_short(agreement: Mapping[str, Any]) -> str:
    alpha, unanimous = agreement["krippendorff"], agreement["unanimous"]
    share = (
        ""
        if unanimous is None
        else f"all agree on {formatting.percent(unanimous)} of {agreement['several_clips']:,} clips"
    )
    if not alpha:
        return f"How far people agree beyond chance cannot be measured{f'; {share}' if share else ''}."
    if alpha["interval"][0] <= 0:
        finding = "People do not agree more than by chance"
    elif alpha["alpha"] < TENTATIVE:
        finding = "People agree more than by chance, but too little for conclusions"
    else:
        finding = "People agree fairly well" if alpha["alpha"] < RELIABLE else "People agree well"
    return (
        f"{finding}: {share} (Krippendorff's alpha {alpha['alpha']:.2f}; {TENTATIVE:g} is the least for tentative conclusions, "
        f"{RELIABLE:g} for reliable ones)."
    )


def majority(opinions: Mapping[str, Any]) -> str:
    """Name what the usual scores are measured against: "the majority of 4 annotators"."""
    people = opinions["agreement"]["annotators"]
    return f"the majority of {count(people, 'annotator')}" if people else "the majority of opinions"


def compared(opinions: Mapping[str, Any]) -> list[str]:
    """Compare the model with a person in one sentence; none if the people cannot be compared with each other."""
    beside, ceiling = opinions["beside_people"], opinions["agreement"]["ceiling"]
    if not beside:
        return []
    points, low, high = (
        100 * value for value in (beside["accuracy_difference"], *beside["accuracy_difference_interval"])
    )
    if low <= 0 <= high:
        verdict = f"the clips do not show a difference in accuracy (95 % interval {low:+.0f} to {high:+.0f} points)"
    elif points < 0:
        verdict = f"the model is {-points:.0f} points below people (95 % interval {-high:.0f} to {-low:.0f})"
    else:
        verdict = f"the model is {points:.0f} points above people (95 % interval {low:.0f} to {high:.0f})"
    return [
        f"Against the majority of the other annotators, a person reaches {formatting.percent(ceiling['accuracy'])} and the model "
        f"{formatting.percent(beside['accuracy'])}: {verdict}."
    ]


def model_lines(opinions: Mapping[str, Any]) -> list[str]:
    """Describe a model beside the annotators, one sentence each; `opinions` is the object of a set's scores."""
    finding, value = _doubt(opinions)
    return [*_beside_people(opinions), *_shares(opinions), f"{finding}{value}."]


def lines(opinions: Mapping[str, Any]) -> list[str]:
    """Describe the annotators, clips with a tie, then the model beside the annotators."""
    return [*people_lines(opinions["agreement"]), *tied_lines(opinions["agreement"]), *model_lines(opinions)]


def votes(opinions: ClipOpinions) -> str:
    """Format the opinions on one clip: "Votes: 3 jazz, 1 blues"; if only the shares are known "Opinions: 75 % jazz, ..."."""
    if opinions.votes:
        text = "Votes: " + ", ".join(f"{number:,} {genre}" for genre, number in opinions.votes.items())
    else:
        text = "Opinions: " + ", ".join(
            f"{formatting.percent(share)} {genre}" for genre, share in opinions.share.items()
        )
    return text + (": a tie, so the label was drawn" if len(opinions.tied) > 1 else "")


def label(opinions: ClipOpinions | None, genre: str) -> str:
    """The kind of label of a clip: "true" of one person's; else "majority, 3 of 4", "majority, 75 %", "drawn, 2 of 4"."""
    if opinions is None or genre not in opinions.share:
        return "true"
    kind = "drawn" if len(opinions.tied) > 1 else "majority"
    if not opinions.votes:
        return f"{kind}, {formatting.percent(opinions.share[genre])}"
    return f"{kind}, {opinions.votes.get(genre, 0):,}\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}{sum(opinions.votes.values()):,}"


def people_rows(agreement: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The cells of the annotators below PEOPLE_HEADINGS: each against the majority of the others."""
    ceiling = agreement["ceiling"]
    return [
        (name, f"{row['clips']:,}", *_scores(row)) for name, row in _first(ceiling["annotators"] if ceiling else {})
    ]


def model_rows(opinions: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The cells of the annotators below MODEL_HEADINGS: (1) against the majority of the others, (2) against this annotator."""
    ceiling, beside = opinions["agreement"]["ceiling"], opinions["beside_people"]
    people = ceiling["annotators"] if ceiling else {}
    model = beside["annotators"] if beside else {}
    rows = []
    for name, row in _first(opinions["annotators"]):
        own = _scores(people[name]) if name in people else [formatting.UNDEFINED] * 3
        same = _scores(model[name]) if name in model else [formatting.UNDEFINED] * 3
        nll = formatting.UNDEFINED if row["nll"] is None else f"{row['nll']:.2f}"
        against = _scores(row)
        rows.append((name, f"{row['clips']:,}", *own, same[0], same[2], against[0], against[2], nll))
    return rows


def _first(annotators: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return list(annotators.items())[:MOST_ROWS]


def _scores(row: Mapping[str, Any]) -> list[str]:
    accuracy, f1_macro = formatting.cell(row["accuracy"]), formatting.cell(row["f1_macro"])
    return [accuracy, formatting.cell_interval(row["accuracy_interval"]), f1_macro]


def _of_artists(artists: int | None) -> str:
    return "" if artists is None else f" of {count(artists, 'artist')}"


def _number(value: float, interval: Sequence[float], unit: str = "") -> str:
    return f"{value:.2f}{unit} (95 % interval {interval[0]:.2f} to {interval[1]:.2f})"


def _basis(agreement: Mapping[str, Any]) -> str:
    return f"Intervals are bootstraps over {agreement['resampled']}s, with these annotators."


def _left_out(agreement: Mapping[str, Any]) -> list[str]:
    lines = []
    if agreement["few"]:
        named = [f"{name}: {clips}" for name, clips in agreement["few"].items()]
        lines.append(
            f"Too few clips that others labelled too, so not among these means: {formatting.first_names(named, MOST_NAMED)}."
        )
    return lines


def tied_lines(agreement: Mapping[str, Any]) -> list[str]:
    """Name clips whose majority is a tie, in one sentence; none without."""
    tied = agreement["tied"]
    if not tied:
        return []
    return [
        f"{count(len(tied), 'clip')} with a tie between genres, of which one is drawn at random as the majority, always the same: "
        f"{formatting.first_names(tied, MOST_NAMED)}."
    ]


def _beside_people(opinions: Mapping[str, Any]) -> list[str]:
    beside, ceiling = opinions["beside_people"], opinions["agreement"]["ceiling"]
    if not beside:
        return []
    low, high = beside["accuracy_difference_interval"]
    f1_low, f1_high = beside["f1_macro_difference_interval"]
    accuracy, f1_macro = _verdict(low, high), _verdict(f1_low, f1_high)
    same = accuracy == f1_macro
    verdict = f"In both, {accuracy}" if same else f"In accuracy, {accuracy}; in macro F1, {f1_macro}"
    if low > 0:
        verdict += ". Their own agreement is no longer a useful limit"
    points = f"{100 * beside['accuracy_difference']:+.1f} points (95 % interval {100 * low:+.1f} to {100 * high:+.1f})"
    return [
        f"Against the majorities of the other annotators, on the same clips, the model's accuracy is {formatting.cell(beside['accuracy'])} % "
        f"and its macro F1 {formatting.cell(beside['f1_macro'])} %; an annotator has on average "
        f"{formatting.cell(ceiling['accuracy'])} % and {formatting.cell(ceiling['f1_macro'])} %.",
        f"Model minus annotators: accuracy {points}, macro F1 {100 * beside['f1_macro_difference']:+.1f} points "
        f"({100 * f1_low:+.1f} to {100 * f1_high:+.1f}). {verdict}.",
    ]


def _verdict(low: float, high: float) -> str:
    """Say what the interval of a difference, model minus annotators, shows."""
    if low <= 0 <= high:
        return "the clips do not show a difference between the model and the annotators"
    return f"the model is {'below' if high < 0 else 'above'} the annotators"


def _shares(opinions: Mapping[str, Any]) -> list[str]:
    shares, floor = opinions["shares"], opinions["agreement"]["entropy"]
    if shares["cross_entropy"] is None:
        first = "The cross-entropy with the shares is infinite: the model gives a genre that people named a probability of 0."
    else:
        before = shares["cross_entropy_uncalibrated"]
        first = (
            f"The cross-entropy between the shares of opinions and the model's probabilities is "
            f"{_number(shares['cross_entropy'], shares['cross_entropy_interval'], ' nats')}"
            + (f", {before:.2f} before calibration" if before is not None else "")
            + f"; a model that gives the shares themselves would have {floor:.2f}."
        )
    return [
        first,
        f"Their Jensen-Shannon divergence is {_number(shares['divergence'], shares['divergence_interval'], ' nats')}, "
        f"{shares['divergence_uncalibrated']:.2f} before calibration: 0 for equal distributions, {math.log(2):.2f} at most. "
        "Calibration fits the genre of the majority, not the shares.",
    ]


def _doubt(opinions: Mapping[str, Any]) -> tuple[str, str]:
    """Say if the model doubts where people disagree, and by what number, as the two parts of a sentence."""
    found = opinions["disagreement"]
    if not found:
        return (
            "Whether the model doubts where people disagree cannot be measured: people disagree equally on all clips",
            "",
        )
    value = f": Spearman's correlation of both entropies {_number(found['spearman'], found['interval'])}"
    low, high = found["interval"]
    if low > 0:
        return "The model is less sure where people disagree", value
    if high < 0:
        return "The model is surer where people disagree", value
    return "The clips do not show that the model is less sure where people disagree", value
