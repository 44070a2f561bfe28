"""Explain predictions of a run: `python -m src.explain RUN AUDIO... | --test`. `--help` has examples."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from src import console, plain_files

if TYPE_CHECKING:
    from src.clip import Clip
    from src.explanation.model import ExplainedModel

METHODS = ("integrated_gradients", "occlusion", "gradcam")  # as in explanation.maps, which is slow to import
PAGE, JSON = "explanation.html", "explanation.json"
CLIPS = 20  # of --test, by default
SECONDS = 30.0  # of a file, from its middle, by default
HELP = """\
examples:
  python -m src.explain outputs/my_run song.mp3
  python -m src.explain outputs/my_run --test
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write page and JSON; return the exit status: 0; 1 on bad input or if a file failed; 130 if interrupted."""
    console.accept_any_name()
    options = _options(arguments)
    try:
        return _explain(options)
    except KeyboardInterrupt:
        console.note("Interrupted: nothing was written.")
        return 130
    except BrokenPipeError:
        console.ignore_closed_pipe()
        return 0
    except (ValueError, ImportError, OSError) as error:
        console.error("explain", plain_files.no_room(error) or error)
        console.discard_unwritable_output()
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = console.Parser(
        prog="python -m src.explain",
        description="Explain predictions of a run: what in the sound speaks for the predicted genre.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a run directory")
    parser.add_argument("audio", nargs="*", metavar="AUDIO", help="a file, a folder, or - for paths on standard input")
    parser.add_argument("--test", action="store_true", help="explain test clips of the run")
    parser.add_argument(
        "--clips", type=int, metavar="N", help=f"with --test: at most N clips, of all genres (default: {CLIPS})"
    )
    parser.add_argument(
        "--method",
        action="append",
        choices=METHODS,
        help="may be repeated; the first is drawn (default: integrated_gradients)",
    )
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="a new folder for the page, JSON and sounds")
    parser.add_argument("--json", action="store_true", help="print the JSON on standard output too")
    parser.add_argument("--trust", **console.TRUST)
    options = parser.parse_intermixed_args(arguments)
    if options.test == bool(options.audio):
        parser.error("expected either audio files or --test, e.g. outputs/my_run song.mp3.")
    if options.clips is not None and not options.test:
        parser.error("--clips is only for --test: all files that are named are explained. Leave it out.")
    return options


def _explain(options: argparse.Namespace) -> int:
    # Imported here, so that --help does not wait for torch.
    import json

    from src.explanation.explain import explain
    from src.explanation.model import ExplainedModel
    from src.reporting import explanation_page
    from src.reporting.render import save
    from src.rundir.folder import reserve

    model = ExplainedModel(options.run, options.trust)
    clips = _clips(options, model)
    explanations = [
        explain(model, model.read(clip, SECONDS), options.method or METHODS[:1])
        for clip in console.track(clips, "Explaining", len(clips))
    ]
    name = options.run.resolve().name
    folder = reserve(options.output or Path("outputs") / f"{datetime.now():%Y-%m-%d_%H-%M-%S}_explain_{name}")
    command = shlex.join(["python", "-m", "src.explain", *sys.argv[1:]])
    content = explanation_page.content(name, explanations, command)
    plain_files.write_json(folder / JSON, content, indent=1)
    page = save(folder / PAGE, explanation_page.html(name, explanations, command))
    console.line(json.dumps(content) if options.json else str(page))
    return 0


def _clips(options: argparse.Namespace, model: "ExplainedModel") -> "list[Clip]":
    from src.clip import Clip
    from src.inference import audio_files

    return [Clip(file, Path(file), "") for file in audio_files.list_audio(options.audio, sys.stdin)]


if __name__ == "__main__":
    sys.exit(main())
