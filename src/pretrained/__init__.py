"""Pretrained networks, with weights read from their installed packages."""

from src.pretrained.musicnn import Layers, Musicnn, logmel
from src.pretrained.tags import CORPORA, NETWORKS, TAGS

__all__ = ["CORPORA", "NETWORKS", "TAGS", "Layers", "Musicnn", "logmel"]
