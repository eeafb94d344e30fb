"""`logan export` and `logan sql`, as users type them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from logan.cli.main import main

pq = pytest.importorskip("pyarrow.parquet")
pytest.importorskip("duckdb")

LOG = "".join(
    f'192.0.2.{n % 3} - - [24/Jan/2024:10:15:{n % 60:02} +0000] "GET /item/{n} HTTP/1.1" '
    f'{(200, 503)[n % 2]} {n} "-" "agent {n % 4}"\n'
    for n in range(100)
)


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "access.log"
    path.write_text(LOG)
    return str(path)


def out_err(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    return captured.out, captured.err


@pytest.mark.parametrize("suffix", ["parquet", "arrow", "csv", "jsonl"])
def test_export_writes_what_the_suffix_says(log: str, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out.{suffix}"
    target.write_text("before")
    assert main(["export", log, "-o", str(target), "--where", "status=503"]) == 0
    content = target.read_bytes()
    begins = {"parquet": b"PAR1", "arrow": b"ARROW1", "csv": b"time,level", "jsonl": b'{"time"'}
    assert content.startswith(begins[suffix])
    if suffix == "jsonl":
        assert len(content.splitlines()) == 50
    assert sorted(os.listdir(tmp_path)) == ["access.log", target.name]


def test_export_of_columns(log: str, tmp_path: Path) -> None:
    target = tmp_path / "x.parquet"
    assert main(["export", log, "-o", str(target), "--columns", "route,bytes,line"]) == 0
    table = pq.read_table(target)
    assert table.column_names == ["route", "bytes", "line"]
    assert table["line"].to_pylist() == list(range(1, 101))
    assert set(table["route"].to_pylist()) == {"GET /item/{id}"}


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["-o", "x.xyz"], 2, "its suffix names no known kind of file"),
        ([], 2, "name it: -o records.parquet"),
        (["-o", "x.csv", "--columns", "statsu"], 2, "did you mean status?"),
        (["-o", "none/x.csv"], 4, "no such folder"),
        (["-o", "access.log", "--output-format", "csv"], 2, "both an input and the output"),
        (["-o", "x.csv", "--where", "status>"], 2, "status>"),
        (["-o", "x.csv", "--threads", "0"], 2, "threads"),
    ],
)
def test_export_refuses(
    log: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", log, *arguments]) == code
    assert said in out_err(capsys)[1]
    assert os.listdir(tmp_path) == ["access.log"]
    assert Path(log).read_text() == LOG


def test_what_cannot_be_read_is_said(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "x.jsonl"
    none = str(tmp_path / "none.log")
    assert main(["export", log, none, "-o", str(target)]) == 3
    assert "none.log" in out_err(capsys)[1]
    assert len(target.read_bytes().splitlines()) == 100
    target.unlink()
    assert main(["export", none, "-o", str(target)]) == 3
    assert not target.exists()
    assert main(["sql", "select count(*) from log", none]) == 3
    assert out_err(capsys)[0] == ""


def test_a_log_of_which_nothing_is_read_is_no_success(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "a.log"
    log.write_text("no format\n" * 9)
    assert main(["export", str(log), "-o", str(tmp_path / "x.csv")]) == 3
    assert "9 of 9 lines are malformed" in out_err(capsys)[1]


def test_misfits_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "a.log"
    log.write_text('{"time":"2024-01-24T10:15:32Z","level":"info","msg":"a","user":"seven"}\n')
    code = main(["export", str(log), "-o", str(tmp_path / "x.csv"), "--columns", "json.user:int"])
    assert code == 0
    assert "json.user: 1 value of another type left out" in out_err(capsys)[1]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "logan", *arguments]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_export_leaves_nothing(tmp_path: Path, signum: int) -> None:
    log, target = tmp_path / "pipe.log", tmp_path / "out.parquet"
    os.mkfifo(log)
    target.write_text("before")
    process = subprocess.Popen(
        command("export", str(log), "-o", str(target)), stderr=subprocess.PIPE, text=True
    )
    with open(log, "w") as pipe:
        pipe.write(LOG * 2000)
        pipe.flush()
        deadline = time.monotonic() + 20
        while not _writes(process.pid, tmp_path) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signum)
        said = process.communicate(timeout=30)[1]
    assert process.returncode in (143, -signal.SIGKILL)
    if signum == signal.SIGTERM:
        assert f"interrupted: {target} was not written" in said
    assert target.read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["out.parquet", "pipe.log"]


def _writes(pid: int, folder: Path) -> bool:
    """Whether a process has a file in a folder open for writing."""
    try:
        links = [os.readlink(each) for each in Path(f"/proc/{pid}/fd").iterdir()]
    except OSError:
        return False
    return any(each.startswith(f"{folder}/") and "deleted" in each for each in links)


def test_a_full_disk_is_said(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("parquet", "csv", "jsonl", "arrow"):
        assert main(["export", log, "-o", "/dev/full", "--output-format", kind]) == 4
        assert "No space left on device" in out_err(capsys)[1]


def test_a_closed_reader_is_no_error(log: str, tmp_path: Path) -> None:
    large = tmp_path / "large.log"
    large.write_text(LOG * 500)
    for arguments in (
        ("export", str(large), "-o", "-", "--output-format", "jsonl"),
        ("sql", "select * from log", str(large), "--output-format", "csv"),
    ):
        process = subprocess.Popen(
            command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(30) == 141
        process.stderr.close()


# SQL.


def test_sql_answers(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    query = "select route, count(*) as n, max(time) - min(time) as d from log where status >= 500 "
    assert main(["sql", query + "group by 1", log]) == 0
    out, err = out_err(capsys)
    assert err == ""
    assert out.splitlines()[0].split() == ["route", "n", "d"]
    assert out.splitlines()[1].split() == ["GET", "/item/{id}", "50", "0:00:58"]


def test_sql_writes_files(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "select status, count(*) as n from log group by 1 order by 1"
    for name in ("x.parquet", "x.csv", "x.json", "x.jsonl", "x.txt"):
        assert main(["sql", query, log, "-o", str(tmp_path / name)]) == 0
    assert pq.read_table(tmp_path / "x.parquet").to_pylist()[1] == {"status": 503, "n": 50}
    assert (tmp_path / "x.csv").read_text() == "status,n\n200,50\n503,50\n"
    assert json.loads((tmp_path / "x.json").read_text())[0] == {"status": 200, "n": 50}
    assert json.loads((tmp_path / "x.jsonl").read_text().splitlines()[1]) == {
        "status": 503,
        "n": 50,
    }
    assert main(["sql", query, log, "--output-format", "csv"]) == 0
    assert out_err(capsys)[0] == "status,n\n200,50\n503,50\n"


def test_sql_reads_standard_input_once_or_twice(log: str) -> None:
    for query, expected in (
        ("select count(*) as n from log", "100"),
        ("select count(*) as n from log a join log b on a.offset = b.offset", "100"),
    ):
        with open(log) as stdin:
            done = subprocess.run(
                command("sql", query, "-", "--output-format", "csv"),
                stdin=stdin,
                capture_output=True,
                text=True,
                check=False,
            )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.splitlines() == ["n", expected]


def test_sql_appends_where_stdout_does(log: str, tmp_path: Path) -> None:
    target = tmp_path / "all.csv"
    target.write_text("kept\n")
    with open(target, "a") as stdout:
        subprocess.run(
            command("sql", "select 1 as a from log limit 1", log, "--output-format", "csv"),
            stdout=stdout,
            check=True,
        )
    assert target.read_text() == "kept\na\n1\n"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select statsu from log", 'Referenced column "statsu" not found'),
        ("select statsu from log", "\n  select statsu from log\n         ^"),
        ("select count(*)\nfrom log\nwhere statsu > 5", "\n  where statsu > 5\n        ^"),
        ("selec 1", 'syntax error at or near "selec"'),
        ("select 1; select 2", "2 SQL statements are given"),
        ("create table x as select 1", "CREATE statements are not possible"),
        ("copy log to 'x.csv'", "COPY statements are not possible"),
        ("select * from lgo", "are the table log"),
        ("select json.user from log", 'write keys in double quotes: "json.user"'),
        ("", "0 SQL statements"),
        ("select 'a'::int from log", "Could not convert string 'a'"),
    ],
)
def test_wrong_sql_is_explained(
    log: str, query: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sql", query, log]) == 2
    assert said in out_err(capsys)[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "x.xyz"], "x.xyz: its suffix names no known kind of file"),
        (["-o", "answer"], "hint: end its name in .txt, .csv, .json, .jsonl, .parquet, or give"),
        (["--columns", "status:int"], 'the column "status:int": only keys such as json.KEY'),
        (["--columns", "json.a:integer"], "json.KEY:int"),
        (["--columns", "statsu"], "hint: did you mean status?"),
        (["-o", "access.log", "--output-format", "csv"], "both an input and the output"),
        (["-o", "folder", "--output-format", "csv"], "folder is a folder"),
    ],
)
def test_sql_refuses(
    log: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert main(["sql", "select count(*) from log", log, *arguments]) in (2, 4)
    assert said in out_err(capsys)[1]
    assert sorted(os.listdir(tmp_path)) == ["access.log", "folder"]
    assert Path(log).read_text() == LOG


def test_standard_output_needs_a_kind(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", log, "-o", "-"]) == 2
    said = out_err(capsys)[1]
    assert "standard output has no suffix that names the kind" in said
    assert "hint: give --output-format parquet|arrow|csv|jsonl" in said


def test_questions_show_how_far_they_are(log: str) -> None:
    import logan
    from logan.query import Query

    told: list[tuple[int, int]] = []
    Path(log).write_text(LOG * 2000)
    answer = Query("select route, count(*) as n from log a group by 1").run(
        lambda columns: logan.records(log, columns=columns), lambda *both: told.append(both)
    )
    assert sum(len(each) for each in answer.rows()) == 2
    size = Path(log).stat().st_size
    assert all(0 <= done <= total == size for done, total in told)
    assert told[-1] == (size, size)


def test_without_duckdb_the_command_to_install_it_is_said(
    log: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert main(["sql", "select 1", log]) == 2
    assert "pip install 'logan-analyzer[sql]'" in out_err(capsys)[1]


@pytest.mark.parametrize(
    ("text", "arguments", "why"),
    [
        (LOG, ["--where", "status==404"], "100 records read, none in the time range"),
        ("", [], "nothing to read"),
        ("\n\n", [], "2 lines read, none is a record"),
    ],
)
def test_a_file_without_records_is_said(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    arguments: list[str],
    why: str,
) -> None:
    log, out = tmp_path / "a.log", tmp_path / "a.csv"
    log.write_text(text)
    main(["export", str(log), "-o", str(out), *arguments])
    err = out_err(capsys)[1]
    assert f"no records in {out}: {why}" in err


def test_records_are_not_said_to_be_missing(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", log, "-o", str(tmp_path / "a.csv")]) == 0
    assert out_err(capsys) == ("", "")
