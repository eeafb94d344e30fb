"""The command line as data: commands, their options by group, and the sections of their help.

Man pages, pages of documentation and the example configuration are made from it. It reads the
parser that runs the commands, so nothing is described twice.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass

from logan.cli import COMMANDS
from logan.cli.main import Parser, command_parser

__all__ = ["Block", "Command", "Option", "blocks", "commands", "parsers", "settings"]

_ENVIRONMENT = re.compile(r"\s*\[env: (\w+)\]$")


@dataclass(frozen=True, slots=True)
class Option:
    """An option or an argument.

    Attributes:
        names: `-o` and `--output`; empty for a positional argument.
        value: what its value is called, such as FILE; empty if it has none.
        help: one phrase, without the names of variables.
        variable: the environment variable that sets it; empty if none does.
        required: whether a command line without it is refused; arguments only.
        many: whether an argument may be given more than once.
    """

    names: tuple[str, ...]
    value: str
    help: str
    variable: str
    required: bool
    many: bool

    @property
    def key(self) -> str:
        """Its name in the configuration file."""
        return self.names[-1].lstrip("-")


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph of a command's help: its heading if it has one, and its lines.

    Attributes:
        verbatim: whether line breaks and indentation count.
    """

    heading: str
    lines: tuple[str, ...]
    verbatim: bool


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name, one sentence, arguments, options by group, and paragraphs."""

    name: str
    summary: str
    arguments: tuple[Option, ...]
    groups: tuple[tuple[str, tuple[Option, ...]], ...]
    blocks: tuple[Block, ...]

    def synopsis(self) -> str:
        """Its usage on one line, such as `logan analyze [OPTION]... PATH...`."""
        words = ["logan", self.name, "[OPTION]..."]
        for each in self.arguments:
            word = each.value + ("..." if each.many else "")
            words.append(word if each.required else f"[{word}]")
        return " ".join(words)


def commands() -> tuple[Command, ...]:
    """All commands, in the order of the registry."""
    return tuple(_command(name, parser) for name, parser in parsers())


def settings() -> dict[str, tuple[Option, tuple[str, ...]]]:
    """What environment and configuration file can set: by key, the option and its commands."""
    found: dict[str, tuple[Option, tuple[str, ...]]] = {}
    for command in commands():
        for _, options in command.groups:
            for option in options:
                if option.variable and f"LOGAN_{_upper(option.key)}" == option.variable:
                    _, names = found.get(option.key, (option, ()))
                    found[option.key] = (option, (*names, command.name))
    return dict(sorted(found.items()))


def blocks(epilog: str) -> tuple[Block, ...]:
    """The paragraphs of a help text: `examples:` and `exit codes:` are headings, indented lines
    below a heading or a sentence are verbatim."""
    found: list[Block] = []
    for paragraph in re.split(r"\n\s*\n", epilog.strip("\n")):
        lines = paragraph.split("\n")
        heading, _, rest = lines[0].partition(":")
        known = heading.lower() in ("examples", "exit codes", "conditions")
        if not known:
            heading, rest = "", lines[0]
        lines = [rest.strip() if known else rest, *lines[1:]]
        plain = tuple(each for each in lines if each and not each.startswith("  "))
        verbatim = tuple(each[2:] for each in lines if each.startswith("  "))
        if plain:
            found.append(Block(heading, plain, verbatim=False))
            heading = ""
        if verbatim:
            found.append(Block(heading, verbatim, verbatim=True))
    return tuple(found)


def parsers() -> Iterator[tuple[str, Parser]]:
    """Name and parser of every command."""
    for action in command_parser(COMMANDS)._actions:
        if isinstance(action, argparse._SubParsersAction):
            yield from action.choices.items()


def _command(name: str, parser: Parser) -> Command:
    arguments: list[Option] = []
    groups = []
    for group in parser._action_groups:
        options: list[Option] = []
        for action in group._group_actions:
            if action.help == argparse.SUPPRESS:
                continue
            option = _option(action, parser)
            (options if option.names else arguments).append(option)
        if options:
            groups.append((group.title or "options", tuple(options)))
    epilog = blocks(parser.epilog or "")
    return Command(name, parser.description or "", tuple(arguments), tuple(groups), epilog)


def _option(action: argparse.Action, parser: Parser) -> Option:
    text = (action.help or "") % {**vars(action), "prog": parser.prog}
    match = _ENVIRONMENT.search(text)
    takes_value = action.nargs != 0
    value = ""
    if takes_value:
        if action.metavar is not None:
            value = str(action.metavar)
        elif action.choices is not None:
            value = "{" + ",".join(str(each) for each in action.choices) + "}"
        else:
            value = action.dest.upper()
    return Option(
        names=tuple(action.option_strings),
        value=value,
        help=text[: match.start()] if match else text,
        variable=match[1] if match else "",
        required=action.nargs not in ("?", "*"),
        many=action.nargs in ("*", "+"),
    )


def _upper(key: str) -> str:
    return key.replace("-", "_").upper()
