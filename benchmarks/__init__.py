"""Measures Latchkey against stock SimpleJWT: `python -m benchmarks`."""
