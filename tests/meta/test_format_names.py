"""A format is named in its own family's files and in the registry, and nowhere else in the core.

The rest of the core knows a format only by the facts on its registry entry. Otherwise the author of
a new format would have to find and change every file that names one.
"""

import re
from pathlib import Path

CORE = Path(__file__).resolve().parents[2] / "rust" / "logan-core" / "src"
FORMAT = CORE / "format"
REGISTRY = FORMAT / "mod.rs"
ENTRY = re.compile(r"pub static (\w+): Entry = Entry \{\s*info: Info \{\s*name: \"([^\"]+)\"")
REFERENCE_IMPLEMENTATION = ("naive.rs", "naive/")
"""The slow reader that tests compare the core with; it reads some formats by its own rules."""


def registered() -> dict[str, tuple[Path, str]]:
    """The file and the entry of each registered format, by name."""
    found = {}
    for path in sorted(FORMAT.rglob("*.rs")):
        for entry, name in ENTRY.findall(path.read_text("utf-8")):
            found[name] = (path, entry)
    return found


def product(text: str) -> str:
    """A file without its tests and comments."""
    text = text.split("#[cfg(test)]", maxsplit=1)[0]
    return re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)


def modules(path: Path) -> str:
    """The last part of a file's module path."""
    return path.parent.name if path.name == "mod.rs" else path.stem


def family(path: Path) -> Path:
    """The folder of a format below `format/`, or its file if it has none."""
    return FORMAT / path.relative_to(FORMAT).parts[0]


def names_in(text: str, file: Path) -> list[str]:
    """The formats of other families that a file's text names."""
    text = product(text)
    found = []
    for name, (path, entry) in registered().items():
        if file.is_relative_to(family(path)):
            continue
        if re.search(rf"\b{modules(path)}::{entry}\b", text) or (
            re.search(rf"(name|format)\w*\(?\)?\s*[=!]=\s*\"{re.escape(name)}\"", text)
        ):
            found.append(name)
    return found


def test_the_registry_is_read() -> None:
    entries = registered()
    assert len(entries) >= 42
    text = REGISTRY.read_text("utf-8")
    for name, (path, entry) in entries.items():
        assert re.search(rf"&[\w:]*\b{modules(path)}::{entry},", text), name


def test_no_other_file_names_a_format() -> None:
    named = {}
    for path in sorted(CORE.rglob("*.rs")):
        relative = path.relative_to(CORE).as_posix()
        if path == REGISTRY or relative.startswith(REFERENCE_IMPLEMENTATION):
            continue
        if path.name == "tests.rs" or "/tests/" in relative or path.name == "vectors.rs":
            continue
        if names := names_in(path.read_text("utf-8"), path):
            named[relative] = names
    assert not named, f"make it a fact on the registry entry (format::Facts): {named}"


def test_a_planted_name_is_found() -> None:
    planted = "if entry.info.name == text::app::ENTRY.info.name {}"
    assert names_in(planted, CORE / "detect" / "mod.rs") == ["app"]
    assert names_in('if info.name == "docker" {}', CORE / "spec.rs") == ["docker"]
    assert names_in("// like app::ENTRY", CORE / "spec.rs") == []
