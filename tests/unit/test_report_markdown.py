"""The Markdown output: tables that GitHub shows, and log text that stays text."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import logan
from logan.cli.main import main
from logan.report import RenderOptions, render

HOSTILE = "a|b\\|c `d` *e* _f_ [g](http://h) <script>&amp; @user #12 $x$ www.i.j ~~k~~"


def log(path: Path, *messages: str) -> Path:
    lines = [
        json.dumps({"timestamp": "2024-01-24T10:15:00Z", "level": "ERROR", "message": message})
        for message in messages
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def rows(page: str, title: str) -> list[str]:
    """The lines of the table below a title."""
    section = page.partition(f"<summary>{title}")[2].partition("</details>")[0]
    return [line for line in section.split("\n") if line.startswith("|")]


def cells(row: str) -> int:
    """Cells by GitHub's rule: every pipe that no backslash escapes ends one."""
    bare = row.replace("\\\\", "").replace("\\|", "")
    return bare.count("|") - 1


def test_headline_and_top_tables(tmp_path: Path) -> None:
    path = tmp_path / "a_b.log"
    path.write_text(
        '10.0.0.1 - - [24/Jan/2024:10:15:00 +0000] "GET /a/1 HTTP/1.1" 200 5 0.250\n'
        '10.0.0.2 - - [24/Jan/2024:10:15:01 +0000] "GET /a/2 HTTP/1.1" 500 5 0.750\n'
    )
    page = render("markdown", logan.analyze(path, by="status"), RenderOptions())
    lines = page.split("\n")
    assert lines[0].startswith("## ")
    assert lines[0].endswith("a\\_b.log")
    assert "| requests | 2 | 2 lines |" in lines
    assert "|---|---:|---|" in lines
    assert rows(page, "Top routes")[2].startswith("| 2 | 1 | ")
    assert rows(page, "Top routes")[2].endswith(" | GET /a/{id} |")
    assert [row.split(" | ")[-1] for row in rows(page, "By status")[2:]] == ["200 |", "500 |"]
    assert page.endswith("</details>\n")
    assert not page.endswith("\n\n")


@pytest.mark.parametrize("message", [HOSTILE, "line\nbreak | \r\n| x |", "\x1b[31m| \u202e|"])
def test_log_text_cannot_leave_its_cell(tmp_path: Path, message: str) -> None:
    page = render("markdown", logan.analyze(log(tmp_path / "a.log", message)), RenderOptions())
    table = rows(page, "Top errors and warnings")
    assert len(table) == 3
    assert {cells(row) for row in table} == {6}
    shown = table[2]
    assert not any(raw in shown for raw in ("<", "`d`", " *e*", "@user", "://", "www.", "\x1b"))


def test_a_name_cannot_make_markup(tmp_path: Path) -> None:
    path = log(tmp_path / "[x](y)|<b>.log", "m")
    first = render("markdown", logan.analyze(path), RenderOptions()).split("\n")[0]
    assert first.endswith("\\[x\\](y)\\|&#60;b&#62;.log")


def test_the_command_line_offers_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = log(tmp_path / "a.log", "m")
    assert main(["analyze", str(path), "--output-format", "markdown"]) == 0
    page, _, command = capsys.readouterr().out.rpartition("\n\n")
    assert page + "\n" == render("markdown", logan.analyze(path), RenderOptions())
    assert command.startswith("logan analyze ")
