"""Works beside another process with two busy threads, against the same works alone.

Predictions, embeddings, and an epoch of cnn, rnn and hybrid. With as many busy threads as ours on the same cores, twice the time
is a fair share.
"""

import contextlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import torch

from benchmarks.predict import write_excerpts
from benchmarks.speed.experiment import compose
from benchmarks.speed.figures import Figure
from benchmarks.speed.train import our_epochs
from src.data.crops import WaveformCrops
from src.inference.recognizer import Recognizer
from src.instantiate import instantiate_choice
from src.threads import compute_in_order, usable_cores
from src.training import setup

TURNS, FILES, CLIPS, LIMIT = 3, 12, 64, 2.5
EPOCHS = 2  # the first epoch of each training is not timed
BUSY = """
import hashlib, threading
def work():
    while True:
        hashlib.sha256(bytes(1 << 20))
for _ in range(2):
    threading.Thread(target=work).start()
"""


def figures(folder: Path) -> list[Figure]:
    works = {"predict": _predict(folder), "embeddings": _embeddings()}
    works |= {f"epoch, {model}": _epochs(model, folder) for model in ("cnn", "rnn", "hybrid")}
    found = []
    for name, work in works.items():
        if not name.startswith("epoch"):
            work()  # the first call loads libraries and files
        alone, beside = [], []
        for _ in range(TURNS):
            alone += work()
            with _neighbour():
                beside += work()
        seconds = statistics.median(beside), statistics.median(alone)
        found.append(Figure("neighbour", name, seconds[0], "s", "alone", seconds[1], at_most=LIMIT))
    return found


@contextlib.contextmanager
def _neighbour() -> Iterator[None]:
    """Run a process with two busy threads in a session of its own, as a program in another terminal is."""
    with subprocess.Popen([sys.executable, "-c", BUSY], start_new_session=True) as process:
        try:
            time.sleep(0.5)  # until both threads run
            yield
        finally:
            process.kill()


def _predict(folder: Path) -> Callable[[], list[float]]:
    music = setup.compose_data(compose()).corpus.clips[0].path.parents[1]
    excerpts = folder / "excerpts"
    excerpts.mkdir()
    write_excerpts(music, excerpts, FILES)
    recognizer, files = Recognizer.pretrained(weights="none"), sorted(excerpts.glob("*.mp3"))
    return lambda: _seconds(lambda: list(recognizer.predict_files(files, workers=usable_cores())))


def _embeddings() -> Callable[[], list[float]]:
    """The embedding of the segments of some clips, in batches of one thread each, as the feature cache computes it."""
    config = compose("feature=musicnn", "model=head")
    data, feature = setup.compose_data(config), instantiate_choice(config.feature)
    source: WaveformCrops = data.waveform_crops

    def embed(clip_B: torch.Tensor) -> torch.Tensor:
        with torch.inference_mode():
            embedding: torch.Tensor = feature(source.segments(clip_B, data.segments).flatten(0, 1))
            return embedding

    batches = torch.split(torch.arange(CLIPS), 4)
    return lambda: _seconds(lambda: list(compute_in_order(embed, batches)))


def _epochs(model: str, folder: Path) -> Callable[[], list[float]]:
    config = compose(f"model={model}", f"trainer.max_epochs={EPOCHS}", "logger=none")
    data = setup.compose_data(config)
    return lambda: our_epochs(config, data, Path(mkdtemp(dir=folder)))


def _seconds(work: Callable[[], Any]) -> list[float]:
    start = time.perf_counter()
    work()
    return [time.perf_counter() - start]
