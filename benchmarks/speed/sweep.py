"""Five folds of a support vector machine on all features, against one fold: what depends on no fold is computed once."""

import statistics
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.speed.commands import run
from benchmarks.speed.experiment import GENRES
from benchmarks.speed.figures import Figure

TURNS, LIMIT = 2, 1.3
SVM = ("-m", "src.train", "model=svm", "feature=all", "logger=none", "split=kfold", "split.folds=5", GENRES)


def figures(folder: Path) -> list[Figure]:
    cache = f"data.cache={folder / 'first'}"
    run([*SVM, "split.fold=0", cache, f"hydra.run.dir={folder / 'warm'}"])  # renders and decodes
    one, five = [], []
    for _ in range(TURNS):
        one.append(_seconds(folder, "split.fold=0"))
        five.append(_seconds(folder, "--multirun", "split.fold=0,1,2,3,4"))
    return [
        Figure(
            "sweep",
            "svm on all features, 5 folds",
            statistics.median(five),
            "s",
            "1 fold",
            statistics.median(one),
            at_most=LIMIT,
        )
    ]


def _seconds(folder: Path, *arguments: str) -> float:
    """Seconds of a command with decoded sound, but without cached features."""
    cache = Path(mkdtemp(dir=folder))
    for path in (folder / "first").iterdir():
        if not path.name.startswith("feature"):
            (cache / path.name).symlink_to(path)
    target = Path(mkdtemp(dir=folder))
    words = sorted(arguments, key=lambda word: not word.startswith("--"))
    flags = [word for word in words if word.startswith("--")]
    overrides = [word for word in words if word not in flags]
    folders = [f"data.cache={cache}", f"hydra.run.dir={target}/run", f"hydra.sweep.dir={target}/sweep"]
    return run([*SVM[:2], *flags, *SVM[2:], *overrides, *folders]).seconds
