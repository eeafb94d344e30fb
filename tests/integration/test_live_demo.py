"""`just demo-live`: it says what it does, watches, ends by itself or by Ctrl-C, and cleans up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from test_vectors.live_demo import ALERTS, _events, planted
from tests.integration.test_watch import get

ROOT = Path(__file__).resolve().parents[2]


def started(tmp_path: Path, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "test_vectors.live_demo", "--serve", "127.0.0.1:0", *args],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("way", ["by itself", "ctrl-c"])
def test_the_demo(tmp_path: Path, way: str) -> None:
    pytest.importorskip("hypercorn")
    seconds = "5" if way == "by itself" else "60"
    process = started(tmp_path, "--seconds", seconds, "--", "--interval", "0.5s")
    assert process.stderr is not None
    page = process.stderr.readline()
    port = int(page.rpartition(":")[2].strip("/\n"))
    end = time.monotonic() + 20
    while json.loads(get(port, "/report.json?window=5m")[1])["total_requests"] < 10_000:
        assert time.monotonic() < end
        time.sleep(0.1)
    if way == "ctrl-c":
        process.send_signal(signal.SIGINT)  # the terminal sends it to the watch, too
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        for child in children:
            os.kill(int(child), signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert "POST /api/checkout fails" in out
    assert "GET /static/app.js" in out  # the final report
    assert list(tmp_path.glob("logan-demo-*")) == []


def test_what_is_planted_is_in_the_log() -> None:
    incidents = planted()
    began = 1_706_091_332.0
    events = _events(began, incidents[-1].end + 20, incidents)
    assert len(ALERTS) == len(incidents)

    def during(index: int) -> list[float]:
        """Errors, response times of searches, requests a second in an incident, or before any."""
        start, end = (-300.0, 0.0) if index < 0 else (incidents[index].start, incidents[index].end)
        some = [each for each in events if each.route and start <= each.t - began < end]
        searches = [each.ms for each in some if each.route == "GET /api/search"]
        errors = sum(each.status >= 500 for each in some)
        return [
            errors / len(some),
            sum(searches) / len(searches),
            len(some) / (end - start),
        ]

    usual = during(-1)
    assert during(0)[0] > 20 * usual[0]
    assert during(1)[1] > 5 * usual[1]
    assert during(2)[2] < 0.2 * usual[2]
    assert "payment gateway" in " ".join(each.message for each in events)
