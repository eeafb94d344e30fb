"""Write the address of the repository that a release is built in: `[project.urls]` of
pyproject.toml, and links of README.md, which the package index shows where relative ones lead
nowhere.

    python python/release/project_urls.py https://HOST/OWNER/REPOSITORY

The address is that of the place that builds, so that copies of the project do not claim another's.
Replaces a table that is there; for a checkout that is thrown away. Needs nothing but Python.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

__all__ = ["with_absolute_links", "with_urls"]

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
README = PYPROJECT.with_name("README.md")
_TABLE = re.compile(r"^\[project\.urls\]\n(?:[^\[\n].*\n|\n)*", re.MULTILINE)
_LINK = re.compile(r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<path>(?!#)[^):\s]+)\)")
_RUNS = re.compile(r"\(\.\./\.\./(?P<path>actions/workflows/[\w.-]+\.yml(?:/badge\.svg)?)\)")
"""Runs of a workflow and its badge. Relative links lead to them on the repository's page."""

_NEXT = "[project.scripts]\n"


def with_urls(text: str, address: str) -> str:
    """The text of pyproject.toml with the table. Raises `ValueError`."""
    address = address.rstrip("/")
    if not re.fullmatch(r"https://[\w.-]+(?:/[\w.-]+){2,}", address):
        raise ValueError(f"{address!r} is not the address of a repository: https://HOST/OWNER/NAME")
    if text.count(_NEXT) != 1:
        raise ValueError("pyproject.toml has no [project.scripts], before which the table goes")
    table = (
        "[project.urls]\n"
        f'Homepage = "{address}"\n'
        f'Documentation = "{address}/blob/main/python/docs/README.md"\n'
        f'Changelog = "{address}/blob/main/CHANGELOG.md"\n'
        f'Issues = "{address}/issues"\n'
        f'Source = "{address}"\n\n'
    )
    return _TABLE.sub("", text).replace(_NEXT, table + _NEXT)


def with_absolute_links(text: str, address: str) -> str:
    """A page in which links to files and workflows of the repository name it.

    Links within the page stay.
    """

    def absolute(link: re.Match[str]) -> str:
        kind = "raw" if link["picture"] else "blob"
        target = f"{address.rstrip('/')}/{kind}/HEAD/{link['path']}"
        return f"{link['picture']}[{link['text']}]({target})"

    return _LINK.sub(absolute, _RUNS.sub(rf"({address.rstrip('/')}/\g<path>)", text))


def main(arguments: list[str]) -> int:
    """Rewrite the files; the exit code."""
    if len(arguments) != 1:
        print("usage: project_urls.py https://HOST/OWNER/REPOSITORY", file=sys.stderr)
        return 2
    try:
        text = with_urls(PYPROJECT.read_text(encoding="utf-8"), arguments[0])
    except ValueError as error:
        print(f"project_urls: {error}", file=sys.stderr)
        return 2
    PYPROJECT.write_text(text, encoding="utf-8")
    page = with_absolute_links(README.read_text(encoding="utf-8"), arguments[0])
    README.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
