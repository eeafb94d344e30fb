"""The options of an analysis, each declared once: name, type, default, bounds, and its flag.

The library's keywords, the command line's flags, environment variables and configuration keys, and
the options of a submitted job all derive from the fields of the classes below. To add an option,
add a field here and use it; a test names the public signatures that must show it.

Five classes, by who consumes them: `Options` changes results, belongs to the job and travels with
it; `TimeRange` is what a user says of time, resolved into `Options` when the job is planned;
`Execution` says how the work is done and never changes a result; `Presentation` is what the report
adds; `Storage` is what a run keeps. Knows no argparse, no clock and no file: `Flag.parse` names a
function of `cli.option_types`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from logan.errors import UsageError
from logan.limits import (
    CHUNK_SIZE_BYTES_DEFAULT,
    CHUNK_SIZE_BYTES_MAX,
    EXPANSION_MAX_DEFAULT,
    GROUP_TABLES_MAX,
    MIB,
    ROW_NAME_CHARS_MAX,
    ROWS_NAMED_MAX,
    SERIES_POINTS_MAX,
    STEP_S_MAX,
    THREADS_MAX,
    TOP_ROWS_MAX,
    UNIT_CHARS_MAX,
    UNITS_MAX,
)

if TYPE_CHECKING:
    from logan._logan import Cancel

__all__ = [
    "CUSTOM",
    "RECORD_FILES",
    "REPORTING",
    "SORTS",
    "Execution",
    "Flag",
    "Moment",
    "Options",
    "Presentation",
    "Progress",
    "Storage",
    "TimeRange",
    "chosen",
    "flags",
    "step_s",
]

CUSTOM: Final = "custom"
"""The name by which specs and summaries know custom formats."""

RECORD_FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "parquet": (".parquet", ".pq"),
    "arrow": (".arrow", ".feather", ".ipc"),
    "csv": (".csv",),
    "jsonl": (".jsonl", ".ndjson"),
}
"""The kinds of files that records are written to, and the suffixes that mean each."""

Moment = str | datetime | timedelta
"""A point in time: text such as "2024-01-24 10:15" or "2h", a `datetime` (in the input time zone if
it names none), or a `timedelta` that counts back."""

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all); the second is 0 while the end is not known."""


class Flag(NamedTuple):
    """How the command line offers an option.

    Attributes:
        name: with its dashes.
        help: one phrase; the command line adds the name of the environment variable.
        group: the heading of the help text below which it stands.
        parse: the function of `cli.option_types` that reads its text.
        repeatable: every use adds a value.
        negates: takes no value; its use means False.
        switches: takes no value; its use means True.
        environment: `LOGAN_*` variables and the configuration file can set it, too.
    """

    name: str
    help: str
    group: str
    metavar: str | None = None
    parse: str = "text"
    choices: tuple[str, ...] = ()
    repeatable: bool = False
    negates: bool = False
    switches: bool = False
    environment: bool = False


Check = Callable[[Any], None]


def _declared(*, check: Check | None = None, flag: Flag | None = None) -> Mapping[str, Any]:
    """The metadata of a field that is an option."""
    return {"check": check, "flag": flag}


def flags(*holders: type) -> Iterator[tuple[str, Any, Flag]]:
    """Name, default and flag of every option of `holders` that the command line offers."""
    for holder in holders:
        for each in fields(holder):
            flag = each.metadata.get("flag")
            if flag is not None:
                yield each.name, each.default, flag


def chosen(given: Mapping[str, Any], *holders: type) -> dict[str, Any]:
    """The options of `holders` among `given`: a function's `locals()`, or parsed arguments."""
    names = (each.name for holder in holders for each in fields(holder))
    return {name: given[name] for name in names if name in given}


def _check_all(options: Any) -> None:
    for each in fields(options):
        check = each.metadata.get("check")
        value = getattr(options, each.name)
        if check is not None and value is not None:
            check(value)


def _within(label: str, low: int, high: int, unit: str = "") -> Check:
    def check(value: int) -> None:
        if not low <= value <= high:
            most = f"from {low} to {high:,}" if high < 2**62 else f"{low} or more"
            raise UsageError(f"{label} is {value:,}{unit}, it must be {most}")

    return check


def _one_of(label: str, *values: str) -> Check:
    def check(value: str) -> None:
        if value not in values:
            known = " or ".join(f'"{each}"' for each in values)
            raise UsageError(f"{label} is {value!r}, it must be {known}")

    return check


def _few_groups(by: tuple[str, ...]) -> None:
    if len(by) > GROUP_TABLES_MAX:
        raise UsageError(
            f"cannot group by {len(by)} fields at once: at most {GROUP_TABLES_MAX} are possible",
            hint="run it again for the others",
        )


def _few_rows(rows: tuple[str, ...]) -> None:
    if len(rows) > ROWS_NAMED_MAX or any(len(each) > ROW_NAME_CHARS_MAX for each in rows):
        raise UsageError(
            f"at most {ROWS_NAMED_MAX} rows can be named, each by up to {ROW_NAME_CHARS_MAX:,} "
            "characters"
        )


_UNITS: Final = ("ns", "us", "ms", "s", "none")


def _valid_units(units: tuple[str, ...]) -> None:
    if len(units) > UNITS_MAX:
        raise UsageError(f"units of {len(units)} keys are given, at most {UNITS_MAX} are possible")
    keys: set[str] = set()
    for each in units:
        key, _, unit = each.rpartition("=")
        if not key or unit not in _UNITS or len(each) > UNIT_CHARS_MAX:
            raise UsageError(
                f"{each[:UNIT_CHARS_MAX]!r} is not a valid unit of a key: "
                f"expected KEY=UNIT, such as duration=ms, of up to {UNIT_CHARS_MAX} characters",
                hint=f"units are {', '.join(_UNITS[:-1])}; none: not a response time",
            )
        if key in keys:
            raise UsageError(f"two units are given for {key!r}", hint="give one of them")
        keys.add(key)


_STEP: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def step_s(text: str) -> int:
    """Seconds of a step of time such as `30s`, `1m`, `6h`, `1d`. Raises `UsageError`."""
    number, unit = text.strip()[:-1], text.strip()[-1:].lower()
    if not (number.isascii() and number.isdecimal() and unit in _STEP and len(number) < 12):
        raise UsageError(
            f"{text!r} is not a valid step of time", hint="write it like 30s, 1m, 6h or 1d"
        )
    return int(number) * _STEP[unit]


SORTS: Final = ("requests", "errors", "ratio", "total", "p95", "max", "bytes")
"""What the tables of a report can be sorted by."""

REPORTING: Final = ("top", "sort", "user_agents")
"""Options that say what a report shows of a summary, whatever the job counts: they can be chosen
anew for one that runs."""

_FILTERING: Final = "filtering"
_GROUPING: Final = "grouping"
_OUTPUT: Final = "output"
_FORMATS: Final = "formats and time"
_PERFORMANCE: Final = "tuning"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """What a user says of time: from `since` up to, but not with, `until`; relative times count
    back from `relative_to`. Planning resolves it into `Options.since_ns` and its siblings."""

    since: Moment | None = field(
        default=None,
        metadata=_declared(
            flag=Flag(
                "--since",
                'only records at or after TIME: a date, "2024-01-24 10:15", RFC 3339, 10:15, '
                "today, yesterday, or an age such as 2h, 30m, '2 hours ago'; in --input-tz if it "
                "names no time zone",
                _FILTERING,
                metavar="TIME",
            )
        ),
    )
    until: Moment | None = field(
        default=None,
        metadata=_declared(
            flag=Flag("--until", "only records before TIME", _FILTERING, metavar="TIME")
        ),
    )
    relative_to: Literal["now", "last"] = field(
        default="now",
        metadata=_declared(
            check=_one_of("relative_to", "now", "last"),
            flag=Flag(
                "--relative-to",
                "what an age such as 2h counts back from: now, or the last record (default: now)",
                _FILTERING,
                choices=("now", "last"),
            ),
        ),
    )

    def __post_init__(self) -> None:
        _check_all(self)


@dataclass(frozen=True, slots=True)
class Options:
    """What the user chose; each choice may change the results.

    `format` is the name of a format, or the text of a custom one, which reports call `format_name`.
    `since_ns` and `until_ns` (epoch nanoseconds) select records from the one up to, but not with,
    the other; `since_back_ns` and `until_back_ns` stand for them until the last record is known,
    from which they count back. `where` is a condition, `by` names the fields of group tables, both
    in canonical text. `sort` orders the tables; `step` is that of the series: seconds, or text such
    as "1m"; `user_agents` adds tables of "families". `rows`, texts such as `routes["GET /"]`, are
    kept whatever their rank. `units` are texts KEY=UNIT, or a mapping. `seek` lets files in the
    order of time be read in part.

    Raises:
        UsageError: a value is out of range.
    """

    chunk_size: int = field(
        default=CHUNK_SIZE_BYTES_DEFAULT,
        metadata=_declared(
            check=_within("chunk size", 1, CHUNK_SIZE_BYTES_MAX, " bytes"),
            flag=Flag(
                "--chunk-size",
                f"unit of work, such as 4MiB (default: {CHUNK_SIZE_BYTES_DEFAULT // MIB}MiB)",
                _PERFORMANCE,
                metavar="BYTES",
                parse="byte_size",
                environment=True,
            ),
        ),
    )
    format: str | None = field(
        default=None,
        metadata=_declared(
            flag=Flag(
                "--format",
                "read every line as this format: a name from `logan formats`, the text of nginx's "
                "log_format or Apache's LogFormat, or a regular expression with named groups",
                _FORMATS,
                metavar="FORMAT",
                environment=True,
            )
        ),
    )
    format_name: str = CUSTOM
    input_tz: str = field(
        default="UTC",
        metadata=_declared(
            flag=Flag(
                "--input-tz",
                "time zone of timestamps without one, such as Europe/Berlin or +02:00 "
                "(default: UTC)",
                _FORMATS,
                metavar="TZ",
                parse="zone_name",
                environment=True,
            )
        ),
    )
    date_order: Literal["mdy", "dmy", "ymd"] | None = field(
        default=None,
        metadata=_declared(
            check=_one_of("date_order", "mdy", "dmy", "ymd"),
            flag=Flag(
                "--date-order",
                "order of dates such as 03/04/2024 and 24-01-23: mdy (month first), dmy or ymd "
                "(default: what the dates of each input say)",
                _FORMATS,
                choices=("mdy", "dmy", "ymd"),
                environment=True,
            ),
        ),
    )
    client: Literal["remote", "forwarded"] | None = field(
        default=None,
        metadata=_declared(
            check=_one_of("client", "remote", "forwarded"),
            flag=Flag(
                "--client",
                "who the client of an access log is: remote, the address that a request comes "
                "from, or forwarded, the first public one of the list behind the user agent "
                "(X-Forwarded-For) (default: forwarded where few private addresses, those of "
                "proxies, are all that requests come from)",
                _FORMATS,
                choices=("remote", "forwarded"),
                environment=True,
            ),
        ),
    )
    units: tuple[str, ...] = field(
        default=(),
        metadata=_declared(
            check=_valid_units,
            flag=Flag(
                "--unit",
                "unit of the numbers under a key that is a response time: ns, us, ms, s, or none; "
                "KEY is response_time for the number after an access log's user agent; repeatable "
                "(default: by the key's name, the producer or the values of each input)",
                _FORMATS,
                metavar="KEY=UNIT",
                repeatable=True,
            ),
        ),
    )
    top: int = field(
        default=10,
        metadata=_declared(
            check=_within("top", 1, TOP_ROWS_MAX),
            flag=Flag(
                "--top",
                "rows of the top tables (default: 10, of which a terminal shows what fits)",
                _GROUPING,
                metavar="N",
                parse="positive",
                environment=True,
            ),
        ),
    )
    sort: Literal["requests", "errors", "ratio", "total", "p95", "max", "bytes"] = field(
        default="requests",
        metadata=_declared(
            check=_one_of("sort", *SORTS),
            flag=Flag(
                "--sort",
                f"what tables are sorted by: {', '.join(SORTS)} (default: requests, and rows that "
                "lead by errors or by total time are added)",
                _GROUPING,
                metavar="METRIC",
                choices=SORTS,
            ),
        ),
    )
    rows: tuple[str, ...] = field(default=(), metadata=_declared(check=_few_rows))
    step: int | None = field(
        default=None,
        metadata=_declared(
            check=_within("step", 1, STEP_S_MAX, " s"),
            flag=Flag(
                "--step",
                "time between two points of the timeline and of the series, such as 1m or 1h; a "
                "multiple of what is kept, which is 1 s for up to 100,000 s with records "
                "(default: as fine as there is room)",
                _OUTPUT,
                metavar="TIME",
                parse="step",
            ),
        ),
    )
    user_agents: Literal["raw", "families"] | None = field(
        default=None,
        metadata=_declared(
            check=_one_of("user_agents", "raw", "families"),
            flag=Flag(
                "--user-agents",
                "raw: as written; families: tables of families with their versions and bots, and "
                "of operating systems, too, told by the 500 most frequent strings (default: "
                "families on pages and in Markdown)",
                _GROUPING,
                choices=("raw", "families"),
            ),
        ),
    )
    since_ns: int | None = None
    until_ns: int | None = None
    since_back_ns: int | None = None
    until_back_ns: int | None = None
    where: str | None = field(
        default=None,
        metadata=_declared(
            flag=Flag(
                "--where",
                "only records for which EXPR is true, such as 'status>=500'",
                _FILTERING,
                metavar="EXPR",
            )
        ),
    )
    by: tuple[str, ...] = field(
        default=(),
        metadata=_declared(
            check=_few_groups,
            flag=Flag(
                "--by",
                "add a table grouped by route, path, status, level, client, host, method, format, "
                "user_agent, referrer, protocol, json.KEY, logfmt.KEY, time:STEP such as time:5m, "
                "source (the input), origin (the server of a URL), timer (other timings than the "
                "response time, such as db=5ms), outgoing (hosts that client libraries call), what "
                "a group of a regular expression finds, such as 'message~\"order (\\w+)\"', or two "
                "of these, such as route,status; repeatable",
                _GROUPING,
                metavar="FIELD",
                repeatable=True,
            ),
        ),
    )
    seek: bool = field(
        default=True,
        metadata=_declared(
            flag=Flag(
                "--no-seek", "do not seek by time; read whole files", _PERFORMANCE, negates=True
            )
        ),
    )
    expansion_max: int = field(
        default=EXPANSION_MAX_DEFAULT,
        metadata=_declared(
            check=_within("expansion_max", 0, 2**63 - 1),
            flag=Flag(
                "--max-expansion",
                "maximum decompression ratio, checked after the first 1 GiB "
                f"(default: {EXPANSION_MAX_DEFAULT}); 0 for no limit",
                _PERFORMANCE,
                metavar="N",
                parse="whole",
                environment=True,
            ),
        ),
    )

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", tuple(self.by))  # JSON has lists
        object.__setattr__(self, "rows", tuple(self.rows))
        if isinstance(self.step, str):
            object.__setattr__(self, "step", step_s(self.step))
        given: Mapping[str, str] | Iterable[str] = self.units
        if isinstance(given, Mapping):
            given = [f"{key}={unit}" for key, unit in given.items()]
        object.__setattr__(self, "units", tuple(given))
        _check_all(self)
        if (
            self.since_ns is not None
            and self.until_ns is not None
            and self.since_ns >= self.until_ns
        ):
            raise UsageError(
                "since is not before until: no record can be in that time range",
                hint="a relative time such as 2h counts back from now",
            )


@dataclass(frozen=True, slots=True)
class Presentation:
    """What the report adds to the job's results, and how it treats inputs that fail.

    Attributes:
        anchor: timestamps without a year lie at or before this moment.
        series_points: most points of the series; None for all.
        geoip: databases in the MMDB format, by which countries and networks of clients are told.
        explain: read the intervals of findings again, to name what is common to them.
        errors: "raise" the first input's error, or "report" it beside the others' results.
    """

    anchor: datetime | None = field(
        default=None,
        metadata=_declared(
            flag=Flag(
                "--anchor",
                "reference date for timestamps without a year (default: when each input was "
                "modified)",
                _FORMATS,
                metavar="TIME",
                parse="moment",
                environment=True,
            )
        ),
    )
    series_points: int | None = SERIES_POINTS_MAX
    geoip: tuple[str, ...] = field(
        default=(),
        metadata=_declared(
            flag=Flag(
                "--geoip",
                "add tables of the countries and networks (ASN) of clients, by a database in the "
                "MMDB format such as GeoLite2-Country.mmdb; repeatable",
                _GROUPING,
                metavar="FILE",
                repeatable=True,
            )
        ),
    )
    explain: bool = field(
        default=True,
        metadata=_declared(
            flag=Flag(
                "--no-explain",
                "do not read the interval of a finding again to name what is common to it",
                _OUTPUT,
                negates=True,
            )
        ),
    )
    errors: Literal["raise", "report"] = field(
        default="raise", metadata=_declared(check=_one_of("errors", "raise", "report"))
    )

    def __post_init__(self) -> None:
        given: Any = self.geoip
        names = (given,) if isinstance(given, (str, PathLike)) else given
        object.__setattr__(self, "geoip", tuple(os.fspath(each) for each in names))
        _check_all(self)
        if self.series_points is not None and self.series_points < 1:
            raise UsageError(
                f"series_points is {self.series_points}, it must be 1 or more, or None"
            )


@dataclass(frozen=True, slots=True)
class Storage:
    """What a run keeps, and what it goes on from.

    Attributes:
        save: the file that gets the run's summary, with all that its report needs.
        spec: a saved summary, or a spec in JSON, that says how logs are read and what counts.
        state: a folder that remembers how far logs were counted: only what is new is read.
        total: with `state`, the report is of all that was counted.
    """

    save: str | PathLike[str] | None = field(
        default=None,
        metadata=_declared(
            flag=Flag(
                "--save",
                "write a saved summary to FILE, which every command reads in place of the logs",
                _OUTPUT,
                metavar="FILE",
            )
        ),
    )
    spec: str | PathLike[str] | None = field(
        default=None,
        metadata=_declared(
            flag=Flag(
                "--spec",
                "read and count as this saved summary does: its formats, units, zone, condition",
                _FORMATS,
                metavar="FILE",
            )
        ),
    )
    state: str | PathLike[str] | None = field(
        default=None,
        metadata=_declared(
            flag=Flag(
                "--state",
                "keep in DIR how far logs were counted, through rotation: read and report only "
                "what is new",
                _OUTPUT,
                metavar="DIR",
            )
        ),
    )
    total: bool = field(
        default=False,
        metadata=_declared(
            flag=Flag(
                "--total",
                "with --state, report all that was ever counted, not only what is new",
                _OUTPUT,
                switches=True,
            )
        ),
    )

    def __post_init__(self) -> None:
        _check_all(self)


@dataclass(frozen=True, slots=True)
class Execution:
    """How the work is done; nothing here changes a result.

    Attributes:
        threads: chunks scanned at the same time; None for the CPUs that this process may use.
        progress: called about ten times a second.
        cancel: stops the work when set; None if it cannot be stopped.
        streams: by source, the inputs without a size, as `sources` opened them.
    """

    threads: int | None = field(
        default=None,
        metadata=_declared(
            check=_within("threads", 1, THREADS_MAX),
            flag=Flag(
                "--threads",
                "number of threads (default: available CPUs); does not affect results",
                _PERFORMANCE,
                metavar="N",
                parse="positive",
                environment=True,
            ),
        ),
    )
    engine: str = field(
        default="local",
        metadata=_declared(
            flag=Flag(
                "--engine",
                "execution engine: local, dask, or dask=SCHEDULER (default: local); does not "
                "affect results",
                _PERFORMANCE,
                metavar="NAME",
                environment=True,
            )
        ),
    )
    progress: Progress | None = None
    cancel: Cancel | None = None
    streams: Mapping[int, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_all(self)
