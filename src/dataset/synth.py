"""The embedded corpus: rule-made music of GTZAN's ten genres by invented artists, rendered once and kept as FLAC.

It needs no download, and its artists are real factors: each has instruments, tempi, keys, habits and a mix that stay
the same over the artist's tracks. What is learned from it says little about real recordings.
"""

import hashlib
import json
import math
import shutil
from collections.abc import Sequence
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
    """`artists` a genre with `tracks` each, and of every track one clip of `clip_seconds` from somewhere within it.

    The clips lie in `<cache>/synth-<digest of all that decides the sound>/<genre>/<artist>--<track>.flac`. One seed
    gives the same bytes each time on one machine; which genres are asked for changes no clip.
    """

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
    ) -> None:
        super().__init__(None, exclude, split_file)  # genres that are not asked for are not even rendered
        _check("seed", seed, 0, 2**32 - 1)
        _check("artists", artists, 1, MOST_ARTISTS)
        _check("tracks", tracks, 1, MOST_TRACKS)
        _check("clip_seconds", clip_seconds, 1, 600)
        asked = list(GENRES) if genres is None else [genres] if isinstance(genres, str) else list(genres)
        unknown = [str(genre) for genre in asked if genre not in GENRES]
        if unknown or not asked:
            raise ValueError(f"dataset.genres is {asked}: expected null (all) or some of {', '.join(GENRES)}")
        self.seed, self.artists, self.tracks, self.clip_seconds = seed, artists, tracks, float(clip_seconds)
        self.asked = [genre for genre in GENRES if genre in asked]
        self.folder = Path(cache).absolute() / f"synth-{self._digest()}"

    def listed(self) -> Corpus:
        """The clips, rendered first where they are not there yet.

        Raises OSError, saying what to do, without the SoundFont or where the cache cannot be written.
        """
        clips = {genre: self._clips(genre) for genre in self.asked}
        if not all(_complete(clips[genre]) for genre in self.asked):
            from filelock import FileLock

            try:
                self.folder.mkdir(parents=True, exist_ok=True)
                # A second process waits here, and then finds the clips.
                with FileLock(f"{self.folder}.lock"):
                    missing = [genre for genre in self.asked if not _complete(clips[genre])]
                    if missing:
                        self._render(missing)
            except OSError as error:
                if error.errno is None:  # ours, and it says what to do
                    raise
                advice = "Make room there, or choose another folder with data.cache="
                raise OSError(f"dataset=synth cannot keep its clips: {error}. {advice}") from error
        return Corpus("synth", [clip for genre in self.asked for clip in clips[genre]], synthetic=True)

    def _digest(self) -> str:
        settings = [FORMAT, self.seed, self.artists, self.tracks, self.clip_seconds, version("symusic")]
        digest = hashlib.sha256(json.dumps(settings).encode())
        for source in (*sorted(COMPOSER.glob("*.py")), soundfont()):
            digest.update(source.read_bytes())
        return digest.hexdigest()[:8]

    def _clips(self, genre: str) -> list[Clip]:
        """A genre's clips: artist after artist, track after track."""
        clips = []
        for number in range(self.artists):
            artist = artist_name(self.seed, genre, number)
            for title in track_names(self.seed, genre, number, self.tracks):
                name = f"{genre}/{_slug(artist)}--{_slug(title)}.flac"
                clips.append(Clip(name, self.folder / name, genre, artist, f"{artist}: {title}"))
        return clips

    def _render(self, genres: list[str]) -> None:
        """Render whole genres, each into a folder beside its own that takes its name when the last clip is there."""
        for stale in self.folder.glob("*.partial"):  # left by an interruption: whoever holds the lock is alone
            shutil.rmtree(stale)
        jobs = []
        for genre in genres:
            partial = self.folder / f"{genre}.partial"
            partial.mkdir()
            for index, clip in enumerate(self._clips(genre)):
                artist, track = divmod(index, self.tracks)
                jobs.append(Job(self.seed, genre, artist, track, self.clip_seconds, str(partial / clip.path.name)))
        left = dict.fromkeys(genres, self.artists * self.tracks)
        for job in render(jobs):
            left[job.genre] -= 1
            if not left[job.genre]:
                shutil.rmtree(self.folder / job.genre, ignore_errors=True)
                (self.folder / f"{job.genre}.partial").rename(self.folder / job.genre)


def _complete(clips: Sequence[Clip]) -> bool:
    return all(clip.path.is_file() for clip in clips)


def _slug(name: str) -> str:
    return name.lower().replace(" ", "-")


def _check(key: str, value: float, least: int, most: int) -> None:
    whole = key != "clip_seconds"
    number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value < least:
        raise ValueError(f"dataset.{key} is {value}: expected {'a whole number, ' * whole}{least} or more")
    if value > most:
        raise ValueError(f"dataset.{key} is {value}: expected {most} or less")
