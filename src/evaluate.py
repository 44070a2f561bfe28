"""Evaluate finished runs on another data set, or again on their own: `python -m src.evaluate RUN... dataset=...`."""

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from src import console

if TYPE_CHECKING:
    from src.judging.judge import Judgement

RUN_DIR = "hydra.run.dir"
HELP = """\
Settings are written as for `src.train`: dataset=CHOICE with its keys, split=CHOICE with its keys, and keys of data.
  without dataset=       the run's own test clips again: the scores are those of the run
  with dataset=          all clips of that data set, with split= the test clips of that split; if it is the data set of the
                         run, only the test clips of the run
  dataset.genre_map.NAME=GENRE    the genre NAME of the data set is the GENRE of the run; case and separators need no map
The sample rate, the crops and everything else that belongs to the model are those of the run, whatever the files have.

Each run is scored twice: over all genres of the run, and over the genres that the run and the data set both know. Macro
averages are over these common genres. Clips of other genres are left out, counted and named. Artists, tracks and copies
that the clips share with the training of the run are reported, and the scores without these clips.

With --average, the runs are evaluated as one model: the mean of their calibrated probabilities. They need the same genres,
and without dataset= also the same test clips. What the clips share with the training of any of them is reported.

The result is a run directory without a model, outputs/<date>_<time>_evaluate_<data set>_<run>/, or hydra.run.dir=FOLDER. report
and compare take it like any run.

exit status: 0; 1 on bad input; 130 if interrupted

examples:
  python -m src.evaluate outputs/my_run                                         again on its own test clips
  python -m src.evaluate outputs/my_run dataset=folder dataset.root=DIR         on your music, DIR/genre/file
  python -m src.evaluate outputs/a outputs/b dataset=gtzan dataset.root=DIR     two runs on the same clips
  python -m src.evaluate outputs/a outputs/b --average                          the two as one, on their test clips
  python -m src.evaluate outputs/SWEEP --average dataset=gtzan dataset.root=DIR     all runs of a sweep as one
  python -m src.evaluate outputs/my_run dataset=fma dataset.root=DIR dataset.genre_map.Hip-Hop=rap
  python -m src.evaluate outputs/my_run dataset=fma dataset.root=DIR split=official     only its test set
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate the runs and print their scores; return the exit status: 0; 1 on bad input; 130 if interrupted."""
    console.accept_any_name()
    options = _options(arguments)
    try:
        _evaluate(options.runs, options.settings, options.trust, options.average)
    except KeyboardInterrupt:
        console.note("Interrupted. Finished evaluations are saved; decoded sound stays cached.")
        return 130
    except BrokenPipeError:
        console.ignore_closed_pipe()
    except Exception as error:
        from src import errors  # imported here, as Hydra is slow to import

        errors.show(error, "evaluate")
        console.discard_unwritable_output()
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = console.Parser(
        prog="python -m src.evaluate",
        description="Evaluate finished runs on another data set, or again on their own test clips.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "words", nargs="+", metavar="RUN|SETTING", help="a run directory, a folder of runs, or a setting KEY=VALUE"
    )
    parser.add_argument(
        "--average",
        action="store_true",
        help="evaluate all runs as one model: the mean of their calibrated probabilities",
    )
    parser.add_argument("--trust", **console.TRUST)
    options = parser.parse_intermixed_args(arguments)
    options.settings = [word for word in options.words if _is_setting(word)]
    options.runs = [Path(word) for word in options.words if not _is_setting(word)]
    if not options.runs:
        parser.error("expected at least one run, e.g. outputs/my_run.")
    return options


def _is_setting(word: str) -> bool:
    """True for KEY=VALUE; a run may have = in its path, so a path that exists is no setting."""
    return bool(re.match(r"[~+]*[\w.$@-]+=", word)) and not Path(word).is_dir()


def _evaluate(paths: Sequence[Path], words: Sequence[str], trust: Sequence[str], average: bool) -> None:
    """Evaluate the runs at the paths one by one or as one, each in a directory of its own. Raises ValueError on bad input."""
    # Imported here, so that --help does not wait for torch.
    from src.judging import command, judge
    from src.judging.average import judge_average
    from src.rundir import members

    request, folder = command.read(words)
    name = command.data_name(words)
    tested_on = "their own test clips" if average else "its own test clips"
    tested_on = tested_on if request.dataset is None else name
    if average:
        runs = members.trained_runs_at(paths, tuple(trust))
        members.check_members(runs)
        console.note(f"{members.average_name([str(run.path) for run in runs])}: evaluating it on {tested_on}")
        where = folder or _new_folder(name, f"average_of_{len(runs)}")
        judgement = judge_average(runs, request, trust)
        _write(judgement, where, folder is None, _command([*paths], words, trust, ["--average"]), trust)
        return
    folders = command.run_folders(paths, trust)
    for run in folders:
        console.note(f"{run}: evaluating it on {tested_on}")
        where = _folder(folder, name, run, several=len(folders) > 1)
        _write(judge.judge(run, request, trust), where, folder is None, _command([run], words, trust), trust)


def _write(judgement: "Judgement", where: Path, is_new: bool, command: Sequence[str], trust: Sequence[str]) -> None:
    """Write the directory and the report of a judgement, and print its scores. `is_new`: choose a name that is not taken."""
    from src.judging import writer
    from src.reporting import doubt_text, evaluation_text, opinions_text, run_page
    from src.rundir.folder import lock, reserve

    model_notes = judgement.model_notes if judgement.own else []  # otherwise they are among the warnings below
    for note in [*model_notes, *judgement.data.corpus.notes]:
        console.note(f"Note: {note}")
    where = reserve(where) if is_new else where
    with lock(where, "writing"):
        writer.check_folder(where)
        metrics = writer.write(where, judgement, shlex.join([*command, f"{RUN_DIR}={where}"]))
    console.result(evaluation_text.table(metrics))
    about_opinions = metrics["test"].get("opinions")
    for line in [*evaluation_text.lines(metrics), *(opinions_text.lines(about_opinions) if about_opinions else [])]:
        console.line(line)
    for line in doubt_text.terminal_lines(metrics["doubt"]):
        console.line(line)
    for warning in metrics["certificate"]["warnings"] if not judgement.own else ():
        console.note(f"Warning: {warning}")
    console.line(f"{where}: the report is {run_page.write(where, trust=tuple(trust))}")


def _folder(asked: Path | None, data: str, run: Path, several: bool) -> Path:
    """The folder of an evaluation: the one that was asked for, in it one for each of several runs, or one in outputs/."""
    if asked is not None:
        return asked / run.resolve().name if several else asked
    return _new_folder(data, run.resolve().name)


def _new_folder(data: str, name: str) -> Path:
    return Path("outputs") / f"{datetime.now():%Y-%m-%d_%H-%M-%S}_evaluate_{data}_{name}"


def _command(runs: Sequence[Path], words: Sequence[str], trust: Sequence[str], more: Sequence[str] = ()) -> list[str]:
    """The words of the command line that repeats one evaluation, except for its folder."""
    settings = [word for word in words if not word.startswith(f"{RUN_DIR}=")]
    trusted = [word for module in trust for word in ("--trust", module)]
    return ["python", "-m", "src.evaluate", *map(str, runs), *settings, *trusted, *more]


if __name__ == "__main__":
    sys.exit(main())
