"""The examples of `python/docs/regular.md` do what the page says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PAGE = Path(__file__).parents[2] / "python" / "docs" / "regular.md"


def block(name: str) -> str:
    """The code after a comment of that name."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", PAGE.read_text(), re.S)
    assert found is not None
    return found[1]


def access(first: int, count: int, *, errors: int = 0, ms: int = 20) -> str:
    return "".join(
        f"10.0.0.1 - - [28/Nov/2026:{n // 3600 % 24:02}:{n // 60 % 60:02}:{n % 60:02} +0000] "
        f'"GET /a HTTP/1.1" {500 if n < first + errors else 200} 17 "-" "curl" '
        f"{(ms + n % 13) / 1000:.3f}\n"
        for n in range(first, first + count)
    )


@pytest.fixture
def path_with(tmp_path: Path) -> dict[str, str]:
    """An environment in which `logan` is this one, and `gh` and the load test are stand-ins."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {
        "logan": f'exec {shlex.quote(sys.executable)} -m logan "$@"',
        "gh": 'echo "$@" > said; cp "${@: -1}" comment',
        "load-test": "cat measured",
    }.items():
        (programs / name).write_text(f"#!/bin/bash\n{text}\n")
        (programs / name).chmod(0o755)
    return {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}


def test_the_crontab(tmp_path: Path, path_with: dict[str, str]) -> None:
    rows = [row.split(maxsplit=5) for row in block("crontab").splitlines()]
    assert [row[:5] for row in rows] == [["10", "0", "*", "*", "*"], ["20", "0", "*", "*", "*"]]
    for place in ("var/log/nginx", "var/lib/logan", "var/www/logs"):
        (tmp_path / place).mkdir(parents=True)
    log = tmp_path / "var/log/nginx/access.log"

    def night() -> list[tuple[int, str]]:
        """What each job ends with and prints, which cron mails."""
        found = []
        for row in rows:
            command = row[5].replace("\\%", "%").replace(" /var/", f" {tmp_path}/var/")
            done = subprocess.run(
                ["sh", "-c", command], env=path_with, capture_output=True, text=True, check=False
            )
            found.append((done.returncode, done.stdout + done.stderr))
        return found

    log.write_text(access(0, 300))
    assert night() == [(0, ""), (0, "")]
    with log.open("a") as file:
        file.write(access(300, 50))
    log.rename(f"{log}.1")
    log.write_text(access(350, 40, errors=20))
    (failed, mail), (total, silent) = night()
    assert (failed, total, silent) == (1, 0, "")
    assert "errors.ratio" in mail
    yesterday = (tmp_path / "var/www/logs/yesterday.html").read_text()
    assert "90" in re.findall(r"\d[\d,]*", yesterday)
    assert "390" in re.findall(r"\d[\d,]*", (tmp_path / "var/www/logs/total.html").read_text())


@pytest.mark.parametrize(("ms", "code"), [(20, 0), (60, 1)])
def test_the_workflow(tmp_path: Path, path_with: dict[str, str], ms: int, code: int) -> None:
    job = yaml.safe_load(block("workflow"))["jobs"]["compare"]
    (tmp_path / "main.log").write_text(access(0, 3_000))
    (tmp_path / "measured").write_text(access(0, 3_000, ms=ms))
    (tmp_path / "load-test").symlink_to(tmp_path / "bin" / "load-test")
    path_with |= {"PULL_REQUEST": "17", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    commands = [
        "logan analyze main.log --save main.logan -q",
        *(step["run"] for step in job["steps"] if "pip" not in step.get("run", "pip")),
    ]
    codes = [
        subprocess.run(
            ["bash", "-e", "-c", each], cwd=tmp_path, env=path_with, check=False
        ).returncode
        for each in commands
    ]
    assert codes == [0, 0, code, 0]
    assert (tmp_path / "said").read_text().startswith("pr comment 17 --edit-last")
    comment = (tmp_path / "comment").read_text()
    assert comment.startswith("## main.logan → branch.log\n")
    assert ("| failed |" in comment) == bool(code)
    assert (tmp_path / "summary").read_text() == comment
