"""Explain predictions of a run: `python -m src.explain RUN AUDIO... | --test`. `--help` has examples."""

import argparse
import json
import os
import re
import shlex
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from src import console, plain_files

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from src.clip import Clip
    from src.explanation import Explanation
    from src.explanation.listening import Audible
    from src.explanation.model import ExplainedModel
    from src.judging.judged_data import Request

METHODS = ("integrated_gradients", "occlusion", "gradcam")  # those of explanation.maps, which is slow to import
PAGE, JSON, SOUNDS = "explanation.html", "explanation.json", "sounds"
GENRES_PAGE, GENRES_JSON = "genres.html", "genres.json"  # of --global
CLIPS = 20  # of --test, by default
SECONDS = 30.0  # of a file, from its middle, by default: as much as training uses of a clip
MOST_SECONDS = 120.0
MOST_BYTES = 30_000_000  # of all sounds
HELP = """\
output: FOLDER/explanation.html, explanation.json and sounds/; the path of the page on standard output

The page shows what in the sound speaks for the predicted genre, over time and frequency, and lets it be heard: the sound with
its most relevant tenth flattened, and this tenth alone. It says how faithful this is: whether the probability
falls faster than with random masks, with an interval over the clips, and whether a model with random weights would look the same.
In words, it says which groups of rows speak for the genre (timbre, harmony, rhythm, level; features with several), which tags of
a pretrained network go with the decision, and which training clips of the genre and of its rival are the nearest. The training
clips are read once, which may take minutes, and then stored in RUN/training_clips.npz.

With --global, the page genres.html says what the run recognizes each genre by, over its test clips: groups of rows, parts of the
feature, frequency bands and tags, with intervals; and the drop in accuracy by permutation, for svm, knn, few and head.

With --test and --global, settings KEY=VALUE say where the data are, as for evaluate, if they have moved: dataset.root=DIR.
The sounds are parts of your music: share the folder only if you may share the music.

methods
  integrated_gradients   for all networks (default); the baseline is the training mean of the feature
  occlusion              for all networks; slower
  gradcam                for networks with convolutions (cnn, hybrid, residual, cnn1d)
svm, knn, few and majority have no gradients: their page has no map.

exit status: 0; 1 on bad input or if a file failed; 130 if interrupted

examples:
  python -m src.explain outputs/my_run song.mp3
  python -m src.explain outputs/my_run music --output explained
  python -m src.explain outputs/my_run --test --clips 40
  python -m src.explain outputs/my_run --test dataset.root=DIR
  python -m src.explain outputs/my_run --global
  python -m src.explain outputs/my_run song.mp3 --method gradcam --method occlusion
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write page, JSON and sounds; return the exit status: 0; 1 on bad input or if a file failed; 130 if interrupted."""
    console.accept_any_name()
    options = _options(arguments)
    try:
        return _explain(options, sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        console.note("Interrupted: the page was not written.")
        return 130
    except BrokenPipeError:
        console.ignore_closed_pipe()
        return 0
    except Exception as error:
        from src import errors  # imported here, as Hydra is slow to import

        errors.show(error, "explain")
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
    parser.add_argument(
        "audio", nargs="*", metavar="AUDIO", help="a file, a folder, or - for paths on standard input; or KEY=VALUE"
    )
    parser.add_argument("--test", action="store_true", help="explain test clips of the run")
    parser.add_argument(
        "--global",
        action="store_true",
        dest="genres",
        help="explain what the run recognizes each genre by, over test clips",
    )
    parser.add_argument(
        "--clips",
        type=console.whole_number,
        metavar="N",
        help=f"with --test or --global: at most N clips, of all genres (default: {CLIPS}; --global: 200, or all where it is fast)",
    )
    parser.add_argument(
        "--method", action="append", choices=METHODS, help="may be repeated; the first is drawn and made audible"
    )
    parser.add_argument(
        "--excerpt",
        type=console.number(
            lambda seconds: 0 < seconds <= MOST_SECONDS, f"a number of seconds, up to {MOST_SECONDS:g}"
        ),
        metavar="SECONDS",
        help=f"explain at most SECONDS from the middle of each file (default: {SECONDS:g}; with --test, as in training)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="a new folder (default: outputs/<date>_<time>_explain_<run>)"
    )
    parser.add_argument("--no-sounds", action="store_true", help="write no sounds")
    parser.add_argument("--json", action="store_true", help="print explanation.json instead of the path of the page")
    parser.add_argument("--trust", **console.TRUST)
    options = parser.parse_intermixed_args(arguments)
    of_run = options.test or options.genres
    options.settings = [word for word in options.audio if "=" in word] if of_run else []
    files = [word for word in options.audio if word not in options.settings]
    if options.test and options.genres:
        parser.error("--test explains single clips, --global all genres. Name one of them.")
    if of_run and files:
        option = "--test" if options.test else "--global"
        parser.error(f"{files[0]}: {option} explains the test clips of the run. Name either audio files or {option}.")
    setting = next((word for word in files if re.match(r"[a-z]+\.[a-z_]+=", word) and not os.path.exists(word)), None)
    if setting:
        parser.error(
            f"{setting}: settings are only for --test and --global, which read the data of the run. Leave it out."
        )
    if not of_run and not files:
        parser.error("expected audio files, or --test for test clips of the run, or --global.")
    if options.genres and (options.method or options.excerpt or options.no_sounds):
        parser.error("--method, --excerpt and --no-sounds are not for --global. Leave them out.")
    if options.clips is not None and not of_run:
        parser.error("--clips is only for --test and --global: all files that are named are explained. Leave it out.")
    options.method = list(dict.fromkeys(options.method or METHODS[:1]))
    return options


def _explain(options: argparse.Namespace, words: Sequence[str]) -> int:
    # Imported here, so that --help does not wait for torch.
    from src.explanation.model import ExplainedModel

    if options.output and options.output.exists() and (not options.output.is_dir() or any(options.output.iterdir())):
        raise ValueError(f"--output {options.output} exists and is not empty: name a new folder.")
    model = ExplainedModel(options.run, options.trust)
    if options.genres:
        return _explain_genres(options, model, words)
    model.check_methods(options.method)
    clips, seconds, notes = _clips(options, model)
    with _folder(options) as folder:
        return _explain_clips(options, model, words, folder, (clips, seconds, notes))


def _explain_clips(
    options: argparse.Namespace,
    model: "ExplainedModel",
    words: Sequence[str],
    folder: Path,
    chosen: "tuple[list[Clip], float | None, list[str]]",
) -> int:
    """Explain what `_clips` has chosen, and write the results into a folder, the numbers first."""
    from src import formatting
    from src.audio.reader import AudioError
    from src.explanation.explain import explain
    from src.reporting import explanation_page, explanation_text
    from src.reporting.render import save

    clips, seconds, notes = chosen
    for note in dict.fromkeys([*model.recognizer.notes, *notes]):
        console.note(f"Note: {note}")
    explanations: list[Explanation] = []
    failed: dict[str, str] = {}
    sounds = Sounds(not options.no_sounds)
    for clip in console.track(clips, "Explaining", len(clips)):
        try:
            sound = model.read(clip, options.excerpt or seconds)
        except (AudioError, OSError) as error:
            failed[clip.name] = plain_files.first_line(error)
            continue
        explanation, audible = explain(model, sound, options.method)
        sounds.add(explanation, sound.wave_T, audible, model.recognizer.sample_rate)
        sounds.add_neighbours(explanation, model)
        if len(explanations) >= explanation_page.MOST_CLIPS:
            explanation.drop_pictures()
        explanations.append(explanation)
    for name, reason in failed.items():
        console.note(f"{name}: {reason}")
    if not explanations:
        raise ValueError(f"none of {formatting.count(len(clips), 'file')} could be explained: see the messages above.")
    command = shlex.join(["python", "-m", "src.explain", *words])
    content = explanation_page.content(model.run, explanations, failed, notes, command)
    plain_files.write_json(folder / JSON, content, indent=1)
    sounds.write(folder)
    page = save(folder / PAGE, explanation_page.html(content, explanations, [*notes, *sounds.notes]))
    console.line(json.dumps(content) if options.json else f"{page}")
    for sentence in explanation_text.sentences(content):
        console.note(sentence)
    return int(bool(failed))


def _explain_genres(options: argparse.Namespace, model: "ExplainedModel", words: Sequence[str]) -> int:
    from src.explanation.per_genre import explain_genres
    from src.reporting import genre_page
    from src.reporting.render import save

    model.request = _request(options)
    if model.request.dataset is not None or model.request.split is not None:
        raise ValueError(
            "dataset= and split= name other clips: --global explains the run's own test clips. Keys such as dataset.root=DIR say "
            "where these are; --test explains single clips of other data."
        )
    for note in dict.fromkeys(model.recognizer.notes):
        console.note(f"Note: {note}")
    with _folder(options) as folder:
        found = explain_genres(model, options.clips)
        content = genre_page.content(model.run, found, shlex.join(["python", "-m", "src.explain", *words]))
        plain_files.write_json(folder / GENRES_JSON, content, indent=1)
        page = save(folder / GENRES_PAGE, genre_page.html(content, found))
    for name, reason in found.skipped.items():
        console.note(f"{name}: {reason}")
    if options.json:
        console.line(json.dumps(content))
    else:
        for table in genre_page.tables(found):
            console.result(table)
        for genre in content["genres"].values():
            console.line(" ".join(genre["sentences"]))
        console.line(f"{page}")
    for note in [*content["interval_notes"], *found.notes]:
        console.note(note)
    return int(bool(found.skipped))


def _folder(options: argparse.Namespace) -> "AbstractContextManager[Path]":
    """Make the folder that --output names, or a new one in outputs/; it is removed if the work fails and leaves it empty."""
    from src.rundir.folder import writable

    default = f"{datetime.now():%Y-%m-%d_%H-%M-%S}_explain_{options.run.resolve().name}"
    return writable(options.output or Path("outputs") / default, is_default=options.output is None)


class Sounds:
    """The sounds of a page: encoded at once, written at the end, up to MOST_BYTES."""

    def __init__(self, wanted: bool) -> None:
        self.wanted, self.content, self.left_out = wanted, dict[str, bytes](), 0

    def add(self, explanation: "Explanation", wave_T: "object", audible: "Audible | None", sample_rate: int) -> None:
        """Add the sound of an explanation, and what its map leaves of it."""
        from src.audio.decoders import encode_ogg

        waves = {"whole": wave_T}
        if audible is not None:
            waves |= {"only": audible.only_T, "without": audible.without_T}
            explanation.listening["gain_db"] = audible.gain_db
        if not self.wanted:
            return
        number = len(self.content)
        encoded = {f"{SOUNDS}/{number:03d}_{kind}.ogg": encode_ogg(wave, sample_rate) for kind, wave in waves.items()}  # type: ignore[arg-type]
        if sum(map(len, [*self.content.values(), *encoded.values()])) > MOST_BYTES:
            self.left_out += 1
            return
        self.content |= encoded
        explanation.sounds = dict(zip(waves, encoded, strict=True))

    def add_neighbours(self, explanation: "Explanation", model: "ExplainedModel") -> None:
        """Add excerpts of the nearest training clips."""
        from src.explanation import neighbour_sounds
        from src.explanation.background import background

        training = background(model).training
        if training is None or not self.wanted:
            return
        encoded = neighbour_sounds.encode(explanation.neighbours, training, SOUNDS, self.content)
        if sum(map(len, [*self.content.values(), *encoded.values()])) > MOST_BYTES:
            self.left_out += 1
            for each in explanation.neighbours["clips"]:
                if each.get("sound") in encoded:
                    each["sound"] = ""
            return
        self.content |= encoded

    @property
    def notes(self) -> list[str]:
        """A sentence that says what is missing."""
        size = plain_files.format_bytes(MOST_BYTES)
        return (
            [f"The sounds of {self.left_out} clips are left out: together they would take more than {size}."]
            if self.left_out
            else []
        )

    def write(self, folder: Path) -> None:
        """Write all sounds into a folder."""
        for name, content in self.content.items():
            (folder / name).parent.mkdir(exist_ok=True)
            plain_files.write_bytes(folder / name, content)


def _clips(options: argparse.Namespace, model: "ExplainedModel") -> "tuple[list[Clip], float | None, list[str]]":
    """The clips to explain, how many seconds of each, and sentences on what is left out."""
    from src.clip import Clip
    from src.inference import audio_files

    if not options.test:
        files = audio_files.list_audio(options.audio, sys.stdin)
        if not files:
            raise ValueError(f"no audio in {', '.join(options.audio)}: expected audio files.")
        return [Clip(file, Path(file), "") for file in files], SECONDS, []

    from src.explanation.clips import test_clips

    model.request = _request(options)
    return test_clips(model.run, model.request, options.clips or CLIPS)


def _request(options: argparse.Namespace) -> "Request":
    """The place of the run's data, by the settings of the command line."""
    from src.judging import command

    request, folder = command.read(options.settings)
    if folder is not None:
        raise ValueError("hydra.run.dir is not for this program: name the folder with --output FOLDER.")
    return request


if __name__ == "__main__":
    sys.exit(main())
