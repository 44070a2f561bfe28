"""Turn clips into batches: decode them once, cache them, cut crops and segments."""
