"""Whether a wheel holds what it must, and nothing that it must not.

    python python/release/check_wheel.py dist/*.whl

Needs nothing but Python. Exit code 1, and one line for each thing that is wrong.
"""

from __future__ import annotations

import re
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["WHEEL_BYTES_MAX", "expected", "faults"]

ROOT = Path(__file__).resolve().parents[2]
WHEEL_BYTES_MAX = 9_000_000
_UNWANTED = re.compile(r"__pycache__|\.pyc$|^(?:tests?|release|docs|wheel_data)/|\.rs$")


def expected(root: Path) -> set[str]:
    """Names in the wheel by the files of the repository; the extension and metadata are extra."""
    package = root / "python" / "logan"
    found = {
        f"logan/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.suffix not in (".so", ".pyd", ".pyc")
    }
    data = root / "python" / "wheel_data"
    return found | {
        f"*.data/{path.relative_to(data).as_posix()}" for path in data.rglob("*") if path.is_file()
    }


def faults(wheel: Path, root: Path) -> Iterator[str]:
    """What is wrong, one phrase each."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        entry_points = next((each for each in names if each.endswith("/entry_points.txt")), None)
        scripts = archive.read(entry_points).decode() if entry_points else ""
    known = {re.sub(r"^[^/]+\.data/", "*.data/", each) for each in names}
    yield from (f"{each} is missing" for each in sorted(expected(root) - known))
    yield from (f"{each} does not belong in it" for each in names if _UNWANTED.search(each))
    for pattern in (
        r"logan/_logan\.(?:abi3\.so|pyd)",
        r"[^/]+\.dist-info/licenses/LICENSE",
        r"[^/]+\.dist-info/licenses/python/THIRD_PARTY_NOTICES\.txt",
        r"[^/]+\.dist-info/sboms/[^/]+\.json",
    ):
        if not any(re.fullmatch(pattern, each) for each in names):
            yield f"nothing matches {pattern}"
    for script in ("logan=", "logan-analyzer="):
        if not re.search(rf"^{re.escape(script)}", scripts.replace(" ", ""), flags=re.MULTILINE):
            yield f"the script {script[:-1]} is missing"
    if wheel.stat().st_size > WHEEL_BYTES_MAX:
        yield f"it has {wheel.stat().st_size:,} bytes, more than {WHEEL_BYTES_MAX:,}"


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: check_wheel.py WHEEL...")
    bad = [f"{each}: {fault}" for each in sys.argv[1:] for fault in faults(Path(each), ROOT)]
    print("\n".join(bad) if bad else f"{len(sys.argv) - 1} wheel(s) hold what they must")
    sys.exit(1 if bad else 0)
