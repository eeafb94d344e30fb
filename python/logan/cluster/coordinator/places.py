"""The connections of a coordinator, the bounds on them, and which of them make room for others.

A connection is in its handshake, or it is a worker's, or a client's, and each kind has places of
its own, so that neither unauthenticated peers nor idle clients keep a worker out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import IntEnum
from ipaddress import IPv6Network, ip_address
from typing import Literal

import trio

from logan.cluster.limits import (
    CLIENTS_MAX,
    CONNECTIONS_MAX,
    IPV6_NETWORK_BITS,
    UNAUTHENTICATED_MAX,
)

__all__ = ["Place", "Places", "Step", "network_of"]


class Step(IntEnum):
    """How far a connection is in its handshake."""

    CONNECTED = 0
    SPOKEN = 1
    """Bytes came."""
    SECURED = 2
    """TLS is done."""
    GREETED = 3
    """HELLO came."""


@dataclass(eq=False, slots=True)
class Place:
    """One connection as far as room is concerned.

    Attributes:
        host: where it comes from, without the port.
        network: the part of that which tells users apart.
        role: None until the peer has proved itself.
        step: how far its handshake is.
        idle_since: of a client, since when it has no open request; None while it has one.
        evicted: why it must go, or None.
    """

    host: str
    role: Literal["worker", "client"] | None = None
    step: Step = Step.CONNECTED
    idle_since: float | None = None
    evicted: str | None = None
    network: str = field(init=False)
    _scope: trio.CancelScope = field(init=False, default_factory=trio.CancelScope)

    def __post_init__(self) -> None:
        self.network = network_of(self.host)

    @contextmanager
    def evictable(self) -> Iterator[None]:
        """Run the block until it ends or the connection must go; `evicted` tells which."""
        with trio.CancelScope() as self._scope:
            if self.evicted is not None:
                self._scope.cancel()
            yield

    def reach(self, step: Step) -> None:
        """Its handshake is at least so far."""
        self.step = max(self.step, step)

    def evict(self, why: str) -> None:
        """Let it go, with the reason if that can be written without waiting."""
        self.evicted = why
        self._scope.cancel()


class Places:
    """The connections that there are, and the bounds on them."""

    def __init__(self) -> None:
        self._places: dict[Place, None] = {}  # in the order in which they came

    def __len__(self) -> int:
        return len(self._places)

    def enter(self, place: Place) -> None:
        """A connection begins its handshake; another one makes room if need be."""
        self._places[place] = None
        waiting = self._of(None)
        if len(waiting) > UNAUTHENTICATED_MAX:
            crowd = _largest(waiting, lambda each: each.network)
            crowd = _largest(crowd, lambda each: each.host)
            self._evict(_first_of_too_many(crowd), "too many connections")

    def admit(self, place: Place, role: Literal["worker", "client"]) -> str | None:
        """A peer has proved itself: give it a place, or say why there is none."""
        clients, workers = self._of("client"), self._of("worker")
        full = len(clients) + len(workers) >= CONNECTIONS_MAX
        if full or (role == "client" and len(clients) >= CLIENTS_MAX):
            idle = [each for each in clients if each.idle_since is not None]
            if not idle:
                return "too many connections: try again later"
            longest = min(idle, key=lambda each: each.idle_since or 0.0)
            self._evict(longest, "idle, and other connections need its slot")
        place.role = role
        place.idle_since = trio.current_time() if role == "client" else None
        return None

    def leave(self, place: Place) -> None:
        """A connection has ended."""
        self._places.pop(place, None)

    def _evict(self, place: Place, why: str) -> None:
        self.leave(place)
        place.evict(why)

    def _of(self, role: str | None) -> list[Place]:
        return [each for each in self._places if each.role == role]


def network_of(host: str) -> str:
    """What tells the users of an address apart: all of IPv4, the first half of IPv6."""
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or IPv6Network((address, IPV6_NETWORK_BITS), strict=False))


def _largest(places: list[Place], key: Callable[[Place], str]) -> list[Place]:
    """The places that share the most frequent `key`."""
    counts = Counter(key(each) for each in places)
    most = max(counts.values())
    return [each for each in places if counts[key(each)] == most]


def _first_of_too_many(crowd: list[Place]) -> Place:
    """The oldest connection at the first step of the handshake that has more than its share.

    Silent connections thus never evict one whose handshake goes on; nor do those that stop halfway
    evict a new one, which had no time to send anything.
    """
    counts = Counter(each.step for each in crowd)
    step = next(each for each in Step if counts[each] * len(Step) >= len(crowd))
    return next(each for each in crowd if each.step is step)
