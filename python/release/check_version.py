"""Whether a tag, the version in Cargo.toml, CITATION.cff and CHANGELOG.md agree.

    python python/release/check_version.py v1.2.3

Needs nothing but Python.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["differences"]

ROOT = Path(__file__).resolve().parents[2]


def differences(root: Path, tag: str) -> Iterator[str]:
    """What does not agree, one sentence each."""
    data = tomllib.loads((root / "Cargo.toml").read_text(encoding="utf-8"))
    version = data["workspace"]["package"]["version"]
    if tag != f"v{version}":
        yield f"the tag is {tag}, Cargo.toml has version {version}: expected v{version}"
    citation = (root / "CITATION.cff").read_text(encoding="utf-8")
    if f"\nversion: {version}\n" not in citation:
        yield f"CITATION.cff does not have version {version}"
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## \[?{re.escape(version)}\b", changelog, flags=re.MULTILINE):
        yield f"CHANGELOG.md has no section for {version}"


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: check_version.py TAG")
    found = list(differences(ROOT, sys.argv[1]))
    for sentence in found:
        print(f"check_version: {sentence}", file=sys.stderr)
    sys.exit(1 if found else 0)
