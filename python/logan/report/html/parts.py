"""The parts of the HTML page: what `view` and `tables` say, as escaped markup.

Every text goes through `_e`, whether it is from a log or not, so there is no second way.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from logan.report import labels, tables, units, view
from logan.report.schema import Column
from logan.report.units import visible

__all__ = ["body", "page_title", "summary"]

Data = Mapping[str, Any]


def _e(text: object) -> str:
    """Text as text, in an element or an attribute."""
    return html.escape(str(text), quote=True)


def page_title(report: Data) -> str:
    """What a browser's tab shows."""
    names, more = view.inputs_named(report)
    return _e(f"{', '.join(names) or 'no input'}{f' and {more:,} more' if more else ''} – logan")


def body(report: Data, charts: Data) -> str:
    """The page from top to bottom."""
    cards = [
        _header(report),
        _findings(report),
        _facts(report),
        _notes(report),
        _charts(charts, view.outliers(report)),
        _expectations(report),
        '<div class="grid" id="tables">',
        *(_table_card(each, index) for index, each in enumerate(tables.all_tables(report))),
        _slowest(report),
        _distribution(report),
        _classes(report),
        _malformed(report),
        _inputs(report),
        "</div>",
        _footer(report),
    ]
    return "\n".join(filter(None, cards))


def summary(report: Data) -> str:
    """What a notebook shows: no charts, no scripts."""
    shown = [_header(report), _findings(report), _facts(report), _notes(report)]
    for each in tables.all_tables(report):
        note = f' <span class="note">{_e(each.note)}</span>' if each.note else ""
        shown.append(f"<h3>{_e(each.title)}{note}</h3>{_table(each)}")
    return "\n".join(filter(None, shown))


def _header(report: Data) -> str:
    names, more = view.inputs_named(report)
    name = ", ".join(names) or "no input"
    badges = '<span class="badge dim">anonymized</span>' if report.get("anonymized") else ""
    if report["partial"]:
        badges += '<span class="badge bad">partial</span>'
    lines = [f"<h1>{_e(name)}{f' and {more:,} more' if more else ''}{badges}</h1>"]
    lines += [f'<p class="dim">{_e(each)}</p>' for each in (view.period(report),) if each]
    lines += [f'<p class="dim">{_e(each)}</p>' for each in view.selected(report)]
    head = f"<header>{''.join(lines)}</header>"
    if report["partial"]:
        said = f"<strong>Partial:</strong> {_e(view.missing(report))}"
        head += f'<p class="card partial" role="alert">{said}</p>'
    return head


def _findings(report: Data) -> str:
    found = view.findings(report)
    if found is None:
        return ""
    if not found:
        said = view.no_findings(report)
        tone = "card dim" if said == view.NOTHING_STANDS_OUT else "card"
        return f'<p class="{tone}">{_e(said.capitalize())}.</p>'
    rows = "".join(f"<li><p>{_e(each.text)}</p>{_command(each.command)}</li>" for each in found)
    return (
        '<section class="card findings" aria-labelledby="h-findings">'
        f'<h2 id="h-findings">Findings</h2><ol>{rows}</ol></section>'
    )


def _command(text: str) -> str:
    if not text:
        return ""
    copy = '<button type="button" class="copy tool" hidden>Copy</button>'
    return f'<div class="command"><code>{_e(text)}</code>{copy}</div>'


def _facts(report: Data) -> str:
    facts = "".join(
        f'<div><dt>{_e(each.label)}</dt><dd class="value {each.tone}">{_e(each.value)}</dd>'
        f'<dd class="detail">{_e(each.detail)}</dd></div>'
        for each in view.headline(report)
    )
    return f'<dl class="facts">{facts}</dl>'


def _notes(report: Data) -> str:
    notes = view.stated(report)
    shown = "".join(f'<p class="warning">{_e(each)}</p>' for each in notes if each)
    return f'<div class="notes">{shown}</div>' if shown else ""


def _charts(charts: Data, outliers: Sequence[str]) -> str:
    notes = "".join(f'<p class="warning">{_e(each)}</p>' for each in outliers)
    if not charts["charts"]:
        return f'<section class="card">{notes}</section>' if notes else ""
    drawn = "".join(
        f'<div class="chart" id="chart-{index}"><h3>{_e(each["title"])}</h3>'
        f'<div class="plot" tabindex="0" role="img" aria-label="{_e(each["title"])}: chart, '
        'its table follows. Arrow keys move, plus and minus zoom, 0 resets."></div>'
        '<div class="legend" aria-hidden="true"></div>'
        f"<details><summary>Table of this chart</summary></details></div>"
        for index, each in enumerate(charts["charts"])
    )
    return (
        '<section class="card" aria-labelledby="h-time"><div class="head">'
        '<h2 id="h-time">Over time</h2><span class="dim"><span id="zoomed" role="status"></span> '
        '<button type="button" class="reset tool" hidden>Reset zoom</button></span></div>'
        f'<p class="note">Drag over a chart to zoom all of them, double-click to reset.</p>{notes}'
        f'<div class="charts">{drawn}</div></section>'
    )


def _expectations(report: Data) -> str:
    judged = report.get("expectations") or ()
    if not judged:
        return ""
    rows = "".join(
        f'<tr><td class="verdict {"good" if each["ok"] else "bad"}">'
        f'{"ok" if each["ok"] else "FAIL"}</td><td class="k">{_e(visible(each["text"]))}</td></tr>'
        for each in judged
    )
    failed = sum(not each["ok"] for each in judged)
    said = f"{failed:,} of {len(judged):,} failed" if failed else f"all {len(judged):,} hold"
    return (
        f'<section class="card"><div class="head"><h2>Expectations</h2><span class="note">{said}'
        '</span></div><div class="scroll"><table><thead><tr><th scope="col">verdict</th>'
        f'<th scope="col" class="k">result</th></tr></thead><tbody>{rows}</tbody></table></div>'
        "</section>"
    )


_FILTER_FROM: Final = 6
"""Rows from which on a filter saves the reader time."""

_HALF_COLUMNS_MAX: Final = 7
"""Columns up to which a table shares a wide page with another."""

_MOST_SHARE_MIN: Final = 0.2
"""Share of a table's errors from which on a row's count is set in bold."""


def _table_card(shown: tables.TableView, index: int) -> str:
    name = f"table-{index}"
    width = "" if len(shown.columns) <= _HALF_COLUMNS_MAX else " mid"
    note = f'<p class="note">{_e(shown.note)}</p>' if shown.note else ""
    controls = ""
    if len(shown.rows) >= _FILTER_FROM:
        controls = (
            f'<span><span class="note" id="{name}-shown" role="status"></span> '
            f'<input type="search" class="filter" data-table="{name}" placeholder="Filter" '
            f'aria-label="Filter {_e(shown.title)}" hidden></span>'
        )
    return (
        f'<section class="card{width}" aria-labelledby="h-{name}"><div class="head">'
        f'<h2 id="h-{name}">{_e(shown.title)}</h2>{controls}</div>{note}'
        f'<div class="scroll" tabindex="0" role="region" aria-labelledby="h-{name}">'
        f"{_table(shown, name)}</div></section>"
    )


def _table(shown: tables.TableView, name: str = "") -> str:
    """Rows and columns; with a name they can be sorted."""
    columns = [*zip(shown.columns, shown.titles, strict=True)]
    last = len(columns) - 1
    head = "".join(
        f'<th scope="col" class="{_class(column, index == last)}">'
        + (f'<button type="button">{_e(title)}</button></th>' if name else f"{_e(title)}</th>")
        for index, (column, title) in enumerate(columns)
    )
    rows = []
    failed = sum(row.get("errors") or 0 for row in shown.rows)
    for row, cells, mark in zip(shown.rows, shown.cells, shown.marks, strict=True):
        tds = []
        for index, (column, text) in enumerate(zip(shown.columns, cells, strict=True)):
            value = row.get(column.name)
            kind = _class(column, index == last)
            if column.kind == "errors" and value:
                kind += " alert most" if value >= failed * _MOST_SHARE_MIN else " alert"
            sortable = f' data-v="{"" if value is None else value}"' if column.is_number else ""
            why = f' <span class="mark">{_e(mark)}</span>' if mark and index == last else ""
            tds.append(f'<td class="{kind.strip()}"{sortable}>{_e(text)}{why}</td>')
        rows.append(f"<tr{' class=marked' if mark else ''}>{''.join(tds)}</tr>")
    attributes = f' id="{name}" class="sortable"' if name else ""
    return (
        f"<table{attributes}><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _class(column: Column, is_last: bool) -> str:
    if is_last:
        return "k"
    narrow = " w" if column.shown == "wide" or column.name == "max_ms" else ""
    return f"{'n' if column.is_number else ''}{narrow}".strip()


def _slowest(report: Data) -> str:
    rows = [
        f'<tr><td class="n" data-v="{each.row["ms"]}">{_e(each.took)}</td><td>{_e(each.when)}</td>'
        f'<td class="k">{_e(each.line)}</td>'
        f"<td>{_e(visible(labels.input_name(str(each.row['input']))))}:{each.row['offset']}</td></tr>"
        for each in tables.slowest(report)
    ]
    about = view.subject(report)
    heads = (("took", "n"), ("when", ""), (about.removesuffix("s"), "k"), ("input:byte offset", ""))
    return _plain_card(f"Slowest {about}", "", heads, rows, "table-slowest")


def _malformed(report: Data) -> str:
    found = report["malformed"]
    rows = [
        f"<tr><td>{_e(visible(labels.input_name(str(row['input']))))}:{row['offset']}</td>"
        f'<td class="k line">{_e(visible(row["text"] or ""))}</td></tr>'
        for row in found["samples"]
    ]
    reasons = sorted(found["reasons"].items(), key=lambda item: (-item[1], item[0]))
    note = ", ".join(f"{labels.reason(name)} ×{units.count(n)}" for name, n in reasons if n)
    heads = (("input:byte offset", ""), ("line", "k"))
    return _plain_card("Malformed lines", visible(note), heads, rows, "table-malformed")


def _plain_card(
    title: str, note: str, heads: Sequence[tuple[str, str]], rows: Sequence[str], name: str
) -> str:
    if not rows:
        return ""
    head = "".join(
        f'<th scope="col" class="{kind}"><button type="button">{_e(text)}</button></th>'
        for text, kind in heads
    )
    told = f'<p class="note">{_e(note)}</p>' if note else ""
    return (
        f'<section class="card wide" aria-labelledby="h-{name}"><h2 id="h-{name}">{_e(title)}</h2>'
        f'{told}<div class="scroll" tabindex="0" role="region" aria-labelledby="h-{name}">'
        f'<table id="{name}" class="sortable"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div></section>"
    )


_PERCENTILES: Final = (
    *(("min", "min"), ("p50", "p50"), ("p90", "p90"), ("p95", "p95")),
    *(("p99", "p99"), ("p999", "p99.9"), ("max", "max")),
)


def _distribution(report: Data) -> str:
    """Percentiles, and the histogram if the report has one."""
    measured = report["response_time_ms"]
    if measured["count"] < view.VALUES_MIN if measured["count"] else True:
        return ""
    low, high = measured["min"], measured["max"]
    rows = "".join(
        f'<tr><td>{label}</td><td class="n">'
        f"{_e(units.duration_ms(tables.clamped(measured[key], low, high)))}</td>"
        f"<td>{_bar((measured[key] or 0) / (high or 1), 'fill')}</td></tr>"
        for key, label in _PERCENTILES
    )
    error = measured["relative_error"]
    note = f'<p class="note">percentiles ±{_e(units.percent(error))}</p>' if error else ""
    return (
        f'<section class="card"><h2>Response time</h2>{note}<table class="shares">'
        f"<tbody>{rows}</tbody></table>{_histogram(measured.get('histogram'))}</section>"
    )


def _histogram(found: Data | None) -> str:
    if not found or len(found["bounds_ms"]) != len(found["counts"]) + 1:
        return ""
    bounds, counts = found["bounds_ms"], found["counts"]
    used = [index for index, n in enumerate(counts) if n]
    if not used:
        return ""
    shown = range(used[0], used[-1] + 1)
    most = max(counts)
    width = 1000 / len(shown)
    rows, bars = [], []
    for place, index in enumerate(shown):
        height = counts[index] / most * 120
        bars.append(
            f'<rect class="fill" x="{place * width:.2f}" y="{120 - height:.2f}" '
            f'width="{max(1, width - 2):.2f}" height="{height:.2f}"/>'
        )
        range_ = f"{units.duration_ms(bounds[index])} – {units.duration_ms(bounds[index + 1])}"
        rows.append(
            f'<tr><td>{_e(range_)}</td><td class="n">{units.count(counts[index])}</td></tr>'
        )
    ends = f"{units.duration_ms(bounds[shown[0]])} to {units.duration_ms(bounds[shown[-1] + 1])}"
    return (
        f'<svg class="histogram" viewBox="0 0 1000 120" preserveAspectRatio="none" role="img" '
        f'aria-label="Histogram of response times">{"".join(bars)}</svg>'
        f'<p class="note">{_e(ends)}</p><details><summary>Table of this chart</summary>'
        f'<div class="scroll"><table><thead><tr><th scope="col">response time</th>'
        f'<th scope="col" class="n">requests</th></tr></thead><tbody>{"".join(rows)}</tbody>'
        "</table></div></details>"
    )


def _bar(share: float, kind: str) -> str:
    width = min(100.0, max(0.6, share * 100)) if share > 0 else 0
    return (
        f'<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{kind}" width="{width:.2f}" height="10"/></svg>'
    )


_STATUS_FILLS: Final = {"2": "fill-good", "4": "fill-warning", "5": "fill-bad"}
_LEVEL_FILLS: Final = {"FATAL": "fill-bad", "ERROR": "fill-bad", "WARN": "fill-warning"}


def _classes(report: Data) -> str:
    rows = []
    for title, counts, fills in _class_counts(report):
        total = sum(counts.values()) or 1
        rows.append(f'<tr><th scope="rowgroup" colspan="4">{title}</th></tr>')
        for name, n in counts.items():
            fill = fills.get(name, fills.get(name[:1], "fill"))
            rows.append(
                f'<tr><td>{_e(name)}</td><td class="n">{units.count(n)}</td>'
                f'<td class="n">{_e(units.share(n / total))}</td>'
                f"<td>{_bar(n / total, fill)}</td></tr>"
            )
    if not rows:
        return ""
    sent = report["bytes_sent"]
    note = f'<p class="note">{_e(units.bytes_size(sent))} sent</p>' if sent else ""
    return (
        f'<section class="card"><h2>Status and levels</h2>{note}'
        f'<table class="shares"><tbody>{"".join(rows)}</tbody></table></section>'
    )


def _class_counts(report: Data) -> Iterator[tuple[str, dict[str, int], Mapping[str, str]]]:
    statuses = {
        ("no answer" if code == "0" else code): n for code, n in report["status"].items() if n
    }
    if statuses:
        yield "Status", statuses, _STATUS_FILLS
    levels = {labels.level(name): n for name, n in report["levels"].items() if n}
    if set(levels) - {labels.level("NONE")}:
        yield "Levels", levels, _LEVEL_FILLS


def _inputs(report: Data) -> str:
    common = view.assumed_in_all(report["inputs"])
    parts = []
    for entry in view.inputs_shown(report["inputs"]):
        name = visible(labels.input_name(entry["path"]))
        size = units.bytes_size(entry["bytes"])
        parts.append(f'<dt>{_e(name)} <span class="note">{_e(size)}</span></dt>')
        if entry["error"] is not None:
            parts.append(f'<dd class="bad">{_e(visible(entry["error"]))}</dd>')
        for each in entry["formats"]:
            facts = [each["name"], labels.zone(each), labels.response_time(each)]
            told = "; ".join(visible(fact) for fact in facts if fact)
            parts.append(f"<dd>{_e(labels.plural(each['lines'], 'line'))}: {_e(told)}</dd>")
        for each in entry["assumed"]:
            if each not in common:
                parts.append(f"<dd>assumed: {_e(visible(each))}</dd>")
        parts += [f"<dd>note: {_e(visible(each))}</dd>" for each in entry["notes"]]
    hidden = len(report["inputs"]) - len(view.inputs_shown(report["inputs"]))
    if hidden:
        parts.append(f"<dt>and {hidden:,} more</dt>")
    parts += [f"<dd>assumed in all: {_e(visible(each))}</dd>" for each in common]
    return (
        f'<section class="card wide inputs"><h2>Inputs and assumptions</h2>'
        f"<dl>{''.join(parts)}</dl></section>"
    )


def _footer(report: Data) -> str:
    lines = view.about_lines(report)
    command = ""
    if report.get("command"):
        command = f"<p>Made by <code>{_e(lines.pop(0))}</code></p>"
    version = f"logan {report['logan_version']}" if report.get("logan_version") else "logan"
    rest = " · ".join([*lines, version])
    return f"<footer>{command}<p>{_e(rest)}</p></footer>"
