"""The leak gap of a random split in one sentence."""

from src import formatting
from src.evaluation.leak_gap import SplitPair, grouped_by, leak_gap
from src.metrics.intervals import MIN_ARTISTS
from src.split.certificate import leaks


def describe_leak_gap(pair: SplitPair) -> str:
    """State how much of the random split's accuracy is leak, with its interval, or why this cannot be measured."""
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
        f"Accuracy over all clips of {formatting.data(metrics['dataset'], metrics['synthetic'])}: the random split claims "
        f"{gap.random:.2f}, {unseen} get {gap.grouped:.2f}: {_points(gap.difference)} leak "
        f"(95 % interval {round(100 * gap.low)} to {round(100 * gap.high)}, {pairing})."
    )
    text += " As the interval includes 0, a leak is not proven." if gap.low <= 0 < gap.difference else ""
    if gap.owner_count < MIN_ARTISTS:
        text += f" With {formatting.count(gap.owner_count, 'artist')} in a test set, the interval is too narrow."
    return text + ("" if "artist" in by else " No artist is known, so a leak of artists cannot be measured.")


def _points(difference: float) -> str:
    points = round(100 * difference)
    if points <= 0:
        return "none of it shows as"
    return f"{formatting.count(points, 'point')} of it {'is' if points == 1 else 'are'}"
