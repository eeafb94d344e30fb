"""Partitions in earnest: hosts are network namespaces, packets between them dropped or refused.

The proxy of the other tests only holds bytes back; here TCP itself loses them, sends them again and
gives up, connections die on one side only, and tries to connect go unanswered. Bob's link breaks in
the middle of a job and heals; nothing may be lost or counted twice, the others must go on, and Bob
must be of use again within two seconds.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import logan
from logan.cluster.coordinator.coordinator import Coordinator
from logan.scheduler.limits import Limits
from tests.support.cluster_processes import Cluster, figures, log_lines
from tests.support.namespaces import Network, open_network, why_not

CHUNK = 32 * 1024
PACE = ("--pace", "0.1", "--threads", "1")
"""Three chunks a second: slow enough that the job outlasts every partition."""

HEALED_S_MAX = 2.0

LIMITS = Limits(lease_s=1.5, heartbeat_s=0.3)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    missing = why_not()
    if missing is not None:
        pytest.skip(missing)
    with open_network("alice", "bob", "carol") as network:
        yield network


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """About 4 MB: 120 chunks."""
    path = tmp_path_factory.mktemp("logs") / "app.log"
    path.write_text("".join(log_lines(64_000)))
    return path


@pytest.fixture(scope="module")
def expected(log: Path) -> str:
    return figures(logan.analyze(log, chunk_size=CHUNK).to_json())


class Rehearsal:
    """A job of Alice's and Bob's, whose link to the coordinator is about to break."""

    def __init__(self, network: Network, cluster: Cluster, log: Path, limits: Limits) -> None:
        self.network = network
        self.limits = limits
        self._cluster = cluster
        self._log = log

    def play(self, trouble: Callable[[Rehearsal], Awaitable[None]]) -> logan.Report:
        """The job's report. Once `trouble` is over Carol comes and makes short work of the rest."""
        return self.network.run("hub", partial(trio.run, self._main, trouble))

    async def _main(self, trouble: Callable[[Rehearsal], Awaitable[None]]) -> logan.Report:
        async with Coordinator(
            "0.0.0.0", 0, roots=[str(self._log.parent)], insecure=True, limits=self.limits
        ) as self.coordinator:
            for name in ("alice", "bob"):
                self._start(name, *PACE)
            await self.coordinator.wait_for_workers(2)
            with trio.fail_after(60):
                job = await self.coordinator.distribute_work(str(self._log), chunk_size=CHUNK)
                await self.until(lambda: bool(self.worker("bob")["chunks_done"]))
                await trouble(self)
                self._start("carol")
                return await self.coordinator.result(job)

    def _start(self, name: str, *arguments: str) -> None:
        address = f"{self.network.address}:{self.coordinator.port}"
        self._cluster.start(
            *(name, "worker", "--id", name, "--coordinator", address, "--insecure"),
            *("--root", str(self._log.parent), *arguments),
            prefix=self.network.prefix(name),
        )

    def worker(self, name: str) -> dict[str, Any]:
        """What the coordinator knows of a worker."""
        found = next(each for each in self.coordinator.workers() if each.id == name)
        return found.to_dict()

    async def until(self, condition: Callable[[], bool]) -> float:
        """Wait for something; how long that took."""
        began = trio.current_time()
        while not condition():
            await trio.sleep(0.01)
        return trio.current_time() - began

    async def break_link(self, *directions: Any, how: str, for_s: float) -> None:
        """Break Bob's link for a while. Alice must go on, and Bob must be back soon after."""
        before = self.worker("alice")["chunks_done"]
        self.network.part("bob", *directions, how=how)
        try:
            await trio.sleep(for_s)
        finally:
            self.network.heal("bob")
        healed_at = trio.current_time()
        # Three a second on an idle machine.
        assert self.worker("alice")["chunks_done"] >= before + int(for_s)
        await self.until(lambda: self._is_of_use(healed_at))
        assert trio.current_time() - healed_at <= HEALED_S_MAX

    def _is_of_use(self, since: float) -> bool:
        """Bob has been heard since then, and has work in hand."""
        bob = self.worker("bob")
        heard_s = bob["heard_s"]
        heard = heard_s is not None and heard_s < trio.current_time() - since
        return heard and bob["state"] == "active" and bool(bob["leases"])


def check(report: logan.Report, log: Path, expected: str) -> None:
    """All is there, and once: the figures are those of one machine."""
    assert figures(report.to_json()) == expected
    performance = json.loads(report.to_json())["performance"]
    assert sum(each["bytes"] for each in performance["workers"]) == log.stat().st_size


@pytest.mark.parametrize("how", ["drop", "reject with tcp reset"], ids=["drop", "reject"])
def test_partitions_longer_than_the_lease(
    network: Network, cluster: Cluster, log: Path, expected: str, how: str
) -> None:
    """One way, the other way, and both."""

    async def trouble(play: Rehearsal) -> None:
        for directions in (("up",), ("down",), ("up", "down")):
            lost = play.worker("bob")["chunks_lost"]
            await play.break_link(*directions, how=how, for_s=play.limits.lease_s + 0.7)
            # What Bob held went to Alice in time: the job did not wait for the partition's end.
            assert play.worker("bob")["chunks_lost"] > lost

    report = Rehearsal(network, cluster, log, LIMITS).play(trouble)
    check(report, log, expected)
    recoveries = report["performance"]["recoveries"]
    assert {each["worker"] for each in recoveries} == {"bob"}


def test_a_link_that_goes_down_and_up(
    network: Network, cluster: Cluster, log: Path, expected: str
) -> None:
    async def trouble(play: Rehearsal) -> None:
        for directions, how in (
            (("up", "down"), "drop"),
            (("up",), "drop"),
            (("up", "down"), "reject with tcp reset"),
            (("down",), "drop"),
            (("up", "down"), "drop"),
        ):
            await play.break_link(*directions, how=how, for_s=0.5)

    report = Rehearsal(network, cluster, log, LIMITS).play(trouble)
    check(report, log, expected)


def test_the_default_lease_survives_a_partition_of_three_seconds(
    network: Network, cluster: Cluster, log: Path, expected: str
) -> None:
    """TCP left to itself would now be silent for three seconds more."""

    async def trouble(play: Rehearsal) -> None:
        await play.break_link("up", "down", how="drop", for_s=3.1)
        assert not play.worker("bob")["chunks_lost"]

    report = Rehearsal(network, cluster, log, Limits()).play(trouble)
    check(report, log, expected)
    assert report["performance"]["recoveries"] == []
