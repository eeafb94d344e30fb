"""The native extension through its private interface: errors, pickles, merging, canceling.

What the figures are is tested in Rust and in tests/vectors; here it is enough that they are the
same however the bytes get in.
"""

from __future__ import annotations

import copy
import errno
import itertools
import json
import os
import pickle
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logan import _logan
from logan._logan import Cancel, Feed, Fingerprint, MergeTree, Spec, Summary
from logan.errors import CancelledError, MergeError, SourceChangedError, SummaryError
from tests.support.permissions import held_to_permissions

READING = {"formats": [], "input_tz": "UTC", "anchor_ns": 1_706_091_332_000_000_000}
IMPOSSIBLE = {"length": 100, "heads": [1], "tail": 2}
SPEC: dict[str, Any] = {
    "version": 2,
    "top": 10,
    "sources": [{"reading": READING}, {"reading": READING}],
}


def make_spec(**changes: Any) -> Spec:
    return Spec(json.dumps(SPEC | changes))


def planned(data: bytes) -> Spec:
    """A spec that knows the content of its first source, as that of a file does."""
    identity = {"content": json.loads(_logan.content(data, data, len(data)))}
    return make_spec(sources=[{"reading": READING, "identity": identity}, {"reading": READING}])


def make_text(lines: int) -> bytes:
    """Lines of several formats and classes, the last one without its end."""
    made = []
    for i in range(lines):
        clock = f"{i // 3600 % 24:02}:{i // 60 % 60:02}:{i % 60:02}"
        made.append(
            (
                f"2024-01-24 {clock}.123 INFO Request processed in {i % 300}ms",
                f'{{"ts":"2024-01-24T{clock}Z","level":"error","msg":"no {i}","status":500}}',
                f"10.0.0.{i % 9} - - [24/Jan/2024:{clock} +0000] "
                f'"GET /api/{i % 5} HTTP/1.1" 200 {i}',
                f"nonsense {i}",
                "",
                "\tat somewhere.Else",
            )[i * 7 % 11 % 6]
        )
    return "\r\n".join(made).encode()


TEXT = make_text(402)


@pytest.fixture
def spec() -> Spec:
    return make_spec()


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "a.log"
    path.write_bytes(TEXT)
    return str(path)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A log whose scan takes long beside a signal: sparse, so it costs no disk."""
    path = tmp_path_factory.mktemp("large") / "large.log"
    with path.open("wb") as file:
        file.write(TEXT)
        file.truncate(16 << 30)
    yield str(path)
    path.unlink()


def chunks_of(size: int, chunk_size: int, source: int = 0) -> list[tuple[int, int, int]]:
    return [(source, start, min(start + chunk_size, size)) for start in range(0, size, chunk_size)]


def scan_all(path: str, spec: Spec, *, threads: int = 1, chunk_size: int = 1 << 20) -> Summary:
    fingerprint = Fingerprint.of(path)
    outcome = _logan.scan(
        [(path, fingerprint)], chunks_of(fingerprint.size, chunk_size), spec, threads=threads
    )
    assert outcome.failures == []
    return outcome.summary


class TestErrors:
    def test_a_missing_file_is_named(self, spec: Spec, tmp_path: Path) -> None:
        path = str(tmp_path / "no\udcff such.log")
        for read in (
            lambda: Fingerprint.of(path),
            lambda: Summary.from_chunk(path, 0, 1, spec),
        ):
            with pytest.raises(FileNotFoundError) as caught:
                read()
            error = caught.value
            assert error.errno == errno.ENOENT
            assert error.filename == path
            assert error.strerror == os.strerror(errno.ENOENT)
            assert "check the path" in error.__notes__[0]

    def test_a_folder_and_a_pipe_are_no_logs(self, tmp_path: Path) -> None:
        with pytest.raises(IsADirectoryError) as caught:
            Fingerprint.of(str(tmp_path))
        assert caught.value.filename == str(tmp_path)
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with pytest.raises(OSError, match="named pipe") as other:
            Fingerprint.of(str(pipe))
        assert other.value.errno == errno.EINVAL

    def test_no_permission(self, log: str) -> None:
        Path(log).chmod(0)
        program = (
            "import sys\nfrom logan._logan import Fingerprint\n"
            "try: Fingerprint.of(sys.argv[1])\n"
            "except PermissionError as error: print(error.filename)"
        )
        command = [*held_to_permissions(), sys.executable, "-c", program, log]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout == f"{log}\n"

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"top": 0}, "top"),
            ({"version": 9}, "version"),
            ({"sources": [{"reading": READING | {"input_tz": "Mars/Olympus"}}]}, "Mars/Olympus"),
            ({"sources": [{"reading": READING | {"formats": [{"name": "nope"}]}}]}, "nope"),
            ({"meaning": {"since": 1}}, "since"),
            ({"sources": [{"reading": READING, "identity": {"content": IMPOSSIBLE}}]}, "hashes"),
            ({"tap": 1}, "tap"),
        ],
    )
    def test_a_bad_spec_names_the_key(self, changes: dict[str, Any], named: str) -> None:
        with pytest.raises(ValueError, match=named):
            make_spec(**changes)

    def test_bad_arguments(self, spec: Spec, log: str) -> None:
        with pytest.raises(ValueError, match="source 2"):
            Summary.from_chunk(log, 0, 1, spec, source=2)
        with pytest.raises(ValueError, match="before its start"):
            Summary.from_chunk(log, 2, 1, spec)
        with pytest.raises(ValueError, match="chunk size"):
            Feed(spec, chunk_size=0)
        with pytest.raises(ValueError, match="not a fingerprint"):
            Fingerprint.from_json("{}")
        with pytest.raises(ValueError, match="progress_interval_s"):
            _logan.scan([], [], spec, threads=1, progress_interval_s=-1)
        with pytest.raises(ValueError, match="a tree accepts"):
            MergeTree(spec).insert(1 << 40, Summary.empty(spec))
        with pytest.raises(ValueError, match="a chunk names source 1"):
            _logan.scan([(log, Fingerprint.of(log))], [(1, 0, 1)], spec, threads=1)

    def test_a_file_that_changed(self, spec: Spec, log: str) -> None:
        fingerprint = Fingerprint.of(log)
        assert fingerprint.check(log) is None
        Path(log).write_bytes(b"x" * len(TEXT))
        assert "rewritten" in (fingerprint.check(log) or "")
        with pytest.raises(SourceChangedError, match="rewritten") as caught:
            Summary.from_chunk(log, 0, 10, spec, fingerprint=fingerprint)
        assert caught.value.input == log
        assert log in str(caught.value)
        os.truncate(log, 5)
        with pytest.raises(SourceChangedError, match="truncated"):
            Summary.from_chunk(log, 0, 10, spec, fingerprint=fingerprint)
        with pytest.raises(SourceChangedError):
            Fingerprint.of(log, 10)

    def test_bytes_that_are_no_summary(self, spec: Spec, log: str) -> None:
        good = Summary.from_chunk(log, 0, 1000, spec).to_bytes()
        chance = random.Random(1)
        bad = [b"", b"LOGANSUM", b"x" * 100, good[:-1], good + b"\0"]
        for _ in range(300):
            place = chance.randrange(len(good))
            changed = bytearray(good)
            changed[place] ^= 1 << chance.randrange(8)
            bad.append(bytes(changed))
        for data in bad:
            with pytest.raises(SummaryError, match="summary"):
                Summary.from_bytes(data)


class TestValues:
    def test_pickles_and_copies_are_equal(self, spec: Spec, log: str) -> None:
        values = [spec, Fingerprint.of(log), Summary.from_chunk(log, 0, 1000, spec)]
        for value in values:
            for twin in (
                *(pickle.loads(pickle.dumps(value, protocol)) for protocol in range(2, 6)),
                copy.deepcopy(value),
            ):
                assert twin == value
                assert hash(twin) == hash(value)
                assert type(twin) is type(value)
            assert value != 1
        assert make_spec(top=11) != spec
        assert Summary.from_chunk(log, 0, 999, spec) != values[2]

    def test_classes_say_where_they_are(self) -> None:
        for name in ("Spec", "Fingerprint", "Summary", "MergeTree", "Cancel", "Outcome", "Feed"):
            kind = getattr(_logan, name)
            assert (kind.__module__, kind.__qualname__) == ("logan._logan", name)
        for value in (Cancel(), make_spec(), Feed(make_spec())):
            with pytest.raises(AttributeError):
                value.attribute = 1  # type: ignore[union-attr]

    def test_repr_is_short(self, spec: Spec, log: str) -> None:
        assert repr(Summary.from_chunk(log, 0, len(TEXT), spec)) == (
            f"Summary(lines=402, bytes={len(TEXT)}, sources=1)"
        )
        for value in (spec, Fingerprint.of(log), Cancel()):
            assert repr(value).startswith(type(value).__name__ + "(")
            assert len(repr(value)) < 80

    def test_a_spec_is_its_canonical_json(self, spec: Spec) -> None:
        assert Spec(spec.to_json()) == spec
        assert len({spec, Spec(spec.to_json()), make_spec(top=11)}) == 2
        assert len(spec.digest) == 32
        assert spec.digest != make_spec(top=11).digest

    def test_a_fingerprint_of_a_part(self, log: str) -> None:
        part = Fingerprint.of(log, 100)
        assert part.size == 100
        assert part.mtime_ns == Path(log).stat().st_mtime_ns
        assert Fingerprint.from_json(part.to_json()) == part

    def test_formats_and_detection(self) -> None:
        formats = json.loads(_logan.formats())
        assert {"json", "combined", "app"} <= {each["name"] for each in formats}
        found = json.loads(_logan.detect([(0, TEXT)]))
        assert {each["name"] for each in found["formats"]} >= {"app", "json", "common"}
        assert json.loads(_logan.detect([]))["lines"] == 0

    def test_peak_memory_is_of_this_process(self) -> None:
        assert 1 << 20 < _logan.peak_rss_bytes() < 1 << 40


class TestMerging:
    def test_twice_is_an_error(self, spec: Spec, log: str) -> None:
        one = Summary.from_chunk(log, 0, 100, spec)
        other = Summary.from_chunk(log, 99, 200, spec)
        for overlapping in (one, other):
            with pytest.raises(MergeError, match="source 0 is in both, bytes "):
                one.merge(overlapping)
        with pytest.raises(MergeError, match="one was made with --by route, the other without"):
            one.merge(Summary.empty(make_spec(meaning={"by": ["route"]})))
        assert one.merge(Summary.empty(make_spec(top=11))) == one
        assert one.merge(Summary.empty(spec)) == one == Summary.empty(spec).merge(one)

    def test_another_source_is_other_bytes(self, spec: Spec, log: str) -> None:
        one = Summary.from_chunk(log, 0, 100, spec)
        both = one.merge(Summary.from_chunk(log, 0, 100, spec, source=1))
        assert (both.covered_bytes(0), both.covered_bytes(1)) == (100, 100)

    @settings(max_examples=40)
    @given(cuts=st.lists(st.integers(0, len(TEXT)), max_size=12), chance=st.randoms())
    def test_any_split_gives_the_bytes_of_the_whole(
        self, tmp_path_factory: pytest.TempPathFactory, cuts: list[int], chance: random.Random
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "split.log"
        if not path.exists():
            path.write_bytes(TEXT)
        spec = make_spec()
        whole = Summary.from_chunk(str(path), 0, len(TEXT), spec)
        edges = [0, *sorted(cuts), len(TEXT)]
        parts = [
            Summary.from_chunk(str(path), start, end, spec)
            for start, end in itertools.pairwise(edges)
        ]
        chance.shuffle(parts)
        merged = Summary.empty(spec)
        for part in parts:
            merged = merged.merge(Summary.from_bytes(part.to_bytes()))
        assert merged.to_bytes() == whole.to_bytes()

    def test_the_tree_takes_chunks_in_any_order(self, spec: Spec, log: str) -> None:
        chunks = [
            Summary.from_chunk(log, start, end, spec)
            for _, start, end in chunks_of(len(TEXT), 1000)
        ]
        whole = scan_all(log, spec, chunk_size=1000).to_bytes()
        for seed in range(5):
            order = list(range(len(chunks)))
            random.Random(seed).shuffle(order)
            tree = MergeTree(spec)
            for chunk in order:
                tree.insert(chunk, chunks[chunk])
            assert tree.finish().to_bytes() == whole
            with pytest.raises(ValueError, match="finished"):
                tree.finish()
        assert MergeTree(spec).finish() == Summary.empty(spec)
        tree = MergeTree(spec)
        tree.insert(3, chunks[3])
        with pytest.raises(SummaryError, match="merged twice"):
            tree.insert(3, chunks[3])


class TestScan:
    def test_threads_do_not_show(self, spec: Spec, log: str) -> None:
        one, two, many = (scan_all(log, spec, threads=n, chunk_size=777) for n in (1, 2, 50))
        assert one.to_bytes() == two.to_bytes() == many.to_bytes()
        assert one == Summary.from_chunk(log, 0, len(TEXT), spec)

    def test_a_file_that_cannot_be_read_fails_alone(
        self, spec: Spec, log: str, tmp_path: Path
    ) -> None:
        gone = tmp_path / "gone.log"
        gone.write_bytes(TEXT)
        sources = [(str(gone), Fingerprint.of(str(gone))), (log, Fingerprint.of(log))]
        gone.unlink()
        chunks = chunks_of(len(TEXT), 10_000) + chunks_of(len(TEXT), 10_000, source=1)
        outcome = _logan.scan(sources, chunks, spec, threads=2)
        assert outcome.summary == Summary.from_chunk(log, 0, len(TEXT), spec, source=1)
        assert [failure[:4] for failure in outcome.failures] == [
            (*chunk, "unreadable") for chunk in chunks if chunk[0] == 0
        ]
        assert all(str(gone) in failure[4] for failure in outcome.failures)
        assert not outcome.cancelled
        assert repr(outcome).startswith("Outcome(Summary(")

    def test_a_file_that_changed_is_a_failure(self, spec: Spec, log: str) -> None:
        sources = [(log, Fingerprint.of(log))]
        Path(log).write_bytes(b"x" * len(TEXT))
        outcome = _logan.scan(sources, [(0, 0, len(TEXT))], spec, threads=1)
        assert outcome.failures[0][:4] == (0, 0, len(TEXT), "changed")
        assert outcome.summary == Summary.empty(spec)

    def test_more_files_than_descriptors(self, tmp_path: Path) -> None:
        import resource

        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        count = 200
        sources = []
        for i in range(count):
            path = tmp_path / f"{i}.log"
            path.write_bytes(TEXT[:100])
            sources.append((str(path), Fingerprint.of(str(path))))
        spec = make_spec(sources=[{"reading": READING}] * count)
        used = len(os.listdir("/proc/self/fd"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 90, limit[1]))
        try:
            outcome = _logan.scan(sources, [(i, 0, 100) for i in range(count)], spec, threads=2)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limit)
        assert outcome.failures == []
        assert sum(outcome.summary.covered_bytes(i) for i in range(count)) == 100 * count

    def test_progress_is_told_on_this_thread(self, spec: Spec, large: str) -> None:
        told: list[tuple[int, int]] = []
        threads = set()

        def progress(done: int, total: int) -> None:
            told.append((done, total))
            threads.add(threading.get_ident())

        size = 256 << 20
        outcome = _logan.scan(
            [(large, Fingerprint.of(large, size))],
            chunks_of(size, 32 << 20),
            spec,
            threads=2,
            progress=progress,
            progress_interval_s=0.001,
        )
        assert outcome.failures == []
        assert threads == {threading.get_ident()}
        assert told == sorted(told)
        assert told[-1] == (size, size)

    def test_nothing_to_scan(self, spec: Spec) -> None:
        assert _logan.scan([], [], spec, threads=4).summary == Summary.empty(spec)


class TestStopping:
    """Each scans far more than could be scanned before it is stopped."""

    def test_cancelled_before(self, spec: Spec, log: str) -> None:
        cancel = Cancel()
        assert not cancel.is_set()
        cancel.set()
        assert cancel.is_set()
        with pytest.raises(CancelledError):
            Summary.from_chunk(log, 0, 10, spec, cancel=cancel)
        outcome = _logan.scan(
            [(log, Fingerprint.of(log))], [(0, 0, 10)], spec, threads=1, cancel=cancel
        )
        assert outcome.cancelled
        assert outcome.failures[0][3] == "cancelled"
        assert outcome.summary == Summary.empty(spec)

    def test_cancelled_by_another_thread(self, spec: Spec, large: str) -> None:
        cancel = Cancel()
        timer = threading.Timer(0.05, cancel.set)
        timer.start()
        with pytest.raises(CancelledError):
            Summary.from_chunk(large, 0, 16 << 30, spec, cancel=cancel)
        timer.join()

    @pytest.mark.parametrize("how", ["scan", "from_chunk", "push_fd"])
    def test_a_signal_handler_may_raise(self, spec: Spec, large: str, how: str) -> None:
        class Stop(Exception):
            pass

        def handler(signum: int, frame: FrameType | None) -> None:
            raise Stop

        fingerprint = Fingerprint.of(large)
        cancel = Cancel()
        reader, writer = os.pipe()
        calls: dict[str, Callable[[], object]] = {
            "scan": lambda: _logan.scan(
                [(large, fingerprint)],
                chunks_of(fingerprint.size, 32 << 20),
                spec,
                threads=2,
                cancel=cancel,
            ),
            "from_chunk": lambda: Summary.from_chunk(
                large, 0, fingerprint.size, spec, cancel=cancel
            ),
            "push_fd": lambda: Feed(spec).push_fd(reader, cancel=cancel),
        }
        before = signal.signal(signal.SIGALRM, handler)
        threads = threading.active_count()
        start = time.monotonic()
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            with pytest.raises(Stop):
                calls[how]()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            os.close(reader)
            os.close(writer)
        assert time.monotonic() - start < 2
        assert cancel.is_set()
        # Threads of other tests may end meanwhile.
        assert threading.active_count() <= threads

    def test_an_error_of_the_progress_callback_stops_the_scan(self, spec: Spec, large: str) -> None:
        def progress(done: int, total: int) -> None:
            raise LookupError(done)

        fingerprint = Fingerprint.of(large)
        with pytest.raises(LookupError):
            _logan.scan(
                [(large, fingerprint)],
                chunks_of(fingerprint.size, 32 << 20),
                spec,
                threads=2,
                progress=progress,
                progress_interval_s=0.01,
            )

    def test_the_interpreter_runs_on_meanwhile(self, spec: Spec, large: str) -> None:
        cancel = Cancel()

        def work() -> None:
            with pytest.raises(CancelledError):
                Summary.from_chunk(large, 0, 16 << 30, spec, cancel=cancel)

        thread = threading.Thread(target=work)
        thread.start()
        start = time.monotonic()
        ticks = sum(1 for _ in iter(lambda: time.monotonic() - start < 0.1, False))
        cancel.set()
        thread.join()
        assert ticks > 1000


class TestFeed:
    def test_malformed_lines_are_those_of_the_report(self, spec: Spec) -> None:
        feed = Feed(spec)
        counts = []
        for line in make_text(300).splitlines(keepends=True):
            feed.push(line)
            seen = feed.snapshot()
            counts.append(seen.malformed_lines)
            if len(counts) % 50 == 0:
                assert seen.malformed_lines == json.loads(seen.evaluate())["lines"]["malformed"]
        assert counts == sorted(counts)
        assert 0 < counts[-1] < 300

    @settings(max_examples=40)
    @given(
        cuts=st.lists(st.integers(0, len(TEXT)), max_size=20),
        chunk_size=st.sampled_from([137, 1000, 1 << 24]),
        snapshots=st.booleans(),
    )
    def test_any_pushes_give_the_bytes_of_the_file(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        cuts: list[int],
        chunk_size: int,
        snapshots: bool,
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "feed.log"
        if not path.exists():
            path.write_bytes(TEXT)
        spec = planned(TEXT)
        feed = Feed(spec, chunk_size=chunk_size)
        edges = [0, *sorted(cuts), len(TEXT)]
        for start, end in itertools.pairwise(edges):
            feed.push(TEXT[start:end])
            assert feed.bytes == end
            if snapshots:
                lines = TEXT[:end].rfind(b"\n") + 1
                assert feed.snapshot().covered_bytes(0) == lines
        whole = scan_all(str(path), spec, chunk_size=chunk_size)
        assert feed.finish().to_bytes() == whole.to_bytes()

    def test_a_snapshot_is_the_figures_of_the_whole_lines(self, tmp_path: Path) -> None:
        lines = TEXT[: TEXT[:5000].rfind(b"\n") + 1]
        spec = planned(lines)
        feed = Feed(spec)
        feed.push(TEXT[:5000])
        path = tmp_path / "part.log"
        path.write_bytes(lines)
        assert feed.snapshot() == Summary.from_chunk(str(path), 0, len(lines), spec)

    def test_a_finished_feed_is_of_no_more_use(self, spec: Spec) -> None:
        feed = Feed(spec)
        assert feed.finish() == Summary.empty(spec)
        for use in (feed.finish, feed.snapshot, lambda: feed.push(b"x"), lambda: feed.bytes):
            with pytest.raises(ValueError, match="finished"):
                use()

    @pytest.mark.parametrize("kind", ["pipe", "socket", "file", "nonblocking"])
    def test_a_descriptor_gives_the_bytes_of_the_file(self, log: str, kind: str) -> None:
        text = TEXT * 40
        spec = planned(text)
        feed = Feed(spec, chunk_size=10_000)
        if kind == "file":
            Path(log).write_bytes(text)
            fd = os.open(log, os.O_RDONLY)
        else:
            if kind == "socket":
                ours, theirs = socket.socketpair()
                fd, write_to = ours.detach(), theirs.detach()
            else:
                fd, write_to = os.pipe()
                os.set_blocking(fd, kind != "nonblocking")

            def write() -> None:
                with os.fdopen(write_to, "wb", buffering=0) as file:
                    for start in range(0, len(text), 50_000):
                        rest = text[start : start + 50_000]
                        while rest:
                            rest = rest[file.write(rest) :]

            writer = threading.Thread(target=write)
            writer.start()
        told: list[tuple[int, int]] = []
        assert feed.push_fd(fd, progress=lambda *figures: told.append(figures)) == len(text)
        os.close(fd)
        assert told[-1] == (len(text), 0)
        Path(log).write_bytes(text)
        assert feed.finish() == scan_all(log, spec, chunk_size=10_000)

    def test_a_snapshot_while_a_descriptor_is_read(self, spec: Spec) -> None:
        reader, writer = os.pipe()
        feed = Feed(spec)
        seen: list[int] = []

        def progress(done: int, total: int) -> None:
            seen.append(feed.snapshot().covered_bytes(0))
            if len(seen) == 2:
                os.close(writer)

        os.write(writer, TEXT[:5000])
        feed.push_fd(reader, progress=progress)
        os.close(reader)
        assert set(seen) == {TEXT[:5000].rfind(b"\n") + 1}

    def test_a_cancelled_read_keeps_what_was_read(self, spec: Spec) -> None:
        reader, writer = os.pipe()
        cancel = Cancel()
        feed = Feed(spec)

        def progress(done: int, total: int) -> None:
            cancel.set()

        os.write(writer, TEXT[:5000])
        with pytest.raises(CancelledError):
            feed.push_fd(reader, cancel=cancel, progress=progress)
        os.close(writer)
        os.close(reader)
        assert feed.bytes == 5000
        assert feed.snapshot().covered_bytes(0) > 4000

    @pytest.mark.parametrize("how", ["cancel", "raise", "finish"])
    def test_stopping_while_the_writer_is_faster(self, spec: Spec, how: str) -> None:
        """All buffers are full then: no thread may wait for one."""
        feed = Feed(spec)
        cancel = Cancel()

        def progress(done: int, total: int) -> None:
            if done > 1 << 20:
                match how:
                    case "cancel":
                        cancel.set()
                    case "raise":
                        raise LookupError
                    case _:
                        feed.finish()

        expected = {"cancel": CancelledError, "raise": LookupError, "finish": ValueError}[how]
        line = "2024-01-24 10:15:32.123 ERROR Request failed after 127ms"
        with subprocess.Popen(["yes", line], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            with pytest.raises(expected):
                feed.push_fd(writer.stdout.fileno(), cancel=cancel, progress=progress)
            writer.terminate()

    def test_a_bad_descriptor(self, spec: Spec, tmp_path: Path) -> None:
        fd = os.open(tmp_path, os.O_RDONLY)
        with pytest.raises(IsADirectoryError):
            Feed(spec).push_fd(fd)
        os.close(fd)
        with pytest.raises(OSError, match=os.strerror(errno.EBADF)):
            Feed(spec).push_fd(fd)


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_fork_after_a_scan_still_works(spec: Spec, log: str) -> None:
    expected = scan_all(log, spec, threads=2, chunk_size=1000).to_bytes()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            same = scan_all(log, spec, threads=2, chunk_size=1000).to_bytes() == expected
            os.write(writer, b"same" if same else b"other")
            status = 0
        finally:
            os._exit(status)
    os.close(writer)
    try:
        assert os.read(reader, 100) == b"same"
    finally:
        os.close(reader)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
