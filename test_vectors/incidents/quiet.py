"""Logs without an incident that look as if they had one; and the log of any kind from its seed.

The variants are those in which reports cry wolf: clumped traffic, one night, a nightly batch, a
restart, DEBUG switched on, a crawler, edges cut off, a rotation that is missing, hosts whose clocks
are set to two time zones, sampling.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from test_vectors.incidents.plant import KINDS, Truth, as_shown, plant
from test_vectors.incidents.render import rendered
from test_vectors.incidents.traffic import (
    Affected,
    Effect,
    Event,
    Service,
    log_uniform,
    make_events,
    poisson,
    random_service,
    step_of,
)

__all__ = ["INCIDENTS", "QUIET", "IncidentLog", "make_log"]

INCIDENTS: Final = (*KINDS, "two_at_once")
QUIET: Final = (
    *("plain", "dispersion", "one_night", "nightly_batch", "restart", "debug_on", "crawler"),
    *("partial_edges", "missing_rotation", "two_zones", "sampling"),
)


@dataclass(frozen=True, slots=True)
class IncidentLog:
    """Files of one analysis and what is true of them; `truths` is empty for a quiet log.

    Attributes:
        step: of its analysis; longer than that of its service if it has times far from all others.
    """

    kind: str
    seed: int
    files: tuple[tuple[str, bytes], ...]
    truths: tuple[Truth, ...]
    service: Service
    step: int


def make_log(kind: str, seed: int, *, scale: float = 1.0) -> IncidentLog:
    """The log of an incident or of a quiet variant; a function of its arguments. `scale` times as
    many records as usual: small logs are quickly made, but show less."""
    rng = Random(f"{kind}/{seed}")
    service = random_service(rng, scale=scale)
    if kind in QUIET:
        service, files = _quiet(kind, service, rng)
        truths: Sequence[Truth] = ()
    else:
        if kind == "deploy_message" and service.kind == "access":
            service = replace(service, kind="json")  # access logs have no messages
        if kind == "error_burst_hourly":
            service = replace(service, crons=True, cron_status=503)
        planted = plant(kind, service, rng)
        shown = [[Affected() for _ in effects] for effects, _ in planted]
        effects = [each for some, _ in planted for each in some]
        files = [make_events(service, effects, rng, [each for some in shown for each in some])]
        truths = [as_shown(truth, some) for (_, truth), some in zip(planted, shown, strict=True)]
    suffix = "json" if service.kind == "json" else "log"
    named = tuple(
        (f"{service.kind}{index or ''}.{suffix}", rendered(events, service.kind))
        for index, events in enumerate(files)
    )
    step = step_of(int(each.t) for events in files for each in events)
    return IncidentLog(kind, seed, named, tuple(truths), service, step)


@dataclass(frozen=True, slots=True)
class _Lines(Effect):
    """Lines that are no requests, and a client of its own, at constant rates."""

    per_s: float = 0.0
    text: str = ""
    level: str = "INFO"
    requests_per_s: float = 0.0
    route: str = ""
    client: str = "10.8.8.8"

    def added(self, service: Service, rng: Random) -> Iterator[Event]:
        seconds = self.end - self.start
        for _ in range(poisson(rng, self.per_s * seconds)):
            text = self.text.format(rng.randint(1, 9_999))
            t = rng.uniform(self.start, self.end)
            yield Event(*(t, self.level, None, 0, 0, "", service.hosts[0], "", text))
        for _ in range(poisson(rng, self.requests_per_s * seconds)):
            t = rng.uniform(self.start, self.end)
            at = int(rng.random() * len(service.routes))
            ms = service.means_ms[at] * math.exp(rng.gauss(0, service.sigma))
            route = self.route or service.routes[at]
            yield Event(
                *(t, "INFO", route, 200, ms, self.client, service.hosts[0], "Googlebot/2.1")
            )


def _quiet(kind: str, service: Service, rng: Random) -> tuple[Service, list[list[Event]]]:
    effects: list[Effect] = []
    start, span = service.start, service.span
    if kind == "dispersion":
        service = replace(service, dispersion=log_uniform(rng, 1, 200))
    elif kind == "one_night":
        span = rng.uniform(7, 14) * 3_600
        start = (start // 86_400) * 86_400 + rng.uniform(12, 20) * 3_600
        rate = service.records / span
        service = replace(service, start=start, span=span, rate=rate, rhythm=rng.uniform(0.6, 0.9))
        service = replace(service, deploys=())
    elif kind == "nightly_batch":
        span = rng.uniform(0.7, 3) * 86_400
        service = replace(service, rate=service.records / span, span=span, deploys=())
        night = math.floor(start / 86_400) * 86_400 + 7_200.0
        length, route = rng.uniform(0.5, 2) * 3_600, "POST /internal/batch"
        while night < service.end:
            begin, end = max(night, start), min(night + length, service.end)
            if begin < end:
                more = rng.uniform(0.1, 0.6) * service.rate
                text = "batch step {} done"
                effects.append(_Lines(begin, end, 2 * service.rate, text, "INFO", more, route))
            night += 86_400
    elif kind == "restart":
        kind_of_log = "app" if service.kind == "access" else service.kind
        service = replace(service, kind=kind_of_log, deploys=())
    elif kind == "debug_on":
        kind_of_log = "app" if service.kind == "access" else service.kind
        service = replace(service, kind=kind_of_log, rate=service.rate / 3)
        begin = start + rng.uniform(0.2, 0.8) * span
        end = service.end if rng.random() < 0.5 else min(service.end, begin + 0.2 * span)
        per_s = log_uniform(rng, 1, 5) * service.rate
        effects.append(_Lines(begin, end, per_s, "cache lookup took {} steps", "DEBUG"))
    elif kind == "crawler":
        begin = start + rng.uniform(0, 0.6) * span
        end = min(service.end, begin + rng.uniform(0.1, 1) * span)
        more = rng.uniform(0.05, 0.3) * service.rate
        effects.append(_Lines(begin, end, 0, "", "INFO", more, "", "66.249.66.1"))
    elif kind == "sampling":
        service = replace(service, rate=service.rate / 10)
    events = make_events(service, effects, rng)
    return service, _files(kind, service, events, rng)


def _files(kind: str, service: Service, events: list[Event], rng: Random) -> list[list[Event]]:
    """The events of each file."""
    start, span = service.start, service.span
    if kind == "restart":
        begin = start + rng.uniform(0.15, 0.85) * span
        end = begin + log_uniform(rng, 5, 120)
        events = [each for each in events if not begin <= each.t < end]
        for t, text in ((begin, "Shutting down gracefully"), (end, "Started application in 7.1 s")):
            events += [Event(t, "INFO", None, 0, 0, "", host, "", text) for host in service.hosts]
        return [sorted(events, key=lambda each: each.t)]
    if kind == "partial_edges":
        cut = service.step * rng.uniform(0.1, 0.9)
        return [[each for each in events if start + cut < each.t < service.end - cut]]
    if kind == "missing_rotation":
        first = start + rng.uniform(0.2, 0.5) * span
        then = first + rng.uniform(0.05, 0.3) * span
        return [
            [each for each in events if each.t < first],
            [each for each in events if each.t >= then],
        ]
    if kind == "two_zones":
        shift = rng.randint(1, 9) * 3_600.0 * rng.choice((-1, 1))
        half = len(service.hosts) // 2
        other = set(service.hosts[:half])
        return [
            [each for each in events if each.host not in other],
            [each._replace(t=each.t + shift) for each in events if each.host in other],
        ]
    return [events]
