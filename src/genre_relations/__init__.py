"""Relations between the genres of finished runs: distances, joins, pairs that cannot be told apart, scores by a tree."""
