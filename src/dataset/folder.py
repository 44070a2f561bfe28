"""A user's own music: DIR/genre/file, at any depth below the genre's folder."""

import re
from collections.abc import Sequence
from pathlib import Path

from src.clip import AUDIO_SUFFIXES, UNREADABLE_SUFFIXES, Clip, Corpus, Excluded
from src.dataset.dataset import DataSet


class Folder(DataSet):
    """Each folder in `root` is a genre, each audio file below it a clip.

    `artist_pattern` is a regular expression searched in the path relative to `root`; its group `artist` (or its first
    group) names the artist, so that no artist lands on two sides of a split. None: artists are unknown.
    """

    def __init__(
        self,
        root: str,
        artist_pattern: str | None,
        genres: Sequence[str] | None = None,
        exclude: str | None = None,
        split_file: str | None = None,
    ) -> None:
        super().__init__(genres, exclude, split_file)
        self.root = Path(root)
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
        """The clips. Raises ValueError where there is no genre with audio in it."""
        if not self.root.is_dir():
            raise ValueError(f"dataset.root is {self.root}, which is no folder: expected DIR with DIR/genre/file.")
        inside = sorted(path for path in self.root.iterdir() if not path.name.startswith("."))
        clips, excluded = [], [Excluded(path.name, "in no genre's folder") for path in inside if _is_sound(path)]
        for folder in (path for path in inside if path.is_dir()):
            sounds = sorted(path for path in folder.rglob("*") if _is_sound(path))
            if not sounds:
                excluded.append(Excluded(folder.name, "a folder with no audio in it is no genre"))
            clips += [self._clip(path, folder.name) for path in sounds]
            excluded += [
                Excluded(path.relative_to(self.root).as_posix(), "a format that is not read: convert it to flac or wav")
                for path in sorted(folder.rglob("*"))
                if path.suffix.lower() in UNREADABLE_SUFFIXES
            ]
        if not clips:
            raise ValueError(
                f"dataset.root is {self.root}, in which no folder holds audio: expected {self.root}/genre/file with files "
                f"ending in {' '.join(AUDIO_SUFFIXES)}."
            )
        unnamed = [clip.name for clip in clips if clip.artist is None] if self.artist_pattern else []
        if len(unnamed) == len(clips):
            raise ValueError(
                f"dataset.artist_pattern {self.artist_pattern.pattern!r} matches no file, e.g. not {unnamed[0]}."  # type: ignore[union-attr]
            )
        return Corpus(self.root.resolve().name, clips, excluded)

    def _clip(self, path: Path, genre: str) -> Clip:
        name = path.relative_to(self.root).as_posix()
        found = self.artist_pattern.search(name) if self.artist_pattern else None
        group = "artist" if found and "artist" in found.re.groupindex else 1
        return Clip(name, path, genre, artist=(found.group(group) or None) if found else None)


def _is_sound(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
