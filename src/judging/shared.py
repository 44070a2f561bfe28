"""Artists, tracks and recordings that the clips of a judgement share with the training and validation clips of the run."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from src import rundir
from src.audio import fingerprint
from src.clip import comparable
from src.data import fingerprints
from src.data.datamodule import GenreData
from src.rundir import RunDir

# Between the first and the last frame that two clips share: with the frame's length, about 3 s of sound.
SHORTEST_SECONDS = 2.75


class Shared(NamedTuple):
    """Artists, tracks and copies that clips share with the training and validation clips of a run.

    `artists` and `tracks` are names as the judged data write them. `audio` are groups of clips with identical samples and
    `near_copies` pairs of clips that contain the same recording; the clip of the training comes first. Both are None if
    the run has no fingerprints; identical clips of one data set have one name, and are known then too. `clips` maps "artist", "track", "audio" and "near_copy" to the indices of the judged clips.
    """

    artists: list[str]
    tracks: list[str]
    audio: list[list[str]] | None
    near_copies: list[list[str]] | None
    clips: dict[str, set[int]]

    @property
    def any(self) -> set[int]:
        """The judged clips that share anything."""
        return set().union(*self.clips.values())


def with_training(run: RunDir, data: GenreData, judged: Sequence[int], same_data: bool = False) -> Shared:
    """Find what the judged clips of the data, by index, share with the training and validation clips of a run.

    Names are compared without case and separators. A track counts if artist and title are the same, or if the title is
    the same and neither artist is known. `same_data`: the clips are of the data set of the training, so that their names
    tell which of them the run has seen, even if it has no fingerprints. Near copies overlap for about 3 s or more: see `src.audio.fingerprint`.
    """
    rows = [row for row in run.split if row["set"] != "test"]
    artists = {comparable(row["artist"]) for row in rows if row["artist"]}
    tracks = {(comparable(row["artist"] or ""), comparable(row["track"])) for row in rows if row["track"]}
    clips: dict[str, set[int]] = {"artist": set(), "track": set(), "audio": set(), "near_copy": set()}
    shared_tracks: set[str] = set()
    for k in judged:
        clip = data.clips[k]
        if clip.artist and comparable(clip.artist) in artists:
            clips["artist"].add(k)
        if clip.track and (comparable(clip.artist or ""), comparable(clip.track)) in tracks:
            clips["track"].add(k)
            shared_tracks.add(f"{clip.artist} - {clip.track}" if clip.artist else clip.track)
    names = [str(row["clip"]) for row in rows]
    audio, near_copies = _copies(run, names, data, judged, clips)
    if audio is None and same_data:
        seen = set(names)
        clips["audio"] = {k for k in judged if data.clips[k].name in seen}
        audio = [[data.clips[k].name] * 2 for k in sorted(clips["audio"])]
    artist_names = sorted({str(data.clips[k].artist) for k in clips["artist"]})
    return Shared(artist_names, sorted(shared_tracks), audio, near_copies, clips)


def _copies(
    run: RunDir, names: Sequence[str], data: GenreData, judged: Sequence[int], clips: dict[str, set[int]]
) -> tuple[list[list[str]] | None, list[list[str]] | None]:
    """Find identical and near copies, and add the judged clips to `clips`. `names` are those of the run's clips."""
    path = run.path / rundir.FINGERPRINTS
    if not path.exists():
        return None, None
    known = fingerprints.read(path, len(names))
    names_of = defaultdict(list)
    for name, digest in zip(names, known.digest, strict=True):
        names_of[digest].append(name)
    digests = {k: data.waveforms.digest[k] for k in judged}
    clips["audio"] |= {k for k, digest in digests.items() if digest in names_of}
    copies_of = defaultdict(list)
    for k in sorted(clips["audio"]):
        copies_of[digests[k]].append(data.clips[k].name)
    audio = [[*names_of[digest], *copies] for digest, copies in copies_of.items()]
    others = [k for k in judged if k not in clips["audio"]]
    computed = fingerprints.compute(data.waveforms, others, data.sample_rate)
    near_copies = []
    for match in fingerprint.near_copies([*known.codes, *computed.codes], len(known.codes), SHORTEST_SECONDS):
        k = others[match.b - len(known.codes)]
        clips["near_copy"].add(k)
        near_copies.append([names[match.a], data.clips[k].name])
    return audio, near_copies


def distinct(items: Iterable[Any]) -> list[Any]:
    """The items without repetitions, in the order of their first occurrence; they need not be hashable."""
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found
