"""Measure the site with millions of sessions: `python -m benchmarks.growth`."""
