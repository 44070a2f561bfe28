"""Explanations in words with known effects, of a sound and of the genres of a run, for tests of their pages."""

from pathlib import Path

import numpy as np

from src.clip import Clip
from src.explanation import Explanation, grouped_occlusion, sentences
from src.explanation.clip_interval import ClipInterval, clip_interval
from src.explanation.deciding_tags import RelatedTag
from src.explanation.neighbours import Neighbour
from src.explanation.per_genre import Effect, GenreExplanation, GlobalExplanation
from src.explanation.permutation import Importance
from src.reporting import genre_page
from src.reporting.render import save
from src.rundir import RunDir
from tests.rundirs import config, write_run

CLIPS = 12


def interval(mean: float, half_width: float = 0.1, clips: int = CLIPS) -> ClipInterval:
    ends = (mean - half_width, mean + half_width) if clips >= 10 else None
    return ClipInterval(mean, ends, clips, artists=3)


def genre(name: str, clips: int = CLIPS, **groups: float) -> GenreExplanation:
    """A genre with the effects of groups of rows, in nats; bands, parts and tags are made of them."""
    effects = [Effect(key, interval(nats, clips=clips), interval(0.2, clips=clips)) for key, nats in groups.items()]
    total = sum(groups.values())
    return GenreExplanation(
        name,
        clips,
        3,
        0.75,
        effects,
        interval(total, clips=clips),
        interval(0.0, clips=clips),
        interval(-0.5, clips=clips),
        [Effect("mfcc", interval(0.3, clips=clips)), Effect("chroma", interval(0.01, clips=clips))],
        [Effect(f"{hz} to {2 * hz} Hz", interval(hz / 1000, clips=clips)) for hz in (63, 125, 250, 500)],
        [Effect("msd/jazz", interval(0.9, clips=clips)), Effect("mtt/piano", interval(0.02, clips=clips))],
    )


def found(clips: int = CLIPS) -> GlobalExplanation:
    drop_K = np.full(2 * clips, 0.2)
    artists = [str(k % 3) for k in range(2 * clips)]
    importances = [
        Importance(name, 10, clip_interval(drop_K, artists), clip_interval(drop_K, artists), 0.01, drop_K)
        for name in ("timbre", "harmony", "all rows")
    ]
    genres = [
        genre("jazz", clips, timbre=1.2, harmony=0.4, level=-0.3),
        genre("<script>rock", clips, timbre=-0.05, harmony=0.0, level=0.0),
    ]
    return GlobalExplanation(genres, importances, False, 2 * clips, 30, {"a.wav": "no sound"}, ["There are no bees."])


def page(folder: Path, clips: int = CLIPS) -> Path:
    """Write the page of a run."""
    run = RunDir(write_run(folder, config()))
    explained = found(clips)
    content = genre_page.content(run, explained, "python -m src.explain outputs/run --global")
    return save(folder / "genres.html", genre_page.html(content, explained))


def add_words(explanation: Explanation) -> None:
    """Fill the parts of an explanation in words."""
    names = ("timbre", "harmony", "level")
    effects = grouped_occlusion.decompose(names, np.array([0.1, 1.1, 0.5, 1.7, 0.1, 1.0, 0.4, 1.5]))
    content = effects.as_json()
    content["groups"] = {name: {"rows": 10, **row} for name, row in content["groups"].items()}
    explanation.row_groups = {**content, "sentences": sentences.row_groups(effects, "jazz", "rock")}
    tags = [RelatedTag("msd/jazz", 2.0, 0.8, 0.7, 0.9), RelatedTag("mtt/loud", 1.5, -0.5, -0.6, -0.4)]
    explanation.tags = {
        "kind": "related",
        "tags": [tag.as_json() for tag in tags],
        "sentences": sentences.related(tags, 44, "jazz", "rock"),
    }
    near = {
        genre: [
            Neighbour(Clip(f"{genre}/a--{k}.ogg", Path("a.ogg"), genre, "an artist"), 0.9 - k / 10, k, 20, 0.1)
            for k in (1, 2)
        ]
        for genre in ("jazz", "rock")
    }
    clips = [each.as_json() for found in near.values() for each in found]
    for k, each in enumerate(clips):
        each |= {"sound": f"sounds/training_{k:05d}.ogg"} if k else {"no_sound": "no such file"}
    explanation.neighbours = {"clips": clips, "sentences": sentences.neighbours(near)}
