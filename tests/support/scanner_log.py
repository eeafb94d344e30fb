"""A log in which one client has the client errors and nothing else stands out."""

from __future__ import annotations

from pathlib import Path

__all__ = ["write_scanner_log"]


def write_scanner_log(path: Path) -> None:
    """6,000 requests of 40 clients, 150 of which one more client made: they are all refused."""
    line = '{} - - [24/Jan/2024:10:{:02}:{:02} +0000] "GET /{} HTTP/1.1" {} 10\n'
    lines = [
        line.format(f"10.0.0.{i % 40}", i // 120 % 60, i // 2 % 60, i % 7, 200)
        for i in range(6_000)
    ]
    for i in range(0, 6_000, 40):
        lines[i] = line.format("203.0.113.9", i // 120 % 60, i // 2 % 60, "admin", 403)
    path.write_text("".join(lines))
