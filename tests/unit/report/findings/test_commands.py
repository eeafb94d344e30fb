"""Commands of findings can be pasted: quoted for the shell, valid for the engine."""

import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan._logan import condition
from logan.report.findings.commands import (
    command_for,
    error_condition,
    joined_conditions,
    quoted,
)
from logan.report.text.parts import continued


def finding(kind: str = "errors", **changes: Any) -> dict[str, Any]:
    where = [{"field": "route", "value": "POST /pay", "share": 0.9, "share_outside": 0.1}]
    return {
        "kind": kind,
        "start": "2024-01-24T10:24:20Z",
        "end": "2024-01-24T10:27:00Z",
        "before": 50.0,
        "during": 200.0,
        "where": where,
        **changes,
    }


def words(command: str | None) -> list[str]:
    assert command is not None
    return shlex.split(command)


@pytest.mark.parametrize(
    ("status", "asked"), [("404", "status=404"), (None, "status>=400 and status<500")]
)
def test_the_lines_of_client_errors(status: str | None, asked: str) -> None:
    where = [{"field": "client", "value": "10.0.0.9", "share": 0.9, "share_outside": 0.1}]
    given = finding("client_errors", where=where, start=None, end=None, status=status)
    *_, text = words(command_for(given, ["a.log"]))
    assert text == f'{asked} and client="10.0.0.9"'
    assert condition(text)


def test_the_lines_of_errors() -> None:
    assert words(command_for(finding(), ["my log.txt"])) == [
        *("logan", "lines", "my log.txt"),
        *("--since", "2024-01-24T10:24:20Z", "--until", "2024-01-24T10:27:00Z"),
        *("--where", '(level>=ERROR or status>=500) and route="POST /pay"'),
    ]


def test_what_lasts_has_no_until_and_slow_ones_are_above_the_middle() -> None:
    found = words(command_for(finding("latency", end=None), ["a.log"]))
    assert "--until" not in found
    assert found[-1] == 'route="POST /pay" and duration>=100000us'


def test_the_condition_of_the_report_holds_for_its_findings() -> None:
    found = words(command_for(finding(), ["a.log"], "status>=500 or bytes>0"))
    assert found[-1].startswith("(status>=500 or bytes>0) and (level>=ERROR")


@pytest.mark.parametrize(
    "paths", [["https://host/a.log?…"], ["-"], ["a", "b", "c", "d"], ["s3://bucket/key"]]
)
def test_names_that_cannot_be_pasted_are_left_out(paths: list[str]) -> None:
    assert words(command_for(finding(), paths))[2] == "PATH…"


def test_a_path_is_not_an_option() -> None:
    assert words(command_for(finding(), ["-x.log"]))[2] == "./-x.log"


def test_malformed_lines_are_looked_at_with_detect() -> None:
    assert command_for(finding("malformed", start=None, end=None), ["a.log"]) == (
        "logan detect a.log"
    )


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_any_value_is_quoted_for_shell_and_engine(value: str) -> None:
    where = [{"field": "client", "value": value, "share": 1.0, "share_outside": 0.0}]
    text = words(command_for(finding(where=where), ["a.log"]))[-1]
    assert text.endswith(f"client={quoted(value)}")
    if all(char.isprintable() for char in value):
        condition(text)


def test_joining() -> None:
    assert joined_conditions(None, None) is None
    assert joined_conditions("a=1", None) == "a=1"
    assert joined_conditions("a=1 or b=2", "c=3") == "(a=1 or b=2) and c=3"


@pytest.mark.parametrize(
    ("figures", "condition_"),
    [
        ({"levels": {"ERROR": 3, "NONE": 1}, "status": {}}, "level>=ERROR"),
        ({"levels": {"NONE": 9}, "status": {"200": 8, "500": 1}}, "status>=500"),
        ({"levels": {"INFO": 9}, "status": {"200": 9}}, "level>=ERROR or status>=500"),
    ],
)
def test_errors_are_named_by_what_the_log_has(figures: dict[str, Any], condition_: str) -> None:
    assert error_condition(figures) == condition_
    found = words(command_for(finding(where=[]), ["a.log"], error=error_condition(figures)))
    assert found[-1] == condition_


def test_the_lines_of_a_message_that_is_gone_are_those_before() -> None:
    found = words(command_for(finding("message_gone", end=None), ["a.log"]))
    assert found[3:5] == ["--until", "2024-01-24T10:24:20Z"]


@given(st.text(st.characters(exclude_categories=("C", "Z")), max_size=40), st.integers(20, 120))
def test_lines_of_a_command_are_one_to_a_shell(value: str, width: int) -> None:
    where = [{"field": "route", "value": f"a {value} b", "share": 1.0, "share_outside": 0.1}]
    command = command_for(finding(where=where), [f"my {value}.log", "b.log"])
    assert command is not None
    lines = list(continued(command, width))
    read = "\n".join(lines).replace("\\\n", "")  # as a shell does, and `shlex` does not
    assert words(read) == words(command)
    assert all(each.endswith(" \\") for each in lines[:-1])
