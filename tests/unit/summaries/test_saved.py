"""Saved summaries: the report without the logs, sums that equal one run, and what is refused."""

from __future__ import annotations

import contextlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

import logan
from logan.cli.main import main
from logan.errors import InputError, MergeError, UsageError
from logan.limits import SAVED_MAGIC
from logan.summaries import container

ACCESS = (
    "10.0.0.{client} - - [{day:02}/Jan/2026:{hour:02}:{minute:02}:{second:02} +0000] "
    '"GET /api/item/{item} HTTP/1.1" {status} {size} "-" "curl/8.0" {duration}\n'
)


def day_of_log(day: int, lines: int = 120) -> str:
    made = random.Random(day)
    rows = []
    for i in range(lines):
        n = 86_400 * i // lines
        rows.append(
            ACCESS.format(
                client=made.randrange(50),
                day=day,
                hour=n // 3_600,
                minute=n // 60 % 60,
                second=n % 60,
                item=made.randrange(99),
                status=made.choice([200, 200, 404, 500]),
                size=made.randrange(9_999),
                duration=made.randrange(1, 900_000),
            )
        )
        if made.random() < 0.02:
            rows.append(f"nonsense of day {day} {i}\n")
    return "".join(rows)


@pytest.fixture
def days(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"access-202601{day:02}.log" for day in range(1, 31)]
    for day, path in enumerate(paths, 1):
        path.write_text(day_of_log(day))
    return paths


def test_the_report_is_that_of_the_logs(days: list[Path], tmp_path: Path) -> None:
    saved = tmp_path / "day.logan"
    options: dict[str, Any] = {
        "where": "status>=400",
        "by": ["status", "client"],
        "units": {"response_time": "us"},
    }
    report = logan.analyze(days[:2], save=saved, top=5, **options)
    assert logan.analyze(saved, top=5) == report
    assert logan.analyze([saved], top=5, **options) == report
    assert logan.load(saved).report(top=5) == report
    again = logan.load(saved)
    again.save(tmp_path / "copy.logan")
    assert (tmp_path / "copy.logan").read_bytes() == saved.read_bytes()


def test_thirty_days_merged_are_one_run(days: list[Path], tmp_path: Path) -> None:
    first = tmp_path / "01.logan"
    logan.analyze(days[0], save=first, units={"response_time": "us"})
    files = []
    for index, day in enumerate(days):
        files.append(tmp_path / f"saved-{index:02}.logan")
        logan.analyze(day, save=files[-1], spec=first)
    month, whole = tmp_path / "month.logan", tmp_path / "whole.logan"
    assert main(["merge", *map(str, files), "-o", str(month)]) == 0
    report = logan.analyze(days, save=whole, spec=first)
    assert month.read_bytes() == whole.read_bytes()
    assert logan.analyze(month) == report
    assert logan.analyze(files) == report
    assert logan.analyze(str(tmp_path / "saved-*.logan")) == report
    # In any grouping.
    parts = [logan.load(each) for each in files]
    halves = parts[0].merge(*parts[1:13]).merge(parts[13].merge(*parts[14:]))
    assert halves.to_bytes() == whole.read_bytes()


def test_logs_are_added_to_saved_ones(days: list[Path], tmp_path: Path) -> None:
    saved = tmp_path / "old.logan"
    logan.analyze(days[:2], save=saved)
    both = logan.analyze([saved, days[2]], save=tmp_path / "more.logan")
    assert both == logan.analyze(days[:3])
    assert logan.analyze(tmp_path / "more.logan") == both
    turned = logan.analyze([days[2], saved])
    assert [each.path for each in turned.inputs] == [str(days[i]) for i in (2, 0, 1)]


def test_overlap_is_refused_with_both_names(days: list[Path], tmp_path: Path) -> None:
    a, b = tmp_path / "a.logan", tmp_path / "b.logan"
    logan.analyze(days[:2], save=a)
    logan.analyze(days[1:3], save=b)
    with pytest.raises(MergeError, match=r"a\.logan and .*b\.logan cannot .*20260102\.log is in"):
        logan.load(a).merge(logan.load(b))
    with pytest.raises(MergeError, match=r"a\.logan and this run cannot be added up: .*0102\.log"):
        logan.analyze([a, days[1]])


def test_another_meaning_is_refused_with_the_difference(days: list[Path], tmp_path: Path) -> None:
    a, b = tmp_path / "a.logan", tmp_path / "b.logan"
    logan.analyze(days[0], save=a)
    logan.analyze(days[1], save=b, where="status>=500")
    with pytest.raises(MergeError, match=r"b\.logan cannot .* made with --where status >= 500"):
        logan.load(a).merge(logan.load(b))
    with pytest.raises(UsageError, match=r"a\.logan is a saved summary, made without this --where"):
        logan.analyze(a, where="status>=500")
    with pytest.raises(UsageError, match="made without this --unit"):
        logan.analyze(a, units={"response_time": "us"})
    with pytest.raises(UsageError, match=r"--where .* contradicts --spec .*b\.logan, which was ma"):
        logan.analyze(days[2], spec=b, where="status>=400")
    assert logan.analyze(days[2], spec=b).selection.where == "status >= 500"


def test_damage_is_one_sentence(days: list[Path], tmp_path: Path) -> None:
    saved = tmp_path / "day.logan"
    logan.analyze(days[0], save=saved)
    data = saved.read_bytes()
    for cut in [0, 5, 9, 30, 55, 60, 200, len(data) // 2, len(data) - 1]:
        saved.write_bytes(data[:cut])
        with pytest.raises(InputError, match=r"day\.logan is (not a|a) saved summary"):
            logan.load(saved)
    for at in [*range(8, 60), 400, len(data) // 2, len(data) - 1]:
        saved.write_bytes(data[:at] + bytes([data[at] ^ 0x41]) + data[at + 1 :])
        with pytest.raises(InputError, match=r"day\.logan "):
            logan.load(saved)
    saved.write_bytes(data + b"x")
    with pytest.raises(InputError, match="damaged"):
        logan.load(saved)


def test_sound_bytes_without_sense_are_refused(days: list[Path], tmp_path: Path) -> None:
    saved = tmp_path / "day.logan"
    logan.analyze(days[0], save=saved)
    description, summary = container.unpack(saved.read_bytes(), "day.logan")
    for key in description:
        values: tuple[Any, ...] = (None, 3, [], [{}], {"a": 1}, "x")
        for value in values:
            if description[key] == value:
                continue
            data = container.pack({**description, key: value}, summary)
            with contextlib.suppress(InputError):  # nothing else
                logan.Saved.from_bytes(data, "day.logan").report()
    without = {key: value for key, value in description.items() if key != "inputs"}
    with pytest.raises(InputError, match="does not make sense"):
        logan.Saved.from_bytes(container.pack(without, summary), "day.logan")


def test_inputs_with_errors_stay_partial(days: list[Path], tmp_path: Path) -> None:
    a, b = tmp_path / "a.logan", tmp_path / "b.logan"
    lost = tmp_path / "lost.log"
    report = logan.analyze([lost, days[0]], save=a, errors="report")
    assert report.partial
    logan.analyze(days[1], save=b)
    total = logan.load(a).merge(logan.load(b))
    assert total.report().partial
    assert len(total.report().inputs) == 3
    with pytest.raises(InputError, match=r"lost\.log"):
        logan.analyze(a)


def test_commands(days: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = str(tmp_path / "a.logan")
    assert main(["analyze", str(days[0]), "--save", a, "--json"]) == 0
    report = capsys.readouterr().out
    assert main(["analyze", a, "--json"]) == 0
    assert capsys.readouterr().out.split('"performance"')[0] == report.split('"performance"')[0]
    expected = tmp_path / "expected.json"
    expected.write_text('{"total_requests": 120}')
    assert main(["validate", a, str(expected)]) == 0
    capsys.readouterr()
    assert main(["merge", a, a, "-o", str(tmp_path / "c.logan")]) == 2
    assert "a.logan cannot be added to itself" in capsys.readouterr().err
    assert not (tmp_path / "c.logan").exists()
    assert main(["merge", a, "-o", a]) == 2
    assert "is both an input and" in capsys.readouterr().err
    assert main(["merge", str(days[0]), "-o", str(tmp_path / "c.logan")]) == 3
    assert "is not a saved summary" in capsys.readouterr().err
    assert main(["detect", a]) == 3
    assert "is a saved summary, not a log" in capsys.readouterr().err
    assert main(["analyze", str(days[0]), "--save", str(days[0])]) == 2
    assert "is both an input and the saved summary" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"timezone":"in the text"', b'"timezone":{"a":1}    '),
        (b'"timezone":"in the text"', b'"timezone":[null]     '),
        (b'"date_order":null', b'"date_order":NaN '),
    ],
)
def test_texts_that_are_none_are_refused(
    days: list[Path], tmp_path: Path, old: bytes, new: bytes
) -> None:
    saved = tmp_path / "day.logan"
    logan.analyze(days[0], save=saved)
    description, summary = container.unpack(saved.read_bytes(), "day.logan")
    (read,) = description["inputs"]
    for each in read["formats"].values():
        each["timezone"] = "in the text"
    text = json.dumps(description, separators=(",", ":")).encode()
    assert old in text
    body = text.replace(old, new) + summary
    header = SAVED_MAGIC, container.VERSION, 0, len(body) - len(summary), len(summary)
    data = container._HEADER.pack(*header, container._digest(body)) + body
    with pytest.raises(InputError, match=r"not valid|does not make sense"):
        logan.Saved.from_bytes(data, "day.logan")
