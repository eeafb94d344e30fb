"""Pages of documentation in Markdown, from help texts, docstrings and registries."""

from __future__ import annotations

import json
from collections.abc import Iterable

from logan import _logan
from logan.planning.format_names import aliases_of
from logan.report import schema
from release import api_page, example_config
from release.command_tree import Block, Command, Option, commands, settings
from release.markdown import joined as _joined
from release.markdown import prose as _prose

__all__ = ["pages"]

_INDEX = (
    ("commands.md", "Commands", "every command with its options, examples and exit codes"),
    ("settings.md", "Settings", "environment variables and the configuration file"),
    ("formats.md", "Formats", "the log formats that are recognized, each with an example"),
    ("report.md", "The JSON report", "its keys, and the names for `--expect` and `logan validate`"),
    ("python.md", "Python", "the library's functions and classes"),
    (
        "../examples/data_frames.ipynb",
        "Notebook",
        "from a log to Polars, DuckDB, pandas and pyarrow, with the outputs of a run",
    ),
    ("findings.md", "Findings", "what they mean, when they appear, how often they are right"),
    ("regular.md", "Regular runs", "every night, at every release: `--state`, `diff`, `merge`"),
    ("operation.md", "Operation", "installation, services under systemd, containers"),
)


def pages() -> dict[str, str]:
    """Text by file name, without those that are written by hand: `findings.md`, `regular.md`,
    `operation.md`."""
    return {
        "README.md": _index(),
        "commands.md": _commands(commands()),
        "settings.md": _settings(),
        "formats.md": _formats(),
        "report.md": _report(),
        "python.md": api_page.page(),
    }


def _index() -> str:
    lines = ["# logan: reference", ""]
    lines += [
        "The [README](../../README.md) introduces logan. These pages list everything; all but the",
        "last three are made from the program itself, so they describe the version they come with.",
        "",
        "| page | contents |",
        "|---|---|",
    ]
    lines += [f"| [{title}]({name}) | {about} |" for name, title, about in _INDEX]
    return _joined(lines)


def _commands(tree: Iterable[Command]) -> str:
    tree = list(tree)
    lines = ["# Commands", "", "| command | what it does |", "|---|---|"]
    lines += [f"| [`logan {each.name}`](#logan-{each.name}) | {each.summary} |" for each in tree]
    for command in tree:
        lines += ["", f"## logan {command.name}", "", command.summary, ""]
        lines += ["```text", command.synopsis(), "```"]
        for block in command.blocks:
            lines += _block(block)
        if command.arguments:
            lines += ["", "| argument | meaning |", "|---|---|"]
            lines += [f"| `{each.value}` | {_cell(each.help)} |" for each in command.arguments]
        for title, options in command.groups:
            shown = [each for each in options if "--help" not in each.names]
            if shown:
                lines += ["", f"**{title.capitalize()}**", "", "| option | meaning |", "|---|---|"]
                lines += [f"| {_names(each)} | {_meaning(each)} |" for each in shown]
    return _joined(lines)


def _block(block: Block) -> list[str]:
    lines = [""]
    if block.heading:
        lines += [f"**{block.heading.capitalize()}**", ""]
    if not block.verbatim:
        return [*lines, _prose(" ".join(block.lines))]
    is_shell = all(each.lstrip().startswith(("logan", "kubectl", "eval")) for each in block.lines)
    return [*lines, "```sh" if is_shell else "```text", *block.lines, "```"]


def _settings() -> str:
    lines = ["# Settings", ""]
    lines += [
        "An option on the command line comes first, then its environment variable, then the",
        "configuration file, then the default. The file is the one that `LOGAN_CONFIG` names, else",
        "`logan/config.toml` in `XDG_CONFIG_HOME` or `~/.config`.",
        "",
        "| key in `[settings]` | variable | commands | meaning |",
        "|---|---|---|---|",
    ]
    for key, (option, names) in settings().items():
        where = ", ".join(names)
        lines.append(f"| `{key}` | `{option.variable}` | {where} | {_cell(option.help)} |")
    lines += ["", "## Other variables", "", "| variable | meaning |", "|---|---|"]
    lines += [
        "| `LOGAN_CONFIG` | path of the configuration file |",
        "| `LOGAN_TOKEN` | secret of a cluster, where no `--token-file` is given |",
        "| `LOGAN_SSH` | command that logs in to hosts, such as `ssh -F FILE` (default: `ssh`) |",
        "| `LOGAN_DEBUG` | if set, internal errors show a traceback |",
        "| `NO_COLOR` | if set, output has no color unless `--color` asks for it |",
    ]
    lines += ["", "## Example", "", "Every setting, commented out:", ""]
    lines += ["```toml", example_config.text().rstrip("\n"), "```"]
    return _joined(lines)


def _formats() -> str:
    lines = ["# Formats", ""]
    lines += [
        "Formats are detected from content, in this order; `--format NAME` insists on one.",
        "Lines of several formats may alternate in one file.",
    ]
    for each in json.loads(_logan.formats()):
        lines += ["", f"## {each['name']}", "", f"{_prose(each['title']).rstrip('.:')}.", ""]
        # An example may hold tabs and escapes: these are shown, not sent.
        shown = each["example"].encode("unicode_escape").decode().replace("\\n", "\n")
        lines += ["```text", shown.replace("\\\\", "\\").replace("\\t", "\t"), "```"]
        facts = []
        if names := aliases_of(each["name"]):
            facts.append(("Other names", ", ".join(f"`{name}`" for name in names)))
        if each.get("time_field"):
            facts.append(("Time", _prose(each["time_field"])))
        if each.get("duration_field"):
            unit = f" ({each['duration_unit']})" if each.get("duration_unit") else ""
            facts.append(("Response time", _prose(each["duration_field"]) + unit))
        if facts:
            lines += ["", *(f"- {label}: {fact}" for label, fact in facts)]
    return _joined(lines)


def _report() -> str:
    lines = ["# The JSON report", ""]
    lines += [
        "`logan analyze --json` prints one object with these keys, in this order. Metrics have",
        "dotted names, such as `response_time_ms.p99`, in `--expect`, `logan validate` and",
        "`logan.validate_results`. Times are in UTC.",
        "",
        "| key | keys below it |",
        "|---|---|",
    ]
    for key in schema.TOP_LEVEL:
        below = ", ".join(f"`{each}`" for each in schema.SECTIONS.get(key, ()))
        is_asked_for = key in schema.OPTIONAL and key not in _MADE_BY_DEFAULT
        note = " (only if asked for)" if is_asked_for else ""
        lines.append(f"| `{key}`{note} | {below} |")
    lines += ["", "## Findings", "", "Most important first, each with these keys.", ""]
    lines += ["| key | meaning |", "|---|---|"]
    lines += [f"| `{key}` | {meaning} |" for key, meaning in _FINDING]
    lines += ["", "## Tables", "", "`--csv TABLE` prints one of them.", ""]
    lines += ["| table | in the report | columns |", "|---|---|---|"]
    for name, table in schema.TABLES.items():
        columns = ", ".join(f"`{each}`" for each in table.names())
        lines.append(f"| `{name}` | `{table.section}.{table.rows}` | {columns} |")
    lines += ["", "## Units", "", "Counts have no unit.", "", "| metric | unit |", "|---|---|"]
    lines += [f"| `{name}` | {unit} |" for name, unit in schema.UNITS.items()]
    return _joined(lines)


_MADE_BY_DEFAULT = {*schema.SWITCHABLE, "findings"} - {"templates"}

_FINDING = (
    (
        "kind",
        "`errors`, `unanswered` (requests without an answer), `latency`, `traffic_drop`, "
        "`traffic_surge`, `throttled` (429), `denied` (401 and 403), `message_new`, "
        "`message_gone`, `concentration` (one route carries the errors all along), "
        "`client_errors` (one client or route has most of the 4xx), `clock`, `malformed`",
    ),
    ("start", "first moment, to within `step_s`; null where it is not about time"),
    ("end", "first moment after it; null if it lasts to the end of the log"),
    ("step_s", "seconds to which the edges are known"),
    ("metric", "what `before` and `during` measure"),
    (
        "before",
        "the usual value, outside of the interval; of response times the geometric mean in ms, "
        "which lies below the mean",
    ),
    ("during", "the value within the interval"),
    (
        "where",
        "what is common to it: `field` and `value`, `share` of what is wrong that has it, and "
        "`share_outside`, its share of all records of an interval beside it",
    ),
    ("explained", "`second_pass` if the interval was read again to find `where`, else `summary`"),
    ("why_not", "why it was not read again"),
    ("message", "of errors: a message that began with them"),
    (
        "times_as_many",
        "of errors of a route: how many times as many requests it gets meanwhile, if that looks "
        "like retries",
    ),
    ("records", "of `client_errors` and `clock`: how many"),
    ("status", "of `client_errors`: the status that most of them have, if one has"),
    ("text", "the sentence that the other outputs show, in UTC"),
    ("command", "the command that prints its lines"),
)


def _names(option: Option) -> str:
    value = f" {option.value}" if option.value else ""
    return ", ".join(f"`{name}{value}`" for name in option.names).replace("|", "\\|")


def _meaning(option: Option) -> str:
    variable = f" [`{option.variable}`]" if option.variable else ""
    return _cell(option.help) + variable


def _cell(text: str) -> str:
    return _prose(text).replace("|", "\\|")
