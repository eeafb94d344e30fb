"""Man pages in roff: `logan.1`, and one page a command, `logan-analyze.1` and so on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import wrap

from release.command_tree import Block, Command, Option, commands

__all__ = ["pages"]

_LINE_CHARS_MAX = 80
"""What mandoc's lint accepts."""

_ENVIRONMENT = (
    ("LOGAN_CONFIG", "path of the configuration file"),
    ("LOGAN_TOKEN", "secret of a cluster, for coordinator, workers and clients"),
    ("LOGAN_SSH", "command that logs in to hosts, such as 'ssh -F FILE' (default: ssh)"),
    ("LOGAN_DEBUG", "if set, internal errors show a traceback"),
    ("NO_COLOR", "if set, output has no color unless --color asks for it"),
)


def pages(version: str) -> dict[str, str]:
    """Text by file name."""
    tree = commands()
    found = {"logan.1": _overview(tree, version)}
    for command in tree:
        found[f"logan-{command.name}.1"] = _page(command, version)
    return {name: "\n".join(_folded(text.split("\n"))) for name, text in found.items()}


def _folded(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a page, those of running text cut to a width at which people can read them."""
    is_text = True
    for line in lines:
        if line in (".nf", ".fi"):
            is_text = line == ".fi"
        if not is_text or line.startswith(".") or len(line) <= _LINE_CHARS_MAX:
            yield line
            continue
        for piece in wrap(
            line, _LINE_CHARS_MAX - 2, break_long_words=False, break_on_hyphens=False
        ):
            yield rf"\&{piece}" if piece.startswith((".", "'")) else piece


def _overview(tree: Iterable[Command], version: str) -> str:
    lines = [
        _title("logan", version),
        ".SH NAME",
        r"logan \- analyze logs: error rates, response times, throughput",
        ".SH SYNOPSIS",
        ".B logan",
        r".I COMMAND\fR [\fIOPTION\fR]... [\fIPATH\fR]...",
        ".SH DESCRIPTION",
        "logan reads logs of many formats and reports error rates, percentiles of response times,",
        "throughput, top routes and messages, and every line that could not be parsed.",
        "Workers on several machines can share the work.",
        ".SH COMMANDS",
    ]
    for command in tree:
        lines += [".TP", rf"\fBlogan\-{_text(command.name)}\fR(1)", _text(command.summary)]
    lines += [".SH ENVIRONMENT"]
    lines += [
        "Options that name a variable of the form LOGAN_* are read from it where they are not",
        "given; the configuration file comes after it.",
    ]
    for name, help_text in _ENVIRONMENT:
        lines += [".TP", rf"\fB{_text(name)}\fR", _text(help_text)]
    lines += [
        ".SH FILES",
        ".TP",
        r"\fI$XDG_CONFIG_HOME/logan/config.toml\fR, \fI~/.config/logan/config.toml\fR",
        "Settings and custom formats.",
        ".SH EXIT STATUS",
    ]
    for code, meaning in (
        ("0", "success"),
        ("1", "an expectation failed"),
        ("2", "wrong usage"),
        ("3", "an input is unreadable, no line of it was read, or the report is partial"),
        ("4", "internal error, or the output could not be written"),
        ("130, 143", "interrupted"),
    ):
        lines += [".TP", rf"\fB{code}\fR", meaning]
    names = ", ".join(rf"\fBlogan\-{_text(each.name)}\fR(1)" for each in tree)
    return "\n".join([*lines, ".SH SEE ALSO", names, ""])


def _page(command: Command, version: str) -> str:
    lines = [
        _title(f"logan-{command.name}", version),
        ".SH NAME",
        rf"logan\-{_text(command.name)} \- {_text(command.summary.rstrip('.'))}",
        ".SH SYNOPSIS",
        rf"\fB{_text(f'logan {command.name}')}\fR"
        + _text(command.synopsis().removeprefix(f"logan {command.name}")),
    ]
    after = []
    description = [command.summary]
    sections: list[str] = []
    for block in command.blocks:
        if block.heading:
            sections += [f".SH {_heading(block.heading)}"]
        elif not sections:
            after += [".PP", *_block(block)]
            continue
        else:
            sections += [".SH NOTES"] if not _inside(sections) else [".PP"]
        sections += _block(block)
    lines += [".SH DESCRIPTION", *(_text(each) for each in description)]
    if after:
        lines += after
    if command.arguments:
        lines += [".SH ARGUMENTS"]
        for each in command.arguments:
            lines += _item(each)
    for title, options in command.groups:
        lines += [f".SH {title.upper()}"]
        for each in options:
            lines += _item(each)
    return "\n".join([*lines, *sections, ".SH SEE ALSO", r"\fBlogan\fR(1)", ""])


def _inside(sections: list[str]) -> bool:
    """Whether the last section is one whose text goes on: NOTES, or CONDITIONS."""
    last = [each for each in sections if each.startswith(".SH")][-1]
    return last == ".SH NOTES"


def _heading(heading: str) -> str:
    return "EXIT STATUS" if heading == "exit codes" else heading.upper()


def _block(block: Block) -> list[str]:
    lines = [_text(each) for each in block.lines]
    return [".nf", *lines, ".fi"] if block.verbatim else lines


def _item(option: Option) -> list[str]:
    if option.names:
        value = rf" \fI{_text(option.value)}\fR" if option.value else ""
        head = ", ".join(rf"\fB{_text(name)}\fR{value}" for name in option.names)
    else:
        head = rf"\fI{_text(option.value)}\fR"
    lines = [".TP", head, _text(option.help)]
    if option.variable:
        lines.append(rf"Environment: \fB{_text(option.variable)}\fR")
        lines.insert(-1, ".br")
    return lines


def _title(name: str, version: str) -> str:
    return f'.TH "{name.upper()}" "1" "" "logan {version}" "User Commands"'


def _text(text: str) -> str:
    """Text in which nothing is a request or an escape of roff."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("'", r"\(aq")
    escaped = escaped.replace('"', r"\(dq").replace("`", r"\(ga").replace("~", r"\(ti")
    escaped = escaped.replace("^", r"\(ha")
    escaped = "".join(each if each.isascii() else rf"\[u{ord(each):04X}]" for each in escaped)
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
