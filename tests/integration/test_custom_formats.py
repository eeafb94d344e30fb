"""Formats of the user's own: as text, from the configuration file, and settings from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import logan
from logan.cli.main import main

SHOP = '$remote_addr [$time_local] "$request" $status $request_time'
LINES = (
    '192.0.2.7 [24/Jan/2024:10:15:32 +0000] "GET /a HTTP/1.1" 200 0.250\n'
    '192.0.2.8 [24/Jan/2024:10:15:33 +0000] "GET /b HTTP/1.1" 503 0.750\n'
)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "shop.log"
    path.write_text(LINES)
    return path


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config.toml"
    monkeypatch.setenv("LOGAN_CONFIG", str(path))
    return path


@pytest.mark.parametrize(
    "text",
    [
        SHOP,
        f"log_format shop '{SHOP}';",
        'LogFormat "%h %t \\"%r\\" %>s %{x}o" shop',
        r"^(?<client>\S+) \[(?<time>[^]]+)\] .(?<request>[^\"]*). (?<status>\d+) (?<duration_s>.+)",
    ],
)
def test_text_of_a_format(log: Path, text: str) -> None:
    report = logan.analyze(log, format=text).to_dict()
    assert report["lines"]["parsed"] == 2
    assert report["status"] == {"200": 1, "503": 1}
    (found,) = report["inputs"][0]["formats"]
    assert found["name"] == "custom"
    if "x}o" not in text:
        assert report["response_time_ms"]["mean"] == 500.0
        assert found["duration_unit"] == "s"


def test_spec_and_feed_take_it(log: Path) -> None:
    spec = logan.make_spec(format=SHOP)
    assert spec != logan.make_spec(format=SHOP + " $uri")
    for feed in (logan.Feed(spec), logan.Feed(format=SHOP)):
        feed.push(LINES.encode())
        assert json.loads(feed.finish().evaluate())["lines"]["parsed"] == 2


def test_a_mistake_has_a_position(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(logan.FormatError) as caught:
        logan.analyze(log, format="$status $")
    assert caught.value.pointer() == "$status $\n        ^"
    with pytest.raises(logan.FormatError):
        logan.Feed(format="$a$b")
    assert main(["analyze", "--format", "log_format x '$status'\n '$'", str(log)]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert "name of a variable" in shown[0]
    assert [line.strip() for line in shown[1:3]] == ["'$'", "^"]
    assert shown[2].index("^") == shown[1].index("$")


def test_no_line_fits(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "--format", "$msec $status", str(log)]) == 3
    shown = capsys.readouterr().err
    assert "no line" in shown
    assert "$msec $status" in shown
    assert "192.0.2.7 [24/Jan" in shown


def test_names_from_the_configuration(
    log: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(f"[formats]\nshop = '''{SHOP}'''\n")
    assert main(["analyze", "--json", "--format", "shop", str(log)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["inputs"][0]["formats"][0]["name"] == "shop"
    assert main(["formats"]) == 0
    assert f"format: {SHOP}" in capsys.readouterr().out


def test_settings_from_the_configuration(
    log: Path, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # `coordinator` is a setting of other commands, which is not a mistake.
    config.write_text("[settings]\ntop = 1\nno-progress = true\ncoordinator = 'logs:8000'\n")

    def routes(*flags: str) -> int:
        assert main(["analyze", "--json", "--format", SHOP, *flags, str(log)]) == 0
        rows = json.loads(capsys.readouterr().out)["routes"]["top"]
        return sum("why" not in row for row in rows)  # others lead by errors or time

    assert routes() == 1
    assert routes("--top", "2") == 2
    monkeypatch.setenv("LOGAN_TOP", "2")
    assert routes() == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[formats]\nshop = '$a$'\n", "formats.shop: $ is not followed"),
        ("[formats]\nshop = 3\n", "formats.shop: write the text"),
        ("[formats]\nshop = '$status'\n'two words' = '$status'\n", "two words: a name is"),
        ("[settings]\nthread = 4\n", "settings.thread: unknown setting"),
        ("[settings]\nthreads = 'x'\n", "settings.threads=x"),
        ("[settings]\nthreads = [1]\n", "settings.threads: write a text"),
        ("[setting]\n", "setting: unknown table; expected"),
        ("settings = 3\n", "settings: write a table"),
        ("[settings\n", "not valid TOML"),
    ],
)
def test_mistakes_in_the_configuration(
    text: str, why: str, log: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(text)
    assert main(["analyze", "--format", "shop", str(log)]) == 2
    shown = capsys.readouterr().err
    assert str(config) in shown
    assert why in shown


@pytest.mark.parametrize("content", [b"x = [", b"\xff\xfe", b"#" * (2 << 20), None])
def test_a_configuration_that_cannot_be_used_has_a_next_step(
    content: bytes | None,
    log: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("LOGAN_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "logan" / "config.toml"
    path.parent.mkdir()
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    assert main(["analyze", str(log)]) == 2
    message, hint = capsys.readouterr().err.splitlines()
    assert str(path) in message
    assert "codec" not in message
    assert hint.startswith("  hint: ")
    monkeypatch.setenv("LOGAN_CONFIG", "/dev/null")
    assert main(["analyze", "--format", SHOP, str(log)]) == 0


def test_a_configuration_that_is_named_must_be_there(
    config: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyze", str(log)]) == 2
    assert "no such configuration file" in capsys.readouterr().err


def test_conditions_and_tables_know_it(log: Path) -> None:
    report = logan.analyze(log, format=SHOP, where="format=custom", by="format").to_dict()
    assert report["lines"]["parsed"] == 2
    (row,) = report["groups"]["format"]["top"]
    assert (row["key"], row["records"]) == ("custom", 2)
    report = logan.analyze(log, format=SHOP, where="format=combined").to_dict()
    assert report["lines"]["filtered"] == 2
