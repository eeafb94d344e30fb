"""The oracle: the figures of a log, computed slowly and plainly.

It reads the shapes of line that occur in the vectors (app text, JSON, logfmt, combined with and
without a request time, bare access) with regular expressions and whole numbers, holds everything in
memory and is exact. It must not share code with the engine or with the generator, so that an error
has to be made twice to go unseen.

Times are nanoseconds since 1970, UTC. Keys and meanings are those of the JSON report; figures that
the report only estimates (percentiles, distinct clients) are exact here. What each figure means
where more than one reading is possible is said at the function that computes it.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

LOGS: Final = Path(__file__).parent / "logs"
EXPECTED_JSON: Final = LOGS / "expected.json"

LINE_PREFIX_MAX: Final = 2**20
"""A longer line is parsed from its first MiB."""
SERIES_BUCKETS_MAX: Final = 100_000
SERIES_STEPS_S: Final = (1, 10, 60, 600, 3_600, 86_400, 30 * 86_400)
TOP: Final = 10
SECOND: Final = 10**9

Figures = dict[str, Any]


@dataclass
class Record:
    """What a format found in a line; None or empty where it found nothing."""

    time: int
    level: str = "NONE"
    status: int | None = None
    duration: int | None = None  # nanoseconds
    sent: int | None = None  # bytes
    route: str | None = None
    method: str | None = None
    user_agent: str | None = None
    referrer: str | None = None
    client: str | None = None
    message: str | None = None
    offset: int = 0

    @property
    def is_request(self) -> bool:
        """It carries a response time or an HTTP status."""
        return self.duration is not None or self.status is not None

    @property
    def is_error(self) -> bool:
        """Level ERROR or FATAL, or status 5xx; both together are one error."""
        return self.level in ("ERROR", "FATAL") or 500 <= (self.status or 0) <= 599

    @property
    def is_client_error(self) -> bool:
        """Status 4xx."""
        return 400 <= (self.status or 0) <= 499


# ---------------------------------------------------------------------------------------------
# Times, levels, durations

MONTHS: Final = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1
    )
}
ISO: Final = (
    r"(?P<Y>\d{4})-(?P<M>\d\d)-(?P<D>\d\d)[T ](?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)"
    r"(?:[.,](?P<f>\d{1,9}))?(?P<z>Z|[+-]\d\d:?\d\d)?"
)
CLF: Final = (
    r"(?P<D>\d\d)/(?P<M>[A-Z][a-z][a-z])/(?P<Y>\d{4}):(?P<h>\d\d):(?P<m>\d\d):(?P<s>\d\d)"
    r"(?:\.(?P<f>\d{1,9}))?(?: (?P<z>[+-]\d{4}))?"
)


def _time(match: re.Match[str]) -> int | None:
    """The instant that a match of ISO or CLF names; None if there is no such one.

    A time without a zone is UTC. Second 60 is the one before it; hour 24 does not exist, nor do
    years whose nanoseconds since 1970 do not fit in 64 bits with a sign: only 1678 to 2261 do. The
    zone may carry the instant beyond the years of `datetime`, so it is applied to the number.
    """
    part = match.groupdict()
    if not 1678 <= int(part["Y"]) <= 2261:
        return None
    month = MONTHS.get(part["M"], 0) if part["M"].isalpha() else int(part["M"])
    try:
        second = 59 if part["s"] == "60" else int(part["s"])
        naive = datetime(
            int(part["Y"]), month, int(part["D"]), int(part["h"]), int(part["m"]), second
        )
    except ValueError:
        return None
    since = naive - datetime(1970, 1, 1)
    seconds = since.days * 86_400 + since.seconds
    zone = part["z"]
    if zone and zone != "Z":
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        seconds -= (hours * 3_600 + minutes * 60) * (-1 if zone[0] == "-" else 1)
    return seconds * SECOND + int((part["f"] or "").ljust(9, "0"))


def rfc3339(time: int) -> str:
    """RFC 3339 in UTC with no decimals, or with 3, 6 or 9 if fewer would lose something."""
    seconds, nanos = divmod(time, SECOND)
    when = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    text = f"{when.year:04}-{when:%m-%dT%H:%M:%S}"
    digits = f"{nanos:09}"
    while digits.endswith("000"):
        digits = digits[:-3]
    return f"{text}.{digits}Z" if digits else f"{text}Z"


LEVELS: Final = {
    "TRACE": "TRACE",
    "DEBUG": "DEBUG",
    "INFO": "INFO",
    "NOTICE": "NOTICE",
    "WARN": "WARN",
    "WARNING": "WARN",
    "ERR": "ERROR",
    "ERROR": "ERROR",
    "FATAL": "FATAL",
    "CRITICAL": "FATAL",
}

UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # MICRO SIGN
    "μs": 1_000,  # GREEK SMALL LETTER MU
    "ms": 1_000_000,
    "s": SECOND,
}
AMOUNT: Final = re.compile(r"(?<![\w.\-])(\d+(?:\.\d+)?) ?(ns|us|µs|μs|ms|s)(?!\w)", re.ASCII)
BEFORE: Final = re.compile(
    r"\b(?:in|took|duration|elapsed|latency|time|cost|rt)[ =:(]$", re.IGNORECASE
)
WAITING: Final = re.compile(
    r"\b(?:retry|retrying|wait|waiting|sleep|sleeping|timeout|every|next|expires)\b", re.IGNORECASE
)


def _nanoseconds(number: str, unit: str) -> int:
    return int(Decimal(number) * UNITS[unit])


def duration_in_text(text: str) -> int | None:
    """The response time that a message tells: the rightmost amount that qualifies.

    It qualifies if it follows one of the words of BEFORE and none of the four words before it
    speaks of waiting.
    """
    for match in reversed(list(AMOUNT.finditer(text))):
        before = text[: match.start()]
        if BEFORE.search(before) and not WAITING.search(" ".join(before.split()[-4:])):
            return _nanoseconds(match[1], match[2])
    return None


# ---------------------------------------------------------------------------------------------
# Routes and templates

UUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
HEX: Final = r"(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,}"
ID: Final = re.compile(rf"[0-9]+|{UUID}|{HEX}")


def route_of(method: str, target: str) -> str:
    """Method and path, without the query and with the segments that are ids folded."""
    path = target.split("?", 1)[0]
    return (
        method
        + " "
        + "/".join("{id}" if ID.fullmatch(segment) else segment for segment in path.split("/"))
    )


def _mask(name: str, pattern: str) -> str:
    return f"(?P<{name}>{pattern})"


MASKS: Final = re.compile(
    "|".join(
        (
            _mask("str", r"\"[^\"]*\"|'[^']*'"),
            _mask("uuid", rf"(?<!\w){UUID}(?!\w)"),
            _mask("ip", r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])"),
            _mask("hex", rf"(?<!\w)(?:0[xX][0-9a-fA-F]+|{HEX})(?!\w)"),
            _mask("path", r"(?<![\w/])(?:/[\w.\-]+)+/?"),
            _mask("num", r"(?<![\w])\d+(?:\.\d+)?"),
        )
    ),
    re.ASCII,
)


def template_of(message: str) -> str:
    """The message with its variable parts masked, leftmost first."""
    return MASKS.sub(lambda match: f"<{match.lastgroup}>", message)


# ---------------------------------------------------------------------------------------------
# Formats: text of a line -> Record, or None if the line is not of that shape

APP: Final = re.compile(
    rf"{ISO} (?P<level>{'|'.join(LEVELS)}) (?P<message>.*)", re.DOTALL | re.ASCII
)


def parse_app(line: str) -> Record | None:
    """`2024-01-24 10:15:32.123 INFO Request processed in 127ms`"""
    match = APP.fullmatch(line)
    time = _time(match) if match else None
    if match is None or time is None:
        return None
    message = match["message"]
    return Record(time, LEVELS[match["level"]], duration=duration_in_text(message), message=message)


def _named_fields(fields: dict[str, Any], time_key: str) -> Record | None:
    """The record of JSON or logfmt fields."""
    stamp = re.fullmatch(ISO, str(fields.get(time_key, "")), re.ASCII)
    time = _time(stamp) if stamp else None
    if time is None:
        return None
    method, path = fields.get("method"), fields.get("path")
    level = fields.get("level")
    status = fields.get("status")
    return Record(
        time,
        "NONE" if level is None else LEVELS.get(str(level).upper(), "OTHER"),
        status=None if status is None else int(status),
        route=route_of(method, path) if method and path else None,
        method=method,
        client=fields.get("client"),
        message=fields.get("message", fields.get("msg")),
    )


def parse_json(line: str) -> Record | None:
    """One JSON object; `duration_ms` is in milliseconds."""
    try:
        fields = json.loads(line, parse_float=Decimal)
    except (ValueError, InvalidOperation):
        return None
    record = _named_fields(fields, "timestamp") if isinstance(fields, dict) else None
    if record is not None and "duration_ms" in fields:
        record.duration = int(Decimal(fields["duration_ms"]) * UNITS["ms"])
    return record


PAIR: Final = re.compile(r'([\w.\-]+)(?:=("(?:[^"\\]|\\.)*"|[^\s"]*))?', re.ASCII)


def parse_logfmt(line: str) -> Record | None:
    """`ts=… level=info msg="…" … duration=72ms`"""
    fields: dict[str, Any] = {}
    at = 0
    while at < len(line):
        match = PAIR.match(line, at)
        if match is None or (match.end() < len(line) and line[match.end()] != " "):
            return None
        value = match[2] or ""
        if value.startswith('"'):
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        fields[match[1]] = value
        at = match.end() + 1
    record = _named_fields(fields, "ts")
    if record is not None and "duration" in fields:
        amount = AMOUNT.fullmatch(fields["duration"])
        record.duration = _nanoseconds(amount[1], amount[2]) if amount else None
    return record


QUOTED: Final = r'"((?:[^"\\]|\\.)*)"'
# Servers cut an overlong user agent off, with its closing quote.
LAST_QUOTED: Final = rf'(?:{QUOTED}|"(?:[^"\\]|\\.)*$)'
COMBINED: Final = re.compile(
    rf"(?P<client>\S+) \S+ \S+ \[{CLF}\] (?P<request>{QUOTED}) (?P<status>\d{{3}}) "
    rf"(?P<sent>\d+|-)"
    rf"(?: (?P<referrer>{QUOTED}) (?P<agent>{LAST_QUOTED})(?: (?P<seconds>\d+\.\d+))?)?",
    re.DOTALL | re.ASCII,
)
REQUEST: Final = re.compile(r'"?(?P<method>[A-Z]+) (?P<target>\S+) HTTP/[\d.]+"?', re.ASCII)


def _unquoted(text: str | None) -> str | None:
    """What stands between quotes, with `\\"` and `\\\\` undone; None for nothing, a dash, and a
    text that was cut off before its closing quote."""
    if text is None or len(text) < 2 or not text.endswith('"'):
        return None
    inside = text[1:-1]
    return re.sub(r'\\(["\\])', r"\1", inside) if inside not in ("", "-") else None


def parse_combined(line: str) -> Record | None:
    """CLF and combined, with nginx's request time in seconds if it stands at the end.

    The status counts even if the request cannot be read; then there is no route.
    """
    match = COMBINED.fullmatch(line)
    time = _time(match) if match else None
    if match is None or time is None:
        return None
    request = REQUEST.fullmatch(match["request"])
    return Record(
        time,
        status=int(match["status"]),
        duration=_nanoseconds(match["seconds"], "s") if match["seconds"] else None,
        sent=None if match["sent"] == "-" else int(match["sent"]),
        route=route_of(request["method"], request["target"]) if request else None,
        method=request["method"] if request else None,
        user_agent=_unquoted(match["agent"]),
        referrer=_unquoted(match["referrer"]),
        client=match["client"],
    )


BARE: Final = re.compile(
    rf"(?P<client>\S+) \S+ \S+ \[{CLF}\] (?P<request>[A-Z]+ \S+ HTTP/[\d.]+) (?P<status>\d{{3}}) "
    r"(?P<amount>\d+)(?P<unit>ms)",
    re.ASCII,
)


def parse_bare(line: str) -> Record | None:
    """`192.168.1.1 - - [24/Jan/2024:10:15:33.125] GET /api/data HTTP/1.1 200 105ms`"""
    match = BARE.fullmatch(line)
    time = _time(match) if match else None
    request = REQUEST.fullmatch(match["request"]) if match else None
    if match is None or time is None or request is None:
        return None
    return Record(
        time,
        status=int(match["status"]),
        duration=_nanoseconds(match["amount"], match["unit"]),
        route=route_of(request["method"], request["target"]),
        method=request["method"],
        client=match["client"],
    )


PARSERS: Final[tuple[Callable[[str], Record | None], ...]] = (
    parse_app,
    parse_json,
    parse_logfmt,
    parse_combined,
    parse_bare,
)

# ---------------------------------------------------------------------------------------------
# Lines

CONTINUATION: Final = re.compile(
    r"[ \t\v\f]|Traceback\b|Caused by:|at |\.\.\. \d+ more|[A-Za-z_][\w.]*(?:Error|Exception):",
    re.ASCII,
)


TRACEBACK: Final = "Traceback (most recent call last)"
QUIET: Final = ("TRACE", "DEBUG", "INFO", "NOTICE")


def split_lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Offset and text of each line: without its `\\n`, one `\\r` before it, and a leading BOM."""
    offset = 0
    pieces = data.split(b"\n")
    if not pieces[-1]:
        pieces.pop()
    for piece in pieces:
        text = piece.removesuffix(b"\r")
        if offset == 0:
            text = text.removeprefix(b"\xef\xbb\xbf")
        yield offset, text
        offset += len(piece) + 1


def read(data: bytes) -> tuple[Counter[str], list[Record]]:
    """The lines by class, and the records in the order of the file.

    Invalid UTF-8 is read lossily. A line of white space is blank; the rest is tried as every
    format, then as a continuation, whatever stands before it.
    """
    lines: Counter[str] = Counter()
    records: list[Record] = []
    last: Record | None = None
    for offset, raw in split_lines(data):
        line = raw[:LINE_PREFIX_MAX].decode("utf-8", "replace")
        lines["total"] += 1
        if not line.strip(" \t\r\v\f"):
            lines["blank"] += 1
            continue
        record = next((found for parse in PARSERS if (found := parse(line))), None)
        if record is not None:
            last = record
        elif line.startswith(TRACEBACK) and last is not None and last.level in QUIET:
            # No record tells of this error.
            record = Record(last.time, "ERROR", message=line)
        else:
            lines["continuation" if CONTINUATION.match(line) else "malformed"] += 1
            continue
        lines["parsed"] += 1
        record.offset = offset
        records.append(record)
    return lines, records


# ---------------------------------------------------------------------------------------------
# Figures


def _ratio(above: float, below: float) -> float | None:
    return above / below if below else None


def _ms(nanoseconds: float) -> float:
    return nanoseconds / 1_000_000


def percentile(ordered: list[int], per_mille: int) -> int:
    """Nearest rank: the smallest value that at least that share of the values does not exceed."""
    rank = max(1, -(-per_mille * len(ordered) // 1000))
    return ordered[rank - 1]


def _minutes(records: list[Record]) -> int:
    """Whole clock minutes touched from the earliest to the latest time, both included."""
    times = [record.time for record in records]
    return max(times) // (60 * SECOND) - min(times) // (60 * SECOND) + 1 if times else 0


def _time_figures(records: list[Record]) -> Figures:
    """`out_of_order`: records earlier than the one before them in the file.

    `untimed`: records without a time, of which these formats have none.
    """
    times = [record.time for record in records]
    if not times:
        nothing = {"first": None, "last": None, "span_s": None, "minutes": 0}
        return {**nothing, "out_of_order": 0, "untimed": 0}
    return {
        "first": rfc3339(min(times)),
        "last": rfc3339(max(times)),
        "span_s": (max(times) - min(times)) / SECOND,
        "minutes": _minutes(records),
        "out_of_order": sum(b < a for a, b in pairwise(times)),
        "untimed": 0,
    }


def _response_times(records: list[Record]) -> Figures:
    """`absent`: requests without a response time."""
    ordered = sorted(r.duration for r in records if r.duration is not None)
    requests = sum(record.is_request for record in records)
    figures: Figures = {"count": len(ordered), "absent": requests - len(ordered)}
    names = {"p50": 500, "p90": 900, "p95": 950, "p99": 990, "p999": 999}
    if not ordered:
        return figures | dict.fromkeys(("mean", "min", "max", *names))
    figures["mean"] = _ms(sum(ordered) / len(ordered))
    figures["min"] = _ms(ordered[0])
    figures["max"] = _ms(ordered[-1])
    return figures | {name: _ms(percentile(ordered, q)) for name, q in names.items()}


def _throughput(records: list[Record]) -> Figures:
    """The peak is the bucket with the most requests, the earliest of equals.

    Buckets are a second wide while at most 100,000 of them hold a record, else the next step of the
    ladder; `peak_rps` is requests a second over that step.
    """
    requests = [record for record in records if record.is_request]
    span = max(r.time for r in records) - min(r.time for r in records) if records else 0
    step = next(
        step
        for step in SERIES_STEPS_S
        if len({r.time // (step * SECOND) for r in records}) <= SERIES_BUCKETS_MAX
    )
    figures: Figures = {
        "requests_per_second": _ratio(len(requests), 60 * _minutes(records)),
        "observed_rps": _ratio(len(requests) * SECOND, span),
        "peak_rps": None,
        "peak_at": None,
        "peak_step_s": step,
    }
    buckets = Counter(record.time // (step * SECOND) for record in requests)
    if buckets:
        at, most = min(buckets.items(), key=lambda item: (-item[1], item[0]))
        figures |= {"peak_rps": most / step, "peak_at": rfc3339(at * step * SECOND)}
    return figures


def _grouped(records: Iterable[Record], key: str) -> dict[str, list[Record]]:
    groups: defaultdict[str, list[Record]] = defaultdict(list)
    for record in records:
        value = getattr(record, key)
        if value is not None:
            groups[value].append(record)
    return groups


def _top(rows: list[Figures], count: str, key: str) -> list[Figures]:
    """The first rows by count, then by the bytes of the key."""
    return sorted(rows, key=lambda row: (-row[count], row[key].encode()))[:TOP]


def _counts(members: list[Record], records: list[Record]) -> Figures:
    """What all tables of requests say of some of the records; bytes are None if no record of the
    log tells them, client errors if none has a status."""
    requests = sum(record.is_request for record in members)
    has_status = any(record.status is not None for record in records)
    sized = any(record.sent is not None for record in records)
    return {
        "requests": requests,
        "errors": sum(record.is_error for record in members),
        "client_errors": sum(r.is_client_error for r in members) if has_status else None,
        "share": _ratio(requests, sum(record.is_request for record in records)),
        "bytes": sum(record.sent or 0 for record in members) if sized else None,
    }


def _table(chosen: list[Record], key: str, records: list[Record], name: str) -> Figures:
    """Some of the records by one of their fields, which rows call `name`.

    Of fewer values than a percentile needs, it is the largest.
    """
    rows = []
    for value, members in _grouped(chosen, key).items():
        times = sorted(r.duration for r in members if r.duration is not None)
        ranks = {"p50_ms": 500, "p95_ms": 950, "p99_ms": 990}
        rows.append(
            {
                name: value,
                **_counts(members, records),
                "mean_ms": _ms(sum(times) / len(times)) if times else None,
                **{each: _ms(percentile(times, q)) if times else None for each, q in ranks.items()},
                "max_ms": _ms(times[-1]) if times else None,
            }
        )
    return {"distinct": len(rows), "top": _top(rows, "requests", name)}


def _clients(records: list[Record]) -> Figures:
    rows: list[Figures] = [
        {"client": client, **_counts(members, records)}
        for client, members in _grouped(records, "client").items()
    ]
    return {"distinct": len(rows), "top": _top(rows, "requests", "client")}


def _clients_per_day(records: list[Record]) -> list[Figures]:
    days: defaultdict[str, set[str]] = defaultdict(set)
    for record in records:
        if record.client is not None:
            days[rfc3339(record.time)[:10]].add(record.client)
    return [{"day": day, "distinct": len(clients)} for day, clients in sorted(days.items())]


GRID_STEPS_S: Final = (
    *(1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600),
    *(86_400, 30 * 86_400, 480 * 86_400),
)
GRID_BUCKETS_MAX: Final = 512


def _over_time(records: list[Record]) -> Figures:
    """Response times by bucket. The median and the 95th percentile need 20 values, the 99th 100.

    The step is the finest of those from that of the analysis grid on (at most 512 buckets that hold
    a record) at which nine tenths of the values lie in buckets of 20 or more, provided that it
    leaves at least 8 buckets; else that of the grid.
    """
    fitting = [
        step
        for step in GRID_STEPS_S
        if len({r.time // (step * SECOND) for r in records}) <= GRID_BUCKETS_MAX
    ]
    step = fitting[0]
    timed = [r.time for r in records if r.duration is not None]
    for wider in fitting:
        sizes = Counter(time // (wider * SECOND) for time in timed).values()
        if wider > step and len(sizes) < 8:
            break
        if sum(size for size in sizes if size >= 20) * 10 >= len(timed) * 9:
            step = wider
            break
    buckets: defaultdict[int, list[int]] = defaultdict(list)
    for record in records:
        if record.duration is not None:
            buckets[record.time // (step * SECOND)].append(record.duration)
    points = []
    for index, times in sorted(buckets.items()):
        times.sort()
        point: Figures = {"t": rfc3339(index * step * SECOND), "count": len(times)}
        for name, q, least in (("p50_ms", 500, 20), ("p95_ms", 950, 20), ("p99_ms", 990, 100)):
            point[name] = _ms(percentile(times, q)) if len(times) >= least else None
        points.append(point)
    return {"step_s": step, "points": points}


SEVERE: Final = ("FATAL", "ERROR", "WARN")
"""The levels of `messages`, worst first."""
OTHERS: Final = ("NOTICE", "INFO", "DEBUG", "TRACE", "OTHER", "NONE")
"""The levels of `templates`, in their order among templates of one count."""


def _messages(records: list[Record], severity: tuple[str, ...]) -> Figures:
    """Templates of some levels."""
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for record in records:
        if record.level in severity and record.message:
            groups[template_of(record.message), record.level].append(record.time)
    rows: list[Figures] = [
        {
            "template": template,
            "level": level,
            "count": len(times),
            "share": _ratio(len(times), len(records)),
            "first": rfc3339(min(times)),
            "last": rfc3339(max(times)),
        }
        for (template, level), times in groups.items()
    ]
    # Of equally frequent messages the more severe ones come first, then by the template's bytes.
    rows.sort(key=lambda r: (-r["count"], severity.index(r["level"]), r["template"].encode()))
    return {"distinct": len(rows), "top": rows[:TOP]}


def _slowest(records: list[Record]) -> list[Figures]:
    timed = [(r.duration, r) for r in records if r.duration is not None]
    timed.sort(key=lambda pair: (-pair[0], pair[1].offset))
    return [
        {"ms": _ms(duration), "time": rfc3339(r.time), "offset": r.offset}
        for duration, r in timed[:TOP]
    ]


BY_FIELD: Final = {"methods": "method", "user_agents": "user_agent", "referrers": "referrer"}
"""Tables of requests by a field: the table's name, and that of the field and of the rows' key."""

CLASSES: Final = ("total", "parsed", "malformed", "blank", "continuation", "header", "filtered")


def expected(path: str | Path) -> Figures:
    """The figures of a log, under the keys of the JSON report.

    `levels` and `status` have only what occurs, with NONE for records without a level;
    `bytes_sent` is None if no record tells it; rates are None if no record has a time; errors are
    None if no record has a level or a status, as then none could be known as one.
    """
    lines, records = read(Path(path).read_bytes())
    minutes = _minutes(records)
    judged = any(
        record.level not in ("NONE", "OTHER") or record.status is not None for record in records
    )
    errors = sum(record.is_error for record in records) if judged else None
    sent = [record.sent for record in records if record.sent is not None]
    response_times, throughput = _response_times(records), _throughput(records)
    levels = Counter(record.level for record in records)
    status = Counter(str(record.status) for record in records if record.status is not None)
    failing = sum(count for code, count in status.items() if 500 <= int(code) <= 599)
    detailed = levels["TRACE"] + levels["DEBUG"]
    return {
        "total_requests": sum(record.is_request for record in records),
        "avg_response_time": response_times["mean"],
        "error_rate": None if errors is None else _ratio(errors, minutes),
        "requests_per_second": throughput["requests_per_second"],
        "malformed_lines": lines["malformed"],
        "lines": {name: lines[name] for name in CLASSES},
        "time": _time_figures(records),
        "levels": dict(sorted(levels.items())),
        "status": dict(sorted(status.items())),
        "bytes_sent": sum(sent) if sent else None,
        "errors": {
            "total": errors,
            "per_minute": None if errors is None else _ratio(errors, minutes),
            "ratio": None if errors is None else _ratio(errors, len(records)),
            "request_ratio": None if errors is None else _ratio(failing, sum(status.values())),
            "record_ratio": None if errors is None else _ratio(errors, len(records) - detailed),
        },
        "response_time_ms": response_times,
        "throughput": throughput,
        "response_times": _over_time(records),
        "routes": _table(records, "route", records, "route"),
        "not_found": _table([r for r in records if r.status == 404], "route", records, "route"),
        **{
            name: _table([r for r in records if r.is_request], key, records, key)
            for name, key in BY_FIELD.items()
        },
        "clients": _clients(records),
        "clients_per_day": _clients_per_day(records),
        "messages": _messages(records, SEVERE),
        "templates": _messages(records, OTHERS),
        "slowest": _slowest(records),
    }


# ---------------------------------------------------------------------------------------------
# The committed table


def expected_table(folder: Path = LOGS) -> str:
    """The text of expected.json: every log of the folder by name, three of each list."""
    table = {}
    for path in sorted(folder.glob("*.log")):
        figures = expected(path)
        for section in figures.values():
            if isinstance(section, dict) and "top" in section:
                section["top"] = section["top"][:3]
        figures["response_times"]["points"] = figures["response_times"]["points"][:3]
        figures["slowest"] = figures["slowest"][:3]
        table[path.name] = figures
    return json.dumps(table, indent=1, ensure_ascii=False) + "\n"


def main(argv: list[str] | None = None) -> int:
    """The command line: the figures of one log, or `--write` for the committed table."""
    parser = argparse.ArgumentParser(description="Compute the figures of a log, slowly.")
    parser.add_argument("path", metavar="PATH", nargs="?", type=Path)
    parser.add_argument("--write", action="store_true", help="rewrite logs/expected.json")
    args = parser.parse_args(argv)
    if args.write == (args.path is not None):
        parser.error("give either PATH or --write")
    if args.write:
        EXPECTED_JSON.write_text(expected_table(), encoding="utf-8")
        print(EXPECTED_JSON)
    else:
        print(json.dumps(expected(args.path), indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
