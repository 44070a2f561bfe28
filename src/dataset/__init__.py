"""Where clips come from: one data set a file. Each has `corpus() -> Corpus`."""

from src.dataset.folder import Folder
from src.dataset.manifest import Manifest
from src.dataset.synth import Synth

__all__ = ["Folder", "Manifest", "Synth"]
