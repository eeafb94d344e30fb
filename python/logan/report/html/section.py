"""What a notebook shows of a part of a report: its rows as a table, else its keys and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

__all__ = ["section_html"]

ROWS_MAX: Final = 20
TEXT_MAX: Final = 80
_STYLE: Final = """
.logan-section{font-size:13px;line-height:1.45;overflow-x:auto}
.logan-section table{font-size:inherit;border-collapse:collapse;margin:4px 0}
.logan-section th,.logan-section td{text-align:left;padding:2px 14px 2px 0;white-space:nowrap}
.logan-section .n{text-align:right}
.logan-section .dim{opacity:.6}
"""


def section_html(data: Mapping[str, Any]) -> str:
    """HTML without scripts."""
    rows = next((value for value in data.values() if _is_rows(value)), None)
    facts = {key: value for key, value in data.items() if value is not rows}
    table = "" if rows is None else _table(rows)
    body = _facts(facts, table == "") + table
    return f'<div class="logan-section"><style>{_STYLE}</style>{body}</div>'


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _facts(facts: Mapping[str, Any], is_all: bool) -> str:
    if is_all:
        rows = "".join(
            f"<tr><th>{escape(key)}</th>{_cell(value)}</tr>" for key, value in facts.items()
        )
        return f"<table><tbody>{rows}</tbody></table>"
    told = ", ".join(f"{key} {_text(value)}" for key, value in facts.items())
    return f'<span class="dim">{escape(told)}</span>'


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(key for row in rows for key in row))
    numeric = {
        name: all(isinstance(row.get(name), (int, float, type(None))) for row in rows)
        for name in names
    }
    head = "".join(f"<th{_class(numeric[name])}>{escape(name)}</th>" for name in names)
    body = "".join(
        f"<tr>{''.join(_cell(row.get(name), numeric[name]) for name in names)}</tr>"
        for row in rows[:ROWS_MAX]
    )
    more = len(rows) - ROWS_MAX
    rest = f'<span class="dim">and {more:,} more rows</span>' if more > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


def _class(is_number: bool) -> str:
    return ' class="n"' if is_number else ""


def _cell(value: Any, is_number: bool = False) -> str:
    if value is None:
        return f'<td{_class(is_number)}><span class="dim">none</span></td>'
    return f"<td{_class(is_number)}>{escape(_text(value))}</td>"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        value = ", ".join(f"{key}: {_text(each)}" for key, each in value.items())
    elif isinstance(value, list):
        value = ", ".join(map(_text, value))
    text = str(value)
    return text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…"
