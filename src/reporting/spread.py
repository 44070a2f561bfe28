"""The audit's figure: each clip by level and bandwidth, a row a genre."""

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from src.reporting.drawing import BLUE, INK, STYLE, svg


def spread(content: Mapping[str, Any]) -> str:
    """Level (left) and bandwidth (right) of every clip, a row a genre, each with its median."""
    genres = list(content["genres"])
    genre_K = np.array(content["genre"])
    random = np.random.default_rng(0)  # moves the points apart, up and down
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 0.9 + 0.42 * len(genres)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        for axes, key, unit, label in (
            (left, "level_db", 1, "level (dB re full scale)"),
            (right, "bandwidth_hz", 1000, "bandwidth (kHz)"),
        ):
            value_K = np.array(content["measures"][key]) / unit
            for row, genre in enumerate(genres):
                mine = value_K[genre_K == genre]
                height = row + random.uniform(-0.28, 0.28, len(mine))
                axes.plot(mine, height, "o", color=BLUE, alpha=0.35, markersize=3.5, markeredgewidth=0)
                axes.vlines(np.median(mine), row - 0.36, row + 0.36, color=INK, linewidth=1.6)
            axes.set_xlabel(label)
            axes.grid(axis="x")
            axes.tick_params(length=0)
            axes.spines[["left", "bottom"]].set_visible(False)
        left.set_yticks(range(len(genres)), [genre or "unknown" for genre in genres])
        left.set_ylim(len(genres) - 0.5, -0.5)
        return svg(figure, "Level and bandwidth of every clip, by genre, with medians")
