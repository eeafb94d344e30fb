"""A follow job: its logs, up to where each is counted, and what was counted.

Pure but for `clock` arguments; knows no connection and no journal. `accept` decides what of a
worker's slots counts; `merge` (blocking) adds it to the figures and gives what the journal shall
have; only then is it acknowledged.

A log is a source of the job for as long as the job lives, whichever worker reads it. Its key is the
worker's name and its path. Two workers of one host that offer the same file share a source: one
follows, the other stands by and takes over when the first one leaves.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from logan import _logan
from logan._logan import Spec, Summary
from logan.cluster.coordinator.follow_alerts import JobAlerts
from logan.cluster.coordinator.follow_buckets import Buckets, Key
from logan.cluster.coordinator.records import FollowAdvanced, FollowStored, StoredFollow
from logan.cluster.scanning import digest_of
from logan.errors import InputError, MergeError, SummaryError
from logan.limits import INPUTS_PER_JOB_MAX
from logan.live.alerts import AlertEvent
from logan.model import Detection, Source
from logan.options import Options
from logan.planning.sample import with_fields_present
from logan.planning.spec import anchor_of, identity, spec_json
from logan.wire.following import (
    FollowBody,
    LogEntry,
    NoticeEntry,
    OfferBody,
    PlaceEntry,
    Slot,
)

__all__ = ["AcceptedSlot", "FollowJob", "FollowedSource", "Notice"]

NOTICES_KEPT_MAX: Final = 100
MISSING_KEPT_MAX: Final = 100

OFFER_S_MAX: Final = 5.0
"""A worker offers the logs that it has within a second or two."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice of a worker, and when it was, by the coordinator's clock."""

    n: int
    at: float
    entry: NoticeEntry


class _StoredSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    worker: str
    path: str
    name: str
    file: tuple[str, int, int]
    spec: str
    header: bool
    assumed: tuple[str, ...]
    joined: bool
    first: int | None
    offset: int | None
    place: PlaceEntry | None
    missing: tuple[tuple[int, int], ...]
    lost: tuple[str, ...]
    gone: tuple[tuple[int, str], ...] = ()


class _StoredJob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    patterns: tuple[str, ...]
    begin: str
    options: Options
    created_at: float
    alerts: tuple[str, ...] = ()
    firing: dict[str, float] = {}


@dataclass(slots=True)
class FollowedSource:
    """A log of the job.

    Attributes:
        worker: the one that reads it, or did last.
        path: what that worker calls it; `name`: what reports do.
        file: host, device and inode of the file that is written to, as offered last.
        owner: session of the worker that was told to follow it; None while it is away.
        attempt: of the FOLLOW that counts.
        first: where its figures begin; None before the first slot.
        offset, place: where the last accepted slot ended; what is on its way to the journal counts.
        kept: the same, of what the journal has.
        missing: ranges that the engine failed over.
        lost: what was gone for good, or perhaps was, in words.
        gone: what is missing for certain: the offset after which it was, and a sentence.
        version: goes up with what viewers are told of it.
    """

    index: int
    worker: str
    path: str
    name: str
    file: tuple[str, int, int]
    spec: Spec
    header: bool
    assumed: tuple[str, ...]
    joined: bool
    owner: str | None = None
    attempt: int = 0
    first: int | None = None
    offset: int | None = None
    place: PlaceEntry | None = None
    kept: tuple[int | None, PlaceEntry | None] = None, None
    missing: list[tuple[int, int]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    gone: list[tuple[int, str]] = field(default_factory=list)
    behind_bytes: int = 0
    counted_at: float | None = None
    version: int = 1

    def entry(self) -> LogEntry:
        """As viewers are told of it."""
        return LogEntry(
            name=self.name,
            host=self.worker,
            spec=self.spec.to_json(),
            assumed=self.assumed,
            missing=tuple(self.missing),
            gone=tuple(self.gone),
        )

    def stored(self, offset: int | None, place: PlaceEntry | None) -> str:
        """As the journal keeps it, counted up to `offset`: what is accepted may be further."""
        missing = [each for each in self.missing if offset is not None and each[1] <= offset]
        values = _StoredSource(
            *(self.worker, self.path, self.name, self.file, self.spec.to_json(), self.header),
            *(self.assumed, self.joined, None if offset is None else self.first, offset, place),
            *(tuple(missing), tuple(self.lost), tuple(self.gone)),
        )
        return json.dumps(msgspec.to_builtins(values))

    @property
    def counted_bytes(self) -> int:
        """How many bytes of it are counted."""
        return 0 if self.offset is None or self.first is None else self.offset - self.first


@dataclass(frozen=True, slots=True)
class AcceptedSlot:
    """A slot that counts, on its way to the journal; `at`: when its lines arrived."""

    source: int
    session: str
    attempt: int
    end: int
    place: PlaceEntry | None
    at: float
    summary: Summary


class FollowJob:
    """A follow job.

    Args:
        now: seconds since 1970, for what is decided of the logs' timestamps.

    Attributes:
        id: its name on the wire and in the journal.
        known_since: since when this coordinator has it.
        sources: its logs, by index.
        buckets: what is counted; only `merge` changes it.
        seen: by worker's name, when it joined or left, and whether it is there.
        late: workers that had not sent all when the job ended.
        unread: why a log that matches is not read now, by worker's name and path.
        alerts: the conditions that are evaluated here, and what became of them.
        notices: what happened to the logs, the newest ones.
    """

    def __init__(
        self,
        id: str,
        patterns: tuple[str, ...],
        options: Options,
        begin: str,
        now: float,
        alerts: Sequence[str] = (),
    ) -> None:
        self.id = id
        self.patterns = patterns
        self.options = options
        self.begin = begin
        self.created_at = self.known_since = now
        self.sources: list[FollowedSource] = []
        self.alerts = JobAlerts(alerts, options)
        self.buckets = Buckets(reach_s=self.alerts.reach_s)
        self.seen: dict[str, tuple[bool, float]] = {}
        self.late: set[str] = set()
        self.unread: dict[tuple[str, str], str] = {}
        self.notices: deque[Notice] = deque(maxlen=NOTICES_KEPT_MAX)
        self.notices_total = 0
        self._standby: list[tuple[str, str, OfferBody]] = []
        self._changed: set[int] = set()
        self.empty = Spec(spec_json([Detection()], options, anchor_ns=int(now * 1e9)))

    @property
    def name(self) -> str:
        """Its patterns, for people."""
        return ", ".join(self.patterns)

    # Workers and their logs.

    def joined(self, worker: str, now: float) -> None:
        """A worker is connected."""
        self.seen[worker] = True, now
        for key in [key for key in self.unread if key[0] == worker]:
            del self.unread[key]  # it says again what it cannot read

    def left(self, worker: str, session: str, now: float) -> list[tuple[str, FollowedSource]]:
        """A worker is gone. Logs that another one of its host takes over, with its session."""
        self.seen[worker] = False, now
        self._standby = [each for each in self._standby if each[0] != session]
        taken = []
        for source in self.sources:
            if source.owner != session:
                continue
            source.owner = None
            for other in self._standby:
                if _file_of(other[2]) == source.file:
                    self._standby.remove(other)
                    self._give(source, other[0], other[1], other[2])
                    taken.append((other[0], source))
                    break
        return taken

    def offer(
        self, session: str, worker: str, body: OfferBody, now: float
    ) -> FollowedSource | None:
        """A worker has a log: the source that it shall follow; None if another one does already.

        Raises `InputError` for what cannot be followed.
        """
        source = next((s for s in self.sources if (s.worker, s.path) == (worker, body.path)), None)
        if source is None:
            source = next((s for s in self.sources if s.file == _file_of(body)), None)
            if source is not None and source.owner is not None:
                self._stand_by(session, worker, body)
                return None
        if source is None:
            source = self._new(worker, body, now)
        elif source.offset is None and source.file != _file_of(body):
            text = (
                f"{source.name} was rotated before its worker told where it begins: lines written "
                "to the file before are lost if there were any"
            )
            entry = NoticeEntry(kind="lost", log=body.path, text=text, age_s=0.0, is_fault=True)
            self.note(worker, entry, now)
        self._give(source, session, worker, body)
        return source

    def _stand_by(self, session: str, worker: str, body: OfferBody) -> None:
        """Remember who can take a log over; its samples are not needed any more."""
        bare = msgspec.structs.replace(body, samples=())
        entry = session, worker, bare
        if entry not in self._standby and len(self._standby) < INPUTS_PER_JOB_MAX:
            self._standby.append(entry)

    def lost_since(self, then: float) -> set[str]:
        """Workers with logs that are away, and were there after `then`."""
        found = set()
        for source in self.sources:
            is_there, at = self.seen.get(source.worker, (False, self.known_since))
            if not is_there and at > then:
                found.add(source.worker)
        return found

    def follows_all(self, worker: str, session: str, now: float) -> bool:
        """Whether a connected worker follows all logs that were its own, but for those that are
        not there any more."""
        return all(
            each.owner == session or self._is_gone(each, now)
            for each in self.sources
            if each.worker == worker
        )

    def _is_gone(self, source: FollowedSource, now: float) -> bool:
        """Whether its worker is back and did not find it again."""
        is_there, since = self.seen.get(source.worker, (False, now))
        return source.owner is None and is_there and now - since > OFFER_S_MAX

    def note_gone(self, now: float) -> None:
        """Say of which logs the last lines may be missing, since they are not there any more."""
        for source in self.sources:
            if self._is_gone(source, now):
                after = "" if source.offset is None else f" after byte {source.offset:,}"
                text = (
                    f"{source.name} is not there any more: lines written to it{after} before it "
                    "went are lost if there were any"
                )
                entry = NoticeEntry(
                    kind="lost", log=source.path, text=text, age_s=0.0, is_fault=True
                )
                self.note(source.worker, entry, now)

    def _give(self, source: FollowedSource, session: str, worker: str, body: OfferBody) -> None:
        source.owner, source.worker, source.path = session, worker, body.path
        source.file = _file_of(body)
        source.attempt += 1
        source.version += 1

    def _new(self, worker: str, body: OfferBody, now: float) -> FollowedSource:
        if len(self.sources) >= INPUTS_PER_JOB_MAX:
            raise InputError(f"more than {INPUTS_PER_JOB_MAX:,} logs in one job", input=body.path)
        name = f"{worker}:{body.path}"
        detection = Detection.from_dict(json.loads(_logan.detect(body.samples)))
        if detection.compression is not None or detection.encoding in ("utf-16", "binary"):
            what = detection.compression or detection.encoding
            raise InputError(f"{name} is not plain text ({what}): it is left out", input=name)
        if self.options.where is not None:
            detection = with_fields_present(body.samples, detection)
        # It goes on being written, so that dates without a year lie around now.
        anchor = anchor_of(detection, written_ns=None, now_ns=int(now * 1e9))
        identities = [identity(Source(name, None), name)]
        spec = Spec(spec_json([detection], self.options, anchor_ns=anchor, identities=identities))
        source = FollowedSource(
            *(len(self.sources), worker, body.path, name, _file_of(body), spec),
            *(detection.header > 0, tuple(detection.assumed), body.joined),
        )
        self.sources.append(source)
        return source

    def order(self, source: FollowedSource) -> FollowBody:
        """What its worker is told with FOLLOW."""
        return FollowBody(
            path=source.path,
            spec=source.spec.to_json(),
            begin="start" if source.joined else self.begin,
            chunk_size=self.options.chunk_size,
            header=source.header,
            offset=source.offset,
            place=source.place,
        )

    # Slots.

    def check(self, slot: Slot) -> Summary:
        """The summary of a slot, if it is one of its source. Blocking. Raises `SummaryError`."""
        if slot.source >= len(self.sources):
            raise SummaryError(f"the job has no source {slot.source}")
        if digest_of(slot.body) != slot.digest:
            raise SummaryError("its bytes are not those of its digest")
        summary = Summary.from_bytes(slot.body)
        if (why := summary.difference(self.sources[slot.source].spec)) is not None:
            raise SummaryError(f"it was made under another spec: {why}")
        covered = sorted([each[1:] for each in summary.segments()] + list(slot.missing or ()))
        at = slot.start
        for start, end in covered:
            if start != at or end < start:
                break
            at = end
        if at != slot.end or any(each[0] != 0 for each in summary.segments()):
            raise SummaryError(
                f"it covers {covered[:3]}, not bytes {slot.start} to {slot.end} of its log"
            )
        return summary

    def accept(self, session: str, slot: Slot, summary: Summary, now: float) -> AcceptedSlot | None:
        """A checked slot counts, or does not: it is late, or was had already."""
        source = self.sources[slot.source]
        if source.owner != session or source.attempt != slot.attempt:
            return None
        if source.offset is None:
            source.first = slot.start
        elif slot.start != source.offset:
            return None
        source.offset = slot.end
        source.place = slot.place or source.place
        if slot.missing:
            source.missing = (source.missing + list(slot.missing))[-MISSING_KEPT_MAX:]
            source.version += 1
        at = max(0.0, now - slot.age_s)  # records may be older than 1970, or a worker say so
        if slot.end > slot.start:
            source.counted_at = max(source.counted_at or at, at)
        return AcceptedSlot(
            *(slot.source, session, slot.attempt, slot.end, source.place, at, summary)
        )

    def is_behind(self, session: str, source: int, behind_bytes: int) -> None:
        """How much of a log its worker has not sent; what others say of it does not count."""
        if source < len(self.sources) and self.sources[source].owner == session:
            self.sources[source].behind_bytes = behind_bytes

    def merge(
        self, slots: Iterable[AcceptedSlot], now: float
    ) -> tuple[FollowAdvanced, list[AcceptedSlot]]:
        """Add slots to the figures: what the journal shall have, and those that were had already.
        Blocking; one call at a time."""
        changed: set[Key] = set()
        doubled = []
        last: dict[int, AcceptedSlot] = {}
        for each in slots:
            last[each.source] = each
            try:
                changed.add(self.buckets.add(each.summary, each.at, now))
            except MergeError:
                doubled.append(each)
        changed |= self.buckets.fold(now)
        kept = self.buckets.kept
        rows = {key: kept[key].to_bytes() if key in kept else None for key in changed}
        for index, each in last.items():
            self.sources[index].kept = each.end, each.place
        # What was lost is kept even if nothing more comes of that log.
        lost, self._changed = self._changed, set()
        stored = {
            index: self.sources[index].stored(*self.sources[index].kept) for index in {*last, *lost}
        }
        return FollowAdvanced(self.id, stored, rows), doubled

    def total(self) -> Summary:
        """The sum of all. Blocking."""
        return self.buckets.total(Summary.empty(self.empty))

    def is_caught_up(self) -> bool:
        """Whether workers have counted all that was written to the logs that are known."""
        return bool(self.sources) and all(
            each.owner is not None and each.offset is not None and not each.behind_bytes
            for each in self.sources
        )

    def evaluate_alerts(self, now: float) -> list[AlertEvent]:
        """Look at the job's alerts: what happens. Blocking; one call at a time."""
        empty = Summary.empty(self.empty)
        counted = [each.counted_at for each in self.sources if each.counted_at is not None]
        return self.alerts.evaluate(
            lambda seconds: self.buckets.view(seconds, now, empty),
            now,
            caught_up=self.is_caught_up(),
            last_at=max(counted, default=None),
        )

    def note(self, worker: str, entry: NoticeEntry, now: float) -> None:
        """Something happened to a log of a worker."""
        self.notices_total += 1
        age_s = min(entry.age_s, now)
        told = msgspec.structs.replace(entry, host=worker, age_s=age_s)
        self.notices.append(Notice(self.notices_total, now - age_s, told))
        if entry.log and entry.kind == "unreadable" and len(self.unread) < NOTICES_KEPT_MAX:
            self.unread[worker, entry.log] = entry.text
        elif entry.log:
            self.unread.pop((worker, entry.log), None)
        if entry.kind != "lost":
            return
        for source in self.sources:
            if (source.worker, source.path) == (worker, entry.log):
                source.lost = [*source.lost, entry.text][-MISSING_KEPT_MAX:]
                if entry.certain:
                    gone = (entry.start or source.offset or 0, entry.text)
                    source.gone = [*source.gone, gone][:MISSING_KEPT_MAX]
                source.version += 1
                self._changed.add(source.index)

    # The journal.

    def stored(self) -> FollowStored:
        """The job, for the journal: without its logs and what was counted of them."""
        values = _StoredJob(
            *(self.patterns, self.begin, self.options, self.created_at),
            *(self.alerts.texts, self.alerts.firing_since()),
        )
        return FollowStored(self.id, json.dumps(msgspec.to_builtins(values)))

    @classmethod
    def from_stored(cls, stored: StoredFollow) -> FollowJob:
        """The job that a journal has. Raises `ValueError` or `msgspec.ValidationError` for one
        that cannot go on."""
        body = msgspec.convert(json.loads(stored.body), _StoredJob)
        job = cls(
            *(stored.job, body.patterns, body.options, body.begin, body.created_at),
            alerts=body.alerts,
        )
        job.alerts.resume(body.firing)
        for index in range(len(stored.sources)):
            job.sources.append(_source_from(index, stored.sources[index]))
        kept = {key: Summary.from_bytes(data) for key, data in stored.buckets.items()}
        job.buckets = Buckets(kept, reach_s=job.alerts.reach_s)
        job.check_coverage()
        return job

    def check_coverage(self) -> None:
        """Raise `ValueError` unless the figures cover what the sources say, each byte once."""
        evaluated = json.loads(self.total().evaluate(top=1, series_points=1))
        covered: Mapping[str, list[list[int]]] = {
            each["name"]: each["segments"] for each in evaluated.get("sources", [])
        }
        for source in self.sources:
            if source.offset is None or source.first is None:
                continue
            missing = sum(end - start for start, end in source.missing)
            found = sum(end - start for start, end in covered.get(source.name, []))
            if len(source.missing) < MISSING_KEPT_MAX and found + missing != source.counted_bytes:
                raise ValueError(
                    f"{source.name} is counted to byte {source.offset:,}, its figures are not"
                )

    def fields(self) -> dict[str, Any]:
        """The options, as JSON values."""
        values: dict[str, Any] = msgspec.to_builtins(self.options)
        return values


def _source_from(index: int, text: str) -> FollowedSource:
    row = msgspec.convert(json.loads(text), _StoredSource)
    return FollowedSource(
        *(index, row.worker, row.path, row.name, row.file, Spec(row.spec), row.header),
        *(row.assumed, row.joined),
        first=row.first,
        offset=row.offset,
        place=row.place,
        kept=(row.offset, row.place),
        missing=list(row.missing),
        lost=list(row.lost),
        gone=list(row.gone),
    )


def _file_of(body: OfferBody) -> tuple[str, int, int]:
    return body.host, body.device, body.inode
