"""The command as users meet it: real processes, pipes, a pseudo-terminal, signals, exit codes."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cluster_processes import wait_until
from tests.support.permissions import held_to_permissions

LINE = b"2024-01-24 10:15:32.123 INFO Request processed in 127ms\n"
ERROR_LINE = b"2024-01-24 10:15:33.001 ERROR Database connection failed\n"
COMMAND = [sys.executable, "-m", "logan"]


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "app.log"
    path.write_bytes(LINE * 200 + ERROR_LINE * 50 + b"Invalid log line\n" * 3)
    return str(path)


def logan(
    *args: str, stdin: bytes = b"", env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[bytes]":
    """Run the command; whatever happens, it shows no traceback."""
    done = subprocess.run(
        [*COMMAND, *args],
        input=stdin,
        capture_output=True,
        timeout=60,
        env=os.environ | (env or {}),
        check=False,
    )
    assert b"Traceback" not in done.stderr
    return done


def on_terminal(*args: str, columns: int = 80, env: dict[str, str] | None = None) -> str:
    """What the command writes to a terminal of that width."""
    controller, terminal = pty.openpty()
    child_env = os.environ | {"COLUMNS": str(columns), "TERM": "xterm"} | (env or {})
    process = subprocess.Popen(
        [*COMMAND, *args], stdin=terminal, stdout=terminal, stderr=terminal, env=child_env
    )
    os.close(terminal)
    output = b""
    try:
        while piece := os.read(controller, 65_536):
            output += piece
    except OSError:  # how Linux reports the end of a terminal
        pass
    os.close(controller)
    assert process.wait(60) == 0
    return output.decode().replace("\r\n", "\n")


def test_json_holds_the_figures(log: str) -> None:
    done = logan("analyze", "--json", log)
    assert done.returncode == 0
    assert done.stderr == b""
    report = json.loads(done.stdout)
    assert report["total_requests"] == 200
    assert report["avg_response_time"] == 127.0
    assert report["error_rate"] == 50.0
    assert report["malformed_lines"] == 3
    assert report["partial"] is False
    assert report["performance"]["peak_rss_bytes"] > 0


def test_a_pipe_gives_the_figures_of_the_file(log: str) -> None:
    by_name = json.loads(logan("analyze", "--json", log).stdout)
    piped = json.loads(logan("analyze", "--json", "-", stdin=Path(log).read_bytes()).stdout)
    assert piped["inputs"][0]["path"] == "-"
    for key in ("total_requests", "lines", "series", "levels", "messages", "response_time_ms"):
        assert piped[key] == by_name[key]


def test_text_in_a_pipe_is_plain_and_80_wide(log: str) -> None:
    done = logan("analyze", log, env={"COLUMNS": ""})
    text = done.stdout.decode()
    assert "\x1b" not in text
    assert max(len(line) for line in text.split("\n")) <= 80
    assert "Top errors and warnings" in text


@pytest.mark.parametrize("columns", [80, 200])
def test_text_on_a_terminal_is_coloured_and_fits(log: str, columns: int) -> None:
    text = on_terminal("analyze", log, columns=columns, env={"NO_COLOR": ""})
    assert "\x1b[" in text
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
    assert max(len(line) for line in plain.split("\n")) <= columns
    assert on_terminal("analyze", log, env={"NO_COLOR": "1"}).count("\x1b") == 0


def test_latin1_and_ascii_terminals_get_what_they_can_show(log: str) -> None:
    for encoding in ("ascii", "latin-1"):
        done = logan("analyze", log, env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
        assert done.returncode == 0
        assert done.stdout.isascii()


def test_csv_goes_to_stdout(log: str) -> None:
    done = logan("analyze", log, "--csv", "messages")
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "template,level,count,share,first,last,sample"
    assert lines[1].startswith("Database connection failed,ERROR,50,")


def test_output_to_a_file(log: str, tmp_path: Path) -> None:
    out = tmp_path / "report.json"
    done = logan("analyze", log, "--json", "-o", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert json.loads(out.read_text())["total_requests"] == 200


def test_expectations_gate(log: str) -> None:
    held = logan("analyze", log, "--expect", "response_time_ms.p99<=300", "--json")
    assert held.returncode == 0
    done = logan("analyze", log, "--expect", "error_rate<1", "--expect", "total_requests==200")
    assert done.returncode == 1
    assert b"FAIL  error_rate<1: is 50 errors/min, 49 above; for the share" in done.stderr
    assert b"ok    total_requests==200: is 200" in done.stderr
    assert b"1 of 2 expectations failed" in done.stderr


def test_an_expectation_that_cannot_be_read_points_at_its_fault(log: str) -> None:
    done = logan("analyze", log, "--expect", "error_rate=<1")
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"  error_rate=<1\n            ^\n" in done.stderr


def test_validate_prints_every_mismatch(log: str, tmp_path: Path) -> None:
    expected = tmp_path / "expected.json"
    expected.write_text('{"total_requests": 201, "errors": {"total": 50}, "malformed_lines": 0}')
    report = logan("analyze", log, "--json").stdout
    done = logan("validate", "-", str(expected), stdin=report)
    assert done.returncode == 1
    assert done.stdout.decode().splitlines() == [
        "malformed_lines: is 3, expected 0 exactly",
        "1 of 3 metrics are not as expected",
    ]
    expected.write_text('{"total_requests": 200}')
    assert logan("validate", "-", str(expected), stdin=report).returncode == 0
    assert logan("validate", str(tmp_path / "none"), str(expected)).returncode == 3
    assert logan("validate", log, str(expected)).returncode == 3
    assert logan("validate", "-", "-", stdin=report).returncode == 2
    saved = tmp_path / "report.json"
    saved.write_bytes(report)
    swapped = logan("validate", str(expected), str(saved))
    assert swapped.returncode == 2
    assert f"{saved} is a report, {expected} is not" in swapped.stderr.decode()
    assert f"hint: swap them: logan validate {saved} {expected}" in swapped.stderr.decode()
    folder = logan("validate", str(tmp_path), str(expected))
    assert (folder.returncode, b"analyze" in folder.stderr) == (3, False)
    # A gate that checks nothing is a slip, not a success.
    expected.write_text('{"errors": {}}')
    nothing = logan("validate", "-", str(expected), stdin=report)
    assert nothing.returncode == 3
    assert b"contains no metrics" in nothing.stderr


def test_bad_inputs_do_not_spoil_a_good_one(log: str, tmp_path: Path) -> None:
    binary = tmp_path / "core"
    binary.write_bytes(b"\x7fELF" + bytes(range(256)) * 16)
    folder = tmp_path / "without-logs"
    folder.mkdir()
    missing = str(tmp_path / "missing.log")
    done = logan("analyze", "--json", str(folder), missing, str(binary), log)
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert report["total_requests"] == 200
    assert report["partial"] is True
    errors = [entry["error"] for entry in report["inputs"]]
    assert errors[3] is None
    assert done.stderr.decode().splitlines() == [f"logan: {error}" for error in errors[:3]]


def test_no_readable_input_prints_no_text_report(tmp_path: Path) -> None:
    done = logan("analyze", str(tmp_path / "missing.log"))
    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr.decode().count("\n") == 1


def test_no_permission(log: str) -> None:
    os.chmod(log, 0)
    command = [*held_to_permissions(), *COMMAND, "analyze", log]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert done.returncode == 3
    assert b"no permission" in done.stderr


def test_an_empty_file_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "empty.log").touch()
    done = logan("analyze", str(tmp_path / "empty.log"))
    assert done.returncode == 0
    assert b"empty: nothing to analyze" in done.stderr


def test_names_from_the_file_system_cannot_steer_the_terminal(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/\x1b[31m\xff.log"
    Path(os.fsdecode(name)).write_bytes(LINE)
    for args in (["analyze"], ["analyze", "--json"], ["detect"]):
        done = logan(*args, os.fsdecode(name))
        assert done.returncode == 0, done.stderr
        assert b"\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["nope"],
        ["analyze", "x", "--nope"],
        ["analyze", "x", "--json", "--csv", "series"],
        ["analyze", "x", "--threads", "0"],
        ["analyze", "x", "--format", "nope"],
        ["analyze", "x", "--color", "purple"],
    ],
)
def test_wrong_usage(args: list[str]) -> None:
    done = logan(*args)
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"logan: ")


def test_full_disk(log: str) -> None:
    for args in (["-o", "/dev/full"], []):
        with open("/dev/full", "wb") as full:
            done = subprocess.run(
                [*COMMAND, "analyze", log, *args],
                stdout=full if not args else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                check=False,
            )
        assert done.returncode == 4
        assert b"No space left on device" in done.stderr
        assert b"Traceback" not in done.stderr
        assert b"Exception" not in done.stderr


def test_a_closed_pipe_is_quiet(log: str) -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [*COMMAND, "analyze", log], stdout=write, stderr=subprocess.PIPE, check=False
    )
    os.close(write)
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_closed_standard_streams_are_no_traceback(log: str, closed: str) -> None:
    path = "-" if closed == "<&-" else log
    command = f'"{sys.executable}" -m logan analyze --json {path} {closed}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert done.returncode == {"<&-": 3, ">&-": 4, "2>&-": 0}[closed]
    assert b"Traceback" not in done.stderr + done.stdout


def test_a_standard_input_that_is_not_for_reading_is_said(tmp_path: Path) -> None:
    for command in ("analyze -", "detect -", "validate - x"):
        shell = f'"{sys.executable}" -m logan {command} 0>"{tmp_path}/x"'
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
        assert done.returncode == 3
        assert done.stderr.startswith("logan: standard input is not open for reading")
        assert done.stderr.count("\n") <= 2


def test_validate_says_that_standard_input_is_closed(log: str) -> None:
    command = f'"{sys.executable}" -m logan validate - "{log}" <&-'
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (3, b"logan: standard input is closed\n")


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_with_a_partial_report(signum: int, code: int) -> None:
    with subprocess.Popen(
        [*COMMAND, "analyze", "--json", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        # More than a pipe holds: when all is written, the command is in the middle of reading.
        process.stdin.write(LINE * 20_000)
        process.stdin.flush()
        process.send_signal(signum)
        # The writer stays: nothing but the signal may end the command.
        out, err = process.stdout.read(), process.stderr.read()
        assert process.wait(60) == code
    report = json.loads(out)
    assert report["partial"] is True
    assert 0 < report["total_requests"] <= 20_000
    assert report["malformed_lines"] == 0
    (missing,) = report["missing"]
    assert (missing["input"], missing["end"]) == ("-", None)
    assert err == b"logan: interrupted: the report is partial\n"


def read_bytes(pid: int) -> int:
    """What a process has read so far, from anywhere."""
    counted = re.search(r"rchar: (\d+)", Path(f"/proc/{pid}/io").read_text())
    return int(counted[1]) if counted else 0


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="needs /proc")
@pytest.mark.parametrize("attempt", range(4))
def test_a_signal_stops_reading_a_writer_that_is_faster(attempt: int) -> None:
    # Buffers are full then: the reader waits for the scanner, which has stopped to take any.
    with (
        subprocess.Popen(["yes", LINE.decode().strip()], stdout=subprocess.PIPE) as writer,
        subprocess.Popen(
            [*COMMAND, "analyze", "--json", "-"],
            stdin=writer.stdout,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        try:
            # So much that it is in the middle of reading, however late it began.
            wait_until(lambda: read_bytes(process.pid) > 64 * 2**20, "the command to read")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
            writer.kill()
    assert process.returncode == 130
    assert err == b"logan: interrupted: the report is partial\n"
    assert json.loads(out)["total_requests"] > 0


def test_detect_and_formats(log: str) -> None:
    done = logan("detect", log)
    assert done.returncode == 0
    assert b"253 lines sampled" in done.stdout
    (found,) = json.loads(logan("detect", log, "--json").stdout)
    assert found["path"] == log
    assert found["malformed"] == 3
    names = {each["name"] for each in json.loads(logan("formats", "--json").stdout)}
    assert found["formats"][0]["name"] in names
    assert logan("detect", log, "/none").returncode == 3


def test_version() -> None:
    done = logan("--version")
    assert re.fullmatch(rb"logan \d+\.\d+\.\d+\S*\n", done.stdout)


def test_completions_know_the_commands_and_what_is_a_file() -> None:
    done = logan("completion", "bash")
    assert done.returncode == 0
    asked = b'\nCOMP_WORDS=(logan an); COMP_CWORD=1; _shtab_logan; echo "${COMPREPLY[@]}"'
    completed = subprocess.run(["bash", "-c", done.stdout + asked], capture_output=True, check=True)
    assert completed.stdout.split() == [b"analyze"]
    assert b"_shtab_logan_analyze_pos_0_COMPGEN=_shtab_compgen_files" in done.stdout
    assert b"complete -c logan" in logan("completion", "fish").stdout
    assert logan("completion", "zsh").stdout.startswith(b"#compdef logan")
    refused = logan("completion", "elvish")
    assert refused.returncode == 2
    assert b"'bash', 'zsh', 'fish', 'tcsh'" in refused.stderr
