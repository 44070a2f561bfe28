"""Scores of finished runs: grouping, pooling over folds, selection, comparison. src.reporting turns them into text."""
