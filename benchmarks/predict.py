"""Speed of `predict` and of its parts: `python -m benchmarks.predict FOLDER [--cores 1,2] [--files 40]`.

FOLDER holds music in any format. First, excerpts of 30 s are written as mp3 to a temporary folder; files are used
repeatedly if there are too few, and short ones are looped. Then, for each number of cores, a separate process is bound to
that many cores and runs the pretrained tagger on all files three times; medians are printed. The same process measures the
parts one by one: decoding and resampling, the log-mel spectrogram, musicnn's two networks. The tagger is musicnn; where the
weights of EfficientAT are found, the part `both` is the tagger with it too.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.speed.figures import in_turn
from src.classifier.precision import BF16, FP32

if TYPE_CHECKING:
    from torch import Tensor

SECONDS, RATE, TURNS = 30.0, 44100, 3


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.predict", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cores", default="1,2", help="default: 1,2")
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--precision", choices=(FP32, BF16), default=FP32)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(sorted(options.folder.glob("*.mp3")), options.child, options.precision)))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_excerpts(options.folder, Path(folder), options.files)
        rows = []
        for cores in map(int, options.cores.split(",")):
            command = [sys.executable, "-m", "benchmarks.predict", folder, "--child", str(cores)]
            command += ["--precision", options.precision]
            rows.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
            rows[-1]["start"] = statistics.median(first_prediction_seconds(Path(folder), cores) for _ in range(TURNS))
    print(f"{options.files} mp3 of {SECONDS:g} s, stereo {RATE} Hz; musicnn's tagger; medians of {TURNS}\n")
    print(
        "| cores | times real time | per core | decoding | log-mel | networks | whole / sum | first prediction after |"
    )
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        parts = [row[part] for part in ("decode", "logmel", "networks")]
        shares = " | ".join(f"{100 * part / sum(parts):.0f} %" for part in parts)
        speed = options.files * SECONDS / row["all"]
        print(
            f"| {row['cores']} | {speed:.0f} | {speed / row['cores']:.0f} | {shares} | {row['all'] / sum(parts):.2f} | "
            f"{row['start']:.1f} s |"
        )


def write_excerpts(source: Path, target: Path, files: int) -> None:
    """Write excerpts of the music in `source` to `target` as stereo mp3."""
    import numpy as np
    import soundfile

    from src.audio import reader
    from src.clip import AUDIO_SUFFIXES

    paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in AUDIO_SUFFIXES)
    if not paths:
        sys.exit(f"{source} has no audio files: expected {', '.join(AUDIO_SUFFIXES)}.")
    for k, path in zip(range(files), itertools.cycle(paths), strict=False):
        wave_T = np.resize(reader.read(path, RATE, max_seconds=SECONDS), round(SECONDS * RATE))
        soundfile.write(target / f"{k:03}.mp3", np.stack((wave_T, wave_T), axis=1), RATE)


def measure(files: list[Path], cores: int, precision: str = FP32) -> dict[str, Any]:
    """Measure the seconds for all files, in total and by parts, with this process bound to `cores` cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    import torch

    from src.inference.recognizer import Recognizer
    from src.inference.windows import WindowBatch, file_windows
    from src.pretrained import logmel
    from src.pretrained.files import EFFICIENTAT, find_any
    from src.pretrained.musicnn import FRAMES
    from src.threads import map_in_order

    torch.set_num_threads(1)
    recognizer = Recognizer.pretrained(weights="none")
    recognizer.precision = precision
    list(recognizer.predict_files(files[:2]))
    results = file_windows(files, recognizer.sample_rate, recognizer.length, None)
    waves = [torch.from_numpy(part.wave).float() / 32767 for part in results if isinstance(part, WindowBatch)]
    networks = recognizer.classifier.feature.networks

    def mel(wave_BT: "Tensor") -> "Tensor":
        with torch.inference_mode():  # each thread has to enter it itself
            return logmel(wave_BT)[:, :, :FRAMES]

    def predict(mel_BMN: "Tensor") -> list[Any]:
        with torch.inference_mode():
            return [network(mel_BMN) for network in networks]  # type: ignore[union-attr]

    mels = [mel(wave_BT) for wave_BT in waves]
    works: dict[str, Callable[[], object]] = {
        "all": lambda: list(recognizer.predict_files(files, workers=cores)),
        "decode": lambda: list(file_windows(files, recognizer.sample_rate, recognizer.length, None)),
        "logmel": lambda: list(map_in_order(mel, waves, cores)),
        "networks": lambda: list(map_in_order(predict, mels, cores)),
    }
    if file := find_any(EFFICIENTAT):
        both = Recognizer.pretrained(weights=f"{EFFICIENTAT}:{file}")
        both.precision = precision
        list(both.predict_files(files[:2]))
        works["both"] = lambda: list(both.predict_files(files, workers=cores))
    return {"cores": cores, **in_turn(works, TURNS, warmups=0)}


def first_prediction_seconds(folder: Path, cores: int) -> float:
    """Measure the seconds from the start of the command to its first prediction."""
    command = ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores])), sys.executable]
    start = time.perf_counter()
    process = subprocess.Popen(
        [*command, "-m", "src.predict", str(folder), "--weights", "none"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    seconds = time.perf_counter() - start
    process.kill()
    process.communicate()
    return seconds


if __name__ == "__main__":
    main()
