"""Group tables by more than a field: two fields, steps of time, inputs, parts of texts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

import logan
from logan.cli.main import main
from logan.errors import ConditionError, UsageError


def access_log(path: Path, size: int = 10) -> Path:
    """Four minutes; every fifth request fails, and every third has an older protocol."""
    lines = [
        f"10.0.0.{n % 3} - - [24/Jan/2024:10:{15 + n // 60}:{n % 60:02} +0000] "
        f'"{"POST" if n % 2 else "GET"} /cart/{n} HTTP/{"1.0" if n % 3 == 0 else "1.1"}" '
        f'{500 if n % 5 == 0 else 200} {size} "-" "curl/8.5" 0.0{n % 10}0\n'
        for n in range(240)
    ]
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("logs")
    return [str(access_log(folder / "a.log")), str(access_log(folder / "b.log", size=11))]


def table(logs: list[str] | str, by: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = logan.analyze(logs, by=by, **options).to_dict()["groups"]
    return dict(found[next(iter(found))])  # behind it, what the logs have besides


def counts(found: dict[str, Any]) -> dict[str, int]:
    return {row["key"]: row["records"] for row in found["top"]}


def test_two_fields(logs: list[str]) -> None:
    found = table(logs, "method,status")
    assert counts(found) == {"GET, 200": 192, "POST, 200": 192, "GET, 500": 48, "POST, 500": 48}
    first = found["top"][0]
    assert first["keys"] == ["GET", "200"]
    assert (first["errors"], first["bytes"], found["exact"], found["absent"]) == (0, 2_016, True, 0)
    assert found["top"][2]["errors"] == 48
    alone = {row["key"]: row for row in table(logs, "route")["top"]}
    pairs = table(logs, "route,format")["top"]
    same = ("records", "requests", "errors", "mean_ms", "p50_ms", "p95_ms", "max_ms", "bytes")
    for row in pairs:
        assert [row[name] for name in same] == [alone[row["keys"][0]][name] for name in same]


def test_steps_of_time_are_in_their_order(logs: list[str]) -> None:
    found = table(logs, "time:60s")
    assert counts(found) == {f"2024-01-24T10:{15 + n}:00Z": 120 for n in range(4)}
    keys = [row["key"] for row in table(logs, "time:1m", top=2)["top"] if "why" not in row]
    assert len(keys) == 2
    assert keys == sorted(keys)


def test_inputs_and_what_they_lie_on(logs: list[str]) -> None:
    assert counts(table(logs, "file")) == dict.fromkeys(logs, 240)
    found = table(logs, "origin")
    assert (found["top"], found["absent"]) == ([], 480), "files lie on no server"


def test_protocols(logs: list[str]) -> None:
    assert counts(table(logs, "protocol")) == {"HTTP/1.1": 320, "HTTP/1.0": 160}
    assert logan.analyze(logs, where="protocol=HTTP/1.0").total_requests == 160


def test_parts_of_texts(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    texts = ["order a7 of jane", "order b2 of jane", "order a7 of joe", "nothing", "order  of x"]
    lines = [f"2024-01-24 10:15:{n:02}.000 INFO {text}\n" for n, text in enumerate(texts)]
    path.write_text("".join(lines))
    found = table(str(path), r'message~"order (\w+)"')
    assert (counts(found), found["absent"]) == ({"a7": 2, "b2": 1}, 2)
    pair = table(str(path), r'message~"order (\w+)",message~"of (\w+)"')
    assert counts(pair) == {"a7, jane": 1, "a7, joe": 1, "b2, jane": 1}
    hidden = logan.analyze(path, by=r'message~"of (\w+)"').to_dict()
    from logan.report.anonymize import anonymized

    keys = counts(anonymized(hidden)["groups"][r'message~"of (\w+)"'])
    assert sorted(keys) == ["value 1", "value 2", "value 3"]


def test_other_timings_and_outgoing_calls(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "app.log"
    path.write_text(
        "2024-01-24 10:15:32.123 INFO Completed 200 OK in 15ms (Views: 10.5ms | Queue: 4.0ms)\n"
        "2024-01-24 10:15:33.123 INFO Completed 200 OK in 35ms (Views: 20.5ms | Queue: 4.0ms)\n"
        "2024-01-24 10:15:34.123 INFO request took 120ms (queue time 45ms), timeout=5s\n"
        '2024-01-24 10:15:35.123 INFO httpx: HTTP Request: GET https://api.example.com/x "200 OK"\n'
        "2024-01-24 10:15:36.123 INFO see https://docs.example.com/x\n"
    )
    found = table(str(path), "timer")
    assert counts(found) == {"queue": 2, "views": 2, "queue time": 1}
    views = found["top"][1]
    assert (views["mean_ms"], views["max_ms"], found["absent"]) == (15.5, 20.5, 2)
    assert logan.analyze(path).response_time_ms.count == 3, "totals alone are response times"
    assert counts(table(str(path), "outgoing")) == {"api.example.com": 1}
    assert main(["analyze", str(path), "--by", "timer", "--by", "outgoing"]) == 0
    shown = capsys.readouterr().out
    assert "Other timings  3 of 3" in shown
    assert "Outgoing calls  1 of 1" in shown
    access = tmp_path / "access.log"
    access.write_text(
        "".join(
            f'10.0.0.1 - - [24/Jan/2024:10:15:3{n} +0000] "GET /{n} HTTP/1.1" {status} 1 "-" "x" '
            f"{seconds}\n"
            for n, (status, seconds) in enumerate([(101, "65.001"), (200, "0.001")])
        )
    )
    lifetimes = table(str(access), "timer", where="status=101", units={"response_time": "s"})
    assert [(row["key"], row["max_ms"]) for row in lifetimes["top"]] == [("connection", 65_001.0)]


def test_keys_of_pairs_are_masked_each_by_what_it_is(logs: list[str]) -> None:
    from logan.report.anonymize import anonymized

    found = anonymized(logan.analyze(logs, by="client,method").to_dict())["groups"]["client,method"]
    assert [(row["key"], row["keys"], row["records"]) for row in found["top"]] == [
        ("10.0.0.0/24, GET", ["10.0.0.0/24", "GET"], 240),
        ("10.0.0.0/24, POST", ["10.0.0.0/24", "POST"], 240),
    ]


def test_too_many_values_give_a_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "app.log"
    lines = (f"2024-01-24 10:15:32.000 INFO order {n} done\n" for n in range(9_000))
    path.write_text("".join(lines))
    found = table(str(path), r'message~"order (\d+)",level')
    assert not found["exact"]
    assert found["error_bound"] >= 1
    assert main(["analyze", str(path), "--by", r'message~"order (\d+)"']) == 0
    assert "too many values to count each (more than 5,000)" in capsys.readouterr().out


BY = ("route,status", "time:2m", "source", 'path~"^/([a-z]+)"', "protocol")


def test_splits_streams_and_summaries_give_the_same(logs: list[str], tmp_path: Path) -> None:
    for some in (BY[:3], BY[3:]):
        whole = logan.analyze(logs, by=some).to_dict()["groups"]
        split = logan.analyze(logs, by=some, chunk_size=1_000, threads=3).to_dict()["groups"]
        assert split == whole
        for index, each in enumerate(logs):
            logan.analyze(each, by=some, save=tmp_path / f"{index}.logan")
        merged = logan.load(tmp_path / "0.logan").merge(logan.load(tmp_path / "1.logan"))
        assert merged.report().to_dict()["groups"] == whole


def test_a_gate_by_a_row_of_two_fields(logs: list[str]) -> None:
    gate = 'groups.method,status["GET, 500"].records'
    by = ["--by", "method,status", "--quiet"]
    assert main(["analyze", *logs, *by, "--expect", f"{gate} <= 48"]) == 0
    assert main(["analyze", *logs, *by, "--expect", f"{gate} < 48"]) == 1
    assert main(["analyze", *logs, *by, "--expect", 'groups.route["x"].errors<1']) == 1


def test_every_output_shows_them(
    logs: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    by = ["--by", "method,status", "--by", "time:1m"]
    assert main(["analyze", *logs, *by]) == 0
    text = capsys.readouterr().out
    assert "By method, status  4 of 4" in text
    assert "By time:1m  4 of 4" in text
    assert "10:16:00" in text
    assert main(["analyze", *logs, *by, "--csv", "groups"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("field,key,records,")
    assert lines[1].startswith('"method,status","GET, 200",192,')
    for name in ("r.html", "r.md", "r.json"):
        assert main(["analyze", *logs, *by, "-o", str(tmp_path / name)]) == 0
        assert "GET, 500" in (tmp_path / name).read_text()


@pytest.mark.parametrize(
    ("by", "words", "hint"),
    [
        ("rute", 'no field "rute"', "did you mean route?"),
        ("route,statsu", 'no field "statsu"', "did you mean status?"),
        ("filename", 'no field "filename"', "did you mean source?"),
        ("minute", 'no field "minute"', "did you mean time:1m?"),
        ("time", "needs a step, such as time:5m", None),
        ("message", "cannot group by message", None),
        ("bytes", "cannot group by bytes", None),
        ("route,status,level", "at most two", None),
        ("message~'a'", "expected one group in parentheses", None),
        ("message~'(a'", "not a valid regular expression", None),
    ],
)
def test_mistakes(logs: list[str], by: str, words: str, hint: str | None) -> None:
    with pytest.raises(ConditionError, match=re.escape(words)) as caught:
        logan.analyze(logs, by=by)
    assert caught.value.hint == hint


def test_steps_of_the_series(logs: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    series = logan.analyze(logs, step="1m").to_dict()["series"]
    assert (series["step_s"], [each["records"] for each in series["points"]]) == (60, [120] * 4)
    assert series["points"][0]["errors"] == 24
    odd = logan.analyze(logs, step=7).to_dict()
    assert odd["series"]["step_s"] == odd["response_times"]["step_s"] == 7
    assert sum(each["records"] for each in odd["series"]["points"]) == 480
    assert main(["analyze", *logs, "--step", "2m"]) == 0
    assert "requests per 2 min" in capsys.readouterr().out
    assert main(["analyze", *logs, "--step", "7s", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["series"]["step_s"] == 7
    assert main(["analyze", *logs, "--step", "7s"]) == 0
    assert "requests per 7 s" in capsys.readouterr().out


def test_a_step_that_is_not_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "app.log"
    # More steps of 10 s with records than are kept: two weeks of them.
    lines = (
        f"2024-01-{day:02} {hour:02}:{minute:02}:{second:02} INFO x\n"
        for day in range(1, 15)
        for hour in range(24)
        for minute in range(60)
        for second in range(0, 60, 10)
    )
    path.write_text("".join(lines))
    with pytest.raises(
        UsageError, match="kept at 1 min: there are none for a step of 10 s"
    ) as caught:
        logan.analyze(path, step="10s")
    assert "multiple of 1 min" in str(caught.value.hint)
    assert main(["analyze", str(path), "--step", "90s"]) == 2
    assert "none for a step of 1 min 30 s" in capsys.readouterr().err
    assert logan.analyze(path, step="20m").to_dict()["series"]["step_s"] == 1_200
    assert main(["analyze", str(path), "--step", "0s"]) == 2
