"""Options are declared once: the library, the command line and submitted jobs all follow."""

from __future__ import annotations

import argparse
import inspect
from dataclasses import MISSING, fields, replace
from typing import Any, get_type_hints

import pytest

import logan
from logan.cli import option_types
from logan.cli.main import Parser, command_parser
from logan.cli.report_options import GROUPS
from logan.errors import UsageError
from logan.options import Execution, Options, Presentation, Storage, TimeRange, chosen, flags
from logan.wire.bodies import SubmitOptions

HOLDERS = (Options, TimeRange, Presentation, Execution, Storage)
RESOLVED = {"since_ns", "until_ns", "since_back_ns", "until_back_ns"}
"""What planning makes of `TimeRange`; `streams` is what it opens. Callers do not pass them."""


def declared() -> dict[str, Any]:
    return {
        each.name: each
        for holder in HOLDERS
        for each in fields(holder)
        if each.name not in RESOLVED | {"streams"}
    }


def hints() -> dict[str, Any]:
    from logan._logan import Cancel

    known = {"Cancel": Cancel}
    return {
        name: hint
        for holder in HOLDERS
        for name, hint in get_type_hints(holder, localns=known).items()
    }


def actions(command: str) -> dict[str, argparse.Action]:
    parser = command_parser([command])
    (subparsers,) = (
        each for each in parser._actions if isinstance(each, argparse._SubParsersAction)
    )
    found: Parser = subparsers.choices[command]
    return dict(found._option_string_actions)


def test_no_option_is_declared_twice() -> None:
    names = [each.name for holder in HOLDERS for each in fields(holder)]
    assert len(names) == len(set(names))


def test_analyze_takes_every_option_with_its_default_and_type() -> None:
    signature = inspect.signature(logan.analyze)
    given = {name: each for name, each in signature.parameters.items() if name != "paths"}
    assert given.keys() == declared().keys()
    types = get_type_hints(logan.analyze)
    for name, field in declared().items():
        assert given[name].default == field.default, name
        assert given[name].kind is inspect.Parameter.KEYWORD_ONLY, name
        # `by` and `geoip` may be one text, `units` a mapping, `step` text: jobs have one type.
        if name not in ("by", "units", "step", "geoip"):
            assert types[name] == hints()[name], name
        assert f"{name}" in (logan.analyze.__doc__ or ""), name


@pytest.mark.parametrize("taker", [logan.make_spec, logan.Feed], ids=["make_spec", "Feed"])
def test_what_else_takes_options_has_the_same_defaults(taker: Any) -> None:
    signature = inspect.signature(taker)
    shared = signature.parameters.keys() & declared().keys()
    assert {"format", "input_tz", "since", "until", "where", "by"} <= shared
    for name in shared:
        assert signature.parameters[name].default == declared()[name].default, name


@pytest.mark.parametrize("command", ["analyze", "coordinator", "submit"])
def test_every_flag_is_offered_by_every_command_with_a_report(command: str) -> None:
    found = actions(command)
    holders = HOLDERS if command == "analyze" else HOLDERS[:3]
    for name, default, flag in flags(*holders):
        if name == "geoip" and command != "analyze":
            continue  # databases are read where the clients are
        action = found[flag.name]
        assert action.dest == name
        assert flag.group in GROUPS
        wanted = None if flag.environment else list(default) if flag.repeatable else default
        assert action.default == wanted, flag.name
        assert callable(getattr(option_types, flag.parse))
        variable = f"LOGAN_{flag.name.lstrip('-').replace('-', '_').upper()}"
        assert (variable in (action.help or "")) == flag.environment
    if command != "analyze":
        assert "--engine" not in found


def test_a_submitted_job_carries_every_option_of_a_job() -> None:
    carried = set(SubmitOptions.__struct_fields__)
    assert carried == {each.name for each in fields(Options)} | {
        "anchor",
        "explain",
        "series_points",
    }


def test_chosen_takes_what_is_declared_and_nothing_else() -> None:
    given = {"top": 3, "since": "2h", "paths": ["a"], "threads": 2}
    assert chosen(given, Options, TimeRange) == {"top": 3, "since": "2h"}
    assert chosen(given, Execution) == {"threads": 2}


@pytest.mark.parametrize(
    ("holder", "given", "message"),
    [
        (Options, {"chunk_size": 0}, "chunk size is 0 bytes, it must be from 1 to"),
        (Options, {"top": 0}, "top is 0, it must be from 1 to"),
        (Options, {"expansion_max": -1}, "expansion_max is -1, it must be 0 or more"),
        (Options, {"by": tuple("abcde")}, "cannot group by 5 fields at once"),
        (Options, {"since_ns": 2, "until_ns": 2}, "since is not before until"),
        (TimeRange, {"relative_to": "then"}, 'it must be "now" or "last"'),
        (Presentation, {"errors": "ignore"}, 'it must be "raise" or "report"'),
        (Presentation, {"series_points": 0}, "it must be 1 or more, or None"),
        (Execution, {"threads": 0}, "threads is 0, it must be from 1 to"),
    ],
)
def test_values_out_of_range_are_refused(holder: Any, given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        holder(**given)
    with pytest.raises(UsageError, match=message):
        replace(holder(), **given)


def test_every_option_has_a_default() -> None:
    for each in declared().values():
        assert each.default is not MISSING


def test_a_submission_keeps_the_order_and_the_named_rows() -> None:
    from logan.cluster.request import Submission

    options = Options(sort="errors", rows=('routes["POST /pay"]',))
    sent = Submission(paths=("a.log",), options=options).message()
    assert Submission.from_message(sent).options == options
    with pytest.raises(UsageError, match="at most 64 rows"):
        Options(rows=("x",) * 65)
