"""Results of the study on one data set: computed from runs, or read from a JSON file. The report is made from them alone.

A comparison that cannot be made is replaced by the reason, as text.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.study import answers, plan, scarce
from benchmarks.study.answers import ArmPredictions
from benchmarks.study.claims import CLAIMS, NOT_HERE, TABLE_2, TABLE_2_MEASURES, Claim, Contrast, verdict
from benchmarks.study.measure import ACCURACY, F1, WORST, Difference, difference, recall_of
from benchmarks.study.plan import short

NOT_MEASURED = "not measured"
SCARCE_MEASURES = (recall_of(scarce.GENRE), WORST, F1, ACCURACY)
DIGITS = 6  # of a share in JSON


@dataclass(frozen=True)
class Arm:
    """The seeds that an arm was trained with, and the mean training time of its runs (None: unknown)."""

    seeds: list[int]
    seconds: float | None


@dataclass(frozen=True)
class Results:
    """Scores and differences on one data set.

    `source` says where they come from (see `answers.describe`), `arms` has the measured arms of the plan, `measured` a
    score, a difference or a reason for each `name` of a measure and a contrast. `notes` are on excluded runs. `older` has
    results of the same data set for what was not measured here; the two are never mixed in one comparison or table.
    """

    data: str
    source: Mapping[str, Any]
    genres: list[str]
    arms: Mapping[str, Arm]
    measured: Mapping[str, Difference | str]
    notes: list[str]
    older: "Results | None" = None

    @classmethod
    def read(cls, folder: Path, data: str) -> "Results":
        """Compute the results of a data set from the runs in `folder`/`data`."""
        by_key, notes, source = answers.read(folder / data)
        planned = dict.fromkeys(arm for sweep in plan.PLAN if data in sweep.data for arm in sweep.compared)
        by_arm = {arm: by_key[key] for arm in planned if (key := plan.key(arm)) in by_key}
        measured = {
            name(measure, contrast): _difference(measure, contrast, by_arm)
            for measure, contrast in asked(data)
            if by_arm.keys() >= {*contrast.plus, *contrast.minus}
        }
        of_paper = [by_arm[arm] for arm in TABLE_2 if arm in by_arm]
        arms = {arm: Arm(found.seeds, found.seconds) for arm, found in by_arm.items()}
        source["command"] = f"python -m benchmarks.study run {data}"
        return cls(data, source, of_paper[0].genres if of_paper else [], arms, measured, notes)

    @classmethod
    def from_plain(cls, data: str, content: Mapping[str, Any], older: "Results | None" = None) -> "Results":
        """Read what `plain` has written. In a list of numbers, null stands for an unknown one."""
        measured = {key: _read(value) for key, value in content["measured"].items()}
        arms = {arm: Arm(**fields) for arm, fields in content["arms"].items()}
        return cls(data, content["source"], content["genres"], arms, measured, content["notes"], older)

    def plain(self) -> dict[str, Any]:
        """Convert to values for JSON: a difference is [value, low, high, deviation, clips, artists]."""
        measured = {
            key: value
            if isinstance(value, str)
            else [*map(_plain, (value.value, value.low, value.high, value.deviation)), value.clips, value.artists]
            for key, value in self.measured.items()
        }
        arms = {
            arm: {"seeds": found.seeds, "seconds": _plain(found.seconds, digits=1)} for arm, found in self.arms.items()
        }
        return {
            "source": self.source, "genres": self.genres, "arms": arms, "measured": measured, "notes": self.notes
        }  # fmt: skip

    def of(self, arms: Iterable[str]) -> "Results":
        """These results if they have all the arms, otherwise the older ones if those do."""
        has_all = {*arms} <= self.arms.keys()
        return self.older if not has_all and self.older and {*arms} <= self.older.arms.keys() else self

    def difference(self, measure: str, contrast: Contrast) -> Difference | str:
        """Look up a score or a difference, or return the reason why there is none."""
        arms = (*contrast.plus, *contrast.minus)
        if (chosen := self.of(arms)) is not self:
            return chosen.difference(measure, contrast)
        missing = [arm for arm in arms if arm not in self.arms]
        if missing:
            return f"{NOT_MEASURED}: {', '.join(map(short, missing))}"
        return self.measured.get(name(measure, contrast), NOT_MEASURED)

    def evaluate(self, claim: Claim) -> tuple[list[Difference | str], str]:
        """Look up each comparison of a claim, and give the verdict on the claim."""
        if claim.genre and self.genres and claim.genre not in self.genres:
            return [f"no {claim.genre}"] * len(claim.contrasts), NOT_HERE
        results = [self.difference(claim.measure, contrast) for contrast in claim.contrasts]
        differences = [result for result in results if isinstance(result, Difference)]
        return results, verdict(differences) if len(differences) == len(results) else NOT_MEASURED

    def missing(self) -> Iterator[str]:
        """Yield a line for each incomplete sweep, with its missing arms and seeds."""
        for sweep in plan.PLAN:
            if self.data not in sweep.data or not sweep.baselines:
                continue
            present = {arm: self.arms[arm].seeds if arm in self.arms else [] for arm in sweep.arms}
            missing = {arm: [str(seed) for seed in sweep.seeds if seed not in present[arm]] for arm in sweep.arms}
            parts = [f"{short(arm)} (seed {', '.join(seeds)})" for arm, seeds in missing.items() if seeds]
            if parts:
                yield f"{self.data} {sweep.name}: {'; '.join(parts) if any(present.values()) else 'all arms'}"


def asked(data: str) -> Iterator[tuple[str, Contrast]]:
    """Yield each measure and contrast that the report of a data set shows."""
    for claim in CLAIMS:
        yield from ((claim.measure, contrast) for contrast in claim.contrasts)
    for sweep in plan.PLAN:
        for arm in sweep.compared if data in sweep.data else ():
            for measure in SCARCE_MEASURES if sweep.data is plan.SCARCE else (ACCURACY, F1):
                yield measure, Contrast([arm], [])
                if arm in sweep.baselines:
                    yield measure, Contrast([arm], [sweep.baselines[arm]])
    for arm in TABLE_2:
        yield from ((measure, Contrast([arm], [])) for measure in TABLE_2_MEASURES)


def load(path: Path) -> list[Results]:
    """Read the results of all data sets from JSON: those from "runs", with those from "older" beside them."""
    content = json.loads(path.read_text(encoding="utf-8"))
    found = []
    for data in plan.DATA:
        older = Results.from_plain(data, content["older"][data]) if data in content["older"] else None
        runs = Results.from_plain(data, content["runs"][data], older) if data in content["runs"] else None
        found += [results for results in (runs or older,) if results]
    return found


def name(measure: str, contrast: Contrast) -> str:
    """Name a score or a difference: "accuracy: experiment=paper_cnn - experiment=paper_rnn"."""
    return " - ".join([f"{measure}: {' + '.join(contrast.plus)}", *contrast.minus])


def save(path: Path, content: Mapping[str, Any], depth: int) -> None:
    """Write nested mappings as JSON: down to this depth, each entry is on a line of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(_lines(content, depth) + "\n", encoding="utf-8")


def _lines(value: Any, depth: int, indent: str = "") -> str:
    if not isinstance(value, Mapping) or not value or not depth:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    entries = [
        f"{indent} {json.dumps(key, ensure_ascii=False)}: {_lines(value[key], depth - 1, indent + ' ')}"
        for key in value
    ]
    return "{\n" + ",\n".join(entries) + f"\n{indent}}}"


def _difference(measure: str, contrast: Contrast, by_arm: Mapping[str, ArmPredictions]) -> Difference | str:
    plus, minus = ([by_arm[arm] for arm in arms] for arms in (contrast.plus, contrast.minus))
    try:
        return difference(measure, plus, minus)
    except ValueError as error:
        return f"not comparable: {error}"


def _plain(value: float | None, digits: int = DIGITS) -> float | None:
    return None if value is None or math.isnan(value) else round(value, digits)


def _read(value: str | list[Any]) -> Difference | str:
    if isinstance(value, str):
        return value
    score, low, high = (math.nan if number is None else float(number) for number in value[:3])
    return Difference(score, low, high, *value[3:])
