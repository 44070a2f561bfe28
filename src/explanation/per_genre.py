"""Properties by which a run recognizes each genre: groups of rows, parts of the feature, frequency bands and tags, as means over test clips.

Shapes: K clips, G groups, F rows, Q tags, S segments, C genres.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from src import console, plain_files
from src.audio.reader import AudioError
from src.clip import Clip
from src.explanation import attribution, deciding_tags, grouped_occlusion, permutation, row_groups, sentences
from src.explanation.background import Background, background
from src.explanation.clip_interval import ClipInterval, clip_interval
from src.explanation.feature_map import feature_map, row_hz
from src.explanation.model import ExplainedModel
from src.explanation.model_input import feature_of
from src.explanation.permutation import Importance
from src.explanation.row_groups import RowGroup
from src.explanation.tag_values import tag_names, tag_problem, tag_values
from src.judging.choice import choose
from src.judging.judged_data import judged_config
from src.model.majority import Majority
from src.model.tags import Tags

CLIPS = 200  # of models that are networks on a whole feature, by default; others are fast, and get all test clips
MOST_TAGS = 8  # of a genre
OCTAVES_HZ = (0, 63, 125, 250, 500, 1000, 2000, 4000, 8000, 16_000, 48_000)  # bands, octaves from 63 Hz on


@dataclass(frozen=True)
class Effect:
    """The mean effect of a group, part, band or tag over the clips of a genre, in nats, with its interval."""

    name: str
    nats: ClipInterval
    recall_drop: ClipInterval | None = None

    def as_json(self) -> dict[str, Any]:
        drop = {} if self.recall_drop is None else {"recall_drop": self.recall_drop.as_json()}
        return {"name": self.name, "nats": self.nats.as_json(), **drop}


@dataclass(frozen=True)
class GenreExplanation:
    """Measures of the test clips of a genre. Empty lists: the run's feature or model has no such part.

    `groups` are Shapley shares in the margin of the genre over the strongest other genre, see `grouped_occlusion`; `total` is
    their sum, `interaction` the part of it that no group has alone, and `baseline` the margin with the training mean in place of all rows. `parts` is what the margin loses without a part of the
    feature. `bands` are sums of the maps of relevance by integrated gradients. `tags`: see `deciding_tags`; if the model does not
    read them, their `nats` are scores without unit.
    """

    genre: str
    clips: int
    artists: int | None
    recall: float
    groups: list[Effect]
    total: ClipInterval | None
    interaction: ClipInterval | None
    baseline: ClipInterval | None
    parts: list[Effect]
    bands: list[Effect]
    tags: list[Effect]

    def as_json(self) -> dict[str, Any]:
        lists = {key: [each.as_json() for each in getattr(self, key)] for key in ("groups", "parts", "bands", "tags")}
        sums = {
            key: None if (each := getattr(self, key)) is None else each.as_json()
            for key in ("total", "interaction", "baseline")
        }
        return {"clips": self.clips, "artists": self.artists, "recall": self.recall, **lists, **sums}


@dataclass(frozen=True)
class GlobalExplanation:
    """The genres of a run, and the importance of groups of rows by permutation, over all its explained test clips.

    `skipped` are clips that could not be read, with the reason; `notes` say which parts there are not, and why.
    """

    genres: list[GenreExplanation]
    permutation: list[Importance]
    tags_are_read: bool
    clips: int
    test_clips: int
    skipped: dict[str, str]
    notes: list[str]


@dataclass
class _Measured:
    """Measures of one clip; each a list over groups, parts, bands or tags."""

    right: bool
    groups: grouped_occlusion.GroupEffects | None
    parts: NDArray[np.float64]
    bands: NDArray[np.float64]
    tags: NDArray[np.float64]


def explain_genres(model: ExplainedModel, most_clips: int | None = None) -> GlobalExplanation:
    """Explain the genres of a run by at most `most_clips` of its test clips. Raises ValueError if they are not at hand."""
    judged_config(model.run, model.request)  # raises if a setting of the command line is wrong
    known = background(model)
    if known.clips is None:
        raise ValueError(
            f"--global needs the clips of {model.run.path}, which are not at hand: {known.missing}. Name a run whose data set is here, "
            "or explain files: python -m src.explain RUN AUDIO."
        )
    data = known.clips.data
    tested = set(model.run.predictions.clips)
    every = [k for k in known.clips.in_set("test") if data.clips[k].name in tested]
    count = most_clips or (len(every) if known.model.is_small else CLIPS)
    number = {data.clips[k].name: k for k in every}
    chosen = [number[clip.name] for clip in choose([data.clips[k] for k in every], count)]
    return _explain(model, known, sorted(chosen), len(every))


def _explain(model: ExplainedModel, known: Background, chosen: Sequence[int], test_clips: int) -> GlobalExplanation:
    assert known.clips is not None
    clips, data, feature = known.clips, known.clips.data, feature_of(known.model.classifier)
    hz_F = None if model.no_gradients else row_hz(feature)
    groups, parts = row_groups.aspects(feature), row_groups.parts(feature)
    if not 2 <= len(groups) <= grouped_occlusion.MOST_GROUPS or known.model.mean_FN is None:
        groups = []
    same = [part.name for part in parts] == [group.name for group in groups]  # as of a network
    parts = parts if known.model.mean_FN is not None and len(parts) > 1 and not same else []
    tags = _Tags(known)
    measured: dict[int, _Measured] = {}
    skipped: dict[str, str] = {}
    inputs: list[Tensor] = []
    for k in console.track(chosen, "Explaining test clips", len(chosen)):
        genre = int(data.genre[k])
        value_SFN = clips.values(k)
        logits_C = known.model.logits(value_SFN).mean(dim=0)
        rival = int(
            logits_C.masked_fill(torch.arange(len(logits_C), device=logits_C.device) == genre, -torch.inf).argmax()
        )
        try:
            bands = np.empty(0) if hz_F is None else _bands(model, data.clips[k], data.max_seconds, genre, hz_F)
        except (AudioError, OSError) as error:
            skipped[data.clips[k].name] = plain_files.first_line(error)
            continue
        measured[k] = _Measured(
            int(logits_C.argmax()) == genre,
            grouped_occlusion.explain(known.model, value_SFN, groups, genre, rival) if groups else None,
            _losses(known, value_SFN, parts, genre, rival),
            bands,
            tags.effects(clips.sound(k), value_SFN, genre, rival),
        )
        if known.model.is_small:
            inputs.append(value_SFN.cpu())
    if not measured:
        raise ValueError(f"none of {len(chosen)} test clips could be read: {next(iter(skipped.values()))}")
    importances = _permute(known, measured, inputs, groups or [RowGroup("all rows", tuple(range(feature.rows)))])
    of_genre: dict[int, list[int]] = defaultdict(list)
    for k in measured:
        of_genre[int(data.genre[k])].append(k)
    order = {k: position for position, k in enumerate(measured)}
    bands_hz = [] if hz_F is None else band_names(hz_F)
    explained = [
        _genre(
            data.genres[genre],
            [data.clips[k] for k in members],
            [measured[k] for k in members],
            [each.drop_K[[order[k] for k in members]] for each in importances] if groups else [],
            {
                "groups": [group.name for group in groups],
                "parts": [part.name for part in parts],
                "bands": bands_hz,
                "tags": tags.names,
            },
        )
        for genre, members in sorted(of_genre.items())
    ]
    notes = _notes(known, feature, groups, hz_F, model.no_gradients, tags.problem)
    return GlobalExplanation(explained, importances, tags.are_read, len(measured), test_clips, skipped, notes)


def _genre(
    name: str,
    clips: Sequence[Clip],
    measured: Sequence[_Measured],
    drops: Sequence[NDArray[np.float64]],
    names: Mapping[str, Sequence[str]],
) -> GenreExplanation:
    artists = [clip.artist for clip in clips]
    effects = [each.groups for each in measured if each.groups is not None]

    def means(key: str, values: Sequence[NDArray[np.float64]]) -> list[Effect]:
        return [Effect(label, clip_interval([row[g] for row in values], artists)) for g, label in enumerate(names[key])]

    groups = means("groups", [each.share for each in effects])
    if drops:
        groups = [
            Effect(group.name, group.nats, clip_interval(drop, artists))
            for group, drop in zip(groups, drops, strict=False)
        ]
    tags = means("tags", [each.tags for each in measured])
    strongest = sorted(tags, key=lambda tag: -abs(tag.nats.mean))[:MOST_TAGS]
    return GenreExplanation(
        name,
        len(clips),
        None if None in artists else len(set(artists)),
        float(np.mean([each.right for each in measured])),
        groups,
        clip_interval([each.total for each in effects], artists) if effects else None,
        clip_interval([each.interaction for each in effects], artists) if effects else None,
        clip_interval([each.margin - each.total for each in effects], artists) if effects else None,
        sorted(means("parts", [each.parts for each in measured]), key=lambda part: -part.nats.mean),
        means("bands", [each.bands for each in measured]),
        sorted(strongest, key=lambda tag: -tag.nats.mean),
    )


def _losses(
    known: Background, value_SFN: Tensor, parts: Sequence[RowGroup], genre: int, rival: int
) -> NDArray[np.float64]:
    """Loss of margin with the training mean in place of each part of the feature, (parts,)."""
    if not parts:
        return np.empty(0)
    return grouped_occlusion.losses(known.model, value_SFN, parts, genre, rival)


def _bands(
    model: ExplainedModel, clip: Clip, max_seconds: float | None, genre: int, hz_F: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The relevance of each band of OCTAVES_HZ for a genre, in nats: the sum of the map over the band's rows and over time."""
    sound = model.read(clip, max_seconds)
    relevance_SFN = attribution.integrated_gradients(feature_map(model, sound), genre).relevance_SFN
    return band_sums(relevance_SFN.sum(dim=(0, 2)).double().cpu().numpy(), hz_F)


def band_sums(row_F: ArrayLike, hz_F: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of values of rows (F,) over the bands of OCTAVES_HZ that have rows."""
    bands, band_F = np.unique(np.searchsorted(OCTAVES_HZ, hz_F, side="right"), return_inverse=True)
    total: NDArray[np.float64] = np.bincount(band_F, weights=row_F, minlength=len(bands)).astype(np.float64)
    return total


def band_names(hz_F: NDArray[np.float64]) -> list[str]:
    """The bands of OCTAVES_HZ that have rows: "below 63 Hz", "63 to 125 Hz", "above 8 kHz" for the highest of them."""
    bands = np.unique(np.searchsorted(OCTAVES_HZ, hz_F, side="right")).tolist()
    names = []
    for band in bands:
        low, high = OCTAVES_HZ[band - 1], OCTAVES_HZ[band]
        if low == 0:
            names.append(f"below {high} Hz")
        elif band == bands[-1]:
            names.append(f"above {low} Hz" if low < 1000 else f"above {low / 1000:g} kHz")
        else:
            names.append(f"{low} to {high} Hz" if high < 1000 else f"{low / 1000:g} to {high / 1000:g} kHz")
    return names


def _permute(
    known: Background, measured: Mapping[int, _Measured], inputs: Sequence[Tensor], groups: Sequence[RowGroup]
) -> list[Importance]:
    """The importance of groups by permutation, for models with small inputs."""
    assert known.clips is not None
    if len(inputs) < 2 or len(measured) != len(inputs):
        return []
    data = known.clips.data
    genre_K = torch.tensor([int(data.genre[k]) for k in measured])
    artists = [data.clips[k].artist for k in measured]
    return permutation.importances(known.model, torch.stack(list(inputs)), genre_K, groups, artists)


class _Tags:
    """The effects of tags for clips of a genre: of model=tags exactly, of models on embeddings by their relation to the decision."""

    def __init__(self, known: Background) -> None:
        self.known, self.feature = known, feature_of(known.model.classifier)
        self.problem = tag_problem(self.feature)
        self.are_read = isinstance(known.model.classifier.model, Tags)
        training = known.training
        assert training is not None
        if not self.problem and not self.are_read and len(training.clips) < deciding_tags.LEAST_CLIPS:
            self.problem = f"the run has {len(training.clips)} training clips: a correlation needs {deciding_tags.LEAST_CLIPS} or more"
        self.names = [] if self.problem else tag_names(self.feature)
        self.training = training

    def effects(self, sound: Tensor, value_SFN: Tensor, genre: int, rival: int) -> NDArray[np.float64]:
        """(Q,): effects in nats, or scores; 0 for a tag that does not go with the genre."""
        if self.problem:
            return np.empty(0)
        if self.are_read:
            decision = deciding_tags.decide(self.known.model, value_SFN, self.names, genre, rival)
            found = {tag.name: tag.effect for tag in decision.tags}
        else:
            logits_KC = self.training.logits_KC
            others = [c for c in range(logits_KC.shape[1]) if c != genre]
            score_K = logits_KC[:, genre] - logits_KC[:, others].mean(axis=1)
            with torch.no_grad():
                value_Q = (
                    tag_values(self.feature, self.known.model.classifier.raw_feature(sound)).double().cpu().numpy()
                )
            related = deciding_tags.related(value_Q, self.training.tag_KQ, score_K, self.names)
            found = {tag.name: tag.score for tag in related}
        return np.array([found.get(name, 0.0) for name in self.names])


def _notes(
    known: Background, feature: Any, groups: Sequence[RowGroup], hz_F: Any, no_map: str, no_tags: str
) -> list[str]:
    """The parts that are missing, and why."""
    notes = []
    if not groups:
        names = ", ".join(group.name for group in row_groups.aspects(feature))
        reads_nothing = isinstance(known.model.classifier.model, Majority)
        reason = sentences.READS_NOTHING if reads_nothing else known.missing or f"all rows are {names}"
        notes.append(sentences.no_groups(reason))
    if hz_F is None:
        notes.append(f"There are no bands: {no_map or 'the rows of the feature are not frequencies.'}")
    if no_tags:
        notes.append(f"There are no tags: {no_tags}.")
    return notes
