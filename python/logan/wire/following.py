"""Messages and bodies of follow jobs: logs that are counted as they are written.

    worker                            coordinator                          client
                                                                       <-  SUBMIT {kind: follow}
                                  <-  WATCH {job} patterns
    OFFER {job} a log, its samples -> (decides how it is read)
                                  <-  FOLLOW {job, source, attempt} spec, place
    SLOT {start, end, place} summary -> journal, merged
                                  <-  SLOT_DONE {source, attempt, end} ->  WINDOW {at} summary
    FOLLOWED {job} how far behind  ->                                  ->  FOLLOWING {job} hosts
                                                                       <-  CANCEL {job}
                                  <-  FINISH {job}
    SLOT … FINISHED {job}          ->                                  ->  FOLLOWING {ended: true}

**Who owns an offset.** The coordinator. A log of a worker is a source of the job; what it has
covers [begin, offset) of the log without a gap, but for ranges that are named as missing. A SLOT
is accepted only from the session that was told to FOLLOW last (`attempt` says so), and only if it
starts where the last accepted one ended: a slot that is sent twice, or late, starts elsewhere and
is answered by what the coordinator has. The worker keeps no state: it learns from FOLLOW where to
go on, and drops what was not acknowledged when the connection is lost.

**What a slot holds.** The summary of whole lines, made from the identity with the context of the
bytes before; how long ago its lines arrived (the coordinator's clock alone places it); and the
*place* behind it: by which files of the rotated set, at which positions, a worker that knows
nothing can go on there. The coordinator keeps a place without looking into it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from logan.limits import INPUTS_PER_JOB_MAX, SAMPLE_PLACES_MAX
from logan.wire import limits
from logan.wire.base import WireMessage
from logan.wire.bodies import ALERTS_MAX, Begin, Sample
from logan.wire.schema import (
    Amount,
    Attempt,
    Body,
    Count,
    Name,
    Path,
    Sentence,
    Signed,
    SourceIndex,
    Text,
    Unicode,
)

__all__ = [
    "AlertEntry",
    "AlertNews",
    "Attach",
    "Finish",
    "Finished",
    "Follow",
    "FollowBody",
    "Followed",
    "FollowedBody",
    "Following",
    "FollowingBody",
    "HostEntry",
    "LogEntry",
    "LogState",
    "NoticeEntry",
    "Offer",
    "OfferBody",
    "PlaceEntry",
    "PlaceFile",
    "Slot",
    "SlotDone",
    "UnreadEntry",
    "Watch",
    "WatchBody",
    "Window",
]

PLACE_FILES_MAX: Final = 24
NOTICES_MAX: Final = 100
LOGS_MAX: Final = 10_000
HOSTS_MAX: Final = 1_000
NEWS_MAX: Final = 200

_Hash = Annotated[str, Meta(pattern=r"\A([0-9a-f]{16})?\Z")]

PlaceFile = tuple[
    Literal["read", "queued", "current", "cut", "retired"],
    Count,
    Count,
    Count,
    Count,
    _Hash,
    Count,
    _Hash,
]
"""A file of a place, as `live.places.FilePlace` has it."""


class PlaceEntry(Body, frozen=True):
    """In SLOT and FOLLOW: where a reader stands behind a slot; as `live.places.Place` has it.

    `skew_ms`: how much later than their timestamps lines of the log arrive.
    """

    files: Annotated[tuple[PlaceFile, ...], Meta(max_length=PLACE_FILES_MAX)]
    queued: Count
    at: Amount
    skew_ms: Signed


class WatchBody(Body, frozen=True):
    """WATCH: patterns of logs below the worker's roots, and where to begin in those there are."""

    patterns: Annotated[tuple[Path, ...], Meta(max_length=INPUTS_PER_JOB_MAX)]
    begin: Begin


class Watch(WireMessage, frozen=True):
    """WATCH: offer the logs that match, those that are there and those that come."""

    VERB: ClassVar[str] = "WATCH"
    job: Name
    body: WatchBody


class OfferBody(Body, frozen=True):
    """OFFER: a log that has lines. `host`, `device`, `inode`: of the file that is written to, by
    which several workers of a host see that it is one log; `joined`: whether it came while the
    job was known."""

    path: Path
    samples: Annotated[tuple[Sample, ...], Meta(max_length=SAMPLE_PLACES_MAX + 1)]
    mtime_ns: Signed | None
    host: Name
    device: Count
    inode: Count
    joined: bool


class Offer(WireMessage, frozen=True):
    """OFFER: this log matches; how is it to be read, and from where on?"""

    VERB: ClassVar[str] = "OFFER"
    job: Name
    body: OfferBody


class FollowBody(Body, frozen=True):
    """FOLLOW: the log, by its path in OFFER; how it is read; where to go on, None at first.

    `header`: whether columns stand in the log's first lines."""

    path: Path
    spec: Unicode
    begin: Begin
    chunk_size: Annotated[int, Meta(ge=1, le=limits.INTEGER_MAX)]
    header: bool
    offset: Count | None
    place: PlaceEntry | None


class Follow(WireMessage, frozen=True):
    """FOLLOW: follow this log from there; anew if it is followed already."""

    VERB: ClassVar[str] = "FOLLOW"
    job: Name
    source: SourceIndex
    attempt: Attempt
    body: FollowBody


class Slot(WireMessage, frozen=True):
    """SLOT with a summary of [start, end) as its body. `missing`: a range in it that the engine
    failed over; `age_s`: how long ago its lines arrived."""

    VERB: ClassVar[str] = "SLOT"
    BODY_BYTES_MAX: ClassVar[int] = limits.SUMMARY_BODY_BYTES_MAX
    job: Name
    source: SourceIndex
    attempt: Attempt
    start: Count
    end: Count
    age_s: Amount
    digest: Name
    place: PlaceEntry | None = None
    missing: tuple[tuple[Count, Count], ...] | None = None
    body: bytes = b""


class SlotDone(WireMessage, frozen=True):
    """SLOT_DONE: the journal has the source up to `end`."""

    VERB: ClassVar[str] = "SLOT_DONE"
    job: Name
    source: SourceIndex
    attempt: Attempt
    end: Count


class LogState(Body, frozen=True):
    """In FOLLOWED: bytes of a source that are written and not sent yet."""

    source: SourceIndex
    behind_bytes: Count


class NoticeEntry(Body, frozen=True):
    """Something that happened to a log, `age_s` ago; fields as in `live.notices.Notice`.
    `host`: the worker's name, which the coordinator fills in; `certain`: of "lost", whether bytes
    are missing in the figures, not only perhaps."""

    kind: Name
    log: Path
    text: Sentence
    age_s: Amount
    is_fault: bool = False
    start: Count | None = None
    host: Name = ""
    certain: bool = False


class FollowedBody(Body, frozen=True):
    """FOLLOWED: how far the worker is with its logs, and what happened since the last one."""

    logs: Annotated[tuple[LogState, ...], Meta(max_length=LOGS_MAX)]
    notices: Annotated[tuple[NoticeEntry, ...], Meta(max_length=NOTICES_MAX)]


class Followed(WireMessage, frozen=True):
    """FOLLOWED, about once a second."""

    VERB: ClassVar[str] = "FOLLOWED"
    job: Name
    body: FollowedBody


class Finish(WireMessage, frozen=True):
    """FINISH: the job ends: count what is there, the last line also without a newline."""

    VERB: ClassVar[str] = "FINISH"
    job: Name


class Finished(WireMessage, frozen=True):
    """FINISHED: all slots of the job were sent."""

    VERB: ClassVar[str] = "FINISHED"
    job: Name


# --- Clients -----------------------------------------------------------------------------------


class Attach(WireMessage, frozen=True):
    """ATTACH: show this follow job, from its first figures on."""

    VERB: ClassVar[str] = "ATTACH"
    job: Name


class Window(WireMessage, frozen=True):
    """WINDOW with a summary that is to be added: what arrived at `at`, seconds since 1970 by the
    coordinator's clock; None if it is too old for any window."""

    VERB: ClassVar[str] = "WINDOW"
    BODY_BYTES_MAX: ClassVar[int] = limits.SUMMARY_BODY_BYTES_MAX
    job: Name
    at: Amount | None = None
    body: bytes = b""


class HostEntry(Body, frozen=True):
    """In FOLLOWING: a host. `state`: "live", "away", or "late" if it is connected and had not sent
    all at the end of the job; `since_s`: for how long it is; `behind_s`: how long ago its last line
    arrived that is counted, None if none is."""

    host: Name
    state: Literal["live", "away", "late"]
    since_s: Amount
    logs: Count
    counted_bytes: Count
    behind_bytes: Count
    behind_s: Amount | None
    lost: Count


class LogEntry(Body, frozen=True):
    """In FOLLOWING: a log, by the name that reports have; bytes [start, end) were not counted
    because of an error of the engine for each of `missing`; `gone`: what is lost for good, each by
    the offset after which it was and a sentence."""

    name: Path
    host: Name
    spec: Unicode
    assumed: tuple[Sentence, ...]
    missing: tuple[tuple[Count, Count], ...] = ()
    gone: tuple[tuple[Count, Sentence], ...] = ()


class UnreadEntry(Body, frozen=True):
    """In FOLLOWING: a log that matches and that its host could not follow so far, or not now."""

    host: Name
    log: Path
    why: Sentence


class AlertEntry(Body, frozen=True):
    """In FOLLOWING: an alert of the job, as it is now. `since_s`: for how long its condition
    holds, None if it does not; `firing`: whether it fired and has not ended."""

    alert: Text
    since_s: Amount | None
    firing: bool


class AlertNews(Body, frozen=True):
    """In FOLLOWING: an alert fired or ended; fields as in `live.alerts.AlertEvent`, times as
    seconds ago."""

    alert: Text
    state: Literal["firing", "ended"]
    age_s: Amount
    since_s: Amount
    value: float | int | None
    records: Count
    reason: Text | None = None


class FollowingBody(Body, frozen=True):
    """FOLLOWING: the job as it is now; `notices` and `news` are new since the last one, `logs`
    those that joined or changed since."""

    patterns: tuple[Path, ...]
    hosts: Annotated[tuple[HostEntry, ...], Meta(max_length=HOSTS_MAX)]
    logs: Annotated[tuple[LogEntry, ...], Meta(max_length=LOGS_MAX)]
    notices: Annotated[tuple[NoticeEntry, ...], Meta(max_length=NOTICES_MAX)]
    options: Unicode
    unread: Annotated[tuple[UnreadEntry, ...], Meta(max_length=NOTICES_MAX)] = ()
    alerts: Annotated[tuple[AlertEntry, ...], Meta(max_length=ALERTS_MAX)] = ()
    news: Annotated[tuple[AlertNews, ...], Meta(max_length=NEWS_MAX)] = ()


class Following(WireMessage, frozen=True):
    """FOLLOWING: the first one follows the windows that there are. `now`: by the coordinator's
    clock, in seconds since 1970; `ended`: the job has ended, and these were its last figures."""

    VERB: ClassVar[str] = "FOLLOWING"
    job: Name
    now: Amount
    ended: bool
    body: FollowingBody
