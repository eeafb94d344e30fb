"""Install a wheel where nothing of the project is, and run tests against it.

    python python/release/try_wheel.py dist/logan_analyzer-1.2.3-….whl
    python python/release/try_wheel.py dist/….whl --python python3.14 tests/contract

Makes a virtual environment in a new folder, installs the wheel and what it depends on, looks at
size, commands and man pages, copies the tests beside it, without the package and the engine's
sources, and runs some. `LOGAN_TEST_WHEEL=dist/….whl pytest tests/meta/test_packaging.py` does the
same. Needs Python, a package index and nothing else; exit code 1 says that something is wrong.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["INSTALLED_BYTES_MAX", "TESTS", "main", "requirements"]

ROOT = Path(__file__).resolve().parents[2]
INSTALLED_BYTES_MAX = 45_000_000
"""What an installation takes with all it depends on, without pip and without bytecode."""

TESTS = (
    "tests/contract/test_formats.py",
    "tests/contract/test_timestamps.py",
    "tests/contract/test_units.py",
    "tests/contract/test_years.py",
    "tests/integration/test_outputs.py",
    "tests/unit/report/test_first_screen.py",
    "tests/unit/test_api.py",
    "tests/unit/test_native.py",
    "tests/vectors",
)
"""What reads every format, and prints, through the engine, and needs no cluster."""

_FOR_TESTS = frozenset({"hypothesis", "pytest", "pytest-timeout", "pytest-trio", "pytest-xdist"})


def requirements(project: dict[str, Any]) -> list[str]:
    """What `TESTS` need besides logan, with the bounds of the group of the tests."""
    listed: list[str] = project["dependency-groups"]["test"]
    found = [each for each in listed if each.partition(">=")[0] in _FOR_TESTS]
    assert len(found) == len(_FOR_TESTS)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Try a wheel; the exit code."""
    parser = argparse.ArgumentParser(description="Install a wheel and run tests against it.")
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--python", default=sys.executable, help="whose environment is made")
    parser.add_argument("tests", nargs="*", default=TESTS, help="tests to run")
    args = parser.parse_intermixed_args(arguments)
    with tempfile.TemporaryDirectory(prefix="logan-wheel-") as folder:
        try:
            _try(args.wheel.resolve(), args.python, args.tests, Path(folder))
        except (AssertionError, subprocess.CalledProcessError) as error:
            print(f"try_wheel: {args.wheel}: {error}", file=sys.stderr)
            return 1
    return 0


def _try(wheel: Path, python: str, tests: Sequence[str], folder: Path) -> None:
    environment = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("LOGAN_", "PYTHON", "PYTEST_")) and key != "VIRTUAL_ENV"
    }
    prefix, empty = folder / "environment", folder / "empty"
    empty.mkdir()

    def run(*command: str | Path, cwd: Path = empty) -> str:
        done = subprocess.run(
            command, cwd=cwd, env=environment, check=False, stdout=subprocess.PIPE, text=True
        )
        if done.returncode != 0:
            print(done.stdout)
            done.check_returncode()
        return done.stdout

    run(python, "-m", "venv", prefix)
    inside = prefix / "bin" / "python"
    pip = (inside, "-m", "pip", "--disable-pip-version-check")
    run(*pip, "install", "--quiet", "--only-binary=:all:", "--no-compile", wheel)

    (site,) = run(
        inside, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))"
    ).splitlines()
    size = _size(Path(site))
    assert size <= INSTALLED_BYTES_MAX, f"installed it takes {size:,} bytes"
    print(run(inside, "-VV").strip())
    print(f"{wheel.name}: {wheel.stat().st_size:,} bytes, installed {size:,}")

    where = run(inside, "-c", "import logan, logan._logan as n; print(logan.__file__, n.__file__)")
    assert all(each.startswith(site) for each in where.split()), where
    for name in ("logan", "logan-analyzer"):
        assert run(prefix / "bin" / name, "--version").startswith("logan ")
    commands = run(inside, "-c", "from logan.cli import COMMANDS; print(*COMMANDS)").split()
    listed = run(prefix / "bin" / "logan", "--help")  # loads no command, so each is asked below
    assert commands
    assert all(f"  {each} " in listed for each in commands), listed
    for each in commands:
        assert run(prefix / "bin" / "logan", each, "--help").startswith(f"Usage: logan {each} ")
    assert "logan" in run(prefix / "bin" / "logan", "completion", "bash")
    assert (prefix / "share" / "man" / "man1" / "logan.1").is_file()

    place = folder / "tests only"
    for name in ("tests", "test_vectors"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, place / name, ignore=ignored)
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)
    shutil.copy(ROOT / "pyproject.toml", place)
    run(*pip, "install", "--quiet", *requirements(project))
    print(run(inside, "-m", "pytest", "--numprocesses=2", *tests, cwd=place).strip())


def _size(site: Path) -> int:
    """Bytes of an environment's packages without those that every environment has."""
    return sum(
        path.stat().st_size
        for path in site.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and not path.relative_to(site).parts[0].startswith(("pip", "setuptools", "pkg_resources"))
    )


if __name__ == "__main__":
    sys.exit(main())
