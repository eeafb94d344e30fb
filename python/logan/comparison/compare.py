"""`compare`: two sides in, a `Comparison` out.

Every difference that could be marked is one test; Holm's method over all of them keeps the
probability of any false mark below `LEVEL`. Percentiles that differ by no more than the error of
their buckets are never told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from logan.comparison import dispersion
from logan.comparison.distribution import (
    VALUES_MIN,
    Distribution,
    percentile_test,
    shift_test,
)
from logan.comparison.document import Cell, Comparison, Kind, Row, Table
from logan.comparison.sides import Side
from logan.comparison.tests import count_test, holm, share_test
from logan.errors import UsageError
from logan.report import units
from logan.report.units import time_of

__all__ = ["LEVEL", "ROWS_COMPARED_MAX", "compare"]

LEVEL: Final = 0.008
"""Probability of any false mark between two samples of one source: safely below 1 %."""

ROWS_COMPARED_MAX: Final = 200
"""Rows of each side and table, those with most records: each more would blur all others."""

SAME_LENGTH: Final = 0.01
"""Ranges of time whose lengths differ by no more are equally long."""

PERCENTILES: Final[Mapping[str, float]] = {
    **{"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999}
}
_WEIGHT_OF_SHIFT: Final = 3.0
"""Of a whole distribution, which says most about a route, in units of any other test."""

_NO_BUCKETS: Final = "a JSON report has no distribution of response times"
_NOT_TESTED: Final = "how much it varies by chance is not known"


class _Tests:
    """Cells and rows that wait for their adjusted probability."""

    def __init__(self) -> None:
        self.cells: list[tuple[Cell, float]] = []
        self.shifts: list[tuple[Row | None, list[Cell], float, int]] = []

    def cell(self, cell: Cell, p: float | None, why: str | None = None) -> Cell:
        """Note the test of a cell; None if it has none."""
        if cell.before is None or cell.after is None:
            cell.why = why or "no value on one side"
        elif p is None:
            cell.why = why or _NOT_TESTED
        else:
            self.cells.append((cell, p))
        return cell

    def settle(self) -> int:
        """Adjust all and mark; how many there were."""
        tests = [(p, 1.0) for _, p in self.cells]
        tests += [(p, _WEIGHT_OF_SHIFT) for _, _, p, _ in self.shifts]
        adjusted = holm(tests)
        for (cell, _), p in zip(self.cells, adjusted, strict=False):
            cell.p, cell.told_apart = p, p <= LEVEL and cell.change != 0
        for (row, means, _, direction), p in zip(
            self.shifts, adjusted[len(self.cells) :], strict=True
        ):
            if row is not None and p <= LEVEL:
                row.shift = {1: "slower", -1: "faster", 0: "changed"}[direction]
            for mean in means:
                # A mean is as sure as the shift it goes along with.
                goes_along = mean.change is not None and mean.change * direction > 0
                mean.p, mean.told_apart = p, p <= LEVEL and goes_along
        return len(tests)


def compare(before: Side, after: Side, *, top: int = 10) -> Comparison:
    """What changed from one side to the other. Raises `UsageError` if they count other records."""
    _check_selection(before, after)
    tests = _Tests()
    errors = max(dispersion.of_errors(before.report), dispersion.of_errors(after.report))
    headline = _headline(before, after, tests, errors)
    tables = [
        _routes(before, after, tests, errors),
        _counted("status", "Status", "status", before, after, tests, errors),
        _counted("messages", "Errors and warnings", "template", before, after, tests, errors),
    ]
    count = tests.settle()
    notes = _bursts(before, after, headline)
    for table in tables:
        table.rows.sort(key=lambda row: (not row.is_marked, -_weight(row), row.key))
    if before.is_json or after.is_json:
        notes.append(
            "a JSON report has only its top rows and no distributions: response times cannot be "
            "told apart, and rows that it lacks are not listed, which does not mean new or gone"
        )
    return Comparison(before.info, after.info, headline, tables, LEVEL, count, notes, top=top)


def _bursts(before: Side, after: Side, headline: Sequence[Cell]) -> list[str]:
    """Why a share of errors is not marked that would be, were errors spread evenly over time."""
    ratio = next(each for each in headline if each.metric == "errors.ratio")
    if ratio.told_apart is not False or not (before.has_errors and after.has_errors):
        return []
    a, b = before.report["errors"]["total"] or 0, after.report["errors"]["total"] or 0
    p = share_test(a, before.records, b, after.records)
    if p is None or p > LEVEL:
        return []
    ratio.why = "errors come in bursts, so such a difference may be chance"
    return [f"the share of errors is not marked: {ratio.why}; findings within a side say when"]


def _check_selection(before: Side, after: Side) -> None:
    sides = (before, after)
    wheres = [(side.report.get("selection") or {}).get("where") for side in sides]
    if wheres[0] != wheres[1]:
        told = (
            f"{side.info.name} counts {f'records where {where}' if where else 'all records'}"
            for side, where in zip(sides, wheres, strict=True)
        )
        raise UsageError("; ".join(told), hint="analyze both with the same --where")


def _cell(
    metric: str,
    kind: Kind,
    values: Iterable[float | None],
    n: tuple[int, int],
    worse: int = 0,
) -> Cell:
    before, after = values
    return Cell(metric, kind, before, after, n=n, worse=worse)


def _weight(row: Row) -> float:
    cell = row.cells.get("requests") or row.cells["count"]
    return (cell.before or 0) + (cell.after or 0)


def _headline(before: Side, after: Side, tests: _Tests, errors: float) -> list[Cell]:
    a, b = before.report, after.report
    requests = max(dispersion.of_requests(a), dispersion.of_requests(b))
    spans = [side["time"]["span_s"] or 0.0 for side in (a, b)]
    asked = (a["total_requests"], b["total_requests"])
    counted = (before.records, after.records)

    def cell(name: str, kind: Kind, n: tuple[int, int], worse: int = 0) -> Cell:
        return _cell(name, kind, (_value(each, name) for each in (a, b)), n=n, worse=worse)

    def number(name: str) -> tuple[float, float]:
        return _value(a, name) or 0, _value(b, name) or 0

    total = cell("total_requests", "count", asked)
    unequal = _unequal_ranges(a, b)
    p_of_total = None if unequal else count_test(asked[0], 1, asked[1], 1, requests)
    cells = [
        tests.cell(total, p_of_total, unequal),
        tests.cell(
            cell("requests_per_second", "rate", asked),
            count_test(_timed_requests(a), spans[0], _timed_requests(b), spans[1], requests),
            "the records of one side are all of one moment",
        ),
    ]
    failed = number("errors.total")
    ratio = cell("errors.ratio", "ratio", counted, 1)
    known = before.has_errors and after.has_errors
    p = share_test(failed[0], counted[0], failed[1], counted[1], errors) if known else None
    cells.append(tests.cell(ratio, p, None if known else "no record has a known level or a status"))
    lines = (a["lines"]["total"], b["lines"]["total"])
    malformed = number("malformed_lines")
    share = _cell(
        "malformed_share",
        "ratio",
        (part / of if of else None for part, of in zip(malformed, lines, strict=True)),
        n=lines,
        worse=1,
    )
    cells.append(tests.cell(share, share_test(malformed[0], lines[0], malformed[1], lines[1])))
    measured = tuple(int(side["response_time_ms"]["count"]) for side in (a, b))
    assert len(measured) == 2
    mean = cell("avg_response_time", "ms", measured, 1)
    cells.append(mean)
    _shift(tests, None, [mean], before.times, after.times, before, after)
    for name, q in PERCENTILES.items():
        found = cell(f"response_time_ms.{name}", "ms", measured, 1)
        error = a["response_time_ms"]["relative_error"] or 0.0
        cells.append(_percentile(tests, found, before.times, after.times, q, error, before, after))
    cells.append(tests.cell(cell("response_time_ms.max", "ms", measured, 1), None))
    cells.append(tests.cell(cell("bytes_sent", "bytes", asked), None))
    return cells


def _timed_requests(report: Mapping[str, Any]) -> int:
    """The requests that the rate counts: those that have a time."""
    rate, minutes = _value(report, "requests_per_second"), report["time"]["minutes"]
    return round(60 * rate * minutes) if rate is not None else 0


def _unequal_ranges(a: Mapping[str, Any], b: Mapping[str, Any]) -> str | None:
    """Why numbers of requests say nothing: the sides were cut by time, into ranges of other
    lengths. None of sides that are whole: that one of them ends early may be what is wrong."""
    cut = [
        any((side.get("selection") or {}).get(each) for each in ("since", "until"))
        for side in (a, b)
    ]
    lengths = [_range_s(side) for side in (a, b)]
    if not any(cut) or None in lengths:
        return None
    one, other = (each or 0.0 for each in lengths)
    if abs(one - other) <= SAME_LENGTH * max(one, other):
        return None
    return (
        f"the sides are {units.span(round(one))} and {units.span(round(other))} long: "
        "see requests/s"
    )


def _range_s(report: Mapping[str, Any]) -> float | None:
    """Seconds of the time that was asked for, up to the first and last record where it is open."""
    asked = report.get("selection") or {}
    first = time_of(asked.get("since") or report["time"]["first"] or "")
    last = time_of(asked.get("until") or report["time"]["last"] or "")
    return None if first is None or last is None else (last - first).total_seconds()


def _value(report: Mapping[str, Any], name: str) -> float | None:
    value: Any = report
    for step in name.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value if isinstance(value, (int, float)) else None


def _shift(
    tests: _Tests,
    row: Row | None,
    means: list[Cell],
    a: Distribution | None,
    b: Distribution | None,
    before: Side,
    after: Side,
) -> None:
    """Note the test of a whole distribution, on which that of its mean rests."""
    shift = shift_test(a, b)
    if shift is not None:
        tests.shifts.append((row, means, shift.p, shift.direction))
        return
    for mean in means:
        mean.why = _why_no_times(before, after, mean)


def _why_no_times(before: Side, after: Side, cell: Cell) -> str:
    if cell.before is None or cell.after is None:
        return "no response times on one side"
    if before.is_json or after.is_json:
        return _NO_BUCKETS
    return f"fewer than {VALUES_MIN} response times on one side"


def _percentile(
    tests: _Tests,
    cell: Cell,
    a: Distribution | None,
    b: Distribution | None,
    q: float,
    error: float,
    before: Side,
    after: Side,
) -> Cell:
    p = percentile_test(a, b, q)
    if p is None:
        few = f"too few response times on one side: {cell.metric.rpartition('.')[2]} needs "
        told = before.is_json or after.is_json or cell.before is None or cell.after is None
        why = _why_no_times(before, after, cell) if told else f"{few}{round(4 / (1 - q)):,}"
        return tests.cell(cell, None, why)
    if (
        cell.before
        and cell.after
        and abs(cell.after - cell.before) <= error * (cell.before + cell.after)
    ):
        p = 1.0
    return tests.cell(cell, p)


def _keys(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """The first rows of each side."""
    first = [*before][:ROWS_COMPARED_MAX] + [*after][:ROWS_COMPARED_MAX]
    return [*dict.fromkeys(first)]


def _state(key: str, table: str, sides: Sequence[Side], rows: Sequence[Mapping[str, Any]]) -> Any:
    """Whether a key is on both sides, and if not, whether that is known."""
    for index, name in ((0, "new"), (1, "gone")):
        if key not in rows[index]:
            return name if sides[index].complete.get(table) else "not listed"
    return "both"


def _notes(table: str, sides: Sequence[Side], rows: Sequence[Mapping[str, Any]]) -> list[str]:
    notes = []
    for side, each in zip(sides, rows, strict=True):
        section = side.report.get(table)
        if not side.is_json and len(each) > ROWS_COMPARED_MAX:
            notes.append(f"the {ROWS_COMPARED_MAX} of {len(each):,} with most records are compared")
        if isinstance(section, Mapping) and section.get("exact") is False:
            notes.append(f"too many to count each: off by at most {section['error_bound']:,}")
    return [*dict.fromkeys(notes)]


def _present(row: Mapping[str, Any] | None, key: str, is_complete: bool) -> float | None:
    """A count; 0 of a row that is known not to be there."""
    if row is None:
        return 0 if is_complete else None
    value = row.get(key)
    return value if isinstance(value, (int, float)) else None


def _routes(before: Side, after: Side, tests: _Tests, errors: float) -> Table:
    sides = (before, after)
    rows = (before.rows("routes"), after.rows("routes"))
    totals = [side.report["total_requests"] for side in sides]
    keys = _keys(*rows)
    shares = []
    counts: dict[str, list[float | None]] = {}
    for key in keys:
        found = [
            _present(each.get(key), "requests", side.complete.get("routes", False))
            for each, side in zip(rows, sides, strict=True)
        ]
        counts[key] = found
        if found[0] is not None and found[1] is not None:
            shares.append((found[0], totals[0], found[1], totals[1]))
    spread = dispersion.of_rows(shares)
    table = Table("routes", "Routes", "route", [], _notes("routes", sides, rows))
    for key in keys:
        one, other = (each.get(key) for each in rows)
        n = tuple(int(each or 0) for each in counts[key])
        state = _state(key, "routes", sides, rows)
        requests = _cell("requests", "count", counts[key], n=(n[0], n[1]))
        a, b = counts[key]
        p = None if a is None or b is None else share_test(a, totals[0], b, totals[1], spread)
        tests.cell(requests, p)
        row = Row(key, state, {"requests": requests})
        _route_cells(row, one, other, (n[0], n[1]), tests, errors, before, after)
        table.rows.append(row)
    return table


def _route_cells(
    row: Row,
    one: Mapping[str, Any] | None,
    other: Mapping[str, Any] | None,
    n: tuple[int, int],
    tests: _Tests,
    errors: float,
    before: Side,
    after: Side,
) -> None:
    """Errors and response times of a route."""
    failed = [_present(each, "errors", False) for each in (one, other)]
    ratio = _cell(
        "errors.ratio",
        "ratio",
        (None if e is None or not of else e / of for e, of in zip(failed, n, strict=True)),
        n=n,
        worse=1,
    )
    p = None
    if failed[0] is not None and failed[1] is not None:
        p = share_test(min(failed[0], n[0]), n[0], min(failed[1], n[1]), n[1], errors)
    row.cells["errors.ratio"] = tests.cell(ratio, p)
    a, b = before.route_times.get(row.key), after.route_times.get(row.key)
    measured = (a.size if a else 0, b.size if b else 0)
    values = [
        [_present(each, key, False) for each in (one, other)] for key in ("mean_ms", "p95_ms")
    ]
    mean = _cell("mean_ms", "ms", values[0], n=measured, worse=1)
    row.cells["mean_ms"] = mean
    _shift(tests, row, [mean], a, b, before, after)
    error = before.report["routes"].get("relative_error") or 0.0
    p95 = _cell("p95_ms", "ms", values[1], n=measured, worse=1)
    row.cells["p95_ms"] = _percentile(tests, p95, a, b, 0.95, error, before, after)


_WORSE_STATUS: Final = ("4", "5")


def _counted(
    name: str, title: str, key: str, before: Side, after: Side, tests: _Tests, errors: float
) -> Table:
    """A table of counts: as shares of the records of each side."""
    sides = (before, after)
    rows = (before.rows(name), after.rows(name))
    totals = [side.records for side in sides]
    table = Table(name, title, key, [], _notes(name, sides, rows))
    counts = {
        each: [
            _present(row.get(each), "count", side.complete.get(name, False))
            for row, side in zip(rows, sides, strict=True)
        ]
        for each in _keys(*rows)
    }
    known = [
        (a, totals[0], b, totals[1]) for a, b in counts.values() if a is not None and b is not None
    ]
    spread = max(errors, dispersion.of_rows(known))
    for each, (a, b) in counts.items():
        worse = 1 if name == "messages" or each[:1] in _WORSE_STATUS else 0
        n = (int(a or 0), int(b or 0))
        shares = [
            None if value is None or not of else value / of
            for value, of in zip((a, b), totals, strict=True)
        ]
        count = Cell("count", "count", a, b, n=n, worse=worse)
        share = _cell("share", "ratio", shares, n=n, worse=worse)
        p = None if a is None or b is None else share_test(a, totals[0], b, totals[1], spread)
        row = Row(each, _state(each, name, sides, rows), {"count": count, "share": share})
        tests.cell(share, p)
        if name == "messages":
            found = rows[1].get(each) or rows[0][each]
            row.key = found["template"]
            row.about = {"level": found["level"]}
        table.rows.append(row)
    return table
