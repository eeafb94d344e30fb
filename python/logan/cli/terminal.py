"""Where output goes: what stdout can show, writing to it, atomic files, lines on stderr.

Data goes to stdout or a file, everything else to stderr. Knows nothing of reports beyond the
`RenderOptions` that they are rendered for.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Final, TextIO

from logan.atomic import cannot_write, is_special, resolved, write_whole
from logan.errors import OutputError, UsageError

if TYPE_CHECKING:
    from logan.report import RenderOptions

__all__ = [
    "COLOR_CHOICES",
    "abandon_stdout",
    "check_output",
    "check_saving",
    "is_terminal",
    "lines_of_stdout",
    "options_of_file",
    "options_of_stdout",
    "say",
    "wants_color",
    "write_file",
    "write_stdout",
    "writing_to_stdout",
]

COLOR_CHOICES: Final = ("auto", "always", "never")
WIDTH_WITHOUT_TERMINAL: Final = 80


def is_terminal(stream: TextIO | None) -> bool:
    """Whether `stream` is a terminal that can move its cursor."""
    try:
        return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:  # closed
        return False


def wants_color(color: str, stream: TextIO | None) -> bool:
    """Whether to color what goes to `stream`; `color` is one of `COLOR_CHOICES`."""
    if color != "auto":
        return color == "always"
    if os.environ.get("NO_COLOR"):
        return False
    return is_terminal(stream) or bool(os.environ.get("FORCE_COLOR"))


def options_of_stdout(color: str, zone: tzinfo = UTC, *, fit: bool = False) -> RenderOptions:
    """What stdout can show; `color` is one of `COLOR_CHOICES`, `zone` that of the times.

    `fit` leaves out what a terminal has no lines for.
    """
    import shutil

    from logan.report import RenderOptions

    return RenderOptions(
        width=shutil.get_terminal_size((WIDTH_WITHOUT_TERMINAL, 24)).columns,
        height=lines_of_stdout() if fit else None,
        color=wants_color(color, sys.stdout),
        ascii_only=not _shows_blocks(sys.stdout),
        zone=zone,
    )


def lines_of_stdout() -> int | None:
    """Lines that a report may have so that its first stays on the screen; None if stdout is not a
    terminal."""
    import shutil

    if not is_terminal(sys.stdout):
        return None
    # The prompt and the command's own line stay there, too.
    return max(1, shutil.get_terminal_size((WIDTH_WITHOUT_TERMINAL, 24)).lines - 2)


def options_of_file(color: str, zone: tzinfo = UTC) -> RenderOptions:
    """A file is read anywhere: plain and of common width, unless color was asked for."""
    from logan.report import RenderOptions

    return RenderOptions(width=WIDTH_WITHOUT_TERMINAL, color=color == "always", zone=zone)


def write_stdout(text: str, *, encoding: str | None = None) -> None:
    """Write all of `text`, by default in stdout's own encoding, and flush.

    Raises `BrokenPipeError` when the reader has gone, `OutputError` when it cannot be written.
    """
    stream = sys.stdout
    if stream is None or stream.closed:
        raise OutputError("standard output is closed", hint="open it, or redirect it: > FILE")
    data = text.encode(encoding or stream.encoding or "utf-8", "backslashreplace")
    with writing_to_stdout():
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()


@contextlib.contextmanager
def writing_to_stdout() -> Iterator[None]:
    """Turns errors of the system in the block into `OutputError`; a reader that has gone stays
    `BrokenPipeError`."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_stdout()
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error


def abandon_stdout() -> None:
    """Point stdout to /dev/null, so that the flush at exit cannot fail a second time."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        fd = os.open(os.devnull, os.O_WRONLY)
        os.dup2(fd, sys.stdout.fileno())
        os.close(fd)


def check_output(path: str | None, inputs: Iterable[str] = (), *, flag: str = "-o") -> None:
    """Whether output may go to `path` (None or "-": standard output) when the work is done; `flag`
    is the option that names it.

    Raises `UsageError` if that is one of `inputs`, by whatever name, before anything of them is
    read; `OutputError` if it could not be written.
    """
    if path is not None and path != "-":
        _check_writable(path, flag)
    _check_no_input(path, inputs, f"the output ({flag})")


def check_saving(
    path: str | None, output: str | None, inputs: Iterable[str] = (), *, flag: str = "--save"
) -> None:
    """Whether a saved summary may go to `path`, beside the output; raises as `check_output`."""
    if path is None:
        return
    if path == "-":
        raise UsageError("a saved summary needs a file", hint=f"write it like: {flag} day.logan")
    if output is not None and os.path.realpath(output) == os.path.realpath(path):
        raise UsageError(f"{path} is both the output and the saved summary", hint="name two files")
    _check_writable(path, flag)
    _check_no_input(path, inputs, f"the saved summary ({flag})")


def _check_writable(path: str, flag: str = "-o") -> None:
    if not path:
        raise UsageError(f"{flag} needs a file name", hint=f"write it like: {flag} report.json")
    from pathlib import Path

    from logan.sources.files import working_directory

    target = Path(path)
    if not target.is_absolute():
        working_directory()  # raises, in clearer words, if it has been deleted
    try:
        folder = resolved(target).parent
        if target.is_dir():
            raise OutputError(f"{path} is a folder", hint="name a file in it")
        if not folder.is_dir():
            raise OutputError(
                f"cannot write {path}: no such folder: {folder}", hint="create it first"
            )
        if not os.access(target if is_special(target) else folder, os.W_OK):
            raise OutputError(f"cannot write {path}: permission denied")
    except (OSError, ValueError) as error:  # a loop of links, a NUL, too long
        raise cannot_write(path, error) from error


def _check_no_input(path: str | None, inputs: Iterable[str], what: str) -> None:
    to_stdout = path in (None, "-")
    output = _identity(sys.stdout if to_stdout else path)
    if output is None:
        return
    for given in inputs:
        for name in _files_of(given):
            found = _identity(sys.stdin if name == "-" else name)
            # What a folder or a pattern leads to is left out if it is empty, so nothing is lost.
            if found is None or found[:2] != output[:2] or (name != given and not found[2]):
                continue
            shown = "standard input" if name == "-" else name
            whither = "standard output" if to_stdout else what
            raise UsageError(
                f"{shown} is both an input and {whither}", hint="write to another file"
            )


def _files_of(given: str) -> Iterable[str]:
    """The files here that an argument means."""
    from logan.sources import discovery
    from logan.sources.hosts import as_url

    if given == "-" or discovery.is_url(as_url(given)):
        return [given]
    return [each.path for each in discovery.expand([given])[0]]


def _identity(of: str | TextIO | None) -> tuple[int, int, int] | None:
    """Device, inode and size of a regular file; None for what cannot be overwritten."""
    if of is None:
        return None
    with contextlib.suppress(OSError, ValueError):  # also what has no descriptor
        status = os.stat(of) if isinstance(of, str) else os.fstat(of.fileno())
        if stat.S_ISREG(status.st_mode):
            return status.st_dev, status.st_ino, status.st_size
    return None


def write_file(path: str, text: str) -> None:
    """Write `text` as UTF-8 so that `path` holds either all of it or what it held before.

    Pipes and devices are written to directly. Raises `OutputError`.
    """
    write_whole(path, text.encode("utf-8", "backslashreplace"))


def say(message: str, *, prefix: str = "logan: ") -> None:
    """A line on stderr, with control characters made visible; never fails."""
    if sys.stderr is None:  # print would fall back to stdout
        return
    from logan.report.units import visible

    with contextlib.suppress(OSError, ValueError):
        # At once: print writes the newline apart, and other processes write here too.
        sys.stderr.write(f"{prefix}{visible(message)}\n")
        sys.stderr.flush()


def _shows_blocks(stream: TextIO | None) -> bool:
    try:
        "█…→".encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
