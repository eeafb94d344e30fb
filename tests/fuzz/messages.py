"""Hostile peers with the token against coordinator, worker and client, in memory.

    python -m tests.fuzz.messages --seconds 60

A round is one conversation, or a few at a time, made from a seed: messages that the schema allows
and messages that it does not, in any order, with ids, ranges and numbers of the real job as often
as with made-up ones. Beside them an honest client has an honest worker do an honest job. There
must never be an internal error, an exception out of the main task of any of them, something kept
for a peer that has left, or wrong figures: a report is right, or partial where a hostile worker was
given leases. Every SUBMIT is answered.

Time is a mock clock's, threads run inline; nothing is opened but the log and memory streams.
`LOGAN_FUZZ_SEED` plays one round again.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch

import msgspec
import trio
from trio.testing import MockClock

import logan
from logan._logan import Spec
from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.limits import JOBS_MAX
from logan.cluster.request import Submission
from logan.cluster.scanning import digest_of
from logan.cluster.worker.isolation import Poison
from logan.cluster.worker.worker import Worker
from logan.errors import InputError, LoganError
from logan.model import Chunk, Source
from logan.options import Options
from logan.report import Report
from logan.scan import scan_chunk
from logan.sources.files import open_file
from logan.wire import messages
from logan.wire.bodies import JobBody, ProgressBody
from logan.wire.codec import Decoder, encode
from tests.fuzz.playing import command, play_for
from tests.fuzz.values import mutated, some
from tests.support import memory_cluster
from tests.support.memory_cluster import (
    Network,
    Stream,
    inline,
    new_client,
    new_coordinator,
    new_worker,
)

LINES = 300
CHUNK = 2 * 1024

Kinds = tuple[type[Any], ...]

FROM_WORKER: Kinds = (
    *(messages.Ready, messages.Health, messages.Result, messages.Fail, messages.Fetch),
    *(messages.Found, messages.Bye, messages.Error, messages.Health, messages.Health),
)
FROM_CLIENT: Kinds = (
    messages.Submit,
    messages.Submit,
    messages.Status,
    messages.Cancel,
    messages.Bye,
)
TO_WORKER: Kinds = (
    *(messages.Job, messages.Job, messages.Lease, messages.Lease, messages.HealthAck),
    *(messages.Done, messages.Stale, messages.Data, messages.Cancel, messages.Drain),
    *(messages.Search, messages.Error),
)
TO_CLIENT: Kinds = (
    *(messages.Accepted, messages.ProgressReport, messages.Report, messages.StatusReport),
    messages.Error,
)


class Found(Exception):
    """What must never happen, happened."""


class Facts:
    """What a hostile peer learned: values by the names of fields, to be used as often as others."""

    def __init__(self, log: Path) -> None:
        self.jobs: dict[str, JobBody] = {}
        self.results: list[tuple[dict[str, Any], bytes]] = []
        self.leases: list[dict[str, Any]] = []
        self.known: dict[str, list[Any]] = {
            "paths": [[str(log)], ["*.log"], [str(log.parent)], ["**"], ["nothing.log"]],
            "patterns": [["*.log"], ["**"], ["/etc/*"]],
            "url": [str(log), log.name, "/etc/passwd", "https://127.0.0.1:9/a", "s3://b/k"],
            "kind": ["paths", "on_workers", "report", "error"],
            "error": ["missing", "changed", "InputError", "LoganError", "poison"],
            "code": ["field", "busy", "state"],
            "scanned_bytes": [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2**62, 2**63 - 1],
        }

    def learn(self, message: messages.Message) -> None:
        """Remember the values of a message's fields."""
        for name in type(message).__struct_fields__:
            value = getattr(message, name)
            if isinstance(value, str | int) and not isinstance(value, bool):
                kept = self.known.setdefault(name, [])
                kept.append(value)
                del kept[:-20]
        if isinstance(message, messages.Job):
            self.known["spec"] = [message.body.spec]
            self.jobs[message.job] = message.body
        if isinstance(message, messages.Lease):
            key = {"job": message.job, "chunk": message.chunk, "attempt": message.attempt}
            self.leases.append(key)
            self.scan(message)

    def scan(self, lease: messages.Lease) -> None:
        """Make the right result of a lease, for RESULTs that are wrong in something else."""
        job = self.jobs.get(lease.job)
        if job is None:
            return
        source = job.sources[lease.source]
        with suppress(LoganError, OSError, ValueError):
            found = scan_files(
                Source(source.url, source.size, source.fingerprint, compression=source.compression),
                Chunk(lease.chunk, lease.source, lease.start, lease.end),
                Spec(job.spec),
                chunk_size=job.chunk_size,
                expansion_max=job.expansion_max,
                keep_partial=False,
            )
            data = found.summary.to_bytes()
            key = {"job": lease.job, "chunk": lease.chunk, "attempt": lease.attempt}
            self.results.append((key | {"digest": digest_of(data)}, data))

    def apply(self, value: Any, chance: Random, share: float) -> Any:
        """JSON with values that are known at some of the fields of these names."""
        if isinstance(value, list):
            return [self.apply(each, chance, share) for each in value]
        if not isinstance(value, dict):
            return value
        changed = {}
        for name, each in value.items():
            if name in self.known and chance.random() < share:
                changed[name] = chance.choice(self.known[name])
            else:
                changed[name] = self.apply(each, chance, share)
        if self.leases and self.leases[0].keys() <= changed.keys() and chance.random() < share:
            changed |= chance.choice(self.leases)
        return changed


def line(verb: str, values: Any, body: bytes | None) -> bytes:
    """A frame, right or wrong."""
    if body is not None and isinstance(values, dict):
        values = values | {"bytes": len(body)}
    return f"{verb} {json.dumps(values, separators=(',', ':'))}\n".encode() + (body or b"")


def hostile(kinds: Kinds, facts: Facts, chance: Random, wildness: float) -> bytes:
    """A message of one of these kinds; with the probability `wildness` a wrong one."""
    kind = chance.choice(kinds)
    share = chance.choice([0.0, 0.9, 1.0, 1.0])
    values = msgspec.to_builtins(some(kind, chance))
    body = values.pop("body", None)
    if body is not None and "bytes" in str(kind.__annotations__["body"]):
        body = chance.randbytes(chance.choice([0, 1, 300]))
    values = {name: each for name, each in values.items() if each is not None}
    values = facts.apply(values, chance, share)
    if body is not None and not isinstance(body, bytes):
        body = facts.apply(body, chance, share)
    if kind is messages.Result and facts.results and chance.random() < 0.8:
        named, body = chance.choice(facts.results)
        values |= named
    if chance.random() < wildness:
        if isinstance(body, dict) and chance.random() < 0.7:
            body = mutated(body, chance)
        else:
            values = mutated(values, chance)
    data = None
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if chance.random() < wildness / 10:
            data = chance.choice([b"", b"[" * 5_000, b"\xff", b"nonsense", b'{"a":1,"a":1}'])
    verb = kind.VERB if chance.random() > wildness / 10 else chance.choice(["PART", "HELLO", "X"])
    return line(verb, values, data)


class Peer:
    """The hostile end of a connection: sends what it likes, reads what comes."""

    def __init__(self, stream: Stream, facts: Facts) -> None:
        self.stream = stream
        self.facts = facts
        self.heard: Counter[str] = Counter()
        self._decoder = Decoder()

    async def hear(self) -> messages.Message | None:
        """The next message; None at the end."""
        while True:
            message = self._decoder.next_message()
            if message is not None:
                self.heard[message.VERB] += 1
                self.facts.learn(message)
                return message
            data = bytes(await self.stream.receive_some(65_536))
            if not data:
                return None
            self._decoder.feed(data)

    async def hear_all(self) -> None:
        """Read until the end."""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while await self.hear() is not None:
                pass

    async def join(self, role: str, name: str) -> None:
        """The handshake of a worker or client, as it should be."""
        hello = messages.Hello(
            messages.PROTOCOL_VERSION, role, name, os.urandom(8).hex(), "1" * 64, "0"
        )
        await self.stream.send_all(encode(hello))
        await self.hear()
        await self.stream.send_all(encode(messages.Auth("")))
        await self.hear()

    async def welcome(self) -> None:
        """The handshake of a coordinator, as it should be."""
        await self.hear()
        await self.stream.send_all(encode(messages.Challenge("2" * 64, "")))
        await self.hear()
        await self.stream.send_all(encode(messages.Welcome(1.0, 5.0)))

    @classmethod
    async def lead(cls, network: Network, facts: Facts) -> Peer:
        """The coordinator of the next connection that is still open, past the handshake."""
        while True:
            peer = cls(await network.accept(), facts)
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                await peer.welcome()
                return peer

    async def rave(self, kinds: Kinds, chance: Random, count: int) -> None:
        """Send so many messages, or as many as are borne."""
        wildness = chance.choice([0.0, 0.1, 0.3, 0.9])
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            for _ in range(count):
                await self.stream.send_all(hostile(kinds, self.facts, chance, wildness))
                await trio.sleep(chance.choice([0, 0, 0.01, 0.5, 2]))


# --- Rounds ------------------------------------------------------------------------------------


class Stage:
    """The log, and what is right."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "app.log"
        self.log.write_text(
            "".join(
                f"2024-01-24 10:15:{i // 100:02d}.{i % 1000:03d} INFO Request done in {i % 97}ms\n"
                for i in range(LINES)
            )
        )
        self.expected = logan.analyze(self.log, chunk_size=CHUNK)
        self.archive = folder / "app.log.gz"
        self.archive.write_bytes(gzip.compress(self.log.read_bytes()))
        source, _ = open_file(str(self.log))
        self.fingerprint = source.fingerprint

    def worker(self, name: str = "alice", **options: Any) -> Worker:
        seams = {"scan": scan_files, "scan_isolated": scan_without_child}
        return new_worker(name, roots=[str(self.log.parent)], threads=1, **seams | options)

    def facts(self) -> Facts:
        facts = Facts(self.log)
        facts.known["fingerprint"] = [self.fingerprint]
        facts.known["size"] = [self.log.stat().st_size]
        return facts


async def beside(stage: Stage, network: Network, chance: Random, role: str) -> None:
    """Hostile workers or clients at a coordinator that also has an honest job."""
    takes_leases = chance.random() < 0.5
    async with new_coordinator(roots=[str(stage.log.parent)]) as coordinator:
        async with trio.open_nursery() as tasks:
            tasks.start_soon(stage.worker(pace=4 * CHUNK).run)
            await coordinator.wait_for_workers(1)
            async with trio.open_nursery() as nursery:
                for number in range(chance.randint(1, 3)):
                    intrude = partial(_intrude, stage, network, chance, role, f"mallory{number}")
                    nursery.start_soon(intrude, takes_leases)
                honest = Submission(
                    "paths", [str(stage.log)], Options(chunk_size=CHUNK), confined=True
                )
                body = await new_client("memory:8000").submit(honest)
            await trio.sleep(1)
            tasks.cancel_scope.cancel()
        await trio.sleep(120)  # whatever was left alone has run out
        _check(coordinator, Report.from_json(body), stage, partial_is_right=takes_leases)


async def _intrude(
    stage: Stage, network: Network, chance: Random, role: str, name: str, takes_leases: bool
) -> None:
    """Some connections, one after the other: each ends with its first violation."""
    facts = stage.facts()
    kinds: Kinds = FROM_CLIENT
    if role == "worker":
        kinds = FROM_WORKER
        if not takes_leases:
            kinds = tuple(kind for kind in FROM_WORKER if kind is not messages.Ready)
    for _ in range(chance.randint(1, 5)):
        stream, _ = await network.dial(None, None)
        peer = Peer(stream, facts)
        facts.leases.clear()
        facts.results.clear()
        await peer.join(role, name)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(peer.hear_all)
            if role == "worker" and takes_leases:
                with suppress(trio.BrokenResourceError):
                    await stream.send_all(encode(messages.Ready(chance.randint(1, 3))))
                    await trio.sleep(0.1)
            await peer.rave(kinds, chance, chance.randint(1, 12))
            await trio.sleep(chance.choice([0, 0, 1, 30]))
            await trio.aclose_forcefully(stream)
            nursery.cancel_scope.cancel()


def _check(
    coordinator: Coordinator, report: Report, stage: Stage, *, partial_is_right: bool
) -> None:
    _check_events(coordinator)
    if report != stage.expected and not (partial_is_right and report["partial"]):
        raise Found(f"a wrong report: {report.to_json()[:2_000]}")
    if not coordinator._executor.is_idle or len(coordinator._commits):
        raise Found(f"kept for peers that left: {coordinator.sessions}, {coordinator.jobs}")


def _check_events(coordinator: Coordinator) -> None:
    for event in coordinator.events:
        if "internal error" in event.text:
            raise Found(event.text)


async def archive(stage: Stage, network: Network, chance: Random) -> None:
    """Hostile workers that say anything of an archive, beside its right figures."""
    async with (
        new_coordinator(roots=[str(stage.log.parent)]) as coordinator,
        trio.open_nursery() as tasks,
    ):
        tasks.start_soon(partial(_intrude, stage, network, chance, "worker", "mallory", True))
        await coordinator.wait_for_workers(1)

        async def help_later() -> None:
            await trio.sleep(chance.choice([0, 3]))
            await stage.worker().run()

        tasks.start_soon(help_later)
        wish = Submission("paths", [str(stage.archive)], Options(chunk_size=CHUNK), confined=True)
        with trio.fail_after(3_600), suppress(InputError):
            report = Report.from_json(await new_client("memory:8000").submit(wish))
            if report["lines"]["parsed"] != LINES and not report["partial"]:
                raise Found(f"wrong figures of an archive: {report.to_json()}")
        _check_events(coordinator)
        tasks.cancel_scope.cancel()


async def holders(stage: Stage, network: Network, chance: Random) -> None:
    """Hostile workers that say anything of the files they hold."""
    async with (
        new_coordinator(roots=[str(stage.log.parent)]) as coordinator,
        trio.open_nursery() as tasks,
    ):
        tasks.start_soon(stage.worker().run)
        await coordinator.wait_for_workers(1)

        async def answer(peer: Peer) -> None:
            with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                while await peer.hear() is not None:
                    if peer.heard["SEARCH"]:
                        await peer.rave((messages.Found,), chance, 1)
                        await peer.rave(FROM_WORKER, chance, 3)

        for turn in range(2):
            for number in range(3):
                peer = Peer((await network.dial(None, None))[0], stage.facts())
                await peer.join("worker", f"mallory{turn}{number}")
                tasks.start_soon(answer, peer)
            with trio.fail_after(3_600), suppress(LoganError):
                body = await new_client("memory:8000").submit(Submission("on_workers", ["*.log"]))
                report = Report.from_json(body)
                if report["lines"]["parsed"] < LINES and not report["partial"]:
                    raise Found(f"an honest holder's file was left out: {report.to_json()}")
        _check_events(coordinator)
        tasks.cancel_scope.cancel()


async def strangers(stage: Stage, network: Network, chance: Random) -> None:
    """Anything before WELCOME, from both sides."""
    kinds: Kinds = (messages.Hello, messages.Auth, messages.Challenge, messages.Welcome)
    async with new_coordinator(roots=[str(stage.log.parent)]) as coordinator:
        for _ in range(4):
            stream, _ = await network.dial(None, None)
            peer = Peer(stream, stage.facts())
            peer.facts.known |= {"protocol": [messages.PROTOCOL_VERSION], "role": ["worker"]}
            peer.facts.known |= {"nonce": ["1" * 64, "2" * 64], "proof": [""]}
            await peer.rave((messages.Hello,), chance, 1)
            await peer.rave(kinds, chance, chance.randint(0, 2))
            await trio.aclose_forcefully(stream)
        await trio.sleep(30)
        _check_events(coordinator)
        if coordinator.sessions:
            raise Found("an unauthenticated peer was let in for good")


async def submitted(stage: Stage, network: Network, chance: Random) -> None:
    """Every SUBMIT that arrives is answered, whatever it says."""
    async with (
        new_coordinator(roots=[str(stage.log.parent)], worker_timeout_s=20) as coordinator,
        trio.open_nursery() as tasks,
    ):
        tasks.start_soon(stage.worker().run)
        await coordinator.wait_for_workers(1)
        for _ in range(3):
            stream, _ = await network.dial(None, None)
            peer = Peer(stream, stage.facts())
            await peer.join("client", "eve")
            data = hostile((messages.Submit,), peer.facts, chance, 0.7)
            await stream.send_all(data)
            with trio.move_on_after(300):
                while not peer.heard.keys() & {"ERROR", "REPORT"}:
                    if await peer.hear() is None:
                        break
            if not peer.heard.keys() & {"ERROR", "REPORT"}:
                raise Found(f"no answer but {dict(peer.heard)} to {data!r}")
            await trio.aclose_forcefully(stream)
        _check_events(coordinator)
        tasks.cancel_scope.cancel()


async def worker_led_astray(stage: Stage, network: Network, chance: Random) -> None:
    """A rogue coordinator says anything to a worker, which then works for the next one."""
    worker = stage.worker()
    facts = stage.facts()
    async with trio.open_nursery() as tasks:

        async def work() -> None:
            await worker.run()
            tasks.cancel_scope.cancel()  # it was told to leave

        tasks.start_soon(work)
        for _ in range(chance.randint(1, 2)):
            peer = await Peer.lead(network, facts)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.hear_all)
                if chance.random() < 0.7:
                    facts.known["job"] = ["j"]
                    facts.known["chunk"] = [0, 1, 2]
                    facts.known["source"] = [0]
                    with suppress(trio.BrokenResourceError):
                        await peer.stream.send_all(_honest_job(stage, chance))
                kinds = tuple(set(TO_WORKER) - {messages.Drain}) if chance.random() < 0.8 else ()
                kinds = tuple(sorted(kinds, key=lambda kind: kind.VERB)) or TO_WORKER
                await peer.rave(kinds, chance, chance.randint(1, 12))
                await trio.sleep(chance.choice([0, 1, 30]))
                session = worker._session
                if session is not None and session.known_jobs > JOBS_MAX:
                    raise Found(f"a worker keeps {session.known_jobs} jobs")
                await trio.aclose_forcefully(peer.stream)
                nursery.cancel_scope.cancel()
        with trio.fail_after(60):
            peer = await Peer.lead(network, facts)
            while not peer.heard.keys() >= {"READY", "HEALTH"}:
                await peer.hear()
        tasks.cancel_scope.cancel()


def _honest_job(stage: Stage, chance: Random) -> bytes:
    """JOB and a LEASE of it, for what follows to relate to."""
    job = logan.planning.prepare.prepare([str(stage.log)], Options(chunk_size=CHUNK))
    source = job.plan.sources[0]
    body = {
        "spec": job.plan.spec_json,
        "chunk_size": CHUNK,
        "expansion_max": 0,
        "sources": [
            {
                "url": source.url,
                "size": source.size,
                "fingerprint": source.fingerprint,
                "local": chance.random() < 0.5,
                "compression": None,
                "etag": None,
            }
        ],
    }
    lease = messages.Lease("j", 0, 1, 0, 0, CHUNK)
    return line("JOB", {"job": "j"}, json.dumps(body).encode()) + encode(lease)


async def client_led_astray(stage: Stage, network: Network, chance: Random) -> None:
    """A rogue coordinator says anything to a client, which ends with an answer or an error."""
    asks = chance.random() < 0.3
    said: list[Any] = []

    def progress(done: int, total: int, body: ProgressBody) -> None:
        said.append((done / max(total, 1), [each.state for each in body.workers]))

    async def talk() -> None:
        facts = stage.facts()
        while True:
            peer = await Peer.lead(network, facts)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(peer.hear_all)
                if not asks and chance.random() < 0.8:
                    await peer.stream.send_all(encode(messages.Accepted("j")))
                    facts.known["job"] = ["j", "j", ""]
                await peer.rave(TO_CLIENT, chance, chance.randint(1, 8))
                await trio.aclose_forcefully(peer.stream)
                nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk)
        client = new_client("memory:8000")
        with trio.move_on_after(600) as patience, suppress(LoganError):
            if asks:
                status = await client.status()
                json.dumps(status.to_dict())
            else:
                body = await client.submit(Submission("paths", ["a.log"]), progress)
                Report.from_json(body)
        if patience.cancelled_caught and asks:
            raise Found("status never ended")
        nursery.cancel_scope.cancel()


ROUNDS: dict[str, Callable[[Stage, Network, Random], Awaitable[None]]] = {
    "hostile workers": partial(beside, role="worker"),
    "hostile clients": partial(beside, role="client"),
    "hostile submissions": submitted,
    "hostile notes of archives": archive,
    "hostile holders of files": holders,
    "strangers": strangers,
    "rogue coordinator, worker": worker_led_astray,
    "rogue coordinator, client": client_led_astray,
}


# --- Playing -----------------------------------------------------------------------------------


async def scan_without_child(source: Source, chunk: Chunk, *_: Any, **__: Any) -> Any:
    """Stands for the child process of an isolated scan."""
    await trio.sleep(1)
    raise Poison(chunk.start, chunk.end)


def scan_files(source: Source, *rest: Any, **options: Any) -> Any:
    """`scan_chunk`, but for what lies on servers: nothing here goes through a network."""
    if source.fingerprint is None and options.get("path") is None:
        raise InputError("no network here", input=source.url)
    return scan_chunk(source, *rest, **options)


@contextmanager
def in_memory() -> Iterator[Network]:
    """Sockets, threads and child processes replaced."""
    network = memory_cluster.network = Network()
    with patch.object(trio.to_thread, "run_sync", inline):
        yield network


def play(seed: int, stage: Stage) -> str:
    """One round; its kind. Raises what must not come out of it."""
    chance = Random(seed)
    name = chance.choice(list(ROUNDS))

    async def main() -> None:
        with in_memory() as network, trio.fail_after(50_000):  # of the mock clock
            await ROUNDS[name](stage, network, chance)

    trio.run(main, clock=MockClock(autojump_threshold=0))
    return name


def main() -> int:
    return command(
        "Hostile messages against coordinator, worker and client.",
        lambda seconds: play_for(seconds, Stage, play),
    )


if __name__ == "__main__":
    sys.exit(main())
