"""Constraints for pip that pin every direct dependency to its lower bound in pyproject.toml.

    python -m release.lowest > lowest.txt
    pip install -c lowest.txt -e . --group test

Needs nothing but Python, so that it runs before anything is installed: `python
python/release/lowest.py` works as well.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["constraints"]

ROOT = Path(__file__).resolve().parents[2]
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(?:\[[\w,]+\])?(?P<operator>>=|==)(?P<version>[\w.]+)")


def constraints(project: dict[str, Any]) -> list[str]:
    """Lines `name==version`, by name: of the package, its extras and the group of the tests.

    Raises `ValueError` for a requirement without a lower bound.
    """
    found = set()
    for requirement in _requirements(project):
        match = _REQUIREMENT.fullmatch(requirement)
        if match is None:
            raise ValueError(f"{requirement}: expected NAME>=VERSION or NAME==VERSION")
        found.add(f"{match['name']}=={match['version']}")
    return sorted(found)


def _requirements(project: dict[str, Any]) -> Iterator[str]:
    yield from project["project"]["dependencies"]
    for extra in project["project"]["optional-dependencies"].values():
        yield from extra
    yield from project["dependency-groups"]["test"]


if __name__ == "__main__":
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    sys.stdout.write("\n".join(constraints(data)) + "\n")
