"""Clips become batches: decoded once, cached, cut into crops and segments."""
