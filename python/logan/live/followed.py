"""A log of a watch: what reads it, what counts it, and where its counts are cut by time."""

from __future__ import annotations

from dataclasses import dataclass, field

from logan.live.backlog import Backlog
from logan.live.counting import LogCounter
from logan.live.follower import Follower
from logan.live.pipes import Pipe
from logan.live.remote.log import RemoteLog

__all__ = ["FollowedLog"]


@dataclass(slots=True)
class FollowedLog:
    """A log that is followed.

    Attributes:
        cuts: offsets at which parts end while what was written before is caught up with, each with
            the time that the records before it belong to; None if their timestamps tell.
        skew: how much later than its timestamp a record arrived, in seconds.
        read: offset of the byte that is counted next.
        backlog: what counts it up to the last cut, if threads do; None once that is over.
    """

    reader: Follower | Pipe | RemoteLog
    counter: LogCounter
    cuts: list[tuple[int, float | None]] = field(default_factory=list)
    skew: float = 0.0
    read: int = 0
    backlog: Backlog | None = None
