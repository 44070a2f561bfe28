"""Pretrained networks, with weights read from their installed packages or from files of the user's."""

from src.pretrained.efficientat import EfficientAT
from src.pretrained.musicnn import Layers, Musicnn, logmel
from src.pretrained.tags import CORPORA, NETWORKS, TAGS

__all__ = ["CORPORA", "NETWORKS", "TAGS", "EfficientAT", "Layers", "Musicnn", "logmel"]
