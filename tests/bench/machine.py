"""Facts about the machine that make figures comparable; no names, no paths."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any, Final

DISTRIBUTIONS: Final = ("logan-analyzer", "duckdb", "polars", "chdb")


def facts() -> dict[str, Any]:
    """For the head of a result file."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "cores_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None,
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "rust": _first_line("rustc", "--version"),
        "wc": _first_line("wc", "--version"),
        "mawk": _first_line("mawk", "-W", "version"),
        "versions": {name: _version(name) for name in DISTRIBUTIONS},
        "load_before": [round(load, 2) for load in os.getloadavg()],
    }


def available_bytes() -> int | None:
    """Memory that can hold page cache, if the system tells."""
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _cpu_model() -> str | None:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or None
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    return found[1].strip() if found else None


def _first_line(*command: str) -> str | None:
    try:
        said = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=10,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    return said.splitlines()[0].strip() if said.strip() else None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
