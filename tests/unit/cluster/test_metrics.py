"""The HTTP server of metrics and health: which clients it answers, and what it hides from them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable

import pytest
import trio

from logan.cluster.coordinator.coordinator import Coordinator
from logan.cluster.metrics import (
    coordinator_metrics,
    serve_metrics,
    worker_metrics,
)
from logan.cluster.worker.worker import Worker


def ask(port: int, path: str, *hosts: str) -> tuple[int, str]:
    """Status and body of a request with these Host headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for host in hosts:
            connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def while_serving(work: Callable[[int], None], host: str = "127.0.0.1") -> None:
    """`work(port)` in a thread beside a server of a worker's metrics."""

    async def main() -> None:
        state = Worker("alice").health
        with trio.fail_after(30):
            async with serve_metrics(host, 0, state, worker_metrics) as port:
                await trio.to_thread.run_sync(work, port)

    trio.run(main)


@pytest.mark.parametrize("path", ["/health", "/metrics", "/", "/else"])
@pytest.mark.parametrize(
    "host",
    [
        "rebound.example",
        "rebound.example:8000",
        "localhost.rebound.example",
        "127.0.0.1.rebound.example",
        "localhost@rebound.example",
        "localhost rebound.example",
        "[::1",
    ],
)
def test_requests_for_another_host_are_refused(host: str, path: str) -> None:
    """A web page may have its own name resolve to this machine, but it cannot change the name."""

    def work(port: int) -> None:
        status, body = ask(port, path, host)
        assert status == 421
        assert "localhost" in body
        assert "logan_" not in body
        assert "rss_bytes" not in body

    while_serving(work)


def test_a_second_host_header_does_not_help() -> None:
    while_serving(lambda port: _assert_status(port, 421, "localhost", "rebound.example"))


def _assert_status(port: int, expected: int, *hosts: str) -> None:
    assert ask(port, "/health", *hosts)[0] == expected


@pytest.mark.parametrize(
    "hosts",
    [
        ["localhost"],
        ["LocalHost:1234"],
        ["localhost."],
        ["127.0.0.1:80"],
        ["127.8.9.10"],
        ["[::1]:80"],
        [],
    ],
)
def test_requests_for_this_machine_are_answered(hosts: list[str]) -> None:
    def work(port: int) -> None:
        status, body = ask(port, "/health", *hosts)
        assert (status, json.loads(body)["id"]) == (200, "alice")
        status, body = ask(port, "/metrics", *hosts)
        assert status == 200
        assert "logan_worker_threads" in body

    while_serving(work)


def test_the_address_that_is_listened_on_is_a_name_of_the_server() -> None:
    while_serving(lambda port: _assert_status(port, 200, "0.0.0.0:9"), host="0.0.0.0")


def test_health_of_a_coordinator_names_no_file() -> None:
    """What happened is in the log and in `logan status`, which ask for the token."""
    text = "/srv/acme inc/nginx logs/access.log is given up: it changed"
    found: list[str] = []

    def work(port: int) -> None:
        found.append(ask(port, "/health", "localhost")[1])

    async def main() -> None:
        coordinator = Coordinator(port=0)
        coordinator.events.note("missing", text)
        serving = serve_metrics("127.0.0.1", 0, coordinator.status, coordinator_metrics)
        with trio.fail_after(30):
            async with serving as port:
                await trio.to_thread.run_sync(work, port)
        assert coordinator.status().events[0].text == text

    trio.run(main)
    assert "acme" not in found[0]
    [event] = json.loads(found[0])["events"]
    assert (event["n"], event["kind"]) == (1, "missing")
