"""Explanations of predictions: what in a sound speaks for the predicted genre, and how well that describes the model."""

from src.explanation.explanation import Explanation, Map

__all__ = ["Explanation", "Map"]
