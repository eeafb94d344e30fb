"""Figures for Prometheus, and a word of health for load balancers, over HTTP.

The library writes the exposition, the standard library speaks HTTP, in a thread. Values are
collected on request, by a call into the trio thread, so nothing is counted twice.

    /metrics    figures of the worker or coordinator
    /health     the state as JSON, status 200; events without their texts

No authentication is required, so no path of a file is shown. Requests must name this
machine by an address or as localhost: a web page elsewhere that makes a browser ask by a name of
its own (DNS rebinding) gets 421.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import trio
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from logan.errors import ClusterError
from logan.log import logger_of
from logan.wire.bodies import StateBody

__all__ = ["coordinator_metrics", "names_this_machine", "serve_metrics", "worker_metrics"]

logger = logger_of(__name__)

REQUEST_S_MAX: Final = 5.0
"""A client that says nothing for so long is let go."""

REQUESTS_MAX: Final = 8
"""At once; there is one Prometheus, and perhaps a person."""

Families = Callable[[], Iterable[Metric]]

_State = TypeVar("_State", StateBody, Mapping[str, Any])
"""How a coordinator describes itself, or a worker."""


def worker_metrics(health: Mapping[str, Any]) -> Iterator[Metric]:
    """The families of one worker, from `Worker.health`."""
    yield _gauge(
        "logan_worker_connected",
        "Whether the worker is connected to a coordinator",
        health["connected"],
    )
    yield _gauge("logan_worker_resident_memory_bytes", "Resident memory", health["rss_bytes"])
    yield _gauge("logan_worker_cpu_percent", "CPU, of one core", health["cpu_percent"])
    yield _gauge("logan_worker_threads", "Chunks scanned in parallel", health["threads"])
    yield _gauge("logan_worker_leases", "Chunks being scanned", health["leases"])
    yield _counter("logan_worker_chunks_done", "Chunks completed", health["chunks_done"])
    yield _counter("logan_worker_chunks_lost", "Chunks returned unscanned", health["chunks_lost"])
    yield _counter("logan_worker_scanned_bytes", "Bytes of chunks done", health["bytes_done"])


def coordinator_metrics(status: StateBody) -> Iterator[Metric]:
    """The families of a coordinator, from `Coordinator.status`."""
    workers, jobs = status.workers, status.jobs
    connected = [each for each in workers if each.state != "gone"]
    yield _gauge("logan_workers", "Workers connected", len(connected))
    yield _gauge("logan_jobs", "Jobs running", len(jobs))
    total, done = sum(job.total_bytes for job in jobs), sum(job.done_bytes for job in jobs)
    yield _gauge("logan_jobs_bytes", "Planned bytes of running jobs", total)
    yield _gauge("logan_jobs_done_bytes", "Bytes of them done", done)
    recovered = sum(job.recoveries for job in jobs)
    yield _gauge("logan_jobs_recoveries", "Recovered failures in running jobs", recovered)
    firing = GaugeMetricFamily(
        "logan_follow_alerts_firing", "Alerts that fired and have not ended", labels=["job"]
    )
    for follow in status.follows:
        firing.add_metric([follow.job], len(follow.firing))
    yield firing
    recoveries = status.coordinator.recoveries
    for name, help, seconds in (
        ("leased", "From noticing a failure to the next lease of its chunk", recoveries.leased_s),
        ("done", "From noticing a failure to the chunk's result", recoveries.done_s),
    ):
        yield SummaryMetricFamily(f"logan_recovery_{name}_seconds", help, recoveries.count, seconds)
    for name, help, key, family in (
        ("chunks_done", "Chunks done, by worker", "chunks_done", CounterMetricFamily),
        ("chunks_lost", "Chunks lost, by worker", "chunks_lost", CounterMetricFamily),
        ("scanned_bytes", "Bytes of chunks done, by worker", "bytes_done", CounterMetricFamily),
        ("bytes_per_second", "Speed, by worker", "bytes_per_second", GaugeMetricFamily),
        ("resident_memory_bytes", "Resident memory, by worker", "rss_bytes", GaugeMetricFamily),
        ("cpu_percent", "CPU of one core, by worker", "cpu_percent", GaugeMetricFamily),
        ("heard_seconds", "Since the last message", "heard_s", GaugeMetricFamily),
    ):
        metric = family(f"logan_cluster_worker_{name}", help, labels=["worker"])
        for each in workers:
            value = getattr(each, key)
            if value is not None:
                metric.add_metric([each.id], value)
        yield metric


@asynccontextmanager
async def serve_metrics(
    host: str,
    port: int,
    state: Callable[[], _State],
    families: Callable[[_State], Iterable[Metric]],
) -> Any:
    """Serve while entered; gives the port. `state` is called in the trio thread.

    Raises `ClusterError` if the port is taken.
    """
    token = trio.lowlevel.current_trio_token()

    def ask() -> _State:
        return trio.from_thread.run_sync(state, trio_token=token)

    registry = CollectorRegistry()
    registry.register(_Collector(lambda: families(ask())))
    metrics = make_wsgi_app(registry)

    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if not names_this_machine(environ.get("HTTP_HOST", ""), host):
            start("421 Misdirected Request", [("Content-Type", "text/plain")])
            return [b"ask by address or as localhost\n"]
        if path == "/health":
            start("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(_public(ask())).encode() + b"\n"]
        if path in ("/", "/metrics"):
            answer: Iterable[bytes] = metrics(environ, start)
            return answer
        start("404 Not Found", [("Content-Type", "text/plain")])
        return [b"see /metrics and /health\n"]

    try:
        server = make_server(host, port, app, _Server, _Handler)
    except OSError as error:
        raise ClusterError(
            f"cannot serve metrics on {host}:{port}: {error.strerror or error}",
            hint="another program may use the port; 0 picks a free one",
        ) from error
    thread = threading.Thread(target=server.serve_forever, name="logan-metrics", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(server.shutdown)
        server.server_close()


def names_this_machine(header: str, bound: str) -> bool:
    """Whether the Host header of a request is an address, localhost, or the name that the server
    was bound to. A request without one is from no browser."""
    try:
        name = urlsplit(f"//{header}").hostname
    except ValueError:
        return False
    if name is None:
        return header == ""
    name = name.rstrip(".")
    if name in ("localhost", bound.lower()) or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _public(state: StateBody | Mapping[str, Any]) -> dict[str, Any]:
    """The state without the texts of events, which name files."""
    shown = state.to_dict() if isinstance(state, StateBody) else dict(state)
    for event in shown.get("events", ()):
        del event["text"]
    return shown


class _Collector(Collector):
    def __init__(self, families: Families) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Called for each request."""
        return self._families()

    def describe(self) -> Iterable[Metric]:
        """Nothing: asking for names at the start would need the trio thread."""
        return ()


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._slots = threading.Semaphore(REQUESTS_MAX)
        super().__init__(*args, **kwargs)

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread per request, up to a bound."""
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer the request, in its thread, then free the slot."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that closed its connection early is not worth more than a debug message."""
        logger.debug("metrics request failed", exc_info=True)


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_S_MAX

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not news."""


def _gauge(name: str, help: str, value: Any) -> Metric:
    return GaugeMetricFamily(name, help, value=float(value))


def _counter(name: str, help: str, value: Any) -> Metric:
    return CounterMetricFamily(name, help, value=float(value))
