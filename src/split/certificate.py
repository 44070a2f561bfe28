"""Split certificate: the method of a split, the sizes of its sets, and the artists, tracks and copies that they share."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from src import formatting
from src.clip import ALL_SUBSETS, SUBSETS, Clip
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
    """Certify a split -> the content of `certificate` in metrics.json: method, sizes of the sets, leaks, warnings.

    `subsets` has the set of each clip and `digests` a hash of its audio. `shared` lists the artists, albums, tracks, groups
    of identical audio and pairs of near copies that are in more than one set. `near_copies` are all known pairs, by clip
    name; None if no audit has searched for them. `measured` are the names of the clips that the audit measured; None for
    all. The audio itself is not read.
    """
    albums = _in_several_sets((clip.album for clip in clips), subsets)
    return {
        "split": description,
        "grouped_by": _grouped_by(clips) if grouped else "nothing",
        "sets": _sizes(clips, subsets),
        "shared": {
            "artists": _in_several_sets((clip.artist for clip in clips), subsets),
            "albums": albums,
            "tracks": _in_several_sets(map(full_track_name, clips), subsets),
            "audio": _shared_copies(clips, subsets, digests),
            "near_copies": None if near_copies is None else _divided_pairs(clips, subsets, near_copies),
        },
        "warnings": [*_genre_warnings(clips, subsets), *_album_warnings(albums), *_audit_warnings(clips, measured)],
    }


def refuse_leaks(certificate: Mapping[str, Any]) -> None:
    """Raise ValueError if the sets share artists, tracks, identical clips or near copies. The message names them.

    Shared albums are allowed, since a grouped split may divide an album of several known artists; the certificate has a
    warning instead.
    """
    shared = certificate["shared"]
    descriptions = [
        f"{formatting.count(len(names), kind)} ({_first_few([joint.join(n) if isinstance(n, list) else n for n in names])})"
        for kind, joint, names in (
            ("artist", "", shared["artists"]),
            ("track", "", shared["tracks"]),
            ("group of byte-identical clips", " = ", shared["audio"]),
            ("pair of near copies", " ~ ", shared["near_copies"]),
        )
        if names
    ]
    if descriptions:
        raise ValueError(
            f"The split ({certificate['split']}) leaks: its sets share {'; '.join(descriptions)}. A score on it would not "
            "be a score on unseen music. Remove the copies (dataset.exclude) or use a grouped split (holdout, kfold); "
            "split.allow_leak=true trains anyway, and the certificate records it."
        )


def leaks(certificate: Mapping[str, Any]) -> list[str]:
    """Describe what the sets share, as phrases: ["3 artists", "1 track"]; an empty list if there is no leak."""
    shared = certificate["shared"]
    kinds = (
        ("artists", "artist"),
        ("tracks", "track"),
        ("audio", "group of identical clips"),
        ("near_copies", "pair of near copies"),
    )
    return [formatting.count(len(shared[key]), singular) for key, singular in kinds if shared[key]]


def _grouped_by(clips: Sequence[Clip]) -> str:
    """ "artist", or with several kinds of group "artist (90 clips), track (10 clips)"."""
    clips_by_kind = Counter(kind for kind, _ in artist_groups(clips))
    kinds = [kind for kind in KINDS if clips_by_kind[kind]]
    if len(kinds) == 1:
        return kinds[0]
    return ", ".join(f"{kind} ({formatting.count(clips_by_kind[kind], 'clip')})" for kind in kinds)


def _sizes(clips: Sequence[Clip], subsets: Sequence[str]) -> dict[str, dict[str, int]]:
    """Count the clips, known tracks and known artists of each set."""
    clip_counts = Counter(subsets)
    tracks, artists = (
        Counter(
            subset
            for _, subset in {(name(clip), subset) for clip, subset in zip(clips, subsets, strict=True) if name(clip)}
        )
        for name in (full_track_name, lambda clip: clip.artist)
    )
    return {
        subset: {"clips": clip_counts[subset], "tracks": tracks[subset], "artists": artists[subset]}
        for subset in ALL_SUBSETS
        if subset in SUBSETS or clip_counts[subset]
    }


def _in_several_sets(names: Iterable[str | None], subsets: Sequence[str]) -> list[str]:
    """List the names (of artists, tracks ...) that occur in more than one set, sorted; None is an unknown name."""
    first: dict[str, str] = {}  # the first set in which a name occurs
    pairs = zip(names, subsets, strict=True)
    return sorted({name for name, subset in pairs if name is not None and first.setdefault(name, subset) != subset})


def _shared_copies(clips: Sequence[Clip], subsets: Sequence[str], digests: Sequence[str]) -> list[list[str]]:
    """List the groups of clips with identical audio in more than one set."""
    shared = set(_in_several_sets(digests, subsets))
    names = defaultdict(list)
    for clip, digest in zip(clips, digests, strict=True):
        if digest in shared:
            names[digest].append(clip.name)
    return list(names.values())


def _divided_pairs(clips: Sequence[Clip], subsets: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[list[str]]:
    """List the pairs whose clips are in two different sets; pairs with a clip outside all sets are left out."""
    subset_of = {clip.name: subset for clip, subset in zip(clips, subsets, strict=True)}
    return [[a, b] for a, b in pairs if a in subset_of and b in subset_of and subset_of[a] != subset_of[b]]


def _genre_warnings(clips: Sequence[Clip], subsets: Sequence[str]) -> list[str]:
    """Warn of each genre that has no clip in a set, or training clips of one artist only."""
    artists: dict[str, dict[str, set[str | None]]] = defaultdict(lambda: defaultdict(set))
    for clip, subset in zip(clips, subsets, strict=True):
        artists[clip.genre][subset].add(clip.artist)
    test_artists = {artist for by_subset in artists.values() for artist in by_subset.get("test", ())}
    one_test_artist = len(test_artists) == 1 and None not in test_artists
    warnings = []
    for genre, by_subset in sorted(artists.items()):
        if "train" not in by_subset:
            warnings.append(f"{genre} has no training clip in this split.")
        elif len(by_subset["train"]) == 1 and None not in by_subset["train"]:
            (artist,) = by_subset["train"]
            warnings.append(
                f"{genre} has training clips of one artist only, {artist}: a model may learn the artist, not the genre."
            )
        # A test set of one artist lacks the other genres by design, so this is not a warning.
        expected = ("val",) if one_test_artist else ("val", "test")
        warnings += [
            f"{genre} has no {formatting.subset(subset)} clip in this split."
            for subset in expected
            if subset not in by_subset
        ]
    if one_test_artist:
        warnings.append(
            "Only one artist is tested: the score is that artist's, not the genres'. Pool it with those of other folds."
        )
    return warnings


def _album_warnings(albums: Sequence[str]) -> list[str]:
    if not albums:
        return []
    return [
        f"The sets share {formatting.count(len(albums), 'album')}, by name ({_first_few(albums)}). A model may recognize an album by its "
        "sound, since its tracks were recorded and mastered together."
    ]


def _audit_warnings(clips: Sequence[Clip], measured: Collection[str] | None) -> list[str]:
    missing = [] if measured is None else [clip.name for clip in clips if clip.name not in measured]
    if not missing:
        return []
    return [
        f"The audit did not measure {len(missing)} of the {len(clips)} clips ({_first_few(missing)}): it did not search "
        "for near copies of them."
    ]


def _first_few(names: Sequence[str], limit: int = 5) -> str:
    return ", ".join(names[:limit]) + (f", and {len(names) - limit} more" if len(names) > limit else "")
