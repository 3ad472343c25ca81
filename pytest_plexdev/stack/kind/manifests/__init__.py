"""Objects: rendered, transformed, applied and pruned."""
