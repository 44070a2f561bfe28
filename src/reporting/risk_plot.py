"""Draw risk-coverage curves."""

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from src.reporting.drawing import BLUE, GREEN, INK, NARROW_INCHES, STYLE, svg

WIDE_INCHES, MOST_POINTS = 4.6, 1000


def risk_coverage(risk_K: NDArray[np.float64], perfect_K: NDArray[np.float64], narrow: bool = False) -> str:
    """Draw the error rate among the n most confident clips, for n = 1 to K, and that of a perfect order; both (K,), in [0, 1]."""
    clips = len(risk_K)
    shown = np.unique(np.linspace(0, clips - 1, min(clips, MOST_POINTS)).round().astype(int))
    answered = 100 * (shown + 1) / clips
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(NARROW_INCHES if narrow else WIDE_INCHES, 3.4), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(answered, 100 * risk_K[shown], color=BLUE, label="by confidence")
        axes.plot(answered, 100 * perfect_K[shown], color=GREEN, linestyle="--", label="perfect order")
        axes.axhline(100 * risk_K[-1], color=INK, linewidth=1, linestyle=(0, (1, 1.5)), label="order by chance")
        axes.set_title("wrong predictions (%)")
        axes.set_xlabel("share of clips, the most confident first (%)")
        axes.set_xlim(0, 101)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y")
        axes.tick_params(length=0)
        figure.legend(loc="outside upper center", ncols=2 if narrow else 3, columnspacing=1.6)
        text = f"Of all {clips} predictions {100 * risk_K[-1]:.0f} % are wrong."
        return svg(
            figure,
            "Risk and coverage: share of wrong predictions by the share of clips, the most confident first",
            text,
        )
