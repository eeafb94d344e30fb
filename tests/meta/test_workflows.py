"""Files for the services around the project: they parse, and name what exists.

Nothing here runs a workflow. What is checked is what breaks quietly: a script that was renamed, a
Python that is in the metadata and not in the matrix, an action without a version.
"""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from logan.cli import COMMANDS
from logan.cli.main import command_parser

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
UNITS = sorted((ROOT / "python" / "logan" / "share" / "systemd").glob("*.service"))
YAML = [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / ".pre-commit-config.yaml"]


def load(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in load(path)["jobs"].values():
        yield from job.get("steps", ())


@pytest.mark.parametrize("path", [*YAML, ROOT / "CITATION.cff"], ids=lambda each: each.name)
def test_yaml_parses(path: Path) -> None:
    assert load(path)


def test_there_are_workflows() -> None:
    assert {each.stem for each in WORKFLOWS} == {"release", "tests", "wheels"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda each: each.name)
def test_scripts_and_folders_of_workflows_exist(path: Path) -> None:
    for step in steps(path):
        for name in re.findall(
            r"(?<![\w/$}-])(?:\.ci|python/release|tests|test_vectors)/?[\w./-]*",
            step.get("run", ""),
        ):
            assert (ROOT / name).exists(), f"{path.name}: {name}"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda each: each.name)
def test_actions_are_pinned_and_jobs_have_bounds(path: Path) -> None:
    """A tag can be moved to other code, a hash cannot; the comment is what Dependabot goes by."""
    text = path.read_text(encoding="utf-8")
    pinned = re.findall(r"uses: ([\w.-]+/[\w.-]+@[0-9a-f]{40}) # v\d+\.\d+\.\d+$", text, flags=re.M)
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    for name, job in workflow["jobs"].items():
        if "uses" in job:
            assert (ROOT / job["uses"]).is_file(), "a workflow of this repository"
            continue
        assert job["timeout-minutes"] <= 90, name
        for step in job["steps"]:
            if "uses" in step:
                assert step["uses"] in pinned
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_an_action_has_one_version() -> None:
    used = {step["uses"] for path in WORKFLOWS for step in steps(path) if "uses" in step}
    assert len(used) == len({each.partition("@")[0] for each in used})


@pytest.mark.skipif(shutil.which("zizmor") is None, reason="zizmor is not installed")
def test_zizmor_finds_nothing() -> None:
    done = subprocess.run(
        ["zizmor", "--offline", "--quiet", "--no-progress", ROOT / ".github"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(shutil.which("actionlint") is None, reason="actionlint is not installed")
def test_actionlint_finds_nothing() -> None:
    done = subprocess.run(
        ["actionlint", *WORKFLOWS], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda each: each.name)
def test_no_text_of_others_becomes_a_command(path: Path) -> None:
    """Titles and names of branches are others' text: in a script they would be run."""
    for step in steps(path):
        assert not re.search(r"\$\{\{\s*github\.(?:event|head_ref|ref_name)", step.get("run", ""))


def pythons() -> list[str]:
    """The versions that the metadata names, from the first on."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    prefix = "Programming Language :: Python :: 3."
    return ["3." + each.removeprefix(prefix) for each in project["classifiers"] if prefix in each]


def test_the_matrix_has_the_pythons_of_the_metadata() -> None:
    jobs = load(ROOT / ".github" / "workflows" / "tests.yml")["jobs"]
    assert jobs["python"]["strategy"]["matrix"]["python"] == pythons()


def test_every_processor_of_the_wheels_runs_all_tests() -> None:
    """Code for one processor is not even compiled on another."""
    jobs = load(ROOT / ".github" / "workflows" / "tests.yml")["jobs"].values()
    wheels = load(ROOT / ".github" / "workflows" / "wheels.yml")["jobs"]["linux"]
    for runner in {each["runner"] for each in wheels["strategy"]["matrix"]["include"]}:
        here = [step for job in jobs if job["runs-on"] == runner for step in job["steps"]]
        scripts = {step.get("run") for step in here}
        both = {"python -m pytest", "cargo test --workspace --quiet"}
        assert ".ci/run" in scripts or both <= scripts, runner


def test_wheels_for_linux_are_tried_with_the_pythons_of_the_metadata() -> None:
    listed = load(ROOT / ".github" / "workflows" / "wheels.yml")["jobs"]["linux"]["steps"]
    (installed,) = [
        each["with"]["python-version"]
        for each in listed
        if "python-version" in each.get("with", {})
    ]
    assert sorted(installed.split(), key=pythons().index) == pythons()
    tried = [each["run"] for each in listed if each.get("name", "").startswith("try the wheel")]
    assert len(tried) == 2
    for script in tried:
        assert f"for version in {' '.join(pythons())}; do" in script


def test_only_the_publishing_job_may_write() -> None:
    jobs = load(ROOT / ".github" / "workflows" / "release.yml")["jobs"]
    assert [name for name, job in jobs.items() if "permissions" in job] == ["publish"]
    assert jobs["publish"]["needs"] == ["check", "wheels"]
    assert "password" not in str(jobs["publish"]["steps"])


# --- Container ------------------------------------------------------------------------------------


def test_the_image_is_built_from_what_exists_as_a_user_without_rights() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    last = text.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!0|root)\d+:\d+$", last, flags=re.M)
    assert 'ENTRYPOINT ["logan"]' in last
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for sources in re.findall(r"^COPY (?!--from)(.*) \S+$", text, flags=re.M):
        for name in sources.split():
            assert (ROOT / name).exists(), name
            assert f"!{name}" in ignored, f"{name} does not reach the build"


def test_logan_does_without_what_the_image_leaves_out() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (removed,) = re.findall(r"uninstall -q -y (.*?) \\\n", text)
    modules = {
        name
        for path in (ROOT / "python" / "logan").rglob("*.py")
        for name in re.findall(
            r"(?:from|import) (rich(?:_argparse|\.\w+)*)", path.read_text(encoding="utf-8")
        )
    }
    assert {"rich.live", "rich.table", "rich_argparse"} <= modules
    blocked = [{"markdown-it-py": "markdown_it"}.get(each, each) for each in removed.split()]
    program = (
        f"import importlib, sys\nsys.modules |= dict.fromkeys({blocked})\n"
        f"for name in {sorted(modules)}: importlib.import_module(name)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# --- Services -------------------------------------------------------------------------------------


def unit(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(path, encoding="utf-8")
    return parser


@pytest.mark.parametrize("path", UNITS, ids=lambda each: each.name)
def test_commands_of_units_parse(path: Path) -> None:
    name, *arguments = shlex.split(unit(path)["Service"]["ExecStart"])
    assert name == "/usr/local/bin/logan"
    assert path.stem == f"logan-{arguments[0]}"
    assert arguments.pop() == "$OPTIONS"
    command_parser(COMMANDS).parse_args(arguments)
    examples = re.findall(r"^#\s+OPTIONS=(.*)$", path.read_text(encoding="utf-8"), flags=re.M)
    assert examples
    for example in examples:
        command_parser(COMMANDS).parse_args([*arguments, *shlex.split(example)])


@pytest.mark.parametrize("path", UNITS, ids=lambda each: each.name)
def test_services_have_no_rights_and_few_resources(path: Path) -> None:
    service = unit(path)["Service"]
    assert service["User"] == "logan"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert {"MemoryMax", "TasksMax", "TimeoutStopSec"} <= set(service)


@pytest.mark.parametrize("path", UNITS, ids=lambda each: each.name)
def test_systemd_accepts_the_units(path: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    told = subprocess.run(
        ["systemd-analyze", "--version"], capture_output=True, text=True, check=True
    ).stdout
    if int(told.split()[1]) < 250:
        pytest.skip("systemd is older than 250, which judges files offline")
    text = path.read_text(encoding="utf-8").replace("/usr/local/bin/logan", "/bin/true")
    copy = tmp_path / path.name
    copy.write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.M), encoding="utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False
    )
    # The machine's own units may have faults of their own.
    assert [each for each in verified.stderr.splitlines() if "logan" in each] == []
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", copy],
        capture_output=True,
        text=True,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout[-400:]
