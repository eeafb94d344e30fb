"""Completion scripts for shells, by shtab, of the command line's own parser."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import shtab

from logan.cli import COMMANDS
from logan.cli.completion import SHELLS
from logan.cli.main import command_parser

__all__ = ["scripts"]

_FILES = ("PATH", "FILE", "REPORT", "EXPECTED", "LOG")
_FOLDERS = ("DIR", "DIR|URL")
"""How arguments that are files and folders are called in help texts."""


def scripts() -> dict[str, str]:
    """Text by shell."""
    return {shell: _script(shell) for shell in SHELLS}


def _script(shell: str) -> str:
    parser = command_parser(COMMANDS)
    for action in _actions(parser):
        if action.metavar in _FILES:
            action.complete = shtab.FILE
        elif action.metavar in _FOLDERS:
            action.complete = shtab.DIRECTORY
    text: str = shtab.complete(parser, shell)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


def _actions(parser: argparse.ArgumentParser) -> Iterator[Any]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for subparser in action.choices.values():
                yield from _actions(subparser)
