"""Logs on servers: a real object store and a real web server, both on loopback."""

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest

import logan
from logan.cluster.coordinator.submission import _plan_paths
from logan.cluster.request import Submission
from logan.limits import FETCH_BYTES_MAX
from logan.model import Chunk, Source
from logan.scan import scan_chunk
from logan.sources.objects import Fetcher, shown
from logan.sources.roots import Roots
from logan.sources.url_roots import UrlRoots
from tests.support.object_store import ObjectStore, open_store

LINES = [
    b"2024-01-24 10:%02d:32.%03d INFO Request processed in %dms\n" % (n // 50 % 60, n % 1000, n)
    for n in range(40_000)
]
DATA = b"".join(LINES)


def figures(report: logan.Report) -> dict[str, Any]:
    return {
        key: value
        for key, value in report.to_dict().items()
        if key not in ("performance", "inputs")
    }


class Web(BaseHTTPRequestHandler):
    """Serves `files` with or without ranges; every request is written down."""

    protocol_version = "HTTP/1.1"
    files: ClassVar[dict[str, bytes]] = {}
    ranges: ClassVar[bool] = True
    changes_after: ClassVar[int | None] = None
    redirects: ClassVar[dict[str, list[str]]] = {}
    fails: ClassVar[int] = 0
    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        self.asked.append(f"{self.command} {self.path}")
        path = self.path.partition("?")[0]
        if Web.fails:
            Web.fails -= 1
            return self._send(503, b"later", body=body)
        if path in self.redirects:
            # The last one for ever.
            targets = self.redirects[path]
            target = targets.pop(0) if len(targets) > 1 else targets[0]
            if target:
                return self._send(302, b"moved", body=body, target=target)
        if path == "/secret.log" or (path == "/signed.log" and not body):
            return self._send(403, b"no", body=body)
        if path not in self.files:
            return self._send(404, b"nothing", body=body)
        data = self.files[path]
        changed = self.changes_after is not None and len(self.asked) > self.changes_after
        tag = '"new"' if changed else '"old"'
        wanted = self.headers.get("If-Match")
        if wanted is not None and wanted != tag:
            return self._send(412, b"", body=body)
        asked = self.headers.get("Range")
        if asked is None or not self.ranges:
            return self._send(200, data, body=body, tag=tag)
        first, _, last = asked.removeprefix("bytes=").partition("-")
        part = data[int(first) : int(last) + 1]
        span = f"bytes {first}-{int(first) + len(part) - 1}/{len(data)}"
        return self._send(206, part, body=body, tag=tag, span=span)

    def _send(
        self,
        code: int,
        data: bytes,
        *,
        body: bool,
        tag: str = "",
        span: str | None = None,
        target: str | None = None,
    ) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        if tag:
            self.send_header("ETag", tag)
        if span:
            self.send_header("Content-Range", span)
        if target:
            self.send_header("Location", target)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    Web.files = {"/a b.log": DATA, "/a%20b.log": DATA, "/a.gz": gzip.compress(DATA)}
    Web.ranges, Web.changes_after, Web.asked, Web.redirects = True, None, [], {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> logan.Report:
    path = tmp_path_factory.mktemp("plain") / "a.log"
    path.write_bytes(DATA)
    return logan.analyze(path, chunk_size=300_000)


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("name", ["/a%20b.log?signature=x%2Fy", "/a.gz"])
@pytest.mark.parametrize("ranges", [True, False])
def test_web_pages_have_the_figures_of_files(
    web: str, plain: logan.Report, name: str, threads: int, ranges: bool
) -> None:
    Web.ranges = ranges
    report = logan.analyze(web + name, threads=threads, chunk_size=300_000, anchor=None)
    expected = figures(plain)
    found = figures(report)
    for each in (expected, found):
        for request in each["slowest"]:
            request.pop("input", None)
    assert found == expected
    (entry,) = report.inputs
    assert entry.path == web + name.partition("?")[0]
    assert entry.compression == ("gzip" if name == "/a.gz" else None)
    assert all(each.endswith(name) for each in Web.asked)


def test_a_damaged_archive_on_a_server_is_partial(web: str) -> None:
    Web.files["/a.gz"] = Web.files["/a.gz"][:-1_000]
    report = logan.analyze(web + "/a.gz", errors="report")
    assert report.partial
    assert 0 < report.total_requests < len(LINES)
    assert "ends in the middle" in report.inputs[0].error


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("/none.log", "missing", "nothing is there"),
        ("/secret.log", "permission", "denied"),
    ],
)
def test_what_a_web_server_refuses(web: str, name: str, kind: str, words: str) -> None:
    with pytest.raises(logan.InputError, match=words) as caught:
        logan.analyze(f"{web}{name}?token=geheim")
    assert caught.value.kind == kind
    assert "geheim" not in str(caught.value)
    assert caught.value.hint


def test_a_url_that_was_signed_for_get_alone(web: str, plain: logan.Report) -> None:
    Web.files["/signed.log"] = DATA
    report = logan.analyze(f"{web}/signed.log?signature=x", chunk_size=300_000)
    assert report.total_requests == plain.total_requests
    # In ranges, as any other.
    assert len(Web.asked) > len(DATA) // 300_000


def test_what_is_missing_of_a_signed_url_is_named_without_its_signature(web: str) -> None:
    Web.changes_after = 12
    report = logan.analyze(f"{web}/a%20b.log?signature=geheim", chunk_size=300_000, errors="report")
    assert report.partial
    assert "changed" in report.inputs[0].error
    assert "geheim" not in report.to_json()


def test_what_a_worker_cannot_fetch_of_an_archive_is_no_result(web: str) -> None:
    """Another worker may be able to."""
    Web.files["/secret.log"] = gzip.compress(DATA)
    spec = logan.make_spec()
    source = Source(f"{web}/secret.log", 9_999, compression="gzip")
    with pytest.raises(logan.InputError, match="access denied"):
        scan_chunk(
            source,
            Chunk(0, 0, 0, 9_999),
            spec,
            chunk_size=300_000,
            expansion_max=0,
            url_roots=UrlRoots([f"{web}/"]),
            keep_partial=False,
        )


def test_an_object_that_changes_under_the_scan_is_left_out(web: str) -> None:
    Web.changes_after = 12  # those of opening: a look, the head, eight places, two more
    with pytest.raises(logan.SourceChangedError, match="changed"):
        logan.analyze(web + "/a%20b.log", chunk_size=300_000)


def test_a_server_that_is_not_there(web: str) -> None:
    del web
    with pytest.raises(logan.InputError, match=r"127\.0\.0\.1:1"):
        logan.analyze("http://127.0.0.1:1/a.log")


def test_unknown_schemes_are_named() -> None:
    with pytest.raises(logan.InputError, match="ftp://"):
        logan.analyze("ftp://example.org/a.log")


@pytest.mark.parametrize(("url", "what"), [("s3://", "bucket"), ("https:///a.log", "server")])
def test_urls_of_nothing_are_named(url: str, what: str) -> None:
    with pytest.raises(logan.InputError, match=f"names no {what}") as caught:
        logan.analyze(url)
    assert "write it like" in str(caught.value.hint)


def test_urls_are_shown_without_secrets() -> None:
    assert shown("https://me:pw@example.org/a.log?X-Sig=1") == "https://example.org/a.log"


# --- Where a URL may lead -----------------------------------------------------------------------


@pytest.fixture
def elsewhere(web: str) -> Iterator[str]:
    """Another server, which looks like another host, with a secret."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    Web.files |= {"/logs/a.log": DATA, "/internal/secret": b"secret\n" * 99}
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def refused_redirect(web: str, url: str) -> logan.InputError:
    with pytest.raises(logan.InputError) as caught:
        list(Fetcher(url, roots=UrlRoots([f"{web}/logs/"])).whole())
    assert caught.value.kind == "permission"
    return caught.value


def test_a_redirect_out_of_the_roots_is_refused(web: str, elsewhere: str) -> None:
    url = f"{web}/logs/moved.log"
    for target in (
        f"{elsewhere}/internal/secret",
        "/internal/secret",
        "../internal/secret?signature=geheim",
        "//localhost:1/logs/a.log",
        f"{web.replace('http', 'https')}/logs/a.log",
    ):
        Web.redirects["/logs/moved.log"] = [target]
        Web.asked.clear()
        error = refused_redirect(web, url)
        assert f"{url} redirects to " in str(error)
        assert "which is not below a root of the worker" in str(error)
        assert "geheim" not in str(error)
        assert Web.asked == ["GET /logs/moved.log"]


def test_a_redirect_to_no_web_server_is_refused_always(web: str) -> None:
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://x", "s3://logs/a.log"):
        Web.redirects["/moved.log"] = [target]
        with pytest.raises(logan.InputError, match="redirects to"):
            list(Fetcher(f"{web}/moved.log").whole())


def test_each_request_is_looked_at(web: str, elsewhere: str) -> None:
    """A server that redirects only once it was found to be harmless."""
    Web.redirects["/logs/a.log"] = ["", "", f"{elsewhere}/internal/secret"]
    fetcher = Fetcher(f"{web}/logs/a.log", roots=UrlRoots([f"{web}/logs"]))
    assert fetcher.head() is not None
    assert fetcher.range(0, 10) == DATA[:10]
    with pytest.raises(logan.InputError, match="not below a root"):
        fetcher.range(10, 20)
    assert not any("secret" in each for each in Web.asked)


def test_a_redirect_within_the_roots_is_followed(web: str, elsewhere: str) -> None:
    del elsewhere
    Web.redirects["/logs/moved.log"] = ["/logs/x/../b.log"]
    Web.redirects["/logs/b.log"] = [f"{web}/logs/a.log?a=1#b"]
    fetcher = Fetcher(f"{web}/logs/moved.log", roots=UrlRoots([f"{web}/logs"]))
    assert fetcher.range(5, 10) == DATA[5:10]


def test_redirects_that_do_not_end(web: str) -> None:
    Web.redirects["/moved.log"] = ["/moved.log"]
    with pytest.raises(logan.InputError, match="more than 10 redirects"):
        Fetcher(f"{web}/moved.log").range(0, 1)


def test_what_this_user_named_may_redirect_anywhere(
    web: str, elsewhere: str, plain: logan.Report
) -> None:
    Web.redirects["/moved.log"] = [f"{elsewhere}/logs/a.log"]
    report = logan.analyze(f"{web}/moved.log", chunk_size=300_000)
    assert report.total_requests == plain.total_requests


def test_login_is_not_sent_to_where_it_redirects(web: str, elsewhere: str) -> None:
    logins: list[tuple[str, str | None]] = []

    class Login(Web):
        def _answer(self, *, body: bool) -> None:
            logins.append((self.path, self.headers.get("Authorization")))
            super()._answer(body=body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Login)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    try:
        own = f"127.0.0.1:{server.server_port}"
        Web.redirects["/moved.log"] = [f"http://localhost:{server.server_port}/logs/a.log"]
        assert Fetcher(f"http://me:p%40w@{own}/moved.log").range(0, 5) == DATA[:5]
    finally:
        server.shutdown()
        server.server_close()
    assert logins == [("/moved.log", "Basic bWU6cEB3"), ("/logs/a.log", None)]


def test_a_server_that_fails_for_a_moment_is_asked_again(web: str) -> None:
    Web.fails = 2
    assert Fetcher(f"{web}/a%20b.log").range(3, 7) == DATA[3:7]
    assert len(Web.asked) == 3


def test_ranges_are_read_ahead_up_to_the_chunks_end_alone(web: str) -> None:
    size = 3 * FETCH_BYTES_MAX + 100
    Web.files["/big"] = bytes(range(256)) * (size // 256 + 1)
    pieces = list(Fetcher(web + "/big").pieces(99, size - 50, size, logan.Cancel()))
    assert b"".join(pieces) == Web.files["/big"][99:size]
    assert max(len(each) for each in pieces) == FETCH_BYTES_MAX
    assert len(pieces[-1]) == 50


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """A server with some objects; this process's environment leads to it."""
    with (
        open_store(tmp_path_factory.mktemp("store")) as store,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in store.environment.items():
            patch.setenv(name, value)
        store.put("deep/app one.log", DATA)
        store.put("app.log.gz", gzip.compress(DATA))
        yield store


@pytest.mark.parametrize("key", ["deep/app one.log", "app.log.gz"])
def test_objects_of_a_store(store: ObjectStore, plain: logan.Report, key: str) -> None:
    report = logan.analyze(f"s3://logs/{key}", chunk_size=300_000, threads=3)
    for name in ("total_requests", "response_time_ms", "series", "levels"):
        assert report[name] == plain[name]
    assert not report.partial


def test_objects_on_the_command_line(store: ObjectStore, tmp_path: Path) -> None:
    path = tmp_path / "b.log"
    path.write_bytes(DATA)
    done = subprocess.run(
        [sys.executable, "-m", "logan", "analyze", "--json", "s3://logs/app.log.gz", str(path)],
        env={**os.environ, **store.environment},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["total_requests"] == 2 * len(LINES)
    assert [each["compression"] for each in report["inputs"]] == ["gzip", None]


def test_what_a_store_lacks(store: ObjectStore) -> None:
    with pytest.raises(logan.InputError, match=r"nothing is there|no such bucket"):
        logan.analyze("s3://nobucket/a.log")
    with pytest.raises(logan.InputError, match="nothing is there"):
        logan.analyze("s3://logs/none.log")


def test_a_coordinator_follows_no_redirect_that_a_client_found(web: str, elsewhere: str) -> None:
    """Planning reads samples of what clients name, and quotes it."""
    Web.redirects["/logs/moved.log"] = [f"{elsewhere}/internal/secret"]
    roots = Roots([f"{web}/logs/"], owner="coordinator")
    wish = Submission(paths=[f"{web}/logs/moved.log", f"{web}/logs/a.log"], confined=True)
    job = _plan_paths(wish, roots, strict=False).job
    assert job is not None
    moved, found = job.inputs
    assert moved.error is not None
    assert "which is not below a root of the coordinator" in str(moved.error)
    assert moved.error is not None
    assert "logan coordinator --root" in str(moved.error.hint)
    assert found.error is None
    assert not any("secret" in each for each in Web.asked)
