"""Compare ways of filling a patch of 10 s with a shorter sound for EfficientAT: `python -m benchmarks.short_sound FOLDER`.

FOLDER has music files, at any depth. Of each, 10 s are compared with cuts from their middle that are shorter, or that
are repeated or padded with zeros to 10 s. Prints a table: the mean over files of the distance of the embedding from that
of the 10 s, divided by the length of the latter; and of how many files the strongest music genre stays the same.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from src.audio import reader
from src.console import track
from src.pretrained import files
from src.pretrained.efficientat import FRAMES, SAMPLE_RATE, EfficientAT, Layers, logmel

SECONDS = (0.5, 1, 2, 3, 5)
PATCH = 10 * SAMPLE_RATE
START_SECONDS = 5  # many recordings begin with silence
GENRES = slice(216, 264)  # AudioSet's classes of music genres


def filled(wave_BT: Tensor) -> dict[str, Tensor]:
    """The network's input for a short sound, by the way in which it is filled."""
    mel_BMN = logmel(wave_BT)
    return {
        "repeated": mel_BMN.repeat(1, 1, -(-FRAMES // mel_BMN.shape[2]))[:, :, :FRAMES],
        "shorter patch": mel_BMN,
        "padded with zeros": logmel(pad(wave_BT, (0, PATCH - wave_BT.shape[1]))),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.short_sound",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--weights", help="file of EfficientAT's weights (default: found as by feature=efficientat)")
    options = parser.parse_args()
    network = EfficientAT(files.require(files.EFFICIENTAT, options.weights))
    paths = sorted(path for path in options.folder.rglob("*") if path.suffix in (".flac", ".ogg", ".mp3", ".wav"))
    distances = defaultdict[tuple[float, str], list[float]](list)
    same = defaultdict[tuple[float, str], list[bool]](list)
    for path in track(paths, "Comparing", len(paths)):
        wave_T = torch.from_numpy(reader.read(path, SAMPLE_RATE, START_SECONDS, START_SECONDS + 10))
        if len(wave_T) < PATCH:
            continue
        with torch.inference_mode():
            whole: Layers = network(logmel(wave_T[None]))
            for seconds in SECONDS:
                start = (PATCH - round(seconds * SAMPLE_RATE)) // 2
                for way, mel_BMN in filled(wave_T[None, start : PATCH - start]).items():
                    part: Layers = network(mel_BMN)
                    distance = (part.embedding - whole.embedding).norm() / whole.embedding.norm()
                    distances[seconds, way].append(float(distance))
                    best, expected = (int(layers.logits[0, GENRES].argmax()) for layers in (part, whole))
                    same[seconds, way].append(best == expected)
    ways = list(dict.fromkeys(way for _, way in distances))
    print(f"| seconds, of {len(distances[SECONDS[0], ways[0]])} files | {' | '.join(ways)} |")
    print(f"|---:|{'---:|' * len(ways)}")
    for seconds in SECONDS:
        cells = [f"{np.mean(distances[seconds, way]):.2f}, {100 * np.mean(same[seconds, way]):.0f} %" for way in ways]
        print(f"| {seconds:g} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
