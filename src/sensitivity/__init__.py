"""Sensitivity of a finished run: its predictions for altered and for reduced sound of its own test clips."""
