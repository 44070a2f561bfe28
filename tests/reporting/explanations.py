"""Explanations of small models, for tests of their page."""

from collections.abc import Sequence
from pathlib import Path

import torch

from src.explanation import Explanation, maps
from src.feature import Chroma
from src.model import Cnn
from src.reporting import explanation_page
from src.rundir import RunDir
from tests.explanation_models import HOP, RATE, explained, noise, sound
from tests.rundirs import config, write_run


def explanations(count: int, audible: bool = True, methods: Sequence[str] = maps.METHODS[:1]) -> list[Explanation]:
    """Explanations of noise by a network with random weights; not `audible`: of a feature without a frequency axis."""
    torch.manual_seed(0)
    feature = None if audible else Chroma(RATE, HOP, 2048)
    model = explained(Cnn(2, 4, 0.0, "relu", rows=32 if audible else 12, genres=3), feature)
    result = []
    for k in range(count):
        read = sound(model, noise(2.0, k), f"genre/a name of a clip that is rather long, number {k}.ogg")
        genres = ["jazz", "rock", "pop"]
        order = read.probability_C.argsort(descending=True).tolist()
        each = Explanation(
            read.clip.name,
            genres[order[0]],
            genres[order[1]],
            dict(zip(genres, read.probability_C.tolist(), strict=True)),
            0.0,
            2.0,
            genre="jazz",
            artist=f"artist {k}",
        )
        maps.add(each, model, read, methods)
        if each.listening:
            each.listening["gain_db"] = 3.0
        each.sounds = {
            kind: f"sounds/{k:03}_{kind}.ogg" for kind in ("whole", "only", "without")[: 3 if audible else 1]
        }
        result.append(each)
    return result


def page(folder: Path, found: Sequence[Explanation], failed: dict[str, str] | None = None) -> Path:
    """Write the page of some explanations beside a run."""
    run = RunDir(write_run(folder / "run", config(), clips=20))
    content = explanation_page.content(
        run, found, failed or {}, ["A note."], "python -m src.explain outputs/run song.mp3"
    )
    path = folder / "explanation.html"
    path.write_text(explanation_page.html(content, found, content["notes"]), encoding="utf-8")
    return path
