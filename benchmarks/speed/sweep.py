"""Five folds of a support vector machine on all features, against one fold: what depends on no fold is computed once."""

import shutil
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.speed.commands import run
from benchmarks.speed.experiment import GENRES, compose
from benchmarks.speed.figures import Figure, values_in_turn
from src.training import setup

TURNS, LIMIT = 2, 1.3
CLIPS = ("dataset.artists=20", "dataset.tracks=4", "dataset.clip_seconds=30")  # of each of five genres
SVM = ("model=svm", "feature=all", "logger=none", "split=kfold", "split.folds=5")
ONE = ("split.fold=0",)
FIVE = ("--multirun", "split.fold=0,1,2,3,4")


def figures(folder: Path) -> list[Figure]:
    clips = (*CLIPS, f"dataset.cache={folder}")
    data = setup.compose_data(compose(*SVM, *clips, f"data.cache={folder / 'decoded'}"))
    count = len(data.waveforms.clips)  # rendered and decoded before the time is taken
    works = {name: partial(_seconds, folder / "decoded", clips, words) for name, words in (("1", ONE), ("5", FIVE))}
    seconds = values_in_turn(works, TURNS)
    what = f"svm on all features, {count} clips of 30 s, 5 folds"
    return [Figure("sweep", what, seconds["5"], "s", "1 fold", seconds["1"], at_most=LIMIT)]


def _seconds(decoded: Path, clips: tuple[str, ...], words: tuple[str, ...]) -> list[float]:
    """Seconds of a command with decoded sound, but without stored features."""
    with TemporaryDirectory(dir=decoded.parent) as folder:
        shutil.copytree(decoded, f"{folder}/cache")
        folders = [f"data.cache={folder}/cache", f"hydra.run.dir={folder}/run", f"hydra.sweep.dir={folder}/sweep"]
        return [run(["-m", "src.train", *words, *SVM, GENRES, *clips, *folders]).seconds]
