"""The split that the data set itself defines: split=official."""

from collections.abc import Sequence

from src.clip import SUBSETS, Clip


class Official:
    """The sets that the corpus itself states, in a manifest's column `split` or in the split.csv `file` of a run."""

    grouped = False

    def __init__(self, file: str | None, seed: int, allow_leak: bool) -> None:
        self.seed, self.allow_leak = seed, allow_leak
        self.description = f"official, as {file} states it" if file else "official, as the data set states it"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """The stated set of each clip. Raises ValueError if a clip has none."""
        subsets = [clip.subset for clip in clips if clip.subset]
        if len(subsets) < len(clips):
            example = next(clip.name for clip in clips if not clip.subset)
            raise ValueError(
                f"split=official needs a set for every clip, and {len(clips) - len(subsets)} of {len(clips)} have none, "
                f"e.g. {example}. Fill the manifest's column split with {', '.join(SUBSETS)}, name the split.csv of a run in "
                "dataset.split_file, or use split=holdout."
            )
        return subsets
