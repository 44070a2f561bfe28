"""Runs as pages and tables that people read: one run, or several side by side."""
