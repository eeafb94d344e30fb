"""Exit codes: what a script learns from `logan` without reading its output."""

from __future__ import annotations

from enum import IntEnum

from logan.errors import InputError, LoganError, MergeError, StateError, UsageError

__all__ = ["Exit", "exit_code", "exit_of_signal"]


class Exit(IntEnum):
    """When several apply, the one listed further down wins: figures that are not whole cannot
    meet or fail an expectation."""

    OK = 0
    EXPECTATION_FAILED = 1
    USAGE = 2
    INPUT = 3
    INTERNAL = 4
    CLOSED_PIPE = 141
    """128 + SIGPIPE, as programs end that do not catch it, so `pipefail` treats logan like them."""


def exit_code(error: LoganError) -> Exit:
    """The exit code of a command that ends with `error`."""
    if isinstance(error, (UsageError, MergeError)):  # summaries that do not go together
        return Exit.USAGE
    if isinstance(error, (InputError, StateError)):
        return Exit.INPUT
    return Exit.INTERNAL


def exit_of_signal(signum: int) -> int:
    """128 + the signal's number, as shells report it: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + signum
