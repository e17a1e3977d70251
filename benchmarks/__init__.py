"""Measures the paths that have to be fast; run by `python -m benchmarks`, or `make bench`."""
