"""Logs as they are written: following them, windows over time, alerts, and the live page.

From the bottom up: `files` (one file, plain or compressed, of a log), `follower` (a log: what
rotation strings together; `known_files`, `retired`), `pipes`, `logs` (paths and patterns -> logs),
`counting` (bytes -> summaries), `counted` (summaries by time, in a `ring` and a `timeline`),
`alerts`, `watched` (what is seen of logs, wherever they are read), `watching` (those of this
machine, driven by a clock that the caller gives; `joining` finds them), `remote_watch` (those of
workers), `notify` and `runner` (trio), `web` (the page).
"""

from __future__ import annotations

from typing import Final

__all__ = ["PAGE_ADDRESS"]

PAGE_ADDRESS: Final = "127.0.0.1:8642"
"""Where the live page is served unless told otherwise."""
