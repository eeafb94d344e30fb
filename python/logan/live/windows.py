"""The windows of time that views show, and how finely they are cut."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["SLOT_S", "WINDOWS"]

SLOT_S: Final = 5
"""Seconds of the finest slots: a window has up to so much more in it than its name says."""

WINDOWS: Final[Mapping[str, int | None]] = {"1m": 60, "5m": 300, "1h": 3_600, "all": None}
"""The views: name -> seconds; None for all that was counted."""
