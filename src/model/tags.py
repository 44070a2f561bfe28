"""Genres from the tags of pretrained networks, by a fixed table: nothing is trained."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from src.model.genre_table import GenreTable

GTZAN = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
# The default list where musicnn is used alone; with a second network it is the whole table.
MUSICNN = (
    *("alternative", "ambient", "blues", "classical", "country", "disco", "electronic", "folk", "funk", "hip-hop"),
    *("house", "indian", "indie", "jazz", "metal", "new age", "pop", "punk", "rnb", "rock", "soul", "techno"),
)
AUDIOSET = "audioset"  # name of the network in the rows audioset/Rock music
UNCOVERED_NATS = -13.8  # a genre that no tag covers gets a probability of one in a million


class Tags(nn.Module):
    """Genre logits from tag values, by a table of the tags of each genre: feature (B, F, N) -> logits (B, C).

    The feature has a row for each tag of musicnn's networks (msd/rock: log-odds minus their mean over the training songs,
    in nats), for each class of AudioSet (audioset/Rock music: log-odds, in nats), or for both. They are averaged over time.

    musicnn alone: in each network, a genre gets the largest value of its tags; its logit is the mean over the networks
    that have any of its tags. `a + b` means both tags together: the mean of the two. A tag that is the name of another
    requested genre counts for that genre only.

    AudioSet alone: a clip is assumed to have one genre of the table, and any of the genres above it as further labels.
    If labels are otherwise independent, the probability of a genre is proportional to its odds times the product of
    (1 + odds) of the genres above it. A requested genre sums itself and all genres below it, without those that are
    nearer to, or are, another requested genre: if rock and metal are requested, rock means rock other than metal.

    Both: let S be the requested genres that both know. AudioSet's classes decide the odds of each genre that only they
    have against S, musicnn's tags those of each genre that only they have; in S, both have one vote: the mean of the two
    conditional probabilities. If no requested genre is known to both, S are all such genres of the table, which then
    drop out. The logits are log-probabilities, divided by a temperature that depends on the number of genres.

    A genre that no row covers is never predicted. If the largest probability is below `unsure_below`, programs predict
    unsure, unless, with AudioSet's classes, a requested genre with those below it reaches it (`surest_above`). They predict
    unsure too if the sound is no music (`checks_music`).

    Raises ValueError on a feature that does not consist of tags or is normalized, and on a table with errors.
    """

    checks_music = True  # the networks give noise any tag, often with high confidence

    def __init__(
        self,
        table: Mapping[str, Mapping[str, Any] | Sequence[str]],
        unsure_below: float,
        temperatures: Mapping[int, float] | None = None,
        *,
        genre_names: Sequence[str],
        row_names: Sequence[str],
        normalized: bool,
    ) -> None:
        super().__init__()
        if not row_names or normalized:
            raise ValueError(
                "model=tags needs a feature of tags, such as feature=musicnn with feature.layer=tags, and "
                "normalization=none: experiment=tags sets all three."
            )
        self.table, self.unsure_below = GenreTable(table), unsure_below
        self.rows = {name: k for k, name in enumerate(row_names)}
        self.networks = sorted({name.split("/")[0] for name in row_names} - {AUDIOSET})
        self.has_audioset = any(name.startswith(f"{AUDIOSET}/") for name in row_names)
        requested = [self.table.key(name) for name in genre_names]
        self.tag_rows, self.class_rows = self._tag_rows(requested), self._class_rows(requested)
        known = list(zip(self.tag_rows, self.class_rows, strict=True))
        self.uncovered = [name for name, (tags, classes) in zip(genre_names, known, strict=True) if not tags + classes]
        if any(self.tag_rows) and any(self.class_rows) and not any(tags and classes for tags, classes in known):
            self._add_links(requested)
        self.count, self.genres = len(requested), list(genre_names)
        self.temperature = _interpolate(temperatures or {}, self.count) if self.networks and self.has_audioset else 1.0
        genres = self.table.genres
        self.families = {  # a requested genre with others below it -> the indices of all of them, itself first
            k: [k, *below]
            for k, key in enumerate(requested)
            if self.has_audioset
            and (below := [j for j, other in enumerate(requested) if other in genres and key in genres[other].above])
        }

    def prepare(self, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, list[float]]:
        """Fit nothing. Returns no training curves."""
        return {}

    @property
    def notes(self) -> list[str]:
        """Notes for the user: the genres that no tag covers."""
        return [f"No tag covers {', '.join(self.uncovered)}: never predicted."] if self.uncovered else []

    def forward(self, feature_BFN: Tensor) -> Tensor:
        row_BF = feature_BFN.mean(dim=2)
        by_tags = [self._by_tags(row_BF, rows) for rows in self.tag_rows]
        by_classes = [self._by_classes(row_BF, rows) for rows in self.class_rows]
        if any(each is not None for each in by_tags) and any(each is not None for each in by_classes):
            logits = _join(by_tags, by_classes)
        else:
            logits = [a if b is None else b for a, b in zip(by_tags, by_classes, strict=True)]
        logits = logits[: self.count]
        covered = [logit_B for logit_B in logits if logit_B is not None]
        uncovered_B = (
            torch.stack(covered).logsumexp(dim=0) + UNCOVERED_NATS if covered else row_BF.new_zeros(len(row_BF))
        )
        logits_BC = torch.stack([uncovered_B if logit_B is None else logit_B for logit_B in logits], dim=1)
        return logits_BC / self.temperature

    def surest_above(self, probability_C: Tensor) -> tuple[int, float] | None:
        """The lowest requested genre whose sum with those below it is sure, and this sum; None if there is none.

        The walk starts at the genre with the largest sum, and goes down to the largest below it while that one is sure.
        """
        sums = {k: float(probability_C[family].sum()) for k, family in self.families.items()}
        found, candidates = None, list(sums)
        while candidates:
            k = max(candidates, key=lambda each: sums[each])
            if sums[k] < self.unsure_below:
                break
            found, candidates = (k, sums[k]), [j for j in self.families[k][1:] if j in sums]
        return found

    def _tag_rows(self, requested: Sequence[str]) -> list[list[list[list[int]]]]:
        """For each genre, network and tag: the rows of the tag's parts."""
        found = []
        for key in requested:
            tags = self.table.genres[key].tags if key in self.table.genres else ()
            own = [tag.split(" + ") for tag in tags if self.table.key(tag) not in set(requested) - {key}]
            by_network = [
                [
                    [self.rows[f"{network}/{part}"] for part in parts]
                    for parts in own
                    if all(f"{network}/{part}" in self.rows for part in parts)
                ]
                for network in self.networks
            ]
            found.append([rows_of_tags for rows_of_tags in by_network if rows_of_tags])
        return found

    def _class_rows(self, requested: Sequence[str]) -> list[list[list[int]]]:
        """For each genre and each of its classes: the row of the class, then those of the classes above it."""
        found: list[list[list[int]]] = [[] for _ in requested]
        for key, genre in self.table.genres.items():
            nearest = self.table.nearest(key, requested)
            path = [f"{AUDIOSET}/{self.table.genres[each].audioset}" for each in (key, *genre.above)]
            if nearest is not None and path[0] in self.rows:
                found[requested.index(nearest)].append([self.rows[name] for name in path if name in self.rows])
        return found

    def _add_links(self, requested: Sequence[str]) -> None:
        """Add the genres of the table that both networks know. Raises ValueError if there are none."""
        others = [key for key in self.table.genres if key not in requested]
        links = [
            (tags, classes)
            for tags, classes in zip(self._tag_rows(others), self._class_rows(others), strict=True)
            if tags and classes
        ]
        if not links:
            raise ValueError("model.table has no genre with both tags and a class of AudioSet: expected at least one.")
        self.tag_rows += [tags for tags, _ in links]
        self.class_rows += [classes for _, classes in links]

    @staticmethod
    def _by_tags(row_BF: Tensor, rows: Sequence[Sequence[Sequence[int]]]) -> Tensor | None:
        """The logit of a genre by its tags: the mean over networks of the largest, (B,); None without tags."""
        evidence = [
            torch.stack([row_BF[:, parts].mean(dim=1) for parts in rows_of_tags]).amax(dim=0) for rows_of_tags in rows
        ]
        return torch.stack(evidence).mean(dim=0) if evidence else None

    @staticmethod
    def _by_classes(row_BF: Tensor, rows: Sequence[Sequence[int]]) -> Tensor | None:
        """The logit of a genre by its classes: the log of the sum of their weights, (B,); None without classes."""
        weights = [row_BF[:, first] + softplus(row_BF[:, above]).sum(dim=1) for first, *above in rows]
        return torch.stack(weights).logsumexp(dim=0) if weights else None


def _join(by_tags: Sequence[Tensor | None], by_classes: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Join the logits by musicnn's tags and by AudioSet's classes to log-probabilities; None where both are None."""
    both = [k for k, (a, b) in enumerate(zip(by_tags, by_classes, strict=True)) if a is not None and b is not None]
    assert both, "without a shared genre, Tags adds links"
    relative = [_relative(logits, both) for logits in (by_tags, by_classes)]  # to the genres that both know
    joint = [
        a if b is None else b if a is None else torch.logaddexp(a, b) - math.log(2)
        for a, b in zip(*relative, strict=True)
    ]
    total_B = torch.stack([logit_B for logit_B in joint if logit_B is not None]).logsumexp(dim=0)
    return [None if logit_B is None else logit_B - total_B for logit_B in joint]


def _relative(logits: Sequence[Tensor | None], reference: Sequence[int]) -> list[Tensor | None]:
    """Logits minus the log of the sum of the odds of the `reference` genres."""
    total_B = torch.stack([logit_B for k in reference if (logit_B := logits[k]) is not None]).logsumexp(dim=0)
    return [None if logit_B is None else logit_B - total_B for logit_B in logits]


def _interpolate(temperatures: Mapping[int, float], count: int) -> float:
    """Temperature for a list of `count` genres: linear in the logarithm of the length, constant beyond the ends."""
    if not temperatures:
        return 1.0
    lengths = sorted(temperatures)
    return float(np.interp(math.log(max(count, 1)), np.log(lengths), [temperatures[each] for each in lengths]))
