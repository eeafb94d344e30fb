"""The sections of a report that have metrics of their own, with their types.

Each is a `Section`; the annotations are for editors and type checkers. `SECTIONS` says which
section of a report is which.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Final, NoReturn

from logan.report.schema import TABLES
from logan.report.section import Row, Section

__all__ = [
    "SECTIONS",
    "ClientRow",
    "ClientTable",
    "Errors",
    "GroupTable",
    "Groups",
    "HealthChecks",
    "Lines",
    "Malformed",
    "MessageRow",
    "MessageTable",
    "RequestRow",
    "RequestTable",
    "ResponseTimes",
    "ResponseTimesOverTime",
    "RouteRow",
    "RouteTable",
    "Series",
    "Throughput",
    "TimeSpan",
    "TopTable",
]


class Lines(Section):
    """Lines by class."""

    __slots__ = ()

    total: int
    parsed: int
    malformed: int
    blank: int
    continuation: int
    header: int
    filtered: int
    skipped_bytes: int


class Malformed(Section):
    """Why lines are malformed, and the first of them."""

    __slots__ = ()

    reasons: Mapping[str, int]
    samples: Sequence[Row]


class TimeSpan(Section):
    """First and last record, RFC 3339 text in UTC; records without a time, of those that count and
    of those that a time range left out."""

    __slots__ = ()

    first: str | None
    last: str | None
    span_s: float | None
    minutes: int
    out_of_order: int
    untimed: int
    untimed_filtered: int


class Errors(Section):
    """Errors; None where none could have been seen."""

    __slots__ = ()

    total: int | None
    per_minute: float | None
    ratio: float | None
    request_ratio: float | None
    record_ratio: float | None


class HealthChecks(Section):
    """Requests that only ask whether a service is there."""

    __slots__ = ()

    requests: int
    share: float | None
    errors: int
    by: Sequence[str]


class ResponseTimes(Section):
    """Response times in milliseconds; None without one."""

    __slots__ = ()

    count: int
    absent: int
    mean: float | None
    min: float | None
    max: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    relative_error: float
    histogram: Row


class Throughput(Section):
    """Requests each second."""

    __slots__ = ()

    requests_per_second: float | None
    observed_rps: float | None
    peak_rps: float | None
    peak_at: str | None
    peak_step_s: int | None


class _Table(Section):
    """A section with rows, which data frames take as columns."""

    __slots__ = ()

    _name: ClassVar[str]
    """Of its description in `schema.TABLES`."""
    _row: ClassVar[type[Section]] = Row

    def __getitem__(self, key: str) -> Any:
        if key == TABLES[self._name].rows:
            return [self._row(each) for each in self._data[key]]
        return super().__getitem__(key)

    def __array__(self, *_: object, **__: object) -> NoReturn:
        """pandas and NumPy would make a frame of the names of the keys."""
        raise TypeError(f"pass its columns: pd.DataFrame(report.{self._name}.columns())")

    def columns(self) -> dict[str, list[Any]]:
        """The rows as columns: `pl.DataFrame(report.routes.columns())`, `pd.DataFrame(…)`.

        Times are `datetime`s in UTC. Data frames are made of columns rather than of rows, as the
        first values of a column may all be None.
        """
        table = TABLES[self._name]
        rows = self._data[table.rows]
        names = [each for each in table.names() if each not in ("why", "merged")]
        names += [
            each for each in dict.fromkeys(key for row in rows for key in row) if each not in names
        ]
        kinds = {column.name: column.kind for column in table.columns}
        return {
            name: [
                _moment(value) if kinds.get(name) == "time" else value
                for value in (row.get(name) for row in rows)
            ]
            for name in names
        }


def _moment(text: str | None) -> Any:
    from datetime import datetime  # not for what only names reports

    return None if text is None else datetime.fromisoformat(text)


class Series(_Table):
    """Counts over time, one point each `step_s` seconds: `pl.DataFrame(report.series.columns())`.

    Points are `t`, `records`, `requests`, `errors`, `mean_ms`, `max_ms`.
    """

    __slots__ = ()

    _name = "series"

    step_s: int | None

    @property
    def points(self) -> list[dict[str, Any]]:
        """The points as plain rows; `t` is RFC 3339 text."""
        return [dict(each) for each in self._data["points"]]


class ResponseTimesOverTime(_Table):
    """Percentiles over time, one point each `step_s` seconds:
    `pl.DataFrame(report.response_times.columns())`.

    Points are `t`, `count`, `p50_ms`, `p95_ms`, `p99_ms`; percentiles are None of few requests.
    """

    __slots__ = ()

    _name = "response_times"

    step_s: int | None
    relative_error: float
    heatmap: Row

    @property
    def points(self) -> list[dict[str, Any]]:
        """The points as plain rows; `t` is RFC 3339 text."""
        return [dict(each) for each in self._data["points"]]


class RequestRow(Row):
    """Requests that have something in common; their response times in milliseconds."""

    __slots__ = ()

    requests: int
    errors: int | None
    client_errors: int | None
    share: float
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None
    bytes: int | None


class RouteRow(RequestRow):
    """The requests of a route."""

    __slots__ = ()

    route: str


class ClientRow(Row):
    """The requests of a client."""

    __slots__ = ()

    client: str
    requests: int
    errors: int | None
    client_errors: int | None
    share: float
    bytes: int | None


class MessageRow(Row):
    """The records of one masked message; `first` and `last` are RFC 3339 text."""

    __slots__ = ()

    template: str
    level: str
    count: int
    share: float
    first: str | None
    last: str | None
    sample: str


class TopTable(_Table):
    """A table of what there is most of; `distinct` is about how many different ones there are.

    `named` has the rows that were asked for by `rows`, if any were.
    """

    __slots__ = ()

    exact: bool
    error_bound: int
    distinct: int
    top: Sequence[Section]
    named: Row


class RequestTable(TopTable):
    """A table of requests."""

    __slots__ = ()

    _row = RequestRow

    relative_error: float
    top: Sequence[RequestRow]


class RouteTable(RequestTable):
    """A table of routes."""

    __slots__ = ()

    _name = "routes"
    _row = RouteRow

    top: Sequence[RouteRow]


class ClientTable(TopTable):
    """A table of clients."""

    __slots__ = ()

    _name = "clients"
    _row = ClientRow

    distinct_error: float
    top: Sequence[ClientRow]


class MessageTable(TopTable):
    """A table of masked messages."""

    __slots__ = ()

    _name = "messages"
    _row = MessageRow

    top: Sequence[MessageRow]


class _NotFound(RouteTable):
    __slots__ = ()
    _name = "not_found"


class _Methods(RequestTable):
    __slots__ = ()
    _name = "methods"


class _Hosts(RequestTable):
    __slots__ = ()
    _name = "hosts"


class _UserAgents(RequestTable):
    __slots__ = ()
    _name = "user_agents"


class _Referrers(RequestTable):
    __slots__ = ()
    _name = "referrers"


class _Templates(MessageTable):
    __slots__ = ()
    _name = "templates"


class GroupTable(RequestTable):
    """Requests by a field that was asked for; each row has its value as `key`, and `records`."""

    __slots__ = ()

    _name = "groups"
    absent: int


class Groups(Section):
    """The group tables by field: `report.groups["client"].columns()`."""

    __slots__ = ()

    def __getitem__(self, key: str) -> GroupTable:
        return GroupTable(self._data[key])

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)


SECTIONS: Final[Mapping[str, type[Section]]] = {
    "lines": Lines,
    "malformed": Malformed,
    "time": TimeSpan,
    "errors": Errors,
    "health_checks": HealthChecks,
    "response_time_ms": ResponseTimes,
    "throughput": Throughput,
    "series": Series,
    "response_times": ResponseTimesOverTime,
    "routes": RouteTable,
    "not_found": _NotFound,
    "methods": _Methods,
    "hosts": _Hosts,
    "user_agents": _UserAgents,
    "referrers": _Referrers,
    "clients": ClientTable,
    "messages": MessageTable,
    "templates": _Templates,
    "groups": Groups,
}
