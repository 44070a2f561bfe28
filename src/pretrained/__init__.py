"""Networks that others trained: their weights, read from where they were installed."""

from src.pretrained.musicnn import Layers, Musicnn, logmel
from src.pretrained.tags import CORPORA, NETWORKS, TAGS

__all__ = ["CORPORA", "NETWORKS", "TAGS", "Layers", "Musicnn", "logmel"]
