"""Time of decoding, this code against another checkout of it, in turn: python -m benchmarks.decoding OTHER [FOLDER ...]

Decodes the recordings in each FOLDER, and three minutes of invented music as MP3: with a header that states the length, and
with a variable bit rate and no header. Each file is read as training reads it (30 s from the middle) and whole. Prints the
median of the ratios of this code's CPU time to the other's, file by file, and the quartiles. (Wall-clock time of two equal
checkouts differed by up to 7 % on a busy machine, CPU time by 1 %.) OTHER must not change meanwhile.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).parents[1]
RATE, SECONDS, FILES, REPEATS = 44100, 180, 10, 4
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", ".au", ".aiff")  # of recordings
# Runs in each checkout: answers each line, a JSON list of path and longest part, with the seconds of CPU time that reading took.
SERVER = """
import json, sys, time
from pathlib import Path
from src.audio.reader import read
for line in sys.stdin:
    path, most = json.loads(line)
    start = time.process_time()
    read(Path(path), 22050, max_seconds=most)
    print(time.process_time() - start, flush=True)
"""


def main(other: Path, folders: list[Path]) -> None:
    """Measure and print the ratios."""
    with tempfile.TemporaryDirectory() as temporary:
        headed, bare = make_mp3(Path(temporary))
        recordings = sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in SUFFIXES)
        servers = [start(ROOT), start(other)]
        for name, paths in (("recordings", recordings), ("mp3, header", headed), ("mp3, VBR without header", bare)):
            for most in (30.0, None):
                ratios, seconds = np.array([ratio(servers, path, most) for path in paths]).reshape(-1, 2).T
                if len(ratios):
                    low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
                    part = "whole" if most is None else f"{most:g} s"
                    print(
                        f"{name}, {part}: {len(ratios)} files, {1000 * np.median(seconds):.1f} ms each, ratio {middle:.3f} "
                        f"({low:.3f} to {high:.3f})"
                    )
        for server in servers:
            server.communicate()


def make_mp3(folder: Path) -> tuple[list[Path], list[Path]]:
    """Write MP3 files with a header, and with variable bit rate and none."""
    random = np.random.default_rng(0)
    headed, bare = [], []
    for k in range(FILES):
        time_T = np.arange(SECONDS * RATE) / RATE
        tone_T = np.sin(2 * np.pi * (110 + 20 * k) * time_T) * np.exp(-3 * (time_T * 2 % 1))
        wave_TK = 0.3 * tone_T[:, None] + 0.05 * random.standard_normal((len(time_T), 2))
        headed.append(folder / f"{k}.mp3")
        soundfile.write(headed[-1], wave_TK, RATE, bitrate_mode="VARIABLE" if k % 2 else "CONSTANT")
        bare.append(folder / f"{k}-bare.mp3")
        soundfile.write(bare[-1], wave_TK, RATE, bitrate_mode="VARIABLE")
        content = bare[-1].read_bytes()
        bare[-1].write_bytes(content[content.index(content[:2], content.index(b"Xing")) :])
    return headed, bare


def start(checkout: Path) -> "subprocess.Popen[str]":
    """Start a process that reads files with the code of a checkout."""
    return subprocess.Popen(
        [sys.executable, "-c", SERVER], cwd=checkout, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def ratio(servers: "list[subprocess.Popen[str]]", path: Path, most: float | None) -> tuple[float, float]:
    """The median over repeated pairs of this code's time divided by the other's, and the other's median in seconds."""
    times = np.array([[read(server, path, most) for server in servers] for _ in range(REPEATS + 1)][1:])
    return float(np.median(times[:, 0] / times[:, 1])), float(np.median(times[:, 1]))


def read(server: "subprocess.Popen[str]", path: Path, most: float | None) -> float:
    """Let a process read a file; return the seconds that it took."""
    assert server.stdin, "a pipe"
    assert server.stdout, "a pipe"
    server.stdin.write(json.dumps([str(path), most]) + "\n")
    server.stdin.flush()
    return float(server.stdout.readline())


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), [Path(folder) for folder in sys.argv[2:]])
