"""Finished runs judged on the clips of other data sets, or again on their own test clips."""
