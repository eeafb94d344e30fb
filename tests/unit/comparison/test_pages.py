"""What a comparison shows, rendered: the comment of a pull request, with one change and with many,
and what stands out within a side."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

import logan
from logan.comparison import OUTPUTS, render
from logan.comparison.markdown import OPEN_ROWS_MAX
from logan.report import RenderOptions

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(
        name: str,
        seed: int,
        *,
        routes: int = 3,
        requests: int = 6_000,
        slow: Callable[[int], float] = lambda route: 1,
        errors: Callable[[float], float] = lambda at: 0.005,
    ) -> str:
        """An hour of a log; `slow` by route, `errors` by the part of the hour."""
        made, rows = random.Random(seed), []
        for i in range(requests):
            second, route = 3_600 * i // requests, made.randrange(routes)
            took = made.lognormvariate(-3.5, 0.5) * slow(route)
            status = 500 if made.random() < errors(i / requests) else 200
            name_of_route = f"/{chr(97 + route // 26)}{chr(97 + route % 26)}/x|y*z"
            rows.append(
                f"10.0.0.1 - - [28/Nov/2026:10:{second // 60:02}:{second % 60:02} +0000] "
                f'"GET {name_of_route} HTTP/1.1" {status} 100 "-" "curl/8" {took:.3f}\n'
            )
        (tmp_path / name).write_text("".join(rows))
        return str(tmp_path / name)

    return write


def rendered(text: str) -> str:
    """What GitHub shows, as HTML."""
    return str(MarkdownIt("commonmark").enable("table").render(text))


def folded(html: str) -> tuple[str, list[str]]:
    """What stands open, and what unfolds."""
    return re.sub(r"<details>.*?</details>", "", html, flags=re.S), re.findall(
        r"<details>.*?</details>", html, flags=re.S
    )


def rows(html: str) -> int:
    return html.count("<tr>") - html.count("<thead>")


def test_a_comment_with_one_change(write: Write) -> None:
    a = write("a.log", 1)
    b = write("b.log", 2, slow=lambda route: 1.6 if route == 1 else 1)
    text = render("markdown", logan.compare(a, b), RenderOptions())
    opened, details = folded(rendered(text))
    assert "<strong>Routes: 1 changed</strong>" in opened
    assert "GET /ab/x|y*z" in opened
    assert "GET /aa/" not in opened
    assert len(details) == 3  # more metrics, the other routes, the status codes
    assert all(each.count("<table>") == 1 for each in details)
    assert "Routes: no other difference told apart" in details[1]
    assert all(line.count("|") >= 5 for line in text.split("\n") if line.startswith("| GET"))


def test_a_comment_with_two_hundred_changes_is_as_short(write: Write) -> None:
    a = write("a.log", 1, routes=210, requests=42_000)
    b = write("b.log", 2, routes=210, requests=42_000, slow=lambda route: 3)
    change = logan.compare(a, b)
    marked = sum(row.is_marked for row in change.tables[0].rows)
    assert marked > 190
    text = render("markdown", change, RenderOptions())
    opened, details = folded(rendered(text))
    assert f"<strong>Routes: {marked} changed</strong>" in opened
    assert opened.count("GET /") == OPEN_ROWS_MAX
    assert rows(opened) <= 8 + OPEN_ROWS_MAX
    assert any(f"Routes: {marked - OPEN_ROWS_MAX} more changed" in each for each in details)
    assert len(text) < 20_000  # a comment has 65,536 characters at most


@pytest.fixture
def burst(write: Write) -> Any:
    steady = write("a.log", 1)
    return logan.compare(
        steady, write("b.log", 2, errors=lambda at: 0.3 if 0.4 < at < 0.45 else 0.005)
    )


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_burst_on_one_side_is_named(burst: Any, name: str) -> None:
    """Its own dispersion hides it from the headline, whose test is of the whole."""
    text = render(name, burst, RenderOptions(width=200))
    if name == "json":
        found = json.loads(text)
        assert [each["kind"] for each in found["after"]["findings"]] == ["errors"]
        assert found["after"]["findings"][0]["command"].startswith("logan lines ")
        assert found["before"]["findings"] == []
        ratio = next(each for each in found["headline"] if each["metric"] == "errors.ratio")
        assert ratio["told_apart"] is False
        assert ratio["why"] == "errors come in bursts, so such a difference may be chance"
        return
    assert re.search(r"errors 0\.\d+ % → [23]\d\.\d % from 10:2[34]:\d\d to 10:2[78]:", text)
    assert "1 finding within after" in text
    assert "the share of errors is not marked: errors come in bursts" in text


def test_bursts_on_both_sides_and_none(write: Write, burst: Any) -> None:
    steady = logan.compare(write("c.log", 3), write("d.log", 4))
    for name in OUTPUTS:
        assert "come in bursts" not in render(name, steady, RenderOptions())
    assert steady.before.findings == steady.after.findings == ()
    # Spread over the hour, as many errors are a difference.
    even = logan.compare(write("e.log", 5), write("f.log", 6, errors=lambda at: 0.02))
    ratio = next(each for each in even.headline if each.metric == "errors.ratio")
    assert ratio.told_apart
    assert ratio.why is None
