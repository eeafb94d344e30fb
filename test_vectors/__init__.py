"""Test vectors: generated and committed logs, and the figures an independent oracle gives them."""
