"""Numbers from finished runs: groups, pooled folds, comparisons. Drawing and wording are in `reporting`."""
