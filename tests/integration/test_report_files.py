"""Reports in files as users ask for them: the ending says what it is; gates leave their verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ACCESS = '192.0.2.7 - - [24/Jan/2024:10:15:{:02} +0000] "GET /a HTTP/1.1" {} 12 "-" "curl" 0.020\n'


def logan(folder: Path, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "logan", *args],
        cwd=folder,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"COLUMNS": "80"},
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [ACCESS.format(i % 60, 500 if i == 39 else 200) for i in range(40)]
    (tmp_path / "access.log").write_text("".join(lines))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("r.html", "<!doctype html>"),
        ("R.HTML", "<!doctype html>"),
        ("r.md", "## access.log"),
        ("r.json", "{\n"),
        ("r.csv", "t,records,requests,"),
        ("r.svg", "<svg "),
        ("r.txt", "logan  access.log"),
        ("r", "logan  access.log"),
    ],
)
def test_the_ending_says_what_it_is(folder: Path, name: str, start: str) -> None:
    done = logan(folder, "analyze", "access.log", "-o", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (folder / name).read_text(encoding="utf-8").startswith(start)


def test_what_is_asked_for_comes_before_the_ending(folder: Path) -> None:
    assert logan(folder, "analyze", "access.log", "-o", "r.html", "--json").returncode == 0
    assert json.loads((folder / "r.html").read_text())["total_requests"] == 40


def test_a_picture_fetches_nothing(folder: Path) -> None:
    logan(folder, "analyze", "access.log", "-o", "r.svg")
    text = (folder / "r.svg").read_text(encoding="utf-8")
    ElementTree.fromstring(text)
    assert "url(http" not in text
    assert "@font-face" not in text
    assert "@import" not in text


def test_a_page_shows_its_command_without_secrets(folder: Path) -> None:
    url = "https://bob:hunter2@127.0.0.1:9/a.log?X-Amz-Signature=abc123"
    where = 'json.password="swordfish"'
    done = logan(folder, "analyze", "access.log", url, "--where", where, "-o", "r.html")
    assert done.returncode == 3
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert "Made by <code>logan analyze access.log https://127.0.0.1:9/a.log" in page
    for secret in ("hunter2", "abc123"):
        assert secret not in page
    assert "swordfish" not in page.partition("Made by")[2]
    assert "partial" in page


def test_the_verdict_goes_to_every_form(folder: Path) -> None:
    gates = [
        *("--expect", 'routes["GET /a"].errors < 1', "--expect", "errors.ratio < 50% in every 5m"),
        *("--github", "--junit", "j.xml", "-o", "r.json"),
    ]
    done = logan(folder, "analyze", "access.log", *gates)
    assert done.returncode == 1
    assert '  FAIL  routes["GET /a"].errors < 1: is 1\n' in done.stderr
    assert "\n::error title=" in done.stderr
    judged = json.loads((folder / "r.json").read_text())["expectations"]
    assert [each["ok"] for each in judged] == [False, True]
    cases = ElementTree.parse(folder / "j.xml").findall("./testsuite/testcase")
    assert [len(case) for case in cases] == [1, 0, 0]
    rows = json.loads((folder / "r.json").read_text())["routes"]
    assert rows["named"]["GET /a"]["requests"] == 40


def test_rows_by_name_survive_top(folder: Path) -> None:
    more = "".join(ACCESS.replace("/a", "/b").format(i, 200) for i in range(50))
    with (folder / "access.log").open("a") as file:
        file.write(more)
    gate = ("--expect", 'routes["GET /a"].p95_ms < 1s')
    assert logan(folder, "analyze", "access.log", "--top", "1", *gate).returncode == 0
    wrong = ("--expect", 'routes["GET /x"].p95_ms < 1s')
    done = logan(folder, "analyze", "access.log", *wrong)
    assert (done.returncode, "no data" in done.stderr) == (1, True)


def test_the_largest_exit_code_wins(folder: Path) -> None:
    gate = ("--expect", "total_requests < 1")
    assert logan(folder, "analyze", "access.log", *gate).returncode == 1
    assert logan(folder, "analyze", "access.log", "missing.log", *gate).returncode == 3
    done = logan(folder, "analyze", "access.log", "missing.log", *gate, "--junit", "no/j.xml")
    assert done.returncode == 4
    assert not (folder / "no").exists()
    assert logan(folder, "analyze", "access.log", "--junit", "-").returncode == 2
    for other in (("--save", "a.x"), ("-o", "./a.x"), ("--save", "./a.x", "-o", "b.md")):
        done = logan(folder, "analyze", "access.log", "--junit", "a.x", *other)
        assert (done.returncode, (folder / "a.x").exists()) == (2, False), other
    assert logan(folder, "analyze", "access.log", "--save", "./b.x", "-o", "b.x").returncode == 2


def test_quiet_says_only_what_is_wrong(folder: Path) -> None:
    done = logan(folder, "analyze", "access.log", "-q", "--expect", "errors.total < 9")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = logan(folder, "analyze", "access.log", "-q", "--expect", "errors.total < 1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("  FAIL  errors.total")
    done = logan(folder, "analyze", "access.log", "missing.log", "-q")
    assert (done.returncode, "missing.log" in done.stderr) == (3, True)
    assert json.loads(logan(folder, "analyze", "access.log", "-q", "--json").stdout)


def test_tables_are_sorted_as_asked(folder: Path) -> None:
    with (folder / "access.log").open("a") as file:
        file.writelines(ACCESS.replace("/a", "/b").format(i, 500) for i in range(3))
    done = logan(folder, "analyze", "access.log", "--sort", "errors", "--csv", "routes")
    assert done.stdout.splitlines()[1].startswith("GET /b,3,3")
    wrong = logan(folder, "analyze", "access.log", "--sort", "size")
    assert (wrong.returncode, "--sort" in wrong.stderr) == (2, True)
