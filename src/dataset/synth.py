"""The synthetic corpus: rule-based music of GTZAN's ten genres by invented artists, rendered once and cached as FLAC.

It needs no download. Artists differ audibly: the instruments, tempi, keys, habits and mix of an artist are the same in
all of the artist's tracks. Scores on this corpus say little about real recordings.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from src.clip import Clip, Corpus
from src.dataset.composer.names import MOST_ARTISTS, MOST_TRACKS, artist_name, track_names
from src.dataset.composer.soundfont import soundfont
from src.dataset.composer.style import GENRES
from src.dataset.composer.workers import Job, render
from src.dataset.dataset import DataSet

FORMAT = 1  # of the files: mono, 22,050 Hz, 16-bit FLAC
COMPOSER = Path(__file__).parent / "composer"


class Synth(DataSet):
    """Synthetic music: `artists` per genre with `tracks` each, and one clip of `clip_seconds` per track.

    A clip starts at a random position in its track. The clips are `<cache>/synth-<digest of all that determines the
    sound>/<genre>/<artist>--<track>.flac`. On one machine, the same seed always gives the same bytes; the choice of
    genres changes no clip.
    """

    fixed_genres = GENRES

    def __init__(
        self,
        cache: str,
        seed: int = 0,
        artists: int = 20,
        tracks: int = 4,
        clip_seconds: float = 10.0,
        genres: Sequence[str] | None = None,
        exclude: str | None = None,
        split_file: str | None = None,
        genre_map: Mapping[object, object] | str | None = None,
        genre_separator: str | None = None,
        genre_pick: str = "first",
        tree: str | None = None,
    ) -> None:
        super().__init__(genres, exclude, split_file, genre_map, genre_separator, genre_pick, tree)
        _check_setting("seed", seed, 0, 2**32 - 1)
        _check_setting("artists", artists, 1, MOST_ARTISTS)
        _check_setting("tracks", tracks, 1, MOST_TRACKS)
        _check_setting("clip_seconds", clip_seconds, 1, 600)
        self.seed, self.artists, self.tracks, self.clip_seconds = seed, artists, tracks, float(clip_seconds)
        self.chosen_genres = self.chosen_of_fixed()  # genres that are not chosen are not even rendered
        self.folder = Path(cache).absolute() / f"synth-{self._digest()}"

    def listed(self) -> Corpus:
        """List the clips, after rendering those that are missing from the cache and writing them there.

        Raises OSError if the SoundFont is missing or the cache cannot be written.
        """
        clips = {genre: self._clips(genre) for genre in self.chosen_genres}
        if not all(_complete(clips[genre]) for genre in self.chosen_genres):
            from filelock import FileLock

            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                # A second process waits here, and then finds the clips in the cache.
                with FileLock(f"{self.folder}.lock"):
                    missing = [genre for genre in self.chosen_genres if not _complete(clips[genre])]
                    if missing:
                        self._render(missing)
            except OSError as error:
                if error.errno is None:  # raised by this project: its message already says what to do
                    raise
                advice = "Free some space there, or choose another folder with data.cache="
                raise OSError(f"dataset=synth cannot cache its clips: {error}. {advice}") from error
        return Corpus("synth", [clip for genre in self.chosen_genres for clip in clips[genre]], synthetic=True)

    def _digest(self) -> str:
        settings = [FORMAT, self.seed, self.artists, self.tracks, self.clip_seconds, version("symusic")]
        digest = hashlib.sha256(json.dumps(settings).encode())
        for source in (*sorted(COMPOSER.glob("*.py")), soundfont()):
            digest.update(source.read_bytes())
        return digest.hexdigest()[:8]

    def _clips(self, genre: str) -> list[Clip]:
        """The clips of a genre, ordered by artist, then by track."""
        clips = []
        for number in range(self.artists):
            artist = artist_name(self.seed, genre, number)
            for title in track_names(self.seed, genre, number, self.tracks):
                name = f"{genre}/{_slug(artist)}--{_slug(title)}.flac"
                clips.append(Clip(name, self.folder / name, genre, artist, f"{artist}: {title}"))
        return clips

    def _render(self, genres: list[str]) -> None:
        """Render whole genres, each into a folder <genre>.partial, which is renamed to <genre> after its last clip."""
        for stale in self.folder.glob("*.partial"):  # of an interrupted process; the lock excludes a running one
            shutil.rmtree(stale)
        jobs = []
        for genre in genres:
            partial = self.folder / f"{genre}.partial"
            partial.mkdir()
            for index, clip in enumerate(self._clips(genre)):
                artist, track = divmod(index, self.tracks)
                jobs.append(Job(self.seed, genre, artist, track, self.clip_seconds, str(partial / clip.path.name)))
        remaining = dict.fromkeys(genres, self.artists * self.tracks)
        for job in render(jobs):
            remaining[job.genre] -= 1
            if not remaining[job.genre]:
                shutil.rmtree(self.folder / job.genre, ignore_errors=True)
                (self.folder / f"{job.genre}.partial").rename(self.folder / job.genre)


def _complete(clips: Sequence[Clip]) -> bool:
    return all(clip.path.is_file() and clip.path.stat().st_size for clip in clips)


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def _check_setting(key: str, value: float, minimum: int, maximum: int) -> None:
    whole = key != "clip_seconds"
    is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or value < minimum:
        raise ValueError(f"dataset.{key} is {value}: expected {'a whole number, ' * whole}{minimum} or more")
    if value > maximum:
        raise ValueError(f"dataset.{key} is {value}: expected {maximum} or less")
