"""What a run says of its split: how it was made, how large its sides are, and what they share."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from src.clip import SIDES, Clip
from src.split import KINDS, groups
from src.words import count


def certify(
    clips: Sequence[Clip], sides: Sequence[str], digests: Sequence[str], words: str, grouped: bool = True
) -> dict[str, Any]:
    """How the split was made, how large each side is, and what the sides share: artists, tracks and identical audio."""
    return {
        "split": words,
        "grouped_by": _grouped_by(clips) if grouped else "nothing",
        "sides": {side: _size([c for c, s in zip(clips, sides, strict=True) if s == side]) for side in SIDES},
        "shared": {
            "artists": _on_two_sides([clip.artist for clip in clips], sides),
            "tracks": _on_two_sides([_track(clip) for clip in clips], sides),
            "audio": [
                [clips[k].name for k in members]
                for members in _members(digests).values()
                if len({sides[k] for k in members}) > 1
            ],
        },
        "warnings": _warnings(clips, sides),
    }


def refuse_leaks(certificate: dict[str, Any]) -> None:
    """Raise ValueError with the names of the artists, tracks or identical clips that stand on two sides."""
    shared = certificate["shared"]
    found = [
        f"{count(len(names), what)} ({_some([' = '.join(n) if isinstance(n, list) else n for n in names])})"
        for what, names in (
            ("artist", shared["artists"]),
            ("track", shared["tracks"]),
            ("group of byte-identical clips", shared["audio"]),
        )
        if names
    ]
    if found:
        raise ValueError(
            f"The split ({certificate['split']}) leaks: on more than one side are {'; '.join(found)}. A score on it would "
            "not be one on unseen music. Remove the copies or use a grouped split (holdout, kfold); "
            "split.allow_leak=true trains all the same, and says so in the certificate."
        )


def _grouped_by(clips: Sequence[Clip]) -> str:
    kinds = Counter(kind for kind, _ in groups(clips))
    known = [kind for kind in KINDS if kinds[kind]]
    return known[0] if len(known) == 1 else ", ".join(f"{kind} ({count(kinds[kind], 'clip')})" for kind in known)


def _size(clips: Sequence[Clip]) -> dict[str, int]:
    return {
        "clips": len(clips),
        "tracks": len({_track(clip) for clip in clips} - {None}),
        "artists": len({clip.artist for clip in clips} - {None}),
    }


def _track(clip: Clip) -> str | None:
    """A track's full name: two artists may each have an Intro."""
    return clip.track if clip.track is None or clip.artist is None else f"{clip.artist} - {clip.track}"


def _members(names: Sequence[str | None]) -> dict[str, list[int]]:
    members = defaultdict(list)
    for k, name in enumerate(names):
        if name is not None:
            members[name].append(k)
    return members


def _on_two_sides(names: Sequence[str | None], sides: Sequence[str]) -> list[str]:
    return sorted(name for name, members in _members(names).items() if len({sides[k] for k in members}) > 1)


def _warnings(clips: Sequence[Clip], sides: Sequence[str]) -> list[str]:
    found = []
    for genre in sorted({clip.genre for clip in clips}):
        train = [clip for clip, side in zip(clips, sides, strict=True) if side == "train" and clip.genre == genre]
        if not train:
            found.append(f"{genre} has no training clip on this split.")
        elif len({clip.artist for clip in train}) == 1 and train[0].artist:
            found.append(
                f"{genre} trains on one artist only, {train[0].artist}: it may learn the artist, not the genre."
            )
        reached = {side for clip, side in zip(clips, sides, strict=True) if clip.genre == genre}
        found += [f"{genre} has no {side} clip on this split." for side in ("val", "test") if side not in reached]
    return found


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f", and {len(names) - most} more" if len(names) > most else "")
