"""Measures the relay beside nginx. Never imported by the package; `make bench` runs it."""
