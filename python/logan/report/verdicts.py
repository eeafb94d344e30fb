"""What became of the expectations, for reports and for the systems that run a gate.

One verdict, many forms: entries of the report's `expectations`, JUnit XML, and annotations of
GitHub's workflows. Pure; printing is the command's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from logan.report import view
from logan.report.expectations import Verdict
from logan.report.units import visible

__all__ = ["entries", "github_annotations", "junit"]


def entries(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """The report's `expectations`: `expression`, `ok`, `actual`, `text`, and `at`, the start of the
    worst window, where windows were asked for."""
    return [
        {
            "expression": each.expression,
            "ok": each.ok,
            "actual": each.actual,
            "text": each.text,
            **({} if each.at is None else {"at": each.at}),
        }
        for each in verdicts
    ]


def junit(report: Mapping[str, Any]) -> str:
    """JUnit XML with a test case for each expectation, and one for whether the report is whole."""
    cases = [
        (str(each["expression"]), None if each["ok"] else str(each["text"]))
        for each in report.get("expectations") or ()
    ]
    partial = view.missing(report) if report["partial"] else None
    cases.append(("all inputs were read", partial))
    failed = sum(why is not None for _, why in cases)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites tests="{len(cases)}" failures="{failed}">',
        f'  <testsuite name="logan" tests="{len(cases)}" failures="{failed}">',
    ]
    for name, why in cases:
        case = f'    <testcase classname="logan" name={quoteattr(visible(name))}'
        if why is None:
            lines.append(f"{case}/>")
            continue
        text = visible(why)
        lines.append(f"{case}>")
        lines.append(f"      <failure message={quoteattr(text)}>{escape(text)}</failure>")
        lines.append("    </testcase>")
    lines += ["  </testsuite>", "</testsuites>"]
    return "\n".join(lines) + "\n"


def github_annotations(report: Mapping[str, Any]) -> Iterator[str]:
    """Commands of GitHub's workflows, a line each: an error for what failed, a warning for each
    finding."""
    for each in report.get("expectations") or ():
        if not each["ok"]:
            yield _annotation("error", "logan: expectation failed", str(each["text"]))
    if report["partial"]:
        yield _annotation("error", "logan: partial report", view.missing(report))
    for finding in view.findings(report) or ():
        yield _annotation("warning", "logan: finding", finding.text)


def _annotation(kind: str, title: str, text: str) -> str:
    def coded(value: str) -> str:
        return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")

    head = coded(title).replace(":", "%3A").replace(",", "%2C")
    return f"::{kind} title={head}::{coded(visible(text))}"
