"""Fixtures of the tests that run the cluster in memory; see `tests/support/memory_cluster.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from logan.cluster import coordinator as coordinator_module
from logan.cluster import worker as worker_module
from tests.support.memory_cluster import LINES, Network, inline


@pytest.fixture
def threads_run_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trio.to_thread, "run_sync", inline)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_text(
        "".join(
            f"2024-01-24 10:15:{i // 100 % 60:02d}.{i % 1000:03d} INFO Request done in {i % 97}ms\n"
            for i in range(LINES)
        )
    )
    return path


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    made: list[Network] = []

    def get() -> Network:
        if not made:
            made.append(Network())
        return made[0]

    monkeypatch.setattr(coordinator_module, "_listen", lambda *a: get().listen(*a))
    monkeypatch.setattr(worker_module, "dial", lambda *a: get().dial(*a))
    return get()
