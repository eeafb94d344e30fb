"""Logs of hosts without logan, over a real sshd on loopback: what is read, and each fault."""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

import logan
from logan.cluster.coordinator.submission import plan_submission
from logan.cluster.request import Submission
from logan.errors import InputError
from logan.options import Options
from logan.planning.prepare import prepare
from logan.scan import scan_chunk
from logan.sources.roots import Roots
from logan.sources.ssh.connections import close_all
from logan.sources.url_roots import UrlRoots
from tests.support.cluster_processes import wait_until
from tests.support.permissions import held_to_permissions
from tests.support.ssh_server import SshServer, free_port, open_sshd


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with open_sshd(tmp_path_factory.mktemp("sshd")) as found:
        for name in ("web1", "web2", "web3"):
            found.add(name)
        yield found


@pytest.fixture
def server(running: SshServer, monkeypatch: pytest.MonkeyPatch) -> SshServer:
    """A server that this process reaches, too."""
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("logan.sources.ssh.connections.PAUSE_S_MAX", 0.1)
    monkeypatch.setattr("logan.sources.ssh.session.HELLO_S_MAX", 4.0)
    return running


RELAY = f"{sys.executable} {Path(__file__).parents[1] / 'support' / 'relay.py'}"


def lines(count: int, *, seed: int = 0, status: int = 200) -> bytes:
    """Lines that compress little."""
    chance = random.Random(seed)
    return b"".join(
        b'10.0.0.%d - - [24/Jan/2024:10:%02d:%02d +0000] "GET /items/%x HTTP/1.1" %d %d 0.%03d\n'
        % (
            *(number % 200, number // 60 % 60, number % 60),
            *(chance.getrandbits(256), status, chance.randrange(9_000), chance.randrange(1, 999)),
        )
        for number in range(count)
    )


def run(server: SshServer, *args: object, **env: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "logan", *map(str, args)],
        capture_output=True,
        timeout=120,
        env=os.environ | server.environment | env,
        check=False,
        text=True,
        errors="surrogateescape",
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def analyzed(*paths: str, **options: Any) -> tuple[dict[str, Any], list[str]]:
    """The report as the library makes it, and the errors of its inputs."""
    report = logan.analyze(paths, errors="report", **options).to_dict()
    assert report["partial"] == any(each["error"] for each in report["inputs"])
    return report, [each["error"] for each in report["inputs"] if each["error"]]


def same(report: dict[str, Any], path: Path | str) -> None:
    """That the figures are those of the file read here."""
    local = logan.analyze(str(path)).to_dict()
    for key in ("lines", "status", "time", "bytes_sent", "routes", "clients", "response_time_ms"):
        assert report[key] == local[key], key


def test_several_hosts_are_one_report(tmp_path: Path, server: SshServer) -> None:
    (tmp_path / "a.log").write_bytes(lines(2_000))
    (tmp_path / "b.log").write_bytes(lines(3_000, seed=1, status=500))
    done = run(
        *(server, "analyze", "--json", f"web1:{tmp_path}/a.log", f"ssh://web2{tmp_path}/b.log"),
        f"web3:{tmp_path}/no.log",
    )
    report = json.loads(done.stdout)
    assert done.returncode == 3
    assert done.stderr == (
        f"logan: web3:{tmp_path}/no.log: no such file; see what is there: "
        f"{server.environment['LOGAN_SSH']} web3 ls -l "
        f"{tmp_path}\n"
    )
    assert report["status"] == {"200": 2_000, "500": 3_000}
    assert [each["path"] for each in report["inputs"]] == [
        *(f"web1:{tmp_path}/a.log", f"web2:{tmp_path}/b.log", f"web3:{tmp_path}/no.log"),
    ]


@pytest.mark.parametrize("shell", ["fish -c", "csh -c", "zsh -c", "dash -c", "bash -lc"])
def test_any_login_shell(tmp_path: Path, server: SshServer, shell: str) -> None:
    name = shell.split(maxsplit=1)[0]
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    server.add(name, runs=f'exec {shell} "$SSH_ORIGINAL_COMMAND"')
    (tmp_path / "a b.log").write_bytes(lines(10_000))
    report, said = analyzed(f"{name}:{tmp_path}/a b.log")
    assert not said
    same(report, tmp_path / "a b.log")


def test_what_a_login_prints_is_no_log(tmp_path: Path, server: SshServer) -> None:
    server.add(
        "noisy",
        runs="cat "
        + str(tmp_path / "motd")
        + '; printf "no newline"; eval "$SSH_ORIGINAL_COMMAND"',
    )
    (tmp_path / "motd").write_bytes(lines(500, status=503) + b"@deadbeef hello 1 1 1\n")
    (tmp_path / "a.log").write_bytes(lines(1_000))
    report, said = analyzed(f"noisy:{tmp_path}/a.log")
    assert (said, report["status"]) == ([], {"200": 1_000})


@pytest.mark.parametrize("lacking", ["gzip", "stat", "cksum", "gzip stat cksum find"])
def test_hosts_with_few_programs(tmp_path: Path, server: SshServer, lacking: str) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for each in ("sh", "head", "tail", "wc", "ls", "cat", "find", "gzip", "stat", "cksum"):
        if each not in lacking.split():
            (programs / each).symlink_to(shutil.which(each) or "")
    name = "few-" + lacking.replace(" ", "-")
    server.add(name, runs=f'PATH={programs}; export PATH; eval "$SSH_ORIGINAL_COMMAND"')
    (tmp_path / "a.log").write_bytes(lines(20_000))
    report, said = analyzed(f"{name}:{tmp_path}/a.log")
    assert not said
    same(report, tmp_path / "a.log")


def test_a_selected_time_is_searched_for_there(tmp_path: Path, server: SshServer) -> None:
    """The report is that of the file read here, and few bytes are fetched for it."""
    log = tmp_path / "a.log"
    with log.open("w") as file:
        for number in range(150_000):
            at = number // 2
            clock = f"2024-01-24 {at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}.000"
            pad = "x" * (number % 90)
            file.write(f"{clock} INFO Request {number} processed in {number % 500}ms {pad}\n")
    for options in (
        {"since": "2024-01-24T10:00:00", "until": "2024-01-24T10:20:00"},
        {"since": "1h", "relative_to": "last"},
        {"until": "2024-01-24T00:05:00"},
    ):
        report = logan.analyze([f"web1:{log}"], **options).to_dict()  # type: ignore[arg-type]
        local = logan.analyze(str(log), **options).to_dict()  # type: ignore[arg-type]
        for key in ("response_time_ms", "levels", "time", "total_requests"):
            assert report[key] == local[key], key
        assert report["lines"]["parsed"] == local["lines"]["parsed"] > 500
        (entry,) = report["inputs"]
        assert any(
            "bytes outside the selected time range were not read" in e for e in entry["assumed"]
        )
        assert report["lines"]["skipped_bytes"] > log.stat().st_size * 0.7
    for each in report["findings"]:
        assert each["explained"] != "second_pass"


@pytest.mark.parametrize("how", ["gz", "xz", "plain"])
def test_compressed_and_chunked(tmp_path: Path, server: SshServer, how: str) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(lines(60_000))
    if how != "plain":
        subprocess.run([{"gz": "gzip", "xz": "xz"}[how], "-1", path], check=True)
        path = path.with_suffix(f".log.{how}")
    report, said = analyzed(f"web1:{path}", chunk_size=1 << 20)
    assert not said
    same(report, path)


NAMES = [
    *("a b.log", 'it\'s "quoted".log', "$(touch pwned).log", "`touch pwned`.log", "-n.log"),
    *("new\nline.log", "a;b&c|d>e.log", "back\\slash.log", "star*.log", "q?.log", "[b].log"),
    *("%41.log", "#hash.log", "~.log", "ümlaut.log", "!bang.log", "trailing .log", "{a,b}.log"),
]


def test_names_mean_themselves(tmp_path: Path, server: SshServer) -> None:
    for number, name in enumerate(NAMES):
        (tmp_path / name).write_bytes(lines(number + 1, seed=number))
    (tmp_path / os.fsdecode(b"not-\xff-utf8.log")).write_bytes(lines(100))
    for number, name in enumerate(NAMES):
        report, said = analyzed(f"web1:{tmp_path}/{name}")
        assert (said, report["lines"]["total"]) == ([], number + 1), name
    whole = len(NAMES) * (len(NAMES) + 1) // 2 + 100
    for every in (f"web1:{tmp_path}/*.log", f"web1:{tmp_path}", f"ssh://web1{tmp_path}/"):
        report, said = analyzed(every)
        assert (said, report["lines"]["total"]) == ([], whole), every
    assert not list(tmp_path.rglob("*pwned"))
    assert not Path("pwned").exists()
    assert not (Path.home() / "pwned").exists()


def test_patterns_are_expanded_there(tmp_path: Path, server: SshServer) -> None:
    folder = tmp_path / "my app's"
    (folder / "deep" / "er").mkdir(parents=True)
    for number, name in enumerate(["a1.log", "a2.log", "a10.log", "b.txt", "deep/er/c.log"]):
        (folder / name).write_bytes(lines(10**number if number < 4 else 5))
    for pattern, total in (
        *(("a*.log", 111), ("a?.log", 11), ("a[!1]*", 10), ("[ab][1.]*", 1_101), ("*.txt", 1_000)),
        *(("**/*.log", 116), ("deep/*/c.*", 5)),
    ):
        report, said = analyzed(f"web1:{folder}/{pattern}")
        assert (said, report["lines"]["total"]) == ([], total), pattern
    _, said = analyzed(f"web1:{folder}/x*.log")
    assert "no file there matches this pattern" in said[0]


def test_a_path_from_the_home_folder(tmp_path: Path, server: SshServer) -> None:
    server.add("home", runs=f'HOME={tmp_path}; cd "$HOME"; eval "$SSH_ORIGINAL_COMMAND"')
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "-x.log").write_bytes(lines(7))
    for path in ("home:logs/-x.log", "home:~/logs/-x.log", "ssh://home/~/logs/*.log", "home:logs"):
        report, said = analyzed(path)
        assert (said, report["lines"]["total"]) == ([], 7), path


def test_two_names_of_one_file_count_once(tmp_path: Path, server: SshServer) -> None:
    (tmp_path / "a.log").write_bytes(lines(50))
    (tmp_path / "current.log").symlink_to("a.log")
    report, said = analyzed(f"web1:{tmp_path}/*.log")
    assert (said, report["lines"]["total"]) == ([], 50)
    assert any("the same file as" in note for each in report["inputs"] for note in each["notes"])


def test_other_commands_read_hosts(tmp_path: Path, server: SshServer) -> None:
    (tmp_path / "a.log").write_bytes(lines(300) + lines(20, seed=1, status=500))
    path = f"web1:{tmp_path}/a.log"
    found = run(server, "lines", path, "--where", "status = 500").stdout
    assert found.encode() == lines(20, seed=1, status=500)
    assert "common" in run(server, "detect", path).stdout
    assert "320" in run(server, "sql", "select count(*) from log", path).stdout
    done = run(server, "export", path, "-o", tmp_path / "a.csv")
    assert done.returncode == 0
    assert len((tmp_path / "a.csv").read_bytes().splitlines()) == 321
    assert run(server, "diff", path, f"web2:{tmp_path}/a.log").returncode == 0


def test_names_that_only_look_like_hosts(tmp_path: Path, server: SshServer) -> None:
    (tmp_path / "web1:a.log").write_bytes(lines(3))
    for path in ("web1:a.log", "./web1:a.log"):
        found = subprocess.run(
            [sys.executable, "-m", "logan", "analyze", "--json", path],
            cwd=tmp_path,
            env=os.environ | {"LOGAN_SSH": "false"},
            capture_output=True,
            check=False,
        )
        assert json.loads(found.stdout)["lines"]["total"] == 3
    mark = tmp_path / "ran"
    for path in (r"C:\x.log", "10:15", "localhost:8080", "/no/web1:a.log", "a/b:c"):
        done = run(server, "analyze", path, LOGAN_SSH=f"touch {mark}")
        assert done.returncode == 3
        assert "no such file" in done.stderr
    for path in ("-oProxyCommand=touch ran:/x", "ssh://-oProxyCommand=touch ran/x", "u@-o:/x"):
        done = run(server, "analyze", "--", path)
        assert "cannot begin with a dash" in done.stderr
        assert done.returncode == 3
    assert not Path("ran").exists()
    assert not mark.exists()
    done = run(server, "analyze", "ssh://me:secret@web1/x.log")
    assert done.returncode == 3
    assert "a password does not belong in an address" in done.stderr
    assert "secret" not in done.stderr + done.stdout


# --- Hosts that fail ----------------------------------------------------------------------------


def one_fails(
    server: SshServer, tmp_path: Path, host: str, why: str, *, most_s: float = 20
) -> None:
    """That the host that fails is named with the reason, and the other one is right."""
    (tmp_path / "a.log").write_bytes(lines(10))
    began = time.monotonic()
    report, said = analyzed(f"{host}:/x.log", f"web1:{tmp_path}/a.log")
    assert report["lines"]["total"] == 10
    assert len(said) == 1
    assert said[0].startswith(f"{host}:/x.log: {why}; ")
    assert f"{server.environment['LOGAN_SSH']} {host}" in said[0] or "~/.ssh/config" in said[0]
    assert time.monotonic() - began < most_s


def test_connection_refused(tmp_path: Path, server: SshServer) -> None:
    server.add("refuses", port=free_port())
    one_fails(server, tmp_path, "refuses", "connection refused")


def test_unknown_host_name(tmp_path: Path, server: SshServer) -> None:
    one_fails(server, tmp_path, "no-such-host.invalid", "no host has that name")


def test_unknown_host_key(tmp_path: Path, server: SshServer) -> None:
    server.add("stranger", known=False)
    one_fails(server, tmp_path, "stranger", "its host key is not known here")


def test_changed_host_key(tmp_path: Path, server: SshServer) -> None:
    server.add("impostor")
    key = server.folder / "another"
    make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)]
    subprocess.run(make, check=True)
    kind, public = key.with_suffix(".pub").read_text().split()[:2]
    other = server.folder / "known-other"
    other.write_text(f"[127.0.0.1]:{server.port} {kind} {public}\n")
    config = server.folder / "config"
    before = config.read_text()
    config.write_text(f"Host impostor\n  UserKnownHostsFile {other}\n{before}")
    one_fails(server, tmp_path, "impostor", "its host key is not the one that is known")


def test_a_password_is_asked_for(tmp_path: Path, server: SshServer) -> None:
    server.add("asks", allowed=False)
    one_fails(server, tmp_path, "asks", "ssh was not let in without a password (publickey)")


def test_a_login_without_a_shell(tmp_path: Path, server: SshServer) -> None:
    server.add("closed", runs="echo This account is not available.; exit 1")
    one_fails(
        server, tmp_path, "closed", "no shell answered there (This account is not available.)"
    )


def test_a_host_that_hangs(tmp_path: Path, server: SshServer) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        server.add("hangs", port=silent.getsockname()[1])
        one_fails(server, tmp_path, "hangs", "no answer within 4 s")


def test_ssh_is_not_installed(server: SshServer) -> None:
    done = run(server, "analyze", "web1:/x.log", LOGAN_SSH="/no/such/ssh")
    assert done.returncode == 3
    assert "/no/such/ssh cannot be run: No such file or directory" in done.stderr
    assert "LOGAN_SSH" in done.stderr
    assert run(server, "analyze", "web1:/x.log", LOGAN_SSH="ssh 'x").returncode == 2


# --- Connections that break ---------------------------------------------------------------------


def test_a_transfer_that_breaks_goes_on_at_its_last_byte(tmp_path: Path, server: SshServer) -> None:
    (tmp_path / "a.log").write_bytes(lines(60_000))
    server.add("breaks", runs=f"sh | {RELAY} 1500000")
    report, said = analyzed(f"breaks:{tmp_path}/a.log", threads=1)
    assert not said
    same(report, tmp_path / "a.log")


def test_a_host_that_goes_for_good_is_named(tmp_path: Path, server: SshServer) -> None:
    (tmp_path / "a.log").write_bytes(lines(60_000))
    (tmp_path / "b.log").write_bytes(lines(10))
    once = tmp_path / "once"
    server.add("dies", runs=f"[ -e {once} ] && exit 1; sh | {RELAY} 1500000; touch {once}")
    report, said = analyzed(f"dies:{tmp_path}/a.log", f"web1:{tmp_path}/b.log", threads=1)
    assert report["lines"]["total"] == 10
    (missing,) = report["missing"]
    size = (tmp_path / "a.log").stat().st_size
    assert (missing["start"], missing["end"]) == (0, size)
    assert said[0].startswith(f"dies:{tmp_path}/a.log: no shell answered there after byte ")
    assert f"check the connection: {server.environment['LOGAN_SSH']} dies true" in said[0]


def test_killed_connections(tmp_path: Path, server: SshServer) -> None:
    for number in range(4):
        (tmp_path / f"{number}.log").write_bytes(lines(60_000, seed=number))
    over = threading.Event()
    cuts = []

    def cut() -> None:
        while not over.wait(0.3):
            cuts.append(server.cut())

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        report, said = analyzed(*(f"web1:{tmp_path}/{n}.log" for n in range(4)))
    finally:
        over.set()
        thread.join()
    assert sum(cuts) > 0
    total = report["lines"]["total"]
    # One that was cut too often is named, and whole files are missing then.
    assert total == 60_000 * (4 - len(said))
    failed = {each["path"] for each in report["inputs"] if each["error"]}
    assert {each["input"] for each in report["missing"]} <= failed


def test_a_host_that_stops_answering(
    tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.log").write_bytes(lines(60_000))
    server.add("stalls", runs=f"sh | {RELAY} 1500000 /no/such/file")
    monkeypatch.setattr("logan.sources.ssh.session.FETCH_TIMEOUT_S", 0.7)
    report, said = analyzed(f"stalls:{tmp_path}/a.log", threads=1)
    # Each connection gives something new before it stalls, so that the file is read in the end.
    assert not said
    same(report, tmp_path / "a.log")
    monkeypatch.setattr("logan.sources.ssh.files.FETCH_RETRIES_MAX", 1)
    once = tmp_path / "once"
    server.add(
        "stalls-for-good",
        runs=f"n=90; [ -e {once} ] || n=1500000; touch {once}; sh | {RELAY} $n /no/such/file",
    )
    report, said = analyzed(f"stalls-for-good:{tmp_path}/a.log", threads=1)
    assert report["lines"]["total"] == 0
    assert "no byte came for 0.7 s after byte " in said[0]
    assert (
        f"check the connection: {server.environment['LOGAN_SSH']} stalls-for-good true" in said[0]
    )


# --- Files that change --------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["grow", "rename", "truncate", "rewrite", "delete"])
def test_a_file_that_changes_while_it_is_read(tmp_path: Path, server: SshServer, how: str) -> None:
    path, go = tmp_path / "a.log", tmp_path / "go"
    path.write_bytes(lines(60_000))
    shutil.copy(path, tmp_path / "planned")
    server.add(f"slow-{how}", runs=f"sh | {RELAY} 900000 {go}")
    found: list[tuple[dict[str, Any], list[str]]] = []
    thread = threading.Thread(
        target=lambda: found.append(analyzed(f"slow-{how}:{path}", threads=1, chunk_size=1 << 20))
    )
    thread.start()
    wait_until((tmp_path / "go.waits").exists, "the transfer waits")
    if how == "grow":
        with open(path, "ab") as file:
            file.write(lines(500, status=500))
    elif how == "rename":
        path.rename(tmp_path / "a.log.1")
        path.write_bytes(lines(100, status=500))
    elif how == "truncate":
        os.truncate(path, 0)
    elif how == "rewrite":
        path.write_bytes(lines(70_000, seed=5, status=500))
    else:
        path.unlink()
    go.touch()
    thread.join()
    report, said = found[0]
    if how in ("grow", "rename"):
        assert not said
        wanted = {"grow": "grew by ", "rename": "another file had its name when"}[how]
        assert any(each.startswith(wanted) for each in report["inputs"][0]["notes"])
        same(report, tmp_path / "planned")
    else:
        assert report["missing"]
        assert report["status"].get("500", 0) == 0
        # The number of a deleted file may be that of another one at once.
        assert "the file changed: " in said[0] or (how == "delete" and "it is gone" in said[0])


def test_files_that_cannot_be_read(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret.log").write_bytes(lines(3))
    (tmp_path / "secret.log").chmod(0)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "a.log").write_bytes(lines(3))
    (tmp_path / "closed").chmod(0)
    os.mkfifo(tmp_path / "pipe")
    folder = tmp_path_factory.mktemp("held")
    try:
        with open_sshd(folder, before=held_to_permissions()) as server:
            server.add("held")
            monkeypatch.setenv("LOGAN_SSH", server.environment["LOGAN_SSH"])
            for name, why in (
                ("secret.log", "no permission to read it; log in as a user with permission, or: "),
                ("closed/a.log", "no permission to read it"),
                ("pipe", f"with a size; read it as a stream: {os.environ['LOGAN_SSH']} held cat "),
                ("none.log", "no such file"),
            ):
                _, said = analyzed(f"held:{tmp_path}/{name}")
                assert why in said[0]
            _, said = analyzed("held:/proc/version")
            assert "is not a regular file with a size" in said[0]
    finally:
        (tmp_path / "closed").chmod(0o755)


def test_nothing_is_left_there(tmp_path: Path, server: SshServer) -> None:
    (tmp_path / "a.log").write_bytes(lines(10))
    run(server, "analyze", f"web1:{tmp_path}/a.log")
    analyzed(f"web1:{tmp_path}/a.log")
    assert server.sessions(), "a connection is kept for a moment"
    close_all()
    wait_until(lambda: not server.sessions(), "no process is left")


# --- Who may ask for it -------------------------------------------------------------------------


def planned(paths: list[str], *roots: str, confined: bool) -> list[str | None]:
    """What a coordinator with these roots makes of paths: the error of each, or None."""
    submission = Submission(paths=paths, confined=confined, base="/")
    work = partial(plan_submission, submission, Roots(roots, owner="coordinator"), {}, strict=False)
    errors = [each.error for each in trio.run(work).job.inputs]
    return [None if each is None else f"{each}; {each.hint}" for each in errors]


@pytest.mark.parametrize("confined", [True, False])
def test_a_coordinator_logs_in_below_its_roots_alone(
    tmp_path: Path, server: SshServer, monkeypatch: pytest.MonkeyPatch, *, confined: bool
) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (tmp_path / "secret.log").write_bytes(lines(3))
    (logs / "a.log").write_bytes(lines(3))
    (logs / "out").symlink_to(tmp_path)
    (logs / "out.log").symlink_to(tmp_path / "secret.log")
    url, root = f"ssh://web1{logs}/a.log", f"ssh://web1{logs}"
    assert planned([url], root, confined=confined) == [None]
    assert planned([f"ssh://web1{logs}/a*.log"], root, confined=confined) == [None]
    mark = tmp_path / "ran"
    monkeypatch.setenv("LOGAN_SSH", f"touch {mark}")
    for path, given in (
        *((url, ()), (url, (f"ssh://web2{logs}",)), (f"ssh://me@web1{logs}/a.log", (root,))),
        *(
            (f"ssh://web1{tmp_path}/secret.log", (root,)),
            (f"ssh://web1{logs}/../secret.log", (root,)),
        ),
        *(
            (f"ssh://web1{logs}/%2e%2e/secret.log", (root,)),
            (f"ssh://web1:2222{logs}/a.log", (root,)),
        ),
        (f"ssh://web1{logs}-other/a.log", (root,)),
    ):
        (why,) = planned([path], *given, confined=confined)
        assert why is not None
        assert "is not below a root of the coordinator; give it one: " in why, path
        assert "logan coordinator --root ssh://" in why
    assert not mark.exists(), "ssh is not even run"
    if confined:
        monkeypatch.setenv("LOGAN_SSH", server.environment["LOGAN_SSH"])
        for name in ("out.log", "out/secret.log"):
            (why,) = planned([f"{root}/{name}"], root, confined=True)
            assert why is not None
            assert "is a link, or leads out of the root" in why


def test_a_worker_logs_in_below_its_roots_alone(tmp_path: Path, server: SshServer) -> None:
    (tmp_path / "a.log").write_bytes(lines(30))
    job = prepare([f"web1:{tmp_path}/a.log"], Options())
    (source,), (chunk,), spec = job.plan.sources, job.plan.chunks, job.spec()
    scan = partial(scan_chunk, source, chunk, spec, chunk_size=1 << 20, expansion_max=0)
    with pytest.raises(InputError, match="is not below a root of the worker"):
        scan(url_roots=UrlRoots())
    found = scan(url_roots=UrlRoots([f"ssh://web1{tmp_path}/"]))
    assert json.loads(found.summary.evaluate())["lines"]["total"] == 30
