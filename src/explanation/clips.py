"""The clips that are explained: files of the command line, or test clips of the run."""

from src import formatting
from src.clip import Clip
from src.judging.choice import choose
from src.judging.judged_data import Request, judged_config, open_data
from src.rundir import RunDir


def test_clips(run: RunDir, request: Request, count: int) -> tuple[list[Clip], float | None, list[str]]:
    """Choose `count` test clips of a run, of all genres -> the clips, data.max_seconds, and sentences on what is left out.

    They are found as `evaluate` finds them. The choice is random with a fixed seed, with as many artists as possible, and
    knows no prediction. Raises ValueError if no sound of them is left.
    """
    config = judged_config(run, request)
    data, own = open_data(run, request, config, run.genres)
    tested = set(run.predictions.clips) if own else None
    clips = [clip for clip in data.corpus.clips if tested is None or clip.name in tested]
    gone = [clip.name for clip in clips if not clip.path.is_file()]
    notes = [f"The sound of {formatting.first_names(gone, 3)} is gone: left out."] if gone else []
    lost = sorted(tested - {clip.name for clip in clips}) if tested else []
    if lost:
        notes.append(f"The data set no longer lists {formatting.first_names(lost, 3)}: left out.")
    usable = [clip for clip in clips if clip.path.is_file()]
    if not usable:
        raise ValueError(
            f"No sound of the test clips of {run.path} is left ({'; '.join(notes) or 'there are no clips'}). Name their new "
            "place as for evaluate, e.g. dataset.root=DIR, or explain files: python -m src.explain RUN AUDIO."
        )
    return choose(usable, count), data.max_seconds, notes
