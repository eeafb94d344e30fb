"""README and friends say what is so: the commands parse, the registries are listed, links lead
somewhere."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from logan import _logan
from logan.cli import COMMANDS
from logan.cli.main import command_parser

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def shell_lines() -> list[str]:
    """The commands of the README's shell blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", README, flags=re.S)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def logan_commands() -> list[list[str]]:
    """The arguments of every `logan` call in them."""
    calls = []
    for line in shell_lines():
        for part in re.split(r"\|\||&&|\|(?=\s)", line):
            words = shlex.split(part)
            if words and Path(words[0]).name == "logan":
                calls.append(words[1:])
    return calls


@pytest.mark.parametrize("arguments", logan_commands(), ids=" ".join)
def test_commands_parse(arguments: list[str]) -> None:
    command_parser(COMMANDS).parse_args(arguments)


def test_there_are_commands() -> None:
    assert len(logan_commands()) > 5


def test_every_format_is_listed() -> None:
    for entry in json.loads(_logan.formats()):
        assert f"`{entry['name']}`" in README


@pytest.mark.parametrize(
    "document", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]
)
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        if "://" not in target:
            assert (ROOT / target).exists(), f"{document} links to {target}"


def sections_of_the_map() -> dict[str, str]:
    """The map of ARCHITECTURE.md: folders that stand at the beginning of a line, and their text."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"## The map\n+```\n(.*?)```", text, flags=re.S)
    parts = re.split(r"^(?=\S)", block, flags=re.M)
    return {part.split()[0]: part for part in parts if part.strip()}


def names_in(section: str) -> list[str]:
    """What stands in the first column of a section: folders and modules below its folder."""
    found = []
    for first in re.findall(r"^  (\S.*?)(?=  |$)", section, flags=re.M):
        found += re.findall(r"[\w./]+", first)
    return found


def test_folders_on_the_map_exist() -> None:
    assert len(sections_of_the_map()) > 4
    for folder in sections_of_the_map():
        assert (ROOT / folder).is_dir(), folder


@pytest.mark.parametrize("folder", ["rust/logan-core/src/", "python/logan/"])
def test_modules_on_the_map_exist(folder: str) -> None:
    named = names_in(sections_of_the_map()[folder])
    assert len(named) > 8
    for name in named:
        places = [ROOT / folder / f"{name}{end}" for end in ("", ".rs", ".py")]
        assert any(place.exists() for place in places), f"{folder}{name} does not exist"


@pytest.mark.parametrize("folder", ["rust/logan-core/src/", "python/logan/"])
def test_every_top_module_is_on_the_map(folder: str) -> None:
    unnamed = {"lib", "__init__", "__main__", "__pycache__", "_logan", "py"}
    words = set(re.findall(r"\w+", sections_of_the_map()[folder]))
    for path in (ROOT / folder).iterdir():
        name = path.name.split(".")[0]
        assert name in words | unnamed, f"{folder}{path.name} is not on the map"


def test_formats_with_an_independent_reference_are_listed() -> None:
    """CONTRIBUTING.md has those that the reference implementation does not leave to the engine."""
    (source,) = [
        text
        for path in (ROOT / "rust" / "logan-core").rglob("*.rs")
        if "fn delegated(" in (text := path.read_text(encoding="utf-8"))
    ]
    (arms,) = re.findall(r"match format\.name \{(.*?)name => match delegated", source, flags=re.S)
    patterns = re.findall(r'^\s+("[^=]*") =>', arms, flags=re.M)
    own = {name for each in patterns for name in re.findall(r'"([a-z0-9-]+)"', each)}
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (listed,) = re.findall(r"<!-- formats with an independent reference -->\n(.*?)\n\n", text, re.S)
    assert re.findall(r"`([a-z0-9-]+)`", listed) == sorted(own)
    assert own <= {entry["name"] for entry in json.loads(_logan.formats())}


def test_ci_runs_the_readme_command() -> None:
    test_command = next(line for line in shell_lines() if "pytest" in line)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in script or test_command in script
