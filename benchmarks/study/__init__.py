"""Measurements of the claims of Guo 2024: what is trained (plan, execute) and how it is evaluated (claims, report)."""
