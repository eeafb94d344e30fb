"""Coordinator and workers: thin trio shells around `logan.wire` and `logan.scheduler`.

What only they need lives here too: the journal on disk, and what keeps unauthenticated peers out.
"""
