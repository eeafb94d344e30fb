"""The `logan` command. One file per command; this registry is the only list of them.

To add a command, write `cli/x.py` with `EPILOG`, `configure(parser)` and `run(args) -> int`,
and say in `COMMANDS` what it does. Command modules import what is heavy inside `run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["COMMANDS", "NOT_ON_WINDOWS"]

COMMANDS: Final[Mapping[str, str]] = {
    "analyze": "Analyze logs and print a report: errors, response times, throughput, top routes.",
    "watch": (
        "Follow logs as they are written: the report of the last minutes, alerts, a live page."
    ),
    "coordinator": "Distribute jobs to workers: its own, or those that clients submit.",
    "worker": "Scan chunks for a coordinator until stopped.",
    "submit": "Have a coordinator analyze logs; prints the same report as analyze.",
    "status": "Show the workers and jobs of a coordinator: speed, health, losses and recoveries.",
    "cancel": (
        "End a job that follows logs of workers (watch --on-workers); prints its final report."
    ),
    "simulate": "Inject failures into a local cluster and verify that results do not change.",
    "detect": (
        "Show detected formats, fields with examples, assumptions, and lines that nothing reads."
    ),
    "validate": "Compare a saved report with expected metrics; exit 1 if they differ.",
    "merge": "Add up saved summaries: days to a month, hosts to a fleet.",
    "diff": "Compare two logs, days or hosts: what changed, and what of it is more than chance.",
    "formats": "List known log formats, each with an example.",
    "export": "Write the records of logs to a Parquet, Arrow, CSV or JSON lines file.",
    "lines": "Print the lines of records, such as those behind a figure of a report.",
    "sql": "Answer a question in SQL from the records of logs, with DuckDB.",
    "completion": "Print completions for a shell.",
}
"""What each does, by name, in the order of the list, which loads none of them."""

NOT_ON_WINDOWS: Final = frozenset(
    {"watch", "coordinator", "worker", "submit", "status", "cancel", "simulate"}
)
"""Commands that need locks, signals and files of POSIX: they say so instead of starting."""
