"""Writes small databases in the MMDB format, as the specification of MaxMind has it."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TYPES = {"map": 7, "text": 2, "u16": 5, "u32": 6, "u64": 9, "array": 11}


def write(path: Path, kind: str, networks: Mapping[str, Mapping[str, Any]]) -> Path:
    """A database of type `kind` of IPv4 networks, none within another, and what it says of each."""
    data = bytearray()
    leaves = []
    for network, value in networks.items():
        leaves.append((ipaddress.IPv4Network(network), len(data)))
        data += _encoded(value)
    nodes: list[list[int | None]] = [[None, None]]  # a child is a node, or -1 less an offset
    for found, offset in leaves:
        bits = f"{int(found.network_address):032b}"[: found.prefixlen]
        at = 0
        for bit in bits[:-1]:
            child = nodes[at][int(bit)]
            if child is None:
                child = len(nodes)
                nodes.append([None, None])
                nodes[at][int(bit)] = child
            at = child
        nodes[at][int(bits[-1])] = -1 - offset
    count = len(nodes)
    tree = b"".join(_record(child, count).to_bytes(3, "big") for node in nodes for child in node)
    metadata = {
        "binary_format_major_version": ("u16", 2),
        "binary_format_minor_version": ("u16", 0),
        "build_epoch": ("u64", 1_706_000_000),
        "database_type": kind,
        "description": {"en": "a test"},
        "ip_version": ("u16", 4),
        "languages": ("array", ["en"]),
        "node_count": ("u32", count),
        "record_size": ("u16", 24),
    }
    parts = (tree, bytes(16), bytes(data), b"\xab\xcd\xefMaxMind.com", _encoded(metadata))
    path.write_bytes(b"".join(parts))
    return path


def _record(child: int | None, count: int) -> int:
    if child is None:
        return count
    return child if child >= 0 else count + 16 + (-1 - child)


def _encoded(value: Any) -> bytes:
    if isinstance(value, Mapping):
        parts = [_encoded(each) for pair in value.items() for each in pair]
        return _control("map", len(value)) + b"".join(parts)
    if isinstance(value, str):
        return _control("text", len(value.encode())) + value.encode()
    typed: tuple[str, Any] = ("u32", value) if isinstance(value, int) else value
    kind, content = typed
    if kind == "array":
        return _control(kind, len(content)) + b"".join(map(_encoded, content))
    number = content.to_bytes((content.bit_length() + 7) // 8, "big")
    return _control(kind, len(number)) + bytes(number)


def _control(kind: str, size: int) -> bytes:
    number = _TYPES[kind]
    assert size < 285
    low, more = (size, b"") if size < 29 else (29, bytes([size - 29]))
    first = bytes([number << 5 | low]) if number < 8 else bytes([low, number - 7])
    return first + more
