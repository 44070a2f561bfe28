"""Scores, confidence intervals, significance tests and calibration."""

from src.metrics.scores import Bin, Scores, confusion, mistakes_first, reliability, score, with_clips_only

__all__ = ["Bin", "Scores", "confusion", "mistakes_first", "reliability", "score", "with_clips_only"]
