"""A few seconds of damaged and mixed logs, new ones each time; see `tests.fuzz.logs`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from logan._logan import Spec, Summary
from logan.model import Plan
from tests.fuzz import logs

SECONDS = 4.0


def test_every_way_gives_the_same_bytes() -> None:
    seed = int(os.environ.get("LOGAN_FUZZ_SEED") or int.from_bytes(os.urandom(4)))
    print(f"LOGAN_FUZZ_SEED={seed}")
    found = logs.hunt(seed, seconds=SECONDS)
    assert not found.failures, "\n".join(found.failures)
    # Most cases are logs: else nothing was tried.
    assert found.compared > found.cases // 2


def test_cases_follow_from_the_seed() -> None:
    assert [logs.make(7, number) for number in range(5)] == [
        logs.make(7, number) for number in range(5)
    ]
    assert logs.make(7, 0) != logs.make(8, 0)


def test_a_difference_is_found_and_cut_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A way that leaves out one line is noticed, and that line is what is left of the case."""

    def careless(case: logs.Case, plan: Plan, spec: Spec) -> bytes:
        kept = [line for line in case.lines if b"needle" not in line]
        (tmp_path / "careless.log").write_bytes(b"".join(kept))
        size = (tmp_path / "careless.log").stat().st_size
        return Summary.from_chunk(str(tmp_path / "careless.log"), 0, size, spec).to_bytes()

    monkeypatch.setattr(logs, "WAYS", {"careless": careless})
    line = b"2024-01-24 10:15:32 INFO hay\n"
    lines = (*[line] * 20, b"2024-01-24 10:15:33 ERROR needle\n", *[line] * 20)
    case = logs.Case(lines, chunk_size=256, threads=1, pushes=(64,), blocks_max=1)
    with pytest.raises(logs.Difference, match="careless differs"):
        logs.check(case, tmp_path)
    smaller = logs.shrink(case, tmp_path)
    assert len(smaller.lines) <= 2
    assert lines[20] in smaller.lines
