"""Clips on which a run is judged: their genres are those that the run and the data set both know."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from src import formatting
from src.clip import Clip, Corpus, Excluded, comparable
from src.data import waveform_cache
from src.data.datamodule import GenreData
from src.dataset import DataSet, opinions
from src.split import Split

MOST_NAMED = 20  # a message names at most this many genres


class NoCommonGenre(ValueError):
    """The run knows no genre of the data set."""


class JudgedData(GenreData):
    """The clips of a data set on which a run is judged: all of them, or the test clips of a split.

    `run_genres` are the genres of the run, in the order of its logits. A genre of the data set is matched with the one of
    the same name; case and separators do not count ("Hip-Hop" is "hiphop"), and `dataset.genre_map` renames others. Clips
    whose genre the run does not know are left out, with the reason. `settings` are those of GenreData. With `strict_map`, a
    name in the map that the data set, or the run, does not know is an error.
    """

    def __init__(
        self,
        dataset: DataSet,
        split: Split | None,
        run_genres: Sequence[str],
        settings: Mapping[str, Any],
        strict_map: bool = True,
    ) -> None:
        super().__init__(dataset=dataset, split=split, sampler=no_sampler, **settings)  # type: ignore[arg-type]
        self.run_genres, self.strict_map = list(run_genres), strict_map
        self.other_genres: Counter[str] = Counter()  # clips of the genres that the run does not know
        self.renamed: dict[str, str] = {}  # genres of the data set that the run spells otherwise

    @cached_property
    def corpus(self) -> Corpus:
        """The clips to judge, before any is decoded, with the genres of the run.

        Raises ValueError if no genre is common, or if `dataset.genre_map` has a name that one of both does not know.
        """
        if self.strict_map:
            self._check_new_genres()
        corpus = self.dataset.corpus(strict=self.strict_map)
        subsets = self.split.assign(corpus.clips) if self.split else ["test"] * len(corpus.clips)
        names = {genre: self._run_genre(genre) for genre in corpus.genres}
        self.renamed = {genre: name for genre, name in names.items() if name and name != genre}
        clips: list[Clip] = []
        unknown_opinions = 0
        excluded = list(corpus.excluded)
        for clip, subset in zip(corpus.clips, subsets, strict=True):
            if subset != "test":
                continue
            name = names.get(clip.genre)
            if name:
                renamed, unknown = opinions.with_names(clip, names)
                unknown_opinions += unknown
                clips.append(clip if renamed == clip else renamed)
            else:
                reason = f"genre {clip.genre}, which the run does not know" if clip.genre else "its genre is unknown"
                excluded.append(Excluded(clip.name, reason))
                self.other_genres[clip.genre or "(unknown)"] += 1
        if not clips:
            raise NoCommonGenre(
                f"No genre is common: {corpus.name} has {_named(corpus.genres) or 'clips of unknown genres'}, and the run "
                f"knows {_named(self.run_genres)}. To rename one: dataset.genre_map.{(corpus.genres or ['NAME'])[0]}="
                f"{self.run_genres[0]}"
            )
        notes = list(corpus.notes)
        if unknown_opinions:
            number = formatting.count(unknown_opinions, "opinion")
            notes.append(f"Not counted, as the run does not know their genre: {number} on clips that are judged.")
        return replace(corpus, clips=clips, excluded=excluded, notes=notes)

    @cached_property
    def waveforms(self) -> waveform_cache.WaveformCache:
        """The decoded clips. Raises ValueError if none can be used."""
        waveforms = waveform_cache.open_or_decode(
            self.corpus.clips, self.cache, self.sample_rate, self.max_seconds, self.strict
        )
        if not waveforms.clips:
            first = waveforms.excluded[0]
            raise ValueError(
                f"No clip of {self.corpus.name} can be used ({first.clip}: {first.reason}). Fix the files."
            )
        return waveforms

    @property
    def genres(self) -> list[str]:
        return self.run_genres

    @cached_property
    def subsets(self) -> list[str]:
        return ["test"] * len(self.clips)

    def _run_genre(self, genre: str) -> str | None:
        """The run's name of a genre; None if the run does not know it."""
        by_spelling = {comparable(name): name for name in reversed(self.run_genres)}
        return genre if genre in self.run_genres else by_spelling.get(comparable(genre))

    def _check_new_genres(self) -> None:
        unknown = [genre for genre in self.dataset.genre_rules.new_genres if not self._run_genre(genre)]
        if unknown:
            raise ValueError(
                f"dataset.genre_map renames a genre to {unknown[0]!r}, which the run does not know: expected one of "
                f"{_named(self.run_genres)}; null leaves a genre out."
            )


def no_sampler(**_: Any) -> Any:
    """Take the place of a sampler, which these clips do not need."""
    raise AssertionError("nothing is trained on these clips")


def _named(genres: Sequence[str]) -> str:
    return formatting.first_names(genres, MOST_NAMED)
