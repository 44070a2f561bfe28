"""Learning curves from 1 to 20 clips of each genre: `few` against `head` and nearest neighbours, on musicnn's embeddings.

    python -m benchmarks.few DIR [--figure FILE.svg]

DIR is the folder that benchmarks.music makes, or another with manifest.csv; or `synth`, the synthetic corpus, on which the
method of `few` below 5 clips was chosen (--methods few,lda). k clips of each genre are drawn, by one artist or by several;
the clips of all other artists are the test clips. Every method gets the same draws, and nothing else: no validation clips.
If some genres have fewer than five artists, the curves are drawn for all genres, and for the others alone.

Each finished trial is added to a file, so the same command continues. Prints a CSV table; the intervals are of a bootstrap
over draws and artists. One thread.
"""

import argparse
import csv
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.few import draws, summary, trials
from src import console, errors, formatting
from src.settings.quoting import quoted

LEAST_ARTISTS = 5  # of the genres in the second list, in which curves by several artists are longer
SYNTH = ("dataset=synth", "dataset.artists=8", "dataset.seed=7")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program -> exit status: 0; 1 on bad input; 130 if interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.few", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DIR", help="a folder with manifest.csv, or synth: the synthetic corpus")
    parser.add_argument("--draws", type=int, default=100, metavar="N", help="default: 100")
    parser.add_argument("--clips", default=",".join(map(str, draws.CLIPS)), metavar="LIST", help="values of k")
    parser.add_argument("--methods", default="few,head,knn", metavar="LIST", help=f"of {', '.join(trials.METHODS)}")
    parser.add_argument("--trials", type=Path, metavar="FILE", help="finished trials (outputs/few/DATA.jsonl)")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the curves into an SVG or PNG file")
    parser.add_argument("--cache", type=Path, default=Path("outputs/cache"), metavar="DIR")
    parser.add_argument(
        "--minutes", type=float, default=math.inf, metavar="N", help="stop after N minutes; run again to continue"
    )
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except KeyboardInterrupt:
        console.error("few", "interrupted; the same command continues.")
        return 130
    except Exception as error:  # of the data, as in src.train
        console.error("few", errors.explain(error))
        return 1


def run(options: argparse.Namespace) -> int:
    """Run the trials that are not finished, print the table and draw the figure. Raises ValueError on bad input."""
    methods, clips = options.methods.split(","), options.clips.split(",")
    check(options, methods, clips)
    name = "synth" if options.data == "synth" else Path(options.data).resolve().name
    file = options.trials or Path("outputs/few") / f"{name}.jsonl"
    trainers = prepare(options.data, methods, options.cache)
    finished = {trial.key: trial for trial in trials.read(file, trainers[0].digest)}
    plan = []
    for trainer in trainers:
        genres = trainer.data.genres
        drawn, empty = draws.cells(trainer.data.clips, genres)
        plan += [(trainer, cell) for cell in drawn if str(cell.k) in clips]
        for cell, reason in empty.items():
            if str(cell.k) in clips:
                console.note(f"Empty: {formatting.first_names(genres, 3)}, k = {cell.k} by {cell.by}: {reason}.")
    todo = [
        (trainer, cell, number, method)
        for number in range(options.draws)
        for trainer, cell in plan
        for method in methods
        if (cell, number, method) not in finished and not (method == "lda" and cell.k == 1)
    ]
    end = time.monotonic() + 60 * options.minutes
    for trainer, cell, number, method in console.track(todo, "Trials", len(todo)):
        if time.monotonic() > end:
            console.note("The time is up; the same command continues.")
            break
        trial = trainer.trial(cell, number, draws.draw(trainer.data.clips, cell, number), method)
        trials.write(trial, file)
        finished[trial.key] = trial

    cells = [cell for _, cell in plan]
    scored = summary.score(
        [
            trial
            for (cell, number, method), trial in finished.items()
            if cell in cells and number < options.draws and method in methods
        ]
    )
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows([summary.COLUMNS, *summary.rows(scored)])
    if options.figure:
        summary.draw_figure(scored, options.figure)
        console.note(f"The figure is {options.figure}.")
    return 0


def check(options: argparse.Namespace, methods: Sequence[str], clips: Sequence[str]) -> None:
    """Raise ValueError on an option that makes no sense."""
    if unknown := [name for name in methods if name not in trials.METHODS]:
        raise ValueError(f"--methods names {', '.join(unknown)}: expected some of {', '.join(trials.METHODS)}.")
    if unknown := [k for k in clips if k not in map(str, draws.CLIPS)]:
        raise ValueError(f"--clips names {', '.join(unknown)}: expected some of {', '.join(map(str, draws.CLIPS))}.")
    if options.draws < 1:
        raise ValueError(f"--draws is {options.draws}: expected 1 or more; intervals need about 100.")
    if options.figure and options.figure.suffix not in (".svg", ".png"):
        raise ValueError(f"--figure is {options.figure}: expected a name that ends in .svg or .png.")
    if options.data != "synth" and not (Path(options.data) / "manifest.csv").is_file():
        raise ValueError(f"{options.data} has no manifest.csv: name a folder that benchmarks.music has made, or synth.")


def prepare(data: str, methods: Sequence[str], cache: Path) -> list[trials.Trainer]:
    """The clips of all genres with their embeddings; and without the genres of few artists, if two others are left."""
    manifest = Path(data).resolve() / "manifest.csv"
    words = SYNTH if data == "synth" else ("dataset=manifest", quoted("dataset.path", str(manifest)))
    everything = trials.Trainer(words, None, methods, cache)
    artists = {genre: set[str | None]() for genre in everything.data.genres}
    for clip in everything.data.clips:
        artists[clip.genre].add(clip.artist or clip.name)
    several = [genre for genre, names in artists.items() if len(names) >= LEAST_ARTISTS]
    return [everything, *([trials.Trainer(words, several, methods, cache)] if 1 < len(several) < len(artists) else [])]


if __name__ == "__main__":
    sys.exit(main())
