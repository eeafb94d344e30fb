"""A report without what tells users apart: `anonymized` masks it in every text.

Pure. Client addresses become their networks (/24 of IPv4, /48 of IPv6), and rows that are then
equal one, which says of how many it is the sum; what is masked already stays as it is. Values of
queries, e-mail addresses and what looks like a token are masked wherever they stand; lines of the
log are left out, but for the method, path and status of slow requests. Names of inputs and the
words of the command lose their folders. What is left are counts, routes, messages and times.
"""

from __future__ import annotations

import ipaddress
import os.path
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from logan.report.findings.words import sentence
from logan.report.group_names import is_capture, joined_keys, parts_of
from logan.report.rows import SORTS
from logan.report.schema import TABLES, Table

__all__ = [
    "MASK",
    "anonymized",
    "client_network",
    "masked_text",
    "scrubbed",
    "without_folders",
    "without_secrets",
]

MASK: Final = "***"

_EMAIL: Final = re.compile(r"[\w.+%-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+", re.IGNORECASE)
_QUERY: Final = re.compile(r"(?<=[?&;#])([^=&;#\s\"']{1,100})=[^&;#\s\"']*")
"""Of a fragment, too: that is where some logins put their token."""

_SECRET: Final = re.compile(
    r"((?:pass(?:word|wd)?|secret|token|api[_-]?key|authorization|auth|session(?:_?id)?|sid|jwt|"
    r"signature|credential)[\"']?\s*[=:]\s*[\"']?)(?:(?:bearer|basic)\s+)?[^\s\"',;&]+",
    re.IGNORECASE,
)
_BEARER: Final = re.compile(r"\b(bearer|basic)\s+[\w.+/=~-]{8,}", re.IGNORECASE)
_JWT: Final = re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?")
_UUID: Final = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE)
_LONG: Final = re.compile(r"(?<![\w+-])(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{20,}={0,2}(?![\w+-])")
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s\"']+@")
_IPV4: Final = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
_IPV6: Final = re.compile(
    r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{1,4}|(?:\d{1,3}\.){3}\d{1,3})?"
    r"(?![\w:])",
    re.IGNORECASE,
)
_PREFIX: Final = re.compile(r"/(\d{1,3})(?![\w/-]|\.\d)")
"""Behind an address: how many bits of it are those of its network, and no part of a path."""

_NETWORK: Final = re.compile(
    r"(?<![\d.])(?:\d{1,3}\.){3}0/24(?!\d)|(?<![\w:])[0-9a-f:]+::/48(?!\d)"
)
"""What masks an address."""
_ADDRESS_OF_AGENT: Final = re.compile(rf"(?<![\w.)-]/)(?<!rv:){_IPV4.pattern}")
"""In a user agent: dotted numbers behind `Name/` are versions."""

_REQUEST: Final = re.compile(r'"([A-Z]{3,16}) (\S+)( HTTP/[\d.]+)?" (\d{3})\b')
_PERSONAL: Final = re.compile(
    r"(?:^|[._-])(?:"
    r"(?:user|login|account|customer|member|owner|session|e_?mail|phone|mobile|token|uid)"
    r"|(?:first|last|full|real|sur|nick|display|user|customer|account|member|owner)[_-]?name"
    r")(?:[_-]?(?:id|name|number|address))?$",
    re.IGNORECASE,
)

_PLACEHOLDER: Final = re.compile("<(num|hex|uuid|ip|path|str|time|bool)>")
_DIGITS: Final = "\U0001d7d8\U0001d7d9\U0001d7da\U0001d7db\U0001d7dc\U0001d7dd\U0001d7de\U0001d7df"
_NAMES: Final = dict(zip(_DIGITS, _PLACEHOLDER.pattern[2:-2].split("|"), strict=True))
_DIGIT_OF: Final = {name: digit * 3 for digit, name in _NAMES.items()}
"""Digits of another alphabet, as many as a short number has: they stand for the placeholders of a
template while it is searched, so that a token whose digits were replaced is one word still."""

_RAW: Final = {"sample", "text"}
"""Keys of lines of the log, in the sections below."""

_RAW_SECTIONS: Final = ("messages", "malformed", "slowest")

_KEPT: Final = {
    *("t", "time", "first", "last", "start", "end", "since", "until", "peak_at", "logan_version"),
    *("level", "kind", "engine", "name", "timezone", "time_field", "duration_unit", "metric"),
}
"""Keys whose values are times, names of formats and the like, and no text of a log."""


_TEXT_OPTIONS: Final = {
    *("--where", "--expect", "--alert", "--fail-if", "--by", "--format", "--notify"),
    *("--input-tz", "--output-tz"),
}
"""Options of a command whose values are not paths, even if they contain slashes."""


def client_network(client: str) -> str:
    """The network of an address: `192.0.2.7` -> `192.0.2.0/24`; of anything else, a mask."""
    text = client.strip("[]")
    if _NETWORK.fullmatch(text):
        return text
    host, _, port = text.rpartition(":")
    for candidate in (text, host if port.isdecimal() and host.count(":") == 0 else ""):
        network = _network(candidate)
        if network is not None:
            return network
    return MASK if client else client


def _network(text: str, bits: int = 128) -> str | None:
    """The network of an address, of `bits` if that is a larger one; None of anything else."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        address = mapped
    prefix = 24 if address.version == 4 else 48
    return str(ipaddress.ip_network((address, min(prefix, bits)), strict=False))


def scrubbed(text: str, *, is_agent: bool = False) -> str:
    """`text` with the values of queries, e-mail addresses, tokens and clients masked.

    With `is_agent` it is a user agent, in which versions look like addresses.
    """
    if "<" not in text or any(digit in text for digit in _DIGITS):
        return _scrubbed(text, is_agent)
    words = _PLACEHOLDER.sub(lambda found: _DIGIT_OF[found[1]], text)
    masked = _scrubbed(words, is_agent)
    for digit, name in _NAMES.items():
        masked = masked.replace(digit * 3, f"<{name}>")
    return masked


def _scrubbed(text: str, is_agent: bool) -> str:
    text = _EMAIL.sub(MASK, _CREDENTIALS.sub(f"{MASK}@", text))
    text = _SECRET.sub(rf"\g<1>{MASK}", text)
    text = _BEARER.sub(rf"\g<1> {MASK}", text)
    text = _QUERY.sub(rf"\g<1>={MASK}", text)
    for pattern in (_JWT, _UUID, _LONG):
        text = pattern.sub(MASK, text)
    for pattern in (_ADDRESS_OF_AGENT if is_agent else _IPV4, _IPV6):
        text = _with_networks(text, pattern)
    return text


def _with_networks(text: str, pattern: re.Pattern[str]) -> str:
    """`text` with the network of each address, behind which the bits of one may stand."""
    parts, done = [], 0
    for found in pattern.finditer(text):
        network = _network(found[0])
        if network is None or _NETWORK.match(text, found.start()):
            continue
        parts.append(text[done : found.start()])
        done = found.end()
        if bits := _PREFIX.match(text, done):
            done = bits.end()
            network = _network(found[0], int(bits[1])) or network
        parts.append(network)
    return "".join((*parts, text[done:]))


def without_secrets(text: str) -> str:
    """`text` with passwords, tokens and signatures masked, and nothing else."""
    text = _BEARER.sub(rf"\g<1> {MASK}", _SECRET.sub(rf"\g<1>{MASK}", text))
    return _JWT.sub(MASK, text)


def anonymized(report: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the report's data with all of that masked, and `anonymized` set."""
    mask = _mask_of([str(entry["path"]) for entry in report.get("inputs", ())])
    masks = _KeyMasks(mask)
    data: dict[str, Any] = {}
    for key, value in report.items():
        if key == "groups":
            data[key] = {field: _group(field, group, masks, mask) for field, group in value.items()}
        elif key in TABLES and key != "series":
            field = "client" if key == "clients" else key
            data[key] = _table(TABLES[key], value, masks.of(field), mask)
        elif key == "findings":
            data[key] = [_finding(each, masks, mask) for each in value]
        elif key == "expectations":
            # A row of a client is none of its network, by whose name the tables have it.
            data[key] = _walked(value, lambda text: _NETWORK.sub(MASK, mask(text)), raw=False)
        elif key == "command":
            data[key] = mask(without_folders(value))
        else:
            data[key] = _walked(value, mask, raw=key in _RAW_SECTIONS)
    hosts: dict[str, str] = {}
    for entry in data.get("inputs", ()):
        entry["path"] = mask(entry["path"])
        if "origin" in entry:
            _hide_host(entry, hosts.setdefault(entry["origin"], f"host {len(hosts) + 1}"))
        if "unread" in entry:
            entry["unread"] = {
                "first_lines": [MASK for _ in entry["unread"]["first_lines"]],
                "proposed_format": None,
                "hint": "logan detect proposes a format, which has words of the log in it",
            }
    for row in data.get("origins", ()):
        row["origin"] = hosts.get(row["origin"], MASK) if row["origin"] else ""
    data["anonymized"] = True
    return data


def _hide_host(entry: dict[str, Any], short: str) -> None:
    """Put `short` in place of the host of an input, wherever its entry names it."""
    host, entry["origin"] = entry["origin"], short
    named = re.compile(rf"(?<![\w.-]){re.escape(host)}(?![\w-])")
    for key in ("path", "error"):
        if entry[key] is not None:
            entry[key] = named.sub(short, entry[key])
    entry["notes"] = [named.sub(short, each) for each in entry["notes"]]


def masked_text(value: Any, paths: Sequence[str]) -> Any:
    """Plain data with every text masked; `paths` are names of inputs, which lose their folders."""
    return _walked(value, _mask_of(paths), raw=False)


def without_folders(command: str) -> str:
    """A command without the folders of its inputs and outputs."""
    words: list[str] = []
    for word in shlex.split(command):
        before = words[-1] if words else ""
        option, mark, value = word.partition("=") if word.startswith("--") else ("", "", word)
        if before in _TEXT_OPTIONS or option in _TEXT_OPTIONS or _is_url(value):
            words.append(word)
        elif value.startswith("-"):
            short = _base_name(value[2:]) if "/" in value else value[2:]
            words.append(f"{value[:2]}{short}" if not value.startswith("--") else value)
        else:
            words.append(f"{option}{mark}{_base_name(value)}" if "/" in value else word)
    return shlex.join(words)


def _is_url(text: str) -> bool:
    """Whether a text is kept as it is; that of a file on a host names the host."""
    return "://" in text and not text.startswith("ssh://")


def _mask_of(paths: Sequence[str]) -> Callable[[str], str]:
    """What masks a text in which names of inputs may stand."""
    names = [
        (path, _base_name(path))
        for path in sorted(paths, key=len, reverse=True)
        if "/" in path and ("://" not in path or path.startswith("ssh://"))
    ]

    def mask(text: str) -> str:
        for long, short in names:
            text = text.replace(long, short)
        return scrubbed(text)

    return mask


def _base_name(path: str) -> str:
    return os.path.basename(path.rstrip("/")) or MASK


def _finding(
    finding: Mapping[str, Any], masks: _KeyMasks, mask: Callable[[str], str]
) -> dict[str, Any]:
    """A finding whose values are masked as the tables mask them, told anew."""
    where = [
        {
            **each,
            "value": None if each["value"] is None else masks.of(each["field"])(str(each["value"])),
        }
        for each in finding["where"]
    ]
    masked = {
        **{key: _value(key, value, mask, raw=False) for key, value in finding.items()},
        "where": where,
    }
    if any(one["value"] != two["value"] for one, two in zip(finding["where"], where, strict=True)):
        masked["command"] = None  # with a mask in its condition it would find no line
    command = finding.get("command")
    if command is not None and masked["command"] is not None:
        kept = without_folders(command)
        masked["command"] = kept if scrubbed(kept) == kept else None
    if "text" in finding:
        masked["text"] = sentence(masked)
    return masked


def _group(
    field: str, section: Mapping[str, Any], masks: _KeyMasks, mask: Callable[[str], str]
) -> dict[str, Any]:
    """A group table with masked keys, each of two by what it is."""
    table = TABLES["groups"]
    hides = [masks.of(part) for part in parts_of(field)]
    if len(hides) == 1:
        return _table(table, section, hides[0], mask)
    pairs: dict[str, list[str]] = {}
    for row in (*section[table.rows], *filter(None, (section.get("named") or {}).values())):
        keys = [hide(str(each)) for hide, each in zip(hides, row["keys"], strict=True)]
        pairs[row["key"]] = keys
    masked = {key: joined_keys(keys) for key, keys in pairs.items()}
    changed = _table(table, section, lambda key: masked.get(key, MASK), mask)
    shown = {masked[key]: keys for key, keys in pairs.items()}
    for row in (*changed[table.rows], *filter(None, (changed.get("named") or {}).values())):
        row["keys"] = shown[row["key"]]
    return changed


class _KeyMasks:
    """How the values of a field are masked, the same in tables and findings."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self._mask = mask
        self._known: dict[str, Callable[[str], str]] = {}

    def of(self, field: str) -> Callable[[str], str]:
        if field not in self._known:
            self._known[field] = self._chosen(field)
        return self._known[field]

    def _chosen(self, field: str) -> Callable[[str], str]:
        if is_capture(field):
            return _Pseudonyms("value")  # what users look for in messages are mostly names
        last = field.rpartition(".")[2].strip('"')
        if last in ("client", "client_ip", "remote_addr", "ip"):
            return client_network
        if last in ("user_agent", "user_agents"):
            return lambda text: scrubbed(text, is_agent=True)
        if _PERSONAL.search(last):
            return _Pseudonyms(last)
        return self._mask


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
    others = {column: value for column, value in section.items() if column != table.rows}
    if others.get("named"):
        named: dict[str, Any] = {}
        for key, row in others["named"].items():
            name = mask_key(key)
            kept_row = None if row is None else dict(_walked(row, mask, raw=True))
            if kept_row is not None and table.key.name in kept_row:
                kept_row[table.key.name] = name
            known_row = named.get(name)
            named[name] = kept_row if known_row is None else _joined(known_row, kept_row or {})
        others["named"] = named
    kept = [*rows.values()]
    if len(kept) < len(section[table.rows]):
        kept.sort(key=SORTS["requests"], reverse=True)
    return {**{column: others.get(column) for column in section}, table.rows: kept}


def _joined(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Two rows as one: counts are sums, a mean is weighted, percentiles are not known."""
    if not other:
        return dict(one)
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
    joined["merged"] = one.get("merged", 1) + other.get("merged", 1)
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
