"""The columns of records: which there are, and which are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from logan import _logan
from logan.errors import UsageError

__all__ = ["column_names", "reason", "settled_columns", "standard_columns"]

COLUMNS_MAX: Final = 256
"""Columns of a batch: far more than there are, and few enough that each can have its arrays."""

_OTHER_NAMES: Final = {
    **dict.fromkeys(("timestamp", "ts", "date", "datetime", "@timestamp"), "time"),
    **dict.fromkeys(("url", "uri", "request_uri"), "path"),
    **dict.fromkeys(("endpoint", "template"), "route"),
    **dict.fromkeys(("ip", "remote_addr", "remote_host", "addr", "address", "client_ip"), "client"),
    **dict.fromkeys(("response_time", "latency", "elapsed", "request_time", "took"), "duration_ms"),
    **dict.fromkeys(("size", "body_bytes_sent", "length"), "bytes"),
    **dict.fromkeys(("severity", "loglevel", "log_level"), "level"),
    **dict.fromkeys(("verb", "http_method", "request_method"), "method"),
    **dict.fromkeys(("code", "status_code", "http_status"), "status"),
    **dict.fromkeys(("msg", "text", "event"), "message"),
    **dict.fromkeys(("file", "filename", "input"), "source"),
    **dict.fromkeys(("agent", "http_user_agent", "browser"), "user_agent"),
    **dict.fromkeys(("referer", "http_referer"), "referrer"),
    **dict.fromkeys(("query_string", "args", "params"), "query"),
    **dict.fromkeys(("vhost", "server", "hostname", "server_name"), "host"),
    **dict.fromkeys(("line_number", "lineno"), "line"),
}
"""What columns are called elsewhere; only for hints, so that a column has one name."""


def standard_columns() -> list[str]:
    """The columns that there are unless others are asked for."""
    return [name for name, _, standard, _ in _logan.record_columns() if standard]


def column_names() -> list[str]:
    """The names of all columns; keys such as `json.KEY` are columns, too."""
    return [name for name, *_ in _logan.record_columns()]


def settled_columns(columns: Sequence[str] | None) -> list[str]:
    """The columns that are asked for, each once. Raises `UsageError` for one that there is not."""
    if columns is None:
        return standard_columns()
    if isinstance(columns, str):
        columns = columns.split(",")
    asked = [str(each).strip() for each in columns]
    if not asked or not all(asked):
        raise UsageError(
            "columns names no column", hint=f"known columns: {', '.join(column_names())}"
        )
    if len(asked) > COLUMNS_MAX:
        raise UsageError(
            f"columns names {len(asked)} columns, at most {COLUMNS_MAX} are possible",
            hint="ask for fewer, or read the log twice",
        )
    seen: dict[str, str] = {}
    for each in asked:
        name = _canonical(each)
        if name in seen and seen[name] != each:
            raise UsageError(
                f"columns names {name} twice, as {seen[name]} and {each}", hint="leave one out"
            )
        seen[name] = each
    return list(seen.values())


def _canonical(text: str) -> str:
    try:
        name = _logan.record_column(text)
    except ValueError as error:
        hint = "keys are written as json.KEY, json.KEY:int, logfmt.KEY"
        raise UsageError(reason(error), hint=hint) from error
    if name is not None:
        return name
    near = _OTHER_NAMES.get(text.lower()) or _like(text)
    known = f"known columns: {', '.join(column_names())}, json.KEY and logfmt.KEY"
    raise UsageError(
        f"there is no column {text!r}", hint=f"did you mean {near}?" if near else known
    )


def _like(text: str) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(text.lower(), column_names(), 1, cutoff=0.6)), None)


def reason(error: ValueError) -> str:
    """What the native extension says of settings, without what it says of all."""
    why = str(error).removeprefix("the job's settings cannot be used: ")
    return why.removesuffix("; correct them and start again")
