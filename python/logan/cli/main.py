"""What all commands share: the parser, the settings, and the handler of last resort.

`main` turns every end of a command into an exit code and at most two lines on stderr: what
happened, and the next step. `LOGAN_DEBUG=1` shows the traceback as well.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import Any, ClassVar, Final, NoReturn

from logan.cli import COMMANDS, NOT_ON_WINDOWS
from logan.cli.command_line import join_ages, probable_meaning, with_command
from logan.cli.exit_codes import Exit, exit_code, exit_of_signal
from logan.cli.help_format import PlainFormatter, color_formatter
from logan.cli.signals import Aborted
from logan.cli.terminal import abandon_stdout, say, wants_color, write_stdout, writing_to_stdout
from logan.errors import ExpressionError, LoganError, UsageError

__all__ = ["Parser", "command_parser", "main"]


class Parser(argparse.ArgumentParser):
    """argparse with help in color where it is wanted, and with settings: options whose value comes
    from the flag, else from a `LOGAN_*` variable, else from the configuration file, else a
    default."""

    known_settings: ClassVar[set[str]] = set()
    """Names of the settings of all commands."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)
        if sys.version_info >= (3, 14):
            kwargs.setdefault("color", False)  # argparse's own, beside rich-argparse's
        super().__init__(*args, **kwargs)
        self._settings: list[tuple[str, str, str, Callable[[str], Any], Any]] = []

    def format_help(self) -> str:
        """The help text, in color where the terminal has it."""
        if wants_color("auto", sys.stdout):
            self.formatter_class = color_formatter()
            with writing_to_stdout():  # rich touches it to see what it can show
                return super().format_help()
        self.formatter_class = PlainFormatter
        return super().format_help()

    def _print_message(self, message: str, file: Any = None) -> None:
        """What argparse prints by itself: help."""
        if message:
            write_stdout(message)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing a usage text that hides the message."""
        raise UsageError(message, hint=f"see: {self.prog} --help")

    def options(self) -> list[str]:
        """The names of its options."""
        return [*self._option_string_actions]

    def written(self, argv: Sequence[str]) -> dict[str, str]:
        """The options that stand in `argv`: the name of each, as written, by its destination."""
        found: dict[str, str] = {}
        for word in argv:
            if word == "--":
                break
            name = word.partition("=")[0] if word.startswith("--") else word[:2]
            action = self._option_string_actions.get(name) if name.startswith("-") else None
            if action is not None:
                found.setdefault(action.dest, name)
        return found

    def setting(
        self,
        flag: str,
        *,
        type: Callable[[str], Any],
        default: Any,
        help: str,
        group: argparse._ArgumentGroup | None = None,
        **kwargs: Any,
    ) -> None:
        """Add an option that the environment can set; `--chunk-size` is `LOGAN_CHUNK_SIZE`."""
        key = flag.lstrip("-")
        self.known_settings.add(key)
        variable = f"LOGAN_{key.replace('-', '_').upper()}"
        if "action" not in kwargs:
            kwargs["type"] = type
        action = (group or self).add_argument(
            flag, default=None, help=f"{help} [env: {variable}]", **kwargs
        )
        self._settings.append((action.dest, key, variable, type, default))
        self.set_defaults(resolve=self._resolve)

    def _resolve(self, args: argparse.Namespace) -> None:
        from logan.cli.config import load, name_format

        config = load()
        if config.settings.keys() - self.known_settings:
            command_parser(COMMANDS)  # the key may be another command's
        for key in config.settings:
            if key not in self.known_settings:
                known = ", ".join(sorted(self.known_settings))
                raise UsageError(
                    f"{config.path}: settings.{key}: unknown setting",
                    hint=f"known settings: {known}",
                )
        args.given = {dest for dest, *_ in self._settings if getattr(args, dest) is not None}
        for dest, key, variable, type, default in self._settings:
            if getattr(args, dest) is not None:
                continue
            text, told = os.environ.get(variable, ""), variable
            if not text:
                text, told = config.settings.get(key, ""), f"{config.path}: settings.{key}"
            args.given |= {dest} if text else set()
            try:
                setattr(args, dest, type(text) if text else default)
            except (argparse.ArgumentTypeError, ValueError) as error:
                raise UsageError(f"{told}={text}: {error}") from error
        if hasattr(args, "format"):
            name_format(args)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (default: the process's arguments) and return its exit code; never
    raises, never shows a traceback."""
    try:
        return _run(sys.argv[1:] if argv is None else argv, COMMANDS)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else Exit.OK
    except Aborted as stop:
        return exit_of_signal(stop.signum)
    except KeyboardInterrupt:
        return exit_of_signal(2)
    except BrokenPipeError:
        abandon_stdout()
        return Exit.CLOSED_PIPE
    except LoganError as error:
        _show_traceback()
        return _explain(error, sys.argv[1:] if argv is None else argv)
    except BaseException as error:  # also a native panic, which is not an Exception
        _show_traceback()
        return _explain_unforeseen(error)


def _run(argv: Sequence[str], commands: Collection[str]) -> int:
    argv = with_command(join_ages(argv), commands)
    # A command that is named first is the only one whose options need to be known.
    named = [argv[0]] if argv and argv[0] in commands else commands
    parser = command_parser(named, with_options=bool(argv) and argv[0] not in ("-h", "--help"))
    if named is commands and argv and not argv[0].startswith("-"):
        raise UsageError(
            f"unknown command {argv[0]!r}, and no such file",
            hint=probable_meaning(argv[0])
            or _perhaps(argv[0], commands, f"known commands: {', '.join(commands)}"),
        )
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        command = f"logan {args.command}" if args.command else "logan"
        raise UsageError(
            f"unknown option or argument: {' '.join(unknown)}",
            hint=_perhaps(
                unknown[0].partition("=")[0],
                args.parser.options() if args.command else parser.options(),
                f"see: {command} --help",
            ),
        )
    if args.command is None:
        parser.print_help()
        return Exit.OK
    if sys.platform == "win32" and args.command in NOT_ON_WINDOWS:
        raise UsageError(
            f"logan {args.command} does not run on Windows",
            hint="run it on Linux or macOS, or in WSL; here there is: logan analyze FILE",
        )
    if hasattr(args, "resolve"):
        args.resolve(args)
    args.argv = [*argv]
    code: int = args.run(args)
    return code


def command_parser(commands: Collection[str], *, with_options: bool = True) -> Parser:
    """The parser of `commands`; the list of commands alone needs none `with_options`."""
    # `prog` is given here and below because argparse would format a usage text to find it.
    parser = Parser(
        prog="logan",
        description="Point it at any log, get the right numbers.",
        epilog="Start with:  logan FILE, or: some-program | logan\n"
        "More about a command:  logan help COMMAND",
    )
    parser.add_argument(
        "-V", "--version", action=_Version, nargs=0, help="show the version and exit"
    )
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands", prog="logan", parser_class=Parser
    )
    for name in commands:
        subparser = subparsers.add_parser(name, help=COMMANDS[name], description=COMMANDS[name])
        if with_options:
            module = import_module(f"logan.cli.{name}")
            subparser.epilog = module.EPILOG
            module.configure(subparser)
            subparser.set_defaults(run=module.run, parser=subparser)
    return parser


def _perhaps(text: str, known: Collection[str], otherwise: str) -> str:
    """A hint: the known word that is most like `text`, if one is."""
    from difflib import get_close_matches

    near = get_close_matches(text, known, 1, cutoff=0.75)
    return f"did you mean {near[0]}?" if near else otherwise


class _Version(argparse.Action):
    """Asks the native extension for the version only when it is needed."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from logan import __version__

        write_stdout(f"logan {__version__}\n")
        parser.exit()


MESSAGE_CHARS_MAX: Final = 2_000


def _bounded(message: str, argv: Sequence[str]) -> str:
    """A message in which what the user wrote, if it is long, is quoted in part, and no password of
    an address."""
    from logan.report.shortening import shortened
    from logan.sources.hosts import masked

    for word in argv:
        message = message.replace(word, masked(word)) if "@" in word else message
        for text in (word, word.partition("=")[2]):
            short = shortened(text)
            if short != text:
                # As it is, or as it stands in quotes.
                message = message.replace(text, short).replace(repr(text)[1:-1], short)
    return shortened(message, MESSAGE_CHARS_MAX)


def _explain(error: LoganError, argv: Sequence[str]) -> Exit:
    say(_bounded(str(error), argv))
    if isinstance(error, ExpressionError) and error.expression:
        for line in error.pointer().split("\n"):
            say(line, prefix="  ")
    if error.hint:
        say(_bounded(error.hint, argv), prefix="  hint: ")
    return exit_code(error)


def _explain_unforeseen(error: BaseException) -> Exit:
    if isinstance(error, ModuleNotFoundError) and error.name == "logan._logan":
        say("the native extension is not built")
        say("build it with `just build`, or install logan-analyzer", prefix="  hint: ")
        return Exit.INTERNAL
    if isinstance(error, MemoryError):
        say("out of memory")
        return Exit.INTERNAL
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        say(f"{named}{error.strerror or error}")
    else:
        say(f"internal error: {type(error).__name__}: {error}")
    say("LOGAN_DEBUG=1 shows where it happened", prefix="  hint: ")
    return Exit.INTERNAL


def _show_traceback() -> None:
    if os.environ.get("LOGAN_DEBUG"):
        import traceback

        traceback.print_exc()
