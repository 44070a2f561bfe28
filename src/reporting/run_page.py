"""One run as a page: report.html, from the run directory's plain files."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from markupsafe import Markup
from omegaconf import OmegaConf

from src import formatting, rundir
from src.evaluation import run_analysis, run_names
from src.metrics import calibration
from src.reporting import findings, plots, render
from src.rundir import RunDir, nested
from src.split.certificate import leaks

CURVES = ("epoch", "train_loss", "val_loss", "val_accuracy", "val_f1_macro")


def write(path: Path) -> Path:
    """Write report.html into a run directory and return its path. Raises ValueError on files that cannot be read."""
    return render.save(path / rundir.REPORT, html(RunDir(path)))


def write_if_missing(path: Path) -> Path:
    """The path of a finished run's report.html, written first where it is missing."""
    page = path / rundir.REPORT
    return page if page.exists() else write(path)


def html(run: RunDir) -> str:
    """The run's page, complete in itself. Raises ValueError on files that cannot be read."""
    return render.html("run.html", {**_context(run), **_figures(run)})


def markdown(run: RunDir) -> str:
    """The run's tables and findings as Markdown. Raises ValueError on files that cannot be read."""
    return render.markdown("run.md", _context(run))


def _context(run: RunDir) -> dict[str, Any]:
    metrics = run.metrics
    verdict = findings.describe_result(run)
    return {
        "title": f"{run_names.run_name(run)}, {metrics['dataset']}",
        "folder": run.path.resolve().name,
        "verdict": verdict[0],
        "leaks": leaks(metrics["certificate"]),
        "context": verdict[1:],
        "metrics": metrics,
        "data": formatting.data(metrics["dataset"], metrics["synthetic"]),
        "sides": [(name, metrics[side]) for name, side in (("test", "test"), ("validation", "val")) if metrics[side]],
        "calibration": calibration_lines(run),
        "chosen": run_analysis.epoch_selected_on_validation(run),
        "basis": describe_test_set(metrics),
        "genres": [
            {"name": genre, **row, "interval": run_analysis.recall_interval(row)}
            for genre, row in metrics["test"]["genres"].items()
        ],
        "confused": findings.describe_confusions(run),
        "mistakes": run_analysis.mistakes(run),
        "certificate": findings.describe_split(run),
        "excluded": run.excluded,
        "config": OmegaConf.to_yaml(OmegaConf.create(run.config)),
        "environment": run.environment,
        "facts": _facts(run),
        "epochs": _epochs(run),
    }


def describe_test_set(metrics: Mapping[str, Any]) -> str:
    """What the test scores were counted on: data, clips, artists, split."""
    data, split = formatting.data(metrics["dataset"], metrics["synthetic"]), formatting.split(metrics["certificate"])
    return f"{data}, test side: {formatting.size(metrics['test'])}; split {split}"


def _facts(run: RunDir) -> list[tuple[str, str]]:
    """Environment and effort as name and value, in the order of a reader's questions."""
    given, metrics = run.environment, run.metrics
    git = given.get("git") or {}
    commit = f"{git['commit']}{', with uncommitted changes' if git['dirty'] else ''}" if git.get("commit") else None
    return [
        ("training time", formatting.duration(metrics["train_seconds"])),
        *((f"{name}, first and last pass", f"{each[0]:.3g}, {each[-1]:.3g}") for name, each in _passes(metrics)),
        ("trained parameters", f"{metrics['parameters']:,}"),
        ("hardware", _listed(given.get("hardware"))),
        ("threads", _listed(given.get("threads"))),
        ("precision", _listed(given.get("precision"))),
        ("started", _listed(given.get("started"))),
        ("finished", _listed(given.get("finished"))),
        ("git commit", _listed(commit)),
        ("versions", _listed(given.get("versions"))),
        ("identity", _listed(metrics["identity"])),
    ]


def _passes(metrics: Mapping[str, Any]) -> list[tuple[str, list[float]]]:
    """What preparing the model brought in each pass, e.g. a reconstruction error; empty for most models."""
    return [(name, each) for name, each in metrics.get("passes", {}).items() if each]


def _listed(value: Any) -> str:
    """{"machine": "x86_64", "gpu": None} -> "machine x86_64"; what is not known is said to be unknown."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {entry}" for key, entry in value.items() if entry is not None) or "unknown"
    return "unknown" if value is None else str(value)


def _epochs(run: RunDir) -> str:
    """What the learning curves show, in words."""
    epochs, best = run.metrics["epochs"], run.metrics["best_epoch"]
    if not run.history or not epochs:
        return "This model is fitted in one go, so there are no epochs."
    text = f"Trained for {formatting.count(epochs, 'epoch')}"
    if best is None:
        return f"{text}."
    if (keep := nested.get(run.config, "trainer.checkpoint")) == "last":
        return f"{text}; the scores are of the last one, whatever the validation clips said."
    by = "lowest loss" if keep == "val/loss" else "highest macro F1"
    text += f"; the scores are of epoch {best}, the one with the {by} on the validation clips"
    last = run.history[-1]["epoch"]
    return f"{text}. It is the last one: more epochs may do better." if best == last else f"{text}."


def _figures(run: RunDir) -> dict[str, Markup]:
    genres, counts_CC = run.confusion
    rows = run.metrics["test"]["genres"]
    history = {key: [nan_if_none(row.get(key)) for row in run.history] for key in CURVES}
    recall, precision, f1 = ([nan_if_none(row[key]) for row in rows.values()] for key in ("recall", "precision", "f1"))
    intervals = [run_analysis.recall_interval(row) or (math.nan, math.nan) for row in rows.values()]
    bins, before = run_analysis.reliability_bins(run)
    figures = {
        "reliability_figure": plots.reliability(bins, run_analysis.reliability_intervals(bins), before),
        "confusion_figure": plots.confusion(counts_CC, genres),
        "genre_figure": plots.per_genre(list(rows), recall, precision, f1, intervals),
        "curves_figure": plots.curves(**history, best_epoch=run.metrics["best_epoch"]) if run.history else "",
    }
    return {name: Markup(figure) for name, figure in figures.items()}  # our own SVG; plot escapes what it is given


def nan_if_none(value: float | None) -> float:
    """A value to draw: NaN, which is not drawn, where there is none."""
    return math.nan if value is None else value


def calibration_lines(run: RunDir) -> list[str]:
    """What the temperature is, what it was fitted on, and what it changed."""
    metrics, scores = run.metrics, run.metrics["test"]
    temperature = metrics["temperature"]
    if temperature is None:
        return [
            "The probabilities are not calibrated: the run is older than calibration. Train it again to have them so."
        ]
    clips = formatting.count(metrics["certificate"]["sets"]["val"]["clips"], "validation clip")
    surer = "surer" if temperature > 1 else "no surer"
    nll, nll_before = (_nats(scores[key]) for key in ("nll", "nll_uncalibrated"))
    ece, ece_before = (formatting.cell(scores[key]) for key in ("ece", "ece_uncalibrated"))
    said = [
        f"The probabilities are calibrated: logits are divided by a temperature of {temperature:.3g}, fitted on the "
        f"{clips}: the model was {surer} than they warrant.",
        f"On the {formatting.count(scores['clips'], 'test clip')} NLL is {nll} nats ({nll_before} before calibration) and "
        f"ECE {ece} % ({ece_before} % before); no clip gets another genre by it.",
    ]
    if temperature == calibration.RANGE[1]:
        said.append(
            "It is the highest temperature allowed: the model told the genres of the validation clips hardly better than "
            "by chance, so its probabilities say next to nothing."
        )
    elif run_analysis.epoch_selected_on_validation(run):
        said.append(
            "The validation clips chose the epoch too, so the model looks a little better on them than it is, and the "
            "temperature may be a little low."
        )
    return said


def _nats(nll: float | None) -> str:
    """1.234 -> "1.23"; None, where a true genre was held impossible -> "n/a"."""
    return formatting.UNDEFINED if nll is None else f"{nll:.2f}"
