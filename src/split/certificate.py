"""What a run says of its split: how it was made, how large its sides are, and what they share."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from src.clip import SUBSETS, Clip
from src.formatting import count
from src.split.grouping import KINDS, artist_groups, full_track_name


def certify(
    clips: Sequence[Clip],
    subsets: Sequence[str],
    digests: Sequence[str],
    description: str,
    grouped: bool = True,
    near_copies: Iterable[tuple[str, str]] | None = None,
    measured: Collection[str] | None = None,
) -> dict[str, Any]:
    """How the split was made, how large each side is, and what the sides share.

    That is artists, albums, tracks, identical audio (by `digests`, one a clip) and near copies: pairs of clips' names, of
    which those on two sides are kept; None where nobody looked for them. `measured` are the clips among which they were
    looked for, None for all.
    """
    albums = _on_two_sides((clip.album for clip in clips), subsets)
    return {
        "split": description,
        "grouped_by": _grouped_by(clips) if grouped else "nothing",
        "sets": _sizes(clips, subsets),
        "shared": {
            "artists": _on_two_sides((clip.artist for clip in clips), subsets),
            "albums": albums,
            "tracks": _on_two_sides(map(full_track_name, clips), subsets),
            "audio": _copies(clips, subsets, digests),
            "near_copies": None if near_copies is None else _torn(clips, subsets, near_copies),
        },
        "warnings": [*_thin(clips, subsets), *_known_by_sound(albums), *_unheard(clips, measured)],
    }


def refuse_leaks(certificate: Mapping[str, Any]) -> None:
    """Raise ValueError with the names of the artists, tracks, identical clips or near copies that stand on two sides.

    Albums are let pass: of several known artists, an album may be cut between them, and the certificate warns of it.
    """
    shared = certificate["shared"]
    found = [
        f"{count(len(names), what)} ({_some([between.join(n) if isinstance(n, list) else n for n in names])})"
        for what, between, names in (
            ("artist", "", shared["artists"]),
            ("track", "", shared["tracks"]),
            ("group of byte-identical clips", " = ", shared["audio"]),
            ("pair of near copies", " ~ ", shared["near_copies"]),
        )
        if names
    ]
    if found:
        raise ValueError(
            f"The split ({certificate['split']}) leaks: on more than one side are {'; '.join(found)}. A score on it would "
            "not be one on unseen music. Remove the copies (dataset.exclude) or use a grouped split (holdout, kfold); "
            "split.allow_leak=true trains all the same, and says so in the certificate."
        )


def leaks(certificate: Mapping[str, Any]) -> list[str]:
    """What train, validation and test share, counted: ["3 artists", "1 track"]; empty where they share nothing."""
    shared = certificate["shared"]
    kinds = (
        ("artists", "artist"),
        ("tracks", "track"),
        ("audio", "set of identical clips"),
        ("near_copies", "pair of near copies"),
    )
    return [count(len(shared[key]), singular) for key, singular in kinds if shared[key]]


def _grouped_by(clips: Sequence[Clip]) -> str:
    kinds = Counter(kind for kind, _ in artist_groups(clips))
    known = [kind for kind in KINDS if kinds[kind]]
    return known[0] if len(known) == 1 else ", ".join(f"{kind} ({count(kinds[kind], 'clip')})" for kind in known)


def _sizes(clips: Sequence[Clip], sides: Sequence[str]) -> dict[str, dict[str, int]]:
    number = Counter(sides)
    tracks, artists = (
        Counter(side for _, side in {(name(clip), side) for clip, side in zip(clips, sides, strict=True) if name(clip)})
        for name in (full_track_name, lambda clip: clip.artist)
    )
    return {side: {"clips": number[side], "tracks": tracks[side], "artists": artists[side]} for side in SUBSETS}


def _on_two_sides(names: Iterable[str | None], sides: Sequence[str]) -> list[str]:
    first: dict[str, str] = {}
    pairs = zip(names, sides, strict=True)
    return sorted({name for name, side in pairs if name is not None and first.setdefault(name, side) != side})


def _copies(clips: Sequence[Clip], sides: Sequence[str], digests: Sequence[str]) -> list[list[str]]:
    torn = set(_on_two_sides(digests, sides))
    members = defaultdict(list)
    for clip, digest in zip(clips, digests, strict=True):
        if digest in torn:
            members[digest].append(clip.name)
    return list(members.values())


def _torn(clips: Sequence[Clip], sides: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    side = {clip.name: on for clip, on in zip(clips, sides, strict=True)}
    return [[a, b] for a, b in pairs if a in side and b in side and side[a] != side[b]]


def _thin(clips: Sequence[Clip], sides: Sequence[str]) -> list[str]:
    """What is too little of a genre on a side, a sentence each, genre by genre."""
    artists: dict[str, dict[str, set[str | None]]] = defaultdict(lambda: defaultdict(set))
    for clip, side in zip(clips, sides, strict=True):
        artists[clip.genre][side].add(clip.artist)
    tested = {artist for by_side in artists.values() for artist in by_side.get("test", ())}
    one = len(tested) == 1 and None not in tested
    found = []
    for genre, by_side in sorted(artists.items()):
        if "train" not in by_side:
            found.append(f"{genre} has no training clip on this split.")
        elif len(by_side["train"]) == 1 and None not in by_side["train"]:
            (only,) = by_side["train"]
            found.append(f"{genre} trains on one artist only, {only}: it may learn the artist, not the genre.")
        # Where one artist is tested, other genres are absent by design.
        expected = ("val",) if one else ("val", "test")
        found += [f"{genre} has no {side} clip on this split." for side in expected if side not in by_side]
    if one:
        found.append(
            "A single artist is tested: the score is that artist's, not the genres'. Pool it with other folds'."
        )
    return found


def _known_by_sound(albums: Sequence[str]) -> list[str]:
    if not albums:
        return []
    return [
        f"On more than one side: {count(len(albums), 'album')}, by their names ({_some(albums)}). A model may know them by their sound, "
        "as they were recorded and mastered together."
    ]


def _unheard(clips: Sequence[Clip], heard: Collection[str] | None) -> list[str]:
    missed = [] if heard is None else [clip.name for clip in clips if clip.name not in heard]
    if not missed:
        return []
    return [
        f"The audit did not hear {len(missed)} of the {len(clips)} clips ({_some(missed)}): near copies of them were not "
        "looked for."
    ]


def _some(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f", and {len(names) - most} more" if len(names) > most else "")
