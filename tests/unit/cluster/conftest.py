"""Fixtures of the tests that run the cluster in memory; see `tests/support/memory_cluster.py`."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from tests.support import memory_cluster
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
def network() -> Network:
    made = memory_cluster.network = Network()
    return made
