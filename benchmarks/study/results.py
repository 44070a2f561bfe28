"""A data set's answers, compared; where a comparison cannot be made, the reason in words stands in its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.study import answers, plan
from benchmarks.study.answers import Answers
from benchmarks.study.claims import NOT_HERE, TABLE_2, Claim, Contrast, verdict
from benchmarks.study.measure import Difference, difference
from benchmarks.study.plan import short

NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Results:
    """A data set's answers by `plan.key`, and what of its runs could not be used."""

    data: str
    by_key: dict[str, Answers]
    notes: list[str]

    @classmethod
    def read(cls, folder: Path, data: str) -> "Results":
        return cls(data, *answers.read(folder / data))

    def of(self, arm: str) -> Answers | None:
        return self.by_key.get(plan.key(arm))

    def difference(self, measure: str, contrast: Contrast) -> Difference | str:
        """The difference, or why there is none."""
        arms = [*contrast.plus, *contrast.minus]
        found = [each for each in map(self.of, arms) if each is not None]
        if len(found) < len(arms):
            return f"{NOT_MEASURED}: {', '.join(short(arm) for arm in arms if self.of(arm) is None)}"
        try:
            return difference(measure, found[: len(contrast.plus)], found[len(contrast.plus) :])
        except ValueError as error:
            return f"not comparable: {error}"

    def judge(self, claim: Claim) -> tuple[list[Difference | str], str]:
        """Each of the claim's comparisons, and the verdict on all of them."""
        known = [each for each in map(self.of, TABLE_2) if each is not None]
        if claim.genre and known and claim.genre not in known[0].genres:
            return [f"no {claim.genre}"] * len(claim.contrasts), NOT_HERE
        found = [self.difference(claim.measure, contrast) for contrast in claim.contrasts]
        differences = [each for each in found if isinstance(each, Difference)]
        return found, verdict(differences) if len(differences) == len(found) else NOT_MEASURED

    def missing(self) -> Iterator[str]:
        """The sweeps that are not whole, with the arms and seeds that they lack."""
        for sweep in plan.PLAN:
            if self.data not in sweep.data or not sweep.against:
                continue
            there = {arm: found.seeds if (found := self.of(arm)) else [] for arm in sweep.arms}
            lacks = {arm: [str(seed) for seed in sweep.seeds if seed not in there[arm]] for arm in sweep.arms}
            some = [f"{short(arm)} (seed {', '.join(seeds)})" for arm, seeds in lacks.items() if seeds]
            if some:
                yield f"{self.data} {sweep.name}: {'; '.join(some) if any(there.values()) else 'all of it'}"
