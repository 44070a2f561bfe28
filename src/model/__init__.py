"""Models, feature (B, F, N) -> logits (B, C): trained networks, and classic models, which are fitted directly."""

from src.model.cnn import Cnn
from src.model.cnn1d import Cnn1d
from src.model.dbn import Dbn
from src.model.few import Few
from src.model.head import Head
from src.model.hybrid import Hybrid
from src.model.knn import Knn
from src.model.majority import Majority
from src.model.residual import Residual
from src.model.rnn import Rnn
from src.model.svm import Svm
from src.model.tags import Tags
from src.model.transformer import Transformer

__all__ = [
    "Cnn",
    "Cnn1d",
    "Dbn",
    "Few",
    "Head",
    "Hybrid",
    "Knn",
    "Majority",
    "Residual",
    "Rnn",
    "Svm",
    "Tags",
    "Transformer",
]
