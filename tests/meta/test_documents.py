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
from logan.cli.command_line import join_ages, with_command
from logan.cli.main import command_parser
from logan.errors import UsageError
from release.command_tree import commands

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
REFERENCE = ROOT / "python" / "docs"
DOCUMENTS = (
    *("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
    "test_vectors/README.md",
    *(str(each.relative_to(ROOT)) for each in sorted(REFERENCE.glob("*.md"))),
)


def shell_lines(text: str = README) -> list[str]:
    """The commands of a page's shell blocks, without comments."""
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.S)
    lines = [
        line.split("  #")[0].strip()
        for block in blocks
        for line in block.replace("\\\n", " ").splitlines()
    ]
    return [line for line in lines if line and not line.startswith("#")]


def logan_commands(text: str = README) -> list[list[str]]:
    """The arguments of every `logan` call in them."""
    calls = []
    for line in shell_lines(text):
        for part in re.split(r"\|\||&&|\|(?=\s)", line):
            call = re.sub(r'^eval "\$\((.*)\)"$', r"\1", part.strip())
            words = shlex.split(call)
            words = words[: words.index(">")] if ">" in words else words
            words = words[: words.index("<")] if "<" in words else words
            if words[:1] == ["sudo"]:
                words = words[1:]
            words = run_by_another(words)
            if words and Path(words[0]).name == "logan":
                calls.append(with_command(join_ages(words[1:]), COMMANDS))
    return calls


def run_by_another(words: list[str]) -> list[str]:
    """The call of logan that a container or `uvx` makes; else the words as they are."""
    if words[:2] == ["docker", "run"] and "logan" in words:
        return words[words.index("logan") :]
    if words[:1] == ["uvx"]:
        found = [at for at, each in enumerate(words) if each in ("logan", "logan-analyzer")]
        return ["logan", *words[found[0] + 1 :]]
    return words


def test_calls_by_others_are_looked_at() -> None:
    text = "```sh\nuvx --from . logan x.log\ncat x | docker run -i logan lines - --nonsense\n```"
    assert logan_commands(text) == [["analyze", "x.log"], ["lines", "-", "--nonsense"]]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_commands_parse(document: str) -> None:
    parser = command_parser(COMMANDS)
    for arguments in logan_commands((ROOT / document).read_text(encoding="utf-8")):
        try:
            parser.parse_args(arguments)
        except SystemExit:
            assert {"--version", "--help"} & set(arguments), arguments
        except UsageError as error:
            pytest.fail(f"logan {' '.join(arguments)}: {error}")


FOREIGN_OPTIONS = {"--from", "--group", "--python", "--user"}
"""Options of other programs that pages name in code marks of their own."""


@pytest.mark.parametrize("document", [each for each in DOCUMENTS if each != "CHANGELOG.md"])
def test_options_in_prose_exist(document: str) -> None:
    """An option that a page names in code marks is one of some command."""
    text = (ROOT / document).read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    known = {
        name for each in commands() for _, group in each.groups for o in group for name in o.names
    }
    named = {
        name
        for code in re.findall(r"`(-[^`]*|logan [^`]*)`", prose)
        for name in re.findall(r"(?<!\S)--[a-z][a-z-]*", code)
    }
    assert named <= known | FOREIGN_OPTIONS


def test_there_are_commands() -> None:
    assert len(logan_commands()) > 5


def test_every_format_is_listed() -> None:
    for entry in json.loads(_logan.formats()):
        assert f"`{entry['name']}`" in README


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    prose = re.sub(r"```.*?```", "", text, flags=re.S)
    prose = re.sub(r"(?<!\[)`[^`]*`(?!\])", "", prose)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        name = name.replace("../../actions/workflows/", ".github/workflows/")  # badges
        name = name.removesuffix("/badge.svg")
        path = (ROOT / document).parent / name if name else ROOT / document
        assert path.exists(), f"{document} links to {target}"
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), f"{document}: {target}"


def anchors(text: str) -> set[str]:
    """What headings of a page are called in links."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.S), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


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
