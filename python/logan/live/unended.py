"""A line that does not end: it counts nothing until it does, which must not look like silence."""

from __future__ import annotations

from typing import Final

from logan.limits import MIB
from logan.live.notices import Notice, Notices, clock_text
from logan.report import units

__all__ = ["UnendedLine"]

UNENDED_BYTES_MAX: Final = 1 * MIB
"""Of a longer line nothing more is kept."""

UNENDED_S_MAX: Final = 60.0
"""A writer that buffers ends its lines sooner; one that has stopped within a line adds nothing."""


class UnendedLine:
    """Watches the last line of a log, and says once when it goes on and on, and once that it ended.

    Args:
        log: what notices call it.
    """

    def __init__(self, log: str, notices: Notices) -> None:
        self._log, self._notices = log, notices
        self._bytes = 0
        self._since = 0.0
        self._is_said = False

    def took(self, data: bytes, now: float) -> None:
        """These are the next bytes of the log."""
        newline = data.rfind(b"\n") + 1
        if newline:
            if self._is_said:
                ended = self._bytes + data.find(b"\n") + 1
                text = f"{self._name}: the line that did not end has ended, after {ended:,} bytes"
                self._notices.add(Notice("line", self._log, text, now))
            self._bytes, self._is_said = 0, False
        if not self._bytes:
            self._since = now
        self._bytes += len(data) - newline
        if self._is_said or not self._bytes:
            return
        is_slow = now - self._since >= UNENDED_S_MAX
        if self._bytes > UNENDED_BYTES_MAX or is_slow:
            self._is_said = True
            text = (
                f"{self._name}: {units.bytes_size(self._bytes)} since {clock_text(self._since)} "
                "without the end of a line: they count as one line, once it ends"
            )
            self._notices.add(Notice("line", self._log, text, now, True))

    @property
    def _name(self) -> str:
        return "standard input" if self._log == "-" else self._log
