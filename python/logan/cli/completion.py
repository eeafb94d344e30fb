"""`logan completion`: completion of commands, options and paths for the user's shell.

The scripts are made from the parser when logan is released (`just generate`) and come with it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final

from logan.cli.exit_codes import Exit

if TYPE_CHECKING:
    from logan.cli.main import Parser

__all__ = ["EPILOG", "SHELLS", "configure", "run"]

SHELLS: Final = ("bash", "zsh", "fish", "tcsh")
EPILOG = """\
examples:
  logan completion bash > ~/.local/share/bash-completion/completions/logan
  logan completion zsh > "${fpath[1]}/_logan"
  logan completion fish > ~/.config/fish/completions/logan.fish
  eval "$(logan completion bash)"             # for this shell only
"""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument("shell", choices=SHELLS, help="which shell")


def run(args: argparse.Namespace) -> int:
    """Print the script for the shell."""
    from importlib.resources import files

    from logan.cli.terminal import write_stdout

    script = files("logan") / "share" / "completions" / f"logan.{args.shell}"
    write_stdout(script.read_text(encoding="utf-8"))
    return Exit.OK
