"""Data sets, one module for each: they list the clips of a corpus."""

from src.dataset.ballroom import Ballroom
from src.dataset.dataset import DataSet
from src.dataset.fma import Fma
from src.dataset.folder import Folder
from src.dataset.gtzan import Gtzan
from src.dataset.jamendo import Jamendo
from src.dataset.manifest import Manifest
from src.dataset.synth import Synth

__all__ = ["Ballroom", "DataSet", "Fma", "Folder", "Gtzan", "Jamendo", "Manifest", "Synth"]
