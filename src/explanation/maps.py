"""Maps of relevance over the feature, and how faithful they are."""

from collections.abc import Sequence

from src.explanation.explanation import Explanation
from src.explanation.model import ExplainedModel, ExplainedSound

METHODS = ("integrated_gradients", "occlusion", "gradcam")


def add(explanation: Explanation, model: ExplainedModel, sound: ExplainedSound, methods: Sequence[str]) -> None:
    """Fill `maps` and `no_map` of an explanation."""
    explanation.no_map = model.no_gradients
