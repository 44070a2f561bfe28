"""The split that the data set itself states: split=official."""

from collections.abc import Sequence

from src.clip import SUBSETS, Clip


class Official:
    """The sides that the corpus itself states, in a manifest's column `split` or in the split.csv `file` of a run."""

    grouped = False

    def __init__(self, file: str | None, seed: int, allow_leak: bool) -> None:
        self.seed, self.allow_leak = seed, allow_leak
        self.description = f"official, as {file} states it" if file else "official, as the data set states it"

    def assign(self, clips: Sequence[Clip]) -> list[str]:
        """The stated side of each clip. Raises ValueError where a clip states none."""
        sides = [clip.subset for clip in clips if clip.subset]
        if len(sides) < len(clips):
            unstated = next(clip.name for clip in clips if not clip.subset)
            raise ValueError(
                f"split=official needs a side for every clip, and {len(clips) - len(sides)} of {len(clips)} have none, "
                f"e.g. {unstated}. Fill the manifest's column split with {', '.join(SUBSETS)}, name the split.csv of a run by "
                "dataset.split_file, or use split=holdout."
            )
        return sides
