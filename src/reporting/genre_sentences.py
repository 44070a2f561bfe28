"""Sentences on what a run recognizes each genre by, with their numbers and intervals."""

from collections.abc import Sequence

from src import formatting
from src.explanation.clip_interval import LEAST_CLIPS, ClipInterval
from src.explanation.per_genre import Effect, GenreExplanation
from src.explanation.sentences import in_words, speak, tag_label

MOST_NAMED = 3  # parts, bands or tags that a sentence names
LEAST_NAMED = 0.05  # nats, or score of a tag: sentences leave out what changes the odds by less than 5 %


def sentences(genre: GenreExplanation, tags_are_read: bool) -> list[str]:
    """Describe what a run recognizes one genre by. Effects are named if their whole interval is above 0; without an interval, all above 0."""
    artists = "unknown artists" if genre.artists is None else formatting.count(genre.artists, "artist")
    size = f"{formatting.count(genre.clips, 'test clip')} of {artists}"
    lines = [f"{genre.genre}: {size}, {_recognized(genre)}."]
    if genre.groups:
        speaking = _strongest(genre.groups, len(genre.groups))
        certainty = " with certainty" if any(each.nats.interval for each in genre.groups) else ""
        lines.append(f"{speak(speaking)} for it." if speaking else f"No group of rows speaks for it{certainty}.")
        against = [_nats(each) for each in genre.groups if excludes_0(each.nats, -1)]
        if against:
            lines.append(f"{speak(against)} against it.")
    if genre.baseline is not None and genre.baseline.mean > LEAST_NAMED:
        lines.append(
            f"With the training mean in place of a whole clip, its margin is still {genre.baseline.mean:+.2f} nats: the run tends to "
            f"{genre.genre} if nothing in the sound stands out."
        )
    if parts := _strongest(genre.parts):
        lines.append(f"Of the parts of the feature, it loses most without {in_words(parts)}.")
    if bands := _strongest(genre.bands):
        lines.append(f"The bands that speak for it most: {in_words(bands)}.")
    if bands := _strongest(genre.bands, sign=-1):
        lines.append(f"Against it: {in_words(bands)}.")
    tags = [each for each in genre.tags if excludes_0(each.nats, 1)][:MOST_NAMED]
    if tags:
        unit = " nats" if tags_are_read else ""
        named = [f"{tag_label(each.name)} ({figure(each.nats)}{unit})" for each in tags]
        lines.append(f"Tags that {'decide for' if tags_are_read else 'go with'} it: {in_words(named)}.")
    return lines


def _recognized(genre: GenreExplanation) -> str:
    """The number of recognized clips: "9 recognized (75 %)"; without the percents of few clips."""
    right = round(genre.recall * genre.clips)
    if not right:
        return "none recognized: other genres score higher"
    return f"{right:,} recognized" + (f" ({formatting.percent(genre.recall)})" if genre.clips >= LEAST_CLIPS else "")


def _strongest(effects: Sequence[Effect], most: int = MOST_NAMED, sign: int = 1) -> list[str]:
    """The effects that certainly have a sign, the largest first, at most `most` of them."""
    certain = [each for each in effects if excludes_0(each.nats, sign)]
    return [_nats(each) for each in sorted(certain, key=lambda each: -sign * each.nats.mean)[:most]]


def _nats(each: Effect) -> str:
    """Format an effect: "timbre (+1.20 nats, 0.90 to 1.50)"."""
    interval = "" if each.nats.interval is None else ", {:z.2f} to {:z.2f}".format(*each.nats.interval)
    return f"{each.name} ({formatting.signed(each.nats.mean)} nats{interval})"


def figure(nats: ClipInterval, between: str = ", ") -> str:
    """Format a mean with its 95 % interval: "+1.20, 0.90 to 1.50"."""
    interval = "" if nats.interval is None else "{}{:z.2f} to {:z.2f}".format(between, *nats.interval)
    return f"{formatting.signed(nats.mean)}{interval}"


def excludes_0(nats: ClipInterval, sign: int) -> bool:
    """True if a mean has the sign, is large enough to be named, and its whole interval, if there is one, is on that side of 0."""
    low, high = nats.interval or (nats.mean, nats.mean)
    return abs(nats.mean) >= LEAST_NAMED and (low > 0 if sign > 0 else high < 0)
