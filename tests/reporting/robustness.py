"""The content of robustness.json, with made-up predictions, for tests of its page."""

from pathlib import Path
from typing import Any

import numpy as np

from src.alteration import ALTERATIONS
from src.clip import Clip
from src.sensitivity import scores
from src.sensitivity.conditions import REDUCED, Condition
from tests.rundirs import GENRES


def content(genres: list[str] | None = None, clips: int = 80, retrained: bool = True) -> dict[str, Any]:
    """A measurement of all alterations: the stronger one is, the more predictions are random."""
    genres = genres or GENRES
    random = np.random.default_rng(0)
    true_K = np.arange(clips) % len(genres)
    listed = [
        Clip(Path(f"{k}.wav"), f"{k}.wav", genres[g], artist=f"artist {k // 2}") for k, g in enumerate(true_K.tolist())
    ]
    before_K = np.where(random.random(clips) < 0.7, true_K, random.integers(len(genres), size=clips))
    test = scores.TestSet(listed, genres, before_K)

    def noisy(share: float) -> Any:
        return np.where(random.random(clips) < share, random.integers(len(genres), size=clips), before_K)

    conditions = [Condition(name, s) for name, each in ALTERATIONS.items() for s in each.strengths]
    predicted = {c: noisy(k % 7 / 7) for k, c in enumerate(conditions)}
    rows = scores.altered(test, predicted)
    reduced = scores.reduced(test, {Condition(name): noisy(0.8) for name in REDUCED})
    again = {"accuracy": 0.4, "accuracy_interval": [0.3, 0.5], "recall": dict.fromkeys(genres, 0.4)}
    about = {
        "model": "svm",
        "feature": "mel",
        "training_clips": 480,
        "training_artists": 120,
        "left_out": {"bad.wav": "no such file"},
        "grouped_by": "artist",
        "shared_artists": [],
        "commonest": genres[0],
        "unaltered": again,
        "commonest_share": 0.1,
    }
    if retrained:
        reduced = [{**row, "retrained": again} for row in reduced]
    accuracy, interval = test.share(before_K == true_K)
    return {
        "run": "2026-01-02_03-04-05_synth_mel_hybrid",
        "dataset": "synth",
        "synthetic": True,
        "split": "holdout, 20% test, seed 0",
        "grouped_by": "artist",
        "clips": clips,
        "test_clips": clips + 3,
        "artists": clips // 2,
        "interval_over": test.interval_over,
        "unaltered": {
            "accuracy": accuracy,
            "accuracy_interval": interval,
            "differs_from_run": 1,
            "genres": {
                g: {"clips": len(of), "recall": float((before_K == true_K)[of].mean())} for g, of in test.present()
            },
        },
        "chance": {"commonest": genres[0], "commonest_share": 0.1},
        "alterations": rows,
        "findings": scores.findings(rows),
        "reduced": reduced,
        "retrained": about if retrained else None,
        "left_out": [{"clip": "a.wav", "reason": "no such file"}],
        "not_measured": [{"name": "low_pass", "strength": 16000.0, "reason": "nothing is there"}],
        "command": "python -m src.robustness outputs/RUN --retrain",
    }
