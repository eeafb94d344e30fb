"""Input that cannot be compared or added up: one sentence that names it, and what to do next."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import logan
from logan.cli.main import main


@pytest.fixture(autouse=True)
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """a.log and b.log, what was saved of a.log, and what became of that."""
    monkeypatch.chdir(tmp_path)
    for name, seed in (("a", 1), ("b", 2)):
        made = random.Random(seed)
        rows = (
            f'10.0.0.1 - - [28/Nov/2026:10:{n // 60 % 60:02}:{n % 60:02} +0000] "GET /a HTTP/1.1" '
            f'200 100 "-" "curl/8" {made.lognormvariate(-3, 0.5):.3f}\n'
            for n in range(600)
        )
        Path(f"{name}.log").write_text("".join(rows))
    logan.analyze("a.log", save="a.logan")
    logan.analyze("a.log", save="errors.logan", where="status>=500")
    Path("a.json").write_text(logan.analyze("a.log").to_json())
    saved = Path("a.logan").read_bytes()
    Path("cut.logan").write_bytes(saved[:3_000])
    Path("damaged.logan").write_bytes(saved[:3_000] + b"?" + saved[3_001:])
    Path("newer.logan").write_bytes(saved[:8] + b"\x09" + saved[9:])
    Path("half.json").write_text(Path("a.json").read_text()[:2_000])
    Path("other.json").write_text('{"schema_version": 1}')
    Path("empty.log").touch()
    Path("link.log").symlink_to("a.log")


CASES = [
    ("diff cut.logan b.log", 3, "cut.logan is a saved summary that is cut off"),
    ("diff b.log damaged.logan", 3, "damaged.logan is a saved summary that is damaged"),
    ("diff newer.logan b.log", 3, "newer.logan was saved in version 9, this logan reads up to"),
    ("diff half.json b.log", 3, "half.json is a JSON report that is cut off or damaged"),
    ("diff other.json b.log", 3, "other.json is a JSON object, but not a report of logan"),
    ("diff errors.logan b.log", 2, "errors.logan counts records where status >= 500"),
    ("diff a.json b.log --where status>=500", 2, "a.json is a JSON report, made without this"),
    ("diff a.json b.log --since 2026-11-28", 2, "made without this --since"),
    ("diff a.log a.log", 2, "a.log is both BEFORE and AFTER"),
    ("diff a.log link.log", 2, "a.log is both BEFORE and AFTER"),
    ("diff empty.log a.log", 3, "empty.log: no records to compare"),
    ("diff a.log empty.log --fail-if p99>+10%", 3, "those of the other side: 2026-11-28 10:00"),
    ("diff nope.log a.log", 3, "nope.log: no such file"),
    ("diff a.log --split-at 2030-01-01", 3, "a.log from 2030-01-01: no records to compare"),
    ("diff a.log --split-at 1999-01-01", 3, "a.log before 1999-01-01: no records to compare"),
    ("diff a.log --split-at soon", 2, "cannot parse --split-at 'soon'"),
    ("diff a.log --before soon.. --after ..2026-11-28", 2, "cannot parse --before 'soon'"),
    ("diff a.logan --split-at 2026-11-28", 2, "a.logan is a saved summary: its records cannot"),
    ("diff a.json --split-at 2026-11-28", 2, "a.json is a JSON report: its records cannot"),
    ("diff a.log b.log -o /dev/full", 4, "cannot write /dev/full: No space left on device"),
    ("merge cut.logan a.logan -o m.logan", 3, "cut.logan is a saved summary that is cut off"),
    ("merge newer.logan -o m.logan", 3, "newer.logan was saved in version 9"),
    ("merge a.json -o m.logan", 3, "a.json is not a saved summary"),
    ("merge a.logan a.logan -o m.logan", 2, "a.logan cannot be added to itself: a.log is in both"),
    (
        "merge a.logan errors.logan -o m.logan",
        2,
        "a.logan and errors.logan cannot be added up: one",
    ),
    ("merge a.logan -o /dev/full", 4, "cannot write /dev/full: No space left on device"),
    ("merge a.logan -o a.logan", 2, "a.logan is both an input and the saved summary"),
    ("analyze a.log --spec newer.logan", 3, "newer.logan was saved in version 9"),
    ("analyze a.log --spec a.json", 3, "a.json is neither a saved summary nor a spec"),
    ("analyze a.log --save /dev/full", 4, "cannot write /dev/full: No space left on device"),
    ("analyze a.log --state b.log", 3, "cannot use the state folder b.log: it is not a folder"),
    ("analyze - --state s", 3, "standard input is not a file"),
    ("analyze a.logan --state s", 3, "a.logan is a saved summary, not a log"),
]


@pytest.mark.parametrize(("command", "code", "why"), CASES, ids=[case[0] for case in CASES])
def test_one_sentence(
    command: str, code: int, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command.split()) == code
    err = capsys.readouterr().err
    assert why in err
    assert not any(each in err for each in ("Traceback", "internal error", "cannot be merged"))
    assert not Path("m.logan").exists()
