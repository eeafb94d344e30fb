"""Comparisons: what is marked, new, gone and not listed; limits; outputs; the command."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import logan
from logan.cli.main import main
from logan.comparison import OUTPUTS, render
from logan.comparison.limits import judge, parse_limit
from logan.comparison.sides import side_of_json
from logan.errors import ExpectationError, UsageError
from logan.report import RenderOptions

Table = Any


def log(
    seed: int, lines: int = 3_000, day: int = 1, slow: float = 1.0, errors: float = 0.02
) -> str:
    """Requests of four routes all over a day, `/cart` slower by `slow`, and app messages."""
    made, rows = random.Random(seed), []
    for i in range(lines):
        n = 86_400 * i // lines
        clock = f"{n // 3_600:02}:{n // 60 % 60:02}:{n % 60:02}"
        route = made.choice(["/cart", "/cart", "/login", "/search"])
        took = int(made.lognormvariate(11, 0.6) * (slow if route == "/cart" else 1))
        status = 500 if made.random() < errors else 200
        rows.append(
            f'10.0.0.{i % 99} - - [{day:02}/Jan/2026:{clock} +0000] "GET {route} HTTP/1.1" '
            f'{status} 100 "-" "curl/8" {took}'
        )
        if made.random() < 0.02:
            rows.append(f"2026-01-{day:02}T{clock}Z WARN queue of worker {i} is full")
    return "\n".join(rows) + "\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    def write(name: str, **options: Any) -> str:
        path = tmp_path / name
        path.write_text(log(**options))
        return str(path)

    return write


def test_a_slower_route_and_more_errors_are_marked(write: Callable[..., str]) -> None:
    a = write("a.log", seed=1)
    b = write("b.log", seed=2, day=2, slow=1.3, errors=0.06)
    change = logan.compare(a, b)
    routes = {row.key: row for row in change.tables[0].rows}
    assert {key: row.shift for key, row in routes.items()} == {
        "GET /cart": "slower",
        "GET /login": None,
        "GET /search": None,
    }
    assert routes["GET /cart"].cells["mean_ms"].tone == "worse"
    ratio = next(each for each in change.headline if each.metric == "errors.ratio")
    assert ratio.told_apart
    assert ratio.tone == "worse"
    back = logan.compare(b, a)
    assert {row.key for row in back.tables[0].rows if row.shift} == {"GET /cart"}
    assert back.tables[0].rows[0].shift == "faster"


def test_one_source_has_no_marks(write: Callable[..., str]) -> None:
    change = logan.compare(write("a.log", seed=1), write("b.log", seed=5, day=2))
    assert not change.any_told_apart
    assert change.tests > 10


def test_new_and_gone(tmp_path: Path, write: Callable[..., str]) -> None:
    a = write("a.log", seed=1)
    text = Path(a).read_text()
    b = tmp_path / "b.log"
    b.write_text(text.replace("/login", "/signin").replace("queue of", "stack of"))
    change = logan.compare(a, str(b))
    states = {row.key: row.state for table in change.tables for row in table.rows}
    assert states["GET /login"] == "gone"
    assert states["GET /signin"] == "new"
    assert states["GET /cart"] == "both"
    assert states["stack of worker <num> is full"] == "new"
    assert states["queue of worker <num> is full"] == "gone"
    marked = {row.key for table in change.tables for row in table.rows if row.is_marked}
    assert "GET /signin" in marked
    # A JSON report says nothing of rows that it lacks.
    report = logan.analyze(a)
    saved = tmp_path / "a.json"
    saved.write_text(report.to_json())
    change = logan.compare(str(saved), str(b))
    states = {row.key: row.state for table in change.tables for row in table.rows}
    assert states["GET /signin"] == "not listed"
    assert states["GET /login"] == "gone"
    cart = next(row for row in change.tables[0].rows if row.key == "GET /cart")
    assert cart.cells["mean_ms"].told_apart is None
    assert "JSON report" in (cart.cells["mean_ms"].why or "")
    assert "new" not in {row.state for table in change.tables[::2] for row in table.rows}


def test_saved_summaries_compare_as_logs(tmp_path: Path, write: Callable[..., str]) -> None:
    logs = [write("a.log", seed=1), write("b.log", seed=2, day=2, slow=1.3)]
    saved = [str(tmp_path / f"{i}.logan") for i in range(2)]
    for each, path in zip(logs, saved, strict=True):
        logan.analyze(each, save=path)
    found = [logan.compare(*logs).to_dict(), logan.compare(*saved).to_dict()]
    for told in found:
        del told["before"]["name"], told["after"]["name"]
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("limit", "state"),
    [
        ("p50 > +10%", "failed"),
        ("response_time_ms.p50 > +10ms", "failed"),
        ("p50 > +100%", "ok"),
        ("mean > +5%", "failed"),
        ("errors.ratio > +2pp", "failed"),
        ("errors.ratio > +50%", "failed"),
        ("errors.ratio > +20pp", "ok"),
        ("routes[*].mean > +20% and requests >= 100", "failed"),
        ("routes[*].mean > +20% and requests >= 100000", "ok"),
        ("routes[GET /cart].p95 > +10%", "failed"),
        ('routes["GET /cart"].p95 > +10%', "failed"),
        ("routes[GET /none].p95 > +10%", "failed"),
        ("routes[GET /cart].p95 > +10% and requests >= 100000", "ok"),
        ("status[599].count > +1", "ok"),
        ("messages[*].count > +300%", "ok"),
        ("status[500].share > +1pp", "failed"),
        ("requests < -50%", "ok"),
        ("throughput.peak_rps > +0.0001%", "cannot tell"),
    ],
)
def test_limits(
    write: Callable[..., str], limit: str, state: str, request: pytest.FixtureRequest
) -> None:
    a, b = write("a.log", seed=1), write("b.log", seed=2, day=2, slow=1.6, errors=0.06)
    change = logan.compare(a, b)
    reports = [{"throughput": {"peak_rps": 1.0}}, {"throughput": {"peak_rps": 2.0}}]
    states = [each.state for each in judge([parse_limit(limit)], change, *reports)]
    assert (state in states) if state != "ok" else states == ["ok"]
    # An improvement never fails.
    back = logan.compare(b, a)
    for strict in (False, True):
        found = judge([parse_limit(limit)], back, *reversed(reports), strict=strict)
        assert all(each.state != "failed" for each in found) or "none" in limit


@pytest.mark.parametrize("limit", ["p99 > +10%", "errors.ratio > +1pp", "routes[*].p95 > +10%"])
@pytest.mark.parametrize("strict", [False, True])
def test_a_side_without_records_fails_a_limit(
    tmp_path: Path,
    write: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    *,
    limit: str,
    strict: bool,
) -> None:
    log, empty = write("a.log", seed=1), tmp_path / "empty.log"
    empty.write_bytes(b"")
    for sides in ((log, str(empty)), (str(empty), log), (log, str(tmp_path / "none.log"))):
        command = ["diff", *sides, "--fail-if", limit, "--output-format", "json"]
        is_read = Path(sides[1]).exists()
        assert main([*command, *(["--strict"] if strict else [])]) == (1 if is_read else 3)
        assert f"FAIL  {limit}: no data" in capsys.readouterr().err


def test_what_was_not_measured_fails_a_limit(
    tmp_path: Path, write: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    log, silent = write("a.log", seed=1), tmp_path / "silent.log"
    lines = (f"2024-01-24 10:15:{each:02}.000 INFO started\n" for each in range(60))
    silent.write_text("".join(lines))
    assert main(["diff", log, str(silent), "--fail-if", "p99 > +10%"]) == 1
    assert "no data" in capsys.readouterr().err


def test_a_limit_of_all_rows_fails_where_none_was_measured(tmp_path: Path) -> None:
    bare, untimed = tmp_path / "bare.log", tmp_path / "untimed.log"
    bare.write_text("2024-01-24 10:15:00 INFO started\n" * 60)
    request = '10.0.0.1 - - [24/Jan/2024:10:15:00 +0000] "GET /a HTTP/1.1" 200 17\n'
    untimed.write_text(request * 60)
    for other, limit, state, words in (
        (bare, "routes[*].p95 > +10%", "failed", "no data: no record has a route"),
        (bare, "status[*].share > +1pp", "failed", "no data: no record has a status"),
        (bare, "messages[*].count > +10%", "ok", "no messages"),
        (untimed, "routes[*].p95 > +10%", "failed", "no data: no row has p95 on both sides"),
        (untimed, "routes[*].p95 > +10% and requests >= 100", "ok", "no row meets its conditions"),
    ):
        copy = tmp_path / "copy.log"
        copy.write_text(other.read_text().replace("10:15:00", "10:15:01"))
        change = logan.compare(str(other), str(copy))
        (told,) = judge([parse_limit(limit)], change, {}, {})
        assert told.state == state
        assert words in told.text


def test_the_condition_of_a_decrease_holds_on_either_side(tmp_path: Path) -> None:
    def write(name: str, carts: int) -> str:
        lines = (
            f'10.0.0.1 - - [24/Jan/2024:10:{n // 60:02}:{n % 60:02} +0000] "GET '
            f'{"/cart" if n % 4 == 0 and n // 4 < carts else "/"} HTTP/1.1" 200 17\n'
            for n in range(3000)
        )
        path = tmp_path / name
        path.write_text("".join(lines))
        return str(path)

    change = logan.compare(write("a.log", 750), write("b.log", 20))
    limit = parse_limit("routes[*].requests < -50% and requests >= 100")
    (told,) = judge([limit], change, {}, {})
    assert told.state == "failed"
    assert "GET /cart" in told.text


def test_few_requests_cannot_tell(write: Callable[..., str]) -> None:
    a = write("a.log", seed=1, lines=40)
    b = write("b.log", seed=3, lines=40, day=2, slow=1.3)
    change = logan.compare(a, b)
    limit = parse_limit("mean > +1%")
    (told,) = judge([limit], change, {}, {})
    assert told.state == "cannot tell"
    assert "cannot tell (n = 4" in told.text
    assert [each.state for each in judge([limit], change, {}, {}, strict=True)] == ["failed"]


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("", "expected the name"),
        ("p99", "expected a change"),
        ("p99 > ", "expected a change"),
        ("p99 > 10", "no unit"),
        ("p99 > +10pp", "no percentage points"),
        ("p99 < -10%", "is an improvement"),
        ("p99 > -10%", "an increase after >"),
        ("requests < +10%", "a decrease after <"),
        ("p98 > +10%", "no metric"),
        ("errors > +10%", "not a single metric"),
        ("routes[*].p98 > +10%", "no column p98"),
        ("routes[*].p95 > +10% and", "expected nothing"),
        ("p99 > +10% and requests > 1", "only columns of the same row"),
        ("requests > +10ms", "not measured in ms"),
        ("x" * 500, "longer than"),
    ],
)
def test_mistakes_in_limits_are_pointed_at(limit: str, message: str) -> None:
    with pytest.raises(ExpectationError, match=message):
        parse_limit(limit)


def test_outputs_escape_what_logs_say(tmp_path: Path, write: Callable[..., str]) -> None:
    a = write("a.log", seed=1)
    b = tmp_path / "<b>|&.log"
    text = Path(a).read_text()
    b.write_text(
        text.replace("/login", "/<script>alert(1)</script>|`x`").replace(
            "WARN queue", "WARN <i>\x1b[31m"
        )
    )
    change = logan.compare(a, str(b))
    change.verdicts = judge([parse_limit("p99 > +10%")], change, {}, {})
    for output in OUTPUTS:
        shown = render(output, change, RenderOptions(width=80))
        assert shown.endswith("\n")
        assert "\x1b" not in shown
        if output == "html":
            assert "<script>" not in shown
            assert "<i>" not in shown
        if output == "markdown":
            assert "<script>" not in shown
    data = json.loads(render("json", change, RenderOptions()))
    assert data["comparison_version"] == 1
    assert data["limits"][0]["state"] == "ok"
    for width in (60, 80, 120, 200):
        lines = render("text", change, RenderOptions(width=width)).split("\n")
        assert max(map(len, lines)) <= max(60, width)


def test_the_command(
    tmp_path: Path, write: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = write("a.log", seed=1), write("b.log", seed=2, day=2, slow=1.6, errors=0.06)
    assert main(["diff", a, b, "--fail-if", "p50 > +10%"]) == 1
    out, err = capsys.readouterr()
    assert "GET /cart" in out
    assert "▲" in out
    assert "FAIL  p50 > +10%" in err
    assert main(["diff", b, a, "--fail-if", "p50 > +10%", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["limits"][0]["state"] == "ok"
    both = tmp_path / "both.log"
    both.write_text(Path(a).read_text() + Path(b).read_text())
    by_time = {}
    for name, args in {
        "split": ["--split-at", "2026-01-02"],
        "ranges": ["--before", "..2026-01-02", "--after", "2026-01-02..2026-01-03"],
    }.items():
        assert main(["diff", str(both), *args, "--json"]) == 0
        by_time[name] = json.loads(capsys.readouterr().out)
    assert by_time["split"]["headline"] == by_time["ranges"]["headline"]
    assert main(["diff", a, b, "--json"]) == 0
    assert by_time["split"]["routes"] == json.loads(capsys.readouterr().out)["routes"]
    page = tmp_path / "diff.html"
    assert main(["diff", a, b, "--output-format", "html", "-o", str(page)]) == 0
    assert page.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["a.log"], "BEFORE and AFTER are two"),
        (["-", "-"], "standard input cannot be both"),
        (["-", "--split-at", "2026-01-01"], "cannot be read twice"),
        (["a.log", "--before", "2026-01-01..2026-01-02"], "need each other"),
        (["a.log", "--before", "x", "--after", "y..z"], "is not a time range"),
        (["a.log", "b.log", "--fail-if", "p99"], "expected a change"),
    ],
)
def test_mistakes_on_the_command_line(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", *args]) == 2
    assert message in capsys.readouterr().err


def test_sides_that_count_other_records_are_refused(
    tmp_path: Path, write: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = write("a.log", seed=1), write("b.log", seed=2)
    saved = str(tmp_path / "a.logan")
    logan.analyze(a, save=saved, where="status>=500")
    assert main(["diff", saved, b]) == 2
    assert "counts records where status >= 500" in capsys.readouterr().err
    with pytest.raises(UsageError):
        logan.compare(saved, b)


def test_a_json_object_that_is_no_report() -> None:
    with pytest.raises(logan.InputError, match="not a report of logan"):
        side_of_json("x.json", {"schema_version": 1})


def test_a_notebook_shows_a_comparison_as_tables() -> None:
    logs = Path(__file__).resolve().parents[3] / "test_vectors" / "logs"
    found = logan.compare(logs / "normal.log", logs / "error_spike.log")
    html = found._repr_html_()
    assert html.startswith('<div class="logan-diff"><style>')
    assert "Errors and warnings" in html
    assert "<script" not in html
    assert "<body" not in html
    assert repr(found).endswith("differences are more than chance>")


@pytest.mark.parametrize(
    ("args", "is_marked", "why"),
    [
        (
            ["--split-at", "2026-01-01T18:00"],
            None,
            "the sides are 18 h and 5 h 59 min long: see requests/s",
        ),
        (["--split-at", "2026-01-01T12:00"], False, None),
        (["--before", "..2026-01-01T06:00", "--after", "2026-01-01T06:00.."], None, "long"),
    ],
)
def test_a_longer_range_is_not_more_requests(
    write: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
    args: list[str],
    is_marked: bool | None,
    why: str | None,
) -> None:
    assert main(["diff", write("a.log", seed=1), *args, "--json"]) == 0
    headline = {each["metric"]: each for each in json.loads(capsys.readouterr().out)["headline"]}
    assert headline["total_requests"]["told_apart"] is is_marked
    assert headline["requests_per_second"]["told_apart"] is False
    if why is not None:
        assert why in headline["total_requests"]["why"]


def test_a_log_that_ends_early_has_fewer_requests(write: Callable[..., str]) -> None:
    """Whole logs are compared as they are: that one is shorter may be what is wrong."""
    whole, half = write("a.log", seed=1), write("b.log", seed=1)
    lines = Path(half).read_text().splitlines(keepends=True)
    Path(half).write_text("".join(lines[: len(lines) // 2]))
    total = logan.compare(whole, half).headline[0]
    assert total.metric == "total_requests"
    assert total.told_apart
