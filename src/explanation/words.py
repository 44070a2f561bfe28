"""Explanations in words of musicians: groups of feature rows, deciding tags, the nearest training clips."""

from src.explanation.explanation import Explanation
from src.explanation.model import ExplainedModel, ExplainedSound


def add(explanation: Explanation, model: ExplainedModel, sound: ExplainedSound) -> None:
    """Fill `row_groups`, `tags` and `neighbours` of an explanation."""
