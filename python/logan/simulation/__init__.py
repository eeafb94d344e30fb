"""Faults of a cluster played with real processes behind a network that can be made bad."""
