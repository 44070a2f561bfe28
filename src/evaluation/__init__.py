"""Scores of finished runs: grouping, pooling over folds, selection and comparison. `reporting` makes figures and text."""
