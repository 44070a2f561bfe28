"""Names of runs in the words of the command line."""

from collections.abc import Mapping
from typing import Any

from src.rundir import RunDir, nested


def choice_name(config: Mapping[str, Any], group: str) -> str:
    """The word of a config group's choice: {"model": {"_target_": "src.model.Hybrid"}}, "model" -> "hybrid".

    Combined features are joined: "mfcc + chroma".
    """
    parts = nested.get(config, f"{group}.parts")
    if isinstance(parts, Mapping):
        return " + ".join(choice_name(parts, part) for part in parts)
    target = nested.get(config, f"{group}._target_")
    return str(target).rsplit(".", 1)[-1].lower() if target else "unknown"


def run_name(run: RunDir) -> str:
    """What was trained, in the command line's words: "hybrid on mel", "paper_cnn: cnn on mfcc"."""
    said = run.environment.get("choices") or {}  # a preset has a name that its class has not: gru is an rnn
    model, feature = (said.get(group) or choice_name(run.config, group) for group in ("model", "feature"))
    return f"{experiment_name(run)}: {model} on {feature}" if experiment_name(run) else f"{model} on {feature}"


def experiment_name(run: RunDir) -> str | None:
    """The experiment= that the run was made by; None where it was none."""
    chosen = (run.environment.get("choices") or {}).get("experiment", "none")
    return None if chosen == "none" else str(chosen)
