"""The `logan` command. One file per command; this registry is the only list of them.

To add a command, write `cli/x.py` with `HELP`, `EPILOG`, `configure(parser)` and
`run(args) -> int`, and name it in `COMMANDS`. Command modules import what is heavy inside `run`.
"""

from __future__ import annotations

from typing import Final

__all__ = ["COMMANDS", "NOT_ON_WINDOWS"]

COMMANDS: Final = (
    "analyze",
    "watch",
    "coordinator",
    "worker",
    "submit",
    "status",
    "cancel",
    "simulate",
    "detect",
    "validate",
    "merge",
    "diff",
    "formats",
    "export",
    "lines",
    "sql",
    "completion",
)

NOT_ON_WINDOWS: Final = frozenset(
    {"watch", "coordinator", "worker", "submit", "status", "cancel", "simulate"}
)
"""Commands that need locks, signals and files of POSIX: they say so instead of starting."""
