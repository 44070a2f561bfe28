"""Check that a change of the code changes no number: run the same commands before and after it, and compare their files.

    git worktree add ../before HEAD~1
    python -m benchmarks.same_numbers ../before outputs/before      # about 10 minutes on two cores
    python -m benchmarks.same_numbers . outputs/after
    python -m benchmarks.same_numbers --compare outputs/before outputs/after

Every command runs on one thread, where the same program gives the same bits. Left out of the comparison: times, host and
version facts, run identities and digests, and the names that RENAMED lists.
"""

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SMALL = ("trainer.threads=1", "trainer.accelerator=cpu", "logger=none")
TRAININGS = {
    "default": (),
    "folds": ("sweep=folds", "experiment=quick", "split.folds=2", "trainer.max_epochs=2", "dataset.artists=6"),
    "head": ("feature=musicnn", "model=head", "dataset.artists=6", "trainer.max_epochs=4"),
    "svm": ("feature=mfcc", "model=svm", "dataset.artists=6"),
}
FILES = ("history.csv", "metrics.json", "predictions.csv", "confusion.csv", "split.csv", "excluded.csv", "config.yaml")
CLIPS = 6  # of the rendered corpus, for `predict`
LONGEST = 200  # characters of a value that is printed
# Values that differ from one run of the same code to the next, or that a changed source tree changes by design.
VOLATILE = {"train_seconds", "identity", "schema", "seconds", "command", "made", "date", "version"}
# Sentences for people, which may be reworded.
SENTENCES = {"warnings", "notes", "detail", "split_trouble", "reason"}
# Old name -> new name, of keys, columns and values that were renamed on purpose.
RENAMED = {
    "side": "set",
    "sides": "sets",
    "keep": "checkpoint",
    "src.data.GenreData": "src.data.datamodule.GenreData",
    "src.run.trainer": "src.training.trainer.build_trainer",
    "src.dashboard.none": "src.training.loggers.none",
}


def main() -> int:
    """Run the commands in a checkout, or compare two folders of results; 1 where they differ."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.same_numbers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--compare", action="store_true", help="compare two folders that this program wrote")
    parser.add_argument(
        "first", type=Path, metavar="CHECKOUT", help="the code to run; with --compare, a folder of results"
    )
    parser.add_argument("second", type=Path, metavar="RESULTS", help="a new folder; with --compare, the other results")
    options = parser.parse_args()
    if options.compare:
        differences = list(compare(options.first, options.second))
        print(*(differences or ["no difference"]), sep="\n")
        return int(bool(differences))
    run(options.first.resolve(), options.second.resolve())
    return 0


def run(checkout: Path, results: Path) -> None:
    """Run all commands in a checkout and collect what is compared; each run works in a cache of its own."""
    results.mkdir(parents=True)
    cache, work = results / "cache", results / "work"

    def call(name: str, *words: str, stdout: bool = False) -> None:
        print(f"{name}: {' '.join(words)}", flush=True)
        threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
        done = subprocess.run(
            [sys.executable, "-m", *words], cwd=checkout, env={**os.environ, **threads}, capture_output=True, text=True
        )
        (results / f"{name}.log").write_text(done.stderr, encoding="utf-8")
        if done.returncode and not (name == "audit" and done.returncode == 1):  # an audit's 1: something was found
            sys.exit(f"{name} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        if stdout:
            (results / f"{name}.txt").write_text(done.stdout, encoding="utf-8")

    for name, words in TRAININGS.items():
        where = (f"hydra.run.dir={work / name}", f"hydra.sweep.dir={work / name}", f"data.cache={cache}")
        call(name, "src.train", *words, *SMALL, *where)
        for metrics in sorted((work / name).rglob("metrics.json")):
            # A job's folder ends with a digest of its config, which a renamed key changes.
            job = re.sub(r"-[0-9a-f]{8}$", "", metrics.parent.name)
            (results / name / job).mkdir(parents=True)
            for file in FILES:
                if (metrics.parent / file).exists():  # a model that is fitted has no history
                    shutil.copy(metrics.parent / file, results / name / job / file)
    call(
        "audit",
        "src.audit",
        "dataset.artists=6",
        "labels=true",
        f"data.cache={cache}",
        f"hydra.run.dir={work / 'audit'}",
    )
    shutil.copy(work / "audit" / "audit.json", results / "audit.json")
    clips = [str(path) for path in sorted(cache.rglob("*.flac"))]
    clips = (clips or [str(path) for path in sorted(cache.rglob("*.wav"))])[:: max(1, len(clips) // CLIPS)][:CLIPS]
    for name, words in {
        "predict": (),
        "predict_timeline": ("--timeline",),
        "predict_run": ("--run", str(work / "default"), "--timeline"),
        "predict_csv": ("--run", str(work / "svm"), "--format", "csv"),
    }.items():
        call(name, "src.predict", *clips, *words, "--threads", "1", stdout=True)


def compare(before: Path, after: Path) -> Iterator[str]:
    """A line for each file, and in it for each value, that differs."""
    names = {path.relative_to(root) for root in (before, after) for path in root.rglob("*") if path.is_file()}
    for name in sorted(name for name in names if name.parts[0] not in ("cache", "work") and name.suffix != ".log"):
        there, here = before / name, after / name
        if not there.exists() or not here.exists():
            yield f"{name}: only in {before if there.exists() else after}"
            continue
        pair = [dict(_leaves(_read(path, root))) for path, root in ((there, before), (here, after))]
        for key in sorted({*pair[0], *pair[1]}):
            before_value, after_value = (str(leaves.get(key))[:LONGEST] for leaves in pair)
            if pair[0].get(key) != pair[1].get(key):
                yield f"{name}: {key} was {before_value}, is {after_value}"


def _read(path: Path, root: Path) -> Any:
    text = path.read_text(encoding="utf-8").replace(str(root.resolve()), "RESULTS")
    text = re.sub(
        r"\bsynth-[0-9a-f]{8}\b", "synth", text
    )  # the corpus's cache is named by a digest of the composer's code
    if path.suffix == ".json":
        return json.loads(text)
    if path.suffix == ".csv":
        return list(csv.DictReader(text.splitlines()))
    if path.suffix == ".yaml":
        from omegaconf import OmegaConf

        return OmegaConf.to_container(OmegaConf.create(text))
    return text.splitlines()


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name not in VOLATILE | SENTENCES:
                name = RENAMED.get(str(name), str(name))
                yield from _leaves(each, f"{key}.{name}" if key else name)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _leaves(each, f"{key}[{number}]")
    else:
        yield key, RENAMED.get(value, value) if isinstance(value, str) else value


if __name__ == "__main__":
    sys.exit(main())
