"""Use the clips and sets of a run's split.csv: `dataset.split_file`."""

from dataclasses import replace
from pathlib import Path

from src import rundir
from src.clip import ALL_SUBSETS, Clip, Corpus, Excluded
from src.formatting import count


def apply_split_file(corpus: Corpus, split_file: Path) -> Corpus:
    """Select the clips that a run's split.csv lists, and assign them its sets.

    Raises ValueError if there is no such file, or if it lists no clip, an unknown set, or a clip that is in two sets or
    not in the corpus.
    """
    if not split_file.is_file():
        raise ValueError(f"dataset.split_file is {split_file}, which is not a file: expected the split.csv of a run.")
    set_of_clip: dict[str, str] = {}
    for line, row in rundir.split_rows(split_file, ("clip",)):
        if row["set"] not in ALL_SUBSETS:
            raise ValueError(f"{split_file}, line {line}: set is {row['set']!r}: expected {', '.join(ALL_SUBSETS)}.")
        if set_of_clip.setdefault(row["clip"], row["set"]) != row["set"]:
            raise ValueError(f"{split_file}, line {line}: {row['clip']} is in two sets. Remove one of its rows.")
    if not set_of_clip:
        raise ValueError(
            f"dataset.split_file: {split_file} lists no clip: expected the split.csv of a run, one clip per row."
        )
    missing = set_of_clip.keys() - {clip.name for clip in corpus.clips}
    if missing:
        raise ValueError(
            f"dataset.split_file: {len(missing)} of the {count(len(set_of_clip), 'clip')} in {split_file} are not in "
            f"{corpus.name}, e.g. {min(missing)}. Choose the data set and the genres from which the split was made."
        )
    clips: list[Clip] = []
    left_out: list[Excluded] = []
    for clip in corpus.clips:
        if clip.name in set_of_clip:
            clips.append(replace(clip, subset=set_of_clip[clip.name]))
        else:
            left_out.append(Excluded(clip.name, f"not in {split_file.name}"))
    return replace(corpus, clips=clips, excluded=[*corpus.excluded, *left_out])
