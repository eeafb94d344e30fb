"""Logs on an S3 server: the figures of local files, in every engine; and what may go wrong.

Everything is a real process, started as users type it: the server, `logan analyze` with either
engine, a coordinator and its workers.
"""

from __future__ import annotations

import gzip
import io
import os
import socket
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

import logan
from tests.support.cluster_processes import (
    Cluster,
    Process,
    figures,
    log_lines,
    wait_until,
)
from tests.support.dask_cluster import dask_cluster
from tests.support.object_store import ObjectStore, open_store, zstd

OPTIONS = ("--chunk-size", "64KiB", "--json")
NARROWED = ("--where", "level>=warn and duration>=100ms", "--by", "level")
ROOT = "s3://logs/"


def tarred(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def objects() -> dict[str, bytes]:
    """Some of everything; the plain log has 13 chunks."""
    log = "".join(log_lines(12_000)).encode()
    lines = log.splitlines(keepends=True)
    days = [b"".join(lines[at::4]) for at in range(4)]
    members = {"logs/a.log": days[0], "logs/b.log": days[1], "logs/README": b"not a log\n"}
    return {
        "app.log": log,
        # Not the same lines: of local files, such a copy is counted once.
        "app.log.gz": gzip.compress(log.replace(b"INFO", b"WARN")),
        "app.zst": zstd(log),
        "logs.tar.gz": tarred(members),
        "logs.zip": zipped(members),
        "rotated/web.log": days[0],
        "rotated/web.log.1": days[1],
        "rotated/web.log.2.gz": gzip.compress(days[2]),
        "rotated/other.txt": days[3],
        "below/deep/one two.log": days[2],
        "below/ten #10%.log": days[3],
        "below/.hidden.log": days[0],
        "below/README": b"not a log\n",
    }


NAMED = [
    "app.log",
    "app.log.gz",
    "app.zst",
    "logs.tar.gz",
    "logs.zip",
    "rotated/web.log*",
    "below/",
]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with open_store(tmp_path_factory.mktemp("store")) as store:
        for key, data in objects().items():
            store.put(key, data)
        yield store


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same logs in a folder."""
    folder = tmp_path_factory.mktemp("files")
    for key, data in objects().items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def dask_address(store: ObjectStore) -> Iterator[str]:
    """Two workers in processes of their own, with credentials in their environment."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in store.environment.items():
                patch.setenv(name, value)
            cluster = stack.enter_context(dask_cluster(memory_limit=0))
        yield cluster.scheduler_address


def start_workers(cluster: Cluster, environment: dict[str, str], *, connected: bool = True) -> None:
    """Both at once, and then wait until they are `connected`."""
    workers = [
        cluster.worker(each, "--root", ROOT, connected=False, env=environment)
        for each in ("alice", "bob")
    ]
    for each in workers if connected else ():
        each.said("connected to")


Way = Callable[..., Process]
"""Starts the command that ends with the report."""


def by_analyze(cluster: Cluster, store: ObjectStore, *arguments: str) -> Process:
    return cluster.start("analyze", "analyze", *arguments, env=store.environment)


def by_coordinator(cluster: Cluster, store: ObjectStore, *arguments: str) -> Process:
    waiting = ("--expect-workers", "2")
    coordinator = cluster.coordinator(*waiting, *arguments, env=store.environment)
    start_workers(cluster, store.environment)
    return coordinator


def by_submitting(cluster: Cluster, store: ObjectStore, *arguments: str) -> Process:
    cluster.coordinator("--root", ROOT, env=store.environment)
    start_workers(cluster, store.environment)
    return cluster.submit(*arguments)


@pytest.fixture
def way(request: pytest.FixtureRequest) -> Way:
    """By its name."""
    if request.param == "dask":
        return partial(by_analyze_on, request.getfixturevalue("dask_address"))
    found: Way = {
        "analyze": by_analyze,
        "coordinator": by_coordinator,
        "submit": by_submitting,
    }[request.param]
    return found


def by_analyze_on(address: str, cluster: Cluster, store: ObjectStore, *arguments: str) -> Process:
    return by_analyze(cluster, store, "--engine", f"dask={address}", *arguments)


@pytest.fixture(scope="module")
def expected(files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], str]:
    """The report of the files, as that of objects should be; with and without narrowing."""
    reports: dict[tuple[str, ...], str] = {}
    with Cluster(tmp_path_factory.mktemp("local")) as cluster:
        for narrowed in ((), NARROWED):
            local = cluster.start("local", "analyze", *OPTIONS, *narrowed, *NAMED, cwd=files)
            assert local.wait() == 0, local.err
            report = local.json()
            for entry in report["inputs"]:
                entry["path"] = url_of(entry["path"])
            for entry in report["slowest"] + report["malformed"]["samples"]:
                entry["input"] = url_of(entry["input"])
            reports[narrowed] = figures(report)
            assert len(report["inputs"]) == 11
            assert report["total_requests"] > (1_000 if narrowed else 50_000)
    return reports


def url_of(name: str) -> str:
    return ROOT + name.replace("%", "%25").replace("#", "%23")


@pytest.mark.parametrize(
    ("way", "narrowed"),
    [
        ("analyze", ()),
        ("analyze", NARROWED),
        ("coordinator", ()),
        ("submit", NARROWED),
        ("dask", ()),
        ("dask", NARROWED),
    ],
    indirect=["way"],
    ids=["analyze", "analyze narrowed", "coordinator", "submit narrowed", "dask", "dask narrowed"],
)
def test_objects_have_the_figures_of_files(
    cluster: Cluster,
    store: ObjectStore,
    expected: dict[tuple[str, ...], str],
    way: Way,
    narrowed: tuple[str, ...],
) -> None:
    done = way(cluster, store, *OPTIONS, *narrowed, *(ROOT + name for name in NAMED))
    assert done.wait() == 0, done.err
    assert figures(done.out) == expected[narrowed]
    performance = done.json()["performance"]
    if performance["engine"] == "cluster":
        assert {each["worker"] for each in performance["workers"]} == {"alice", "bob"}


# --- Objects that change ------------------------------------------------------------------------


def overwrite(store: ObjectStore, key: str) -> None:
    store.put(key, objects()["app.log"].replace(b"INFO", b"WARN"))


CHANGES: dict[str, tuple[Callable[[ObjectStore, str], None], str, str]] = {
    "overwritten": (
        overwrite,
        "the object changed",
        "analyze it again when no program rewrites it",
    ),
    "deleted": (ObjectStore.delete, "it is gone", "see whether it was deleted or moved"),
}


CHANGED = [("changing.log", "overwritten"), ("changing.log.gz", "deleted")]


@pytest.mark.parametrize(("name", "change"), CHANGED)
@pytest.mark.parametrize("way", ["analyze", "dask"], indirect=True)
def test_an_object_that_changes_between_plan_and_scan(
    cluster: Cluster, store: ObjectStore, way: Way, name: str, change: str
) -> None:
    act = put_changing(store, name, change)
    # The pipe is opened behind the object, and nothing is scanned before it has ended.
    pipe = cluster.folder / "pipe"
    os.mkfifo(pipe)
    done = way(cluster, store, *OPTIONS, ROOT + name, str(pipe))
    with pipe.open("wb") as file:
        act(store, name)
        file.write(next(log_lines(1)).encode())
    assert done.wait() == 3, done.err
    check_missing(done, name, change)
    assert done.json()["total_requests"] == 1


@pytest.mark.parametrize(("name", "change"), CHANGED)
def test_an_object_that_changes_before_workers_come(
    cluster: Cluster, store: ObjectStore, name: str, change: str
) -> None:
    act = put_changing(store, name, change)
    done = cluster.coordinator(*OPTIONS, ROOT + name, env=store.environment)
    wait_until(lambda: cluster.status()["jobs"], "the job to be planned")
    act(store, name)
    start_workers(cluster, store.environment, connected=False)
    assert done.wait() == 3, done.err
    check_missing(done, name, change)


def put_changing(store: ObjectStore, name: str, change: str) -> Callable[[ObjectStore, str], None]:
    """Write an object; what changes it."""
    log = objects()["app.log"]
    store.put(name, gzip.compress(log) if name.endswith(".gz") else log)
    return CHANGES[change][0]


def check_missing(done: Process, name: str, change: str) -> None:
    """The report is partial, and everything names the object, what it lacks and the next step."""
    _, what, hint = CHANGES[change]
    assert f"{ROOT}{name}: {what}" in done.err
    assert hint in done.err
    assert "Traceback" not in done.err
    report = done.json()
    assert report["partial"]
    assert {each["input"] for each in report["missing"]} == {ROOT + name}
    assert report["inputs"][0]["error"].startswith(f"{ROOT}{name}: {what}")
    assert hint in report["inputs"][0]["error"]


# --- What cannot be read ------------------------------------------------------------------------


REFUSED = "access denied by the server; check the credentials: AWS_ACCESS_KEY_ID"
NO_BUCKET = "no such bucket; check the bucket's name"
NOTHING = "nothing is there; check the bucket's name, the path"
UNREADABLE: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "wrong secret": (
        {"AWS_SECRET_ACCESS_KEY": "wrong"},
        {f"{ROOT}app.log": REFUSED, f"{ROOT}rotated/": REFUSED, f"{ROOT}rotated/*.log": REFUSED},
    ),
    "unknown user": ({"AWS_ACCESS_KEY_ID": "NOBODY"}, {f"{ROOT}app.log": REFUSED}),
    "wrong names": (
        {},
        {
            "s3://nobucket/app.log": NO_BUCKET,
            "s3://nobucket/": NO_BUCKET,
            f"{ROOT}none.log": NOTHING,
            f"{ROOT}rotated/*.gz2": NOTHING,
            f"{ROOT}rotated": f"nothing is there; to read what is below it, end it with a slash: "
            f"{ROOT}rotated/",
        },
    ),
}


@pytest.mark.parametrize(
    ("way", "wrong"),
    [
        ("analyze", "wrong secret"),
        ("analyze", "unknown user"),
        ("analyze", "wrong names"),
        ("coordinator", "wrong secret"),
        ("submit", "wrong names"),
    ],
)
def test_unreadable_inputs_are_reported_without_a_worker(
    cluster: Cluster, store: ObjectStore, way: str, wrong: str
) -> None:
    changed, told = UNREADABLE[wrong]
    environment = {**store.environment, **changed}
    if way == "analyze":
        done = cluster.start("analyze", "analyze", *told, env=environment)
    elif way == "coordinator":
        done = cluster.coordinator(*told, env=environment)
    else:
        cluster.coordinator("--root", ROOT, "--root", "s3://nobucket", env=environment)
        done = cluster.submit(*told)
    assert done.wait() == 3, done.err
    for url, what in told.items():
        assert f"logan: {url}: {what}" in done.err
    assert "Traceback" not in done.err
    assert done.out == ""


def test_without_credentials_at_all(cluster: Cluster, store: ObjectStore) -> None:
    environment = store.without_credentials()
    done = cluster.start("analyze", "analyze", f"{ROOT}app.log", env=environment)
    assert done.wait() == 3
    assert f"{ROOT}app.log: no credentials to read it with; check the" in done.err


def test_clients_list_below_the_roots_only(cluster: Cluster, store: ObjectStore) -> None:
    cluster.coordinator("--root", f"{ROOT}rotated", env=store.environment)
    cluster.worker("alice", "--root", ROOT, connected=False, env=store.environment)
    outside = [ROOT, f"{ROOT}rotated/../app.log", f"{ROOT}*/web.log", f"{ROOT}rotated2/"]
    done = cluster.submit("--json", f"{ROOT}rotated/*.log", *outside)
    assert done.wait() == 3
    for url in outside:
        assert f"{url} is not below a root of the coordinator; give it one" in done.err
    inside, *others = done.json()["inputs"]
    assert inside["path"] == f"{ROOT}rotated/web.log"
    assert inside["bytes"] == len(objects()["rotated/web.log"])
    assert {each["bytes"] for each in others} == {0}


# --- Credentials --------------------------------------------------------------------------------


def test_a_worker_without_credentials_leaves_its_chunks_to_others(
    cluster: Cluster, store: ObjectStore
) -> None:
    urls = [f"{ROOT}app.log.gz", f"{ROOT}app.log"]
    done = cluster.coordinator(*OPTIONS, *urls, env=store.environment)
    cluster.worker("alice", "--root", ROOT, env=store.without_credentials())
    for url in urls:
        done.said(f"alice: {url}: no credentials to read it with; check .*AWS_ACCESS_KEY")
    cluster.worker("bob", "--root", ROOT, connected=False, env=store.environment)
    assert done.wait() == 0, done.err
    # Once for each object, however many chunks she tried.
    assert done.err.count("logan: alice: ") == 2
    report = done.json()
    assert not report["partial"]
    assert report["lines"]["total"] == 2 * objects()["app.log"].count(b"\n")
    workers = {each["worker"]: each for each in report["performance"]["workers"]}
    assert workers["alice"]["chunks_done"] == 0
    assert workers["alice"]["chunks_lost"] >= 2


def test_workers_that_all_lack_credentials_end_the_job(
    cluster: Cluster, store: ObjectStore
) -> None:
    done = cluster.coordinator(*OPTIONS, f"{ROOT}app.log.gz", env=store.environment)
    start_workers(cluster, {**store.environment, "AWS_SECRET_ACCESS_KEY": "wrong"})
    assert done.wait() == 3
    assert f"{ROOT}app.log.gz is given up: no worker can read it" in done.err
    assert (
        f"logan: {ROOT}app.log.gz: access denied by the server (tried by alice, bob); "
        "check the credentials: AWS_ACCESS_KEY_ID"
    ) in done.err
    report = done.json()
    assert report["partial"]
    (missing,) = report["missing"]
    assert (missing["input"], missing["start"]) == (f"{ROOT}app.log.gz", 0)


def test_a_worker_reads_below_its_own_roots_on_servers_alone(
    cluster: Cluster, store: ObjectStore
) -> None:
    """It has credentials, and a coordinator that names an object; its operator named another."""
    done = cluster.coordinator(*OPTIONS, f"{ROOT}app.log", env=store.environment)
    alice = cluster.worker("alice", env=store.environment)
    bob = cluster.worker("bob", "--root", f"{ROOT}app.log-not", env=store.environment)
    assert done.wait() == 3, done.err
    why = (
        f"{ROOT}app.log is not below a root of the worker; give it one: logan worker --root {ROOT}"
    )
    assert f"logan: {why} (tried by alice, bob)" in done.err
    assert "credentials" not in done.err
    for worker in (alice, bob):
        assert worker.err.count(why) == 1
    (missing,) = done.json()["missing"]
    assert missing["why"].startswith(why)


class Tap:
    """Passes connections on to a port, and keeps what went either way."""

    def __init__(self, port: int) -> None:
        self.heard = bytearray()
        self._target = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"localhost:{self._listening.getsockname()[1]}"
        self._open: list[socket.socket] = [self._listening]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, far = self._listening.accept()[0], socket.create_connection(self._target)
            except OSError:
                return
            self._open += [near, far]
            for each, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(each, other), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                self.heard += data
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        for each in self._open:
            each.close()


def test_credentials_are_written_nowhere(cluster: Cluster, store: ObjectStore) -> None:
    """Not in what is said, reported, kept or sent, not even when everything goes wrong."""
    state = cluster.folder / "state"
    environment = {**store.environment, "LOGAN_DEBUG": "1"}
    cluster.coordinator(
        "--state", str(state), "--root", ROOT, "--root", "s3://nobucket", env=environment
    )
    tap = Tap(cluster.port)
    try:
        wrong = {**environment, "AWS_SECRET_ACCESS_KEY": "not-the-secret"}
        common = ("--coordinator", tap.address, "--root", ROOT)
        cluster.start("alice", "worker", "--id", "alice", *common, env=wrong)
        bob = ("worker", "--id", "bob", *common)
        cluster.start("bob", *bob, env=environment).said("connected")
        asked = ("--coordinator", tap.address, *OPTIONS)
        urls = [f"{ROOT}app.log", f"{ROOT}app.log.gz"]
        good = cluster.start("good", "submit", *asked, *urls, env=environment)
        assert good.wait() == 0, good.err
        bad = cluster.start("bad", "submit", *asked, "s3://nobucket/a.log", env=environment)
        assert bad.wait() == 3
        status = cluster.start("status", "status", "--coordinator", tap.address, "--json")
        assert status.wait() == 0
    finally:
        tap.close()
    written = {path.name: path.read_bytes() for path in cluster.folder.rglob("*") if path.is_file()}
    written["wire"] = bytes(tap.heard)
    assert b"s3://logs/app.log" in written["wire"]
    assert any(b"s3://logs/app.log" in data for name, data in written.items() if "journal" in name)
    for secret in (*store.secrets, b"not-the-secret"):
        assert [name for name, data in written.items() if secret in data] == []


def test_signed_urls_are_shown_without_their_signature(
    cluster: Cluster, store: ObjectStore
) -> None:
    signature = "X-Amz-Signature=0123456789abcdef"
    url = f"{store.url.replace('//', '//me:geheim@')}/logs/none.log?{signature}"
    cluster.coordinator("--root", url.partition("none.log")[0], env=store.environment)
    for done in (cluster.start("analyze", "analyze", url), cluster.submit(url)):
        assert done.wait() == 3
        assert f"{store.url}/logs/none.log" in done.err
        assert "0123456789abcdef" not in done.err
        assert "geheim" not in done.err


def test_records_of_objects_are_those_of_files(
    store: ObjectStore, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pa = pytest.importorskip("pyarrow")
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    columns = ["time", "level", "message", "offset", "duration_ms"]
    # The inputs of the store keep their places between those of files.
    for key in ("app.log", "app.log.gz", "app.zst", "logs.tar.gz", "logs.zip"):
        paths = [str(files / "rotated/web.log"), ROOT + key, str(files / "rotated/other.txt")]
        local = [paths[0], str(files / key), paths[2]]
        records = logan.records(paths, columns=columns, threads=2)
        expected = pa.table(logan.records(local, columns=columns, threads=2))
        assert expected.num_rows > 3_000
        for _ in range(2):
            found = pa.table(records)
            for name in columns:
                assert found[name].to_pylist() == expected[name].to_pylist(), (key, name)
        assert records.stats().complete
