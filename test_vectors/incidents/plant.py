"""Incidents with their truth: what happens, from when to when, and to whom.

Sizes are drawn log-uniformly: error shares rise by 3 to 90 points with at least 30 errors more,
response times grow by 1.3 to 10 times on a route of at least 2 % of the traffic, traffic drops by
50 to 100 % for at least 3 minutes. An incident lasts at least 4 steps of the analysis: what is
shorter than that cannot be told from chance in a report that has only the steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from test_vectors.incidents.traffic import (
    Affected,
    Effect,
    Event,
    Service,
    log_uniform,
    poisson,
)

__all__ = ["KINDS", "Truth", "as_shown", "plant"]

Window = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Truth:
    """What a report should find.

    Attributes:
        kind: of the incident, a key of `KINDS`.
        finds: kinds of findings that name it.
        start, end: epoch seconds; `end` is None if it lasts to the end of the log.
        start_latest: when at the latest it has begun; later than `start` where it grows slowly.
        where: by field, the value that explains it; empty if none does, None if that is open.
        message: a part of the message that it adds.
        size: how large, in the unit of its kind: points of errors, times, share.
    """

    kind: str
    finds: tuple[str, ...]
    start: float
    end: float | None
    where: Mapping[str, str] | None
    size: float
    start_latest: float | None = None
    message: str = ""


Planted = tuple[list[Effect], Truth]
"""The effects of an incident, and its truth as planned."""


@dataclass(frozen=True, slots=True)
class _Failing(Effect):
    """Requests of a route, a host, or all fail, or are refused, with a probability."""

    share: float = 0.0
    status: int = 503
    route: str | None = None
    host: str | None = None
    message: str = ""
    multiplied: float = 1.0

    def change(self, event: Event, rng: Random) -> Event:
        if self.route not in (None, event.route) or self.host not in (None, event.host):
            return event
        if rng.random() < self.share:
            return event._replace(
                status=self.status, level="ERROR" if self.status >= 500 else "WARN"
            )
        return event

    def added(self, service: Service, rng: Random) -> Iterator[Event]:
        if self.multiplied <= 1 or self.route is None:
            return
        at = service.routes.index(self.route)
        share = service.weights[at] / sum(service.weights)
        count = service.rate * share * (self.multiplied - 1) * (self.end - self.start)
        for _ in range(poisson(rng, count)):
            failed = rng.random() < self.share
            yield Event(
                *(rng.uniform(self.start, self.end), "ERROR" if failed else "INFO", self.route),
                503 if failed else 200,
                service.means_ms[at] * math.exp(rng.gauss(0, service.sigma)),
                *(rng.choice(service.clients), rng.choice(service.hosts), "okhttp/4.12.0"),
            )


@dataclass(frozen=True, slots=True)
class _Client(Effect):
    """One client sends requests of its own, which may all fail."""

    client: str = ""
    per_s: float = 0.0
    status: int = 200
    agent: str = "python-requests/2.32"

    def added(self, service: Service, rng: Random) -> Iterator[Event]:
        routes = service.routes[: 1 + int(rng.random() * 3)]
        for _ in range(poisson(rng, self.per_s * (self.end - self.start))):
            route = rng.choice(routes)
            yield Event(
                rng.uniform(self.start, self.end),
                *("ERROR" if self.status >= 500 else "INFO", route, self.status),
                service.means_ms[service.routes.index(route)] * math.exp(rng.gauss(0, 0.3)),
                *(self.client, rng.choice(service.hosts), self.agent),
            )


@dataclass(frozen=True, slots=True)
class _Slow(Effect):
    """Response times of a route or of all are multiplied, at once or growing to the end."""

    factor: float = 1.0
    route: str | None = None
    grows: bool = False

    def change(self, event: Event, rng: Random) -> Event:
        if self.route not in (None, event.route):
            return event
        factor = self.factor
        if self.grows:
            factor **= (event.t - self.start) / (self.end - self.start)
        return event._replace(ms=event.ms * factor)


@dataclass(frozen=True, slots=True)
class _Drop(Effect):
    """A part of the requests is not there."""

    kept: float = 0.0

    def rate(self, t: float) -> float:
        return self.kept


@dataclass(frozen=True, slots=True)
class _Message(Effect):
    """A message is logged at a rate."""

    text: str = ""
    level: str = "WARN"
    per_s: float = 0.0

    def added(self, service: Service, rng: Random) -> Iterator[Event]:
        for index in range(max(30, poisson(rng, self.per_s * (self.end - self.start)))):
            t = rng.uniform(self.start, self.end) if index else self.start
            text = self.text.format(rng.randint(1, 999))
            host = rng.choice(service.hosts)
            yield Event(*(t, self.level, None, 0, 0, "", host, "", text))


@dataclass(frozen=True, slots=True)
class _Clock(Effect):
    """The clock of a host is wrong: its records are `shift` seconds off."""

    shift: float = 0.0
    share: float = 0.0

    def written(self, event: Event, rng: Random) -> Event:
        return event._replace(t=event.t + self.shift) if rng.random() < self.share else event


_MESSAGES: Final = (
    "Database connection failed",
    "Cache node {} does not answer",
    "Certificate of upstream expires soon",
    "Falling back to the old search index",
)


def plant(kind: str, service: Service, rng: Random) -> list[Planted]:
    """An incident of that kind: its effects, and what is true of it. None of kind "none"."""
    if kind == "two_at_once":
        half = service.start + service.span / 2
        first, second = rng.sample(("error_burst", "latency_shift", "traffic_drop"), 2)
        margin = service.span / 20
        early = KINDS[first](service, rng, (service.start + margin, half - margin))
        late = KINDS[second](service, rng, (half + margin, service.end - margin))
        return [early, late]
    if kind == "none":
        return []
    margin = max(service.span * 0.08, 6 * service.step)
    return [KINDS[kind](service, rng, (service.start + margin, service.end - margin))]


def as_shown(truth: Truth, shown: Sequence[Affected]) -> Truth:
    """What can be known of it from the log: it begins with the first record that one of its
    effects changed, added or kept away, and ends with the last one. `shown` has each effect."""
    firsts = [each.first for each in shown if each.first is not None]
    lasts = [each.last for each in shown if each.last is not None]
    if not firsts or not lasts:
        return truth
    end = None if truth.end is None else max(lasts)
    return replace(truth, start=min(firsts), end=end)


def _window(service: Service, rng: Random, within: Window, least: float, most: float) -> Window:
    """A random part of `within` of a log-uniform length."""
    room = within[1] - within[0]
    least = min(max(least, 4 * service.step), room)
    length = log_uniform(rng, least, max(least, min(most, room)))
    start = rng.uniform(within[0], within[1] - length)
    return start, start + length


def _route(service: Service, rng: Random, least: float) -> tuple[str, float]:
    """A route that has at least that share of the traffic, and its share."""
    total = sum(service.weights)
    fit = [
        (route, weight / total)
        for route, weight in zip(service.routes, service.weights, strict=True)
        if weight / total >= least
    ]
    return rng.choice(fit)


def _error_burst(service: Service, rng: Random, within: Window) -> Planted:
    whose = rng.choice(
        ("route", "client", "host") if service.kind == "json" else ("route", "client")
    )
    if service.kind == "app":
        whose = "route"
    while True:
        start, end = _window(service, rng, within, 120, service.span * 0.3)
        seconds = end - start
        if whose == "route":
            route, share = _route(service, rng, 0.01)
            size = log_uniform(rng, 0.03, 0.9)
            if service.rate * seconds * share * size < 40:
                continue
            text = rng.choice(("", "Database connection failed"))
            effects: list[Effect] = [_Failing(start, end, size, route=route)]
            if text and service.kind != "access":
                per_s = service.rate * share * size
                effects.append(_Message(start, end, text, "ERROR", per_s))
            where = {"route": route}
        elif whose == "client":
            size = log_uniform(rng, 0.03, 0.6)
            if service.rate * seconds * size < 40:
                continue
            client = "203.0.113.77"
            per_s = service.rate * size / (1 - size)
            effects = [_Client(start, end, client, per_s, 500)]
            where = {"client": client}
        else:
            host = rng.choice(service.hosts)
            size = log_uniform(rng, 0.03, 0.95 / len(service.hosts))
            if service.rate * seconds * size < 40:
                continue
            effects = [_Failing(start, end, size * len(service.hosts), host=host)]
            where = {"host": host}
        truth = Truth(f"error_burst_{whose}", ("errors",), start, end, where, size)
        return effects, truth


def _error_burst_hourly(service: Service, rng: Random, within: Window) -> Planted:
    """A burst in a log in which the job of each hour fails all along; `quiet` makes it fail."""
    effects, truth = _error_burst(service, rng, within)
    return effects, replace(truth, kind="error_burst_hourly")


_REFUSALS: Final[Mapping[str, tuple[int, ...]]] = {
    "unanswered": (0, 444, 460, 463, 499),
    "throttled": (429,),
    "denied": (401, 403),
}
"""How requests end that are no errors of the server, with the statuses that say so."""


def _refusal(service: Service, rng: Random, within: Window) -> Planted:
    """Requests of a route or of all are refused, or one client's are."""
    kind = rng.choice([*_REFUSALS])
    # A lone 0 in the text of an application is no status to any reader.
    status = rng.choice([each for each in _REFUSALS[kind] if each or service.kind != "app"])
    whose = "route" if service.kind == "app" else rng.choice(("route", "client", "all"))
    while True:
        start, end = _window(service, rng, within, 120, service.span * 0.3)
        size = log_uniform(rng, 0.03, 0.6 if whose == "client" else 0.9)
        route, share = _route(service, rng, 0.01) if whose == "route" else ("", 1.0)
        if service.rate * (end - start) * share * size >= 40:
            break
    where = {}
    if whose == "client":
        where = {"client": "203.0.113.77"}
        per_s = service.rate * size / (1 - size)
        effect: Effect = _Client(start, end, where["client"], per_s, status)
    else:
        where = {"route": route} if route else {}
        effect = _Failing(start, end, size, status, route or None)
    return [effect], Truth(f"refusal_{whose}", (kind,), start, end, where, size)


def _latency_shift(service: Service, rng: Random, within: Window) -> Planted:
    factor = log_uniform(rng, 1.3, 10)
    route = _route(service, rng, 0.02)[0] if rng.random() < 0.7 else None
    if rng.random() < 0.5 and within[1] > service.start + service.span * 0.75:
        start, end = rng.uniform(within[0], within[1] - service.span * 0.1), None
    else:
        start, end = _window(service, rng, within, service.span * 0.08, service.span * 0.4)
    where = {} if route is None else {"route": route}
    effect = _Slow(start, service.end if end is None else end, factor, route)
    return [effect], Truth("latency_shift", ("latency",), start, end, where, factor)


def _slow_leak(service: Service, rng: Random, within: Window) -> Planted:
    factor = log_uniform(rng, 2.5, 10)
    route = _route(service, rng, 0.05)[0] if rng.random() < 0.5 else None
    start = rng.uniform(within[0], service.start + service.span * 0.6)
    latest = start + 0.6 * (service.end - start)
    where = {} if route is None else {"route": route}
    effect = _Slow(start, service.end, factor, route, True)
    truth = Truth("slow_leak", ("latency",), start, None, where, factor, start_latest=latest)
    return [effect], truth


def _deploy_message(service: Service, rng: Random, within: Window) -> Planted:
    start = rng.uniform(within[0] + service.span * 0.1, within[1])
    text = rng.choice(_MESSAGES)
    count = log_uniform(rng, 60, 1_000)
    rest = service.end - start
    effect = _Message(start, service.end, text, rng.choice(("WARN", "ERROR")), count / rest)
    found = Truth(
        *("deploy_message", ("message_new", "errors"), start, None, {}, count),
        message=text.partition("{}")[0],
    )
    return [effect], found


def _traffic_drop(service: Service, rng: Random, within: Window) -> Planted:
    start, end = _window(service, rng, within, 180, service.span * 0.15)
    lost = log_uniform(rng, 0.5, 1)
    truth = Truth("traffic_drop", ("traffic_drop",), start, end, {}, lost)
    return [_Drop(start, end, 1 - lost)], truth


def _retry_storm(service: Service, rng: Random, within: Window) -> Planted:
    route, _ = _route(service, rng, 0.03)
    start, end = _window(service, rng, within, 180, service.span * 0.2)
    share, times = rng.uniform(0.4, 0.95), log_uniform(rng, 2, 8)
    effect = _Failing(start, end, share, route=route, multiplied=times)
    return [effect], Truth("retry_storm", ("errors",), start, end, {"route": route}, share)


def _bot(service: Service, rng: Random, within: Window) -> Planted:
    start, end = _window(service, rng, within, 300, service.span * 0.2)
    times = log_uniform(rng, 1.6, 6)
    client = "198.51.100.23"
    where = None if service.kind == "app" else {"client": client}
    effect = _Client(start, end, client, service.rate * times, 200, "BadBot/1.0")
    return [effect], Truth("bot", ("traffic_surge",), start, end, where, times)


def _bad_clock(service: Service, rng: Random, within: Window) -> Planted:
    start, end = _window(service, rng, within, 300, service.span * 0.3)
    days = max(log_uniform(rng, 3, 7_000), 3 * service.span / 86_400)
    share = log_uniform(rng, 0.01, 0.2)
    sign = rng.choice((-1, -1, 1))
    days = min(days, 700) if sign > 0 else days
    shift = sign * round(days) * 86_400.0
    effect = _Clock(start, end, shift, share)
    truth = Truth("bad_clock", ("clock",), start + shift, end + shift, {}, days)
    return [effect], truth


KINDS: Final = {
    "error_burst": _error_burst,
    "error_burst_hourly": _error_burst_hourly,
    "refusal": _refusal,
    "latency_shift": _latency_shift,
    "deploy_message": _deploy_message,
    "traffic_drop": _traffic_drop,
    "slow_leak": _slow_leak,
    "retry_storm": _retry_storm,
    "bot": _bot,
    "bad_clock": _bad_clock,
}
"""What can be planted alone, by kind."""
