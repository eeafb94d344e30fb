"""What `logan watch` costs and how late it is: `python -m tests.bench.live [PART]...`.

- latency: from a line written to its figure on the page (server-sent events) and in the terminal
  (a pseudo-terminal of 80 columns), 1,000 lines each. A control thread that wants to wake every
  100 ms is measured beside it: if it was ever more than 50 ms late the machine was too busy, and
  the figures are said to be invalid.
- cpu: CPU time of the watch at 10,000 lines a second with the page open, as a share of a core.
- viewers: memory and CPU time that 50 viewers add, and one that never reads.
- burst: 1 GiB at once: memory, how long until it is counted, the longest silence on the page.
- catching_up: `watch --from start` of a log of a day, until its page shows all of it, against
  `analyze` of the same log; in turn, the median of the ratios.
- memory: a day in event time through a pipe, with views as a page and a terminal ask for them:
  resident memory and summaries held, by hour. Every line is counted, as fast as the machine can,
  and the watch is told the time of the lines: a second of the log takes some milliseconds. The
  views of a second are asked for once in `--look-s` of them.

Logs lie below the temporary folder. The exit code is 1 if a limit was missed.
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import json
import os
import pty
import random
import re
import select
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

__all__ = ["main"]

MIB: Final = 1 << 20
CONTROL_S: Final = 0.1
CONTROL_LATE_S_MAX: Final = 0.05
BEFORE: Final = 50
CLIENTS: Final = 44_000
ROUTES: Final = 300
AGENTS: Final = 2_000
PIPE_BYTES: Final = 1 << 20
LIMITS: Final = {
    "page_s": 1.0,
    "terminal_s": 0.5,
    "cpu": 0.10,
    "viewers_mib": 20.0,
    "memory_mib": 100.0,
    "catching_up": 1.25,
}

_missed: list[str] = []


def _judge(name: str, value: float, limit: float, unit: str) -> None:
    ok = value <= limit
    if not ok:
        _missed.append(name)
    print(f"  {name}: {value:.3g} {unit} (at most {limit:g}{'' if ok else ': MISSED'})", flush=True)


class Lines:
    """Lines of an access log, by seconds; blocks are made once and get the time of their second."""

    def __init__(self, per_s: int, blocks: int = 20) -> None:
        chance = random.Random(3)
        self.per_s = per_s
        self._count = blocks
        self._blocks = [self._block(chance) for _ in range(blocks)]
        self._folder: Path | None = None

    def _block(self, chance: random.Random) -> bytes:
        lines = []
        for _ in range(self.per_s):
            client = int(chance.random() ** 3 * CLIENTS)
            route = int(chance.random() ** 2 * ROUTES)
            agent = int(chance.random() ** 3 * AGENTS)
            status = 500 if chance.random() < 0.01 else 200
            lines.append(
                f"10.{client % 7}.{client // 256 % 256}.{client % 256} - - [@] "
                f'"GET /api/r{route}/{chance.randrange(10**6)} HTTP/1.1" {status} '
                f'{chance.randrange(9_999)} "-" "Mozilla/5.0 (X11; Linux x86_64) Chrome/{agent}" '
                f"{chance.expovariate(20):.3f}\n"
            )
        return "".join(lines).encode()

    def of(self, second: int) -> bytes:
        """The lines of a second."""
        stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second)).encode()
        return self._at(second % self._count).replace(b"@", stamp)

    def move_to(self, folder: Path) -> None:
        """Keep the blocks in files there, which do not count as memory of this process."""
        for number, block in enumerate(self._blocks):
            (folder / f"{number}.block").write_bytes(block)
        self._blocks, self._folder = [], folder

    def _at(self, number: int) -> bytes:
        if self._folder is None:
            return self._blocks[number]
        return (self._folder / f"{number}.block").read_bytes()


class Control:
    """A thread that wants to wake every 100 ms, and how late it was."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self._over = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Control:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            wanted = time.monotonic() + CONTROL_S
            time.sleep(CONTROL_S)
            self.late_s.append(time.monotonic() - wanted)

    def report(self) -> None:
        """Say whether what was measured meanwhile is worth anything."""
        worst = max(self.late_s, default=0.0)
        late = sum(each > CONTROL_LATE_S_MAX for each in self.late_s)
        valid = "valid" if not late else "NOT VALID, the machine was too busy"
        print(
            f"  control thread: late by {worst * 1e3:.1f} ms at most, {late} times over 50: {valid}"
        )


@contextmanager
def watched(log: Path, *args: str, stdout: Any = subprocess.DEVNULL) -> Iterator[tuple[int, int]]:
    """A watch that serves its page: its process and the port."""
    command = [sys.executable, "-m", "logan", "watch", str(log), "--serve", "127.0.0.1:0", *args]
    process = subprocess.Popen(command, stdout=stdout, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        found = re.search(r"live page: \S+:(\d+)/", process.stderr.readline())
        assert found, "no page"
        yield process.pid, int(found[1])
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        process.kill()
        process.wait()


def cpu_s(pid: int) -> float:
    """CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_mib(pid: int | str = "self", field: str = "VmRSS") -> float:
    """Resident memory of a process; its peak with `VmHWM`."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    assert found
    return int(found[1]) / 1024


def events(port: int, window: str = "all") -> http.client.HTTPResponse:
    """The boards of a window, as a browser gets them."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/events?window={window}")
    return connection.getresponse()


def boards(stream: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """Boards as they come."""
    for line in iter(stream.readline, b""):
        if line.startswith(b"data: "):
            yield json.loads(line[6:])


def counted(board: dict[str, Any]) -> int:
    """How many records a board of all has."""
    return int(board["facts"][0][0].replace(",", ""))


def write_steadily(log: Path, per_s: int, over: Event) -> None:
    """Write so many lines a second, in pieces of a tenth of a second."""
    lines = Lines(per_s)
    begun, piece = time.monotonic(), 0
    with log.open("ab", buffering=0) as file:
        while not over.is_set():
            data = lines.of(int(time.time()))
            borders = [data.rfind(b"\n", 0, len(data) * n // 10) + 1 for n in range(10)]
            for start, end in zip(borders, [*borders[1:], len(data)], strict=True):
                file.write(data[start:end])
                piece += 1
                if over.wait(max(0.0, begun + piece / 10 - time.monotonic())):
                    return


@contextmanager
def writing(log: Path, per_s: int) -> Iterator[None]:
    """A process beside that writes."""
    code = (
        "import sys; from pathlib import Path; from threading import Event; "
        "from tests.bench.live import write_steadily; "
        "write_steadily(Path(sys.argv[1]), int(sys.argv[2]), Event())"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(log), str(per_s)])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def late_by(samples: int, log: Path, seen: Callable[[], int], chance: random.Random) -> list[float]:
    """Write lines at random moments, and how long each took until `seen` counts it."""
    lines = Lines(1)
    written: list[float] = []
    found: list[float] = []
    over = Event()

    def write() -> None:
        with log.open("ab", buffering=0) as file:
            for _ in range(samples):
                time.sleep(chance.uniform(0.02, 0.12))
                written.append(time.monotonic())
                file.write(lines.of(int(time.time())))
        over.set()

    writer = Thread(target=write, daemon=True)
    writer.start()
    while len(found) < samples:
        number = seen()
        now = time.monotonic()
        found += [now - at for at in written[len(found) : number]]
        assert not over.is_set() or now - written[-1] < 30, "lines were never shown"
    return found


def latency(folder: Path, asked: argparse.Namespace) -> None:
    """From a line written to its figure."""
    chance = random.Random(5)
    for name, run in (("page", _on_page), ("terminal", _in_terminal)):
        log = folder / f"{name}.log"
        # The first lines of a log wait for others for a second: they say how it is read.
        log.write_bytes(Lines(BEFORE).of(int(time.time())))
        print(f"{name}, {asked.samples:,} lines", flush=True)
        with Control() as control:
            found = sorted(run(log, asked.samples, chance))
        control.report()
        p50, p99 = found[len(found) // 2], found[int(len(found) * 0.99)]
        print(f"  p50 {p50 * 1e3:.0f} ms, at most {found[-1] * 1e3:.0f} ms")
        _judge(f"{name} p99", p99, LIMITS[f"{name}_s"], "s")


def _on_page(log: Path, samples: int, chance: random.Random) -> list[float]:
    with watched(log, "--interval", "60s") as (_, port):
        shown = boards(events(port))
        next(board for board in shown if counted(board) >= BEFORE)
        return late_by(samples, log, lambda: counted(next(shown)) - BEFORE, chance)


def _in_terminal(log: Path, samples: int, chance: random.Random) -> list[float]:
    pid, terminal = pty.fork()
    if not pid:
        os.environ["TERM"] = "xterm-256color"
        os.environ |= {"COLUMNS": "80", "LINES": "24"}
        command = [sys.executable, "-m", "logan", "watch", str(log), "--window", "all"]
        os.execv(sys.executable, command)
    text = b""
    number = 0

    def seen() -> int:
        nonlocal text, number
        ready, _, _ = select.select([terminal], [], [], 5)
        if ready:
            text = (text + os.read(terminal, 1 << 16))[-(1 << 16) :]
            plain = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", text)
            # The line of values ends before that of their names.
            found = re.findall(rb"([\d,]+) +(?:[\d.,]+/\w+|\xe2\x80\x93) [^\r\n]*\r?\n", plain)
            if found:
                number = int(found[-1].replace(b",", b""))
        return number - BEFORE

    try:
        while seen() < 0:
            pass
        return late_by(samples, log, seen, chance)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)


def _reading(port: int, count: int, over: Event) -> list[Thread]:
    """Viewers in threads that read what comes."""

    def read() -> None:
        with suppress(OSError, http.client.HTTPException):  # the watch has ended
            stream = events(port, "5m")
            while not over.is_set() and stream.read1(1 << 16):
                pass

    threads = [Thread(target=read, daemon=True) for _ in range(count)]
    for each in threads:
        each.start()
    return threads


def cpu(folder: Path, asked: argparse.Namespace) -> None:
    """CPU time at 10,000 lines a second with the page open."""
    log = folder / "cpu.log"
    log.write_bytes(b"")
    print(f"{asked.per_s:,} lines a second, the page open, {asked.seconds} s", flush=True)
    over = Event()
    with watched(log, "--interval", "60s") as (pid, port), writing(log, asked.per_s):
        _reading(port, 1, over)
        time.sleep(asked.warm_s)
        before, begun = cpu_s(pid), time.monotonic()
        first = counted(next(boards(events(port))))
        with Control() as control:
            for minute in range(1, int(asked.seconds // 60) + 1):
                time.sleep(60)
                print(f"  after {minute} min {rss_mib(pid):.0f} MiB resident", flush=True)
            time.sleep(asked.seconds % 60)
        control.report()
        seconds = time.monotonic() - begun
        used = (cpu_s(pid) - before) / seconds
        rate = (counted(next(boards(events(port)))) - first) / seconds
        over.set()
        print(f"  {rate:,.0f} lines a second were counted, {rss_mib(pid):.0f} MiB resident")
        _judge("CPU time", used, LIMITS["cpu"], "of a core")


def viewers(folder: Path, asked: argparse.Namespace) -> None:
    """What 50 viewers add, and one that never reads."""
    log = folder / "viewers.log"
    log.write_bytes(b"")
    print("1, then 50 viewers at 1,000 lines a second; then one that never reads", flush=True)
    over = Event()
    with watched(log, "--interval", "60s") as (pid, port), writing(log, 1_000):
        _reading(port, 1, over)
        time.sleep(asked.warm_s)
        used, memory = _over_a_while(pid, asked.seconds)
        print(f"  1 viewer: {used * 100:.1f} % of a core, {memory:.0f} MiB")
        _reading(port, 49, over)
        time.sleep(5)
        more, most = _over_a_while(pid, asked.seconds)
        print(f"  50 viewers: {more * 100:.1f} % of a core, {most:.0f} MiB")
        _judge("memory of 49 more", most - memory, LIMITS["viewers_mib"], "MiB")
        _judge("CPU time of 49 more", more - used, LIMITS["cpu"], "of a core")
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            lazy.connect(("127.0.0.1", port))
            host = f"127.0.0.1:{port}"
            lazy.sendall(f"GET /events?window=all HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            _, after = _over_a_while(pid, asked.seconds)
        _judge("memory of a viewer that never reads", after - most, LIMITS["viewers_mib"], "MiB")
        over.set()


def _over_a_while(pid: int, seconds: float) -> tuple[float, float]:
    before, begun = cpu_s(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_s(pid) - before) / (time.monotonic() - begun), rss_mib(pid)


def burst(folder: Path, asked: argparse.Namespace) -> None:
    """1 GiB at once."""
    log = folder / "burst.log"
    log.write_bytes(b"")
    print(f"{asked.burst_mib} MiB at once", flush=True)
    lines = Lines(10_000)
    with watched(log, "--interval", "60s") as (pid, port):
        shown = boards(events(port))
        next(shown)
        wanted = 0
        with log.open("ab") as file:
            second = int(time.time())
            while file.tell() < asked.burst_mib * MIB:
                file.write(lines.of(second))
                wanted += lines.per_s
        begun = last = time.monotonic()
        silence = 0.0
        for board in shown:
            now = time.monotonic()
            silence, last = max(silence, now - last), now
            if counted(board) >= wanted:
                break
        print(f"  counted after {time.monotonic() - begun:.1f} s")
        _judge("longest silence on the page", silence, 5.0, "s")
        _judge("peak memory", rss_mib(pid, "VmHWM"), 2 * LIMITS["memory_mib"], "MiB")


def catching_up(folder: Path, asked: argparse.Namespace) -> None:
    """A log of a day that is there already."""
    log = folder / "day.log"
    print(f"catching up with {asked.day_mib:,} MiB of a day", flush=True)
    lines = Lines(max(1, asked.day_mib * MIB // 86_400 // 133))
    now = int(time.time())
    with log.open("wb") as file:
        for second in range(now - 86_400, now):
            file.write(lines.of(second))
    wanted = 86_400 * lines.per_s
    ratios = []
    for _ in range(asked.pairs):
        begun = time.monotonic()
        command = (sys.executable, "-m", "logan", "analyze", str(log))
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        analyzed = time.monotonic() - begun
        begun = time.monotonic()
        with watched(log, "--from", "start", "--interval", "60s") as (pid, port):
            for board in boards(events(port)):
                if counted(board) >= wanted:
                    break
            caught_up = time.monotonic() - begun
            used, peak = cpu_s(pid), rss_mib(pid, "VmHWM")
        ratios.append(caught_up / analyzed)
        print(
            f"  {caught_up:.2f} s ({used:.1f} s of CPU, {peak:.0f} MiB), analyze {analyzed:.2f} s",
            flush=True,
        )
    _judge("time against analyze", statistics.median(ratios), LIMITS["catching_up"], "x")


def memory(folder: Path, asked: argparse.Namespace) -> None:
    """A day in event time."""
    from logan.live.alerts import Alerts
    from logan.live.allocator import give_back, keep_little
    from logan.live.board import board
    from logan.live.recent import Recent
    from logan.live.watching import Watch
    from logan.live.windows import WINDOWS
    from logan.options import Options

    keep_little()
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    print(f"{asked.hours:g} hours at {asked.per_s:,} lines a second, simulated", flush=True)
    lines = Lines(asked.per_s)
    lines.move_to(folder)
    give_back()
    start = 1_706_054_400
    watch = Watch([str(pipe)], Options(), now=float(start))
    fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with suppress(OSError):
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    recent, alerts = Recent(), Alerts(())
    resident: list[float] = []
    used = time.process_time()
    for second in range(start, start + round(asked.hours * 3_600)):
        data = lines.of(second)
        while data:
            with suppress(BlockingIOError):
                data = data[os.write(fd, data) :]
            while watch.step(second + 0.5):
                pass
        if second % asked.look_s == 0:
            board(watch, alerts, recent, window="5m", now=second + 0.9)
        if second % 60 == 0:
            for window in WINDOWS:
                board(watch, alerts, recent, window=window, now=second + 0.95)
        if second % 900 == 0:
            for window in WINDOWS:
                watch.view(window, second + 0.96)
        if (second - start + 1) % 900 == 0:
            resident.append(rss_mib())
            hours = (second - start + 1) / 3_600
            held = ", ".join(f"{count} {name}" for name, count in watch.entries.items())
            print(f"  {hours:5.2f} h  {resident[-1]:6.1f} MiB  {held}", flush=True)
    os.close(fd)
    assert watch.view("all", second + 1.0)["lines"]["parsed"] > 0
    watch.close()
    share = (time.process_time() - used) / (len(resident) * 900)
    print(f"  {share:.2%} of a core, generator included; peak {rss_mib(field='VmHWM'):.0f} MiB")
    if len(resident) > 16:
        early, late = statistics.mean(resident[6:12]), statistics.mean(resident[-6:])
        _judge("growth after the ring is full", late - early, 10.0, "MiB")
    _judge("resident memory", max(resident), LIMITS["memory_mib"], "MiB")


PARTS: Final = {each.__name__: each for each in (latency, cpu, viewers, burst, catching_up, memory)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the parts that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.live")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--samples", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--warm-s", type=float, default=20)
    parser.add_argument("--per-s", type=int, default=10_000)
    parser.add_argument("--burst-mib", type=int, default=1_024)
    parser.add_argument("--day-mib", type=int, default=4_096)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--look-s", type=int, default=5)
    asked = parser.parse_args(arguments)
    if unknown := [each for each in asked.parts if each not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}")
    for name in asked.parts or PARTS:
        with tempfile.TemporaryDirectory(prefix="logan-bench-") as folder:
            PARTS[name](Path(folder), asked)
    if _missed:
        print(f"missed: {', '.join(_missed)}")
    return 1 if _missed else 0


if __name__ == "__main__":
    sys.exit(main())
