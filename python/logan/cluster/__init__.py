"""Coordinator and workers: thin trio shells around `logan.wire` and `logan.scheduler`.

What they share with nobody else lives here too: the journal on disk, and what keeps strangers out.
"""
