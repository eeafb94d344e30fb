"""Narrowing as users type it: times, conditions, group tables, limits, and searching by time."""

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import logan

COMMAND = [sys.executable, "-m", "logan", "analyze"]
START = datetime(2024, 1, 24, 10, 0, tzinfo=UTC)


def run(*args: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    done = subprocess.run(
        [*COMMAND, *args], input=stdin, capture_output=True, timeout=60, check=False
    )
    assert b"Traceback" not in done.stderr
    return done


def figures(*args: str, code: int = 0) -> dict[str, Any]:
    done = run("--json", *args)
    assert done.returncode == code, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def app_line(moment: datetime, level: str = "INFO", text: str = "done in 5ms") -> bytes:
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03} {level} {text}\n".encode()


def access_line(moment: datetime, path: str, status: int, ms: int) -> bytes:
    stamp = f"{moment:%d/%b/%Y:%H:%M:%S +0000}"
    line = f'10.0.0.{status % 7} - - [{stamp}] "GET {path} HTTP/1.1" {status} 5 "-" "ua" '
    return f"{line}{ms / 1000:.3f}\n".encode()


@pytest.fixture
def access(tmp_path: Path) -> str:
    """Ten minutes; each second a request to each of three routes."""
    path = tmp_path / "access.log"
    lines = []
    for second in range(600):
        moment = START + timedelta(seconds=second)
        lines.append(access_line(moment, f"/api/item/{second}", 200, 100))
        lines.append(access_line(moment, "/api/data?x=1", 503 if second % 2 else 200, 300))
        lines.append(access_line(moment, "/index", 500, 400))
    path.write_bytes(b"".join(lines) + b"nonsense\n")
    return str(path)


def test_a_condition_selects_and_rates_divide_by_the_selected_time(access: str) -> None:
    report = figures("--where", 'status>=500 and route~"^/api" and duration>250ms', access)
    assert report["total_requests"] == 300
    assert report["lines"]["filtered"] == 1500
    assert report["lines"]["total"] == 1801
    assert report["time"]["minutes"] == 10
    assert report["error_rate"] == 30.0
    assert [row["route"] for row in report["routes"]["top"]] == ["GET /api/data"]
    rare = figures("--where", "route = '/api/item/{id}' and time < '2024-01-24 10:00:01'", access)
    assert rare["total_requests"] == 1
    assert rare["time"]["minutes"] == 10


def test_a_path_that_is_nothing_but_a_query_is_neither_path_nor_route(tmp_path: Path) -> None:
    log = tmp_path / "query.log"
    log.write_bytes(access_line(START, "?", 200, 1) + access_line(START, "/", 200, 1))
    for field in ("path", "route"):
        assert figures("--where", f"{field} exists", str(log))["lines"]["filtered"] == 1


def test_the_selected_time_is_half_open(access: str) -> None:
    window = ["--since", "2024-01-24 10:02", "--until", "2024-01-24T10:04:00Z"]
    report = figures(*window, access)
    assert report["total_requests"] == 360
    assert report["time"]["first"] == "2024-01-24T10:02:00Z"
    assert report["time"]["last"] == "2024-01-24T10:03:59Z"
    assert report["time"]["minutes"] == 2
    assert report["requests_per_second"] == 3.0
    assert report["selection"]["since"] == "2024-01-24T10:02:00Z"
    # The minutes are those of the selected time, not of what the condition leaves of it.
    one = figures(*window, "--where", "time < '2024-01-24 10:02:01'", access)
    assert (one["total_requests"], one["time"]["minutes"]) == (3, 2)


def test_times_are_in_the_input_zone_and_count_back_from_the_last_record(access: str) -> None:
    here = figures("--input-tz", "Europe/Berlin", "--since", "2024-01-24 11:08", access)
    assert here["total_requests"] == 360
    last = figures("--since", "2m", "--relative-to", "last", access)
    assert last["selection"]["since"] == "2024-01-24T10:07:59Z"
    assert last["total_requests"] == 363
    assert figures("--since", "2h", access)["total_requests"] == 0


def test_group_tables_in_every_output(access: str) -> None:
    report = figures("--by", "route", "--by", "status", access)
    assert list(report["groups"]) == ["route", "status"]
    first = report["groups"]["route"]["top"][0]
    assert (first["key"], first["records"], first["errors"]) == ("GET /api/data", 600, 300)
    assert first["mean_ms"] == 300.0
    assert {row["key"]: row["records"] for row in report["groups"]["status"]["top"]} == {
        "200": 900,
        "500": 600,
        "503": 300,
    }
    page = run("--by", "route", access).stdout.decode()
    assert "By route" in page
    rows = run("--by", "status", "--csv", "groups", access).stdout.decode().splitlines()
    assert rows[0].startswith("field,key,records,requests,errors,")
    assert rows[1].startswith("status,200,900,900,0,")


def test_keys_of_json_and_logfmt(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_text(
        '{"time":"2024-01-24T10:00:00Z","level":"info","msg":"a","user":{"id":"x"},"n":5}\n'
        '{"time":"2024-01-24T10:00:01Z","level":"warn","msg":"b","user":{"id":"y"},"n":50}\n'
        '{"time":"2024-01-24T10:00:01Z","level":"info","msg":"c \\"q\\"","user.id":"x","n":7}\n'
        "ts=2024-01-24T10:00:02Z level=info msg=c n=6 user.id=x\n"
        "2024-01-24 10:00:03.000 INFO plain\n"
    )
    assert figures("--where", 'json.user.id == "x"', str(log))["lines"]["parsed"] == 3
    assert figures("--where", "json.n > 5 and level < warn", str(log))["lines"]["parsed"] == 2
    assert figures("--where", "message ~ 'c \"q'", str(log))["lines"]["parsed"] == 1
    assert figures("--where", "logfmt.n in (5, 6.0)", str(log))["lines"]["parsed"] == 2
    assert figures("--where", "not json.n exists", str(log))["lines"]["parsed"] == 1
    table = figures("--by", "json.user.id", str(log))["groups"]["json.user.id"]
    assert table["absent"] == 1
    assert [(row["key"], row["records"]) for row in table["top"]] == [("x", 3), ("y", 1)]


@pytest.mark.parametrize(
    ("args", "words", "caret"),
    [
        (["--where", "statos >= 500"], "no field", 0),
        (["--where", "status >= 500 and"], "expected a field", 17),
        (["--where", "level > lou"], "expected a level", 8),
        (["--where", "route ~ '/(a'"], "regular expression", None),
        (["--by", "duration"], "cannot group by duration", 0),
    ],
)
def test_mistakes_are_shown_where_they_are(
    access: str, args: list[str], words: str, caret: int | None
) -> None:
    done = run(*args, access)
    assert done.returncode == 2
    lines = done.stderr.decode().splitlines()
    assert words in lines[0]
    assert lines[1].strip() == args[1].strip()
    if caret is not None:
        assert lines[2].index("^") - lines[1].index(args[1][0]) == caret


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--since", "yesterdy"], "cannot parse since 'yesterdy': not a valid time"),
        (["--since", "1h", "--until", "2h"], "since is not before until"),
        (["--csv", "groups"], "--by route"),
        (["--max-malformed", "many"], "not a valid limit"),
        (["--by", "a,b"], "no field"),
        (["--since", "2h", "--relative-to", "last", "-"], "last record of standard input"),
    ],
)
def test_other_mistakes(access: str, args: list[str], words: str) -> None:
    done = run(*args, access, stdin=b"2024-01-24 10:15:32.123 INFO x\n")
    assert done.returncode == 2
    assert words in done.stderr.decode()


def test_too_many_malformed_lines_fail_the_run(access: str) -> None:
    assert run("--max-malformed", "1", access).returncode == 0
    assert run("--max-malformed", "1%", access).returncode == 0
    done = run("--max-malformed", "0", access)
    assert done.returncode == 1
    assert "1 of 1,801 lines are malformed (0.06%), more than 0" in done.stderr.decode()
    assert run("--max-malformed", "0.05%", access).returncode == 1


# Searching by time: the same figures as reading everything, but for the lines skipped.


def ordered(count: int, filler: int = 60) -> Iterator[bytes]:
    """A line a second, not quite in order, with a few that have no time."""
    jitter = random.Random(7)
    for second in range(count):
        moment = START + timedelta(seconds=second - jitter.randrange(5))
        yield app_line(moment, text=f"done in {second % 90}ms " + "x" * filler)
        if second % 50 == 0:
            yield b"    at com.example.Frame(Frame.java:1)\n"


def both(path: Path, *window: str, code: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures with and without searching, checked to be the same but for what was skipped."""
    found = figures(*window, str(path), code=code)
    scanned = figures(*window, "--no-seek", str(path), code=code)
    assert scanned["lines"]["skipped_bytes"] == 0
    if found["lines"]["skipped_bytes"] == 0:
        keys = set(scanned) - {"performance", "inputs"}
    else:
        keys = set(scanned) - {"performance", "inputs", "lines", "malformed", "malformed_lines"}
        keys -= {"slowest", "messages"}
        for key in ("slowest", "messages"):
            assert found[key] == scanned[key]
        assert found["lines"]["parsed"] == scanned["lines"]["parsed"]
        size = path.stat().st_size
        assert found["inputs"][0]["bytes"] + found["lines"]["skipped_bytes"] == size
    for key in keys:
        assert found[key] == scanned[key], key
    return found, scanned


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2024-01-24 12:00", "2024-01-24 12:10"),
        ("2024-01-24 10:00", "2024-01-24 10:01"),
        (None, "2024-01-24 10:30"),
        ("2024-01-24 15:20", None),
        ("2023-01-01", "2023-01-02"),
        ("2025-01-01", None),
        ("2023-01-01", "2025-01-01"),
    ],
)
def test_searching_gives_the_figures_of_scanning(
    tmp_path: Path, since: str | None, until: str | None
) -> None:
    log = tmp_path / "ordered.log"
    log.write_bytes(b"".join(ordered(20_000)))
    window = [*(["--since", since] if since else []), *(["--until", until] if until else [])]
    found, _ = both(log, *window, "--chunk-size", "64k")
    covers_all = since == "2023-01-01" and until == "2025-01-01"
    assert (found["lines"]["skipped_bytes"] == 0) == covers_all
    if not covers_all:
        assert any("in order to within 60 s" in each for each in found["inputs"][0]["assumed"])


def test_a_file_out_of_order_is_read_whole_and_says_so(tmp_path: Path) -> None:
    lines = list(ordered(20_000))
    log = tmp_path / "rotated.log"
    log.write_bytes(b"".join(lines[10_000:] + lines[:10_000]))
    found, _ = both(log, "--since", "2024-01-24 12:00", "--until", "2024-01-24 12:10")
    assert found["lines"]["skipped_bytes"] == 0
    assert found["total_requests"] > 500
    done = run("--since", "2024-01-24 12:00", str(log))
    assert "not in order" in done.stderr.decode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"nonsense\n",
        app_line(START),
        app_line(START).rstrip(b"\n"),
        b"no time here\n" * 200_000,
        app_line(START) + b"y" * 3_000_000 + b"\n" + app_line(START + timedelta(hours=3)),
        b"".join(
            app_line(START + timedelta(minutes=n), text="z" * 300_000) for n in range(0, 200, 20)
        ),
        b"\n" * 700_000 + app_line(START + timedelta(hours=2)) + b"\n" * 700_000,
    ],
    ids=["empty", "blank", "malformed", "one", "no end", "timeless", "long", "few", "sparse"],
)
def test_odd_files(tmp_path: Path, content: bytes) -> None:
    log = tmp_path / "odd.log"
    log.write_bytes(content)
    unread = content.startswith((b"nonsense", b"no time"))
    both(
        *(log, "--since", "2024-01-24 11:30", "--until", "2024-01-24 12:30"),
        code=3 if unread else 0,
    )


def test_the_library_takes_the_same(access: str) -> None:
    since = datetime(2024, 1, 24, 10, 2)
    report = logan.analyze(
        access, since=since, until=since + timedelta(minutes=1), where="status=500", by="host"
    )
    assert report.total_requests == 60
    assert report.groups["host"].absent == 60
    spec = logan.make_spec(access, where=" status == 500", by=["route", "route"])
    assert json.loads(spec.to_json())["meaning"]["where"] == "status = 500"
    assert json.loads(spec.to_json())["meaning"]["by"] == ["route"]
    assert "where" not in json.loads(logan.make_spec(access).to_json())["meaning"]
    feed = logan.Feed(where="status = 500", by="status")
    feed.push(Path(access).read_bytes())
    feed.finish()
    assert feed.report().total_requests == 600
    assert feed.report().groups["status"].top[0].key == "500"
    with pytest.raises(logan.ConditionError) as caught:
        logan.analyze(access, where="status >< 5")
    assert caught.value.position == 8
    with pytest.raises(logan.UsageError, match="relative_to"):
        logan.analyze(access, relative_to="first")  # type: ignore[arg-type]
