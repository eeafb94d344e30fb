"""What a notebook shows of records: their columns, and the first rows."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final

from logan._logan import Cancel, RecordScan, RecordSchema
from logan.errors import CancelledError, LoganError

__all__ = ["preview"]

ROWS_MAX: Final = 5
TEXT_MAX: Final = 60
"""Characters of a value; more would make a row that no screen shows."""
PATIENCE_S: Final = 1.0
"""How long the first rows are looked for: a condition may hold for none of many records."""

_STYLE: Final = """
.logan-records{font-size:13px;line-height:1.45}
.logan-records div{overflow-x:auto}
.logan-records table{font-size:inherit;border-collapse:collapse;margin:4px 0}
.logan-records th,.logan-records td{text-align:left;padding:2px 14px 2px 0;white-space:nowrap}
.logan-records .n{text-align:right}
.logan-records .dim{opacity:.6;font-weight:normal}
"""
_TYPES: Final = {
    'Timestamp(ns, "UTC")': "timestamp[ns, UTC]",
    "Dictionary(Int32, Utf8)": "text",
    "Utf8": "text",
    "Boolean": "bool",
}


def preview(name: str, schema: RecordSchema, begin: Callable[[Cancel], RecordScan] | None) -> str:
    """HTML without scripts. `begin` starts a scan; None where looking would use the input up."""
    rows: list[list[Any]] = []
    note = "read them to see rows"
    if begin is not None:
        try:
            rows = _first_rows(schema.names, begin)
            note = f"the first {_rows_of(len(rows))}" if rows else "no rows"
        except CancelledError:
            note = f"no row was found in the first {PATIENCE_S:.0f} s"
        except LoganError as error:
            note = str(error)
    is_number = [each.startswith(("Int", "Float")) for each in schema.types]
    heads = "".join(
        f'<th{_class(number)} title="{escape(about)}">{escape(column)}<br>'
        f'<span class="dim">{escape(_TYPES.get(kind, kind.lower()))}</span></th>'
        for column, kind, about, number in zip(
            schema.names, schema.types, schema.descriptions, is_number, strict=True
        )
    )
    body = "".join(f"<tr>{_cells(row, is_number)}</tr>" for row in rows)
    return (
        f'<div class="logan-records"><style>{_STYLE}</style>'
        f"<span><b>Records of {escape(name)}</b> ({escape(note)})</span>"
        f"<div><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div></div>"
    )


def _rows_of(n: int) -> str:
    return "row" if n == 1 else f"{n} rows"


def _first_rows(names: list[str], begin: Callable[[Cancel], RecordScan]) -> list[list[Any]]:
    cancel, is_late = Cancel(), threading.Event()

    def stop() -> None:
        is_late.set()
        cancel.set()

    timer = threading.Timer(PATIENCE_S, stop)
    timer.daemon = True
    timer.start()
    scan = begin(cancel)
    try:
        while (batch := scan.read()) is not None:
            if len(batch):
                columns = [_shown(name, batch.values(name)[:ROWS_MAX]) for name in names]
                return [list(row) for row in zip(*columns, strict=True)]
    except LoganError as error:
        if not is_late.is_set():
            raise
        raise CancelledError("looking for rows took too long") from error
    finally:
        timer.cancel()
        scan.close()
    if is_late.is_set():
        raise CancelledError("looking for rows took too long")
    return []


def _shown(name: str, values: list[Any]) -> list[Any]:
    return [_time(each) for each in values] if name == "time" else values


def _time(ns: int | None) -> str | None:
    if ns is None:
        return None
    seconds, rest = divmod(ns, 10**9)
    time = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    decimals = f".{rest:09}".rstrip("0") if rest else ""
    return f"{time:%Y-%m-%d %H:%M:%S}{decimals}Z"


def _cells(row: list[Any], is_number: list[bool]) -> str:
    return "".join(
        f"<td{_class(number)}>{_cell(value)}</td>"
        for value, number in zip(row, is_number, strict=True)
    )


def _class(is_number: bool) -> str:
    return ' class="n"' if is_number else ""


def _cell(value: Any) -> str:
    if value is None:
        return '<span class="dim">null</span>'
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    return escape(text if len(text) <= TEXT_MAX else f"{text[: TEXT_MAX - 1]}…")
