"""The sections of a report that have metrics of their own, with their types.

Each is a `Section`; the annotations are for editors and type checkers. `SECTIONS` says which
section of a report is which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from logan.report.section import Section

__all__ = [
    "SECTIONS",
    "CountedTable",
    "Errors",
    "Lines",
    "Malformed",
    "ResponseTimes",
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
    samples: Sequence[Section]


class TimeSpan(Section):
    """First and last record; RFC 3339 text in UTC."""

    __slots__ = ()

    first: str | None
    last: str | None
    span_s: float | None
    minutes: int
    out_of_order: int


class Errors(Section):
    """Errors; None where none could have been seen."""

    __slots__ = ()

    total: int | None
    per_minute: float | None
    ratio: float | None


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
    histogram: Section


class Throughput(Section):
    """Requests each second."""

    __slots__ = ()

    requests_per_second: float | None
    observed_rps: float | None
    peak_rps: float | None
    peak_at: str | None
    peak_step_s: int | None


class Series(Section):
    """Counts over time, one point each `step_s` seconds; `pl.DataFrame(report.series.points)`."""

    __slots__ = ()

    step_s: int | None

    @property
    def points(self) -> list[dict[str, object]]:
        """The points as plain rows, for data frames."""
        return [dict(each) for each in self._data["points"]]


class TopTable(Section):
    """A table of what there is most of."""

    __slots__ = ()

    exact: bool
    error_bound: int
    top: Sequence[Section]


class CountedTable(TopTable):
    """A table that also says about how many different ones there are."""

    __slots__ = ()

    distinct: int


SECTIONS: Final[Mapping[str, type[Section]]] = {
    "lines": Lines,
    "malformed": Malformed,
    "time": TimeSpan,
    "errors": Errors,
    "response_time_ms": ResponseTimes,
    "throughput": Throughput,
    "series": Series,
    "routes": CountedTable,
    "clients": CountedTable,
    "messages": TopTable,
}
