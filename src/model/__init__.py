"""Networks from features to genres: feature (B, F, N) -> logits (B, C)."""

from src.model.cnn import Cnn
from src.model.hybrid import Hybrid
from src.model.rnn import Rnn

__all__ = ["Cnn", "Hybrid", "Rnn"]
