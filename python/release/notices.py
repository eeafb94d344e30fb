"""Notices of third parties: the crates that the native extension links, with their licenses.

`cargo metadata` says what is linked on the platforms that have wheels: normal dependencies, without
those that only run while compiling. The texts come from the sources of the crates.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["TARGETS", "linked", "text"]

TARGETS = (
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "x86_64-pc-windows-msvc",
)
"""The platforms of the wheels."""

_LICENSE = re.compile(r"(un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)
_SUFFIXES = ("", ".md", ".txt", ".mit", ".0bsd", ".bsd-2-clause", ".bsd-3-clause")
_CHOSEN = ("MIT", "Zlib", "Apache-2.0")
"""Where a crate leaves the choice, the first of these that it offers."""

_HEAD = """\
Third-party notices
===================

The native extension of logan-analyzer links the Rust crates below and the standard library of Rust
(The Rust Project Contributors, MIT OR Apache-2.0). After the list come their licenses; where a
crate offers several, the one that logan-analyzer uses it under.
"""


def linked(root: Path) -> list[dict[str, Any]]:
    """The packages, as `cargo metadata` describes them, by name. Raises `CalledProcessError`."""
    found: dict[str, dict[str, Any]] = {}
    for target in TARGETS:
        metadata = _metadata(root, target)
        packages = {each["id"]: each for each in metadata["packages"]}
        for name in _reached(metadata, packages):
            if packages[name]["source"] is not None:
                found[name] = packages[name]
    return sorted(found.values(), key=lambda each: (each["name"], each["version"]))


def text(root: Path) -> str:
    """The file. Raises `LookupError` if a crate has no license text."""
    packages = linked(root)
    rows = [
        f"{each['name']} {each['version']}  {each['license'] or 'see its license file'}"
        for each in packages
    ]
    found = {each["id"]: _license_texts(each) for each in packages}
    users: dict[str, list[str]] = {}
    for package in packages:
        name = f"{package['name']} {package['version']}"
        for license_text in found[package["id"]] or [_shared_text(package, found)]:
            users.setdefault(license_text, []).append(name)
    parts = [_HEAD, "\n".join(rows) + "\n"]
    for license_text, names in sorted(users.items(), key=lambda item: item[1]):
        parts.append(f"{'#' * 80}\n{_wrapped(names)}\n{'#' * 80}\n\n{license_text}\n")
    return "\n".join(parts)


def _metadata(root: Path, target: str) -> dict[str, Any]:
    command = ["cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", target]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    metadata: dict[str, Any] = json.loads(done.stdout)
    return metadata


def _reached(
    metadata: Mapping[str, Any], packages: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """What is linked into the extension: normal dependencies, without macros and what they use."""
    nodes = {each["id"]: each for each in metadata["resolve"]["nodes"]}
    todo = [name for name, each in packages.items() if each["name"] == "logan-py"]
    seen = set(todo)
    while todo:
        name = todo.pop()
        yield name
        for dependency in nodes[name]["deps"]:
            other = dependency["pkg"]
            kinds = {each["kind"] for each in dependency["dep_kinds"]}
            targets = packages[other]["targets"]
            is_macro = any("proc-macro" in each["kind"] for each in targets)
            if None in kinds and not is_macro and other not in seen:
                seen.add(other)
                todo.append(other)


def _license_texts(package: Mapping[str, Any]) -> list[str]:
    """Those of the crate, and those of the C library that it contains, if it does."""
    folder = Path(package["manifest_path"]).parent
    files = _license_files(folder)
    expression = (package["license"] or "").replace("/", " OR ")
    if " OR " in expression and " AND " not in expression:
        chosen = next((each for each in _CHOSEN if each in expression), "")
        files = [path for path in files if chosen[:3].lower() in path.name.lower()] or files
    for below in sorted(folder.iterdir()):
        if below.is_dir():
            files += [path for path in _license_files(below) if "APACHE" not in path.name.upper()]
    texts = [_clean(path.read_text(encoding="utf-8")) for path in files]
    # zstd offers the GPL beside its crate's license; xz has it for programs that are not built.
    texts = [each for each in texts if not re.match(r"\s*GNU ", each) and "GPLv2" not in each]
    return list(dict.fromkeys(texts))


def _shared_text(package: Mapping[str, Any], found: Mapping[str, list[str]]) -> str:
    """The text of a license that is the same for everybody, of a crate that comes without it."""
    if package["license"] == "Apache-2.0":
        texts = (text for texts in found.values() for text in texts)
        for text in texts:
            if re.match(r"\s*Apache License\s+Version 2\.0", text):
                return text
    raise LookupError(f"{package['name']} {package['version']} has no license text")


def _license_files(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_file()
        and _LICENSE.match(path.name)
        and path.suffix.lower()
        in ("", ".md", ".txt", ".mit", ".0bsd", ".bsd-2-clause", ".bsd-3-clause")
    ]


def _clean(license_text: str) -> str:
    lines = [line.rstrip() for line in license_text.replace("\f", "").splitlines()]
    return "\n".join(lines).strip("\n")


def _wrapped(names: list[str]) -> str:
    lines = [""]
    for each in names:
        if len(lines[-1]) + len(each) > 76:
            lines.append("")
        lines[-1] += f"{', ' if lines[-1] else ''}{each}"
    return "\n".join(lines)
