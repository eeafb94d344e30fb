"""Workers and clients of a test connect here: to the network that the test set.

    memory_network.current = Network()
    new_worker("alice", roots=[…]).run

A network has `dial(address, tls)`, which returns a stream and the certificate of the other side.
"""

from __future__ import annotations

from typing import Any

from logan.cluster.client import Client
from logan.cluster.worker.worker import Worker

__all__ = ["connect", "new_client", "new_worker"]

current: Any = None


async def connect(address: object, tls: object) -> Any:
    """The `connect` of workers and clients that are made here."""
    return await current.dial(address, tls)


def new_worker(*arguments: Any, **options: Any) -> Worker:
    return Worker(*arguments, **{"connect": connect} | options)


def new_client(*arguments: Any, **options: Any) -> Client:
    return Client(*arguments, **{"connect": connect} | options)
