"""What is said of one log: what happens to it each time, a state that lasts only once."""

from __future__ import annotations

from typing import Final

from logan.live.notices import Notice, Notices

__all__ = ["LogNotices"]

LASTING: Final = ("waiting", "unreadable", "vanished")


class LogNotices:
    """The notices of a log.

    Args:
        name: what notices call it.
        notices: where they go.

    Attributes:
        error: why the log cannot be read now; None if it can, or if the file is missing.
    """

    def __init__(self, name: str, notices: Notices) -> None:
        self.error: str | None = None
        self._name = name
        self._notices = notices
        self._told: str | None = None

    def tell(
        self,
        kind: str,
        text: str,
        now: float,
        *,
        fault: bool = False,
        lost_at: int | None = None,
        gone: bool = False,
    ) -> None:
        """Say it, a state that lasts only once. What comes after byte `lost_at` of the log may be
        lost; if it is `gone`, it is for certain."""
        lasts = kind in LASTING
        if lasts and self._told == text:
            return
        if lasts:
            self._told = text
            self.error = text if kind == "unreadable" else None
        is_fault = fault or lasts or lost_at is not None
        self._notices.add(Notice(kind, self._name, text, now, is_fault, lost_at, certain=gone))

    def returned(self, text: str, now: float) -> None:
        """What lasted is over; say so, if anything did."""
        if self._told is not None:
            self.tell("returned", text, now)
            self.forget()

    def forget(self) -> None:
        """What lasted is over."""
        self._told = self.error = None

    def was_read(self, path: str) -> None:
        """A file was read: if it could not be before, that is over."""
        if self.error is not None and self.error.startswith(f"{path}: "):
            self.forget()
