"""Limits of changes, such as `p99 > +10%` or `routes[*].p95 > +20% and requests >= 100`.

A limit fails where it is exceeded and the difference is told apart from chance; where it is only
exceeded, nothing can be told. One without data fails. Strict ones take the values as they are. An
improvement never fails: a limit of what is worse when larger bounds its increase.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal, NamedTuple

from logan.comparison import view
from logan.comparison.document import Cell, Comparison, Row, Verdict
from logan.errors import ExpectationError
from logan.limits import EXPRESSION_CHARS_MAX
from logan.report.schema import (
    SHORT_NAMES,
    UnknownMetricError,
    check_name,
    figure,
    names_below,
    unit_of,
)
from logan.report.units import visible

__all__ = ["Limit", "judge", "parse_limit"]

_TABLES: Final[Mapping[str, Mapping[str, str]]] = {
    "routes": {
        "requests": "requests",
        "errors.ratio": "errors.ratio",
        **{"mean": "mean_ms", "mean_ms": "mean_ms", "p95": "p95_ms", "p95_ms": "p95_ms"},
    },
    "status": {"count": "count", "share": "share"},
    "messages": {"count": "count", "share": "share"},
}
"""By table: what a column may be called, and its name."""

_NOUNS: Final = {"routes": "route", "status": "status"}

_SHORT: Final[Mapping[str, str]] = {**SHORT_NAMES, "malformed": "malformed_share"}
_WORSE_IF_LARGER: Final = ("errors", "error_rate", "malformed", "response_time_ms", "avg_response")

_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    **{">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le},
}
_ROW: Final = re.compile(r"\s*(routes|status|messages)\[(\*|(?:[^\]]|\](?!\.\w))+)\]\.([\w.]+)\s*")
_NAME: Final = re.compile(r"\s*([A-Za-z_][\w.]*)\s*")
_LIMIT: Final = re.compile(
    r"(>=|<=|>|<)\s*([+-]?)\s*(\d[\d_]*(?:\.\d+)?|\.\d+)\s*(%|pp|ns|us|µs|ms|s|min)?\s*"
)
_AND: Final = re.compile(r"and\s+([A-Za-z_][\w.]*)\s*(>=|<=|>|<)\s*(\d[\d_]*(?:\.\d+)?)\s*")
_MS: Final = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4}


class _Condition(NamedTuple):
    column: str
    op: str
    value: float


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of one metric, or of one column of a table.

    Attributes:
        row: None of a metric; "*" of all rows, else the name of one.
        metric: the full name of a metric, or of a column.
        by: the change at which it is exceeded, in `unit`: "%" of before, "pp", or the metric's own.
    """

    expression: str
    table: str | None
    row: str | None
    metric: str
    op: str
    by: float
    unit: Literal["%", "pp", ""]
    conditions: tuple[_Condition, ...]

    def exceeded(self, cell: Cell) -> bool | None:
        """Whether the values exceed it; None if a side has none."""
        if cell.change is None:
            return None
        if self.unit == "%":
            if cell.relative is None:
                change = math.copysign(math.inf, cell.change) if cell.change else 0.0
            else:
                change = cell.relative * 100
        else:
            change = cell.change * (100 if self.unit == "pp" else 1)
        return _COMPARE[self.op](change, self.by) and change != 0


def parse_limit(expression: str) -> Limit:
    """Parse `METRIC OP CHANGE [and COLUMN OP NUMBER …]`.

    METRIC is a name as in a report, `p99` for short, or a column of rows: `routes[*].p95`,
    `routes[GET /cart].mean`, `status[500].share`. OP is > or <; CHANGE is `+10%`, `+0.5pp` of
    ratios, or in the metric's own unit: `+50ms`, `-1000`.

    Raises:
        ExpectationError: with the position of the first character that does not fit.
    """

    def fail(message: str, position: int, hint: str | None = None) -> ExpectationError:
        return ExpectationError(message, expression=expression, position=position, hint=hint)

    if len(expression) > EXPRESSION_CHARS_MAX:
        raise fail(f"longer than {EXPRESSION_CHARS_MAX} characters", EXPRESSION_CHARS_MAX)
    found = _ROW.match(expression)
    table = row = None
    if found is not None:
        table, row, asked = found[1], _unquoted(found[2]), found[3]
        if asked not in _TABLES[table]:
            known = ", ".join(_TABLES[table])
            raise fail(f"{table} has no column {asked}", found.start(3), f"columns: {known}")
        metric = _TABLES[table][asked]
    else:
        found = _NAME.match(expression)
        if found is None:
            raise fail("expected the name of a metric", 0, "such as p99 or routes[*].p95")
        metric = _resolved(found[1], found.start(1), fail)
    limit = _LIMIT.match(expression, found.end())
    if limit is None:
        raise fail("expected a change such as > +10% or > +0.5pp", found.end())
    op, sign = limit[1], -1 if limit[2] == "-" else 1
    rises = op[0] == ">"
    if rises != (sign > 0):
        hint = "write > +10% or < -10%"
        raise fail("a limit is an increase after >, or a decrease after <", limit.start(2), hint)
    if not rises and _is_worse_if_larger(table, row, metric):
        hint = "an improvement never fails; bound the increase: > +10%"
        raise fail(f"a decrease of {metric} is an improvement", limit.start(1), hint)
    unit, factor = _unit_of(table, metric, limit, fail)
    conditions = []
    at = limit.end()
    while more := _AND.match(expression, at):
        if table is None or more[1] not in _TABLES[table]:
            known = ", ".join(_TABLES[table]) if table else "rows: routes[*].p95 > +20% and …"
            raise fail("only columns of the same row can be asked for", more.start(1), known)
        value = float(more[3].replace("_", ""))
        conditions.append(_Condition(_TABLES[table][more[1]], more[2], value))
        at = more.end()
    if expression[at:].strip():
        raise fail("expected nothing, or and COLUMN >= NUMBER", at)
    by = sign * float(limit[3].replace("_", "")) * factor
    return Limit(expression.strip(), table, row, metric, op, by, unit, conditions=tuple(conditions))


def _unquoted(row: str) -> str:
    """The name of a row, which may be quoted as in an expectation."""
    text = row.strip()
    if len(text) < 2 or text[0] != text[-1] or text[0] not in "\"'":
        return row
    return text[1:-1].replace(f"\\{text[0]}", text[0])


def _resolved(name: str, position: int, fail: Callable[..., ExpectationError]) -> str:
    name = _SHORT.get(name, name)
    if name == "malformed_share":
        return name
    try:
        check_name(name)
    except UnknownMetricError as error:
        raise fail(str(error), position) from None
    below = names_below(name)
    if below is not None:
        hint = f"name one, such as {below}" if below else None
        raise fail(f"{name} is not a single metric", position, hint)
    return name


def _is_worse_if_larger(table: str | None, row: str | None, metric: str) -> bool:
    if table is None:
        return metric.startswith(_WORSE_IF_LARGER)
    if table == "status":
        return row is not None and row[:1] in ("4", "5")
    return table == "messages" or metric != "requests"


def _unit_of(
    table: str | None,
    metric: str,
    limit: re.Match[str],
    fail: Callable[..., ExpectationError],
) -> tuple[Literal["%", "pp", ""], float]:
    """The unit of the change, and by what it is multiplied."""
    is_ratio = metric in ("errors.ratio", "share", "malformed_share") or unit_of(metric) == "ratio"
    is_time = metric.endswith("_ms") or unit_of(metric) == "ms"
    word = limit[4]
    if word == "%":
        return "%", 1.0
    if word == "pp":
        if not is_ratio:
            raise fail(f"{metric} is not a ratio: it has no percentage points", limit.start(4))
        return "pp", 1.0
    if word is None:
        if is_time or is_ratio:
            hint = "write +10%, or +0.5pp of ratios, or +50ms of times"
            raise fail("the change has no unit", limit.end(3), hint)
        return "", 1.0
    if not is_time:
        raise fail(f"{metric} is not measured in {word}", limit.start(4))
    return "", _MS[word]


def judge(
    limits: Sequence[Limit],
    comparison: Comparison,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    strict: bool = False,
) -> list[Verdict]:
    """What became of each limit: a verdict for each row that exceeds it, else one for all.

    `before` and `after` are the reports, in which metrics are found beyond the headline. As for an
    expectation, what was not measured is no success: a limit without data fails.
    """
    empty = [
        name
        for name, report in (("before", before), ("after", after))
        if (report.get("lines") or {}).get("parsed") == 0
    ]
    verdicts = []
    for limit in limits:
        if empty:
            why = f"no data: there are no records {' and '.join(empty)}"
            text = f"{limit.expression}: {why}"
            verdicts.append(Verdict(limit.expression, limit.metric, "failed", text))
            continue
        cells = list(_cells(limit, comparison, before, after))
        found = [each for name, cell in cells if (each := _verdict(limit, name, cell, strict))]
        verdicts += found or [_ok(limit, cells, comparison)]
    return verdicts


def _ok(limit: Limit, cells: Sequence[tuple[str, Cell]], comparison: Comparison) -> Verdict:
    if limit.row == "*":
        why = _without_values(limit, cells, comparison)
        if why is not None:
            text = f"{limit.expression}: no data: {why}"
            return Verdict(limit.expression, limit.metric, "failed", text)
        if not cells:
            why = "no row meets its conditions" if limit.conditions else f"no {limit.table}"
            text = f"{limit.expression}: {why}"
            return Verdict(limit.expression, limit.metric, "ok", text)
    if limit.row == "*" and len(cells) != 1:
        text = f"{limit.expression}: {len(cells):,} rows, none exceeds it"
    elif not cells:
        return _without_row(limit, comparison)
    else:
        name, cell = cells[0]
        text = f"{limit.expression}: {_values(name, cell)}"
    return Verdict(limit.expression, limit.metric, "ok", text)


def _without_values(
    limit: Limit, cells: Sequence[tuple[str, Cell]], comparison: Comparison
) -> str | None:
    """Why nothing was measured of all rows; None if something was. Good runs have no messages."""
    (table,) = (each for each in comparison.tables if each.name == limit.table)
    if not table.rows:
        return None if limit.table == "messages" else f"no record has a {_NOUNS[limit.table or '']}"
    if cells and all(cell.change is None for _, cell in cells):
        return f"no row has {view.label(limit.metric)} on both sides"
    return None


def _without_row(limit: Limit, comparison: Comparison) -> Verdict:
    """No row of that name meets the conditions: it is below them, or a mistake."""
    (table,) = (each for each in comparison.tables if each.name == limit.table)
    keys = [row.key for row in table.rows]
    state: Literal["ok", "failed"]
    if limit.row in keys:
        text, state = f"{limit.expression}: the row does not meet its conditions", "ok"
    elif limit.table == "status" and keys:
        text, state = f"{limit.expression}: no record has it", "ok"
    else:
        near = get_close_matches(limit.row or "", keys, 1, cutoff=0.6)
        hint = f"; did you mean {visible(near[0])!r}?" if near else ""
        text = f"{limit.expression}: no data: neither side has this row{hint}"
        state = "failed"
    return Verdict(limit.expression, limit.metric, state, text)


def _verdict(limit: Limit, name: str, cell: Cell, strict: bool) -> Verdict | None:
    exceeded = limit.exceeded(cell)
    if exceeded is False or (exceeded is None and limit.row == "*"):
        return None
    text = f"{limit.expression}: {_values(name, cell)}"
    if exceeded is None:
        why = cell.why or "a side has none"
        return Verdict(limit.expression, name, "failed", f"{text}: no data ({why})")
    if strict or cell.told_apart:
        return Verdict(limit.expression, name, "failed", text)
    n = f"n = {min(cell.n):,}" if any(cell.n) else ""
    why = cell.why or ("the difference may be chance" if exceeded else "")
    rest = ", ".join(filter(None, [n, why]))
    return Verdict(limit.expression, name, "cannot tell", f"{text}: cannot tell ({rest})")


def _values(name: str, cell: Cell) -> str:
    before, after = view.value(cell, cell.before), view.value(cell, cell.after)
    if cell.change is None:
        return f"{visible(name)} {before} → {after}"
    return f"{visible(name)} {before} → {after}, {view.change(cell)}"


def _cells(
    limit: Limit, comparison: Comparison, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, Cell]]:
    if limit.table is None:
        for cell in comparison.headline:
            if cell.metric == limit.metric:
                yield limit.metric, cell
                return
        yield limit.metric, _other(limit.metric, before, after)
        return
    (table,) = (each for each in comparison.tables if each.name == limit.table)
    for row in table.rows:
        if limit.row not in ("*", row.key):
            continue
        if all(_holds(each, row, limit) for each in limit.conditions):
            name = f"{row.about.get('level', '')} {row.key} {view.label(limit.metric)}".strip()
            yield name, _tested(row, limit.metric)


def _tested(row: Row, column: str) -> Cell:
    """The cell of a column; a count is as sure as the share that was tested."""
    cell = row.cells[column]
    if column == "count":
        share = row.cells["share"]
        cell.told_apart = share.told_apart and (share.change or 0) * (cell.change or 0) > 0
        cell.why = share.why
    return cell


def _holds(condition: _Condition, row: Row, limit: Limit) -> bool:
    """Whether a condition holds for a row after the change; of a decrease also before it, as what
    is looked for is what has gone."""
    cell = row.cells[condition.column]
    values = [cell.after, cell.before if limit.op[0] == "<" else None]
    return any(
        each is not None and _COMPARE[condition.op](each, condition.value) for each in values
    )


def _other(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Cell:
    """A metric of the report that is not in the headline: nothing says how it varies."""
    values: list[float | None] = []
    for report in (before, after):
        try:
            value = figure(report, name)
        except UnknownMetricError:
            value = None
        values.append(value if isinstance(value, (int, float)) else None)
    unit = unit_of(name)
    kind: Literal["ms", "ratio", "count"] = (
        "ms" if unit == "ms" else "ratio" if unit == "ratio" else "count"
    )
    why = "how much it varies by chance is not known; --strict takes the values as they are"
    return Cell(name, kind, values[0], values[1], why=why)
