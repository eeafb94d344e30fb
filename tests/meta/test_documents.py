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


def test_files_on_the_map_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    core = ROOT / "rust/logan-core/src"
    section = text.split("rust/logan-core/src/ ", 1)[1].split("rust/logan-py/src/", 1)[0]
    named = re.findall(r"^  ((?:[a-z_]+(?:\.rs|/)\s+)+)", section, flags=re.M)
    assert len(named) > 10
    for names in named:
        for name in names.split():
            assert (core / name).exists(), name


def test_ci_runs_the_readme_command() -> None:
    test_command = next(line for line in shell_lines() if "pytest" in line)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "README.md" in script or test_command in script
