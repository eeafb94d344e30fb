"""`python -m test_vectors.live_demo`: two logs are written, incidents are planted in them, and
`logan watch` shows them in the terminal and on a page while alerts fire and end.

The access log and the application's log lie in a folder of their own, which is removed at the end.
Ordinary traffic was there before the watch begins, so that it has something to compare with. It
ends by itself, or by q or Ctrl-C, with the report of all; what was planted and what alerts said
stands below it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import Event as Flag
from threading import Thread
from typing import Any, Final

from test_vectors.incidents.render import rendered
from test_vectors.incidents.traffic import Effect, Event, Service, make_events, poisson

__all__ = ["Planted", "demo", "planted"]

SEED: Final = 7
HISTORY_S: Final = 420.0
"""So much was written before: it fills the 5-minute view."""

RATE: Final = 60.0
LOOK_S: Final = 6.0
"""For reading what will happen, before the view covers it."""

PIECE_S: Final = 0.05
ROUTES: Final = (
    *("GET /", "GET /api/items/{}", "GET /api/search", "POST /api/checkout", "GET /api/cart"),
    *("POST /api/login", "GET /static/app.js"),
)
WEIGHTS: Final = (4.0, 6.0, 3.0, 2.0, 2.0, 1.0, 5.0)
MEANS_MS: Final = (18.0, 35.0, 90.0, 140.0, 30.0, 60.0, 4.0)

ALERTS: Final = (
    "errors.ratio over 20s > 3% for 3s",
    'routes["GET /api/search"].p95_ms over 20s > 500ms for 3s',
    "total_requests over 20s < 700 for 3s",
)


@dataclass(frozen=True, slots=True)
class Planted:
    """An incident: what happens, `start` and `end` in seconds after the beginning."""

    text: str
    start: float
    end: float
    alert: str


@dataclass(frozen=True, slots=True)
class _Failing(Effect):
    """Checkouts fail, and the application says why."""

    def change(self, event: Event, rng: Random) -> Event:
        if event.route != "POST /api/checkout" or rng.random() > 0.7:
            return event
        return event._replace(status=502, level="ERROR")

    def added(self, service: Service, rng: Random) -> Iterator[Event]:
        for _ in range(poisson(rng, 2 * (self.end - self.start))):
            text = f"payment gateway refused the connection after {rng.randint(80, 400)} ms"
            t = rng.uniform(self.start, self.end)
            yield Event(t, "ERROR", None, 0, 0, "", "web1", "", text)


@dataclass(frozen=True, slots=True)
class _Slow(Effect):
    """Searches take eight times as long."""

    def change(self, event: Event, rng: Random) -> Event:
        return event._replace(ms=event.ms * 8) if event.route == "GET /api/search" else event

    def added(self, service: Service, rng: Random) -> Iterator[Event]:
        for _ in range(poisson(rng, self.end - self.start)):
            text = f"query on search_index took {rng.randint(500, 1_900)} ms"
            t = rng.uniform(self.start, self.end)
            yield Event(t, "WARN", None, 0, 0, "", "web1", "", text)


@dataclass(frozen=True, slots=True)
class _Drop(Effect):
    """Most requests do not arrive."""

    def rate(self, t: float) -> float:
        return 0.1


def planted(scale: float = 1.0) -> list[Planted]:
    """What happens when; `scale` shortens all of it."""
    plan = (
        ("POST /api/checkout fails: 7 of 10 answer 502", 15, 50, ALERTS[0]),
        ("GET /api/search is 8 times as slow", 75, 110, ALERTS[1]),
        ("9 of 10 requests do not arrive", 135, 170, ALERTS[2]),
    )
    return [Planted(text, start * scale, end * scale, alert) for text, start, end, alert in plan]


LASTS_S: Final = 230.0
"""All of it: the last alert ends half a minute after traffic came back."""


def _events(began: float, seconds: float, incidents: Sequence[Planted]) -> list[Event]:
    service = Service(
        start=began - HISTORY_S,
        span=HISTORY_S + seconds,
        rate=RATE,
        dispersion=1.5,
        rhythm=0.0,
        kind="access",
        routes=ROUTES,
        weights=WEIGHTS,
        means_ms=MEANS_MS,
        failing=(0.001,) * len(ROUTES),
        sigma=0.45,
        clients=tuple(f"10.1.{n % 7}.{n}" for n in range(1, 120)),
        hosts=("web1", "web2"),
        crons=False,
    )
    kinds = (_Failing, _Slow, _Drop)
    effects = [
        kind(began + each.start, began + each.end)
        for kind, each in zip(kinds, incidents, strict=True)
    ]
    rng = Random(SEED)
    events = make_events(service, effects, rng)
    for n in range(math.ceil((HISTORY_S + seconds) / 4)):
        t = service.start + 4 * n
        events.append(Event(t, "INFO", None, 0, 0, "", "web1", "", f"health check {n} passed"))
    events.sort(key=lambda each: each.t)
    return [
        each._replace(route=each.route and each.route.replace("{}", str(rng.randint(1, 999))))
        for each in events
    ]


def _write(folder: Path, events: Sequence[Event]) -> None:
    for name, kind in (("access.log", "access"), ("app.log", "app")):
        chosen = [each for each in events if (each.route is None) == (kind == "app")]
        if chosen:
            with (folder / name).open("ab") as file:
                file.write(rendered(chosen, kind))


def _write_on(folder: Path, events: Sequence[Event], over: Flag) -> None:
    """Write each event when its time has come."""
    at = 0
    while at < len(events) and not over.wait(PIECE_S):
        now, first = time.time(), at
        while at < len(events) and events[at].t <= now:
            at += 1
        _write(folder, events[first:at])


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def _say(text: str = "") -> None:
    print(text, flush=True)


def _announce(began: float, seconds: float, incidents: Sequence[Planted], address: str) -> None:
    _say(f"A web service that writes {RATE:.0f} requests a second is watched, and breaks:\n")
    for each in incidents:
        span = f"{_clock(began + each.start)} to {_clock(began + each.end)} UTC"
        _say(f"  {span}   {each.text}")
    _say(f"\nThe live page: http://{address}/ (its metrics for Prometheus: /metrics)")
    _say(f"It ends at {_clock(began + seconds)}, or by q or Ctrl-C, and leaves nothing behind.")


def _conclude(began: float, incidents: Sequence[Planted], told: Path, until: float) -> None:
    """What was planted, beside what alerts said."""
    events = [json.loads(each) for each in told.read_text().splitlines()] if told.exists() else []
    _say("\nplanted                                 alert")
    for each in incidents:
        if began + each.start > until:
            continue
        _say(f"{_clock(began + each.start)} to {_clock(began + each.end)}  {each.text}")
        mine = [event for event in events if event["alert"] == each.alert]
        said = ", ".join(
            f"{'fired' if event['state'] == 'firing' else 'ended'} {event['at'][11:19]}"
            for event in mine
        )
        _say(f"{'':22}{each.alert}: {said or 'said nothing yet'}")


def demo(seconds: float, address: str, *, more: Sequence[str] = ()) -> int:
    """Run it; the exit code of `logan watch`."""
    incidents = planted(min(1.0, seconds / LASTS_S))
    look_s = LOOK_S if sys.stdout.isatty() else 0.0
    began = time.time() + look_s
    with tempfile.TemporaryDirectory(prefix="logan-demo-") as name:
        folder, told = Path(name), Path(name, "told")
        events = _events(began, seconds, incidents)
        there = sum(each.t < began - look_s for each in events)
        _write(folder, events[:there])
        _announce(began, seconds, incidents, address)
        over = Flag()
        writer = Thread(target=_write_on, args=(folder, events[there:], over), daemon=True)
        writer.start()
        stopped: list[int] = []
        before = signal.signal(signal.SIGINT, lambda number, frame: stopped.append(number))
        try:
            while time.time() < began and not stopped:
                time.sleep(0.05)
            if stopped:
                return 0
            command: list[Any] = [sys.executable, "-m", "logan", "watch"]
            command += ["access.log", "app.log", "--serve", address]
            for alert in ALERTS:
                command += ["--alert", alert]
            collect = f"sh -c {shlex.quote(f'cat >> {told}; echo >> {told}')}"
            command += ["--notify", collect, "--for", f"{seconds:g}s", *more]
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            code = subprocess.run(command, cwd=folder, env=environment, check=False).returncode
            if code == 0:
                _conclude(began, incidents, told, time.time())
            return code
        finally:
            over.set()
            writer.join()
            signal.signal(signal.SIGINT, before)


def main() -> int:
    """Run the demo that the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m test_vectors.live_demo", description="watch a service that breaks"
    )
    parser.add_argument("--seconds", type=float, default=LASTS_S, help="how long it lasts")
    parser.add_argument("--serve", default="127.0.0.1:8642", metavar="HOST:PORT")
    parser.add_argument("more", nargs="*", help="other options of logan watch, after --")
    asked = parser.parse_args()
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    return demo(asked.seconds, asked.serve, more=asked.more)


if __name__ == "__main__":
    sys.exit(main())
