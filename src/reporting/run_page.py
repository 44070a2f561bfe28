"""Render one run as the page report.html or as Markdown, from the files in its run directory."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from src import formatting, rundir
from src.evaluation import run_analysis, run_names
from src.metrics import calibration
from src.reporting import (
    clip_views,
    doubt_text,
    evaluation_text,
    matrices,
    opinions_text,
    plots,
    render,
    run_summary,
    run_text,
)
from src.reporting.drawing import Drawings
from src.reporting.risk_plot import risk_coverage
from src.rundir import RunDir, nested
from src.split.certificate import leaks

MANY_GENRES = (
    40  # with more genres, their tables are folded, and the figure shows only the lowest and the highest scores
)
SHOWN_GENRES = 15  # of the lowest scores, and as many of the highest
MOST_WARNINGS = 10  # further warnings are folded
CURVES = ("epoch", "train_loss", "val_loss", "val_accuracy", "val_f1_macro")


def write(path: Path, trust: tuple[str, ...] | None = ()) -> Path:
    """Write report.html into a run directory and return its path. Raises ValueError on files that cannot be read.

    `trust` is that of RunDir: None for a run that the same command has trained.
    """
    return render.save(path / rundir.REPORT, html(RunDir(path, trust)))


def write_if_missing(path: Path) -> Path:
    """Return the path of the report.html of a run of one's own; write the page first if it is missing."""
    page = path / rundir.REPORT
    return page if page.exists() else write(path, trust=None)


def html(run: RunDir) -> str:
    """Render the page of a run, as one file with figures and styles. Raises ValueError on files that cannot be read."""
    return render.html("run.html", {**_context(run), **clip_views.clips_context(run), **_figures(run)})


def markdown(run: RunDir) -> str:
    """Render the tables and sentences of a run as Markdown. Raises ValueError on files that cannot be read."""
    return render.markdown("run.md", _context(run))


def _context(run: RunDir) -> dict[str, Any]:
    """Collect the values that the templates run.html and run.md show."""
    metrics = run.metrics
    result, opinions = run_text.describe_result(run), metrics["test"]["opinions"]
    return {
        "title": f"{run_names.run_name(run)}, {metrics['dataset']}",
        "evaluation": _evaluation(run) if run.is_evaluation else None,
        "folder": run.path.resolve().name,
        "summary": " ".join(result[:1] + (opinions_text.compared(opinions) if opinions else [])),
        "summary_warns": bool(leaks(metrics["certificate"]) or formatting.untested(metrics["test"])),
        "cards": run_summary.page_cards(run),
        "doubts": run_summary.doubts(run),
        "steps": run_summary.next_steps(run),
        "warning_lines": [*run_text.describe_warnings(metrics), *metrics["certificate"]["warnings"]],
        "macro_label": formatting.macro_label(metrics["test"]),
        "result_lines": result[1:],
        "metrics": metrics,
        "data": formatting.data(metrics["dataset"], metrics["synthetic"]),
        "sets": [(name, metrics[key]) for name, key in (("test", "test"), ("validation", "val")) if metrics[key]],
        "calibration_lines": calibration_lines(run),
        "risk_lines": doubt_text.risk_lines(run),
        "set_lines": doubt_text.set_lines(metrics["doubt"]),
        "set_rows": doubt_text.set_rows(metrics["doubt"]),
        "abstention_rows": doubt_text.abstention_rows(metrics["doubt"]),
        "unlike_lines": doubt_text.unlike_lines(metrics["doubt"]),
        "validation_lower": bool(metrics["val"]) and metrics["val"]["accuracy"] < metrics["test"]["accuracy"],
        "epoch_selected": run_analysis.epoch_selected_on_validation(run),
        "test_set": describe_test_set(metrics),
        "genres": [
            {"name": genre, **row, "interval": run_analysis.recall_interval(row)}
            for genre, row in metrics["test"]["genres"].items()
        ],
        "most_warnings": MOST_WARNINGS,
        "genre_figure_note": _genre_figure_note(metrics["test"]["genres"]),
        "many_genres": len(metrics["test"]["genres"]) > MANY_GENRES,
        "opinions": _opinions(run),
        "confusion_note": _confusion_note(len(metrics["test"]["genres"])),
        "confusion_lines": run_text.describe_confusions(run),
        "split_lines": run_text.describe_split(run),
        "excluded": run.excluded,
        "config": OmegaConf.to_yaml(OmegaConf.create(run.config)),
        "environment": run.environment,
        "facts": _facts(run),
        "training_sentence": _describe_training(run),
    }


def _evaluation(run: RunDir) -> dict[str, Any]:
    """The section of runs that were judged on other clips than their own."""
    metrics = run.metrics
    return {
        "of": run.evaluated,
        "lines": evaluation_text.lines(metrics),
        "headings": evaluation_text.HEADINGS,
        "rows": [evaluation_text.cells(row) for row in evaluation_text.score_rows(metrics)],
        "basis": evaluation_text.basis(metrics),
    }


def _opinions(run: RunDir) -> dict[str, Any] | None:
    """The section of runs whose test clips several people have labelled; None without."""
    scores = run.metrics["test"]["opinions"]
    if not scores:
        return None
    more = len(scores["annotators"]) - opinions_text.MOST_ROWS
    return {
        "lead": opinions_text.lead_lines(scores, run_analysis.contested_genres(run)),
        "parts": [
            (
                "Agreement of people",
                [*opinions_text.people_lines(scores["agreement"]), *opinions_text.tied_lines(scores["agreement"])],
            ),
            ("The model compared with people", opinions_text.model_lines(scores)),
        ],
        "headings": opinions_text.MODEL_HEADINGS,
        "rows": opinions_text.model_rows(scores),
        "basis": f"{describe_test_set(run.metrics)}. (1) Against the majority of the other annotators. (2) Against the labels of this "
        "annotator. "
        + (f"{formatting.count(more, 'more annotator')} in metrics.json. " if more > 0 else "")
        + "opinions.csv has each clip.",
    }


def describe_test_set(metrics: Mapping[str, Any]) -> str:
    """Describe the test set in one phrase: data set, numbers of clips and artists, and split."""
    data, split = formatting.data(metrics["dataset"], metrics["synthetic"]), formatting.split(metrics["certificate"])
    tested = formatting.tested_genres(metrics["test"])
    genres = f" of {tested}" if tested else ""
    return f"{data}, test set: {formatting.size(metrics['test'])}{genres}; split {split}"


def _shown_genres(genres: Mapping[str, Any]) -> list[str]:
    """The genres in the figure: all, or those with the lowest and the highest F1."""
    if len(genres) <= MANY_GENRES:
        return list(genres)
    lowest, highest = run_analysis.extreme_genres(genres, SHOWN_GENRES)
    return [*lowest, *highest]


def _genre_figure_note(genres: Mapping[str, Any]) -> str:
    """Say which genres the figure shows; "" if it shows all."""
    if len(genres) <= MANY_GENRES:
        return ""
    return (
        f"The figure shows the {SHOWN_GENRES} genres with the lowest F1 and the {SHOWN_GENRES} with the highest, "
        f"of {formatting.count(len(genres), 'genre')}."
    )


def _confusion_note(genres: int) -> str:
    """Explain the confusion matrix: a cell is a number of clips, or with many genres a pixel of one image."""
    if genres <= matrices.MOST_NUMBERS:
        return "Each cell is a number of clips; an empty cell is 0. The shade is the share of the true genre's clips."
    block = math.ceil(genres / matrices.MOST_PIXELS)
    pixel = (
        "Each small square is one pair of genres" if block == 1 else f"Each small square is {block} by {block} genres"
    )
    return (
        f"{pixel}, or more in a narrow window; its shade is the highest share of the true genre's clips. Not all genres are named; "
        f"they are in the same order as in the table of genres. {rundir.CONFUSION} has the numbers."
    )


def _facts(run: RunDir) -> list[tuple[str, str]]:
    """Training effort and environment as names and values, in the order of the page."""
    environment, metrics = run.environment, run.metrics
    git = environment.get("git") or {}
    commit = f"{git['commit']}{', with uncommitted changes' if git['dirty'] else ''}" if git.get("commit") else None
    return [
        ("training time", formatting.duration(metrics["train_seconds"])),
        *((f"{name}, first and last pass", f"{values[0]:.3g}, {values[-1]:.3g}") for name, values in _passes(metrics)),
        *([("method", metrics["fitted"])] if metrics["fitted"] else []),
        (
            "trained parameters",
            f"{metrics['parameters']:,}" if metrics["parameters"] else "none: the model is fitted in one step",
        ),
        ("hardware", _format_fact(environment.get("hardware"))),
        ("threads", _format_fact(environment.get("threads"))),
        ("precision", _format_fact(environment.get("precision"))),
        ("started", _format_fact(environment.get("started"))),
        ("finished", _format_fact(environment.get("finished"))),
        ("git commit", _format_fact(commit)),
        ("versions", _format_fact(environment.get("versions"))),
        ("identity", _format_fact(metrics["identity"])),
    ]


def _passes(metrics: Mapping[str, Any]) -> list[tuple[str, list[float]]]:
    """Values that the model's preparation measured in each pass over the training set, by name; empty for most models."""
    return [(name, values) for name, values in metrics["passes"].items() if values]


def _format_fact(value: Any) -> str:
    """{"machine": "x86_64", "gpu": None} -> "machine x86_64"; None or an empty mapping -> "unknown"."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {entry}" for key, entry in value.items() if entry is not None) or "unknown"
    return "unknown" if value is None else str(value)


def _describe_training(run: RunDir) -> str:
    """Describe the number of epochs and which epoch was evaluated, for the section on learning curves."""
    epochs, best = run.metrics["epochs"], run.metrics["best_epoch"]
    if run.is_evaluation:
        return f"The page of {run.evaluated} has them." if not averaged(run) else "The pages of its runs have them."
    if not run.history or not epochs:
        return "This model is fitted in one step, without epochs."
    text = f"Trained for {formatting.count(epochs, 'epoch')}"
    if best is None:
        return f"{text}."
    if (checkpoint := nested.get(run.config, "trainer.checkpoint")) == "last":
        return f"{text}; the scores are those of the last epoch, whatever its score on the validation clips."
    criterion = "lowest loss" if checkpoint == "val/loss" else "highest macro F1"
    text += f"; the scores are those of epoch {best}, which has the {criterion} on the validation clips"
    last = run.history[-1]["epoch"]
    return f"{text}. It is the last epoch: more epochs may improve the scores." if best == last else f"{text}."


def _figures(run: RunDir) -> dict[str, Drawings | None]:
    """Draw the figures of run.html, each for a wide and for a narrow place; None if a fitted model has no curves."""
    genres, counts_CC = run.confusion
    rows = {genre: run.metrics["test"]["genres"][genre] for genre in _shown_genres(run.metrics["test"]["genres"])}
    history = [[nan_if_none(row.get(key)) for row in run.history] for key in CURVES]
    recall, precision, f1 = ([nan_if_none(row[key]) for row in rows.values()] for key in ("recall", "precision", "f1"))
    intervals = [run_analysis.recall_interval(row) or (math.nan, math.nan) for row in rows.values()]
    bins, before = run_analysis.reliability_bins(run)
    return {
        "reliability_figure": plots.both(plots.reliability, bins, run_analysis.reliability_intervals(bins), before),
        "risk_figure": plots.both(risk_coverage, *doubt_text.risk(run)),
        "confusion_figure": plots.both(plots.confusion, counts_CC, genres),
        "genre_figure": plots.both(plots.per_genre, list(rows), recall, precision, f1, intervals),
        "curves_figure": plots.both(plots.curves, *history, run.metrics["best_epoch"]) if run.history else None,
    }


def averaged(run: RunDir) -> bool:
    """True for the evaluation of an average of runs."""
    return run.is_evaluation and bool(run.metrics["evaluation"]["members"])


def nan_if_none(value: float | None) -> float:
    """Replace None by NaN, which the figures do not draw."""
    return math.nan if value is None else value


def calibration_lines(run: RunDir) -> list[str]:
    """Describe the calibration of the probabilities: temperature, the clips it was fitted on, and its effect, in sentences."""
    metrics, scores = run.metrics, run.metrics["test"]
    temperature = metrics["temperature"]
    if averaged(run):
        count = len(metrics["evaluation"]["members"])
        return [
            f"The probabilities are the mean of those of {count} runs, each calibrated as it was trained. The mean is not "
            "calibrated again.",
            _confidence(run),
        ]
    if temperature is None:
        return [
            "The probabilities are not calibrated: the run was made with an earlier version, which did not calibrate. Train it "
            "again to calibrate them.",
            _confidence(run),
        ]
    clips = formatting.count(metrics["certificate"]["sets"]["val"]["clips"], "validation clip")
    overconfident = "was overconfident" if temperature > 1 else "was not overconfident"
    nll, nll_before = (_format_nats(scores[key]) for key in ("nll", "nll_uncalibrated"))
    ece, ece_before = (formatting.cell(scores[key]) for key in ("ece", "ece_uncalibrated"))
    calibrated = (
        "were rescaled, which made them worse on the test clips" if calibration.worsened(scores) else "are calibrated"
    )
    lines = [
        f"The probabilities {calibrated}: logits are divided by a temperature of {temperature:.3g}, fitted on the "
        f"{clips}, where the model {overconfident}.",
        f"On the {formatting.count(scores['clips'], 'test clip')}, NLL is {nll} nats ({nll_before} before calibration) and "
        f"ECE {ece} % ({ece_before} % before); calibration changes no predicted genre.",
        _confidence(run),
    ]
    if temperature == calibration.RANGE[1]:
        lines.append(
            "It is the highest temperature allowed: on the validation clips the model is hardly better than chance, so its "
            "probabilities carry almost no information."
        )
    elif run_analysis.epoch_selected_on_validation(run) and not calibration.worsened(scores):
        lines.append(
            "The validation clips were also used to select the epoch, so the model may look better on them than it is, and the "
            "temperature may be too low."
        )
    return lines


def _confidence(run: RunDir) -> str:
    """Compare the mean probability of the predicted genres with the share of correct predictions, in one sentence."""
    scores = run.metrics["test"]
    mean = float(run.predictions.probability_KC.max(axis=1).mean())
    low, high = formatting.accuracy_interval(scores)
    finding = "The confidence of the model is about right"
    if not low <= mean <= high:
        finding = f"The model is too {'cautious' if mean < low else 'confident'}"
    return (
        f"{finding} on average: the mean probability of the predicted genre is {formatting.percent(mean)}, and "
        f"{formatting.percent(scores['accuracy'])} of the predictions are correct ({formatting.named_interval(scores)})."
    )


def _format_nats(nll: float | None) -> str:
    """Format an NLL: 1.234 -> "1.23"; None (infinite, since a true genre got probability 0) -> "n/a"."""
    return formatting.UNDEFINED if nll is None else f"{nll:.2f}"
