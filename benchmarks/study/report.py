"""Report of the study in Markdown: claims and verdicts, ablations, imbalance, the paper's table, and missing runs.

docs/make_tables.py puts some of these tables into pages.
"""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.study import execute, plan, scarce
from benchmarks.study.claims import CLAIMS, TABLE_2, TABLE_2_FLAW, TABLE_2_MEASURES, Contrast
from benchmarks.study.measure import ACCURACY, F1, FEW_ARTISTS, RESAMPLES, Difference
from benchmarks.study.plan import Sweep, short
from benchmarks.study.results import NOT_MEASURED, SCARCE_MEASURES, Results
from src import formatting

METHOD = (
    "Differences are in percentage points over test clips. Each clip is tested once: folds are pooled, seeds are averaged. "
    f"The 95 % interval in parentheses is from a paired bootstrap over artists ({RESAMPLES:,} resamples). ± is the standard "
    "deviation of the difference over seeds, which the interval does not include. A claim is supported if the intervals of "
    "all its comparisons lie above 0, and contradicted if one lies below 0; otherwise these clips cannot tell. There is no "
    f"correction for the number of claims. † marks fewer than {FEW_ARTISTS} artists: the interval is then too narrow, and "
    "the conclusion weak."
)
SCARCE = (
    f"All ten genres, a plain CNN on MFCC. {scarce.GENRE.capitalize()} has a tenth of its training clips, drawn at random, "
    "and all of its validation and test clips. It was chosen because it is recognized well when it is not scarce. ± is the "
    "standard deviation over seeds."
)


def markdown(folder: Path) -> str:
    """Format the report; missing measurements are marked. Raises ValueError if the folder has no finished run at all."""
    all_results = [results for data in plan.DATA if (results := Results.read(folder, data)).arms or results.notes]
    if not any(results.arms for results in all_results):
        raise ValueError(
            f"{folder} holds no finished run of the study: expected one or more. Run `python -m benchmarks.study run synth`."
        )
    parts = ["# Measurements of the paper's claims", METHOD]
    for results in all_results:
        if results.arms:
            parts += [f"## {results.data}", "### Claims", claims(results), ablations(results)]
            parts += ["### The paper's Table 2 and our results", TABLE_2_FLAW, table_2(results)]
            models = folder / results.data / "models"
            parts += [f"All models in one table: `python -m src.report {models} --format markdown`."]
    for heading, lines in (
        ("Not measured", [line for results in all_results for line in results.missing()]),
        ("Excluded", [line for results in all_results for line in results.notes]),
    ):
        parts += [f"## {heading}", "\n".join(f"- {line}" for line in lines)] if lines else []
    return "\n\n".join([*parts, "## Computing time", _time(folder / execute.SECONDS)])


def ablations(results: Results) -> str:
    """Format a section for each sweep with comparisons."""
    parts = []
    for sweep in plan.PLAN:
        if sweep.baselines and results.data in sweep.data:
            is_scarce = sweep.data is plan.SCARCE
            parts += [f"### {sweep.name.capitalize()}: {sweep.question}", *([SCARCE] if is_scarce else [])]
            form = _imbalance if is_scarce else _ablation
            parts += [form(results.of(sweep.compared), sweep)]
    return "\n\n".join(parts)


def claims(results: Results) -> str:
    """Format the claims with their verdicts on one data set, and each difference."""
    rows: list[Sequence[str]] = []
    for claim in CLAIMS:
        differences, verdict = results.evaluate(claim)
        is_weak = any(isinstance(difference, Difference) and difference.few_artists for difference in differences)
        first_cells = (claim.text, claim.source, f"**{verdict}**{' †' if is_weak else ''}")
        for contrast, difference in zip(claim.contrasts, differences, strict=True):
            rows.append((*first_cells, f"{claim.measure}: {contrast.text}", *_cells(difference)))
            first_cells = ("", "", "")
    heading = ("claim", "section", "verdict", "compared", "difference (95 %)", "± over seeds", "on")
    return table(heading, rows, left=4)


def tally(results: Results, name: str) -> str:
    """Count the verdicts on one data set: "Synthetic: 1 supported, 12 cannot tell"."""
    counts = Counter(results.evaluate(claim)[1] for claim in CLAIMS)
    return (
        f"{name[:1].upper()}{name[1:]}: {', '.join(f'{count} {verdict}' for verdict, count in counts.most_common())}."
    )


def claims_side_by_side(all_results: Sequence[Results], names: Mapping[str, str]) -> str:
    """Format the claims with verdict and differences on each data set; `names` are the headings of the data sets."""
    rows: list[Sequence[str]] = []
    for claim in CLAIMS:
        evaluated = [results.evaluate(claim) for results in all_results]
        for k, contrast in enumerate(claim.contrasts):
            row = [f"{claim.text} ({claim.source})" if k == 0 else "", f"{claim.measure}: {contrast.text}"]
            for differences, verdict in evaluated:
                value, _, clips = _cells(differences[k])
                shown = isinstance(differences[k], Difference)
                texts = [f"**{verdict}**"] if k == 0 else []
                texts += [value + (f", {clips}" if claim.genre else "")] if shown else []
                row.append(": ".join(texts))
            rows.append(row)
    return table(("claim", "compared", *(names[results.data] for results in all_results)), rows, left=4)


def _ablation(results: Results, sweep: Sweep) -> str:
    """Format each arm's accuracy and macro F1, and their differences from its baseline."""
    contrasts = {arm: Contrast([arm], [baseline]) for arm, baseline in sweep.baselines.items()}
    accuracy, f1 = (
        {arm: results.difference(measure, contrast) for arm, contrast in contrasts.items()}
        for measure in (ACCURACY, F1)
    )
    if not any(isinstance(difference, Difference) for difference in accuracy.values()):
        return f"{NOT_MEASURED.capitalize()}."
    rows: list[Sequence[str]] = []
    for arm in sweep.compared:
        row = [short(arm), _score(results, arm, ACCURACY), _score(results, arm, F1)]
        if arm in contrasts:
            f1_cell = _cells(f1[arm])[0] if isinstance(f1[arm], Difference) else ""
            row += [short(sweep.baselines[arm]), *_cells(accuracy[arm]), f1_cell, _conclusion(accuracy[arm])]
        rows.append([*row, *[""] * (9 - len(row))])
    heading = ("setting", "accuracy", "macro F1", "minus", "accuracy difference (95 %)", "± over seeds", "on")
    return table((*heading, "macro F1 difference (95 %)", "accuracy in words"), rows)


def _imbalance(results: Results, sweep: Sweep) -> str:
    """Format the scores of each remedy, and below them their differences from the scores without a remedy."""
    measures = SCARCE_MEASURES
    rows: list[Sequence[str]] = []
    for arm in sweep.arms:
        rows.append((short(arm), *(_score(results, arm, measure) for measure in measures), ""))
        if arm in sweep.baselines:
            contrast = Contrast([arm], [sweep.baselines[arm]])
            differences = [results.difference(measure, contrast) for measure in measures]
            cells = [f"{_cells(difference)[0]} {_deviation(difference)}".strip() for difference in differences]
            rows.append(("… minus the first", *cells, f"{measures[0]}: {_conclusion(differences[0]) or NOT_MEASURED}"))
    return table(("setting", *measures, "in words"), rows)


def table_2(results: Results) -> str:
    """Format the published rows, each with our row below. A genre's published accuracy is compared with our recall."""
    rows: list[Sequence[str]] = []
    results = results.of(TABLE_2)
    for arm, (scores, hours) in TABLE_2.items():
        rows.append((f"{short(arm)}, published", *(f"{100 * score:.0f}" for score in scores), hours))
        seconds = results.arms[arm].seconds if arm in results.arms else None
        time = NOT_MEASURED if seconds is None else formatting.duration(seconds)
        rows.append((f"{short(arm)}, here", *(_score(results, arm, measure) for measure in TABLE_2_MEASURES), time))
        intervals = [_interval(results, arm, measure) for measure in TABLE_2_MEASURES]
        rows += [("… 95 % interval", *intervals, "")] if any(intervals) else []
    return table(("model", *TABLE_2_MEASURES, "training time"), rows)


def _time(path: Path) -> str:
    if not path.is_file():
        return f"The computing time is unknown: there is no {path}."
    with open(path, newline="", encoding="utf-8") as file:
        seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    return f"{sum(seconds) / 60:.0f} minutes of computing, in {formatting.count(len(seconds), 'command')}."


def _score(results: Results, arm: str, measure: str) -> str:
    """Format a score in percent with its standard deviation over seeds: "63.3 ± 1.9"; or "not measured" or "n/a"."""
    score = results.difference(measure, Contrast([arm], []))
    if isinstance(score, Difference):
        return f"{formatting.cell(score.value)} {_deviation(score)}".strip()
    return NOT_MEASURED if score.startswith(NOT_MEASURED) else formatting.UNDEFINED


def _interval(results: Results, arm: str, measure: str) -> str:
    """Format the 95 % interval of a score in percent; empty if there is none."""
    score = results.difference(measure, Contrast([arm], []))
    if isinstance(score, str) or math.isnan(score.low):
        return ""
    return formatting.cell_interval((score.low, score.high)) + (" †" if score.few_artists else "")


def _deviation(difference: Difference | str) -> str:
    """Format the standard deviation over seeds: "± 1.9"; empty if there is none."""
    if isinstance(difference, str) or difference.deviation is None:
        return ""
    return f"± {formatting.cell(difference.deviation)}"


def _cells(difference: Difference | str) -> tuple[str, str, str]:
    """Format a difference with its interval, its deviation over seeds, and its clips; or the reason why it is missing."""
    if isinstance(difference, str):
        return difference, "", ""
    percents = (100 * value for value in (difference.value, difference.low, difference.high))
    clips = f"{formatting.count(difference.clips, 'clip')} of {formatting.count(difference.artists, 'artist')}"
    dagger = " †" if difference.few_artists else ""
    return "{:+.1f} ({:+.1f} to {:+.1f})".format(*percents), _deviation(difference), clips + dagger


def _conclusion(difference: Difference | str) -> str:
    """Format the conclusion from a difference: better, worse or noise; empty if the difference is missing."""
    if isinstance(difference, str):
        return ""
    if difference.low <= 0 <= difference.high:
        return f"cannot be told from noise on {formatting.count(difference.clips, 'clip')}"
    return ("better" if difference.low > 0 else "worse") + (" †" if difference.few_artists else "")


def table(heading: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Format a Markdown table; the first `left` columns are left-aligned, the others right-aligned."""
    rule = ["---" if column < left else "---:" for column in range(len(heading))]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heading, rule, *rows))
