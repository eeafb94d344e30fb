"""`logan lines`, as users type it."""

from __future__ import annotations

import gzip
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import logan
from logan.cli.line_context import with_context
from logan.cli.line_groups import LineGroup, merged
from logan.cli.line_output import Look, TextLines
from logan.cli.main import main


def app(second: int, level: str, text: str, *more: str) -> str:
    first = f"2024-01-24 10:15:{second:02},000 {level} [main] com.example.App - {text}\n"
    return first + "".join(f"{each}\n" for each in more)


TRACE = ("java.lang.IllegalStateException: no", "\tat com.example.App.run(App.java:12)")
A = app(1, "INFO", "a1") + app(3, "ERROR", "a3", *TRACE) + app(5, "INFO", "a5")
B = app(2, "INFO", "b2") + app(4, "ERROR", "b4") + app(6, "INFO", "b6")


@pytest.fixture
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "a.log").write_text(A)
    (tmp_path / "b.log").write_text(B)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(*arguments: str, stdin: bytes | None = None) -> tuple[int, bytes, str]:
    done = subprocess.run(
        [sys.executable, "-m", "logan", "lines", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr.decode()


def test_a_log_is_printed_as_it_is(logs: Path) -> None:
    assert printed("a.log") == (0, A.encode(), "")


def test_records_come_with_the_lines_that_continue_them(logs: Path) -> None:
    expected = app(3, "ERROR", "a3", *TRACE).encode()
    assert printed("a.log", "--where", "level=ERROR") == (0, expected, "")


def test_several_logs_are_merged_by_time(logs: Path) -> None:
    code, out, err = printed("b.log", "a.log")
    assert (code, err) == (0, "")
    lines = [line.split(":", 1) for line in out.decode().splitlines()]
    names = [name for name, _ in lines]
    assert names == ["a.log", "b.log", "a.log", "a.log", "a.log", "b.log", "a.log", "b.log"]
    assert sorted(text for _, text in lines) == sorted((A + B).splitlines())
    assert printed("b.log", "a.log", "--no-filename", "-n", "2")[1].decode() == (
        app(1, "INFO", "a1") + app(2, "INFO", "b2")
    )
    assert printed("b.log", "a.log", "--no-filename", "-n", "-2")[1].decode() == (
        app(5, "INFO", "a5") + app(6, "INFO", "b6")
    )


def test_an_offset_that_was_printed_is_a_path(logs: Path) -> None:
    _, out, _ = printed("a.log", "--where", "level=ERROR", "--offsets")
    first, *rest = out.decode().splitlines()
    path, offset, text = first.split(":", 2)
    assert (path, int(offset)) == ("a.log", A.index(text))
    assert len(rest) == 2
    for each in (first, *rest):
        place = ":".join(each.split(":", 2)[:2])
        assert printed(place) == (0, app(3, "ERROR", "a3", *TRACE).encode(), "")


def test_an_offset_without_a_record_is_named(logs: Path) -> None:
    code, out, err = printed("a.log:999999", "b.log:0")
    assert (code, out.count(b"b2"), out.count(b"a1")) == (0, 1, 0)
    assert "a.log:999999: no record" in err
    assert "b.log" not in err
    assert printed("a.log:999999")[0] == 1


def test_context_is_of_the_file(logs: Path) -> None:
    code, out, _ = printed("b.log", "--where", "level=ERROR", "-C", "1", "--filename")
    lines = B.splitlines()
    assert (code, out.decode()) == (0, f"b.log-{lines[0]}\nb.log:{lines[1]}\nb.log-{lines[2]}\n")
    _, out, _ = printed("a.log", "b.log", "--where", "level=ERROR", "-A", "1", "--no-filename")
    assert out.decode() == (
        app(3, "ERROR", "a3", *TRACE)
        + app(5, "INFO", "a5")
        + "--\n"
        + app(4, "ERROR", "b4")
        + app(6, "INFO", "b6")
    )
    with gzip.open("a.log.gz", "wt") as file:
        file.write(B)
    code, _, err = printed("a.log.gz", "-C", "1")
    assert code == 2
    assert "a.log.gz has no lines around records" in err


def test_streams_and_archives_are_read(logs: Path) -> None:
    with gzip.open("c.log.gz", "wt") as file:
        file.write(A)
    expected = app(3, "ERROR", "a3", *TRACE).encode()
    assert printed("c.log.gz", "--where", "level=ERROR") == (0, expected, "")
    assert printed("-", "--where", "level=ERROR", stdin=A.encode()) == (0, expected, "")
    assert printed(f"c.log.gz:{A.index('java')}") == (0, expected, "")


def test_bytes_are_printed_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    content = A.replace("a1", "\x1b[31m").encode().replace(b"a5", b"\xff\x00\xfe\r")
    path.write_bytes(content)
    assert printed(str(path)) == (0, content, "")
    assert printed(str(path), "-n", "9")[1] == content


def test_json_has_an_object_for_each_record(logs: Path) -> None:
    _, out, _ = printed("a.log", "--json", "--where", "level=ERROR")
    assert json.loads(out) == {
        "time": "2024-01-24T10:15:03Z",
        "source": "a.log",
        "offset": A.index("2024-01-24 10:15:03"),
        "line": 2,
        "level": "ERROR",
        "message": "[main] com.example.App - a3",
        "text": app(3, "ERROR", "a3", *TRACE)[:-1],
    }


def test_malformed_lines_have_their_reason(logs: Path) -> None:
    (logs / "m.log").write_text('{"time":"2024-01-24T10:15:00Z","msg":"a"}\n' * 9 + '{"time":\n')
    code, out, _ = printed("m.log", "--malformed")
    assert (code, out) == (0, b'{"time":\n')
    told = json.loads(printed("m.log", "--malformed", "--json")[1])
    assert told["reason"]
    assert told["text"] == '{"time":'


@pytest.mark.parametrize(
    ("arguments", "code", "out"),
    [
        (["a.log", "--count"], 0, b"3\n"),
        (["a.log", "b.log", "--count", "--where", "level=ERROR"], 0, b"2\n"),
        (["a.log", "--count", "-n", "2"], 0, b"2\n"),
        (["a.log", "--count", "--where", "level=FATAL"], 1, b"0\n"),
        (["a.log", "--where", "level=FATAL"], 1, b""),
        (["a.log", "b.log", "--where", "level=FATAL"], 1, b""),
        (["a.log", "-C", "x"], 2, b""),
        (["a.log", "a.log:3"], 2, b""),
        (["missing.log"], 3, b""),
        (["missing.log:3"], 3, b""),
        (["a.log", "missing.log", "--count"], 3, b"3\n"),
    ],
)
def test_exit_codes_are_those_of_grep(
    logs: Path, arguments: list[str], code: int, out: bytes
) -> None:
    told = printed(*arguments)
    assert told[:2] == (code, out)
    assert bool(told[2]) == (code in (2, 3))
    assert "Traceback" not in told[2]


def test_a_reader_that_goes_ends_it_quietly(tmp_path: Path) -> None:
    path = tmp_path / "big.log"
    path.write_text(A * 20_000)
    for more in ("", "--offsets"):
        command = f"{sys.executable} -m logan lines {shlex.quote(str(path))} {more}"
        script = f"{command} | head -n 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", script], capture_output=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (141, b"")


def test_a_file_is_written_whole(logs: Path) -> None:
    assert main(["lines", "a.log", "-o", "out.log"]) == 0
    assert (logs / "out.log").read_text() == A
    assert main(["lines", "a.log", "-o", "a.log"]) == 2
    assert (logs / "a.log").read_text() == A
    assert sorted(os.listdir()) == ["a.log", "b.log", "out.log"]


def group(name: str, key: int, raw: bytes = b"x", **values: object) -> LineGroup:
    return LineGroup(name, "record", key, key, [(0, raw)], dict(values))


@given(st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=4))
def test_merging_keeps_the_order_of_each(keys: list[list[int]]) -> None:
    streams = [[group(str(at), key) for key in each] for at, each in enumerate(keys)]
    found = list(merged(streams))
    for at, stream in enumerate(streams):
        assert [each for each in found if each.input == str(at)] == stream
    if all(each == sorted(each) for each in keys):
        assert [each.key for each in found] == sorted(key for each in keys for key in each)


def test_terminals_get_colors_and_no_control_characters() -> None:
    shown = TextLines(Look(color=True, escaped=True))
    line = shown(group("a", 1, b'\x1b[2J\t"GET /503 HTTP/1.1" 503 5\xff', status=503))
    assert line == b'\\x1b[2J\t"GET /503 HTTP/1.1" \x1b[31m503\x1b[0m 5\\xff\n'
    assert shown(group("a", 1, b"10:00 warning: x", level="WARN")) == (
        b"10:00 \x1b[33mwarning\x1b[0m: x\n"
    )


def test_batches_give_their_values_to_python(logs: Path) -> None:
    records = logan.records("a.log", columns=["time", "level", "message", "raw"])
    (batch,) = records
    assert [text[-2:] for text in batch.values("message")] == ["a1", "a3", "a5"]
    assert batch.values("level") == ["INFO", "ERROR", "INFO"]
    assert batch.values("raw")[0] == A.splitlines()[0].encode()
    assert batch.values("time")[0] == 1_706_091_301_000_000_000
    with pytest.raises(ValueError, match="has no column"):
        batch.values("x")


@given(
    st.lists(st.sampled_from([b"", b"a", b"bc", b"d" * 70_000]), min_size=1, max_size=12),
    st.data(),
)
def test_context_is_what_a_list_of_lines_gives(lines: list[bytes], data: st.DataObject) -> None:
    chosen = sorted(data.draw(st.sets(st.integers(0, len(lines) - 1))))
    before, after = data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
    starts = [sum(len(line) + 1 for line in lines[:at]) for at in range(len(lines))]
    groups = [LineGroup("x", "record", 0, 0, [(starts[at], lines[at])]) for at in chosen]
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\n".join(lines) + b"\n")
        file.flush()
        found = list(with_context(groups, file.name, before, after))
    shown = [line for each in found for line in (*each.before, *each.lines, *each.after)]
    wanted = {
        at for each in chosen for at in range(each - before, each + after + 1) if at >= 0
    } & set(range(len(lines)))
    assert shown == [(starts[at], lines[at]) for at in sorted(wanted)]
