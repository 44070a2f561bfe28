"""Measure how a run's predictions change with altered sound: `python -m src.robustness RUN`. `--help` has examples."""

import argparse
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from src import console

JSON, PAGE, LOCK = "robustness.json", "robustness.html", ".robustness.lock"
HELP = """\
The test clips of the run are decoded again, altered, and predicted as in the run's own evaluation. The table has, for each
alteration and strength, the accuracy, its change with a paired 95 % interval, and the share of clips with the same prediction
as before (agreement). Where a piece may change its genre (tempo beyond 6 %, pitch beyond a semitone), there is only agreement.

alterations: level, eq, bass, treble, low_pass, mp3, opus, noise, reverb, speed, tempo, pitch, offset, segment
reduced sound: level_bandwidth, rhythm, spectrum; noise that keeps only this of a clip
  without --retrain   what the trained model does with it
  --retrain           also a model trained on it: how much of the genre this alone gives away

The results are robustness.json and robustness.html in outputs/robustness_<run>/, or --output FOLDER. What is measured of
single clips is stored there too: after Ctrl-C, the same command goes on. Other --only and --clips use what is there.
If the music has moved, settings say where it is, as for evaluate: dataset.root=DIR.

exit status: 0; 1 on bad input; 130 if interrupted

examples:
  python -m src.robustness outputs/my_run
  python -m src.robustness outputs/my_run --only low_pass,mp3=64 --clips 50
  python -m src.robustness outputs/my_run --retrain
  python -m src.robustness outputs/my_run dataset.root=DIR
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the run, print the tables and write page and JSON; return 0; 1 on bad input; 130 if interrupted."""
    console.accept_any_name()
    options = _options(arguments)
    try:
        _measure(options)
    except KeyboardInterrupt:
        console.note("Interrupted. What was measured is stored: the same command goes on from there.")
        return 130
    except BrokenPipeError:
        console.ignore_closed_pipe()
    except Exception as error:
        from src import errors  # imported here, as Hydra is slow to import

        errors.show(error, "robustness")
        console.discard_unwritable_output()
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = console.Parser(
        prog="python -m src.robustness",
        description="Measure how the predictions of a run change with altered sound.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    parser.add_argument("settings", nargs="*", metavar="SETTING", help="KEY=VALUE: where the run's data set is now")
    parser.add_argument("--only", metavar="NAMES", help="only these, joined by commas; NAME=STRENGTH for one strength")
    parser.add_argument("--clips", type=_count, metavar="N", help="only N test clips, of all genres")
    parser.add_argument("--retrain", action="store_true", help="also train a support vector machine on reduced sound")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="default: outputs/robustness_<run>")
    parser.add_argument("--trust", **console.TRUST)
    options = parser.parse_intermixed_args(arguments)
    for word in options.settings:
        if not re.match(r"[~+]*[\w.$@-]+=", word):
            parser.error(
                f"{word}: expected one run, and settings KEY=VALUE. Measure several runs with several commands."
            )
    return options


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of clips: expected 1 or more")
    return int(text)


def _measure(options: argparse.Namespace) -> None:
    """Measure a run and write the results. Raises ValueError on bad input."""
    # Imported here, so that --help does not wait for torch.
    from src import plain_files, rundir
    from src.judging import command
    from src.reporting import render, robustness_page, robustness_text
    from src.rundir.folder import lock, writable
    from src.sensitivity import conditions
    from src.sensitivity.report import report
    from src.sensitivity.subject import Subject

    chosen = conditions.read(options.only)
    if options.retrain and not any(condition.name in conditions.REDUCED for condition in chosen):
        raise ValueError(
            f"--retrain trains on reduced sound, and --only {options.only} has none. Add "
            f"{', '.join(conditions.REDUCED)}, or leave --retrain out."
        )
    runs = rundir.runs_at(options.run, tuple(options.trust))
    if runs[0].path != options.run:
        raise ValueError(
            f"{options.run} is a folder of runs, and this program measures one: name one of them, such as {runs[0].path}."
        )
    request, run_dir = command.read(options.settings)
    if run_dir is not None:
        raise ValueError("hydra.run.dir is not for this program: name the folder with --output FOLDER.")
    subject = Subject(options.run, request, options.trust)
    for note in subject.notes:
        console.note(f"Note: {note}")
    folder = options.output or Path("outputs") / f"robustness_{subject.run.path.resolve().name}"
    with writable(folder), lock(folder, "measuring", LOCK, option="--output"):
        content = report(subject, folder, chosen, options.clips, options.retrain)
        content["command"] = shlex.join(["python", "-m", "src.robustness", *_words(options), f"--output={folder}"])
        plain_files.write_json(folder / JSON, content, indent=1)
        page = render.save(folder / PAGE, robustness_page.html(content))
    for table in robustness_text.tables(content):
        console.result(table)
    for line in robustness_text.lines(content):
        console.line(line)
    console.line(f"{page} has the figures and the changes of each genre.")


def _words(options: argparse.Namespace) -> list[str]:
    """The words of a command line that repeats this measurement, except for its folder."""
    words = [str(options.run), *options.settings]
    words += [f"--only={options.only}"] if options.only else []
    words += [f"--clips={options.clips}"] if options.clips else []
    words += ["--retrain"] if options.retrain else []
    return [*words, *(word for module in options.trust for word in ("--trust", module))]


if __name__ == "__main__":
    sys.exit(main())
