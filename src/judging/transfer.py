"""Judge each run of a sweep over data sets on the test clips of the other data sets, for `sweep=transfer`."""

import json
import re
import shlex
import shutil
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from src import console, formatting, rundir
from src.config import leaves
from src.evaluation.transfer import CLIPS_OF, pairing_key
from src.judging import judge, writer
from src.judging.clips import NoCommonGenre
from src.judging.judged_data import Request
from src.rundir import RunDir

FOLDER = "transfer"  # of the evaluations, in the folder of the sweep


def judge_all(folder: Path, runs: Sequence[RunDir]) -> None:
    """Judge the runs of a sweep and write the evaluations into its folder `transfer`. Finished ones are skipped.

    Runs that differ only in the data set belong together: each is judged on the test clips of each other one, so that all
    runs of a column are judged on the same clips. Raises ValueError if there are not two data sets with different names.
    """
    together: dict[str, dict[str, RunDir]] = defaultdict(dict)
    for run in runs:
        name = str(run.metrics["dataset"])
        if together[pairing_key(run)].setdefault(name, run) is not run:
            raise ValueError(
                f"{run.path} and {together[pairing_key(run)][name].path} were trained on data sets of one name, {name}. Give "
                "each data set a name of its own: that of its folder or table."
            )
    if max(map(len, together.values())) < 2:
        raise ValueError(
            f"all {formatting.count(len(runs), 'run')} are on one data set: expected several, e.g. dataset.path=a.csv,b.csv"
        )
    for by_data in together.values():
        for run in by_data.values():
            for name, other in by_data.items():
                if other is not run:
                    _judge(folder / FOLDER / _name(run, name), run, other)


def _judge(folder: Path, run: RunDir, other: RunDir) -> None:
    """Judge a run on the test clips of another run, unless that is done already."""
    identity = {"run": writer.identity_of(run), CLIPS_OF: writer.identity_of(other)}
    if (folder / rundir.METRICS).exists():
        with suppress(ValueError, OSError):
            done = json.loads((folder / rundir.METRICS).read_text(encoding="utf-8"))["identity"]
            if all(done.get(key) == value for key, value in identity.items()):
                return
    name = other.metrics["dataset"]
    console.note(f"{run.path.name}: evaluating it on the test clips of {name}")
    request = Request(dataset=other.config["dataset"], split_file=other.path / rundir.SPLIT)
    try:
        judgement = judge.judge(run.path, request, _modules(run))
    except NoCommonGenre as error:
        console.note(f"{run.path.name} is not evaluated on {name}. {error}")
        return
    if folder.exists():  # of an earlier run here
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    words = [word for word in shlex.split(other.environment["command"]) if re.match(r"\+?dataset[.=]", word)]
    of_other = [*words, f"dataset.split_file={other.path / rundir.SPLIT}", "split=official"]
    command = ["python", "-m", "src.evaluate", str(run.path), *of_other]
    writer.write(folder, judgement, shlex.join(command), identity)


def _modules(run: RunDir) -> list[str]:
    """The modules whose classes the config of a run of one's own names."""
    targets = [str(value) for key, value in leaves(run.config) if key.endswith("._target_")]
    return sorted({target.rpartition(".")[0] for target in targets})


def _name(run: RunDir, dataset: str) -> str:
    name = re.sub(r"[^\w.-]", "_", dataset)
    return f"{run.path.name}_on_{name}"
