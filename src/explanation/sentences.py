"""Sentences that say in words of musicians what an explanation found, with its numbers."""

from collections.abc import Mapping, Sequence

from src import formatting
from src.explanation.deciding_tags import Decision, RelatedTag
from src.explanation.grouped_occlusion import GroupEffects
from src.explanation.neighbours import Neighbour
from src.formatting import signed

MOST_TAGS = 5  # that a sentence names
LEAST_DEVIATIONS = 0.05  # of a tag that a sentence names: less is shown as 0.0
SMALLEST = 0.005  # nats, shown as 0.00: nothing to name
READS_NOTHING = "the model reads no feature"  # model=majority
SMALL_TOTAL = 0.1  # nats: of a smaller total, shares in percent say nothing


def row_groups(effects: GroupEffects, genre: str, rival: str) -> list[str]:
    """The shares of the groups in the margin of a genre over its rival, and what only several groups together make."""
    if abs(effects.total) < SMALL_TOTAL:
        return [
            f"The margin of {genre} over {rival} is {effects.margin:z.2f} nats, and {effects.margin - effects.total:z.2f} nats with the "
            "training mean in place of the whole clip: no group of rows makes a difference that could be divided into shares."
        ]
    order = sorted(range(len(effects.names)), key=lambda g: -effects.share[g])
    speaking = [_share(effects, g) for g in order if effects.share[g] >= SMALLEST]
    against = [_share(effects, g) for g in order if effects.share[g] <= -SMALLEST]
    first = (
        f"Compared with the mean over the training clips, the clip moves the margin of {genre} over {rival} by {signed(effects.total)} nats, to "
        f"{effects.margin:z.2f}."
    )
    shares = f"{speak(speaking)} for {genre}." if speaking else f"No group of rows speaks for {genre}."
    if against:
        shares += f" Against it: {in_words(against)}."
    strongest = max(range(len(effects.names)), key=lambda g: effects.without[g])
    lost = (
        f"With the training mean in place of {effects.names[strongest]}, the margin would fall most, to "
        f"{effects.margin - effects.without[strongest]:z.2f} nats."
    )
    lines = [first, shares, lost]
    if abs(effects.interaction) >= SMALLEST:
        lines.append(
            f"Alone, the groups add up to {signed(float(effects.alone.sum()))} nats; the remainder of {signed(effects.interaction)} nats "
            "comes from several groups together, and is divided among them in the shares."
        )
    return lines


def _share(effects: GroupEffects, g: int) -> str:
    share = effects.share[g]
    if effects.total < 0 or effects.share.min() <= -SMALLEST:  # percentages would be negative, or above 100
        return f"{effects.names[g]} ({signed(share)} nats)"
    return f"{effects.names[g]} ({signed(share)} nats, {round(100 * share / effects.total)} %)"


def no_groups(reason: str) -> str:
    """Say why no groups of rows are compared."""
    return f"There are no groups of rows to compare: {reason}."


def one_group(name: str) -> str:
    """Say that a feature has no groups of rows to compare."""
    if name == "spectrum":
        return (
            "The rows of the feature are bands of one spectrum: timbre, harmony and level are in the same rows and cannot be divided. A "
            "combined feature, such as feature=all, has rows for each."
        )
    return f"All rows of the feature are {name}: there are no groups to compare. A combined feature, such as feature=all, has several."


def decision(found: Decision, genre: str, rival: str) -> list[str]:
    """The tags that decided, for model=tags."""
    first = f"The margin of {genre} over {rival} is {found.margin:z.2f} nats, {signed(found.total)} nats compared with the training mean of all tags."
    speaking = [f"{tag_label(tag.name)} ({signed(tag.effect)} nats)" for tag in found.tags if tag.effect > 0]
    against = [f"{tag_label(tag.name)} ({signed(tag.effect)} nats)" for tag in reversed(found.tags) if tag.effect < 0]
    lines = [first]
    if speaking:
        lines.append(f"Decisive for {genre}: {in_words(speaking[:MOST_TAGS])}.")
    if against:
        lines.append(f"Against it: {in_words(against[:MOST_TAGS])}.")
    lines.append(
        f"Each number is what the margin loses with the training mean in place of that tag; {signed(found.remainder)} nats come from "
        "several tags together."
    )
    return lines


def related(tags: Sequence[RelatedTag], training_clips: int, genre: str, rival: str) -> list[str]:
    """The tags that go with the decision of a model that does not read tags."""
    shown = [tag for tag in tags if abs(tag.deviations) >= LEAST_DEVIATIONS]
    speaking = [tag for tag in shown if tag.score > 0][:MOST_TAGS]
    against = [tag for tag in reversed(shown) if tag.score < 0][:MOST_TAGS]
    if not speaking and not against:
        return [
            f"No tag goes with the margin of {genre} over {rival}: over {training_clips} training clips, none that differs from its mean in "
            "this clip has a correlation whose interval excludes 0."
        ]
    lines = []
    if speaking:
        lines.append(f"Typical of {genre}: {in_words([_deviation(tag) for tag in speaking])}.")
    if against:
        lines.append(f"Typical of {rival} instead: {in_words([_deviation(tag) for tag in against])}.")
    lines.append(
        f"In brackets: standard deviations above (+) or below (-) the training mean of the tag, and the correlation r of the tag "
        f"with the margin of {genre} over {rival} in {formatting.count(training_clips, 'training clip')}. The model does not read these "
        "tags but the layer below them: they describe the direction of its decision, and are not its cause."
    )
    return lines


def _deviation(tag: RelatedTag) -> str:
    amount = "more" if tag.deviations > 0 else "less"
    return f"{amount} {tag_label(tag.name)} ({signed(tag.deviations, 1)}, r {signed(tag.correlation)})"


def tag_label(name: str) -> str:
    """A tag and its network: "msd/jazz" -> "jazz [msd]"; a tag that says what is missing in quotation marks."""
    network, _, tag = name.partition("/")
    return f"'{tag}' [{network}]" if tag.startswith("no ") else f"{tag} [{network}]"


def no_tags(problem: str) -> str:
    """Say why there are no tags."""
    return f"No tags: {problem}."


def neighbours(found: Mapping[str, Sequence[Neighbour]]) -> list[str]:
    """Compare the nearest training clips of some genres; `found` has them by genre, the predicted one first."""
    lines = []
    for genre, each in found.items():
        if not each:
            lines.append(f"The run has no training clip of {genre}.")
            continue
        nearest = each[0]
        lines.append(
            f"The nearest of {formatting.count(nearest.clips, 'training clip')} of {genre}, {nearest.clip.name}, has a cosine of {nearest.cosine:z.2f}, where "
            f"the median is {nearest.median:z.2f}."
        )
    firsts = [each[0] for each in found.values() if each]
    nearest_of_all = max(firsts, key=lambda each: each.cosine, default=None)
    if nearest_of_all is not None and nearest_of_all is not firsts[0]:
        lines.append(
            f"The nearest of these is of {nearest_of_all.clip.genre}, not of the predicted genre: the model decides by more than one neighbour."
        )
    return lines


def no_embedding(model: str) -> str:
    """Say that a model has no embedding."""
    return f"No nearest training clips: model={model} computes nothing between the feature and its answer."


def no_training_clips(what: str, reason: str) -> str:
    """Say that the training clips are not at hand."""
    return f"{what}, because the training clips are not at hand ({reason})."


def speak(items: Sequence[str]) -> str:
    """Begin a sentence with what speaks for or against a genre: "Timbre speaks", "Timbre and level speak"."""
    words = in_words(items)
    return f"{words[0].upper()}{words[1:]} {'speaks' if len(items) == 1 else 'speak'}"


def in_words(items: Sequence[str]) -> str:
    """Join items: "a", "a and b", "a, b and c"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
