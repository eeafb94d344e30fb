"""Gates as a pipeline runs them: exit codes of real command lines, and what they say."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "logan"]
APP = "2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"
ACCESS = '192.0.2.7 - - [24/Jan/2024:10:15:32 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl"\n'
ODD = "<<17060913{:02}>> api@host1 ~ GET /a ok t={}00us\n"


def logan(
    *args: str | Path, stdin: bytes = b"", columns: int = 80
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*COMMAND, *map(str, args)],
        input=stdin.decode(),
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"COLUMNS": str(columns)},
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    path = tmp_path / "odd.log"
    path.write_text("".join(ODD.format(i, i + 1) for i in range(30)))
    return path


@pytest.fixture
def access(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_text(ACCESS * 40)
    return path


def test_an_unreadable_log_passes_no_gate(odd: Path) -> None:
    for gate in ("errors.total<1", "error_rate<1", "total_requests<1", "status.500<1"):
        done = logan("analyze", odd, "--expect", gate, "--allow-empty")
        assert done.returncode == 3
        assert f"FAIL  {gate}" in done.stderr
        assert "has no data: none of 30 lines was parsed" in done.stderr
    assert logan("analyze", odd).returncode == 3
    assert logan("analyze", odd, "--json").returncode == 3
    assert logan("analyze", "-", stdin=odd.read_bytes()).returncode == 3


def test_its_lines_are_shown_with_a_format_that_works_as_it_is_printed(odd: Path) -> None:
    done = logan("analyze", odd)
    shown = done.stderr.splitlines()
    assert shown[0] == f"logan: no line in {odd} matches a known format; its first lines:"
    assert shown[1] == "  | <<1706091300>> api@host1 ~ GET /a ok t=100us"
    hint = re.search(
        r"  hint: this reads 30 of 30 sampled lines: (--format .*)$", done.stderr, re.M
    )
    assert hint is not None
    pasted = logan("analyze", odd, "--json", *shlex.split(hint[1]))
    assert (pasted.returncode, pasted.stderr) == (0, "")
    report = json.loads(pasted.stdout)
    assert report["lines"]["parsed"] == 30
    assert report["response_time_ms"]["max"] == 3.0
    # `detect` proposes the same.
    proposed = re.search(r"^    (--format .*)$", logan("detect", odd).stdout, re.M)
    assert proposed is not None
    assert shlex.split(proposed[1]) == shlex.split(hint[1])


def test_indented_lines_without_a_record_are_not_empty(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("   1  ok  21\n   2  ok  7\n")
    done = logan("analyze", path, "--expect", "errors.total<1", "--allow-empty")
    assert done.returncode == 3
    assert "none of 2 lines was parsed" in done.stderr
    shown = logan("detect", path)
    assert (shown.returncode, "not read: 2 lines" in shown.stdout) == (3, True)


def test_lines_of_an_unreadable_log_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_bytes(b"\x1b[31mred\x07 \xff line\n\x1b]0;title\x07\n" * 3)
    for command in ("analyze", "detect"):
        done = logan(command, path)
        assert done.returncode == 3
        assert "\x1b" not in done.stdout + done.stderr
        assert "\x07" not in done.stdout + done.stderr
        assert "red" in done.stdout + done.stderr


def test_a_good_input_does_not_hide_one_that_nothing_reads(odd: Path, access: Path) -> None:
    done = logan("analyze", access, odd, "--json")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert (report["partial"], report["lines"]["parsed"]) == (True, 40)
    assert [("unread" in entry) for entry in report["inputs"]] == [False, True]
    assert report["inputs"][1]["unread"]["proposed_format"].startswith("^<<(?<time>")


def test_a_folder_leaves_out_what_is_no_log(tmp_path: Path, access: Path, odd: Path) -> None:
    done = logan("analyze", tmp_path, "--json")
    assert done.returncode == 0
    assert "left out: 1 of no known format (odd.log)" in done.stderr


def test_what_a_pattern_matches_beside_logs_is_a_note(
    tmp_path: Path, access: Path, odd: Path
) -> None:
    (tmp_path / "core.log").write_bytes(b"\x7fELF" + bytes(range(256)) * 16)
    done = logan("analyze", f"{tmp_path}/*.log", "--json")
    assert done.returncode == 0, done.stderr
    assert f"{tmp_path}/core.log: a binary file, left out" in done.stderr
    assert f"{odd}: no line matches a known format" in done.stderr
    assert json.loads(done.stdout)["lines"]["parsed"] == 40
    # Named, or with nothing else to read, it is an error.
    assert logan("analyze", access, odd).returncode == 3
    assert logan("analyze", access, tmp_path / "core.log").returncode == 3
    access.unlink()
    done = logan("analyze", f"{tmp_path}/*.log")
    assert (done.returncode, "its first lines" in done.stderr) == (3, True)
    odd.unlink()
    assert logan("analyze", f"{tmp_path}/*.log").returncode == 3


def test_a_slip_in_a_condition_passes_no_gate(access: Path) -> None:
    where = ("--where", 'path="/chekout"')
    for gate in ("errors.total<1", "error_rate<1", "errors.ratio<1%", "response_time_ms.p99<1s"):
        done = logan("analyze", access, *where, "--expect", gate)
        assert done.returncode == 1
        assert "no record was selected (--allow-empty accepts that)" in done.stderr
        assert logan("analyze", access, *where, "--expect", gate, "--allow-empty").returncode == 0
    done = logan("analyze", access, "--since", "2030-01-01", "--expect", "errors.total<1")
    assert done.returncode == 1


@pytest.mark.parametrize("piped", [False, True])
def test_a_good_run_leaves_nothing_to_count(access: Path, piped: bool) -> None:
    source, stdin = ("-", access.read_bytes()) if piped else (str(access), b"")
    held = ("--expect", "total_requests==0", "--expect", "errors.total<1")
    done = logan("analyze", source, "--where", "status>=500", *held, stdin=stdin)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("  ok    ") == 2
    with_since = ("--since", "2030-01-01", "--where", "status>=500")
    assert logan("analyze", source, *with_since, *held, stdin=stdin).returncode == 1
    # This log has no levels: that none is ERROR says nothing.
    assert logan("analyze", source, "--where", "level=ERROR", *held, stdin=stdin).returncode == 1


def test_errors_of_a_log_without_levels_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("2024-01-24 10:15:32.123 Request processed in 127ms\n" * 30)
    done = logan("analyze", path, "--expect", "errors.total<1")
    assert done.returncode == 1
    assert "no levels, no statuses: errors unknown" in done.stdout
    assert "no data: no record has a known level or a status" in done.stderr
    markdown = logan("analyze", path, "--output-format", "markdown").stdout
    assert "no levels, no statuses: errors unknown" in markdown
    report = json.loads(logan("analyze", path, "--json").stdout)
    assert (report["error_rate"], report["errors"]["total"]) == (None, None)


def test_a_percentile_of_few_values_is_no_gate(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(APP * 30)
    done = logan(
        *("analyze", path, "--expect", "response_time_ms.p95<1s"),
        *("--expect", "response_time_ms.p99<1s", "--expect", "response_time_ms.max<1s"),
    )
    assert done.returncode == 1
    assert "no data: there are 30 values, p99 needs 100" in done.stderr
    assert done.stderr.count("  ok    ") == 2


def test_a_rate_that_was_meant_as_a_share_is_pointed_out(access: Path) -> None:
    done = logan("analyze", access, "--expect", "error_rate<1%")
    assert done.returncode == 2
    assert "errors.ratio<1%" in done.stderr


def test_validate_says_that_errors_were_not_measured(tmp_path: Path) -> None:
    path, expected = tmp_path / "x.log", tmp_path / "expected.json"
    path.write_text("2024-01-24 10:15:32.123 Request processed in 127ms\n" * 30)
    expected.write_text('{"errors.total": 0}')
    report = logan("analyze", path, "--json").stdout
    done = logan("validate", "-", expected, stdin=report.encode())
    assert done.returncode == 1
    assert (
        "errors.total: is null (no record has a known level or a status), expected 0" in done.stdout
    )


def test_most_lines_that_are_malformed_are_pointed_out(tmp_path: Path, odd: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text(APP + odd.read_text())
    done = logan("analyze", path)
    assert done.returncode == 0
    assert f"30 of 31 lines are malformed; see: logan detect {path}" in done.stderr


def test_formats_by_their_usual_names(access: Path) -> None:
    report = json.loads(logan("analyze", access, "--format", "nginx", "--json").stdout)
    assert report["inputs"][0]["formats"][0]["name"] == "combined"
    assert "also called: nginx, apache" in logan("formats", "nginx").stdout
    assert logan("formats", "Apache").stdout == logan("formats", "combined").stdout
    unknown = logan("formats", "ngnix")
    assert (unknown.returncode, "did you mean nginx" in unknown.stderr) == (2, True)
    listed = {each["name"]: each for each in json.loads(logan("formats", "--json").stdout)}
    assert "nginx" in listed["combined"]["aliases"]


@pytest.mark.parametrize("columns", [80, 200])
def test_detect_fits_the_page_and_has_no_color(
    tmp_path: Path, odd: Path, access: Path, columns: int
) -> None:
    wide = tmp_path / "wide.log"
    line = {"ts": "2024-01-24T10:15:32Z", "level": "info", "msg": "x" * 300, "k" * 90: "v" * 300}
    wide.write_text((json.dumps(line) + "\n") * 3 + "not this\n")
    done = logan("detect", access, wide, odd, columns=columns)
    assert done.returncode == 3  # of one input no line is read
    assert "\x1b" not in done.stdout
    for text in done.stdout.splitlines():
        # What is there to be copied is not cut.
        assert len(text) <= columns or text.startswith((str(tmp_path), "    --format "))
    assert re.search(r"^  status +integer +100 % +1  200$", done.stdout, re.M)


def test_the_json_of_detect_has_what_the_text_says(access: Path, odd: Path) -> None:
    first, second = json.loads(logan("detect", access, odd, "--json").stdout)
    assert (
        set(first)
        == set(second)
        == {
            *("path", "encoding", "compression", "lines", "blank", "continuation", "header"),
            *("malformed", "formats", "assumed", "layouts", "durations", "fields", "unread"),
        }
    )
    (status,) = [each for each in first["fields"] if each["name"] == "status"]
    assert status == {
        **{"name": "status", "type": "integer", "records": 40, "share": 1.0, "distinct": 1},
        **{"examples": ["200"], "read_as": "status", "unit": None, "evidence": None},
        **{"where": True, "by": True},
    }
    assert (first["unread"], second["fields"]) == (None, [])
    unread = second["unread"]
    assert (unread["lines"], unread["reasons"]) == (30, {"no_timestamp": 30})
    assert (unread["format_reads"], unread["format_tried"]) == (30, 30)
    assert unread["format_fields"] == ["time", "request", "duration", "message"]
