"""Names of runs, from the model, feature and recipe that were chosen on the command line."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from src.rundir import ENVIRONMENT, EVALUATION, RunDir, nested
from src.rundir.members import average_name


def choice_name(config: Mapping[str, Any], group: str) -> str:
    """Name the choice of a config group by its class: {"model": {"_target_": "src.model.Hybrid"}}, "model" -> "hybrid".

    Combined features are joined: "mfcc + chroma". "unknown" if the config has no such class.
    """
    parts = nested.get(config, f"{group}.parts")
    if isinstance(parts, Mapping):
        return " + ".join(choice_name(parts, part) for part in parts)
    target = nested.get(config, f"{group}._target_")
    return str(target).rsplit(".", 1)[-1].lower() if target else "unknown"


def chosen(run: RunDir, group: str) -> str:
    """The choice of a config group as the user made it, "gru"; of a run that does not store it, by its class: "rnn"."""
    choices = (run.environment.get("choices") if (run.path / ENVIRONMENT).is_file() else None) or {}
    return str(choices.get(group) or choice_name(run.config, group))


def run_name(run: RunDir) -> str:
    """The model and the feature of a run, after its recipe if it has one: "hybrid on mel", "paper_cnn: cnn on mfcc".

    A recipe that is named like its model is not named twice: "few on musicnn".
    Of an average, the names of its runs: "average of 2 cnn on mel, svm on all".
    """
    if run.is_evaluation and (members := run.metrics[EVALUATION]["members"]):
        counts = Counter(str(member["name"]) for member in members)
        return average_name([f"{count} {name}" if count > 1 else name for name, count in counts.items()])
    model, feature = chosen(run, "model"), chosen(run, "feature")
    recipe = experiment_name(run)
    return f"{recipe}: {model} on {feature}" if recipe and recipe != model else f"{model} on {feature}"


def experiment_name(run: RunDir) -> str | None:
    """The recipe of a run (`experiment=` on the command line); None if it had none."""
    experiment = (run.environment.get("choices") or {}).get("experiment", "none")
    return None if experiment == "none" else str(experiment)
