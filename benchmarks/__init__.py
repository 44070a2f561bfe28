"""Measurements, made by hand and never in the tests: `python -m benchmarks.<name>`. See benchmarks/README.md."""
