"""Write, or with `--check` compare, all files of the repository that are made from others.

python -m release.generate            # or: just generate
python -m release.generate --check    # exit code 1 and their names if any is out of date
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

from release import completions, example_config, manual, notices, pages, picture

__all__ = ["NOTICES", "ROOT", "files", "main", "outdated"]

ROOT = Path(__file__).resolve().parents[2]
SHARE = Path("python/logan/share")
MANUAL = Path("python/wheel_data/data/share/man/man1")
"""Wheels install what lies in `wheel_data/data` below the prefix, where `man` finds it."""
DOCUMENTS = Path("python/docs")
PICTURE = DOCUMENTS / "report.svg"
NOTICES = Path("python/THIRD_PARTY_NOTICES.txt")


def version() -> str:
    """The project's version."""
    data = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    found: str = data["workspace"]["package"]["version"]
    return found


def files() -> dict[Path, str]:
    """Text by path below the root; without the notices, which need the crates' sources."""
    found = {MANUAL / name: text for name, text in manual.pages(version()).items()}
    found |= {DOCUMENTS / name: text for name, text in pages.pages().items()}
    found |= {
        SHARE / "completions" / f"logan.{shell}": text
        for shell, text in completions.scripts().items()
    }
    found[PICTURE] = picture.picture(ROOT)
    return found | {SHARE / "config.example.toml": example_config.text()}


def outdated(made: dict[Path, str]) -> list[str]:
    """The paths whose content differs, and files beside them that nothing makes any more."""
    wrong = [path for path, text in made.items() if not _is_current(path, text)]
    stale = {
        path.relative_to(ROOT)
        for folder in (MANUAL, SHARE / "completions")
        for path in (ROOT / folder).iterdir()
    } - set(made)
    return [str(path) for path in sorted({*wrong, *stale})]


def main() -> int:
    """Write or compare; the exit code."""
    parser = argparse.ArgumentParser(prog="release.generate", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    made = {**files(), NOTICES: notices.text(ROOT)}
    if args.check:
        wrong = outdated(made)
        if wrong:
            print("out of date: run `just generate`:", *wrong, sep="\n  ", file=sys.stderr)
        return 1 if wrong else 0
    for folder in (MANUAL, SHARE / "completions", DOCUMENTS):
        (ROOT / folder).mkdir(parents=True, exist_ok=True)
    for path, text in made.items():
        if not _is_current(path, text):
            (ROOT / path).write_text(text, encoding="utf-8")
            print(path)
    for name in outdated(made):
        (ROOT / name).unlink()
        print(f"removed {name}")
    return 0


def _is_current(path: Path, text: str) -> bool:
    found = _content(ROOT / path)
    if found is not None and path.suffix == ".svg":
        return picture.words(found) == picture.words(text)
    return found == text


def _content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
