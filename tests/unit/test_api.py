"""The library: one call from paths to a report, and `Feed` for bytes that are pushed."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import logan
from logan.engines import local
from logan.errors import InputError, UsageError
from logan.model import Result
from logan.report import RenderOptions, render
from logan.report.expectation_parser import parse_expectation

LINES = [
    "2024-01-24 10:15:32.123 INFO Request processed in 127ms",
    "2024-01-24 10:15:33.001 INFO Request processed in 95ms",
    "2024-01-24 10:15:33.125 INFO Request processed in 105ms",
]
LOG = "".join(f"{line}\n" for line in LINES * 100).encode()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "app.log"
    path.write_bytes(LOG)
    return path


def test_the_worked_example_of_the_contract(log: Path) -> None:
    report = logan.analyze(log)
    expected = {
        **{"total_requests": 300, "avg_response_time": 109.0, "error_rate": 0.0},
        **{"requests_per_second": 5.0, "malformed_lines": 0, "partial": False},
    }
    assert logan.validate_results(report, expected) == []
    assert report.performance.bytes == len(LOG)
    assert report.performance.engine == "local"
    (entry,) = report.inputs
    assert (entry.path, entry.bytes, entry.error) == (str(log), len(LOG), None)
    assert entry.formats[0].lines == 300


def test_the_commissioned_name_gives_the_same_report(log: Path) -> None:
    assert logan.analyze_logs([log], 1, top=3) == logan.analyze([log], threads=1, top=3)


@pytest.mark.parametrize("chunk_size", [1, 57, 1_000, 2**24])
@pytest.mark.parametrize("threads", [1, 3])
def test_chunks_and_threads_change_no_figure(log: Path, chunk_size: int, threads: int) -> None:
    assert logan.analyze(log, chunk_size=chunk_size, threads=threads) == logan.analyze(log)


def test_several_inputs_make_one_report_in_the_order_given(tmp_path: Path, log: Path) -> None:
    other = tmp_path / "other.log"
    other.write_bytes(LOG[:570])
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with subprocess.Popen(["cp", str(log), str(fifo)]):
        report = logan.analyze([fifo, other, log])
    assert [entry.path for entry in report.inputs] == [str(fifo), str(other), str(log)]
    assert [entry.bytes for entry in report.inputs] == [len(LOG), 570, len(LOG)]
    assert report.slowest[0].input in (str(fifo), str(other), str(log))
    assert report.total_requests == 300 + 300 + 570 // 56 + (570 % 56 > 50)


@pytest.mark.parametrize("call", [logan.analyze, logan.records, logan.detect])
def test_what_is_no_path_is_said(call: Callable[[Any], object], log: Path) -> None:
    with (
        log.open("rb") as file,
        pytest.raises(UsageError, match="an open file is not a path") as info,
    ):
        call(file)
    assert info.value.hint == "give its name, or push its bytes into logan.Feed"
    with pytest.raises(UsageError, match="a value of type int is not a path"):
        call(5)
    with pytest.raises(UsageError, match="a value of type NoneType is not a path"):
        call(None)
    call(os.fsencode(log))


@pytest.mark.parametrize("call", [logan.analyze, logan.records])
@pytest.mark.parametrize("paths", [[], (), {}])
def test_no_path_at_all_is_said(call: Callable[[Any], object], paths: Any) -> None:
    with pytest.raises(UsageError, match="no path is given"):
        call(paths)


def test_an_unreadable_input_is_raised_or_reported(tmp_path: Path, log: Path) -> None:
    missing = tmp_path / "missing.log"
    with pytest.raises(logan.InputError, match="no such file") as caught:
        logan.analyze([missing, log])
    assert caught.value.input == str(missing)
    report = logan.analyze([missing, log], errors="report")
    assert report.total_requests == 300
    assert report.partial is True
    assert report.inputs[0].error == f"{missing}: no such file; check the path"
    assert report.slowest[0].input == str(log)


def test_cancelling_gives_a_partial_report(log: Path) -> None:
    cancel = logan.Cancel()
    cancel.set()
    report = logan.analyze(log, cancel=cancel, chunk_size=1_000)
    assert report.partial is True
    assert report.total_requests == 0
    (missing,) = report.missing
    assert (missing.input, missing.start, missing.end) == (str(log), 0, len(LOG))


@pytest.mark.parametrize(
    "options",
    [
        {"threads": 0},
        {"threads": 10**6},
        {"top": 0},
        {"chunk_size": 0},
        {"format": "nope"},
        {"input_tz": "Mars/Olympus"},
        {"engine": "nope"},
        {"errors": "ignore"},
        {"series_points": 0},
        {"chunk_size": 2**64},
        {"anchor": datetime(1500, 1, 1)},
        {"anchor": datetime(9999, 12, 31, tzinfo=UTC)},
    ],
)
def test_senseless_options_are_refused(log: Path, options: dict[str, Any]) -> None:
    with pytest.raises(logan.UsageError):
        logan.analyze(log, **options)
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one is what is tested
        logan.analyze(log, **options)


def test_a_forced_format_that_fits_no_line_is_an_error(log: Path) -> None:
    with pytest.raises(
        logan.InputError, match=r"no line in .* matches the format combined"
    ) as caught:
        logan.analyze(log, format="combined")
    assert caught.value.kind == "format"


def test_text_that_is_no_log_is_an_error_with_its_first_lines(tmp_path: Path) -> None:
    path = tmp_path / "prose.txt"
    path.write_text("call me\n\nwhat you like\n")
    with pytest.raises(logan.UnreadableLogError, match="matches a known format") as caught:
        logan.analyze(path)
    assert caught.value.first_lines == ("call me", "what you like")
    assert caught.value.proposed_format is None
    assert caught.value.hint == f"see: logan detect {path}"
    report = logan.analyze(path, errors="report")
    assert (report.malformed_lines, report.partial) == (2, True)
    assert report.inputs[0].error == str(caught.value)
    assert report.inputs[0].unread.to_dict() == {
        "first_lines": ["call me", "what you like"],
        "proposed_format": None,
        "hint": f"see: logan detect {path}",
    }


ODD = """\
<<1706091332>> api@host1 ~ GET /a ok t=100us
<<1706091333>> api@host2 ~ POST /b ok t=2500us
<<1706091334>> api@host1 ~ GET /a/7 failed t=300us
"""


def test_a_format_is_proposed_that_reads_what_nothing_reads(tmp_path: Path) -> None:
    path = tmp_path / "odd.log"
    path.write_text(ODD)
    with pytest.raises(logan.UnreadableLogError) as caught:
        logan.analyze(path)
    text = caught.value.proposed_format
    assert text is not None
    assert str(caught.value.hint).startswith("this reads 3 of 3 sampled lines: --format ")
    report = logan.analyze(path, format=text)
    assert report.lines.parsed == 3
    assert report.time.first == "2024-01-24T10:15:32Z"
    assert report.response_time_ms.max == 2.5
    assert {row.route for row in report.routes.top} == {"GET /a", "POST /b", "GET /a/{id}"}
    # A good input beside it counts, and so does what is wrong with this one.
    good = tmp_path / "good.log"
    good.write_text("2024-01-24 10:15:32 INFO took 3ms\n")
    both = logan.analyze([path, good], errors="report")
    assert (both.lines.parsed, both.partial) == (1, True)
    assert "unread" not in both.inputs[1]


@pytest.mark.parametrize("text", ["", "\n\n \n", "#Version: 1.0\n#Fields: date time cs-method\n"])
def test_empty_blank_and_header_only_inputs_are_no_errors(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.log"
    path.write_text(text)
    report = logan.analyze(path)
    assert (report.partial, report.inputs[0].error) == (False, None)


def test_errors_are_null_where_no_record_could_be_one(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("2024-01-24 10:15:32.123 Request processed in 127ms\n" * 3)
    report = logan.analyze(path, by="format").to_dict()
    assert {*report["errors"].values()} == {None}
    assert report["error_rate"] is None
    assert [row["errors"] for row in report["groups"]["format"]["top"]] == [None]
    assert [point["errors"] for point in report["series"]["points"]] == [None]
    path.write_text("2024-01-24 10:15:32.123 INFO Request processed in 127ms\n" * 3)
    report = logan.analyze(path).to_dict()
    assert (report["errors"]["total"], report["error_rate"]) == (0, 0.0)


UNTIMED = (
    "time,status,url,method,level\n"
    "2024-01-24T10:15:00Z,200,/a,GET,INFO\n"
    "-,200,/a,GET,INFO\n"
    "2024-01-24T10:15:10Z,500,/a,GET,ERROR\n"
    "-,500,/a,GET,ERROR\n"
)


def test_what_has_no_time_is_in_no_rate(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(UNTIMED)
    report = logan.analyze(path).to_dict()
    assert (report["total_requests"], report["errors"]["total"]) == (4, 2)
    assert report["time"]["untimed"] == 2
    assert report["error_rate"] == report["errors"]["per_minute"] == 1.0
    assert report["requests_per_second"] == pytest.approx(2 / 60)
    assert report["throughput"]["observed_rps"] == 0.2


def test_what_a_time_range_leaves_out_for_want_of_a_time_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text(UNTIMED)
    report = logan.analyze(path, since="2024-01-24T10:15:05Z")
    assert (report.lines.parsed, report.lines.filtered) == (1, 3)
    assert (report.time.untimed, report.time.untimed_filtered) == (0, 2)
    said = "2 records have no timestamp that can be used and were left out of the time range"
    for output in ("text", "html", "markdown"):
        assert said in " ".join(render(output, report, RenderOptions()).split())
    assert json.loads(report.to_json())["time"]["untimed_filtered"] == 2
    saved = tmp_path / "x.logan"
    logan.analyze(path, since="2024-01-24T10:15:05Z", save=saved)
    assert logan.load(saved).report().time.untimed_filtered == 2


def test_a_log_without_times_has_no_time_zone(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text("GET /a 200 5ms\nERROR bad\nstarted\n" * 3)
    (entry,) = logan.analyze(path).inputs
    assert [each for each in entry.assumed if "time zone" in each or "year" in each] == []
    path.write_text("10:15:32 INFO GET /a 200 5ms\n" * 3)
    (entry,) = logan.analyze(path).inputs
    assert any("time zone" in each for each in entry.assumed)


def test_what_makes_a_record_is_not_called_its_response_time(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    line = {"time": "2024-01-24T10:15:32Z", "status": 200, "message": "x", "duration": "5ms"}
    path.write_text(f"{json.dumps(line)}\n" * 3)
    (entry,) = logan.analyze(path).inputs
    assert entry.formats[0].duration_field == "duration"


def test_a_row_of_bytes_that_are_not_utf_8_is_judged_if_it_is_the_only_one(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    line = b'192.0.2.1 - - [24/Jan/2024:10:15:32 +0000] "GET /%s HTTP/1.1" 200 5\n'
    path.write_bytes(line % b"a\xff" + line % b"b")
    gate = parse_expectation('routes["GET /a\ufffd"].requests == 1')
    assert gate.check(logan.analyze(path)).ok
    path.write_bytes(line % b"a\xff" + line % b"a\xfe")
    verdict = gate.check(logan.analyze(path))
    assert (verdict.ok, verdict.actual) == (False, None)
    assert "may be the name of several routes" in verdict.text


@pytest.mark.parametrize("key", [r'"\ud800"', '"a\udcff"'])
def test_a_row_that_no_text_can_name_is_an_error_of_usage(log: Path, key: str) -> None:
    with pytest.raises(UsageError, match="not valid Unicode"):
        logan.analyze(log, rows=(f"routes[{key}]",))


def test_only_a_path_is_loaded(log: Path) -> None:
    with log.open() as file, pytest.raises(UsageError, match="an open file is not a path"):
        logan.load(file)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a value of type list is not a path") as raised:
        logan.load([log])  # type: ignore[arg-type]
    assert "merge" in str(raised.value.hint)
    with pytest.raises(InputError, match="not a valid path"):
        logan.load("day\0.logan")


def test_what_a_condition_left_nothing_of_says_which_fields_there_are(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    path.write_text('127.0.0.1 - - [24/Jan/2024:10:15:32 +0000] "GET /a HTTP/1.1" 200 12\n' * 3)
    report = logan.analyze(path, where="status>=500")
    assert report.selection.fields_present == ["bytes", "status"]
    assert report.errors.total == 0
    assert logan.analyze(path, where="status=200").selection.fields_present is None
    assert logan.analyze(path, where="level=ERROR").selection.fields_present == ["bytes", "status"]


def test_empty_input_gives_figures_without_data(tmp_path: Path) -> None:
    path = tmp_path / "empty.log"
    path.touch()
    report = logan.analyze(path)
    assert (report.total_requests, report.avg_response_time, report.partial) == (0, None, False)
    assert json.loads(report.to_json())["inputs"][0]["notes"] == ["empty: nothing to analyze"]


def test_blank_lines_alone_are_no_misfit(tmp_path: Path) -> None:
    path = tmp_path / "blank.log"
    path.write_text("\n \n\r\n")
    for format in (None, "json"):
        report = logan.analyze(path, format=format)
        assert report.lines.blank == 3
        assert report.inputs[0].notes == ["only blank lines"]


def test_what_figures_rest_on_is_said(tmp_path: Path, log: Path) -> None:
    (entry,) = logan.analyze(log, input_tz="Europe/Berlin").inputs
    assert entry.assumed == ["timestamps without a time zone are Europe/Berlin"]
    path = tmp_path / "logcat.log"
    path.write_text("01-24 16:13:38.811  1702  2395 D Tag: x\n")
    (entry,) = logan.analyze(path, anchor=datetime(2024, 3, 1, tzinfo=UTC)).inputs
    said = "timestamps without a year are the latest up to 48 h after 2024-03-01"
    assert entry.assumed[1] == f"{said} that fit a written weekday"
    assert entry.formats[0].duration_field is None
    path.write_text("2024-01-24T10:15:32Z INFO Request processed in 127ms\n")
    (entry,) = logan.analyze(path).inputs
    assert (entry.assumed, entry.formats[0].timezone) == ([], "written")


def test_a_file_that_changed_names_the_next_step_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "app.log"
    path.write_bytes(LOG)
    run = local.run

    def truncated_first(*args: Any, **options: Any) -> Result:
        os.truncate(path, 10)
        return run(*args, **options)

    monkeypatch.setattr(local, "run", truncated_first)
    report = logan.analyze(path, errors="report")
    error = report.inputs[0].error
    assert (error.count("again"), error.count(path.name)) == (1, 1)
    assert report.partial is True


def test_detect_takes_one_path(log: Path) -> None:
    with pytest.raises(UsageError, match="a value of type list is not a path"):
        logan.detect([log])  # type: ignore[arg-type]


def test_detect_says_what_a_log_looks_like(log: Path) -> None:
    found = logan.detect(log)
    assert found.encoding == "utf-8"
    assert found.lines == 300
    assert found.formats[0].lines == 300


@pytest.mark.parametrize("pieces", [1, 7, 56, 1_000, 10**6])
def test_a_feed_without_a_spec_gives_the_figures_of_the_file(log: Path, pieces: int) -> None:
    feed = logan.Feed(name=str(log))
    for begin in range(0, len(LOG), pieces):
        feed.push(LOG[begin : begin + pieces])
    assert feed.bytes == len(LOG)
    feed.finish()
    report, expected = feed.report(), logan.analyze(log)
    for key in ("total_requests", "avg_response_time", "lines", "series", "slowest", "levels"):
        assert report[key] == expected[key]


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_a_feed_takes_all_kinds_of_bytes(kind: Callable[[bytes], bytearray | memoryview]) -> None:
    feed = logan.Feed()
    for _ in range(10):  # beyond the bytes that are kept for detection
        feed.push(kind(LOG))
    assert feed.finish() is feed.finish()
    assert feed.report().total_requests == 3000
    with pytest.raises(TypeError, match="bytes-like"):
        logan.Feed().push("text")  # type: ignore[arg-type]


def test_a_feed_shared_by_threads_loses_nothing() -> None:
    feed = logan.Feed()
    line = LOG[: LOG.index(b"\n") + 1]

    def push() -> None:
        for _ in range(2_000):
            feed.push(line)

    pushers = [threading.Thread(target=push) for _ in range(4)]
    for pusher in pushers:
        pusher.start()
    for pusher in pushers:
        pusher.join()
    feed.finish()
    assert feed.report().lines.total == 8_000


@pytest.mark.parametrize("options", [{"input_tz": "Nowhere"}, {"format": "nope"}, {"top": 0}])
def test_a_feed_refuses_senseless_options_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(logan.UsageError):
        logan.Feed(**options)


def test_a_feed_can_be_looked_at_while_it_goes_on() -> None:
    feed = logan.Feed()
    assert feed.report().total_requests == 0
    feed.push(LOG[:150])
    assert feed.report().total_requests == 2
    feed.push(LOG[150:] * 300)
    assert feed.bytes > 2**20
    feed.push(LOG[:20])
    whole_lines = feed.report().lines.total
    feed.finish()
    assert feed.report().lines.total == whole_lines + 1
    with pytest.raises(ValueError, match="finished"):
        feed.push(b"x")


def test_summaries_of_chunks_merge_to_the_whole(log: Path) -> None:
    spec = logan.make_spec(log, anchor=datetime(2024, 1, 25, tzinfo=UTC))
    middle = len(LOG) // 2
    parts = [
        logan.Summary.from_chunk(str(log), start, end, spec)
        for start, end in ((0, middle), (middle, len(LOG)))
    ]
    report = logan.Report.from_summary(parts[1].merge(parts[0]), inputs=[str(log)])
    assert report.total_requests == 300
    assert report.inputs[0].path == str(log)
    assert report.performance is None


def test_every_public_name_exists_and_is_documented() -> None:
    for name in logan.__all__:
        value = getattr(logan, name)
        assert name == "__version__" or value.__doc__
    assert set(logan.__all__) <= set(dir(logan))
    with pytest.raises(AttributeError, match="nope"):
        _ = logan.nope


def test_importing_logan_imports_nothing_heavy() -> None:
    heavy = (
        "{'rich', 'trio', 'asyncio', 'psutil', 'argparse', 'logan.api', 'logan.report.text.layout'}"
    )
    code = f"import sys, logan; sys.exit(repr({heavy} & set(sys.modules) or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "''"
