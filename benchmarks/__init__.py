"""Benchmarks, run by hand and not by the tests: `python -m benchmarks.<name>`. See benchmarks/README.md."""
