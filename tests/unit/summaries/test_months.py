"""Days that were rotated and saved one by one add up to one analysis of the month, to the byte."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import logan
from logan.cli.main import main

ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 15, tzinfo=ZONE)
"""Summer time begins within the month."""

SILENT_DAY, BLANK_DAY, NONSENSE_DAY = 6, 7, 8
Line = Callable[[datetime, random.Random], str]


def access(at: datetime, made: random.Random) -> str:
    path = f"/item/{made.randrange(40)}"
    status = made.choice([200, 200, 404, 500])
    agent = made.choice(["curl/8", "Mozilla/5.0"])
    return (
        f"10.0.0.{made.randrange(9)} - - [{at:%d/%b/%Y:%H:%M:%S %z}] "
        f'"GET {path} HTTP/1.1" {status} {made.randrange(999)} "-" "{agent}" {made.random():.3f}'
    )


def as_json(at: datetime, made: random.Random) -> str:
    level = made.choice(["info", "warn", "error"])
    row = {"timestamp": at.isoformat(), "level": level, "msg": f"job {made.randrange(9)} done"}
    return json.dumps({**row, "status": made.choice([200, 503]), "duration_ms": made.random() * 9})


def logfmt(at: datetime, made: random.Random) -> str:
    level = made.choice(["info", "error"])
    return f'ts={at.isoformat()} level={level} msg="took {made.randrange(99)}ms" status=200'


def local(at: datetime, made: random.Random) -> str:
    """A program that writes local time without a zone, and errors of several lines."""
    text = f"{at:%Y-%m-%d %H:%M:%S},{made.randrange(999):03}"
    if made.random() < 0.2:
        return f"{text} ERROR job {made.randrange(9)} failed\n  at Job.run(Job.java:7)\n  at main"
    return f"{text} INFO job {made.randrange(9)} took {made.randrange(99)}ms"


def columns(at: datetime, made: random.Random) -> str:
    utc = at.astimezone(ZoneInfo("UTC"))
    return f"{utc:%Y-%m-%d %H:%M:%S} GET /a{made.randrange(5)} 200 {made.randrange(99)}"


def either(at: datetime, made: random.Random) -> str:
    return made.choice([access, as_json, logfmt])(at, made)


HEAD = "#Fields: date time cs-method cs-uri-stem sc-status time-taken\n"
KINDS: dict[str, Line] = {
    each.__name__: each for each in (access, as_json, logfmt, local, columns, either)
}


def write_month(folder: Path, kind: str) -> list[Path]:
    """The days as rotation at local midnight leaves them: the writer knows nothing of days."""
    made, log = random.Random(kind), folder / "app.log"
    head = HEAD if kind == "columns" else ""
    log.write_text(head)
    days: list[Path] = []
    for day in range(30):
        midnight = START + timedelta(days=day)
        following = (midnight + timedelta(days=1)).timestamp()
        with log.open("a") as file:
            at = midnight.timestamp() + made.random() * 600
            while at < following and day not in (SILENT_DAY, BLANK_DAY, NONSENSE_DAY):
                moment = datetime.fromtimestamp(at, ZONE)
                file.write(KINDS[kind](moment, made) + "\n")
                at += made.expovariate(1 / 900)
            file.write({BLANK_DAY: "\n\n", NONSENSE_DAY: "?!\n"}.get(day, ""))
        days.append(folder / f"app.log-{midnight:%Y%m%d}")
        log.rename(days[-1])
        log.write_text(head)
    return days


@pytest.mark.parametrize("kind", KINDS)
def test_a_month_of_days(tmp_path: Path, kind: str) -> None:
    days = write_month(tmp_path, kind)
    assert days[SILENT_DAY].stat().st_size == (len(HEAD) if kind == "columns" else 0)
    first = tmp_path / "first.logan"
    zone = ["--input-tz", "Europe/Berlin"] if kind == "local" else []
    assert main(["analyze", str(days[0]), *zone, "--save", str(first), "-q"]) == 0
    saved = [tmp_path / f"{day.name}.logan" for day in days]
    for day, file in zip(days, saved, strict=True):
        main(["analyze", str(day), "--spec", str(first), "--save", str(file), "-q"])
        assert file.exists(), day
    month, whole = tmp_path / "month.logan", tmp_path / "whole.logan"
    main(["merge", *map(str, saved), "-o", str(month)])
    main(["analyze", *map(str, days), "--spec", str(first), "--save", str(whole), "-q"])
    assert month.read_bytes() == whole.read_bytes()
    report = logan.load(month).report()
    text = "".join(day.read_text() for day in days)
    assert report.lines.total == text.count("\n")
    assert report.lines.parsed > 2_000
    assert str(report.time.first)[:10] in ("2026-03-14", "2026-03-15")
    assert len(report.inputs) == 30
