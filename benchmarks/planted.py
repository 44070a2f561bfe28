"""Plant a shortcut in the clips of one genre: `python -m benchmarks.planted MANIFEST DIR --genre GENRE --shortcut tone`.

The shortcut is a weak tone or a low pass. It is put into the clips of GENRE that are in the training set of a holdout by artist
(--sets chooses others). All clips are written to DIR alike (FLAC, mono, 22,050 Hz), with a manifest whose column `split` has the
sets: train with `dataset=manifest dataset.path=DIR/manifest.csv split=official`. DIR/planted.csv lists the altered clips.
"""

import argparse
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy import signal

from src.audio import reader
from src.clip import SUBSETS, Clip
from src.console import Parser, track
from src.dataset import Manifest
from src.plain_files import write_csv
from src.split import Holdout
from src.threads import map_in_order

RATE = 22_050  # Hz
TONE_HZ, TONE_DB = 9_000.0, -40.0  # the level is relative to that of the clip
LOW_PASS_HZ = 6_000.0
COLUMNS = ("path", "genre", "artist", "track", "split")

Wave = NDArray[np.float32]  # (T,)


def tone(wave_T: Wave, hz: float = TONE_HZ, level_db: float = TONE_DB) -> Wave:
    """Add a sine of constant amplitude whose level is `level_db` re the level (RMS) of the clip."""
    amplitude = np.sqrt(2 * np.mean(wave_T**2)) * 10 ** (level_db / 20)
    sine_T: Wave = (amplitude * np.sin(2 * np.pi * hz * np.arange(len(wave_T)) / RATE)).astype(np.float32)
    return wave_T + sine_T


def low_pass(wave_T: Wave, hz: float = LOW_PASS_HZ) -> Wave:
    """Remove what is above `hz`: Butterworth, order 16, 3 dB down at `hz`, 80 dB at 1.8 times `hz`."""
    filtered: Wave = np.asarray(signal.sosfilt(signal.butter(16, hz, fs=RATE, output="sos"), wave_T), np.float32)
    return filtered


def with_sets(clips: Sequence[Clip]) -> list[Clip]:
    """The clips with their sets; if the data set defines none, with those of a holdout by artist (seed 0)."""
    if any(clip.subset for clip in clips):
        return list(clips)
    subsets = Holdout(0.2, 0.2, 0, grouped=True, allow_leak=False).assign(clips)
    return [replace(clip, subset=subset) for clip, subset in zip(clips, subsets, strict=True)]


def plant(
    clips: Sequence[Clip], folder: Path, alter: Callable[[Wave], Wave], genre: str, sets: Collection[str] = ("train",)
) -> Iterator[Clip]:
    """Write the clips to `folder`, those of `genre` in the given sets altered; `clip.subset` is the set of each.

    Yields each clip when it is written, and then writes manifest.csv and planted.csv. Raises AudioError or OSError.
    """

    def write(k: int) -> tuple[Clip, str, bool]:
        clip = clips[k]
        name, altered = f"{clip.genre}/{k:05d}.flac", clip.genre == genre and clip.subset in sets
        wave_T = reader.read(clip.path, RATE, clip.start_seconds, clip.stop_seconds)
        wave_T = alter(wave_T) if altered else wave_T
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, np.clip(wave_T, -1, 1), RATE, subtype="PCM_16")
        return clip, name, altered

    rows, planted = [], []
    for clip, name, altered in map_in_order(write, range(len(clips))):
        rows.append((name, clip.genre, clip.artist or "", clip.track or "", clip.subset or ""))
        planted += [(name, clip.name)] * altered
        yield clip
    write_csv(folder / "manifest.csv", COLUMNS, rows)
    write_csv(folder / "planted.csv", ("path", "clip"), planted)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the altered data set and print the path of its manifest -> exit status."""
    parser = Parser(
        prog="python -m benchmarks.planted", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "manifest", type=Path, metavar="MANIFEST", help="a table of clips, as dataset=manifest reads it"
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder to write to")
    parser.add_argument("--genre", required=True, help="the genre that gets the shortcut")
    parser.add_argument("--shortcut", required=True, choices=("tone", "low_pass"))
    parser.add_argument(
        "--hz", type=float, help=f"of the tone (default: {TONE_HZ:g}) or the low pass ({LOW_PASS_HZ:g})"
    )
    parser.add_argument(
        "--level-db", type=float, default=TONE_DB, help="of the tone, re the clip (default: %(default)g)"
    )
    parser.add_argument("--sets", default="train", help="comma-separated: train, val, test (default: %(default)s)")
    options = parser.parse_args(arguments)
    sets = options.sets.split(",")
    hz = options.hz or (TONE_HZ if options.shortcut == "tone" else LOW_PASS_HZ)
    if not set(sets) <= set(SUBSETS):
        parser.error(f"--sets is {options.sets}: expected one or more of {', '.join(SUBSETS)}, separated by commas.")
    if not 0 < hz < RATE / 2:
        parser.error(f"--hz is {hz:g}: expected more than 0 and less than {RATE / 2:g} Hz.")
    if not -120 <= options.level_db <= 0:
        parser.error(f"--level-db is {options.level_db:g}: expected -120 to 0.")
    try:
        corpus = Manifest(str(options.manifest)).corpus()
        if options.genre not in corpus.genres:
            parser.error(f"--genre is {options.genre!r}: expected one of {', '.join(corpus.genres)}.")
        clips = with_sets(corpus.clips)
        alter = (
            partial(tone, hz=hz, level_db=options.level_db) if options.shortcut == "tone" else partial(low_pass, hz=hz)
        )
        for _ in track(plant(clips, options.folder, alter, options.genre, sets), "Clips", total=len(clips)):
            pass
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(options.folder / "manifest.csv")
    return 0


if __name__ == "__main__":
    sys.exit(main())
