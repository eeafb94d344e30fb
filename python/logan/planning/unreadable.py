"""Inputs of which no line is of a known format: whether one is, and the error that explains it."""

from __future__ import annotations

import shlex

from logan.errors import UnreadableLogError
from logan.model import Detection
from logan.sources.inputs import Input, shown_name

__all__ = ["has_unread", "unreadable"]


def has_unread(entry: Input) -> bool:
    """Whether there are lines that should have been read: not only headers and blank ones, nor
    those of a part that a search by time found in a log that is read elsewhere."""
    detection = entry.detection or Detection()
    # Without a record there are no lines that continue one.
    return bool(detection.malformed or detection.continuation) and not detection.formats


def unreadable(entry: Input) -> UnreadableLogError:
    """Nothing of an input was read: what its lines look like, and a format that reads them."""
    from logan.planning.proposal import FIRST_LINES_MAX, propose, shortened  # few logs need it

    name = shown_name(entry.path)
    lines = entry.unread or [entry.first_line.encode()]
    proposal = propose(lines)
    asked = "FILE" if entry.path == "-" else shlex.quote(name)
    return UnreadableLogError(
        f"no line in {'standard input' if name == '-' else name} matches a known format",
        input=entry.path,
        hint=f"see: logan detect {asked}"
        if proposal is None
        else f"this reads {proposal.reads:,} of {proposal.tried:,} sampled lines: "
        f"--format {shlex.quote(proposal.format)}",
        first_lines=tuple(map(shortened, lines[:FIRST_LINES_MAX])),
        proposed_format=None if proposal is None else proposal.format,
    )
