"""Measure how often sounds are called unlike training: `python -m benchmarks.unlike RUN... [--music MANIFEST...]`.

White and pink noise and speech of 20 voices were used to choose the distance; brown noise and 20 other voices were not. The speech is
synthetic, by espeak-ng, which must be installed. With --music, the clips of a table (columns path, genre) are a further kind for each genre.
"""

import argparse
import csv
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from src import console
from src.inference.recognizer import Prediction, Recognizer
from src.metrics.intervals import wilson
from src.rundir import RunDir

SOUNDS, SECONDS = 40, 30.0  # of each kind of noise
SLOPES = {
    "white noise": 0.0,
    "pink noise": 1.0,
    "brown noise, held out": 2.0,
}  # power falls with frequency to this exponent
VOICES = {
    "speech": ("en-us", "de", "fr", "es", "it"),
    "speech, held out": ("en-gb", "pt", "pl", "sv", "ru"),
}
VARIANTS = ("+m1", "+m4", "+f1", "+f3")  # two men, two women
TEXT = (Path(__file__).parent.parent / "docs" / "datasets.md").read_text(encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the share of each kind of sound that each run calls unlike training, with the 95 % interval (Wilson)."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.unlike", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--music", action="append", default=[], type=Path, metavar="MANIFEST")
    options = parser.parse_args(arguments)
    for path in options.runs:
        recognizer = Recognizer.load(path)
        unlike, total, errors = Counter[str](), Counter[str](), Counter[str]()
        for kind, prediction in predictions(recognizer, options.music):
            if prediction is None:
                errors[kind] += 1
            elif prediction.unlike_training is None:
                raise SystemExit(f"{path} cannot tell: its model has no embedding, or it is old. Train it again.")
            else:
                unlike[kind] += prediction.unlike_training
                total[kind] += 1
        own = (RunDir(path).metrics["doubt"] or {}).get("unlike_training")
        print(f"{path.name}:")
        if own:
            total["its own test clips"], unlike["its own test clips"] = own["clips"], own["unlike"]
        for kind, count in total.items():
            low, high = wilson(unlike[kind], count)
            left_out = f"; {errors[kind]} unreadable" if errors[kind] else ""
            print(
                f"  {kind}: {unlike[kind]} of {count}, {100 * unlike[kind] / count:.1f} % ({100 * low:.1f} to {100 * high:.1f}){left_out}"
            )
    return 0


def predictions(recognizer: Recognizer, manifests: Sequence[Path]) -> Iterator[tuple[str, Prediction | None]]:
    """Yield the kind of each sound and its prediction, None for a file that cannot be used."""
    for kind, slope in SLOPES.items():
        for k in console.track(range(SOUNDS), kind, SOUNDS):
            yield kind, recognizer.predict(noise(slope, k, recognizer.sample_rate), recognizer.sample_rate)
    with tempfile.TemporaryDirectory() as folder:
        files = [(kind, file) for kind in VOICES for file in speech(kind, Path(folder))]
        for manifest in manifests:
            with manifest.open(encoding="utf-8", newline="") as table:
                files += [
                    (f"{row['genre']} ({manifest.parent.name})", manifest.parent / row["path"])
                    for row in csv.DictReader(table)
                ]
        results = recognizer.predict_files([file for _, file in files])
        for (kind, _), result in zip(files, console.track(results, "speech and music", len(files)), strict=True):
            yield kind, result if isinstance(result, Prediction) else None


def noise(slope: float, seed: int, sample_rate: int) -> NDArray[np.float32]:
    """Noise whose power falls with frequency to the power `slope`, at a level of -40 to -10 dB relative to full scale -> (T,)."""
    random = np.random.default_rng([seed, int(slope)])
    length = round(SECONDS * sample_rate)
    spectrum = np.fft.rfft(random.standard_normal(length))
    frequency_hz = np.fft.rfftfreq(length, 1 / sample_rate).clip(20)
    wave_T = np.fft.irfft(spectrum * frequency_hz ** (-slope / 2), length)
    level = 10 ** (random.uniform(-40, -10) / 20)
    noise_T: NDArray[np.float32] = (level * wave_T / np.sqrt(np.mean(wave_T**2))).clip(-1, 1).astype(np.float32)
    return noise_T


def speech(kind: str, folder: Path) -> list[Path]:
    """Let each voice of a kind read a part of a page of the documentation, about 30 s -> the files."""
    words = [word for word in TEXT.split() if word.isalpha()]
    files = []
    for k, (language, variant) in enumerate((voice, variant) for voice in VOICES[kind] for variant in VARIANTS):
        file = folder / f"{language}{variant}.wav"
        part = " ".join(words[70 * k : 70 * k + 80])
        speed = str(140 + 3 * k)
        command: list[Any] = ["espeak-ng", "-v", language + variant, "-s", speed, "-w", file, part]
        subprocess.run(command, check=True, capture_output=True)
        files.append(file)
    return files


if __name__ == "__main__":
    sys.exit(main())
