"""How many leases may still come for what a worker said it has room for. Pure.

READY tells an absolute number, and LEASEs are on their way meanwhile: the coordinator forgets an
offer only when it has the next. So what is granted may be more than the last READY says, and is
never more than all READYs together, nor than one heartbeat can list.
"""

from __future__ import annotations

from typing import Final

from logan.wire.limits import LEASES_PER_HEALTH_MAX

__all__ = ["Offer"]

SLACK: Final = 1
"""Leases beyond that are forgiven: the coordinator may take one for lost that is only late, and
grant its place again."""


class Offer:
    """What one connection of a worker has offered and not been leased."""

    def __init__(self) -> None:
        self._credit = SLACK

    def renew(self, free: int, live: int) -> None:
        """READY for so many more leases is sent, by who has so many that are not canceled."""
        most = LEASES_PER_HEALTH_MAX + SLACK - live
        self._credit = min(self._credit + free, max(most, self._credit))

    def take(self) -> bool:
        """A LEASE came; whether the offers allow it."""
        self._credit -= 1
        return self._credit >= 0
