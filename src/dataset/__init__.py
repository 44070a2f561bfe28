"""Where clips come from: one data set a file."""

from src.dataset.dataset import DataSet
from src.dataset.folder import Folder
from src.dataset.manifest import Manifest
from src.dataset.synth import Synth

__all__ = ["DataSet", "Folder", "Manifest", "Synth"]
