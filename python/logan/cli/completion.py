"""`logan completion`: completion of commands, options and paths for the user's shell."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from logan.cli.exit_codes import Exit
from logan.errors import UsageError

if TYPE_CHECKING:
    from logan.cli.main import Parser

__all__ = ["EPILOG", "HELP", "configure", "run"]

HELP = "Print completions for a shell."
SHELLS: Final = ("bash", "zsh", "tcsh")
EPILOG = """\
examples:
  logan completion bash > ~/.local/share/bash-completion/completions/logan
  logan completion zsh > "${fpath[1]}/_logan"
  eval "$(logan completion bash)"             # for this shell only
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="which shell")


def run(args: argparse.Namespace) -> int:
    """Print the script that shtab makes of the command line's own parser."""
    from logan.cli import COMMANDS
    from logan.cli.main import command_parser
    from logan.cli.terminal import write_stdout

    try:
        import shtab
    except ModuleNotFoundError:
        raise UsageError(
            "completions need the library shtab",
            hint="pip install 'logan-analyzer[completion]'",
        ) from None
    parser = command_parser(COMMANDS)
    for command in _parsers(parser):
        for action in command._actions:
            if action.metavar in _PATHS:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.metavar == "DIR":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    write_stdout(shtab.complete(parser, args.shell) + "\n")
    return Exit.OK


_PATHS: Final = ("PATH", "FILE", "REPORT", "EXPECTED", "LOG")
"""How arguments that are files are called in help texts."""


def _parsers(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    """The parser and those of its commands."""
    found = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found += action.choices.values()
    return found
