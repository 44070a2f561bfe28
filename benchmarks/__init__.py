"""Benchmarks, run by hand and not by the tests: `python -m benchmarks.<name>`. See docs/performance.md and docs/results.md."""

import src  # noqa: F401  # before torch: it sets how OpenMP's threads wait
