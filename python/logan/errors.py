"""Every error that logan raises on purpose.

Each class says who is at fault: the caller (`UsageError`), an input (`InputError`), a summary
from elsewhere (`SummaryError`), the place that output goes to (`OutputError`), the peer of a
connection (`ProtocolError`), the state folder (`JournalError`). The message names the thing at
fault; `hint`, when there is one, names the next step. The native extension raises the classes of
this module too, so an error keeps its type across the language border.

This module imports nothing of logan and knows nothing of exit codes or terminals.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "CancelledError",
    "ClusterError",
    "ConditionError",
    "ExpectationError",
    "ExpressionError",
    "FormatError",
    "InputError",
    "JournalError",
    "LoganError",
    "MergeError",
    "OutputError",
    "ProtocolError",
    "SourceChangedError",
    "StateError",
    "SummaryError",
    "UnreadableLogError",
    "UsageError",
]

POINTED_CHARS_MAX: Final = 160
"""Of a line with a caret below: a longer one is shown around it."""

NO_ROOM: Final = "no-room"
"""Kind of the `InputError` of a worker that has no room on disk for bytes that it must fetch."""


class LoganError(Exception):
    """Base of all errors below: `except logan.LoganError` catches what logan foresaw.

    A traceback shows the hint below the message.

    Attributes:
        message: one sentence without a final full stop.
        hint: the next step, or None.
    """

    def __init__(self, message: str = "", *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self._added: list[str] = []

    @property
    def __notes__(self) -> list[str]:
        """What tracebacks and notebooks print below the message."""
        return [*self.told_notes(), *self._added]

    @__notes__.setter
    def __notes__(self, notes: list[str]) -> None:
        # Who gives an exception the notes of another one gives them all.
        told = self.told_notes()
        self._added = [each for each in notes if each not in told]

    def told_notes(self) -> list[str]:
        """The notes that follow from the attributes: the hint."""
        return [] if self.hint is None else [f"hint: {self.hint}"]

    def add_note(self, note: str, /) -> None:
        """Add a line to what tracebacks print."""
        self._added.append(note)


class UsageError(LoganError, ValueError):
    """An argument or option that makes no sense; nothing was read."""


class ExpressionError(UsageError):
    """Text in one of logan's small languages that cannot be understood.

    Attributes:
        expression: the text as given.
        position: index in `expression` of the first character that does not fit.
    """

    def __init__(
        self, message: str, *, expression: str = "", position: int = 0, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.expression = expression
        self.position = position

    def told_notes(self) -> list[str]:
        """The notes that follow from the attributes: pointer and hint."""
        notes = super().told_notes()
        return [self.pointer(), *notes] if self.expression else notes

    def pointer(self) -> str:
        """The expression and, on a second line, a caret below the offending character; of an
        expression of several lines, the one with that character."""
        start = self.expression.rfind("\n", 0, self.position) + 1
        line = self.expression[start:].split("\n", 1)[0]
        at = self.position - start
        if len(line) > POINTED_CHARS_MAX:
            first = max(0, min(at - POINTED_CHARS_MAX // 2, len(line) - POINTED_CHARS_MAX))
            last = first + POINTED_CHARS_MAX
            before, after = "…" if first else "", "…" if last < len(line) else ""
            line, at = f"{before}{line[first:last]}{after}", at - first + len(before)
        return f"{line}\n{' ' * at}^"


class ExpectationError(ExpressionError):
    """An expectation (`--expect`) that cannot be understood."""


class FormatError(ExpressionError):
    """The text of a format (`--format`) that cannot be understood."""


class ConditionError(ExpressionError):
    """A condition (`--where`), or the name of a field (`--by`), that cannot be understood."""


class InputError(LoganError):
    """An input that cannot be read, or not as a log.

    Attributes:
        input: the path as given, or "-".
        kind: "missing", "gone" (since the plan was made), "folder", "permission", "binary",
            "utf-16", "compressed", "format", "archive" (damaged), "changed", "sizeless" (its size
            is not that of its content), "unreadable", "no-room" (on a worker, for what it must
            fetch) or "panic" (the engine failed over it, which is not the input's fault).
    """

    def __init__(
        self,
        message: str = "",
        *,
        input: str = "",
        kind: str = "unreadable",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.input = input
        self.kind = kind


class UnreadableLogError(InputError):
    """A log of which no line was read, as none is of a known format.

    Attributes:
        first_lines: the first of its lines, cut to a readable length.
        proposed_format: text for `format` that was tried on its sampled lines and reads most of
            them; None if none was found.
    """

    def __init__(
        self,
        message: str = "",
        *,
        input: str = "",
        kind: str = "format",
        hint: str | None = None,
        first_lines: tuple[str, ...] = (),
        proposed_format: str | None = None,
    ) -> None:
        super().__init__(message, input=input, kind=kind, hint=hint)
        self.first_lines = first_lines
        self.proposed_format = proposed_format


class SourceChangedError(InputError):
    """A source was truncated, replaced or rewritten after its plan was made."""

    def __init__(
        self, message: str = "", *, input: str = "", kind: str = "changed", hint: str | None = None
    ) -> None:
        super().__init__(message, input=input, kind=kind, hint=hint)


class CancelledError(LoganError):
    """The work was stopped on request before it was complete."""


class SummaryError(LoganError):
    """Summaries that cannot be merged (`MergeError`), or bytes that are not a summary."""


class MergeError(SummaryError, ValueError):
    """Two sound summaries that cannot be added up: they were made with different options, which the
    message names, or both cover the same part of a log, which it names too."""


class OutputError(LoganError):
    """The result could not be written where it was wanted."""


class ProtocolError(LoganError):
    """A peer broke the line protocol, or failed to authenticate.

    Attributes:
        code: a word for programs, as it stands in the ERROR that the peer is sent: "line",
            "grammar", "json", "verb", "field", "body", "order", "version" or "auth".
    """

    def __init__(
        self, message: str = "", *, code: str = "grammar", hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class JournalError(LoganError):
    """The state folder is in use, damaged, foreign, or cannot be written. Nothing that was not
    committed may be acknowledged."""


class StateError(LoganError):
    """The state folder of regular runs is in use, damaged, foreign, or cannot be written."""


class ClusterError(LoganError):
    """The coordinator cannot be reached or refuses, or no worker does the work."""
