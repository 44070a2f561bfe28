"""Distances of the ten synthetic genres against the rules that composed them: `python -m benchmarks.composed_genres relations.json...`.

The rules of two genres (`dataset.composer.style`) are compared factor by factor: the shares of each drum, bass, chord and
lead pattern, of each progression and of each instrument, in total variation distance, and tempo by the overlap of its
ranges. The mean over the factors is their known distance. Spearman's correlation of it with the measured distances of all
pairs is tested by permuting the genres (Mantel 1967).
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import rankdata

from src.dataset.composer.style import GENRES, ROLES, STYLES, Feel

PERMUTATIONS = 9_999
VIEWS = {"embedding": "embedding", "answers": "predictions"}  # of relations.json, and their names here
PATTERNS = ("drums", "bass", "chords", "second", "lead")
TEMPO_BPM = np.arange(50, 220)
GROUPS = {
    "patterns": PATTERNS,
    "progressions": ("major", "minor"),
    "instruments": (*ROLES[1:], "kits"),
    "tempo": ("tempo",),
}


def shares(genre: str) -> dict[str, dict[str, float]]:
    """The share of each choice of each factor in a genre: {"patterns drums": {"shuffle": 0.3, ...}, ...}."""
    style = STYLES[genre]
    total = sum(feel.weight for feel in style.feels)
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for feel in style.feels:
        weight = feel.weight / total
        for role in PATTERNS:
            _add(found[f"patterns {role}"], getattr(feel, role).split(", "), weight)
        for key in ("major", "minor"):
            _add(found[f"progressions {key}"], getattr(feel, key) or ("none",), weight)
        _add(found["tempo tempo"], _tempi(feel), weight)
    for role in GROUPS["instruments"]:
        names = getattr(style, role).split(", ")
        for rank, name in enumerate(names):  # each weighs half of the one before it, as in `composer.artist`
            found[f"instruments {role}"][name] += 0.5**rank / sum(0.5**k for k in range(len(names)))
    return found


def _add(target: dict[str, float], choices: Sequence[object], weight: float) -> None:
    for choice in choices:
        target[str(choice)] += weight / len(choices)


def _tempi(feel: Feel) -> list[int]:
    low, high = feel.tempo_bpm
    return [int(bpm) for bpm in TEMPO_BPM if low <= bpm <= high]


def rule_distance(a: str, b: str, group: str) -> float:
    """Distance of the rules of two genres, the mean over the factors of a group, 0 (equal) to 1."""
    first, second = shares(a), shares(b)
    distances = []
    for factor in GROUPS[group]:
        one, other = first[f"{group} {factor}"], second[f"{group} {factor}"]
        distances.append(0.5 * sum(abs(one.get(key, 0) - other.get(key, 0)) for key in {*one, *other}))
    return round(float(np.mean(distances)), 9)  # equal distances stay equal despite rounding: their ranks matter


def rule_distances() -> dict[str, NDArray[np.float64]]:
    """The distances (C, C) of the ten genres by each group of factors, and by all of them equally."""
    matrices = {}
    for group in GROUPS:
        matrix_CC = np.zeros((len(GENRES),) * 2)
        for i, j in combinations(range(len(GENRES)), 2):
            matrix_CC[i, j] = matrix_CC[j, i] = rule_distance(GENRES[i], GENRES[j], group)
        matrices[group] = matrix_CC
    return {"all rules": np.mean(list(matrices.values()), axis=0), **matrices}


def mantel(first_CC: NDArray[np.float64], second_CC: NDArray[np.float64], seed: int = 0) -> tuple[float, float]:
    """Spearman's correlation of two distance matrices over all pairs, and the one-sided p value by permuting the rows."""
    upper = np.triu_indices(len(first_CC), 1)
    rank, ranks_CC = rankdata(first_CC[upper]), np.zeros_like(second_CC)
    ranks_CC[upper] = rankdata(second_CC[upper])
    ranks_CC += ranks_CC.T
    observed = float(np.corrcoef(rank, ranks_CC[upper])[0, 1])
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(len(first_CC)) for _ in range(PERMUTATIONS)]
    permuted = [float(np.corrcoef(rank, ranks_CC[np.ix_(order, order)][upper])[0, 1]) for order in orders]
    return observed, (1 + int((np.array(permuted) >= observed - 1e-12).sum())) / (1 + PERMUTATIONS)


def measured(content: Mapping[str, object], view: str) -> NDArray[np.float64] | None:
    """The distances of a view of relations.json in the order of the synthetic genres; None if it lacks any."""
    found = content["views"][view]  # type: ignore[index]
    if found["reason"] or set(found["genres"]) != set(GENRES):
        return None
    order = [found["genres"].index(genre) for genre in GENRES]
    return np.array(found["distances"])[np.ix_(order, order)]


def read(file: Path) -> dict[str, Any]:
    """Read a relations.json. Raises ValueError if the file is another one."""
    try:
        content: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict) or "views" not in content:
        raise ValueError(f"{file} has no relations: expected relations.json, which python -m src.relations RUN writes.")
    return content


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the correlations of each file and view with each group of rules."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.composed_genres", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="relations.json")
    files: list[Path] = parser.parse_args(arguments).files
    try:
        contents = [read(file) for file in files]
    except ValueError as error:
        parser.error(str(error))
    rules = rule_distances()
    table = Table(
        title="Spearman's correlation with the distance of the rules, over 45 pairs of genres (p by Mantel's test)"
    )
    for heading in ("runs", "distances", *rules):
        table.add_column(heading)
    for content in contents:
        for view, name in VIEWS.items():
            if (distance_CC := measured(content, view)) is not None:
                values = (mantel(rule_CC, distance_CC) for rule_CC in rules.values())
                table.add_row(content["label"], name, *(f"{rho:.2f} ({p:.4f})" for rho, p in values))
    Console(width=140).print(table)
    nearest = sorted(combinations(range(len(GENRES)), 2), key=lambda pair: rules["all rules"][pair])[:8]
    print(
        "nearest by the rules:",
        "; ".join(f"{GENRES[i]}, {GENRES[j]} {rules['all rules'][i, j]:.2f}" for i, j in nearest),
    )


if __name__ == "__main__":
    main()
