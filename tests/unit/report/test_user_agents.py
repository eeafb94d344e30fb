"""Families of user agents, from the strings of the table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import logan
from logan.cli.main import main
from logan.report import user_agents
from logan.report.user_agents import Agent, with_families

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/"
STRINGS = (
    *(f"{CHROME}{version}.0.0.0 Safari/537.36" for version in (120, 120, 119)),
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.5.0",
    "x",
)


def log(path: Path) -> str:
    lines = [
        f'192.0.2.1 - - [24/Jan/2024:10:15:{n:02} +0000] "GET / HTTP/1.1" '
        f'{500 if n == 3 else 200} 10 "-" "{text}" 0.{n + 1:03}'
        for n, text in enumerate(STRINGS)
    ]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_families_versions_systems_and_bots(tmp_path: Path) -> None:
    report = logan.analyze(log(tmp_path / "a.log"), user_agents="families").to_dict()
    table = report["user_agent_families"]
    assert [(row["family"], row["requests"], row["bot"]) for row in table["top"]] == [
        ("Chrome", 3, None),
        ("Googlebot", 1, "bot"),
        ("curl", 1, None),
    ]
    assert table["top"][0]["versions"] == "120, 119"
    assert table["top"][0]["mean_ms"] == pytest.approx(2.0)
    assert (table["top"][0]["max_ms"], table["top"][0]["bytes"]) == (3.0, 30)
    assert (table["top"][1]["errors"], table["top"][1]["share"]) == (1, pytest.approx(1 / 6))
    assert (table["exact"], table["error_bound"], table["strings"]) == (True, 0, 5)
    assert table["classified_share"] == pytest.approx(5 / 6)
    systems = report["user_agent_systems"]["top"]
    assert [(row["system"], row["requests"]) for row in systems] == [("Windows 10", 3)]
    assert len(report["user_agents"]["top"]) == 5, "as they are written, too"


def test_only_reports_that_show_them_have_them(tmp_path: Path) -> None:
    path = log(tmp_path / "a.log")
    assert "user_agent_families" not in logan.analyze(path).to_dict()
    code = (
        "import sys; from logan.cli.main import main; "
        f"main(['analyze', {path!r}, '--json', '-o', {str(tmp_path / 'a.json')!r}]); "
        "print('ua_parser' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["False"]


def figures(rows: list[dict[str, Any]], **section: Any) -> dict[str, Any]:
    known = {"exact": True, "error_bound": 0, "top": rows, **section}
    return {"user_agents": known, "total_requests": 5_000, "response_time_ms": {"absent": 0}}


def row(text: str, requests: int) -> dict[str, Any]:
    return {"user_agent": text, "requests": requests, "errors": 0, "client_errors": 0}


def fixed(text: str) -> Agent:
    return Agent(text[:1], "", None, False)


@pytest.fixture
def _fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: Callable[[], Callable[[str], Agent]] = lambda: fixed  # noqa: E731
    monkeypatch.setattr(user_agents, "parser", made)


@pytest.mark.usefixtures("_fixed")
def test_strings_beyond_the_most_frequent_are_a_bound() -> None:
    rows = [row(f"{'ab'[n % 2]}{n}", 10 if n < 500 else 1) for n in range(520)]
    table = with_families(figures(rows))["user_agent_families"]
    assert (table["exact"], table["error_bound"], table["strings"]) == (False, 20, 500)
    assert [each["requests"] for each in table["top"]] == [2_500, 2_500]
    assert table["classified_share"] == pytest.approx(5_000 / 5_020)


@pytest.mark.usefixtures("_fixed")
def test_an_inexact_table_gives_inexact_families() -> None:
    table = with_families(figures([row("a", 5), row("b", 4)], exact=False, error_bound=3))
    assert table["user_agent_families"]["exact"] is False
    assert table["user_agent_families"]["error_bound"] >= 3


def test_a_log_without_user_agents_has_no_such_tables(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("2024-01-24 10:15:32.123 INFO Request processed in 127ms\n" * 3)
    report = logan.analyze(path, user_agents="families").to_dict()
    assert "user_agent_families" not in report


def test_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = log(tmp_path / "a.log")
    assert main(["analyze", path, "--user-agents", "families"]) == 0
    text = capsys.readouterr().out
    assert "User agents  3 of 3, 83.3 % of the requests classified, by 5 strings" in text
    assert "bot" in text
    for name in ("r.html", "r.md"):
        assert main(["analyze", path, "-o", str(tmp_path / name)]) == 0
        assert "Googlebot" in (tmp_path / name).read_text()
        assert "Operating systems" in (tmp_path / name).read_text()
    assert main(["analyze", path, "-o", str(tmp_path / "raw.md"), "--user-agents", "raw"]) == 0
    assert "Operating systems" not in (tmp_path / "raw.md").read_text()
