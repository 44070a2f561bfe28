"""Official split, as defined by the data set: split=official."""

from collections.abc import Sequence

from src.clip import SUBSETS, Clip


class Official:
    """Sets from the column `split` of a manifest, or from `file`, the split.csv of a run.

    `file` is only named in the description: the data set reads it (dataset.split_file).
    """

    grouped = False

    def __init__(self, file: str | None, seed: int, allow_leak: bool) -> None:
        self.seed, self.allow_leak = seed, allow_leak
        self.description = f"official, as {file} states it" if file else "official, as the data set states it"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """Return the set of each clip. Raises ValueError if a clip has none."""
        subsets = [clip.subset for clip in clips if clip.subset]
        if len(subsets) < len(clips):
            example = next(clip.name for clip in clips if not clip.subset)
            raise ValueError(
                f"split=official needs a set for every clip, and {len(clips) - len(subsets)} of {len(clips)} have none, "
                f"e.g. {example}. Fill the manifest's column split with {', '.join(SUBSETS)}, name the split.csv of a run in "
                "dataset.split_file, or use split=holdout."
            )
        return subsets
