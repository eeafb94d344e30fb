"""A report without what tells users apart: `anonymized` masks it in every text.

Pure. Client addresses become their networks (/24 of IPv4, /48 of IPv6), rows that are then equal
become one; values of queries, e-mail addresses and what looks like a token are masked wherever they
stand; lines of the log are left out, but for the method, path and status of slow requests. Names of
inputs lose their folders. What is left are counts, routes, messages and times.
"""

from __future__ import annotations

import ipaddress
import os.path
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from logan.report.rows import SORTS
from logan.report.schema import TABLES, Table

__all__ = ["MASK", "anonymized", "client_network", "scrubbed", "without_secrets"]

MASK: Final = "***"

_EMAIL: Final = re.compile(r"[\w.+%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_QUERY: Final = re.compile(r"(?<=[?&;])([^=&;#\s\"']{1,100})=[^&;#\s\"']*")
_SECRET: Final = re.compile(
    r"((?:pass(?:word|wd)?|secret|token|api[_-]?key|authorization|auth|session(?:_?id)?|sid|jwt|"
    r"signature|credential)[\"']?\s*[=:]\s*[\"']?)(?:(?:bearer|basic)\s+)?[^\s\"',;&]+",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"\b(bearer|basic)\s+[\w.+/=~-]{8,}", re.IGNORECASE)
_JWT: Final = re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?")
_UUID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_LONG: Final = re.compile(r"(?<![\w+=-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Za-z])[\w+=-]{20,}(?![\w+=-])")
_IPV4: Final = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6: Final = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?"
    r"(?![\w:])",
    re.IGNORECASE,
)
_REQUEST: Final = re.compile(r'"([A-Z]{3,16}) (\S+)( HTTP/[\d.]+)?" (\d{3})\b')
_PERSONAL: Final = re.compile(
    r"(?:^|[._-])(?:user(?:_?(?:id|name))?|login|account|customer|session|email|e_?mail|phone|token)"
    r"(?:_?id)?$",
    re.IGNORECASE,
)

_RAW: Final = {"sample", "text"}
"""Keys of lines of the log, in the sections below."""

_RAW_SECTIONS: Final = ("messages", "malformed", "slowest")

_KEPT: Final = {
    *("t", "time", "first", "last", "start", "end", "since", "until", "peak_at", "logan_version"),
    *("level", "kind", "engine", "name", "timezone", "time_field", "duration_unit", "metric"),
}
"""Keys whose values are times, names of formats and the like, and no text of a log."""


def client_network(client: str) -> str:
    """The network of an address: `192.0.2.7` -> `192.0.2.0/24`; of anything else, a mask."""
    text = client.strip("[]")
    host, _, port = text.rpartition(":")
    for candidate in (text, host if port.isdecimal() and host.count(":") == 0 else ""):
        network = _network(candidate)
        if network is not None:
            return network
    return MASK if client else client


def _network(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    prefix = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, prefix), strict=False))


def scrubbed(text: str, *, addresses: bool = True) -> str:
    """`text` with the values of queries, e-mail addresses, tokens and clients masked."""
    text = _EMAIL.sub(MASK, text)
    text = _SECRET.sub(rf"\g<1>{MASK}", text)
    text = _BEARER.sub(rf"\g<1> {MASK}", text)
    text = _QUERY.sub(rf"\g<1>={MASK}", text)
    for pattern in (_JWT, _UUID, _LONG):
        text = pattern.sub(MASK, text)
    if addresses:
        text = _IPV4.sub(lambda found: _network(found[0]) or found[0], text)
        text = _IPV6.sub(lambda found: _network(found[0]) or found[0], text)
    return text


def without_secrets(text: str) -> str:
    """`text` with passwords, tokens and signatures masked, and nothing else."""
    text = _BEARER.sub(rf"\g<1> {MASK}", _SECRET.sub(rf"\g<1>{MASK}", text))
    return _JWT.sub(MASK, text)


def anonymized(report: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the report's data with all of that masked, and `anonymized` set."""
    names = _names(report)

    def mask(text: str) -> str:
        for long, short in names:
            text = text.replace(long, short)
        return scrubbed(text)

    data: dict[str, Any] = {}
    for key, value in report.items():
        if key in TABLES and key not in ("series", "groups", "clients"):
            data[key] = _table(TABLES[key], value, _key_mask(key, mask), mask)
        elif key == "clients":
            data[key] = _table(TABLES[key], value, client_network, mask)
        elif key == "groups":
            data[key] = {
                field: _table(TABLES[key], group, _key_mask(field, mask), mask)
                for field, group in value.items()
            }
        else:
            data[key] = _walked(value, mask, raw=key in _RAW_SECTIONS)
    for before, after in zip(report.get("findings") or (), data.get("findings") or (), strict=True):
        command = before.get("command")
        if command and scrubbed(command) != command:
            after["command"] = None  # with a mask in its condition it would find no line
    for entry in data.get("inputs", ()):
        entry["path"] = mask(entry["path"])
        if "unread" in entry:
            entry["unread"]["first_lines"] = [MASK for _ in entry["unread"]["first_lines"]]
    data["anonymized"] = True
    return data


def _names(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Long names of inputs and the short ones that stand for them."""
    pairs = []
    for entry in report.get("inputs", ()):
        path = str(entry["path"])
        if "/" in path and "://" not in path:
            pairs.append((path, os.path.basename(path.rstrip("/")) or MASK))
    return sorted(pairs, key=lambda pair: -len(pair[0]))


def _key_mask(field: str, mask: Callable[[str], str]) -> Callable[[str], str]:
    """How the keys of a table are masked."""
    last = field.rpartition(".")[2].strip('"')
    if last in ("client", "client_ip", "remote_addr", "ip"):
        return client_network
    if last in ("user_agent", "user_agents"):
        return lambda text: scrubbed(text, addresses=False)  # versions look like addresses
    if _PERSONAL.search(last):
        return _Pseudonyms(last)
    return mask


class _Pseudonyms:
    """A number for each value, in the order in which they come."""

    def __init__(self, noun: str) -> None:
        self._noun = noun
        self._known: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        return self._known.setdefault(text, f"{self._noun} {len(self._known) + 1}")


def _table(
    table: Table,
    section: Mapping[str, Any],
    mask_key: Callable[[str], str],
    mask: Callable[[str], str],
) -> dict[str, Any]:
    """A table with masked keys; rows that have become equal are one."""
    rows: dict[str, dict[str, Any]] = {}
    for row in section[table.rows]:
        key = table.key.name if table.key.name in row else "key"
        name = mask_key(str(row[key])) if row.get(key) is not None else ""
        masked = {
            column: name if column == key else _value(column, value, mask, raw=True)
            for column, value in row.items()
        }
        known = rows.get(name)
        rows[name] = masked if known is None else _joined(known, masked)
    others = {
        column: {
            mask_key(name): None if row is None else _walked(row, mask, raw=True)
            for name, row in value.items()
        }
        if column == "named"
        else value
        for column, value in section.items()
        if column != table.rows
    }
    for name, row in (others.get("named") or {}).items():
        if row is not None and table.key.name in row:
            row[table.key.name] = name
    kept = [*rows.values()]
    if len(kept) < len(section[table.rows]):
        kept.sort(key=SORTS["requests"], reverse=True)
    return {**{column: others.get(column) for column in section}, table.rows: kept}


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two rows as one: counts are sums, a mean is weighted, percentiles are not known."""
    joined = dict(one)
    for name, value in other.items():
        mine = one.get(name)
        if not isinstance(value, (int, float)) or not isinstance(mine, (int, float)):
            continue
        if name == "max_ms":
            joined[name] = max(mine, value)
        elif name == "mean_ms":
            sizes = (one.get("requests") or 0, other.get("requests") or 0)
            total = sum(sizes)
            joined[name] = (mine * sizes[0] + value * sizes[1]) / total if total else None
        elif name.endswith("_ms"):
            joined[name] = None
        else:
            joined[name] = mine + value
    return joined


def _walked(value: Any, mask: Callable[[str], str], *, raw: bool) -> Any:
    if isinstance(value, Mapping):
        return {name: _value(name, each, mask, raw=raw) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_walked(each, mask, raw=raw) for each in value]
    return mask(value) if isinstance(value, str) else value


def _value(name: str, value: Any, mask: Callable[[str], str], *, raw: bool) -> Any:
    if not isinstance(value, str):
        return _walked(value, mask, raw=raw)
    if raw and name in _RAW:
        return _masked_line(value, mask)
    return value if name in _KEPT else mask(value)


def _masked_line(line: str, mask: Callable[[str], str]) -> str:
    request = _REQUEST.search(line)
    if request is None:
        return MASK
    return f'{MASK} "{request[1]} {mask(request[2])}{request[3] or ""}" {request[4]} {MASK}'
