"""Ordinary traffic, as events: what a service logs while nothing is wrong with it.

Requests arrive with a daily rhythm and in clumps: the number in a step of the analysis has a
variance of `dispersion` times its mean. A few routes and clients make most of them; response times
are log-normal, each route fails at its own small rate. Cron jobs make a peak each hour; deploys
pause the service for some seconds and log that it started. None of this is an incident.

Effects (see `plant`) change the rate, change single events, or add events. Knows no log format and
nothing of how findings are made.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

__all__ = [
    "LADDER_S",
    "Affected",
    "Effect",
    "Event",
    "Service",
    "log_uniform",
    "make_events",
    "poisson",
    "random_service",
    "step_of",
]

LADDER_S: Final = (*(1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 86_400, 2_592_000),)
"""Steps of the analysis; the finest with at most `BUCKETS_MAX` buckets is used."""
BUCKETS_MAX: Final = 512

_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
    "okhttp/4.12.0",
)
_NOUNS: Final = ("items", "orders", "users", "cart", "search", "reviews", "prices", "images")
_VERBS: Final = ("GET", "GET", "GET", "GET", "POST", "PUT", "DELETE")


class Event(NamedTuple):
    """A record: a request if it has a route, else a message."""

    t: float
    level: str
    route: str | None
    status: int
    ms: float
    client: str
    host: str
    agent: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """What is true of a log all along. Times are epoch seconds, rates are per second."""

    start: float
    span: float
    rate: float
    dispersion: float
    rhythm: float
    kind: str
    routes: tuple[str, ...]
    weights: tuple[float, ...]
    means_ms: tuple[float, ...]
    failing: tuple[float, ...]
    sigma: float
    clients: tuple[str, ...]
    hosts: tuple[str, ...]
    deploys: tuple[float, ...] = ()
    crons: bool = True
    cron_status: int = 200

    @property
    def end(self) -> float:
        return self.start + self.span

    @property
    def step(self) -> int:
        """The step of the analysis of this log."""
        return next(step for step in LADDER_S if self.span / step < BUCKETS_MAX - 2)

    @property
    def records(self) -> float:
        """About how many there are."""
        return self.rate * self.span


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that happens from `start` up to `end`; what it does is up to subclasses."""

    start: float
    end: float

    def holds(self, t: float) -> bool:
        return self.start <= t < self.end

    def rate(self, t: float) -> float:
        """By what the rate of ordinary requests is multiplied."""
        return 1.0

    def change(self, event: Event, rng: Random) -> Event:
        return event

    def added(self, service: Service, rng: Random) -> Iterator[Event]:
        yield from ()

    def written(self, event: Event, rng: Random) -> Event:
        """The event as it stands in the log, at the place where it came."""
        return event


def step_of(seconds: Iterable[int]) -> int:
    """The step of the analysis of records with these times."""
    different = set(seconds)
    for step in LADDER_S:
        different = {each // step * step for each in different}
        if len(different) <= BUCKETS_MAX:
            return step
    return LADDER_S[-1]


def log_uniform(rng: Random, low: float, high: float) -> float:
    return math.exp(rng.uniform(math.log(low), math.log(high)))


def poisson(rng: Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, count, product = math.exp(-mean), 0, rng.random()
    while product > limit:
        count += 1
        product *= rng.random()
    return count


def random_service(rng: Random, *, scale: float = 1.0) -> Service:
    """A service and its log, of 20,000 to 60,000 records, times `scale`, over 40 minutes to 3
    days."""
    span = log_uniform(rng, 2_400, 3 * 86_400)
    count = rng.randint(12, 30)
    routes: dict[str, float] = {}
    while len(routes) < count:
        noun, part = rng.choice(_NOUNS), rng.choice(("", "/list", "/detail", "/export", "/status"))
        name = f"{rng.choice(_VERBS)} /api/v{rng.choice('12')}/{noun}{part}"
        routes[name] = 1.0 / (len(routes) + 1) ** rng.uniform(0.6, 1.1)
    base = log_uniform(rng, 0.0005, 0.01)
    start = 1_706_054_400 + rng.randint(0, 86_400 * 20)
    return Service(
        start=start,
        span=span,
        rate=scale * log_uniform(rng, 20_000, 60_000) / span,
        dispersion=log_uniform(rng, 2, 10),
        rhythm=rng.uniform(0, 0.6),
        kind=rng.choice(("access", "json", "app")),
        routes=tuple(routes),
        weights=tuple(routes.values()),
        means_ms=tuple(log_uniform(rng, 5, 400) for _ in routes),
        failing=tuple(base * log_uniform(rng, 0.3, 3) for _ in routes),
        sigma=rng.uniform(0.3, 0.7),
        clients=tuple(
            f"10.{rng.randint(0, 9)}.{rng.randint(0, 255)}.{rng.randint(1, 254)}"
            for _ in range(rng.randint(50, 400))
        ),
        hosts=tuple(f"web{i}" for i in range(1, rng.randint(3, 6))),
        deploys=tuple(start + rng.uniform(0.1, 0.9) * span for _ in range(rng.randint(0, 2))),
        crons=rng.random() < 0.5,
    )


@dataclass(slots=True)
class _Draws:
    """Cumulative weights, so that a draw costs a bisection."""

    service: Service
    routes: list[float] = field(default_factory=list)
    clients: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.routes = _cumulated(self.service.weights)
        self.clients = _cumulated([1 / (i + 3) for i in range(len(self.service.clients))])


def _cumulated(weights: Sequence[float]) -> list[float]:
    total, sums = 0.0, []
    for each in weights:
        total += each
        sums.append(total)
    return sums


def request(
    service: Service, draws: _Draws, t: float, rng: Random, *, client: str | None = None
) -> Event:
    """An ordinary request at `t`."""
    index = rng.choices(range(len(service.routes)), cum_weights=draws.routes)[0]
    at = rng.choices(range(len(service.clients)), cum_weights=draws.clients)[0]
    failed = rng.random() < service.failing[index]
    status = 500 if failed else (404 if rng.random() < 0.01 else 200)
    ms = service.means_ms[index] * math.exp(rng.gauss(0, service.sigma))
    host = service.hosts[int(rng.random() * len(service.hosts))]
    return Event(
        *(t, "ERROR" if failed else "INFO", service.routes[index], status, ms),
        *(client or service.clients[at], host, _AGENTS[at % len(_AGENTS)]),
    )


@dataclass(slots=True)
class Affected:
    """From when to when an effect shows in a log: the first and the last record that it changed,
    added or kept away. None where there are none."""

    first: float | None = None
    last: float | None = None

    def add(self, t: float) -> None:
        self.first = t if self.first is None else min(self.first, t)
        self.last = t if self.last is None else max(self.last, t)


def _requests(
    service: Service,
    draws: _Draws,
    planted: Sequence[tuple[Effect, Affected]],
    when: tuple[float, float, float],
    rng: Random,
) -> list[Event]:
    """What effects make of one ordinary request: none, itself, or several.

    `when` are start and end of its step, and its time.
    """
    at, until, t = when
    rates = [(each.rate(t) if each.start <= t < each.end else 1.0) for each, _ in planted]
    factor = math.prod(rates)
    found: list[Event] = []
    while factor > 0 and rng.random() < factor:
        event = request(service, draws, rng.uniform(at, until) if factor > 1 else t, rng)
        for each, shows in planted:
            if each.holds(event.t):
                before, event = event, each.change(event, rng)
                if event is not before:
                    shows.add(event.t)
        found.append(event)
        factor -= 1
    for rate, (_, shows) in zip(rates, planted, strict=True):
        if rate < 1 and not found:
            shows.add(t)
    return found


def make_events(
    service: Service,
    effects: Sequence[Effect],
    rng: Random,
    affected: Sequence[Affected] | None = None,
) -> list[Event]:
    """All events in the order of time; `affected`, one for each effect, learns when it shows."""
    draws, step = _Draws(service), service.step
    shown = [Affected() for _ in effects] if affected is None else affected
    planted = list(zip(effects, shown, strict=True))
    found: list[Event] = []
    extra = max(service.dispersion - 1, 0.001)
    at = service.start
    while at < service.end:
        until = min(service.end, math.floor(at / step + 1) * step)
        middle = (at + until) / 2
        mean = service.rate * (until - at)
        mean *= 1 + service.rhythm * math.sin(middle * 2 * math.pi / 86_400)
        clumped = rng.gammavariate(mean / extra, extra) if extra > 0.01 else mean
        for _ in range(poisson(rng, clumped)):
            t = rng.uniform(at, until)
            found += _requests(service, draws, planted, (at, until, t), rng)
        at = until
    for each, shows in planted:
        for event in each.added(service, rng):
            shows.add(event.t)
            found.append(event)
    found += _crons(service, rng) if service.crons else ()
    for moment in service.deploys:
        pause = rng.uniform(2, 12)
        found = [each for each in found if not moment <= each.t < moment + pause]
        found += [
            Event(moment + pause, "INFO", None, 0, 0, "", host, "", "Started application in 4.2 s")
            for host in service.hosts
        ]
    found.sort(key=lambda each: each.t)
    for each, shows in planted:
        for index, event in enumerate(found):
            if each.holds(event.t):
                found[index] = each.written(event, rng)
                if found[index] is not event:
                    shows.add(found[index].t)
    return found


def _crons(service: Service, rng: Random) -> Iterator[Event]:
    """A peak at each full hour: half of an ordinary step, from one client."""
    hour = math.ceil(service.start / 3_600) * 3_600.0
    level = "ERROR" if service.cron_status >= 500 else "INFO"
    while hour < service.end:
        for _ in range(poisson(rng, 0.5 * service.rate * service.step)):
            t = hour + rng.random() * min(service.step, 60)
            if t < service.end:
                ms = 40 * math.exp(rng.gauss(0, 0.3))
                yield Event(
                    *(t, level, "POST /internal/cron", service.cron_status, ms),
                    *("10.9.9.9", service.hosts[0], "curl/8.5.0"),
                )
        hour += 3_600
