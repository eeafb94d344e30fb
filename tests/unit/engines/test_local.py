"""The local engine: what it hands to the native extension and what it makes of the answers."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from logan import _logan, engines
from logan._logan import Cancel, Spec
from logan.cpus import cpus
from logan.engines import local
from logan.errors import UsageError
from logan.model import Detection, Missing, Plan, Source, join_missing
from logan.options import Execution, Options
from logan.planning.chunks import make_plan
from logan.sources.streams import Stream

LINE = b"2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"


def plan_of(*sources: Source, chunk_size: int = 100) -> tuple[Plan, Spec]:
    options = Options(chunk_size=chunk_size)
    plan = make_plan(sources, [Detection()] * len(sources), options, anchor_ns=0)
    return plan, Spec(plan.spec_json)


def source_of(path: Path) -> Source:
    fingerprint = _logan.Fingerprint.of(str(path))
    return Source(str(path), fingerprint.size, fingerprint.to_json(), fingerprint.mtime_ns)


def pipe_of(data: bytes, head: int = 0, *, end: bool = True) -> Stream:
    read, write = os.pipe()
    os.write(write, data[head:])
    if end:
        os.close(write)
    return Stream(read, data[:head], ended=False, owned=True)


def requests(summary: Any) -> int:
    count: int = json.loads(summary.evaluate())["total_requests"]
    return count


def run(plan: Plan, spec: Spec, **options: Any) -> Any:
    return local.run(plan, spec, Execution(**{"threads": 2, **options}))


def test_files_and_streams_come_into_one_summary(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE * 10)
    plan, spec = plan_of(source_of(path), Source("-", None))
    result = run(plan, spec, streams={1: pipe_of(LINE * 5, head=70)})
    assert requests(result.summary) == 15
    assert result.summary.covered_bytes(0) == len(LINE) * 10
    assert result.summary.covered_bytes(1) == len(LINE) * 5
    assert result.missing == ()
    assert result.threads == 2


def test_a_stream_gives_the_figures_of_a_file_with_the_same_bytes(tmp_path: Path) -> None:
    data = LINE * 10 + LINE[:-1]
    path = tmp_path / "a.log"
    path.write_bytes(data)
    plan, spec = plan_of(source_of(path))
    from_file = run(plan, spec).summary
    from_stream = run(*plan_of(Source("-", None)), streams={0: pipe_of(data, head=30)}).summary
    of_file, of_stream = json.loads(from_file.evaluate()), json.loads(from_stream.evaluate())
    assert [of_file["sources"][0].pop("name"), of_stream["sources"][0].pop("name")] == [
        str(path),
        "-",
    ]
    assert of_stream == of_file


def test_nothing_to_read_gives_an_empty_summary() -> None:
    plan, spec = plan_of()
    assert requests(run(plan, spec).summary) == 0


def test_a_cancelled_file_is_missing_as_one_range(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE * 100)
    plan, spec = plan_of(source_of(path))
    cancel = Cancel()
    cancel.set()
    result = run(plan, spec, cancel=cancel)
    assert requests(result.summary) == 0
    (missing,) = result.missing
    assert (missing.source, missing.start, missing.end) == (0, 0, len(LINE) * 100)
    assert missing.kind == "cancelled"


def test_a_cancelled_stream_counts_its_whole_lines() -> None:
    plan, spec = plan_of(Source("-", None))
    cancel = Cancel()
    cancel.set()
    head = LINE * 3 + LINE[:20]
    result = run(plan, spec, streams={0: pipe_of(head, head=len(head))}, cancel=cancel)
    assert requests(result.summary) == 3
    (missing,) = result.missing
    assert missing == Missing(0, len(LINE) * 3, None, "cancelled", missing.why)
    assert "run it again" in missing.why


def test_a_stream_that_fails_keeps_what_was_read(tmp_path: Path) -> None:
    plan, spec = plan_of(Source("-", None))
    stream = Stream(os.open(tmp_path, os.O_RDONLY), LINE, ended=False, owned=True)
    result = run(plan, spec, streams={0: stream})
    assert requests(result.summary) == 1
    (missing,) = result.missing
    assert (missing.start, missing.end, missing.kind) == (len(LINE), None, "unreadable")


def test_neighbouring_missing_ranges_of_one_cause_are_joined() -> None:
    gaps = [
        Missing(0, 20, 30, "changed", "truncated"),
        Missing(1, 0, 10, "cancelled", "cancelled"),
        Missing(0, 10, 20, "cancelled", "cancelled"),
        Missing(0, 0, 10, "cancelled", "cancelled"),
    ]
    assert join_missing(gaps) == (
        Missing(0, 0, 20, "cancelled", "cancelled"),
        Missing(0, 20, 30, "changed", "truncated"),
        Missing(1, 0, 10, "cancelled", "cancelled"),
    )


def test_progress_reaches_the_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(LINE * 10)
    plan, spec = plan_of(source_of(path))
    seen: list[tuple[int, int]] = []
    run(plan, spec, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert all(total == len(LINE) * 10 for _, total in seen)


def test_cpus_are_at_least_one() -> None:
    assert 1 <= cpus() <= (os.cpu_count() or 1)


@pytest.mark.parametrize("name", engines.ENGINES)
def test_every_registered_engine_can_run(name: str) -> None:
    assert callable(engines.load(name).run)


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(UsageError, match="nope"):
        engines.load("nope")
