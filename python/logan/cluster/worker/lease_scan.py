"""Scans the chunk of one lease: its own file, an object on a server, or bytes that it fetches.

    summary, note = await LeaseScanner(resources, leases, fetcher).scan(active_lease)

In this order: an object is read from its server; a file that is the planned one is read itself;
otherwise its bytes are fetched into a spool and scanned there. Sends nothing but FETCH; what is
answered is decided in `session`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Final

from logan.cluster.scanning import make_note
from logan.cluster.worker.copies import (
    OtherCopyError,
    check_probes,
    open_planned,
    planned_path,
)
from logan.cluster.worker.fetch import Fetcher, fetched_range
from logan.cluster.worker.leases import ActiveLease, LeaseTable
from logan.cluster.worker.resources import Resources
from logan.errors import InputError
from logan.model import Source
from logan.scan import ChunkResult
from logan.wire.bodies import JobSource, Note
from logan.wire.messages import Lease

__all__ = ["LeaseScanner"]

Answer = tuple[bytes, Note | None]
"""The bytes of a summary, and a note; None where there is nothing to say beside it."""

RATE_LIMIT_STEPS_PER_S: Final = 4
"""With a rate limit, how often the wait for a chunk's bytes shows as progress."""


class LeaseScanner:
    """Scans leased chunks of one connection."""

    def __init__(self, resources: Resources, leases: LeaseTable, fetcher: Fetcher) -> None:
        self._resources = resources
        self._leases = leases
        self._fetcher = fetcher

    async def scan(self, active: ActiveLease) -> Answer:
        """The chunk's summary and note.

        Raises:
            SourceChangedError: the source is not the planned one any more.
            InputError: it cannot be read here.
            CancelledError: the lease was stopped.
            Poison: scanning some bytes of it ends the process.
        """
        if self._resources.rate_limit.bytes_per_second is not None:
            await self._wait_for_rate_limit(active)
        lease, job = active.lease, active.job
        source = job.sources[lease.source]
        if source.fingerprint is None:
            return await self._scan_chunk(active, job.source(lease), None)
        if source not in self._resources.other_copies:
            try:
                found = await self._scan_own_file(active, source)
            except OtherCopyError as error:
                found = None
                if source not in self._resources.other_copies:
                    await self._disown(lease, source)
                    raise InputError(str(error), input=source.url, kind="changed") from error
            # Another lease may have shown meanwhile what this file is.
            if found is not None and source not in self._resources.other_copies:
                return found
        if not source.local:
            raise InputError(
                f"{source.url} cannot be read by {self._resources.id}", input=source.url
            )
        return await self._scan_fetched(active, source)

    async def _wait_for_rate_limit(self, active: ActiveLease) -> None:
        """Wait until the chunk may be read, in steps that show as progress."""
        active.passes += 1
        limit = self._resources.rate_limit
        step = max(1, int(limit.bytes_per_second or 0) // RATE_LIMIT_STEPS_PER_S)
        for at in range(0, active.size, step):
            size = min(step, active.size - at)
            await limit.spend(size)
            active.count(size)

    async def _disown(self, lease: Lease, source: JobSource) -> None:
        """Read no more of a copy that is not the planned file. FAIL reports that to the
        coordinator, which must have all results of it by then: they are in doubt."""
        self._resources.other_copies.add(source)
        await self._leases.wait_until_answered(lease.job, lease.source)

    async def _scan_own_file(self, active: ActiveLease, source: JobSource) -> Answer | None:
        """Scan the file itself; None if it is not the planned one, on this host and below our
        roots.

        Raises `OtherCopyError` if only the scan showed that.
        """
        lease, resources = active.lease, self._resources
        if not lease.isolated:
            return await resources.threads.run(partial(self._scan_open_file, active, source))
        # A child has descriptors of its own, so there the path must do.
        path = await resources.threads.run_aside(partial(planned_path, resources.roots, source))
        if path is None:
            return None
        found = await self._scan_chunk(active, active.job.source(lease), path)
        await resources.threads.run_aside(partial(self._check_by_path, source, lease))
        return found

    async def _scan_fetched(self, active: ActiveLease, source: JobSource) -> Answer:
        first, end = fetched_range(active.lease, source)
        async with self._resources.spools.open(source.url, end - first) as spool:
            size = await self._fetcher.fetch_chunk(active, source, spool)
            planned = active.job.source(active.lease)
            spooled = replace(planned, size=size, fingerprint=None)
            return await self._scan_chunk(active, spooled, spool.name)

    async def _scan_chunk(self, active: ActiveLease, source: Source, path: str | None) -> Answer:
        """Scan what lies at `path`; an object without one."""
        resources, job, lease = self._resources, active.job, active.lease
        threads = resources.threads
        if not lease.isolated:
            return await threads.run(partial(self._scan_in_slot, active, source, path))
        async with threads.isolated:
            with _errors_name(source.url, opened_as=path):
                found = await resources.scan_isolated(
                    source,
                    job.chunk(lease),
                    job.spec,
                    active.count,
                    path=path,
                    chunk_size=job.chunk_size,
                    expansion_max=job.expansion_max,
                    # The child has no other roots than these.
                    url_roots=resources.roots.urls.given,
                )
        return await threads.run_aside(partial(_answer, found, source.url, opened_as=path))

    # -- in a thread

    def _scan_in_slot(self, active: ActiveLease, source: Source, path: str | None) -> Answer:
        resources, job = self._resources, active.job
        with (
            resources.threads.scan_slot(active.cancel),
            _errors_name(source.url, opened_as=path),
        ):
            found = resources.scan(
                source,
                job.chunk(active.lease),
                job.spec,
                chunk_size=job.chunk_size,
                expansion_max=job.expansion_max,
                path=path,
                cancel=active.cancel,
                url_roots=resources.roots.urls,
                counted=active.count,
                # Another worker may have better luck, or the credentials.
                keep_partial=False,
            )
            return _answer(found, source.url, opened_as=path)

    def _scan_open_file(self, active: ActiveLease, source: JobSource) -> Answer | None:
        opened = open_planned(self._resources.roots, source)
        if opened is None:
            return None
        lease = active.lease
        with opened:
            found = self._scan_in_slot(active, active.job.source(lease), opened.path)
            # Now that its pages are in memory.
            check_probes(opened.fd, self._resources.id, source, lease)
            return found

    def _check_by_path(self, source: JobSource, lease: Lease) -> None:
        with self._resources.roots.open(source.url) as opened:
            check_probes(opened.fd, self._resources.id, source, lease)


@contextmanager
def _errors_name(url: str, *, opened_as: str | None) -> Iterator[None]:
    """Let errors name the source: the path under which it was opened means nothing elsewhere."""
    try:
        yield
    except InputError as error:
        if opened_as is not None:
            error.args = (error.message.replace(opened_as, url),)
        raise


def _answer(found: ChunkResult, url: str, *, opened_as: str | None) -> Answer:
    """What was found as bytes, and a note that names the source. Blocking."""
    fault = found.fault
    if fault is not None and opened_as is not None:
        fault = fault[0], fault[1].replace(opened_as, url)
    return found.summary.to_bytes(), make_note(fault, found.archive)
