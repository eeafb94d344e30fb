"""Generates logs with stated figures: large ones for benchmarks, small ones as committed vectors.

This module knows the shapes of log lines and counts what it writes. It must not know how a line is
parsed: the engine and the oracle (`expected.py`) are both checked against what is stated here.

How a large log is made at disk speed: a *block* is everything logged within one second. A few dozen
variants of it are built line by line, with the second left out, and kept as the pieces between
those gaps. Each second of the log then costs one `stamp.join(pieces)`, and its counts are added as
a whole. The last block is cut at the line that fits. The hostile kind has no two lines alike, so it
fills the gaps of one long list of pieces by slice assignment instead. The unlike kinds, on which
nothing is to be tuned, draw each line anew from large pools of parts.

The bytes depend on (size, kind, seed) alone. Sizes are in MiB.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count as seconds_from
from itertools import islice
from operator import add
from pathlib import Path
from random import Random
from typing import BinaryIO, Final, NamedTuple

LOGS: Final = Path(__file__).parent / "logs"

# ---------------------------------------------------------------------------------------------
# Stated populations. A log holds all of them once it is long enough to use every block variant
# (some 100 MiB); `GeneratedLog` says how many really occur in a given log.

ACCESS_ROUTES: Final = 2_000
"""Distinct routes (method and folded path) of access, access_time, json and logfmt."""
ACCESS_CLIENTS: Final = 10_000
"""Distinct clients of the same kinds."""
MIXED_ROUTES: Final = 12
"""Distinct routes of mixed."""
MIXED_CLIENTS: Final = 250
"""Distinct clients of mixed."""
MIXED_MESSAGES: Final = 13
"""Distinct message templates of mixed: those of its app lines and of its JSON lines."""
HOSTILE_LINES_MAX: Final = 57_088 * 4_096
"""Lines that hostile can tell apart (about 35 GB)."""

SPIKE_ERROR_SHARE: Final = 0.30
SPIKE_WINDOW: Final = (0.45, 0.55)
"""error_spike raises its error share to 30 % between these fractions of the file."""
BROKEN_SHARE: Final = 0.05
"""Share of malformed lines in the malformed kind."""

START: Final = datetime(2024, 1, 24, tzinfo=UTC)
VARIANTS: Final = 64
"""Block variants per log: enough that no cache of a reader holds them, few enough for memory."""

# Gaps for the second of a line, as wide as what fills them, so that `bytes.replace` can work in
# place. No line contains these bytes otherwise.
PLAIN: Final = b"\x1c" * 19  # 2024-01-24 10:15:32
ISO_T: Final = b"\x1d" * 19  # 2024-01-24T10:15:32
CLF: Final = b"\x1e" * 20  # 24/Jan/2024:10:15:32


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MONTHS: Final = _split("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")


def _clf_date(when: datetime) -> str:
    """`24/Jan/2024`, without strftime's dependence on the locale."""
    return f"{when.day:02}/{MONTHS[when.month - 1]}/{when.year:04}"


def _stamps(when: datetime) -> dict[bytes, bytes]:
    """What fills each gap for the second `when`."""
    date, time = f"{when:%Y-%m-%d}", f"{when:%H:%M:%S}"
    return {
        PLAIN: f"{date} {time}".encode(),
        ISO_T: f"{date}T{time}".encode(),
        CLF: f"{_clf_date(when)}:{time}".encode(),
    }


# ---------------------------------------------------------------------------------------------
# What is counted


class Facts(NamedTuple):
    """What one line adds to the figures of a log."""

    kind: str = "parsed"  # parsed, malformed, blank or continuation
    sort: str = ""  # which sort of malformed line
    millis: int = 0  # of the line's timestamp
    level: str = ""
    status: int = 0
    duration_ns: int = -1
    sent: int = 0  # bytes
    route: str = ""
    client: str = ""
    template: str = ""  # of a WARN, ERROR or FATAL message


@dataclass
class Tally:
    """Sums of `Facts`; adding a block n times is one multiplication."""

    counts: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    status: Counter[str] = field(default_factory=Counter)
    sorts: Counter[str] = field(default_factory=Counter)
    routes: set[str] = field(default_factory=set)
    clients: set[str] = field(default_factory=set)
    messages: set[str] = field(default_factory=set)

    def see(self, facts: Facts, times: int = 1) -> None:
        """Adds one line, or so many like it."""
        counts = self.counts
        counts["lines"] += times
        counts[facts.kind] += times
        if facts.sort:
            self.sorts[facts.sort] += times
        if facts.kind != "parsed":
            return
        self.levels[facts.level or "NONE"] += times
        if facts.status:
            self.status[str(facts.status)] += times
            counts["sent"] += facts.sent * times
        if facts.duration_ns >= 0:
            counts["timed"] += times
            counts["duration_ns"] += facts.duration_ns * times
        if facts.status > 0 or facts.duration_ns >= 0:
            counts["requests"] += times
        if facts.level in ("ERROR", "FATAL") or 500 <= facts.status <= 599:
            counts["errors"] += times
        for value, seen in (
            (facts.route, self.routes),
            (facts.client, self.clients),
            (facts.template, self.messages),
        ):
            if value:
                seen.add(value)

    def add(self, other: Tally, times: int = 1) -> None:
        """Adds a whole tally, as if its lines had been seen that many times."""
        for mine, theirs in (
            (self.counts, other.counts),
            (self.levels, other.levels),
            (self.status, other.status),
            (self.sorts, other.sorts),
        ):
            for key, n in theirs.items():
                mine[key] += n * times
        self.routes |= other.routes
        self.clients |= other.clients
        self.messages |= other.messages


@dataclass(frozen=True)
class GeneratedLog:
    """A log that was written, and the figures it has by construction.

    `routes`, `clients` and `messages` are numbers of distinct values after folding and masking;
    `levels` has NONE for records without a level; `malformed_sorts` splits `malformed`. `first`
    and `last` are RFC 3339, with milliseconds unless they are 0. A log without records has neither.
    """

    path: Path
    kind: str
    bytes: int
    lines: int
    parsed: int
    malformed: int
    blank: int
    continuation: int
    requests: int
    errors: int
    response_times: int
    response_time_sum_ns: int
    bytes_sent: int
    routes: int
    clients: int
    messages: int
    first: str | None
    last: str | None
    levels: Mapping[str, int]
    status: Mapping[str, int]
    malformed_sorts: Mapping[str, int]

    @classmethod
    def of(
        cls, path: Path, kind: str, size: int, tally: Tally, first_ms: int | None, last_ms: int
    ) -> GeneratedLog:
        """Freezes a tally; times are milliseconds since 1970."""
        counts = tally.counts
        return cls(
            path=path,
            kind=kind,
            bytes=size,
            lines=counts["lines"],
            parsed=counts["parsed"],
            malformed=counts["malformed"],
            blank=counts["blank"],
            continuation=counts["continuation"],
            requests=counts["requests"],
            errors=counts["errors"],
            response_times=counts["timed"],
            response_time_sum_ns=counts["duration_ns"],
            bytes_sent=counts["sent"],
            routes=counts["routes"] or len(tally.routes),
            clients=counts["clients"] or len(tally.clients),
            messages=counts["messages"] or len(tally.messages),
            first=None if first_ms is None else _rfc3339(first_ms),
            last=None if first_ms is None else _rfc3339(last_ms),
            levels=dict(sorted(tally.levels.items())),
            status=dict(sorted(tally.status.items())),
            malformed_sorts=dict(sorted(tally.sorts.items())),
        )


def _rfc3339(millis: int) -> str:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=millis)
    decimals = f".{when.microsecond // 1000:03}" if when.microsecond else ""
    return f"{when:%Y-%m-%dT%H:%M:%S}{decimals}Z"


# ---------------------------------------------------------------------------------------------
# What lines are made of


@dataclass
class Scene:
    """The circumstances under which lines are made: chance, how slow and how broken things are."""

    rng: Random
    variant: int = 0
    median_ms: float = 60.0
    error_share: float = 0.005
    turn: int = 0  # of the shapes in a mixed log
    turns: Counter[int] = field(default_factory=Counter)  # of each population's tail

    def millis(self) -> int:
        """A response time: log-normal, 1 ms to 5 s."""
        return max(1, min(5_000, round(self.rng.lognormvariate(math.log(self.median_ms), 0.9))))

    def pick(self, population: int) -> int:
        """A member of a population: a heavy head, and over all variants the whole tail."""
        if self.rng.random() < 0.7:
            return int(population * self.rng.random() ** 4)
        # The rest walks through this variant's share of the population, so that no member is left
        # to luck.
        self.turns[population] += 1
        share = math.ceil(population / VARIANTS)
        return (self.variant * share + self.turns[population] % share) % population


Line = tuple[bytes, Facts]
Maker = Callable[[Scene, int], list[Line]]
"""Makes the lines of one event at the given millisecond, with a gap for the second."""

WORDS: Final = _split(
    """
    account address asset audit basket batch billing booking bucket campaign cart
    catalog channel comment contact coupon credit customer delivery device document event feature
    feedback filter folder group image inbox invite invoice item job label ledger license market
    member message metric model note notice offer order owner package parcel partner
    """
)


@cache
def _ip(number: int) -> str:
    """The number-th client; distinct below 65,536."""
    nets = ("10.1", "172.16", "192.168", "203.0", "198.51", "83.149", "66.249")
    low = (number * 40_503 + 4_711) % 65_536  # odd factor: a permutation of 16 bits
    return f"{nets[number % 7]}.{low >> 8}.{low & 255}"


def _uuid(rng: Random) -> str:
    digits = f"{rng.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _hex_id(rng: Random) -> str:
    """12 hex characters of which at least one is a digit and one a letter."""
    return f"{rng.getrandbits(20):05x}7c{rng.getrandbits(20):05x}"


@cache
def _routes() -> tuple[tuple[str, str], ...]:
    """The routes (method, path with `{id}`) of the access-like kinds, most popular first."""
    subs = WORDS[::2]
    found = [(m, f"/api/v1/{w}s") for w in WORDS for m in ("GET", "POST")]
    found += [(m, f"/api/v1/{w}s/{{id}}") for w in WORDS for m in ("GET", "PUT", "DELETE")]
    found += [("GET", f"/api/v1/{w}s/{{id}}/{s}") for w in WORDS for s in subs]
    found += [("GET", f"/docs/{w}/{s}") for w in WORDS for s in subs]
    Random("routes").shuffle(found)
    chosen = tuple(found[:ACCESS_ROUTES])
    assert len(set(chosen)) == ACCESS_ROUTES
    return chosen


MIXED_ROUTE_LIST: Final = (
    ("GET", "/api/data"),
    ("GET", "/api/items/{id}"),
    ("GET", "/api/items"),
    ("POST", "/api/orders"),
    ("GET", "/api/orders/{id}"),
    ("GET", "/health"),
    ("POST", "/api/login"),
    ("GET", "/api/users/{id}"),
    ("PUT", "/api/users/{id}"),
    ("GET", "/api/search"),
    ("DELETE", "/api/items/{id}"),
    ("GET", "/api/reports/{id}/export"),
)


def _raw_path(scene: Scene, folded: str) -> str:
    """A path as a client would send it: ids filled in, sometimes with a query."""
    rng = scene.rng
    path = folded
    if "{id}" in folded:
        chance = rng.random()
        if chance < 0.7:
            path = folded.replace("{id}", str(rng.randrange(1, 1_000_000)))
        else:
            path = folded.replace("{id}", _uuid(rng) if chance < 0.85 else _hex_id(rng))
    if rng.random() < 0.15:
        path += f"?page={rng.randrange(1, 40)}&sort={rng.choice(WORDS)}"
    return path


class Event(NamedTuple):
    """A kind of message: level, share among its peers, and text with fields to fill in."""

    level: str
    weight: float
    text: str


# Messages of the app kind. Fields are listed in `_Fill`.
APP_EVENTS: Final = (
    Event("INFO", 52, "Request processed in {ms}ms"),
    Event("INFO", 8, "Order {num} shipped"),
    Event("INFO", 6, "User {num} logged in"),
    Event("INFO", 6, "Nightly job finished, took {ms}ms"),
    Event("INFO", 6, "Cache refreshed in {ms}ms"),
    Event("INFO", 5, "Page rendered elapsed={ms}ms"),
    Event("INFO", 4, "Batch stored duration={sec}s"),
    Event("INFO", 1.4, "Config reloaded"),
    Event("DEBUG", 5, "Connection pool holds {small} of 100"),
    Event("DEBUG", 3, "Lookup took {us}us"),
    Event("DEBUG", 2, "Session {hexid} renewed"),
)
APP_WARNINGS: Final = (
    Event("WARN", 4, "Slow query took {slow}ms"),
    Event("WARN", 2, "Payment refused, retrying in {small}s"),
    Event("WARN", 2, "Queue holds {num} jobs"),
    Event("WARN", 1, "Disk usage at {small}%"),
)
APP_ERRORS: Final = (
    Event("ERROR", 50, "Database connection failed"),
    Event("ERROR", 20, "No answer from {ip}:8080"),
    Event("ERROR", 10, "Order {uuid} rejected"),
    Event("ERROR", 8, "Cannot open {file}"),
    Event("ERROR", 6, 'Key "{word}" is missing'),
    Event("ERROR", 4, "Block 0x{hexid} is damaged"),
    Event("ERROR", 2, "Payment failed, took {ms}ms"),
    Event("FATAL", 1, "Out of memory"),
)
APP_MESSAGES: Final = len(APP_WARNINGS) + len(APP_ERRORS)
"""Distinct message templates of app, error_spike and malformed."""

HTTP_WARNINGS: Final = (
    Event("WARN", 3, "Slow request"),
    Event("WARN", 2, "Rate limit near for {ip}"),
    Event("WARN", 1, "Cache is {small}% full"),
)
HTTP_ERRORS: Final = (
    Event("ERROR", 5, "Database connection failed"),
    Event("ERROR", 3, "No answer from {ip}:8080"),
    Event("ERROR", 2, "Worker {num} died"),
    Event("ERROR", 1, "Cannot open {file}"),
)
HTTP_MESSAGES: Final = len(HTTP_WARNINGS) + len(HTTP_ERRORS)
"""Distinct message templates of json and logfmt."""

MASKS: Final = {
    "0x{hexid}": "<hex>",
    '"{word}"': "<str>",
    "{ip}:8080": "<ip>",
    "{ip}": "<ip>",
    "{hexid}": "<hex>",
    "{uuid}": "<uuid>",
    "{file}": "<path>",
    **{f"{{{name}}}": "<num>" for name in ("ms", "slow", "sec", "us", "num", "small")},
}


@cache
def _template(text: str) -> str:
    """The template of an event: its fields masked."""
    for part, mask in MASKS.items():
        text = text.replace(part, mask)
    return text


class _Fill(dict[str, str]):
    """Makes up the fields of an event as `str.format_map` asks for them, and keeps the duration."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene
        self.duration_ns = -1

    def __missing__(self, name: str) -> str:
        scene, rng = self.scene, self.scene.rng
        match name:
            case "ms" | "slow" | "sec" | "us":
                millis = scene.millis() if name != "slow" else rng.randrange(1_000, 5_000)
                if name == "us":
                    micros = millis % 10 * 1_000 + 1_000 + rng.randrange(1_000)
                    self.duration_ns = micros * 1_000
                    return str(micros)
                self.duration_ns = millis * 1_000_000
                return f"{millis // 1000}.{millis % 1000:03}" if name == "sec" else str(millis)
            case "num":
                return str(rng.randrange(100, 100_000))
            case "small":
                return str(rng.randrange(1, 100))
            case "ip":
                return _ip(rng.randrange(8))
            case "uuid":
                return _uuid(rng)
            case "hexid":
                return _hex_id(rng)
            case "file":
                return f"/srv/{rng.choice(WORDS)}/{rng.choice(WORDS)}.db"
            case "word":
                return rng.choice(WORDS)
        raise KeyError(name)


@cache
def _deck(events: tuple[Event, ...]) -> tuple[list[Event], list[float]]:
    """Events with running sums of their weights, as `Random.choices` wants them."""
    total = 0.0
    return list(events), [total := total + event.weight for event in events]


def _draw(rng: Random, events: tuple[Event, ...]) -> Event:
    population, running = _deck(events)
    return rng.choices(population, cum_weights=running)[0]


def _loud(event: Event) -> str:
    """The template that a record of this event is grouped under, if it is a warning or worse."""
    return _template(event.text) if event.level in ("WARN", "ERROR", "FATAL") else ""


# ---------------------------------------------------------------------------------------------
# Makers, one per shape of line


def _app_event(scene: Scene) -> Event:
    chance = scene.rng.random()
    if chance < scene.error_share:
        return _draw(scene.rng, APP_ERRORS)
    if chance < scene.error_share + 0.01:
        return _draw(scene.rng, APP_WARNINGS)
    return _draw(scene.rng, APP_EVENTS)


def make_app(scene: Scene, millis: int) -> list[Line]:
    """`2024-01-24 10:15:32.123 INFO Request processed in 127ms`"""
    event = _app_event(scene)
    fill = _Fill(scene)
    text = f".{millis:03} {event.level} {event.text.format_map(fill)}\n"
    facts = Facts(
        millis=millis, level=event.level, duration_ns=fill.duration_ns, template=_loud(event)
    )
    return [(PLAIN + text.encode(), facts)]


class Request(NamedTuple):
    """A request as the access-like makers write it down."""

    method: str
    path: str
    route: str
    client: str
    status: int
    millis: int
    sent: int


STATUSES: Final = ([200, 304, 201, 404, 204, 301], [86.0, 90.5, 93.5, 96.5, 98.5, 100.0])


def _request(scene: Scene) -> Request:
    rng = scene.rng
    method, folded = _routes()[scene.pick(ACCESS_ROUTES)]
    if rng.random() < scene.error_share:
        status = 500 if rng.random() < 0.7 else 503
    else:
        status = rng.choices(STATUSES[0], cum_weights=STATUSES[1])[0]
    return Request(
        method=method,
        path=_raw_path(scene, folded),
        route=f"{method} {folded}",
        client=_ip(scene.pick(ACCESS_CLIENTS)),
        status=status,
        millis=scene.millis(),
        sent=0 if status in (204, 304) else int(rng.lognormvariate(8.5, 1.4)) + 120,
    )


AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0.0.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) Version/17.2 Mobile Safari",
    "curl/8.5.0",
    "python-requests/2.31.0",
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://example.com/bot.html)",
)


def _combined(scene: Scene, request: Request) -> str:
    rng = scene.rng
    referer = "-" if rng.random() < 0.6 else f"https://example.com/{rng.choice(WORDS)}"
    user = "-" if rng.random() < 0.95 else rng.choice(WORDS)
    return (
        f"{request.client} - {user} [{CLF.decode()} +0000] "
        f'"{request.method} {request.path} HTTP/1.1" {request.status} {request.sent} '
        f'"{referer}" "{AGENTS[int(len(AGENTS) * rng.random() ** 2)]}"'
    )


def _access_facts(request: Request, duration_ns: int = -1) -> Facts:
    return Facts(
        status=request.status,
        duration_ns=duration_ns,
        sent=request.sent,
        route=request.route,
        client=request.client,
    )


def make_access(scene: Scene, millis: int) -> list[Line]:
    """The combined log format of Apache and nginx; its seconds have no decimals."""
    del millis
    request = _request(scene)
    return [(f"{_combined(scene, request)}\n".encode(), _access_facts(request))]


def make_access_time(scene: Scene, millis: int) -> list[Line]:
    """Combined, with nginx's `$request_time` in seconds at the end."""
    del millis
    request = _request(scene)
    seconds = f"{request.millis // 1000}.{request.millis % 1000:03}"
    facts = _access_facts(request, request.millis * 1_000_000)
    return [(f"{_combined(scene, request)} {seconds}\n".encode(), facts)]


def _http_event(scene: Scene, status: int, calm: Event) -> Event:
    if status >= 500:
        return _draw(scene.rng, HTTP_ERRORS)
    return calm if scene.rng.random() >= 0.01 else _draw(scene.rng, HTTP_WARNINGS)


def make_json(scene: Scene, millis: int) -> list[Line]:
    """One JSON object with the usual keys; most writers leave no blanks, some do."""
    rng = scene.rng
    request = _request(scene)
    event = _http_event(scene, request.status, Event("INFO", 1, "Request processed"))
    message = event.text.format_map(_Fill(scene)).replace('"', '\\"')
    tenths = rng.randrange(10)
    gap = " " if scene.variant % 4 == 3 else ""
    text = f",{gap}".join(
        f'"{key}":{gap}{value}'
        for key, value in (
            ("timestamp", f'"{ISO_T.decode()}.{millis:03}Z"'),
            ("level", f'"{event.level}"'),
            ("message", f'"{message}"'),
            ("method", f'"{request.method}"'),
            ("path", f'"{request.path}"'),
            ("status", request.status),
            ("duration_ms", f"{request.millis}.{tenths}"),
            ("client", f'"{request.client}"'),
        )
    )
    facts = _access_facts(request, (request.millis * 10 + tenths) * 100_000)._replace(
        millis=millis, level=event.level, sent=0, template=_loud(event)
    )
    return [(f"{{{text}}}\n".encode(), facts)]


def make_logfmt(scene: Scene, millis: int) -> list[Line]:
    """`ts=2024-01-24T10:15:32.123Z level=info msg="request processed" … duration=72ms …`"""
    request = _request(scene)
    event = _http_event(scene, request.status, Event("INFO", 1, "request processed"))
    message = event.text.format_map(_Fill(scene))
    text = (
        f'ts={ISO_T.decode()}.{millis:03}Z level={event.level.lower()} msg="{message}" '
        f"method={request.method} path={request.path} status={request.status} "
        f"duration={request.millis}ms client={request.client}\n"
    )
    facts = _access_facts(request, request.millis * 1_000_000)._replace(
        millis=millis, level=event.level, sent=0, template=_loud(event)
    )
    return [(text.encode(), facts)]


def make_short_json(scene: Scene, millis: int) -> list[Line]:
    """`{"timestamp": "2024-01-24 10:15:33.001", …, "duration_ms": 95}`"""
    event = Event("INFO", 1, "Request processed")
    if scene.rng.random() < scene.error_share:
        event = _draw(scene.rng, HTTP_ERRORS)
    message = event.text.format_map(_Fill(scene))
    duration = scene.millis() if event.level == "INFO" else -1
    tail = f', "duration_ms": {duration}' if duration >= 0 else ""
    text = (
        f'{{"timestamp": "{PLAIN.decode()}.{millis:03}", "level": "{event.level}", '
        f'"message": "{message}"{tail}}}\n'
    )
    duration_ns = duration * 1_000_000 if duration >= 0 else -1
    facts = Facts(millis=millis, level=event.level, duration_ns=duration_ns, template=_loud(event))
    return [(text.encode(), facts)]


def make_bare_access(scene: Scene, millis: int) -> list[Line]:
    """`192.168.1.1 - - [24/Jan/2024:10:15:33.125] GET /api/data HTTP/1.1 200 105ms`"""
    rng = scene.rng
    method, folded = MIXED_ROUTE_LIST[int(MIXED_ROUTES * rng.random() ** 2)]
    path = folded.replace("{id}", str(rng.randrange(1, 10_000)))
    client = _ip(scene.pick(MIXED_CLIENTS))
    failed = rng.random() < scene.error_share
    status = rng.choice((500, 503)) if failed else 404 if rng.random() < 0.03 else 200
    duration = scene.millis()
    text = (
        f"{client} - - [{CLF.decode()}.{millis:03}] {method} {path} HTTP/1.1 "
        f"{status} {duration}ms\n"
    )
    facts = Facts(
        millis=millis,
        status=status,
        duration_ns=duration * 1_000_000,
        route=f"{method} {folded}",
        client=client,
    )
    return [(text.encode(), facts)]


def make_mixed(scene: Scene, millis: int) -> list[Line]:
    """App, JSON and access lines in turn, now and then out of turn."""
    makers = (make_app, make_short_json, make_bare_access)
    scene.turn += 1
    number = scene.turn if scene.rng.random() < 0.8 else scene.rng.randrange(3)
    return makers[number % 3](scene, millis)


def _junk(rng: Random) -> bytes:
    """Bytes that are neither text nor white space nor a line's end."""
    return bytes(rng.choices((*range(1, 9), *range(0x80, 0x85), *range(0xC0, 0x100)), k=24))


BROKEN: Final[Mapping[str, bytes]] = {
    "words": b"Invalid log line",
    "date_only": b"2024-01-24 ERROR",
    "time_only": b"10:15:33.001 INFO Incomplete",
    "truncated_json": b'{"timestamp": "' + PLAIN + b'.001", "level": "INFO", "message": "Request p',
    "binary": b"",  # made up for each line
    "month_13": b"2024-13-24 10:15:33.001 INFO Request processed in 95ms",
    "february_30": b"2024-02-30 10:15:33.001 INFO Request processed in 95ms",
    "hour_25": b"2024-01-24 25:15:33.001 INFO Request processed in 95ms",
    "minute_61": b"2024-01-24 10:61:33.001 ERROR Database connection failed",
}
"""Malformed lines by sort: none can be read as a record or as the rest of one."""

TRACES: Final = (
    b"""Traceback (most recent call last):
  File "/srv/app/db.py", line 41, in connect
    return socket.create_connection(address)
ConnectionError: refused
""",
    b"""java.lang.IllegalStateException: pool is closed
\tat com.example.Pool.take(Pool.java:41)
\tat com.example.Orders.find(Orders.java:7)
Caused by: java.io.IOException: reset by peer
\tat com.example.Wire.read(Wire.java:120)
... 12 more
""",
    b"""ValueError: x
at handler (app.js:12:3)
at run (app.js:90:1)
""",
)


def make_malformed(scene: Scene, millis: int) -> list[Line]:
    """App lines with broken ones, blank ones and stack traces among them."""
    rng = scene.rng
    chance = rng.random()
    if chance < 0.01:
        return [(b"\n", Facts("blank"))]
    if chance < 0.01 + BROKEN_SHARE * 1.05:  # 1.05: traces add lines that dilute the share
        sort = rng.choice(tuple(BROKEN))
        return [((BROKEN[sort] or _junk(rng)) + b"\n", Facts("malformed", sort))]
    lines = make_app(scene, millis)
    if lines[0][1].level == "ERROR" and rng.random() < 0.5:
        trace = rng.choice(TRACES).splitlines(keepends=True)
        lines += [(text, Facts("continuation")) for text in trace]
    return lines


class Kind(NamedTuple):
    """A kind of log: how lines are made, how many a second, and which gaps they have.

    `gaps[0]` is the one that most lines have: it is filled by joining, the others by replacing.
    """

    make: Maker
    per_second: tuple[int, int]
    gaps: tuple[bytes, ...]
    error_share: float = 0.005


KINDS: Final[Mapping[str, Kind]] = {
    "app": Kind(make_app, (1_500, 4_500), (PLAIN,)),
    "access": Kind(make_access, (800, 2_000), (CLF,)),
    "access_time": Kind(make_access_time, (800, 2_000), (CLF,)),
    "json": Kind(make_json, (800, 2_000), (ISO_T,)),
    "logfmt": Kind(make_logfmt, (800, 2_000), (ISO_T,)),
    "mixed": Kind(make_mixed, (1_000, 3_000), (PLAIN, CLF)),
    "malformed": Kind(make_malformed, (1_500, 4_500), (PLAIN,), 0.02),
    "error_spike": Kind(make_app, (1_500, 4_500), (PLAIN,)),
}
UNLIKE_KINDS: Final = ("app_unlike", "access_unlike", "json_unlike", "mixed_unlike")
ALL_KINDS: Final = (*KINDS, *UNLIKE_KINDS, "hostile")


# ---------------------------------------------------------------------------------------------
# Large logs


class Block(NamedTuple):
    """One second of a log without its timestamps."""

    pieces: list[bytes]
    tally: Tally
    first_millis: int
    last_millis: int


class _Blocks:
    """The variants of a kind, built when first asked for."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.seed, self.kind = name, seed, KINDS[name]
        self._built: dict[tuple[int, bool], Block] = {}

    def lines(self, variant: int, spike: bool) -> Iterator[Line]:
        """The lines of a variant; its size grows with its number."""
        kind, rng = self.kind, Random(f"{self.name}/{self.seed}/{variant}/{spike}")
        low, high = kind.per_second
        count = low + (high - low) * variant // (VARIANTS - 1)
        scene = Scene(
            rng,
            variant=variant,
            # Busy seconds are slower; neighbors differ.
            median_ms=40.0 + variant + rng.random() * 40.0,
            error_share=SPIKE_ERROR_SHARE if spike else kind.error_share,
        )
        for millis in sorted(rng.choices(range(1_000), k=count)):
            yield from kind.make(scene, millis)

    def block(self, variant: int, spike: bool) -> Block:
        key = (variant, spike)
        if key not in self._built:
            texts: list[bytes] = []
            facts: list[Facts] = []
            for text, fact in self.lines(variant, spike):
                texts.append(text)
                facts.append(fact)
            tally, first, last = _summed(facts)
            assert first is not None
            self._built[key] = Block(b"".join(texts).split(self.kind.gaps[0]), tally, first, last)
        return self._built[key]

    def render(self, block: Block, when: datetime) -> bytes:
        stamps = _stamps(when)
        text = stamps[self.kind.gaps[0]].join(block.pieces)
        for gap in self.kind.gaps[1:]:
            text = text.replace(gap, stamps[gap])
        return text


def _summed(facts: Iterable[Facts]) -> tuple[Tally, int | None, int]:
    """The tally of some lines, and the milliseconds of the first and the last record."""
    tally, first, last = Tally(), None, 0
    for fact in facts:
        tally.see(fact)
        if fact.kind == "parsed":
            first = fact.millis if first is None else first
            last = fact.millis
    return tally, first, last


def _write_blocks(out: BinaryIO, name: str, seed: int, size_max: int) -> tuple[Tally, int, int]:
    """Writes second after second; returns the tally and the first and last time."""
    blocks, rng = _Blocks(name, seed), Random(f"{name}/{seed}")
    used: Counter[tuple[int, bool]] = Counter()
    rest = Tally()
    start_ms = int(START.timestamp()) * 1_000
    first_ms, last_ms, written, second, variant = -1, start_ms, 0, 0, VARIANTS // 3
    spike_from, spike_to = (int(size_max * share) for share in SPIKE_WINDOW)
    while True:
        spike = name == "error_spike" and spike_from <= written < spike_to
        block = blocks.block(variant, spike)
        text = blocks.render(block, START + timedelta(seconds=second))
        now_ms = start_ms + second * 1_000
        if first_ms < 0:
            first_ms = now_ms + block.first_millis
        if written + len(text) > size_max:
            cut = text.rfind(b"\n", 0, size_max - written) + 1
            out.write(text[:cut])
            lines = islice(blocks.lines(variant, spike), text.count(b"\n", 0, cut))
            rest, first, last = _summed(fact for _, fact in lines)
            if first is not None:
                last_ms = now_ms + last
            break
        out.write(text)
        written += len(text)
        used[variant, spike] += 1
        last_ms = now_ms + block.last_millis
        second += 1
        # Load drifts: a random walk between the quietest and the busiest variant.
        variant = min(VARIANTS - 1, max(0, variant + rng.randrange(-4, 5)))
    tally = Tally()
    for (number, spike), times in used.items():
        tally.add(blocks.block(number, spike).tally, times)
    tally.add(rest)
    return tally, first_ms, last_ms


# No consonant is a hex digit, so that a word cannot look like one.
SYLLABLES: Final = tuple(consonant + vowel for consonant in "kmst" for vowel in "aeio")


def _word(number: int, syllables: int) -> str:
    """Letters only, so that no rule for numbers, hex or ids folds it; distinct per number."""
    return "".join(SYLLABLES[number >> (4 * i) & 15] for i in range(syllables))


class _Hostile:
    """Blocks of 4,096 lines in which every route, client and message occurs once.

    Uniqueness is a product: each block has a stem of its own (a word and half an address), each
    line of a block an ending of its own. A line is three fixed pieces with the stem, a date and a
    time of day between them; those are drawn from pools whose product has millions of seconds. So
    a block is a list in which a few slices are replaced before it is joined. Of four lines three
    are combined and one is an app ERROR.
    """

    GROUPS = 1_024
    STRIDE = 22  # pieces in a group: three combined lines of six, an error of four
    DAY_MS = 86_400_000

    def __init__(self, seed: int) -> None:
        rng = self.rng = Random(f"hostile/{seed}")
        first, last = datetime(1975, 1, 1, tzinfo=UTC), datetime(2035, 12, 31, tzinfo=UTC)
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        rng.shuffle(days)
        self.day_ms = [int(day.timestamp()) * 1_000 for day in days]
        self.clf_days = [_clf_date(day).encode() for day in days]
        self.iso_days = [f"{day:%Y-%m-%d}".encode() for day in days]
        times = [rng.randrange(self.DAY_MS) for _ in range(50_021)]
        self.error_ms = times
        self.access_ms = [ms - ms % 1_000 for ms in times]
        clocks = [
            (f"{ms // 3_600_000:02}:{ms // 60_000 % 60:02}:{ms // 1_000 % 60:02}", ms % 1_000)
            for ms in times
        ]
        self.clf_times = [f':{clock} +0000] "GET /'.encode() for clock, _ in clocks]
        self.iso_times = [f" {clock}.{ms:03} ERROR Shard ".encode() for clock, ms in clocks]
        self.pieces, self.facts = self._skeleton()

    def _skeleton(self) -> tuple[list[bytes], list[Facts]]:
        rng, scene = self.rng, Scene(self.rng)
        endings = [_word(n, 3) for n in range(4_096)]
        rng.shuffle(endings)
        hosts = [f".{n >> 8}.{n & 255}" for n in range(3 * self.GROUPS)]
        rng.shuffle(hosts)
        pieces: list[bytes] = []
        facts: list[Facts] = []
        for n in range(4 * self.GROUPS):
            if n % 4 < 3:
                status = 500 if rng.random() < 0.005 else rng.choice((200, 200, 200, 404))
                sent = int(rng.lognormvariate(8.5, 1.4)) + 120
                tail = (
                    f'{endings[n]}/{rng.choice(WORDS)} HTTP/1.1" {status} {sent} "-" '
                    f'"Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Firefox/121.0"\n'
                )
                host = f"{hosts[n // 4 * 3 + n % 4]} - - ["
                pieces += [b"", host.encode(), b"", b"", b"", tail.encode()]
                facts.append(Facts(status=status, sent=sent))
            else:
                millis = scene.millis()
                tail = (
                    f"{endings[n]} lost its leader {endings[-1 - n]} before the ledger of the "
                    f"{rng.choice(WORDS)} was closed, gave up, took {millis}ms\n"
                )
                pieces += [b"", b"", b"", tail.encode()]
                facts.append(Facts(level="ERROR", duration_ns=millis * 1_000_000))
        assert len(pieces) == self.STRIDE * self.GROUPS
        return pieces, facts

    def render(self, number: int) -> tuple[bytes, list[list[int]]]:
        """Block `number`, and the times of its lines by their place in a group."""
        pieces, n = self.pieces, self.GROUPS
        stem = [_word(number, 4).encode()] * n
        net = [f"{1 + (number >> 8)}.{number & 255}".encode()] * n
        moments: list[list[int]] = []
        for place in range(4):
            day = self.rng.randrange(len(self.day_ms) - n)
            time = self.rng.randrange(len(self.error_ms) - n)
            at = place * 6
            if place < 3:
                pieces[at :: self.STRIDE] = net
                pieces[at + 2 :: self.STRIDE] = self.clf_days[day : day + n]
                pieces[at + 3 :: self.STRIDE] = self.clf_times[time : time + n]
                pieces[at + 4 :: self.STRIDE] = stem
                of_day = self.access_ms
            else:
                pieces[at :: self.STRIDE] = self.iso_days[day : day + n]
                pieces[at + 1 :: self.STRIDE] = self.iso_times[time : time + n]
                pieces[at + 2 :: self.STRIDE] = stem
                of_day = self.error_ms
            moments.append(list(map(add, self.day_ms[day : day + n], of_day[time : time + n])))
        return b"".join(pieces), moments


def _write_hostile(out: BinaryIO, seed: int, size_max: int) -> tuple[Tally, int, int]:
    hostile = _Hostile(seed)
    whole, _, _ = _summed(hostile.facts)
    tally = Tally()
    written, number, first_ms, last_ms, full = 0, 0, sys.maxsize, -sys.maxsize, False
    while not full:
        if (number + 1) * 4_096 > HOSTILE_LINES_MAX:
            raise ValueError(f"the hostile kind has at most {HOSTILE_LINES_MAX} different lines")
        text, moments = hostile.render(number)
        count = len(hostile.facts)
        full = written + len(text) > size_max
        if full:
            cut = text.rfind(b"\n", 0, size_max - written) + 1
            text, count = text[:cut], text.count(b"\n", 0, cut)
            whole, _, _ = _summed(hostile.facts[:count])
        out.write(text)
        written += len(text)
        number += 1
        tally.add(whole)
        for place, times in enumerate(moments):
            if here := times[: (count + 3 - place) // 4]:
                first_ms, last_ms = min(first_ms, *here), max(last_ms, *here)
    combined, errors = tally.status.total(), tally.levels["ERROR"]
    tally.counts.update(routes=combined, clients=combined, messages=errors)
    return tally, first_ms, last_ms


# ---------------------------------------------------------------------------------------------
# Unlike logs: nothing comes in turn or twice in a row, and little of it fits into a cache

UNLIKE_CLIENTS: Final = 50_000
"""Distinct clients of an unlike log that is long enough; a fifth of them is seen once."""
UNLIKE_ONCE: Final = UNLIKE_CLIENTS // 5
UNLIKE_POOL_MAX: Final = 100_000
UNLIKE_POOL_MIN: Final = 2_000
UNLIKE_OTHER_SHARE: Final = 0.05
"""Share of lines that are of another format than the kind's own."""
UNLIKE_LINE_BYTES: Final = 200
"""About what a line has, to tell how many there will be."""
UNLIKE_PER_SECOND: Final = 1_000

SYSTEMS: Final = (
    "Windows NT 10.0; Win64; x64",
    "Macintosh; Intel Mac OS X 10_15_{minor}",
    "X11; Linux x86_64",
    "X11; Ubuntu; Linux x86_64; rv:{major}.0",
    "iPhone; CPU iPhone OS {small}_{minor} like Mac OS X",
    "iPad; CPU OS {small}_{minor} like Mac OS X",
    "Linux; Android {small}; SM-{model}",
    "Linux; Android {small}; Pixel {minor}",
    "compatible; {bot}/{minor}.{small}; +https://{bot}.example/bot.html",
)
ENGINES: Final = (
    "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.{build}.{patch} Safari/537.36",
    "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.{build}.{patch} Mobile Safari/537.36",
    "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{major}.0.0.0 Safari/537.36 Edg/{major}.0.1",
    "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{small}.{minor} Safari/605.1.15",
    "Gecko/20100101 Firefox/{major}.0",
)
PROGRAMS: Final = ("curl", "Wget", "python-requests", "okhttp", "Go-http-client", "axios", "Java")
SITES: Final = ("search", "news", "mail", "shop", "forum", "wiki", "maps", "video", "social")


def _agent(rng: Random) -> str:
    """A user agent: a browser on a system, a robot, or a program with its version."""
    if rng.random() < 0.12:
        version = ".".join(str(rng.randrange(30)) for _ in range(rng.choice((2, 3))))
        return f"{rng.choice(PROGRAMS)}/{version}"
    values = {
        "major": rng.randrange(60, 128),
        "minor": rng.randrange(10),
        "small": rng.randrange(8, 18),
        "build": rng.randrange(3_000, 7_000),
        "patch": rng.randrange(250),
        "model": f"{rng.choice('AGMST')}{rng.randrange(100, 999)}{rng.choice('BFNU')}",
        "bot": f"{rng.choice(WORDS)}bot",
    }
    system = rng.choice(SYSTEMS)
    engine = "" if "bot" in system else f" {rng.choice(ENGINES)}"
    return f"Mozilla/5.0 ({system}){engine}".format_map(values)


def _referrer(rng: Random) -> str:
    """Where a request came from: nowhere, a page of the site, or a search elsewhere."""
    chance = rng.random()
    if chance < 0.4:
        return "-"
    if chance < 0.7:
        return f"https://www.example.com/{rng.choice(WORDS)}/{_slug(rng)}"
    site = f"https://{rng.choice(SITES)}.example/{rng.choice(('', 'url', 'r', 's'))}"
    words = "+".join(rng.choices(WORDS, k=rng.randrange(1, 6)))
    return f"{site}?q={words}&ei={_base64(rng)}" if chance < 0.9 else site


def _slug(rng: Random) -> str:
    return "-".join(rng.choices(WORDS, k=rng.randrange(2, 7)))


def _base64(rng: Random) -> str:
    """Base64 for URLs; its first character keeps it from being hex."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    return rng.choice("ghkmnprstwxz") + "".join(rng.choices(letters, k=rng.randrange(9, 43)))


def _segment(rng: Random) -> tuple[str, str]:
    """A variable part of a path: as it is sent, and as a route has it."""
    match rng.randrange(8):
        case 0 | 1:
            return str(rng.randrange(10 ** rng.randrange(1, 12))), "{id}"
        case 2:
            return _uuid(rng), "{id}"
        case 3:
            return _hex_id(rng), "{id}"
        case 4:
            return f"7c{rng.getrandbits(152):038x}", "{id}"  # a SHA-1
        case 5:
            text = _slug(rng)
        case 6:
            text = _base64(rng)
        case _:
            text = f"20{rng.randrange(10, 25)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
    return text, text


def _wild_request(rng: Random) -> tuple[str, str]:
    """A request line without its protocol, and its route."""
    method = rng.choices(("GET", "POST", "PUT", "DELETE", "HEAD"), (80, 12, 3, 2, 3))[0]
    sent, route = f"/{rng.choice(('api', 'v2', 'shop', 'static', 'u'))}", ""
    route = sent
    for _ in range(rng.randrange(1, 4)):
        word = rng.choice(WORDS)
        raw, folded = _segment(rng) if rng.random() < 0.6 else (word + "s", word + "s")
        sent, route = f"{sent}/{word}/{raw}", f"{route}/{word}/{folded}"
    if rng.random() < 0.3:
        keys = rng.choices(WORDS, k=rng.randrange(1, 7))
        sent += "?" + "&".join(f"{key}={_segment(rng)[0]}" for key in keys)
    return f"{method} {sent}", f"{method} {route}"


VERBS: Final = _split(
    "Stored Loaded Closed Opened Rejected Moved Merged Split Queued Dropped Checked"
)
OBJECTS: Final = (
    "{num}",
    "{uuid}",
    "{hexid}",
    "from {ip}:8080",
    "at {file}",
    "of {num} rows",
    "{word}",
)


def _wild_event(rng: Random, *, timed: bool) -> Event:
    """A message that a program might log, of any level."""
    level = rng.choices(("INFO", "DEBUG", "WARN", "ERROR", "FATAL"), (70, 14, 8, 7, 1))[0]
    parts = [rng.choice(VERBS), *rng.choices(WORDS, k=rng.randrange(1, 3))]
    for _ in range(rng.randrange(3)):
        # Fields are told apart by the word between them.
        parts += [rng.choice(OBJECTS).replace("{word}", rng.choice(WORDS)), rng.choice(WORDS)]
    if level in ("INFO", "DEBUG") and rng.random() < 0.15:
        parts += rng.choices(WORDS, k=int(rng.paretovariate(0.9)) % 300)  # some are long
    if timed and rng.random() < 0.6:
        parts.append(rng.choice(("took {ms}ms", "took {sec}s", "took {us}us")))
    return Event(level, 1, " ".join(parts))


class _Pool:
    """Parts of lines to draw from, and how often each was drawn.

    `facts` are those of lines if `whole`; else a line has its client or its route from the part,
    and the rest of its facts from another one.
    """

    def __init__(self, texts: list[bytes], facts: list[Facts], *, whole: bool = False) -> None:
        self.texts, self.facts, self.whole = texts, facts, whole
        self.drawn = [0] * len(texts)
        self.last = 0

    def draw(self, rng: Random) -> bytes:
        """One part."""
        self.last = self._pick(rng)
        self.drawn[self.last] += 1
        return self.texts[self.last]

    def _pick(self, rng: Random) -> int:
        return int(len(self.texts) * rng.random())


class _Clients(_Pool):
    """Clients with a long tail: those of the last fifth come once each, at even distances."""

    def __init__(self, lines: int) -> None:
        names = [_ip(number) for number in range(UNLIKE_CLIENTS)]
        super().__init__([name.encode() for name in names], [Facts(client=n) for n in names])
        self._once = UNLIKE_CLIENTS - UNLIKE_ONCE
        self._distance = max(8, lines // UNLIKE_ONCE)
        self._lines = 0

    def _pick(self, rng: Random) -> int:
        self._lines += 1
        if self._lines % self._distance or self._once == UNLIKE_CLIENTS:
            return int((UNLIKE_CLIENTS - UNLIKE_ONCE) * rng.random() ** 3)
        self._once += 1
        return self._once - 1


class _Unlike:
    """Draws the lines of an unlike kind."""

    def __init__(self, name: str, seed: int, size_max: int) -> None:
        self.rng = Random(f"{name}/{seed}")
        lines = size_max // UNLIKE_LINE_BYTES
        self.size = max(UNLIKE_POOL_MIN, min(UNLIKE_POOL_MAX, lines // 4))
        self.clients = _Clients(lines)
        self.requests = [_wild_request(self.rng) for _ in range(self.size)]
        makers = {"app": self._app, "access": self._access, "json": self._json}
        own = name.removesuffix("_unlike")
        wanted = tuple(makers) if own == "mixed" else (own,)
        self.shapes = [makers[each]() for each in wanted]
        others = [make for each, make in OTHER_MAKERS.items() if each not in wanted]
        self.others = self._other(others)

    def line(self, stamps: Mapping[bytes, bytes], millis: int) -> tuple[bytes, bool]:
        """A line at the time that is given, and whether it tells milliseconds."""
        self.last: Sequence[bytes | _Pool]
        rng = self.rng
        stamps = {
            gap: stamp if gap == CLF else b"%s.%03d" % (stamp, millis)
            for gap, stamp in stamps.items()
        }
        if rng.random() < UNLIKE_OTHER_SHARE:
            self.last = (self.others,)
            text = self.others.draw(rng)
            exact = CLF not in text
            for gap, stamp in stamps.items():
                text = text.replace(gap, stamp)
            return text, exact
        self.last = self.shapes[int(len(self.shapes) * rng.random())]
        parts = [
            stamps.get(part, part) if isinstance(part, bytes) else part.draw(rng)
            for part in self.last
        ]
        return b"".join(parts), CLF not in self.last

    def take_back(self) -> None:
        """The last line was not written after all."""
        for pool in self.last:
            if isinstance(pool, _Pool):
                pool.drawn[pool.last] -= 1

    def tally(self) -> Tally:
        """The figures of all lines that were drawn."""
        tally = Tally()
        pools = {id(part): part for shape in self.shapes for part in shape}
        for pool in (*pools.values(), self.others):
            if not isinstance(pool, _Pool):
                continue
            for facts, times in zip(pool.facts, pool.drawn, strict=True):
                if times:
                    tally.clients.update([facts.client] if facts.client else ())
                    tally.routes.update([facts.route] if facts.route else ())
                    if pool.whole:
                        tally.see(facts, times)
        return tally

    def _scene(self) -> Scene:
        return Scene(self.rng, median_ms=40.0 + 80.0 * self.rng.random(), error_share=0.03)

    def _app(self) -> list[bytes | _Pool]:
        texts, facts = [], []
        for _ in range(self.size):
            event = _wild_event(self.rng, timed=True)
            fill = _Fill(self._scene())
            texts.append(f" {event.level} {event.text.format_map(fill)}\n".encode())
            facts.append(
                Facts(level=event.level, duration_ns=fill.duration_ns, template=_loud_row(event))
            )
        return [PLAIN, _Pool(texts, facts, whole=True)]

    def _access(self) -> list[bytes | _Pool]:
        rng = self.rng
        agents = [_agent(rng) for _ in range(min(5_000, self.size))]
        texts, facts = [], []
        for _ in range(self.size):
            status = (
                500 if rng.random() < 0.01 else rng.choices(STATUSES[0], cum_weights=STATUSES[1])[0]
            )
            sent = 0 if status in (204, 304) else int(rng.lognormvariate(8.5, 2.0)) + 20
            texts.append(
                f' HTTP/{rng.choice(("1.0", "1.1", "2.0"))}" {status} {sent} '
                f'"{_referrer(rng)}" "{rng.choice(agents)}"\n'.encode()
            )
            facts.append(Facts(status=status, sent=sent))
        return [
            self.clients,
            b" - - [",
            CLF,
            b' +0000] "',
            self._requests("%s %s"),
            _Pool(texts, facts, whole=True),
        ]

    def _json(self) -> list[bytes | _Pool]:
        rng = self.rng
        texts, facts = [], []
        for _ in range(self.size):
            event, scene = _wild_event(rng, timed=False), self._scene()
            status = (
                503 if rng.random() < 0.01 else rng.choices(STATUSES[0], cum_weights=STATUSES[1])[0]
            )
            millis, tenths = scene.millis(), rng.randrange(10)
            members = [
                f'"level":"{event.level}"',
                f'"message":"{event.text.format_map(_Fill(scene))}"',
                f'"status":{status}',
                f'"duration_ms":{millis}.{tenths}',
            ]
            members += [
                f'"{key}":"{_slug(rng)}"' for key in rng.sample(EXTRA_KEYS, k=rng.randrange(4))
            ]
            rng.shuffle(members)
            texts.append(f'",{",".join(members)}}}\n'.encode())
            facts.append(
                Facts(
                    level=event.level,
                    status=status,
                    duration_ns=(millis * 10 + tenths) * 100_000,
                    template=_loud_row(event),
                )
            )
        return [
            b'{"timestamp":"',
            PLAIN,
            b'","client":"',
            self.clients,
            self._requests('","method":"%s","path":"%s'),
            _Pool(texts, facts, whole=True),
        ]

    def _requests(self, layout: str) -> _Pool:
        texts = [(layout % tuple(sent.split(" "))).encode() for sent, _ in self.requests]
        return _Pool(texts, [Facts(route=route) for _, route in self.requests])

    def _other(self, makers: list[Maker]) -> _Pool:
        texts, facts = [], []
        for number in range(UNLIKE_POOL_MIN):
            [(text, fact)] = makers[number % len(makers)](self._scene(), 0)
            for gap in (PLAIN, ISO_T):
                text = text.replace(gap + b".000", gap)
            texts.append(text)
            facts.append(fact)
        return _Pool(texts, facts, whole=True)


def _loud_row(event: Event) -> str:
    """As `_loud`, apart by level: messages that are made up may come at several."""
    template = _loud(event)
    return f"{event.level} {template}" if template else ""


EXTRA_KEYS: Final = ("trace", "span", "host", "pod", "region", "tenant", "build")
OTHER_MAKERS: Final[Mapping[str, Maker]] = {
    "app": make_app,
    "access": make_access,
    "json": make_short_json,
    "logfmt": make_logfmt,
}
"""What stands between the lines of an unlike log, but the formats that it has anyway."""


def _write_unlike(out: BinaryIO, name: str, seed: int, size_max: int) -> tuple[Tally, int, int]:
    unlike = _Unlike(name, seed, size_max)
    first_ms, last_ms, written = sys.maxsize, -sys.maxsize, 0
    for second in seconds_from(0):
        when = START + timedelta(seconds=second)
        stamps, now_ms = _stamps(when), int(when.timestamp()) * 1_000
        texts: list[bytes] = []
        lines = unlike.rng.randrange(UNLIKE_PER_SECOND // 4, UNLIKE_PER_SECOND * 2)
        for number in range(lines):
            millis = number * 1_000 // lines
            text, exact = unlike.line(stamps, millis)
            written += len(text)
            if written > size_max:
                unlike.take_back()
                out.writelines(texts)
                return unlike.tally(), first_ms, last_ms
            texts.append(text)
            at_ms = now_ms + (millis if exact else 0)
            first_ms, last_ms = min(first_ms, at_ms), max(last_ms, at_ms)
        out.writelines(texts)
    raise AssertionError("seconds do not end")


def generate_test_logs(
    size_mb: float, path: str | Path, kind: str = "app", seed: int = 0
) -> GeneratedLog:
    """Writes a log of `size_mb` MiB (less at most one line) and says what is in it.

    The bytes depend on size, kind and seed alone. 1 GiB takes a few seconds, of an unlike kind a
    minute, and memory does not grow with the size. Raises ValueError for an unknown kind or a size
    below 4 KiB, OSError when the file cannot be written.
    """
    path = Path(path)
    size_max = int(size_mb * 2**20)
    if kind not in ALL_KINDS:
        raise ValueError(f"unknown kind {kind!r}: choose one of {', '.join(ALL_KINDS)}")
    if size_max < 4096:
        raise ValueError(f"size_mb is {size_mb}: the smallest log is 4 KiB (0.004)")
    with path.open("wb") as out:
        if kind == "hostile":
            tally, first_ms, last_ms = _write_hostile(out, seed, size_max)
        elif kind in UNLIKE_KINDS:
            tally, first_ms, last_ms = _write_unlike(out, kind, seed, size_max)
        else:
            tally, first_ms, last_ms = _write_blocks(out, kind, seed, size_max)
        size = out.tell()
    return GeneratedLog.of(path, kind, size, tally, first_ms, last_ms)


# ---------------------------------------------------------------------------------------------
# Small logs


def _paced(
    make: Maker, scene: Scene, start: datetime, count: int, gap_ms: float
) -> Iterator[tuple[datetime, bytes]]:
    """`count` events, on average `gap_ms` apart, each with its time."""
    when = start
    for _ in range(count):
        when += timedelta(milliseconds=round(scene.rng.expovariate(1 / gap_ms)))
        for text, _ in make(scene, when.microsecond // 1_000):
            yield when, _stamped(text, when)


def _stamped(text: bytes, when: datetime) -> bytes:
    for gap, stamp in _stamps(when).items():
        text = text.replace(gap, stamp)
    return text


def _texts(events: Iterable[tuple[datetime, bytes]]) -> bytes:
    return b"".join(text for _, text in events)


MORNING: Final = datetime(2024, 1, 24, 10, 15, tzinfo=UTC)


def _simple(name: str, count: int, gap_ms: float, error_share: float = 0.01) -> bytes:
    scene = Scene(Random(name), error_share=error_share)
    return _texts(_paced(KINDS[name].make, scene, MORNING, count, gap_ms))


def normal_log() -> bytes:
    """A quarter of an hour of a healthy service."""
    return _simple("app", 1_000, 900.0)


def error_spike_log() -> bytes:
    """The same with two bad minutes."""
    scene = Scene(Random("spike"))
    parts = []
    when = MORNING
    for share, count in ((0.005, 450), (SPIKE_ERROR_SHARE, 130), (0.005, 450)):
        scene.error_share = share
        events = list(_paced(make_app, scene, when, count, 900.0))
        when = events[-1][0]
        parts.append(_texts(events))
    return b"".join(parts)


def _demo_json(scene: Scene, millis: int) -> list[Line]:
    """A JSON line with everything a report can show, on the few routes of the demo."""
    rng = scene.rng
    method, folded = MIXED_ROUTE_LIST[int(MIXED_ROUTES * rng.random() ** 2)]
    path = folded.replace("{id}", str(rng.randrange(1, 10_000)))
    failed = rng.random() < scene.error_share
    status = 503 if failed else rng.choices((200, 201, 404), (90, 7, 3))[0]
    event = _http_event(scene, status, Event("INFO", 1, "Request processed"))
    message = event.text.format_map(_Fill(scene))
    text = (
        f'{{"timestamp": "{ISO_T.decode()}.{millis:03}Z", "level": "{event.level}", '
        f'"message": "{message}", "method": "{method}", "path": "{path}", "status": {status}, '
        f'"duration_ms": {scene.millis()}.{rng.randrange(10)}, '
        f'"client": "{_ip(scene.pick(40))}"}}\n'
    )
    return [(text.encode(), Facts())]


def mixed_format_log() -> bytes:
    """The demo: twenty minutes of three formats, a database outage, a trace, broken lines."""
    scene = Scene(Random("demo"))

    def demo(scene: Scene, millis: int) -> list[Line]:
        scene.turn += 1
        number = scene.turn if scene.rng.random() < 0.8 else scene.rng.randrange(3)
        return (make_app, _demo_json, make_bare_access)[number % 3](scene, millis)

    parts: list[bytes] = []
    when = MORNING
    # (share of errors, median response time, events, mean gap)
    acts = (
        (0.004, 60, 1_200, 430.0),
        (0.05, 140, 180, 400.0),
        (0.32, 420, 330, 380.0),
        (0.06, 160, 180, 420.0),
        (0.004, 60, 1_090, 430.0),
    )
    for number, (scene.error_share, scene.median_ms, count, gap_ms) in enumerate(acts):
        events = list(_paced(demo, scene, when, count, gap_ms))
        when = events[-1][0]
        lines = [text for _, text in events]
        if number == 2:
            head = PLAIN + b".%03d ERROR Database connection failed\n" % (when.microsecond // 1_000)
            lines += [_stamped(head, when), TRACES[0]]
        for sort in ("words", "date_only", "time_only", "truncated_json")[: 1 + number]:
            lines.insert(scene.rng.randrange(len(lines) // 2), _stamped(BROKEN[sort], when) + b"\n")
        parts += lines
    return b"".join(parts)


def malformed_log() -> bytes:
    """Every sort of line that is no record, among app lines."""
    scene = Scene(Random("malformed"), error_share=0.02)
    body = _texts(_paced(make_malformed, scene, MORNING, 500, 900.0))
    return body + b"".join(
        [
            b"\n",
            b"   \t \n",  # only white space: blank, not a continuation
            *(text + b"\n" for text in BROKEN.values() if text and PLAIN not in text),
            *TRACES,
            b"2024-01-24 10:45:00.000 INFO Request processed in 127ms\n",
        ]
    )


ODD_REQUESTS: Final = (
    b'2001:db8::7 - - [%s +0000] "GET /api/v1/items/7 HTTP/1.1" 200 512 "-" "curl/8.5.0"\n',
    b'10.1.0.9 - - [%s +0000] "-" 408 - "-" "-"\n',
    b'10.1.0.9 - - [%s +0000] "\\x16\\x03\\x01\\x00" 400 157 "-" "-"\n',
    b'10.1.0.9 - - [%s +0000] "GET /docs/a?x=\\"1\\" HTTP/1.1" 200 99 "-" "a \\"b\\" c"\n',
    b'host.example - ann [%s +0000] "HEAD /docs/a HTTP/1.0" 304 - "-" ""\n',
    b'10.1.0.9 - - [%s +0000] "GET /docs/\xc3\xa4 HTTP/1.1" 404 12 "-" "\xe4\xf6"\n',
    b'10.1.0.9 - - [%s +0000] "GET /docs/a HTTP/1.1" 200 99 "-" "Bot (+http://example.com/bo\n',
)
"""IPv6, no request, binary request, escaped quotes, host name and user, bytes above ASCII, a user
agent that the server cut off with its closing quote."""


def access_combined_log() -> bytes:
    """Combined lines and the odd ones that servers really write."""
    stamp = _stamps(MORNING + timedelta(minutes=5))[CLF]
    return _simple("access", 280, 900.0) + b"".join(line % stamp for line in ODD_REQUESTS)


def json_log() -> bytes:
    """Compact and spaced JSON, with escapes and with keys in another order."""
    parts = []
    when = MORNING
    for variant in (0, 3):
        scene = Scene(Random(f"json{variant}"), variant=variant, error_share=0.02)
        events = list(_paced(make_json, scene, when, 125, 900.0))
        when = events[-1][0]
        parts.append(_texts(events))
    odd = (
        b'{"level":"INFO","duration_ms":12,"message":"caf\\u00e9 \\"au lait\\" \\\\ tab\\t","status'
        b'":200,"path":"\\/api\\/items\\/7","method":"GET","client":"10.1.2.3","timestamp":"%sZ"}\n'
        b'{ "timestamp" : "%sZ" , "level" : "INFO" , "message" : "no request" , "extra" : '
        b'{ "a" : [ 1 , { "b" : null } ] , "c" : "}" } }\n'
    )
    stamp = _stamps(when + timedelta(seconds=1))[ISO_T]
    return b"".join(parts) + odd % (stamp, stamp)


def logfmt_log() -> bytes:
    """logfmt, with escaped quotes, an empty value and a bare key at the end."""
    stamp = _stamps(MORNING + timedelta(minutes=6))[ISO_T]
    odd = (
        b'ts=%s.000Z level=info msg="said \\"done\\" at last" method=GET path=/api/v1/items/7 '
        b"status=200 duration=1.5s client=10.1.2.3\n"
        b'ts=%s.001Z level=debug msg="cache warm" note= ok\n'
    )
    return _simple("logfmt", 280, 900.0) + odd % (stamp, stamp)


def _few(count: int, start: datetime = MORNING) -> list[bytes]:
    """A few app lines, one a second, with a response time each."""
    return [
        _stamped(PLAIN + b".%03d INFO Request processed in %dms\n" % (n * 37 % 1_000, 20 + n), when)
        for n in range(count)
        for when in (start + timedelta(seconds=n),)
    ]


def crlf_log() -> bytes:
    """Windows line ends, one empty line and one line that ends in a bare newline."""
    return b"".join(_few(200)).replace(b"\n", b"\r\n") + b"\r\n" + _few(1)[0]


def bom_log() -> bytes:
    """A UTF-8 byte order mark before the first line."""
    return b"\xef\xbb\xbf" + b"".join(_few(50))


def no_final_newline_log() -> bytes:
    """The last line has no newline and counts."""
    return b"".join(_few(50)).removesuffix(b"\n")


def invalid_utf8_log() -> bytes:
    """Records with bytes that are not UTF-8, and a line of nothing else."""
    odd = [
        PLAIN + b".100 INFO caf\xe9 opened in 12ms\n",
        PLAIN + b".200 ERROR Cannot read \xff name\n",
        PLAIN + b".300 WARN Half a sign \xe2\x82 here\n",
        PLAIN + b".400 INFO \xed\xa0\x80 a surrogate, took 13ms\n",
        b"\xff\xfe\xfd\xfc\n",
    ]
    when = MORNING + timedelta(seconds=50)
    return b"".join(_few(50)) + b"".join(_stamped(line, when) for line in odd)


def nul_bytes_log() -> bytes:
    """NUL bytes inside a message, and a run of them as a crash leaves it."""
    when = MORNING + timedelta(seconds=50)
    inside = _stamped(PLAIN + b".100 INFO a\0b\0 stored in 12ms\n", when)
    return b"".join([*_few(50), inside, b"\0" * 512 + b"\n", *_few(50, when)])


def out_of_order_log() -> bytes:
    """Shuffled lines, with equal timestamps among them."""
    lines = _few(150) + _few(50)
    Random("order").shuffle(lines)
    return b"".join(lines)


EDGES: Final = (
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:01Z",
    "1970-01-01T00:00:01.000000001Z",
    "2000-02-29T23:59:59Z",
    "2001-09-09T01:46:40Z",
    "2016-12-31T23:59:60Z",
    "2023-12-31T23:59:59.999999Z",
    "2024-02-29T12:00:00Z",
    "2038-01-19T03:14:07Z",
    "2038-01-19T03:14:08Z",
    "2100-02-28T23:59:59Z",
    "2100-03-01T00:00:00Z",
)
NO_DATES: Final = (
    "1900-02-29T00:00:00Z",
    "2023-02-29T00:00:00Z",
    "2024-02-30T00:00:00Z",
    "2024-04-31T00:00:00Z",
    "2024-00-10T00:00:00Z",
    "2024-01-00T00:00:00Z",
    "2100-02-29T00:00:00Z",
    "2024-01-24T24:00:00Z",
    "2024-01-24T10:60:00Z",
    "2016-12-31T23:59:61Z",
)


def _moments(moments: Iterable[str]) -> bytes:
    return b"".join(f"{text} INFO Request processed in 10ms\n".encode() for text in moments)


def epoch_edges_log() -> bytes:
    """Times around the edges of epochs and calendars, then ones that do not exist."""
    return _moments((*EDGES, *NO_DATES))


def epoch_far_log() -> bytes:
    """Years that 64 bits of nanoseconds since 1970 do not reach, among near ones; not on the days
    that stand for an unset clock."""
    near = ("2024-01-24T10:15:32Z", "2024-01-24T10:15:33Z")
    return _moments((*near, "9999-12-30T23:59:59.999Z", "0001-01-02T00:00:00Z"))


def zones_log() -> bytes:
    """One instant in six zones, then a naive time, which is UTC."""
    return _moments(
        (
            "2024-01-24T10:15:32Z",
            "2024-01-24T10:15:32+00:00",
            "2024-01-24T05:15:32-05:00",
            "2024-01-24T15:45:32+05:30",
            "2024-01-24T05:15:32-0500",
            "2024-01-25T00:15:32+14:00",
            "2024-01-24 10:15:32",
        )
    )


WORKED: Final = (
    b"2024-01-24 10:15:32.123 INFO Request processed in 127ms\n",
    b"2024-01-24 10:15:33.001 INFO Request processed in 95ms\n",
    b"2024-01-24 10:15:33.125 INFO Request processed in 105ms\n",
)
WORKED_JSON: Final = (
    b'{"timestamp": "2024-01-24 10:15:33.001", "level": "INFO", '
    b'"message": "Request processed", "duration_ms": 95}\n'
)
WORKED_ACCESS: Final = (
    b"192.168.1.1 - - [24/Jan/2024:10:15:33.125] GET /api/data HTTP/1.1 200 105ms\n"
)


def worked_app_log() -> bytes:
    """3,000 requests, mean 109 ms, 50 a second."""
    return b"".join(WORKED) * 1_000


def worked_mixed_log() -> bytes:
    """The same figures from three formats in one file."""
    return (WORKED[0] + WORKED_JSON + WORKED_ACCESS) * 1_000


def worked_errors_log() -> bytes:
    """200 requests and 50 errors in one minute."""
    return WORKED[0] * 200 + b"2024-01-24 10:15:33.001 ERROR Database connection failed\n" * 50


def worked_malformed_log() -> bytes:
    """200 requests and 30 malformed lines."""
    return WORKED[0] * 200 + b"".join(
        BROKEN[sort] + b"\n" for sort in ("words", "date_only", "time_only") for _ in range(10)
    )


SMALL_LOGS: Final[Mapping[str, Callable[[], bytes]]] = {
    "normal.log": normal_log,
    "error_spike.log": error_spike_log,
    "mixed_format.log": mixed_format_log,
    "malformed.log": malformed_log,
    "access_combined.log": access_combined_log,
    "access_time.log": lambda: _simple("access_time", 280, 900.0),
    "json.log": json_log,
    "logfmt.log": logfmt_log,
    "crlf.log": crlf_log,
    "bom.log": bom_log,
    "no_final_newline.log": no_final_newline_log,
    "invalid_utf8.log": invalid_utf8_log,
    "nul_bytes.log": nul_bytes_log,
    "out_of_order.log": out_of_order_log,
    "epoch_edges.log": epoch_edges_log,
    "epoch_far.log": epoch_far_log,
    "zones.log": zones_log,
    "empty.log": lambda: b"",
    "worked_app.log": worked_app_log,
    "worked_mixed.log": worked_mixed_log,
    "worked_errors.log": worked_errors_log,
    "worked_malformed.log": worked_malformed_log,
}
"""The committed logs and what makes them."""


def write_small_logs(folder: Path = LOGS) -> list[Path]:
    """Rewrites the committed logs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in SMALL_LOGS.items():
        (folder / name).write_bytes(make())
    return [folder / name for name in SMALL_LOGS]


LONG_LINE_BYTES: Final = 10 * 2**20


def long_line_log(path: str | Path) -> Path:
    """Writes 100 app lines, one valid line of 10 MiB and 100 more; too large to be committed.

    The long line's response time (127 ms) stands at its beginning, within the prefix that a reader
    with bounded memory looks at.
    """
    path = Path(path)
    head = _stamped(PLAIN + b".500 INFO Request processed in 127ms ", MORNING)
    with path.open("wb") as out:
        out.writelines(_few(100))
        out.write(head + b"x" * (LONG_LINE_BYTES - len(head) - 1) + b"\n")
        out.writelines(_few(100))
    return path


# ---------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """The command line; prints what was written."""
    parser = argparse.ArgumentParser(description="Generate logs with stated figures.")
    parser.add_argument("path", metavar="PATH", nargs="?", type=Path, help="file to write")
    parser.add_argument("--kind", choices=ALL_KINDS, default="app")
    parser.add_argument("--size-mb", type=float, default=16.0, metavar="N", help="size in MiB")
    parser.add_argument("--seed", type=int, default=0, metavar="S")
    parser.add_argument("--all-small", action="store_true", help="rewrite test_vectors/logs")
    args = parser.parse_args(argv)
    if args.all_small == (args.path is not None):
        parser.error("give either PATH or --all-small")
    if args.all_small:
        for path in write_small_logs():
            print(f"{path}: {path.stat().st_size:,} bytes")
        return 0
    try:
        log = generate_test_logs(args.size_mb, args.path, args.kind, args.seed)
    except ValueError as error:
        parser.error(str(error))
    for name, value in vars(log).items():
        print(f"{name:22} {value:,}" if isinstance(value, int) else f"{name:22} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
