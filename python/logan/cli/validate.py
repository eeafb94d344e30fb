"""`logan validate`: a saved report against a table of expected metrics."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from logan.cli.exit_codes import Exit
from logan.errors import InputError, UsageError
from logan.limits import JSON_INPUT_BYTES_MAX

if TYPE_CHECKING:
    from logan.cli.main import Parser

__all__ = ["EPILOG", "configure", "run"]

EPILOG = """\
EXPECTED is a JSON object that names metrics as the report does, nested or with dots:
  {"total_requests": 3000, "response_time_ms.p99": 127, "errors": {"total": 0}}

examples:
  logan analyze app.log --json | logan validate - expected.json
  logan validate day.logan expected.json

exit codes: 0 all as expected, 1 some differ, 2 usage, 3 a file is unreadable or not a JSON object
"""


_IS_REPORT: Final = "schema_version"
"""A key of every report that does not occur in a file of expected metrics."""


def configure(parser: Parser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "report", metavar="REPORT", help="a JSON report, or a saved summary; - is standard input"
    )
    parser.add_argument("expected", metavar="EXPECTED", help="a JSON object of metrics")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.01,
        metavar="RATIO",
        help="allowed relative difference (default: 0.01); an expected 0 or null must match "
        "exactly",
    )


def run(args: argparse.Namespace) -> int:
    """Print every mismatch, not only the first."""
    from logan.cli.terminal import check_output, write_stdout
    from logan.report.comparison import validate_results
    from logan.report.units import visible

    if args.report == args.expected == "-":
        raise UsageError("standard input cannot be both REPORT and EXPECTED")
    check_output(None, [args.report, args.expected])
    report, expected = _read_report(args.report), _read_object(args.expected)
    if _IS_REPORT in expected and _IS_REPORT not in report:
        raise UsageError(
            f"{_name(args.expected)} is a report, {_name(args.report)} is not: "
            "REPORT comes first, EXPECTED second",
            hint=f"swap them: logan validate {_quoted(args.expected)} {_quoted(args.report)}",
        )
    mismatches = validate_results(report, expected, tolerance=args.tolerance)
    lines = [visible(str(each)) for each in mismatches]
    figures = _leaves(expected)
    if not figures:
        raise InputError(f"{_name(args.expected)} contains no metrics", input=args.expected)
    if mismatches:
        lines.append(f"{len(mismatches):,} of {figures:,} metrics are not as expected")
    else:
        lines.append(f"all {figures:,} metrics are as expected, within {args.tolerance:.3%}")
    write_stdout("\n".join(lines) + "\n")
    return Exit.EXPECTATION_FAILED if mismatches else Exit.OK


def _read_report(path: str) -> Mapping[str, Any]:
    from logan.summaries import container

    if path == "-" or not container.is_saved(path):
        return _read_object(path)
    from logan.summaries.saved import load

    return load(path).report().to_dict()


def _read_object(path: str) -> Mapping[str, Any]:
    from logan.sources.streams import stream_error

    name = _name(path)
    try:
        if path == "-":
            if sys.stdin is None:
                raise InputError("standard input is closed", input=path)
            data = sys.stdin.buffer.read(JSON_INPUT_BYTES_MAX + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(JSON_INPUT_BYTES_MAX + 1)
    except OSError as error:
        wrong = stream_error(path, error)
        if wrong.kind != "missing":
            wrong.hint = None  # they are about logs
        raise wrong from error
    if len(data) > JSON_INPUT_BYTES_MAX:
        raise InputError(f"{name} is too large to be a report", input=path)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        why = (
            f"byte {error.start} is not UTF-8"
            if isinstance(error, UnicodeDecodeError)
            else str(error)
        )
        raise InputError(
            f"{name} is not valid JSON: {why}",
            input=path,
            hint="a report is made by: logan analyze LOG --json -o report.json",
        ) from error
    if not isinstance(value, dict):
        raise InputError(f"{name} is not a JSON object", input=path)
    return value


def _quoted(path: str) -> str:
    import shlex

    from logan.sources.inputs import readable_name

    return shlex.quote(readable_name(path))


def _name(path: str) -> str:
    from logan.report.labels import input_name
    from logan.sources.inputs import readable_name

    return input_name(readable_name(path))


def _leaves(value: Any) -> int:
    """How many figures `value` names."""
    if isinstance(value, Mapping):
        return sum(_leaves(each) for each in value.values())
    if isinstance(value, list):
        return sum(_leaves(each) for each in value)
    return 1
