"""Recognize the genre of audio files: `python -m src.predict AUDIO... [--run RUN]...`. `--help` has examples."""

import argparse
import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from src import console, plain_files
from src.classifier import precision
from src.inference import resume
from src.threads import usable_cores

if TYPE_CHECKING:
    from src.inference.ensemble import Ensemble
    from src.inference.recognizer import Recognizer

MAX_WORKERS = 8  # default limit: each worker needs about 100 MB for the intermediate results of the network
PROBABILITY = console.number(lambda share: 0 < share < 1, "a probability, more than 0 and less than 1")
SECONDS = console.number(lambda seconds: 0 < seconds < math.inf, "a number of seconds, more than 0")
HELP = """\
output: one prediction per file on standard output, as soon as it is known; messages go to standard error
  json    one object per line: audio_file, predicted_genre, confidence, calibrated, probabilities, duration_seconds,
          model, unlike_training; genre_set and set_level with --set; abstain with --abstain; segments with --timeline; reason, training_data, precision and note if there is one. For a file that
          cannot be read: audio_file, error
  csv     a header and one row per file: the same without timeline, error, and p_<genre> for each genre
  table   a table and a summary, printed at the end
with several --run: agree, and models, a list of one such object per model (csv and table: one row per model)
with --average: one prediction, the mean of the calibrated probabilities of all runs; runs has their names; calibrated is
true if it is true for each run

A file is cut into windows as long as the crops that the model was trained on, from beginning to end; the prediction is
the mean over the windows (those that are music). confidence is the probability of the predicted genre. calibrated: the
probabilities were adjusted on the validation set; if it is false, a confidence of 0.8 need not mean 80 % correct.
training_data is "synthetic" if the run was trained on synthetic music: it knows nothing about real recordings. precision
is "bf16-mixed" if the networks were computed in bfloat16. m4a, mp4, aac, wma and other formats that FFmpeg reads need
`make extra-m4a`, once.

The pretrained tagger is musicnn and, if its weights are found, EfficientAT, which knows more genres (reggae, ...) and tells
music from other sounds better. The weights are those of --weights, of the environment variable MUSIC_GENRE_EFFICIENTAT, or
downloaded by `python -m src.weights efficientat`. With a genre and kinds of it (rock,metal), rock means other rock.

predicted_genre is "unsure" if no genre can be given; reason then says why:
  not_music         the tagger only: silence, speech, noise, hum or clicks; all probabilities are equal. --tagger clap:DIR
                    does not notice speech. With --run, a silent file is an error
  low_confidence    the highest probability is below 0.2 (pretrained tagger), or too low for the error rate R (run with
                    --abstain). If a genre and its kinds together reach 0.2, the tagger predicts that genre, and
                    confidence is their sum
  unlike_training   a run with --abstain: the sound is unlike all training clips of the run

unlike_training is true if a sound is further from all training clips of the run than 99 % of its validation clips are, in what
the model computes before its last layer; null for the tagger, and for a run without this (old, or model=majority or tags).

--set 0.9 adds the smallest set of genres that holds the true one with a probability of 90 %, and --abstain 0.05 answers only
where at most 5 % of answers are wrong (with 95 % confidence). Where no limit of confidence reaches this rate, --abstain is refused,
and the message has the lowest rate that is reached. Both need a run that was trained with split.calibration=0.25 and has 10
calibration artists or more, and hold for new artists of the same kind of music, for whole files as long as the clips of
the training (--excerpt). With --timeline, they concern the whole file; with --average, the runs need one split. In a CSV,
the genres of a set are separated by |. See docs/doubt.md.

exit status: 0; 1 if a file failed or nothing could be done; 130 if interrupted: the output so far is complete and usable

examples:
  python -m src.predict song.mp3                                      the pretrained tagger, no training needed
  python -m src.predict music --genres rock,pop,jazz --format table   a folder with all its files
  python -m src.predict music --tagger clap:DIR --genres drill,polka  any genres, by the CLAP network in DIR
  python -m src.predict music --run outputs/my_run --format csv > genres.csv
  python -m src.predict mix.flac --timeline --format table            the genre over time
  python -m src.predict music --run outputs/a --run outputs/b         two models, and whether they agree
  python -m src.predict music --run outputs/a --run outputs/b --average         the two as one model
  python -m src.predict music --run outputs/SWEEP --average                     all runs of a sweep as one model
  python -m src.predict music --run outputs/a --set 0.9               sets of genres that hold the true one
  python -m src.predict music --run outputs/a --abstain 0.2           no answer where it may be wrong
  python -m src.predict music --resume out.jsonl >> out.jsonl         continue an earlier output
  find music -newer out.jsonl | python -m src.predict -               a list of paths, one per line
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the predictions and return the exit status: 0; 1 on bad input or if a file failed; 130 if interrupted."""
    options = _options(arguments)
    if isinstance(sys.stdout, TextIOWrapper):  # so that --resume can read back any file name
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")
    try:
        with resume.lock(options.resume):
            return _predict(options, sys.stdout)
    except KeyboardInterrupt:
        print("predict: interrupted; the output so far is complete and usable", file=sys.stderr)
        return 130
    except BrokenPipeError:
        console.ignore_closed_pipe()
        return 0
    except (ValueError, ImportError, OSError) as error:
        no_room = plain_files.no_room(error)
        advice = " To continue an output: --resume FILE >> FILE." if no_room else ""
        console.error("predict", f"{no_room or error}{advice}")
        console.discard_unwritable_output()
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = console.Parser(
        prog="python -m src.predict",
        description="Recognize the genre of audio files, with the pretrained tagger or with trained runs.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("audio", nargs="+", metavar="AUDIO", help="a file, a folder, or - for paths on standard input")
    parser.add_argument("--run", action="append", default=[], metavar="RUN", help="a run directory; may be repeated")
    parser.add_argument(
        "--average",
        action="store_true",
        help="join the runs: one prediction, the mean of their probabilities; RUN may then be a folder of runs",
    )
    parser.add_argument("--trust", **console.TRUST)
    parser.add_argument("--genres", metavar="G", help="for the tagger: gtzan (its ten genres), or names: rock,pop,jazz")
    parser.add_argument(
        "--weights",
        metavar="W",
        help="for the tagger: efficientat:FILE, the weights of its second network, or none (default: found, see below)",
    )
    parser.add_argument(
        "--tagger", metavar="clap:DIR", help="a CLAP network as tagger: --genres may then name any genres"
    )
    parser.add_argument("--format", choices=("json", "csv", "table"), default="json", help="default: json")
    parser.add_argument("--timeline", action="store_true", help="the genre over time, in steps of about 10 s")
    parser.add_argument(
        "--top",
        type=console.whole_number,
        metavar="K",
        help="print only the K most probable genres; their probabilities no longer sum to 1",
    )
    parser.add_argument(
        "--excerpt", type=SECONDS, metavar="SECONDS", help="use only SECONDS from the middle of each file"
    )
    parser.add_argument(
        "--set",
        type=PROBABILITY,
        metavar="P",
        help="add a set of genres that holds the true one with probability P, e.g. 0.9; needs --run",
    )
    parser.add_argument(
        "--abstain",
        type=PROBABILITY,
        metavar="R",
        help="predict unsure where more than a share R of answers may be wrong, e.g. 0.05; needs --run",
    )
    parser.add_argument(
        "--resume", type=Path, metavar="FILE", help="skip files that have a prediction in this earlier output"
    )
    parser.add_argument(
        "--threads",
        type=console.whole_number,
        metavar="N",
        help=f"CPU threads (default: one per core, up to {MAX_WORKERS})",
    )
    parser.add_argument(
        "--precision",
        choices=(precision.AUTO, precision.FP32, precision.BF16),
        default=precision.FP32,
        help=f"default: {precision.FP32}; {precision.BF16}: faster on hardware with bfloat16; auto: bfloat16 there",
    )
    options = parser.parse_intermixed_args(arguments)
    options.genres = [genre.strip() for genre in options.genres.split(",")] if options.genres is not None else None
    if options.run and options.genres:
        parser.error(
            "--genres is only for the pretrained tagger: a run has the genres that it was trained on. Leave it out."
        )
    if options.weights is not None and (options.run or options.tagger):
        other = "a run" if options.run else "a CLAP network"
        parser.error(f"--weights is only for the pretrained tagger: {other} finds its own weights. Leave it out.")
    if options.tagger is not None:
        name = options.tagger.removeprefix("clap:")
        if not name or name == options.tagger:
            parser.error(
                f"--tagger is {options.tagger!r}: expected clap: and the folder or id of a CLAP network, clap:DIR."
            )
        if options.run:
            parser.error("--tagger and --run exclude each other. Leave one of them out.")
        if not options.genres:
            parser.error("--tagger clap:DIR needs the genres to choose from, e.g. --genres 'bossa nova,drill,polka'.")
    if options.genres is not None and not all(options.genres):
        parser.error("--genres expects names separated by commas, e.g. --genres rock,pop,jazz, or gtzan.")
    if not options.run and (options.set is not None or options.abstain is not None):
        asked = "--set" if options.set is not None else "--abstain"
        parser.error(
            f"{asked} needs a run with calibration artists: the tagger has none. Train one with split.calibration=0.25, e.g. "
            "feature=musicnn model=head, and name it with --run."
        )
    if options.average and not options.run:
        parser.error("--average joins several runs: name each with --run, or a folder of runs with one --run.")
    if options.timeline and options.format == "csv":
        parser.error("--timeline does not fit into a csv of one row per file: choose --format json or table.")
    return options


def _predict(options: argparse.Namespace, out: TextIO) -> int:
    # Imported here, so that --help does not wait for torch.
    from src.inference import audio_files

    files = audio_files.list_audio(options.audio, sys.stdin)
    if not files:
        raise ValueError(
            f"no audio in {', '.join(options.audio)}: expected files with extension {' '.join(audio_files.SUFFIXES)}."
        )
    precision_name = precision.resolve(options.precision)
    bfloat16 = precision_name == precision.BF16
    earlier = resume.read(options.resume) if options.resume else None
    if earlier:
        earlier.check_precision(precision_name if bfloat16 else None)
        earlier.check_doubt(options.set, options.abstain)
        skipped = earlier.describe_skipped(files)
        files = [file for file in files if file not in earlier.predicted]
        if not files:
            console.note(skipped)
            return 0

    import torch

    from src import formatting
    from src.audio.reader import AudioError
    from src.inference import output
    from src.inference.recognizer import Prediction

    workers = 1 if torch.cuda.is_available() else options.threads or min(usable_cores(), MAX_WORKERS)
    recognizers = _recognizers(options)
    for note in dict.fromkeys(note for recognizer in recognizers for note in recognizer.notes):
        console.note(f"Note: {note}")
    for recognizer in recognizers:
        recognizer.precision = precision_name
    genres = list(dict.fromkeys(genre for recognizer in recognizers for genre in recognizer.genres))
    for recognizer in recognizers:
        recognizer.doubt(options.set, options.abstain)
    if earlier:
        earlier.check_models([recognizer.name for recognizer in recognizers], genres)
        console.note(skipped)
    output_options = output.OutputOptions(
        genres,
        len(recognizers),
        options.top,
        options.timeline,
        bfloat16=bfloat16,
        set_level=options.set,
        abstain=options.abstain,
    )
    if earlier and earlier.is_appended_to(out):
        earlier.prepare_append(out, options.format, output.columns(output_options))
        output_options = replace(output_options, header=not earlier.header)
    writer = output.FORMATS[options.format](output_options, out)

    results: Iterable[Sequence[Prediction | AudioError]]
    results = zip(
        *(recognizer.predict_files(files, options.excerpt, workers) for recognizer in recognizers), strict=True
    )
    if sys.stderr.isatty() and (
        options.format == "table" or not out.isatty()
    ):  # otherwise the predictions themselves appear on the terminal and show the progress
        results = console.track(results, "Predicting", len(files))
    failed_count = agreed_count = 0
    try:
        for file, model_results in zip(files, results, strict=True):
            predictions = [result for result in model_results if isinstance(result, Prediction)]
            errors = [result for result in model_results if isinstance(result, AudioError)]
            if errors:
                writer.add_error(file, str(errors[0]))
                failed_count += 1
            else:
                writer.add(file, predictions)
                agreed_count += output.agree(predictions)
            for note in dict.fromkeys([str(e) for e in errors[:1]] or [p.note for p in predictions if p.note]):
                console.note(f"{file}: {note}")
    finally:
        writer.finish()
    predicted_files = formatting.count(len(files) - failed_count, "file")
    if len(recognizers) > 1:
        console.note(f"The {len(recognizers)} models agree on {agreed_count} of {predicted_files}.")
    if failed_count:
        console.note(f"{failed_count} of {formatting.count(len(files), 'file')} failed.")
    return int(failed_count > 0)


def _recognizers(options: argparse.Namespace) -> "list[Recognizer | Ensemble]":
    from src.inference.ensemble import Ensemble
    from src.inference.recognizer import Recognizer
    from src.rundir.members import distinct_names

    if options.tagger:
        return [Recognizer.clap(options.tagger.removeprefix("clap:"), options.genres)]
    if not options.run:
        return [Recognizer.pretrained(options.genres, options.weights)]
    if options.average:
        return [Ensemble.load(options.run, options.trust)]
    recognizers = [Recognizer.load(folder, options.trust) for folder in options.run]
    for recognizer, name in zip(recognizers, distinct_names([Path(folder) for folder in options.run]), strict=True):
        recognizer.name = name
    return [*recognizers]


if __name__ == "__main__":
    sys.exit(main())
