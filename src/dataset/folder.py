"""A user's own music: DIR/genre/file, at any depth below the genre folder, or any tree of tagged files."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from src.clip import AUDIO_SUFFIXES, Clip, Corpus, Excluded
from src.dataset import file_tags
from src.dataset.dataset import DataSet
from src.dataset.tree import audio_files
from src.formatting import count

CHOICES = {"artist": ("path", "tags"), "genre": ("folder", "tags", "none")}
NO_GENRE = {"folder": "not in a genre folder", "tags": "no genre in its tags"}  # why a clip without a genre is left out


class Folder(DataSet):
    """All audio files below `root`, one clip per file.

    `genre` selects the source of a clip's genre: `folder`, the folder in `root` that contains it; `tags`, its own tags;
    `none`, nothing. With `none`, or with `folder` if all files lie directly in `root`, genres are unknown: enough for
    audit and predict.

    `artist` selects the source of a clip's artist, so that a split can keep each artist in one set. `path`:
    `artist_pattern`, a regular expression that is searched in the path relative to `root`; its group `artist` (or first
    group) is the name, and None leaves artists unknown. `tags`: the file's own tags (`file_tags.read`), which also give
    album and track.
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
        genre_map: Mapping[object, object] | str | None = None,
        genre_separator: str | None = None,
        genre_pick: str = "first",
        tree: str | None = None,
    ) -> None:
        super().__init__(genres, exclude, split_file, genre_map, genre_separator, genre_pick, tree)
        for key, value in (("artist", artist), ("genre", genre)):
            if value not in CHOICES[key]:
                raise ValueError(f"dataset.{key} is {value!r}: expected {' or '.join(CHOICES[key])}.")
        if artist_pattern and artist == "tags":
            raise ValueError(
                f"dataset.artist_pattern is {artist_pattern!r}, and dataset.artist=tags: expected only one of them. "
                "Leave the pattern out, or choose dataset.artist=path."
            )
        self.root, self.artist, self.genre = Path(root), artist, genre
        try:
            self.artist_pattern = re.compile(artist_pattern) if artist_pattern else None
        except re.error as error:
            raise ValueError(
                f"dataset.artist_pattern is {artist_pattern!r}, which is not a regular expression: {error}."
            ) from error
        if self.artist_pattern and not self.artist_pattern.groups:
            raise ValueError(
                f"dataset.artist_pattern is {artist_pattern!r}: expected a group around the artist's name, "
                "e.g. '(?P<artist>[^/]+)--' for jazz/chet_baker--alone.mp3."
            )

    def listed(self) -> Corpus:
        """List the clips. Raises ValueError if there are none, or if the pattern or the tags give no name at all."""
        if not self.root.is_dir():
            raise ValueError(f"dataset.root is {self.root}, which is not a folder: expected DIR with DIR/genre/file.")
        names, excluded = audio_files(self.root)
        if not names:
            raise ValueError(self._no_audio_message(excluded))
        if self.genre == "folder":
            used_folders = {name.split("/")[0] for name in [*names, *(exclusion.clip for exclusion in excluded)]}
            excluded += self._folders_without_audio(used_folders)
        needs_tags = "tags" in (self.artist, self.genre)
        tags = file_tags.read([self.root / name for name in names]) if needs_tags else [file_tags.Tags()] * len(names)
        clips = [self._clip(name, tag) for name, tag in zip(names, tags, strict=True)]
        if any(clip.genre for clip in clips):
            excluded += [Excluded(clip.name, NO_GENRE[self.genre]) for clip in clips if not clip.genre]
            clips = [clip for clip in clips if clip.genre]
        elif self.genre == "tags":
            raise ValueError(
                f"dataset.genre=tags: none of the files in {self.root} has a genre in its tags, e.g. {names[0]}. "
                "Choose dataset.genre=folder for DIR/genre/file, or dataset.genre=none to continue without genres."
            )
        if self.artist_pattern and not any(clip.artist for clip in clips):
            raise ValueError(
                f"dataset.artist_pattern {self.artist_pattern.pattern!r} matches none of the files, "
                f"e.g. {clips[0].name}."
            )
        unreadable = [(name, tag.error) for name, tag in zip(names, tags, strict=True) if tag.error]
        return Corpus(self.root.resolve().name, clips, excluded, notes=self._notes(clips, unreadable))

    def _clip(self, name: str, tag: file_tags.Tags) -> Clip:
        folder = name.split("/")[0] if "/" in name else ""
        genre = {"folder": folder, "tags": tag.genre or "", "none": ""}[self.genre]
        if self.artist == "tags":
            return Clip(name, self.root / name, genre, tag.artist, tag.track, album=tag.album)
        match = self.artist_pattern.search(name) if self.artist_pattern else None
        group = "artist" if match and "artist" in match.re.groupindex else 1
        return Clip(name, self.root / name, genre, artist=(match.group(group) or None) if match else None)

    def _notes(self, clips: Sequence[Clip], unreadable: Sequence[tuple[str, str]]) -> list[str]:
        notes = []
        if unreadable:
            name, error = unreadable[0]
            notes.append(
                f"{self.root}: the tags of {count(len(unreadable), 'file')} cannot be read, e.g. {name} ({error})."
            )
        without_artist = [clip.name for clip in clips if not clip.artist]
        if self.artist == "tags" and without_artist:
            notes.append(
                f"{self.root}: the tags of {len(without_artist)} of {count(len(clips), 'clip')} name no artist, e.g. "
                f"{without_artist[0]}."
            )
        if self.genre == "folder" and not clips[0].genre:
            notes.append(
                f"{self.root}: no folder in it contains audio, so the genre of {count(len(clips), 'clip')} is unknown."
            )
        return notes

    def _folders_without_audio(self, used_folders: set[str]) -> list[Excluded]:
        """The folders in the root that contain no audio."""
        folders = sorted(path.name for path in self.root.iterdir() if path.is_dir() and not path.name.startswith("."))
        reason = "a folder without audio is not a genre"
        return [Excluded(name, reason) for name in folders if name not in used_folders]

    def _no_audio_message(self, excluded: Sequence[Excluded]) -> str:
        expected = f"{self.root}/genre/file with files" if self.genre == "folder" else "files"
        return (
            f"dataset.root is {self.root}, which contains no audio: expected {expected} ending in "
            f"{' '.join(AUDIO_SUFFIXES)}."
            + "".join(f" {exclusion.clip} is left out: {exclusion.reason}." for exclusion in excluded[:1])
        )
