"""Comparisons of the arms on one data set; a comparison that cannot be made is replaced by the reason, as text."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.study import answers, plan
from benchmarks.study.answers import ArmPredictions
from benchmarks.study.claims import NOT_HERE, TABLE_2, Claim, Contrast, verdict
from benchmarks.study.measure import Difference, difference
from benchmarks.study.plan import short

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Results:
    """Predictions of a data set's arms by `plan.key`, and notes on excluded runs."""

    data: str
    by_key: dict[str, ArmPredictions]
    notes: list[str]

    @classmethod
    def read(cls, folder: Path, data: str) -> "Results":
        return cls(data, *answers.read(folder / data))

    def predictions(self, arm: str) -> ArmPredictions | None:
        return self.by_key.get(plan.key(arm))

    def difference(self, measure: str, contrast: Contrast) -> Difference | str:
        """Compute the difference of a contrast, or return the reason why it cannot be computed."""
        arms = [*contrast.plus, *contrast.minus]
        predictions = [found for found in map(self.predictions, arms) if found is not None]
        if len(predictions) < len(arms):
            return f"{NOT_MEASURED}: {', '.join(short(arm) for arm in arms if self.predictions(arm) is None)}"
        try:
            return difference(measure, predictions[: len(contrast.plus)], predictions[len(contrast.plus) :])
        except ValueError as error:
            return f"not comparable: {error}"

    def evaluate(self, claim: Claim) -> tuple[list[Difference | str], str]:
        """Compute each comparison of a claim, and the verdict on the claim."""
        measured = [found for found in map(self.predictions, TABLE_2) if found is not None]
        if claim.genre and measured and claim.genre not in measured[0].genres:
            return [f"no {claim.genre}"] * len(claim.contrasts), NOT_HERE
        results = [self.difference(claim.measure, contrast) for contrast in claim.contrasts]
        differences = [result for result in results if isinstance(result, Difference)]
        return results, verdict(differences) if len(differences) == len(results) else NOT_MEASURED

    def missing(self) -> Iterator[str]:
        """Yield a line for each incomplete sweep, with its missing arms and seeds."""
        for sweep in plan.PLAN:
            if self.data not in sweep.data or not sweep.baselines:
                continue
            present = {arm: measured.seeds if (measured := self.predictions(arm)) else [] for arm in sweep.arms}
            missing = {arm: [str(seed) for seed in sweep.seeds if seed not in present[arm]] for arm in sweep.arms}
            parts = [f"{short(arm)} (seed {', '.join(seeds)})" for arm, seeds in missing.items() if seeds]
            if parts:
                yield f"{self.data} {sweep.name}: {'; '.join(parts) if any(present.values()) else 'all arms'}"
