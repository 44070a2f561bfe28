"""Describe the leak gap of a random split."""

from src import formatting
from src.evaluation.leak_gap import SplitPair, grouped_by, leak_gap
from src.metrics.intervals import MIN_ARTISTS
from src.split.certificate import leaks


def describe_leak_gap(pair: SplitPair) -> str:
    """Describe by how many points the leak raises accuracy on the random split, or why this cannot be measured."""
    by = grouped_by(pair.grouped)
    if "artist" not in by and "album" not in by and "track" not in by:
        return (
            "The split could not be grouped by artist, as no artist is known: both splits assigned single clips to their "
            "sets, so a leak of artists cannot be measured."
        )
    if not any(leaks(run.metrics["certificate"]) for run in pair.random.runs):
        return "The random split shares no artist, track or audio between its sets either: no leak is known."
    metrics = pair.grouped.runs[0].metrics
    unseen = {kind: f"unseen {kind}s" for kind in ("artist", "album", "track")}.get(by, f"clips held out by {by}")
    gap = leak_gap(pair)
    pairing = "paired: the same test clips" if gap.paired else "unpaired: the test clips differ"
    text = (
        f"Accuracy over all clips of {formatting.data(metrics['dataset'], metrics['synthetic'])} is {gap.random:.2f} on the "
        f"random split and {gap.grouped:.2f} on {unseen}: the leak adds {_format_points(gap.difference)} "
        f"(95 % interval {round(100 * gap.low)} to {round(100 * gap.high)}, {pairing})."
    )
    text += " As the interval includes 0, a leak is not proven." if gap.low <= 0 < gap.difference else ""
    if gap.owner_count < MIN_ARTISTS:
        text += f" With {formatting.count(gap.owner_count, 'artist')} in a test set, the interval is too narrow."
    return text + ("" if "artist" in by else " No artist is known, so a leak of artists cannot be measured.")


def _format_points(difference: float) -> str:
    """Format a difference in accuracy (-1 to 1) as percentage points: "24 points"; below 0.5 points, "no points"."""
    points = round(100 * difference)
    return formatting.count(points, "point") if points > 0 else "no points"
