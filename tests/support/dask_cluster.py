"""A Dask cluster of two processes, for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from logan.engines.dask_connection import SILENT

__all__ = ["dask_cluster"]


@contextmanager
def dask_cluster(workers: int = 2, **options: Any) -> Iterator[Any]:
    """Started, and ended on leaving."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        dashboard_address=":0",
        silence_logs=SILENT,
        **options,
    ) as cluster:
        yield cluster
