"""`Report`: the contract's dictionary with attributes, and how it is put together.

It holds figures and hands them out; it computes none, and knows nothing of files, engines or
the terminal. `report.response_time_ms.p99` and `report["response_time_ms"]["p99"]` are the same
value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from logan.report.health_checks import health_checks
from logan.report.json import dumps
from logan.report.schema import SHORT_NAMES, TABLES, TOP_LEVEL, errors_measured, figure
from logan.report.section import Row, Section
from logan.report.sections import (
    SECTIONS,
    ClientTable,
    Errors,
    Groups,
    HealthChecks,
    Lines,
    Malformed,
    MessageTable,
    RequestTable,
    ResponseTimes,
    ResponseTimesOverTime,
    RouteTable,
    Series,
    Throughput,
    TimeSpan,
)

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from logan._logan import Summary

__all__ = ["Report", "assemble", "input_entry"]


class Report(Section):
    """All figures of one analysis.

    Times are milliseconds where the name says `_ms` and RFC 3339 UTC text elsewhere; a figure
    without data is None. Two reports are equal when all but `performance` is.
    """

    __slots__ = ()

    schema_version: int
    logan_version: str
    partial: bool
    total_requests: int
    avg_response_time: float | None
    error_rate: float | None
    requests_per_second: float | None
    malformed_lines: int
    findings: Sequence[Row]
    inputs: Sequence[Row]
    missing: Sequence[Row]
    selection: Row
    origins: Sequence[Row]
    lines: Lines
    malformed: Malformed
    time: TimeSpan
    levels: Row
    status: Row
    bytes_sent: int | None
    errors: Errors
    health_checks: HealthChecks
    response_time_ms: ResponseTimes
    throughput: Throughput
    series: Series
    response_times: ResponseTimesOverTime
    routes: RouteTable
    not_found: RouteTable
    methods: RequestTable
    hosts: RequestTable
    user_agents: RequestTable
    user_agent_families: Row
    user_agent_systems: Row
    referrers: RequestTable
    clients: ClientTable
    clients_per_day: Sequence[Row]
    countries: Row
    networks: Row
    messages: MessageTable
    templates: MessageTable
    slowest: Sequence[Row]
    groups: Groups
    expectations: Sequence[Row]
    anonymized: bool
    command: str
    performance: Row

    def __getitem__(self, key: str) -> Any:
        value = self._data[key]
        section = SECTIONS.get(key)
        if section is not None and isinstance(value, Mapping):
            return section(value)
        return super().__getitem__(key)

    def _unknown(self, name: str) -> str:
        known = SHORT_NAMES.get(name)
        if known is None:
            return super()._unknown(name)
        return f"Report has no metric {name!r}; did you mean {known}?"

    @classmethod
    def from_summary(cls, summary: Summary, *, inputs: Sequence[str] = (), top: int = 10) -> Report:
        """The report of a summary that was made or merged elsewhere.

        `inputs` names its sources by their index; where that is too short, they have the names that
        the summary knows.
        """
        from logan.report.evaluation import figures_of  # none for what only names reports
        from logan.report.findings import find
        from logan.report.rows import keep_rows

        figures = figures_of(summary, top=top)
        findings = find(figures)
        figures = keep_rows(figures, top=top)
        entries = []
        for each in figures.get("sources", ()):
            index = each["source"]
            known = each.get("name") or f"source {index}"
            name = inputs[index] if index < len(inputs) else known
            entries.append(input_entry(name, each))
        return assemble(figures, entries, findings=findings)

    @classmethod
    def from_json(cls, text: str | bytes) -> Report:
        """A saved report. Raises `ValueError` when `text` is not a JSON object."""
        data = json.loads(text)
        if not isinstance(data, dict):
            raise ValueError("a report is a JSON object")
        return cls(data)

    def to_json(self) -> str:
        """The JSON contract as text: one section a line, each row of a list on its own."""
        return dumps(self.to_dict()) + "\n"

    def figure(self, name: str) -> Any:
        """The figure of that dotted name, such as "response_time_ms.p99" or "status.500"."""
        return figure(self, name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Report):
            return NotImplemented
        return _without_performance(self._data) == _without_performance(other._data)

    __hash__ = None

    def __repr__(self) -> str:
        names = [entry["path"] for entry in self._data.get("inputs", ())]
        shown = names[0] if len(names) == 1 else f"{len(names)} inputs"
        partial = " partial" if self._data.get("partial") else ""
        headline = ", ".join(
            f"{key}={self._data.get(key)!r}" for key in ("total_requests", "malformed_lines")
        )
        return f"<Report of {shown}{partial}: {headline}>"

    def anonymize(self) -> Report:
        """A copy in which clients are networks, and values of queries, e-mail addresses, tokens
        and lines of the log are masked."""
        from logan.report.anonymize import anonymized

        return type(self)(anonymized(self.to_dict()))

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from logan.report.html import fragment

        return fragment(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from logan.report.text.layout import layout

        yield layout(self, width=options.max_width)


def assemble(
    figures: Mapping[str, Any],
    inputs: Sequence[Mapping[str, Any]],
    *,
    input_of_source: Sequence[int] | None = None,
    missing: Sequence[Mapping[str, Any]] = (),
    selection: Mapping[str, Any] | None = None,
    findings: Sequence[Mapping[str, Any]] | None = None,
    skipped_bytes: int = 0,
    logan_version: str | None = None,
    performance: Mapping[str, Any] | None = None,
) -> Report:
    """A report from evaluated figures, in the contract's order.

    `input_of_source` maps the spec's source indices to indices of `inputs`, when they differ.
    `selection` says what was asked for, if not everything; `findings` are those that a second pass
    explained, by default those of the metrics alone; `skipped_bytes` is what a search by
    time left unread. Errors are None where no record has a known level or a status: there none
    could have been seen. The report is partial when bytes are missing or an input has an error.
    """
    paths = [entry["path"] for entry in inputs]
    order = range(len(paths)) if input_of_source is None else input_of_source
    names = [paths[index] for index in order]
    malformed = figures["malformed"]
    known: dict[str, Any] = {
        **figures,
        "logan_version": logan_version,
        "partial": bool(missing) or any(entry["error"] is not None for entry in inputs),
        "findings": _finished(findings, figures, paths, missing, selection),
        "inputs": list(inputs),
        "missing": list(missing),
        "lines": {**figures["lines"], "skipped_bytes": skipped_bytes},
        "malformed": {**malformed, "samples": _named(malformed["samples"], names)},
        "slowest": _named(figures["slowest"], names),
        "health_checks": health_checks(figures),
        "performance": performance,
    }
    if origins := origins_of(inputs):
        known["origins"] = origins
    if selection is not None:
        known["selection"] = selection
    present = set((selection or {}).get("fields_present") or ())
    if not errors_measured(figures) and not present & {"status", "level"}:
        known |= _without(known, "errors")
        known |= {"errors": dict.fromkeys(known.get("errors", ())), "error_rate": None}
    if not any((figures.get("status") or {}).values()) and "status" not in present:
        known |= _without(known, "client_errors")
    known.setdefault("schema_version", 1)
    return Report({key: known[key] for key in TOP_LEVEL if key in known})


def input_entry(
    path: str,
    evaluated: Mapping[str, Any] | None = None,
    *,
    compression: str | None = None,
    formats: Sequence[Mapping[str, Any]] | None = None,
    assumed: Sequence[str] = (),
    notes: Sequence[str] = (),
    error: str | None = None,
    unread: Mapping[str, Any] | None = None,
    origin: str | None = None,
) -> dict[str, Any]:
    """One element of the report's `inputs`; `evaluated` is the summary's view of the source.

    `unread` is there only of an input of which nothing was read: its `first_lines`, a
    `proposed_format` for them or None, and a `hint`. `origin` is the host of one that was read by
    ssh, and there only then.
    """
    evaluated = evaluated or {}
    entry = {
        "path": path,
        "bytes": evaluated.get("bytes", 0),
        "compression": compression,
        "formats": list(evaluated.get("formats", ()) if formats is None else formats),
        "assumed": list(assumed),
        "notes": list(notes),
        "error": error,
    }
    if origin is not None:
        entry["origin"] = origin
    return entry if unread is None else {**entry, "unread": dict(unread)}


def origins_of(inputs: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was read from each host, in the order of the inputs; none unless there are several."""
    found: dict[str, dict[str, Any]] = {}
    for entry in inputs:
        origin = entry.get("origin") or ""
        names = ("inputs", "failed", "records", "bytes")
        row = found.setdefault(origin, {"origin": origin, **dict.fromkeys(names, 0)})
        row["inputs"] += 1
        row["failed"] += entry["error"] is not None
        row["records"] += sum(each["lines"] for each in entry["formats"])
        row["bytes"] += entry["bytes"]
    return list(found.values()) if len(found) > 1 else []


def _finished(
    findings: Sequence[Mapping[str, Any]] | None,
    figures: Mapping[str, Any],
    paths: Sequence[str],
    missing: Sequence[Mapping[str, Any]],
    selection: Mapping[str, Any] | None,
) -> list[dict[str, Any]]:
    """The findings with their texts and commands."""
    from logan.report.findings import find, finished  # not for what only names reports

    if findings is None:
        findings = find(figures, is_partial=bool(missing))
    where = (selection or {}).get("where")
    return [finished(each, paths, where, figures=figures) for each in findings]


def _without(known: Mapping[str, Any], column: str) -> dict[str, Any]:
    """The tables of a report whose records cannot say a column: None in place of every value."""
    changed: dict[str, Any] = {}
    for table in TABLES.values():
        section = known.get(table.section)
        if section is None or column not in table.names():
            continue
        if table.section == "groups":
            changed["groups"] = {
                field: _rows_without(group, table.rows, column) for field, group in section.items()
            }
        else:
            changed[table.section] = _rows_without(section, table.rows, column)
    return changed


def _rows_without(section: Mapping[str, Any], rows: str, column: str) -> dict[str, Any]:
    return {
        **section,
        rows: [{**row, column: None} if column in row else row for row in section[rows]],
    }


def _named(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[dict[str, Any]]:
    """`rows` with their source index replaced by its input's name."""
    return [{**row, "input": _name(row["input"], names)} for row in rows]


def _name(source: object, names: Sequence[str]) -> object:
    return names[source] if isinstance(source, int) and source < len(names) else source


def _without_performance(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if key != "performance"}
