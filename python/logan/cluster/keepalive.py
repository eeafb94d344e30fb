"""Keepalive messages in both directions, and the pauses between attempts to connect.

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_alive, link, heartbeat_s, silence_s, partial(link.post, Ping()))

TCP alone notices a vanished peer after minutes, so both sides send at every heartbeat, and a side
that receives nothing for long enough gives the connection up. Knows no message.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NoReturn

import trio

from logan.cluster.limits import RECONNECT_PAUSE_S_MAX, RECONNECT_PAUSE_S_MIN
from logan.cluster.transport import Transport, TransportLostError

__all__ = ["Backoff", "keep_alive"]


async def keep_alive(
    link: Transport, heartbeat_s: float, silence_s_max: float, beat: Callable[[], None]
) -> NoReturn:
    """Call `beat` at once and then every `heartbeat_s`, until canceled.

    Time during which this process stood still (stopped, starved, its machine paused) is not
    counted as the peer's silence: what the peer sent meanwhile may still wait to be read.

    Raises:
        TransportLostError: no byte arrived for `silence_s_max`; the link is then lost.
    """
    now = due = trio.current_time()
    while True:
        beat()
        due = max(due + heartbeat_s, now)
        await trio.sleep_until(due)
        now = trio.current_time()
        link.heard_at = min(now, link.heard_at + now - due)
        if now - link.heard_at > silence_s_max:
            link.lose(f"nothing received for {silence_s_max:g} s")
            raise TransportLostError(f"nothing received for {silence_s_max:g} s")


class Backoff:
    """Pauses between tries: each up to twice as long as the one before it, with jitter that keeps
    many peers apart."""

    def __init__(self) -> None:
        self._pause_s = RECONNECT_PAUSE_S_MIN

    def reset(self) -> None:
        """The next failure is the first of a new series."""
        self._pause_s = RECONNECT_PAUSE_S_MIN

    def slow_down(self) -> None:
        """Go on with the longest pauses."""
        self._pause_s = RECONNECT_PAUSE_S_MAX

    def next_s(self, spent_s: float = 0.0) -> float:
        """The next pause in seconds. What the try itself took counts, up to half of it; at least
        an eighth of the pause is left, so that no failure is repeated without one."""
        pause_s, self._pause_s = self._pause_s, min(2 * self._pause_s, RECONNECT_PAUSE_S_MAX)
        return max(
            pause_s / 8, pause_s * random.uniform(0.5, 1.0) - min(max(spent_s, 0.0), pause_s / 2)
        )
