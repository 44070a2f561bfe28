"""A user's own music: DIR/genre/file, at any depth below the genre's folder; or any tree whose files are tagged."""

import re
from collections.abc import Sequence
from pathlib import Path

from src.clip import AUDIO_SUFFIXES, Clip, Corpus, Excluded
from src.dataset import file_tags
from src.dataset.dataset import DataSet
from src.dataset.tree import sounds
from src.formatting import count

CHOICES = {"artist": ("path", "tags"), "genre": ("folder", "tags", "none")}
WITHOUT = {"folder": "in no genre's folder", "tags": "no genre in its tags"}  # why a clip without a genre is left out


class Folder(DataSet):
    """Each audio file below `root` is a clip.

    `genre` says what names its genre: `folder`, the folder in `root` that holds it; `tags`, its own tags; `none`,
    nothing. Where no file lies in a folder, or with `none`, genres are unknown: enough for audit and predict.

    `artist` says what names its artist, so that no artist lands on two sides of a split. `path`: `artist_pattern`, a
    regular expression searched in the path relative to `root`, whose group `artist` (or first group) is the name; None
    leaves artists unknown. `tags`: its own tags (`tags.read`), which name its album and track as well.
    """

    def __init__(
        self,
        root: str,
        artist_pattern: str | None = None,
        genres: Sequence[str] | None = None,
        exclude: str | None = None,
        split_file: str | None = None,
        artist: str = "path",
        genre: str = "folder",
    ) -> None:
        super().__init__(genres, exclude, split_file)
        for key, value in (("artist", artist), ("genre", genre)):
            if value not in CHOICES[key]:
                raise ValueError(f"dataset.{key} is {value!r}: expected {' or '.join(CHOICES[key])}.")
        if artist_pattern and artist == "tags":
            raise ValueError(
                f"dataset.artist_pattern is {artist_pattern!r}, and dataset.artist=tags: expected one of them. Leave the "
                "pattern out, or choose dataset.artist=path."
            )
        self.root, self.artist, self.genre = Path(root), artist, genre
        try:
            self.artist_pattern = re.compile(artist_pattern) if artist_pattern else None
        except re.error as error:
            raise ValueError(
                f"dataset.artist_pattern is {artist_pattern!r}, no regular expression: {error}."
            ) from error
        if self.artist_pattern and not self.artist_pattern.groups:
            raise ValueError(
                f"dataset.artist_pattern is {artist_pattern!r}: expected a group around the artist's name, "
                "e.g. '(?P<artist>[^/]+)--' for jazz/chet_baker--alone.mp3."
            )

    def listed(self) -> Corpus:
        """The clips. Raises ValueError where there are none, or where the pattern or the tags name nothing at all."""
        if not self.root.is_dir():
            raise ValueError(f"dataset.root is {self.root}, which is no folder: expected DIR with DIR/genre/file.")
        names, excluded = sounds(self.root)
        if not names:
            raise ValueError(self._silence(excluded))
        if self.genre == "folder":
            excluded += self._bare({name.split("/")[0] for name in [*names, *(left.clip for left in excluded)]})
        tagged = "tags" in (self.artist, self.genre)
        read = file_tags.read([self.root / name for name in names]) if tagged else [file_tags.Tags()] * len(names)
        clips = [self._clip(name, tag) for name, tag in zip(names, read, strict=True)]
        if any(clip.genre for clip in clips):
            excluded += [Excluded(clip.name, WITHOUT[self.genre]) for clip in clips if not clip.genre]
            clips = [clip for clip in clips if clip.genre]
        elif self.genre == "tags":
            raise ValueError(
                f"dataset.genre=tags: no file in {self.root} names a genre in its tags, e.g. not {names[0]}. Choose "
                "genre=folder for DIR/genre/file, or genre=none to go without."
            )
        if self.artist_pattern and not any(clip.artist for clip in clips):
            raise ValueError(
                f"dataset.artist_pattern {self.artist_pattern.pattern!r} matches no file, e.g. not {clips[0].name}."
            )
        broken = [(name, tag.error) for name, tag in zip(names, read, strict=True) if tag.error]
        return Corpus(self.root.resolve().name, clips, excluded, notes=self._notes(clips, broken))

    def _clip(self, name: str, tag: file_tags.Tags) -> Clip:
        folder = name.split("/")[0] if "/" in name else ""
        genre = {"folder": folder, "tags": tag.genre or "", "none": ""}[self.genre]
        if self.artist == "tags":
            return Clip(name, self.root / name, genre, tag.artist, tag.track, album=tag.album)
        found = self.artist_pattern.search(name) if self.artist_pattern else None
        group = "artist" if found and "artist" in found.re.groupindex else 1
        return Clip(name, self.root / name, genre, artist=(found.group(group) or None) if found else None)

    def _notes(self, clips: Sequence[Clip], broken: Sequence[tuple[str, str]]) -> list[str]:
        notes = []
        if broken:
            name, error = broken[0]
            notes.append(
                f"{self.root}: the tags of {count(len(broken), 'file')} cannot be read, e.g. {name} ({error})."
            )
        unnamed = [clip.name for clip in clips if not clip.artist]
        if self.artist == "tags" and unnamed:
            notes.append(
                f"{self.root}: the tags of {len(unnamed)} of {count(len(clips), 'clip')} name no artist, e.g. {unnamed[0]}."
            )
        if self.genre == "folder" and not clips[0].genre:
            notes.append(
                f"{self.root}: no folder in it holds audio, so the genre of {count(len(clips), 'clip')} is unknown."
            )
        return notes

    def _bare(self, used: set[str]) -> list[Excluded]:
        """The folders in the root that hold no audio."""
        folders = sorted(path.name for path in self.root.iterdir() if path.is_dir() and not path.name.startswith("."))
        return [Excluded(name, "a folder with no audio in it is no genre") for name in folders if name not in used]

    def _silence(self, excluded: Sequence[Excluded]) -> str:
        expected = f"{self.root}/genre/file with files" if self.genre == "folder" else "files"
        return (
            f"dataset.root is {self.root}, which holds no audio: expected {expected} ending in {' '.join(AUDIO_SUFFIXES)}."
            + "".join(f" {left.clip} is left out: {left.reason}." for left in excluded[:1])
        )
