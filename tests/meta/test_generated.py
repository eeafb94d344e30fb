"""Files of the repository that are made from others are up to date, and do what they are for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from logan.cli import COMMANDS, config
from logan.cli.main import command_parser
from logan.errors import UsageError
from release import example_config, generate, manual, picture
from release.command_tree import Command, blocks, commands, parsers, settings

ROOT = generate.ROOT
SHARE = ROOT / "python" / "logan" / "share"


def test_files_are_up_to_date() -> None:
    assert generate.outdated(generate.files()) == [], "run `just generate`"


def test_they_do_not_depend_on_color_or_width(monkeypatch: pytest.MonkeyPatch) -> None:
    before = manual.pages("1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    assert manual.pages("1") == before


def test_the_picture_is_small_and_fetches_nothing() -> None:
    text = (ROOT / generate.PICTURE).read_text(encoding="utf-8")
    assert len(text.encode()) <= picture.BYTES_MAX
    assert picture.words(text) == picture.words(picture.picture(ROOT))
    assert {"errors", "requests", "Timeline", "p95"} <= set(picture.words(text))
    assert "@font-face" not in text
    assert not re.search(r"(?:href|src)=|url\((?!#)|@import", text)


# --- The command line as data ---------------------------------------------------------------------


def test_every_option_is_in_the_tree() -> None:
    for command in commands():
        named = {name for _, group in command.groups for option in group for name in option.names}
        (sub,) = [each for name, each in parsers() if name == command.name]
        assert named == set(sub.options())


def test_paragraphs_of_help() -> None:
    found = blocks(
        "examples:\n  logan x\n    -y\n\nText that\ngoes on.\n\nexit codes: 0 ok,\n2 usage"
    )
    assert [(each.heading, each.lines, each.verbatim) for each in found] == [
        ("examples", ("logan x", "  -y"), True),
        ("", ("Text that", "goes on."), False),
        ("exit codes", ("0 ok,", "2 usage"), False),
    ]


# --- Man pages ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", commands(), ids=lambda each: each.name)
def test_a_man_page_has_every_option_and_example(command: Command) -> None:
    text = (ROOT / generate.MANUAL / f"logan-{command.name}.1").read_text(encoding="utf-8")
    plain = text.replace(r"\-", "-").replace(r"\(aq", "'").replace(r"\fB", "").replace(r"\fR", "")
    for _, group in command.groups:
        for option in group:
            assert all(name in plain for name in option.names)
    for block in command.blocks:
        for line in block.lines:
            assert line.split(" ")[0] in plain.replace(r"\(dq", '"').replace(r"\(ga", "`")


@pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
def test_groff_has_nothing_to_complain_about() -> None:
    pages = sorted((ROOT / generate.MANUAL).glob("*.1"))
    assert len(pages) == len(COMMANDS) + 1
    for page in pages:
        done = subprocess.run(
            ["groff", "-man", "-Tutf8", "-ww", "-z", page],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == "", page.name


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_has_nothing_to_complain_about() -> None:
    """But that pages have no date: the same source makes the same pages at any time."""
    for page in sorted((ROOT / generate.MANUAL).glob("*.1")):
        done = subprocess.run(
            ["mandoc", "-Tlint", page], capture_output=True, text=True, check=False
        )
        told = [each for each in done.stdout.splitlines() if "missing date" not in each]
        assert told == [], page.name


# --- Completions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_accept_the_completions(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = SHARE / "completions" / f"logan.{shell}"
    done = subprocess.run([shell, "-n", script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_completes_commands_options_and_files(tmp_path: Path) -> None:
    script = SHARE / "completions" / "logan.fish"
    (tmp_path / "some.log").touch()

    def completed(line: str) -> list[str]:
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
            env={**os.environ, "HOME": str(tmp_path)},
        )
        return [each.split("\t")[0] for each in done.stdout.splitlines()]

    assert completed("logan an") == ["analyze"]
    assert "--output-format" in completed("logan analyze --out")
    assert "some.log" in completed("logan analyze so")


# --- The example configuration --------------------------------------------------------------------


def uncommented() -> str:
    """The example with every setting in force."""
    text = example_config.text()
    return re.sub(r"^# ([a-z-]+ = .*)$", r"\1", text, flags=re.M)


def test_the_example_changes_nothing_as_it_is() -> None:
    assert tomllib.loads(example_config.text()) == {"formats": {}, "settings": {}}


def test_the_example_has_every_setting() -> None:
    assert set(tomllib.loads(uncommented())["settings"]) == set(settings())
    assert set(tomllib.loads(uncommented())["formats"]) == {"shop"}


CALLS = {
    "analyze": ["x.log"],
    "coordinator": [],
    "worker": [],
    "submit": ["x.log"],
    "status": [],
    "cancel": ["0123456789ab"],
    "watch": ["x.log"],
    "diff": ["a.log", "b.log"],
    "export": ["x.log", "-o", "x.parquet"],
    "sql": ["select 1", "x.log"],
    "lines": ["x.log"],
}
"""A valid call of each command that has settings."""


@pytest.fixture
def resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], dict[str, object]]]:
    """A function: the arguments of a command under a configuration file with some text."""
    for name in [each for each in os.environ if each.startswith("LOGAN_")]:
        monkeypatch.delenv(name)

    def resolve(command: str, text: str) -> dict[str, object]:
        path = tmp_path / "config.toml"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setenv("LOGAN_CONFIG", str(path))
        config._read.cache_clear()
        args = command_parser(COMMANDS).parse_args([command, *CALLS[command]])
        args.resolve(args)
        return {key: value for key, value in vars(args).items() if key not in ("parser", "resolve")}

    yield resolve
    config._read.cache_clear()


@pytest.mark.parametrize("command", CALLS)
def test_commands_accept_every_setting_of_the_example(
    command: str, resolved: Callable[[str, str], dict[str, object]]
) -> None:
    plain, changed = resolved(command, ""), resolved(command, uncommented())
    own = {key.replace("-", "_") for key, (_, names) in settings().items() if command in names}
    same = {key for key in own & plain.keys() if plain[key] == changed[key]}
    assert same <= {"coordinator", "color", "engine", "host", "chunk_size"}, "defaults as examples"


def test_a_wrong_example_would_be_refused(
    resolved: Callable[[str, str], dict[str, object]],
) -> None:
    with pytest.raises(UsageError, match=r"settings\.threads=many"):
        resolved("analyze", '[settings]\nthreads = "many"')


def test_every_command_with_settings_is_called() -> None:
    assert set(CALLS) == {name for _, names in settings().values() for name in names}


def test_the_program_says_what_is_out_of_date() -> None:
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "release.generate", "--check"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
