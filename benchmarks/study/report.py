"""The study's page, in Markdown: claims and verdicts, ablations, imbalance, the paper's table, and what is missing."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.study import execute, plan, scarce
from benchmarks.study.claims import CLAIMS, TABLE_2, TABLE_2_FLAW, TABLE_2_MEASURES, Contrast
from benchmarks.study.measure import ACCURACY, F1, FEW_ARTISTS, RESAMPLES, WORST, Difference, recall_of
from benchmarks.study.plan import Sweep, short
from benchmarks.study.results import NOT_MEASURED, Results
from src import formatting

HOW = (
    "Differences are in percentage points over test clips, each tested once: folds pooled, seeds averaged. In brackets is "
    f"the 95 % interval of a paired bootstrap over artists ({RESAMPLES:,} resamples); ± is the standard deviation of the "
    "difference over seeds, which the interval does not hold. A claim is supported where the intervals of all its "
    "comparisons lie above 0, contradicted where one lies below 0, and otherwise these clips cannot tell. Nothing is "
    f"corrected for the number of claims. †: fewer than {FEW_ARTISTS} artists, whose interval is too narrow: what follows "
    "from it is weak."
)
SCARCE = (
    f"All ten genres, a plain CNN on MFCC. {scarce.GENRE.capitalize()} has a tenth of its training clips, drawn at random, "
    "and all of its validation and test clips; it was chosen since it is recognized well otherwise. ± is the deviation "
    "over seeds."
)


def markdown(folder: Path) -> str:
    """The page; what is not measured yet is said in its place. Raises ValueError where there is no run at all."""
    every = [Results.read(folder, data) for data in plan.DATA]
    if not any(results.by_key for results in every):
        raise ValueError(
            f"{folder} holds no finished run of the study: `python -m benchmarks.study run synth` makes some."
        )
    parts = ["# What the paper claims, measured", HOW]
    for results in every:
        if results.by_key:
            parts += _data(results, folder / results.data / "models")
    for heading, lines in (
        ("Not measured", [line for results in every for line in results.missing()]),
        ("Left out", [line for results in every for line in results.notes]),
    ):
        parts += [f"## {heading}", "\n".join(f"- {line}" for line in lines)] if lines else []
    return "\n\n".join([*parts, "## Time", _time(folder / execute.SECONDS)])


def _data(results: Results, models: Path) -> list[str]:
    """A data set's part of the page."""
    parts = [f"## {results.data}", "### Claims", _claims(results)]
    for sweep in plan.PLAN:
        if sweep.against and results.data in sweep.data:
            scarcity = sweep.data is plan.SCARCE
            parts += [f"### {sweep.name.capitalize()}: {sweep.asks}", *([SCARCE] if scarcity else [])]
            parts += [_imbalance(results, sweep) if scarcity else _ablation(results, sweep)]
    parts += ["### The paper's Table 2, and ours", TABLE_2_FLAW, _table_2(results)]
    return [*parts, f"All models in one table: `python -m src.report {models} --format markdown`."]


def _claims(results: Results) -> str:
    rows: list[Sequence[str]] = []
    for claim in CLAIMS:
        found, judged = results.judge(claim)
        weak = any(isinstance(each, Difference) and each.few for each in found)
        head = (claim.text, claim.source, f"**{judged}**{' †' if weak else ''}")
        for contrast, each in zip(claim.contrasts, found, strict=True):
            rows.append((*head, f"{claim.measure}: {contrast.text}", *_cells(each)))
            head = ("", "", "")
    heading = ("claim", "section", "verdict", "compared", "difference (95 %)", "± over seeds", "on")
    return _table(heading, rows, left=4)


def _ablation(results: Results, sweep: Sweep) -> str:
    """Each arm's accuracy and macro F1, and how it differs in both from what it is compared with."""
    contrasts = {arm: Contrast([arm], [base]) for arm, base in sweep.against.items()}
    accuracy, f1 = ({arm: results.difference(m, each) for arm, each in contrasts.items()} for m in (ACCURACY, F1))
    if not any(isinstance(each, Difference) for each in accuracy.values()):
        return f"{NOT_MEASURED.capitalize()}."
    rows: list[Sequence[str]] = []
    for arm in dict.fromkeys([*sweep.against.values(), *sweep.against]):
        row = [short(arm), _score(results, arm, ACCURACY), _score(results, arm, F1)]
        if arm in contrasts:
            other = _cells(f1[arm])[0] if isinstance(f1[arm], Difference) else ""
            row += [short(sweep.against[arm]), *_cells(accuracy[arm]), other, _said(accuracy[arm])]
        rows.append([*row, *[""] * (9 - len(row))])
    heading = ("setting", "accuracy", "macro F1", "minus", "accuracy difference (95 %)", "± over seeds", "on")
    return _table((*heading, "macro F1 difference (95 %)", "accuracy in words"), rows)


def _imbalance(results: Results, sweep: Sweep) -> str:
    """Each cure's scores, and below them how they differ from those without a cure."""
    measures = (recall_of(scarce.GENRE), WORST, F1, ACCURACY)
    rows: list[Sequence[str]] = []
    for arm in sweep.arms:
        rows.append((short(arm), *(_score(results, arm, measure) for measure in measures), ""))
        if arm in sweep.against:
            contrast = Contrast([arm], [sweep.against[arm]])
            found = [results.difference(measure, contrast) for measure in measures]
            cells = [f"{_cells(each)[0]} {_spread(each)}".strip() for each in found]
            rows.append(("… minus the first", *cells, f"{measures[0]}: {_said(found[0]) or NOT_MEASURED}"))
    return _table(("setting", *measures, "in words"), rows)


def _table_2(results: Results) -> str:
    """The published rows, each with ours below it; a genre's published accuracy stands beside our recall."""
    rows: list[Sequence[str]] = []
    for arm, (shares, hours) in TABLE_2.items():
        rows.append((f"{short(arm)}, published", *(f"{100 * share:.0f}" for share in shares), hours))
        found = results.of(arm)
        time = formatting.duration(found.seconds) if found else NOT_MEASURED
        rows.append((f"{short(arm)}, here", *(_score(results, arm, measure) for measure in TABLE_2_MEASURES), time))
    return _table(("model", *TABLE_2_MEASURES, "training time"), rows)


def _time(path: Path) -> str:
    if not path.is_file():
        return f"There is no {path}, so the computing time is not known."
    with open(path, newline="", encoding="utf-8") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    return f"{sum(seconds) / 60:.0f} minutes of computing, in {formatting.count(len(seconds), 'command')}."


def _score(results: Results, arm: str, measure: str) -> str:
    """ "63.3 ± 1.9", a share in percent with its deviation over seeds; in words why there is none."""
    score = results.difference(measure, Contrast([arm], []))
    if isinstance(score, Difference):
        return f"{formatting.cell(score.value)} {_spread(score)}".strip()
    return NOT_MEASURED if score.startswith(NOT_MEASURED) else formatting.UNDEFINED


def _spread(each: Difference | str) -> str:
    return f"± {formatting.cell(each.deviation)}" if isinstance(each, Difference) and each.deviation is not None else ""


def _cells(each: Difference | str) -> tuple[str, str, str]:
    """The difference with its interval, its deviation over seeds and the clips that it is of; or why there is none."""
    if isinstance(each, str):
        return each, "", ""
    shown = "{:+.1f} ({:+.1f} to {:+.1f})".format(*(100 * value for value in (each.value, each.low, each.high)))
    clips = f"{formatting.count(each.clips, 'clip')} of {formatting.count(each.artists, 'artist')}"
    return shown, _spread(each), clips + (" †" if each.few else "")


def _said(each: Difference | str) -> str:
    if isinstance(each, str):
        return ""
    if each.low <= 0 <= each.high:
        return f"cannot be told from noise on {formatting.count(each.clips, 'clip')}"
    return ("better" if each.low > 0 else "worse") + (" †" if each.few else "")


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A Markdown table whose first columns are aligned to the left."""
    rule = ["---" if column < left else "---:" for column in range(len(heading))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, rule, *rows))
