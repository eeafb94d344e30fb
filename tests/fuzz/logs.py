"""Damaged and mixed logs through every way to the figures: all must give the same bytes.

    python -m tests.fuzz.logs --seconds 3600            # a new seed, printed
    python -m tests.fuzz.logs --seed 4711 --case 12     # one case again, cut down if it fails

A case is a log made of the samples of all formats (spliced, interleaved, with bytes changed), a
plan with chunks of 256 B to 64 KiB, and the order in which its bytes are pushed. It goes through
the local engine with one to four threads, the scans of a cluster's worker, the blocks of the Dask
engine, a feed, the feeds of an object's chunks, and an archive. Each must give the summary that the
log has in one chunk, byte for byte, and none may report missing bytes: nothing in a log is beyond
what the engine can count.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, Final, cast
from unittest import mock

from logan import _logan
from logan._logan import Cancel, MergeTree, Spec, Summary
from logan.engines import dask, local
from logan.model import Chunk, Plan, Source
from logan.options import Execution, Options
from logan.planning.prepare import prepare
from logan.scan import scan_chunk

__all__ = ["Case", "Difference", "check", "hunt", "make", "shrink"]

VECTORS: Final = Path(__file__).resolve().parents[2] / "test_vectors"

SAMPLE_BYTES_MAX: Final = 24_000
"""Of a test vector: enough for every kind of line in it."""

LOG_BYTES_MAX: Final = 200_000

WHOLE: Final = 1 << 26
"""A chunk size beyond every log here."""

MUTATIONS_MAX: Final = 12

ODD_LINES: Final = (
    b"",
    b" ",
    b"\tat com.foo.Bar.baz(Bar.java:12)",
    b"#Fields: date time cs-method cs-uri-stem sc-status time-taken",
    b"#Fields: time-taken date time c-ip sc-status",
    b"2024-01-24T10:15:32.1Z stdout P half a line ",
    b"\x00\x00\x00",
    b"\xff\xfe\x80",
    b"{",
    b"# Query_time: 1.25",
    b"2024-01-24 10:15:32 ERROR",
)


class Difference(Exception):
    """Two ways to the figures of one case do not agree, or one of them failed."""


@dataclass(frozen=True, slots=True)
class Case:
    """One log and how it is read.

    Attributes:
        lines: with their line ends.
        pushes: lengths of the pieces in which bytes are pushed, over and over.
    """

    lines: tuple[bytes, ...] = field(repr=False)
    chunk_size: int
    threads: int
    pushes: tuple[int, ...]
    blocks_max: int
    where: str | None = None
    by: tuple[str, ...] = ()

    @property
    def log(self) -> bytes:
        return b"".join(self.lines)


@cache
def samples() -> tuple[tuple[bytes, ...], ...]:
    """The lines of each test vector, with their line ends."""
    paths = [*sorted(VECTORS.glob("formats/*/sample.log")), *sorted(VECTORS.glob("logs/*.log"))]
    heads = (path.read_bytes()[:SAMPLE_BYTES_MAX] for path in paths)
    return tuple(tuple(head.splitlines(keepends=True)) for head in heads if head)


def make(seed: int, number: int) -> Case:
    """Case `number` of a seed."""
    random = Random(f"{seed}:{number}")
    sources = random.sample(samples(), random.choice((1, 1, 2, 2, 2, 3, 4)))
    lines = random.choice((_spliced, _interleaved, _shuffled))(random, sources)
    for _ in range(random.randrange(MUTATIONS_MAX)):
        random.choice(MUTATIONS)(random, lines)
    if random.random() < 0.5 and lines:
        size = sum(map(len, lines)) or 1
        lines *= random.randint(1, max(1, random.choice((4_000, 40_000, LOG_BYTES_MAX)) // size))
    where = random.choice((None, None, None, "status >= 400", "level = ERROR or duration > 5ms"))
    by = random.choice(((), (), (), ("format",), ("route", "level"), ("client", "path")))
    return Case(
        lines=tuple(b"".join(lines)[:LOG_BYTES_MAX].splitlines(keepends=True)),
        chunk_size=round(2 ** random.uniform(8, 16)),
        threads=random.randint(1, 4),
        pushes=tuple(round(2 ** random.uniform(0, 16)) for _ in range(random.randint(1, 4))),
        blocks_max=random.choice((1, 2, 3, 16)),
        where=where,
        by=by,
    )


# ---------------------------------------------------------------------------------- making a log


def _spliced(random: Random, sources: Sequence[Sequence[bytes]]) -> list[bytes]:
    """A stretch of each, one after the other."""
    lines: list[bytes] = []
    for source in sources:
        first = random.randrange(len(source))
        lines += source[first : first + random.randint(1, 60)]
    return lines


def _interleaved(random: Random, sources: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Their lines in turn, each in its own order, in runs of random lengths."""
    places = [random.randrange(len(source)) for source in sources]
    run_max = random.choice((1, 2, 20))
    lines: list[bytes] = []
    for _ in range(random.randint(1, 80)):
        which = random.randrange(len(sources))
        for _ in range(random.randint(1, run_max)):
            lines.append(sources[which][places[which] % len(sources[which])])
            places[which] += 1
    return lines


def _shuffled(random: Random, sources: Sequence[Sequence[bytes]]) -> list[bytes]:
    pool = [line for source in sources for line in source]
    return random.choices(pool, k=random.randint(1, 150))


def _flip(random: Random, lines: list[bytes]) -> None:
    at = random.randrange(len(lines))
    line = bytearray(lines[at])
    if line:
        for _ in range(random.randint(1, 4)):
            line[random.randrange(len(line))] = random.choice((random.randrange(256), 0x0A, 0x20))
        lines[at] = bytes(line)


def _cut(random: Random, lines: list[bytes]) -> None:
    """Take bytes out of a line, perhaps its end."""
    at = random.randrange(len(lines))
    line = lines[at]
    start = random.randint(0, len(line))
    lines[at] = line[:start] + line[random.randint(start, len(line)) :]


def _double(random: Random, lines: list[bytes]) -> None:
    """Repeat a part of a line, up to several thousand times."""
    at = random.randrange(len(lines))
    line = lines[at]
    start = random.randint(0, len(line))
    end = random.randint(start, min(len(line), start + 40))
    lines[at] = line[:end] + line[start:end] * random.choice((1, 2, 30, 2_000)) + line[end:]


def _cross(random: Random, lines: list[bytes]) -> None:
    """Go on in another line."""
    at, other = random.randrange(len(lines)), random.choice(lines)
    line = lines[at]
    lines[at] = line[: random.randint(0, len(line))] + other[random.randint(0, len(other)) :]


def _insert(random: Random, lines: list[bytes]) -> None:
    end = random.choice((b"\n", b"\n", b"\r\n", b""))
    lines.insert(random.randint(0, len(lines)), random.choice(ODD_LINES) + end)


def _drop(random: Random, lines: list[bytes]) -> None:
    if len(lines) > 1:
        del lines[random.randrange(len(lines))]


def _move(random: Random, lines: list[bytes]) -> None:
    lines.insert(random.randrange(len(lines)), lines.pop(random.randrange(len(lines))))


def _crlf(random: Random, lines: list[bytes]) -> None:
    start = random.randrange(len(lines))
    for at in range(start, min(len(lines), start + random.randint(1, 40))):
        lines[at] = lines[at].replace(b"\n", b"\r\n")


def _mark(random: Random, lines: list[bytes]) -> None:
    """A byte order mark at the front, or somewhere else."""
    at = random.choice((0, random.randrange(len(lines))))
    lines[at] = b"\xef\xbb\xbf" + lines[at]


MUTATIONS: Final[Sequence[Callable[[Random, list[bytes]], None]]] = (
    _flip,
    _flip,
    _flip,
    _cut,
    _cut,
    _double,
    _cross,
    _cross,
    _insert,
    _insert,
    _drop,
    _move,
    _crlf,
    _mark,
)


# ----------------------------------------------------------------------------------- checking one


def check(case: Case, folder: Path) -> bool:
    """Scan the case every way; whether there was anything to compare.

    Raises:
        Difference: they do not agree.
    """
    path = folder / "case.log"
    path.write_bytes(case.log)
    options = Options(chunk_size=case.chunk_size, where=case.where, by=case.by, seek=False)
    job = prepare([str(path)], options)
    if job.inputs[0].error is not None or not job.plan.chunks:
        return False  # detected as something that is not a log
    if job.plan.sources[0].compression is not None:
        return False  # a byte order mark in front: decoded as UTF-16, which not every way does
    plan, spec = job.plan, job.spec()
    expected = _whole(plan, spec)
    for name, way in WAYS.items():
        try:
            found = way(case, plan, spec)
        except Exception as error:
            raise Difference(f"{name}: {type(error).__name__}: {error}") from error
        if found != expected:
            raise Difference(f"{name} differs from the log in one chunk")
    return True


def _whole(plan: Plan, spec: Spec) -> bytes:
    """The figures of the log as one chunk."""
    source = plan.sources[0]
    assert source.size is not None
    return Summary.from_chunk(source.url, 0, source.size, spec).to_bytes()


def _local(case: Case, plan: Plan, spec: Spec) -> bytes:
    result = local.run(plan, spec, Execution(threads=case.threads))
    _none(result.missing)
    return result.summary.to_bytes()


def _cluster(case: Case, plan: Plan, spec: Spec) -> bytes:
    """As a worker scans leases, and the coordinator merges results, in any order."""
    source = plan.sources[0]
    tree = MergeTree(spec)
    chunks = list(plan.chunks)
    Random(len(case.lines)).shuffle(chunks)
    for chunk in chunks:
        assert source.size is not None
        found = scan_chunk(source, chunk, spec, chunk_size=plan.chunk_size, expansion_max=0)
        tree.insert(chunk.id, Summary.from_bytes(found.summary.to_bytes()))
    return tree.finish().to_bytes()


def _dask(case: Case, plan: Plan, spec: Spec) -> bytes:
    """The tasks of the Dask engine, here instead of on its workers."""
    here = SimpleNamespace(name="here")
    tree = MergeTree(spec)
    with (
        mock.patch.object(dask, "BLOCKS_MAX", case.blocks_max),
        mock.patch("distributed.get_worker", return_value=here),
    ):
        for index, block in enumerate(dask.blocks(plan.chunks)):
            sources = {chunk.source: plan.sources[chunk.source] for chunk in block}
            how = (plan.chunk_size, plan.expansion_max, _logan.__version__)
            summary, missing, *_ = dask.scan_block(block, sources, spec.to_json(), *how)
            _none(missing)
            tree.insert(index, Summary.from_bytes(summary))
    return tree.finish().to_bytes()


def _feed(case: Case, plan: Plan, spec: Spec) -> bytes:
    feed = _logan.Feed(spec, chunk_size=plan.chunk_size)
    for number, piece in enumerate(_pieces(case.log, case.pushes)):
        feed.push(piece)
        if number % 16 == 0:
            feed.snapshot()
    return feed.finish().to_bytes()


def _object(case: Case, plan: Plan, spec: Spec) -> bytes:
    """As the chunks of an object on a server are fetched and scanned."""
    log = case.log

    class Fetcher:
        def pieces(self, start: int, end: int, size: int, cancel: Cancel) -> Iterator[bytes]:
            """From `start` on, beyond `end` for as long as it is asked."""
            return _pieces(log[start:], case.pushes)

    tree = MergeTree(spec)
    for chunk in plan.chunks:
        found = scan_chunk(
            Source("https://example.org/case.log", len(log), etag="1"),
            Chunk(chunk.id, chunk.source, chunk.start, chunk.end),
            spec,
            chunk_size=plan.chunk_size,
            expansion_max=0,
            cancel=Cancel(),
            fetcher=cast(Any, Fetcher()),
        )
        tree.insert(chunk.id, found.summary)
    return tree.finish().to_bytes()


def _archive(case: Case, plan: Plan, spec: Spec) -> bytes:
    """As a compressed file, whose columns were not looked up before the scan."""
    described = json.loads(spec.to_json())
    listed = described["sources"][0]["reading"].get("layouts")
    if listed is not None:
        described["sources"][0]["reading"]["layouts"] = {"fields": [], "changes": []}
    unlisted = Spec(json.dumps(described))
    feed = _logan.ArchiveFeed(unlisted, "gzip", chunk_size=plan.chunk_size, threads=case.threads)
    for piece in _pieces(gzip.compress(case.log, 1, mtime=0), case.pushes):
        feed.push(piece)
    summary, fault, _ = feed.finish()
    if fault is not None:
        raise Difference(f"{fault[0]}: {fault[1]}")
    whole = _whole(plan, spec)
    if listed is None:
        return summary.to_bytes()
    # Of another spec: what they say must be the same.
    same = summary.evaluate() == Summary.from_bytes(whole).evaluate()
    return whole if same else b""


WAYS: Final[dict[str, Callable[[Case, Plan, Spec], bytes]]] = {
    "local": _local,
    "cluster": _cluster,
    "dask": _dask,
    "feed": _feed,
    "object": _object,
    "archive": _archive,
}


def _none(missing: Sequence[object]) -> None:
    if missing:
        raise Difference(f"missing: {missing[0]}")


def _pieces(data: bytes, lengths: Sequence[int]) -> Iterator[bytes]:
    # Small pieces of a large log would only take long.
    least = 1 + len(data) // 2_000
    at = 0
    while at < len(data):
        for length in lengths:
            yield data[at : at + max(length, least)]
            at += max(length, least)


# ---------------------------------------------------------------------------------- checking many


@dataclass(slots=True)
class Hunt:
    """What a hunt went through."""

    cases: int = 0
    compared: int = 0
    bytes: int = 0
    failures: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)


def hunt(seed: int, *, seconds: float, cases_max: int | None = None, failures_max: int = 5) -> Hunt:
    """Check cases of a seed, from the first on, until the time is over."""
    found = Hunt()
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="logan-fuzz-") as folder:
        while time.monotonic() < until and found.cases != cases_max:
            case = make(seed, found.cases)
            try:
                found.compared += check(case, Path(folder))
            except Difference as error:
                found.kinds[str(error)] += 1
                found.failures.append(
                    f"{error}\n  {case}\n"
                    f"  again: python -m tests.fuzz.logs --seed {seed} --case {found.cases}"
                )
                if len(found.failures) >= failures_max:
                    break
            found.cases += 1
            found.bytes += sum(map(len, case.lines))
    return found


def shrink(case: Case, folder: Path) -> Case:
    """The case with as few lines as still fail, found by leaving out ever smaller stretches."""
    step = max(len(case.lines) // 2, 1)
    while True:
        start = 0
        while start < len(case.lines):
            lines = case.lines[:start] + case.lines[start + step :]
            smaller = replace(case, lines=lines)
            if _fails(smaller, folder):
                case = smaller
            else:
                start += step
        if step == 1:
            return case
        step //= 2


def _fails(case: Case, folder: Path) -> bool:
    try:
        check(case, folder)
    except Difference:
        return True
    return False


def _again(seed: int, number: int) -> int:
    case = make(seed, number)
    with tempfile.TemporaryDirectory(prefix="logan-fuzz-") as name:
        folder = Path(name)
        try:
            check(case, folder)
        except Difference:
            traceback.print_exc()
        else:
            print("passes")
            return 0
        smaller = shrink(case, folder)
    kept = Path(tempfile.gettempdir()) / f"logan-fuzz-{seed}-{number}.log"
    kept.write_bytes(smaller.log)
    print(f"{smaller}\n{len(smaller.lines)} of {len(case.lines)} lines are needed: {kept}")
    return 1


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)))
    parser.add_argument("--case", type=int, help="this one alone")
    options = parser.parse_args()
    print(f"LOGAN_FUZZ_SEED={options.seed}", flush=True)
    if options.case is not None:
        return _again(options.seed, options.case)
    found = hunt(options.seed, seconds=options.seconds)
    for failure in found.failures:
        print(failure)
    print(
        f"{found.cases:,} cases ({found.compared:,} compared, {found.bytes / 1e6:,.0f} MB of "
        f"logs), {len(WAYS)} ways each, {len(found.failures)} failed"
    )
    return 1 if found.failures else 0


if __name__ == "__main__":
    sys.exit(main())
