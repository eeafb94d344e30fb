"""The coordinator's page in a browser: what it shows, to whom, at three widths, light and dark."""

from __future__ import annotations

import http.client
import json
import signal
from pathlib import Path

import pytest

from tests.support.browser import browser
from tests.support.cluster_processes import Cluster, log_lines


def get(port: int, path: str, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, body


def test_the_page(tmp_path: Path) -> None:
    pytest.importorskip("hypercorn")
    root = tmp_path / "alice"
    root.mkdir()
    log = root / "app <img src=x onerror=alert(1)>.log"
    log.write_text("".join(f"{each}\n" for each in log_lines(2_000)))
    with Cluster(tmp_path) as cluster:
        coordinator = cluster.coordinator("--serve", "127.0.0.1:0")
        port = int(coordinator.said(r"live page: http://127.0.0.1:(\d+)/")[1])
        worker = cluster.worker("alice", "--root", str(root))
        submitted = cluster.submit("--on-workers", "*.log", "--json")
        assert submitted.wait() == 0, submitted.err
        watch = cluster.start(
            *("watch", "watch", "--on-workers", "*.log", "--coordinator", cluster.address),
            "--json",
        )
        watch.said("lives in the coordinator")
        with browser(tmp_path / "profile") as chromium:
            for width in (390, 820, 1_400):
                for dark in (False, True):
                    page = chromium.open(f"http://127.0.0.1:{port}/", width=width, dark=dark)
                    page.wait("document.getElementById('follows').innerText.includes('*.log')")
                    wide = page.run("document.documentElement.scrollWidth")
                    assert wide <= width
                    assert page.complaints() == []
                    page.screenshot(tmp_path / f"page-{width}-{dark}.png")
            assert "alice" in page.run("document.getElementById('workers').innerText")
            assert "2,000" in page.run("document.getElementById('reports').innerText")
            assert page.run("document.querySelectorAll('img').length") == 0
            link = page.run("document.querySelector('#reports a').getAttribute('href')")
            worker.send(signal.SIGKILL)
            page.wait("document.getElementById('verdict').className === 'bad'")
            assert page.complaints() == []
        assert json.loads(get(port, link)[1])["lines"]["parsed"] == 2_000
        assert json.loads(get(port, "/state.json")[1])["follows"][0]["away"] == 1
        assert get(port, "/report.json?window=none")[0] == 400
        assert get(port, "/", host="evil.example")[0] == 421


def test_others_need_a_token(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster:
        process = cluster.start("coordinator", "coordinator", "--serve", "0.0.0.0:0")
        assert process.wait() == 2
    assert "the page needs a token" in process.err
