"""`logan watch` as users type it: files, pipes, ends, alerts, the saved summary, the page."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import IO, Any

import pytest

import logan
from tests.support.browser import browser
from tests.support.permissions import held_to_permissions
from tests.support.rotating import Writer
from tests.support.rotating_watch import KINDS_AT_SPEED, play


def line(number: int, *, status: int = 200) -> bytes:
    now = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime())
    path = f"/api/items/{number}"
    return f'10.0.0.1 - - [{now}] "GET {path} HTTP/1.1" {status} 17 "-" "curl" 0.025\n'.encode()


@pytest.fixture
def watch() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*args: object, before: Sequence[str] = (), **more: Any) -> subprocess.Popen[bytes]:
        command = [*before, sys.executable, "-m", "logan", "watch", *map(str, args)]
        pipes: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | more
        process: subprocess.Popen[bytes] = subprocess.Popen(command, **pipes)
        started.append(process)
        return started[-1]

    yield start
    for each in started:
        each.kill()
        each.wait()
        for stream in (each.stdin, each.stdout, each.stderr):
            if stream is not None:
                stream.close()


def wait_for(check: Callable[[], object], why: str) -> None:
    end = time.monotonic() + 20
    while not check():
        assert time.monotonic() < end, why
        time.sleep(0.02)


def test_ctrl_c_ends_with_the_report_of_all(tmp_path: Path, watch: Any) -> None:
    log, saved = tmp_path / "a.log", tmp_path / "all.logan"
    log.write_bytes(b"".join(line(n, status=500 if n < 10 else 200) for n in range(100)))
    process = watch(log, "--json", "--interval", "0.2s", "--window", "1m", "--save", saved)
    first = json.loads(process.stdout.readline())
    assert first["live"]["window"] == "1m"
    log.rename(tmp_path / "a.log.1")
    log.write_bytes(b"".join(line(n) for n in range(20)) + line(0)[:-1])
    for text in iter(process.stdout.readline, b""):
        if json.loads(text)["lines"]["total"] == 120:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    last = json.loads(out.splitlines()[-1])
    assert last["live"]["window"] == "all"
    assert last["total_requests"] == 121  # the line without an end counts, too
    assert last["errors"]["total"] == 10
    assert logan.load(saved).report().total_requests == 121
    assert logan.analyze(saved).to_dict()["routes"] == last["routes"]
    (tmp_path / "both").write_bytes((tmp_path / "a.log.1").read_bytes() + log.read_bytes())
    plain = logan.analyze(tmp_path / "both").to_dict()
    for key in ("errors", "response_time_ms", "routes", "series", "status", "time", "throughput"):
        assert last[key] == plain[key]


def test_a_pipe_ends_the_watch(watch: Any) -> None:
    process = watch("--interval", "0.2s", stdin=subprocess.PIPE)
    process.stdin.write(line(1) * 3)
    process.stdin.flush()
    assert b"[5m]" in process.stdout.readline()
    process.stdin.write(line(2)[:-1])
    process.stdin.close()
    out = process.stdout.read().decode()
    assert process.wait(20) == 0
    assert re.search(r"^ +4 +", out, re.MULTILINE)
    assert "standard input" in out


def test_a_redirected_file_ends_the_watch(tmp_path: Path, watch: Any) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(line(1) * 3)
    with log.open("rb") as file:
        process = watch("-", "--json", stdin=file)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["total_requests"] == 3


@pytest.mark.parametrize("limit", [("--for", "0.5s"), ("--exit-idle", "0.5s")])
def test_it_ends_by_itself(tmp_path: Path, watch: Any, limit: tuple[str, str]) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(line(1) * 30)
    out_file = tmp_path / "report.txt"
    process = watch(log, *limit, "-o", out_file, "--expect", "errors.ratio<1%")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert out == b""
    assert "30" in out_file.read_text()


def test_an_alert_is_told_once(tmp_path: Path, watch: Any) -> None:
    log, told = tmp_path / "a.log", tmp_path / "told"
    log.write_bytes(line(1, status=500) * 30)
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(204 if got else 503)  # the first try fails
            self.end_headers()
            got.append(json.loads(body))

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    script = tmp_path / "tell"
    script.write_text(f"#!/bin/sh\ncat >> {told}; echo >> {told}; echo $# >> {told}\n")
    script.chmod(0o755)
    try:
        process = watch(
            *(log, "--for", "5s", "--json", "--alert", "errors.ratio over 30s > 5%"),
            *("--notify", script, "--notify", f"http://127.0.0.1:{server.server_port}/"),
        )
        _, err = process.communicate(timeout=30)
    finally:
        server.shutdown()
        server.server_close()
    assert process.returncode == 0
    assert err.decode().count("ALERT: errors.ratio over 30s > 5%") == 1
    text, arguments = told.read_text().split("\n")[:2]
    assert json.loads(text)["state"] == "firing"
    assert json.loads(text)["value"] == 1.0
    assert arguments == "0"
    assert [each["state"] for each in got] == ["firing", "firing", "ended"]  # the first try failed
    assert got[2]["reason"] == "the watch has ended"
    assert "api" not in json.dumps(got)  # no text of the log


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["a.log.gz"], "compressed"),
        (["https://example.org/a.log"], "files and pipes"),
        (["nofolder/a.log"], "neither does its folder"),
        (["a.log", "--alert", "nonsense"], "no metric 'nonsense'"),
        (["a.log", "--notify", "true"], "--notify needs an alert"),
        (["a.log", "--from", "noon"], "--from 'noon'"),
        (["a.log", "--serve", "0.0.0.0:0"], "needs a token"),
        (["a.log", "--csv", "routes"], "unknown option or argument: --csv"),
        (["a.log", "--relative-to", "last", "--since", "1h"], "option or argument: --relative-to"),
        (["a.log", "--where", "status>"], "expected"),
        (["a.log", "--token-file", "secret"], "--token-file is for a coordinator"),
        (["a.log", "--tls-ca", "ca.pem"], "--tls-ca is for a coordinator"),
    ],
)
def test_mistakes_end_at_once(tmp_path: Path, watch: Any, args: list[str], why: str) -> None:
    (tmp_path / "a.log").write_bytes(line(1))
    process = watch(*args, cwd=tmp_path)
    out, err = process.communicate(timeout=20)
    assert process.returncode in (2, 3)
    assert why in err.decode()
    assert out == b""
    assert b"Traceback" not in err


@pytest.mark.parametrize("kind", KINDS_AT_SPEED)
def test_rotations_while_it_runs(tmp_path: Path, kind: str) -> None:
    assert play(tmp_path, kind, rotations=20, per_s=2_000, seed=3) > 1_000


@pytest.mark.slow
def test_links_that_lead_elsewhere_while_it_runs(tmp_path: Path, watch: Any) -> None:
    writer = Writer(tmp_path, "link", 3)
    process = watch(writer.path, "--json", "--interval", "0.2s", "--from", "start")
    process.stdout.readline()
    for _ in range(20):
        for _ in range(5):
            writer.write(40)
            time.sleep(0.01)
        time.sleep(1.5)  # where it led to in between cannot be found out later
        writer.rotate()
    writer.write(1)
    for text in iter(process.stdout.readline, b""):
        report = json.loads(text)
        if report["lines"]["total"] >= writer.lines and not report["live"]["behind_bytes"]:
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    last = json.loads(out.splitlines()[-1])
    assert (last["lines"]["total"], last["lines"]["parsed"]) == (writer.lines,) * 2, err
    writer.close()


# The page.


def test_the_page_in_a_browser(tmp_path: Path, watch: Any) -> None:
    pytest.importorskip("hypercorn")
    log = tmp_path / "a.log"
    hostile = line(1).replace(b"/api/items/1", b"/<img/src=x/onerror=alert(1)>")
    log.write_bytes(line(1, status=500) * 30 + hostile * 3)
    port = served(watch(log, "--serve", "127.0.0.1:0", "--interval", "60s"))
    with browser(tmp_path / "profile") as chromium:
        page = chromium.open(f"http://127.0.0.1:{port}/?window=all")
        first = "document.querySelector('dd') && document.querySelector('dd').textContent"
        page.wait(f"({first}) === '33'")
        assert "onerror=alert(1)>" in page.run("document.getElementById('routes').innerText")
        assert page.run("document.querySelectorAll('img').length") == 0
        assert page.run("document.getElementById('state').textContent").startswith("live")
        with log.open("ab") as file:
            file.write(line(2) * 7)
        page.wait(f"({first}) === '40'")
        page.run("document.querySelectorAll('#windows button')[0].click()")
        page.wait("document.querySelector('[aria-pressed=true]').textContent === '1m'")
        page.run("document.body.append(document.createElement('script'))")
        assert page.complaints() == []


def served(process: subprocess.Popen[bytes]) -> int:
    stream: IO[bytes] = process.stderr  # type: ignore[assignment]
    for text in iter(stream.readline, b""):
        if found := re.search(rb"live page: https?://\S+:(\d+)/", text):
            return int(found[1])
    raise AssertionError("no page")


def get(port: int, path: str, **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def metric(port: int, name: str) -> float:
    text = get(port, "/metrics")[1].decode()
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_the_page_is_live(tmp_path: Path, watch: Any) -> None:
    pytest.importorskip("hypercorn")
    log = tmp_path / "a.log"
    log.write_bytes(line(1) * 30)
    process = watch(log, "--serve", "127.0.0.1:0", "--interval", "60s")
    port = served(process)
    response, body = get(port, "/")
    policy = response.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert b"EventSource" in body
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/events?window=all")
    stream = connection.getresponse()
    assert stream.headers["content-type"].startswith("text/event-stream")
    while json.loads((stream.readline() or b"")[6:] or b"{}").get("facts", [[]])[0] != [
        *("30", "requests")
    ]:
        pass  # on a busy machine the page is there before the log was read
    with log.open("ab") as file:
        file.write(line(2) * 12)
    written = time.monotonic()
    while (
        json.loads((stream.readline() or b"data: {}")[6:] or b"{}").get("facts", [[0]])[0][0]
        != "42"
    ):
        assert time.monotonic() - written < 10
    connection.close()
    wait_for(
        lambda: metric(port, 'logan_requests_total{route="GET /api/items/{id}"}') == 42, "metrics"
    )
    assert json.loads(get(port, "/report.json?window=all")[1])["total_requests"] == 42
    assert get(port, "/events?window=9m")[0].status == 400
    assert get(port, "/", Host="evil.example")[0].status == 421
    assert get(port, "/nothing")[0].status == 404
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_an_anonymized_page(tmp_path: Path, watch: Any) -> None:
    pytest.importorskip("hypercorn")
    folder = tmp_path / "jane"
    folder.mkdir()
    log = folder / "a.log"
    log.write_bytes(line(1).replace(b"/api/items/1", b"/u/jane.doe@example.org?q=hunter2") * 30)
    process = watch(log, "--serve", "127.0.0.1:0", "--interval", "60s", "--anonymize")
    port = served(process)
    wait_for(lambda: metric(port, 'logan_requests_total{route="GET /u/***"}') == 30, "metrics")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as events:
        events.sendall(b"GET /events?window=all HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % port)
        board = b""
        while b'"out_of_order"' not in board:
            board += events.recv(65_536)
    for shown in (board, get(port, "/metrics")[1], get(port, "/report.json")[1]):
        assert b"/u/***" in shown
        for secret in (b"jane", b"10.0.0.1", b"hunter2"):
            assert secret not in shown


def stalled(port: int) -> socket.socket:
    """A viewer that has room for little."""
    viewer = socket.socket()
    viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
    viewer.connect(("127.0.0.1", port))
    viewer.settimeout(10)
    return viewer


def test_a_viewer_that_reads_nothing_does_not_keep_it_from_ending(
    tmp_path: Path, watch: Any
) -> None:
    pytest.importorskip("hypercorn")
    log = tmp_path / "a.log"
    log.write_bytes(line(1) * 30)
    process = watch(log, "--serve", "127.0.0.1:0", "--interval", "60s")
    port = served(process)
    with stalled(port) as viewer:
        request = f"GET /report.json HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"
        viewer.setblocking(False)
        filled = time.monotonic()
        while time.monotonic() - filled < 2:
            with contextlib.suppress(BlockingIOError):
                viewer.send(request.encode())
            time.sleep(0.002)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=10)
    assert process.returncode == 0
    assert b"30 lines" in out


def test_more_connections_than_it_may_open(tmp_path: Path, watch: Any) -> None:
    pytest.importorskip("hypercorn")
    log = tmp_path / "a.log"
    log.write_bytes(line(1) * 30)
    limit = ("bash", "-c", 'ulimit -n 60; exec "$@"', "-")
    process = watch(log, "--serve", "127.0.0.1:0", "--interval", "60s", before=limit)
    port = served(process)
    crowd = [stalled(port) for _ in range(90)]
    time.sleep(0.5)
    for each in crowd:
        each.close()
    wait_for(lambda: get(port, "/")[0].status == 200, "room")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert b"Traceback" not in err
    assert err.count(b"too many connections") == 1
    assert b"30 lines" in out


def test_others_need_a_token(tmp_path: Path, watch: Any) -> None:
    pytest.importorskip("hypercorn")
    log, token = tmp_path / "a.log", tmp_path / "token"
    log.write_bytes(line(1) * 30)
    token.write_text("0123456789abcdef\n")
    token.chmod(0o644)
    serve = ("--serve", "0.0.0.0:0", "--serve-token-file", token)
    _, err = watch(log, *serve, "--insecure").communicate(timeout=20)
    assert b"can be read by others" in err
    token.chmod(0o600)
    _, err = watch(log, *serve).communicate(timeout=20)
    assert b"needs TLS" in err
    process = watch(log, *serve, "--insecure")
    port = served(process)
    assert b"EventSource" not in get(port, "/")[1]
    for path in ("/events", "/metrics", "/report.json"):
        assert get(port, path)[0].status == 401
    assert get(port, "/metrics", Authorization="Bearer 0123456789abcdef")[0].status == 200
    assert get(port, "/metrics", Authorization="Bearer 0123456789abcdeF")[0].status == 401

    def login(text: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/login", body=f"token={text}")
        response = connection.getresponse()
        response.read()
        connection.close()
        return response

    refused = login("wrong")
    assert (refused.status, refused.headers["set-cookie"]) == (403, None)
    assert login("x" * 5_000).status == 413
    cookie = login("0123456789abcdef").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "0123456789abcdef" not in cookie
    assert b"EventSource" in get(port, "/", Cookie=cookie.partition(";")[0])[1]
    assert get(port, "/metrics", Cookie="logan_session=")[0].status == 401
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_the_command_of_the_service(tmp_path: Path, watch: Any) -> None:
    """As systemd runs it, stopped and started again."""
    pytest.importorskip("hypercorn")
    text = (Path(logan.__file__).parent / "share/systemd/logan-watch.service").read_text()
    (start,) = re.findall(r"^ExecStart=\S+ watch (.*)$", text, re.MULTILINE)
    values = {"$LOGS": str(tmp_path / "*.log"), "$OPTIONS": "--serve 127.0.0.1:0"}
    values["/var/lib/logan-watch"] = str(tmp_path / "state")
    args = shlex.split(" ".join(values.get(each, each) for each in shlex.split(start)))
    log = tmp_path / "a.log"
    for more in (30, 12):
        with log.open("ab") as file:
            file.write(line(1) * more)
        process = watch(*args)
        served(process)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0, err
        assert f" {more} lines".encode() in out


def test_a_port_in_use_is_named(tmp_path: Path, watch: Any) -> None:
    pytest.importorskip("hypercorn")
    log = tmp_path / "a.log"
    log.write_bytes(line(1))
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    try:
        process = watch(log, "--serve", f"127.0.0.1:{server.server_port}")
        _, err = process.communicate(timeout=20)
    finally:
        server.server_close()
    assert process.returncode == 2
    assert b"cannot serve at 127.0.0.1" in err
    assert b"Traceback" not in err


def test_permission_that_is_lost_and_regained(tmp_path: Path, watch: Any) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(line(1) * 10)
    process = watch(log, "--json", "--interval", "0.2s", before=held_to_permissions())
    process.stdout.readline()
    log.rename(tmp_path / "a.log.1")
    log.touch(mode=0o000)
    assert b"permission denied; waiting" in process.stderr.readline()
    with log.open("wb") if os.geteuid() == 0 else (tmp_path / "a.log.1").open("ab") as file:
        file.write(line(2) * 3)
    time.sleep(0.5)
    log.chmod(0o644)
    for text in iter(process.stdout.readline, b""):
        report = json.loads(text)
        if report["lines"]["total"] == 13:
            break
    kinds = [each["kind"] for each in report["live"]["notices"]]
    assert "unreadable" in kinds
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.parametrize("pattern", ["", "*.log"])
def test_a_folder_that_is_closed_at_first(tmp_path: Path, watch: Any, pattern: str) -> None:
    folder = tmp_path / "closed"
    folder.mkdir()
    (folder / "a.log").write_bytes(line(1) * 10)
    folder.chmod(0)
    process = watch(
        *(folder / pattern, "--json", "--interval", "0.2s"), before=held_to_permissions()
    )
    said = process.stderr.readline()
    assert b"the folder cannot be read: permission denied; waiting until it can be read" in said
    folder.chmod(0o755)
    for text in iter(process.stdout.readline, b""):
        if json.loads(text)["lines"]["total"] == 10:
            break
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_a_burst(tmp_path: Path, watch: Any) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(line(1) * 10)
    process = watch(log, "--json", "--interval", "0.2s", "--exit-idle", "1s", "--window", "all")
    process.stdout.readline()
    with log.open("ab") as file:
        for _ in range(64):
            file.write(line(2) * 5_000)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out.splitlines()[-1])["total_requests"] == 10 + 64 * 5_000


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_full_disk_costs_the_saved_summary_not_the_report(
    tmp_path: Path, watch: Any, kind: str
) -> None:
    log, saved = tmp_path / "a.log", tmp_path / "all.logan"
    log.write_bytes(b"".join(line(n) for n in range(50)))

    def no_room() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))

    process = watch(
        *(log, "--from", "start", "--for", "0.5s", "--save", saved, "--output-format", kind),
        preexec_fn=no_room,
    )
    out, err = process.communicate(timeout=20)
    assert process.returncode == 4
    assert f"cannot write {saved}" in err.decode()
    assert b"Traceback" not in err
    if kind == "json":
        assert json.loads(out.splitlines()[-1])["total_requests"] == 50
    else:
        assert b"GET /api/items" in out
    assert [each.name for each in tmp_path.iterdir()] == ["a.log"]


def test_quiet_prints_no_text_and_what_is_wrong(tmp_path: Path, watch: Any) -> None:
    log = tmp_path / "a.log"
    log.write_bytes(b"".join(line(n) for n in range(50)))
    asked = (log, "--from", "start", "--for", "1s", "--interval", "0.1s")
    process = watch(*asked, "-q", "--expect", "total_requests>0", "--expect", "total_requests<9")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert out == b""
    assert [each.split()[0] for each in err.decode().splitlines()] == ["FAIL", "logan:"]
    process = watch(*asked, "-q", "--json")
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert json.loads(out.splitlines()[-1])["total_requests"] == 50
    assert err == b""


def test_a_certain_loss_makes_the_report_partial(tmp_path: Path, watch: Any) -> None:
    """A log that cannot be read is an error of the report, too."""
    log, closed = tmp_path / "a.log", tmp_path / "b.log"
    log.write_bytes(line(1))
    closed.write_bytes(line(1))
    closed.chmod(0)
    process = watch(
        *(log, closed, "--from", "start", "--for", "1s", "--json"),
        before=held_to_permissions(),
    )
    out, err = process.communicate(timeout=20)
    assert process.returncode == 3, err
    report = json.loads(out.splitlines()[-1])
    assert report["partial"]
    assert "permission denied" in report["inputs"][1]["error"]
    assert err.decode().count("permission denied") <= 2


def test_long_options_are_quoted_in_part(tmp_path: Path, watch: Any) -> None:
    for args in (["--where", "status=" + "9" * 5_000], ["x" * 3_000], ["--no-such=" + "y" * 5_000]):
        process = watch(tmp_path / "a.log", *args)
        err = process.communicate(timeout=20)[1].decode()
        assert process.returncode in (2, 3)
        assert len(err) < 1_500, args[0]
