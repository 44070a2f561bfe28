"""Material for the report beside scores: an embedding of test clips, and sounds. A failure here never costs a run its result."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from omegaconf import DictConfig

from src import console, plain_files
from src.rundir import extras
from src.training import embedding, sounds
from src.training.embedding import Embeddings
from src.training.module import Predictions

SOUNDS_OF_A_RUN = 12  # report.sounds=auto; none in a sweep


def check(config: DictConfig) -> None:
    """Raise ValueError if `report.map` needs a package that is not installed."""
    if config.report.map == "umap" and find_spec("umap") is None:
        raise ValueError(
            "report.map=umap needs the package umap-learn: install it with `make extra-umap`, or use report.map=pca."
        )


def write(
    config: DictConfig,
    folder: Path,
    test: Predictions,
    embeddings: Embeddings,
    in_sweep: bool,
) -> None:
    """Write embedding.npz and the folder sounds into a finished run, as `report` in the config says.

    A part that fails is missing from the report, and a note says so.
    """
    wanted = config.report.sounds
    count = (0 if in_sweep else SOUNDS_OF_A_RUN) if wanted == "auto" else wanted
    if hasattr(embeddings.module.model, "embed"):
        with_umap = config.report.map == "umap"
        _try(
            "a map of the clips",
            lambda: embedding.write(folder / extras.EMBEDDING, embeddings, with_umap),
        )
    if count:
        _try("sounds", lambda: sounds.write(folder, test, embeddings.data, min(count, extras.MOST_SOUNDS)))


def _try(part: str, write: Callable[[], None]) -> None:
    try:
        write()
    except Exception as error:  # whatever it is, the scores are there
        reason = plain_files.no_room(error) or plain_files.first_line(error)
        console.note(f"Note: the report will lack {part} ({reason.rstrip('.')}).")
