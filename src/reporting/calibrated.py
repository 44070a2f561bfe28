"""How far a run's probabilities can be believed: its temperature in sentences, and the bins of its reliability diagram."""

import torch

from src import formatting
from src.metrics import Bin, calibration, reliability
from src.reporting import findings
from src.rundir import RunDir


def sentences(run: RunDir) -> list[str]:
    """What the temperature is, what it was fitted on, and what it changed."""
    metrics, scores = run.metrics, run.metrics["test"]
    temperature = metrics["temperature"]
    if temperature is None:
        return [
            "The probabilities are not calibrated: the run is older than calibration. Train it again to have them so."
        ]
    clips = formatting.count(metrics["certificate"]["sides"]["val"]["clips"], "validation clip")
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
    elif findings.chosen(run):
        said.append(
            "The validation clips chose the epoch too, so the model looks a little better on them than it is, and the "
            "temperature may be a little low."
        )
    return said


def bins(run: RunDir) -> tuple[list[Bin], list[Bin]]:
    """The test clips by the probability that they were given, and by that before calibration, empty without one."""
    given, temperature = run.predictions, run.metrics["temperature"]
    probability_KC = torch.from_numpy(given.probability_KC)
    correct_K = torch.tensor([true == predicted for true, predicted in zip(given.true, given.predicted, strict=True)])
    after = reliability(probability_KC.amax(dim=1), correct_K)
    if temperature is None:
        return after, []
    # log p times the temperature are the model's logits, but for a constant of each clip, which softmax drops.
    before_KC = (temperature * probability_KC.log()).softmax(dim=1)
    return after, reliability(before_KC.amax(dim=1), correct_K)


def _nats(nll: float | None) -> str:
    """1.234 -> "1.23"; None, where a true genre was held impossible -> "n/a"."""
    return formatting.UNDEFINED if nll is None else f"{nll:.2f}"
