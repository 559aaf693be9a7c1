"""Metrics for Prometheus: counters of each process, and the state of the site at each scrape."""
