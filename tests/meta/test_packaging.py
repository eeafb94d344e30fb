"""What is released: the project's metadata, wheels, notices, and the versions that go with them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from release import check_version, check_wheel, lowest, notices, project_urls, try_wheel

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = tomllib.loads(PYPROJECT)
NOTICES = (ROOT / "python" / "THIRD_PARTY_NOTICES.txt").read_text(encoding="utf-8")


# --- Metadata -------------------------------------------------------------------------------------


def test_every_python_from_the_first_on_is_a_classifier() -> None:
    (first,) = re.findall(r">=3\.(\d+)$", PROJECT["project"]["requires-python"])
    prefix = "Programming Language :: Python :: 3."
    listed = [each for each in PROJECT["project"]["classifiers"] if each.startswith(prefix)]
    assert listed == [f"{prefix}{minor}" for minor in range(int(first), int(first) + len(listed))]
    assert len(listed) >= 4


def test_both_commands_are_installed() -> None:
    scripts = PROJECT["project"]["scripts"]
    assert scripts["logan"] == scripts["logan-analyzer"] == "logan.__main__:main"


def test_files_that_metadata_names_exist() -> None:
    project = PROJECT["project"]
    for name in [project["readme"], *project["license-files"]]:
        assert (ROOT / name).is_file(), name
    assert (ROOT / PROJECT["tool"]["maturin"]["data"] / "data").is_dir()


def test_extras_are_for_users() -> None:
    assert not {"test", "lint", "bench", "dev"} & set(PROJECT["project"]["optional-dependencies"])
    assert {"test", "lint", "bench"} <= set(PROJECT["dependency-groups"])


def test_the_lowest_versions_are_those_of_the_bounds() -> None:
    found = lowest.constraints(PROJECT)
    names = [each.partition("==")[0] for each in found]
    assert len(names) == len(set(names)), "one bound for each, wherever it is needed"
    for requirement in PROJECT["project"]["dependencies"]:
        name, version = requirement.split(">=")
        assert f"{name}=={version}" in found


@pytest.mark.parametrize("requirement", ["trio", "trio>0.2", "trio>=0.27,<1", "trio~=1.0"])
def test_a_dependency_without_a_lower_bound_is_refused(requirement: str) -> None:
    project = {"dependencies": [requirement], "optional-dependencies": {}}
    with pytest.raises(ValueError, match=re.escape(requirement)):
        lowest.constraints({"project": project, "dependency-groups": {"test": []}})


def test_addresses_of_a_repository() -> None:
    text = project_urls.with_urls(PYPROJECT, "https://host.example/owner/logan/")
    urls = tomllib.loads(text)["project"]["urls"]
    assert urls["Homepage"] == "https://host.example/owner/logan"
    for name in ("Documentation", "Changelog"):
        path = urls[name].removeprefix("https://host.example/owner/logan/blob/main/")
        assert (ROOT / path).is_file()
    again = project_urls.with_urls(text, "https://host.example/other/logan")
    assert "owner" not in again
    assert tomllib.loads(again)["project"] | {"urls": urls} == tomllib.loads(text)["project"]


def test_the_page_of_the_index_has_links_that_lead_somewhere() -> None:
    address = "https://host.example/owner/logan"
    page = project_urls.with_absolute_links((ROOT / "README.md").read_text("utf-8"), address + "/")
    targets = re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page, flags=re.S))
    assert len(targets) > 3
    for target in targets:
        if target.startswith("#"):
            continue
        _, kind, path = re.split(r"/(blob/HEAD|raw/HEAD|actions/workflows)/", target)
        assert target.startswith(f"{address}/{kind}/")
        folder = ROOT / ".github" / "workflows" if kind == "actions/workflows" else ROOT
        assert (folder / path.removesuffix("/badge.svg")).exists(), target
    runs = f"{address}/actions/workflows/tests.yml"
    assert f"[![tests]({runs}/badge.svg)]({runs})" in page
    assert f"![The first screen of a report]({address}/raw/HEAD/python/docs/report.svg)" in page
    assert project_urls.with_absolute_links(page, address) == page


@pytest.mark.parametrize(
    "address", ["", "host.example/a/b", "https://host.example", 'https://h/"/b']
)
def test_other_addresses_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not the address of a repository"):
        project_urls.with_urls(PYPROJECT, address)


# --- Versions -------------------------------------------------------------------------------------


def test_a_release_needs_agreement(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text('[workspace.package]\nversion = "1.2.3"\n')
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.2.3\n")
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3\n")
    assert list(check_version.differences(tmp_path, "v1.2.3")) == []
    assert len(list(check_version.differences(tmp_path, "v1.2.4"))) == 1
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.30\n")
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.2.2\n")
    assert len(list(check_version.differences(tmp_path, "v1.2.3"))) == 2


def test_the_citation_has_the_version() -> None:
    version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
    found = list(check_version.differences(ROOT, f"v{version}"))
    assert all("CHANGELOG" in each for each in found), "the changelog's section comes last"


# --- Notices --------------------------------------------------------------------------------------


def listed() -> set[tuple[str, str]]:
    """Names and versions of the crates in the notices."""
    return set(re.findall(r"^([\w-]+) (\d+\.\d\S*)  \S", NOTICES, flags=re.M))


def test_notices_have_the_versions_of_the_lock_file() -> None:
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text(encoding="utf-8"))
    locked = {(each["name"], each["version"]) for each in lock["package"]}
    assert len(listed()) > 20
    assert listed() <= locked, "run `just generate`"


def test_notices_have_the_direct_dependencies() -> None:
    names = {name for name, _ in listed()}
    for crate in ("logan-core", "logan-py"):
        cargo = tomllib.loads((ROOT / "rust" / crate / "Cargo.toml").read_text(encoding="utf-8"))
        assert set(cargo["dependencies"]) - {"logan-core"} <= names


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
def test_notices_have_what_is_linked() -> None:
    linked = {(each["name"], each["version"]) for each in notices.linked(ROOT)}
    assert listed() == linked, "run `just generate`"
    assert not {"criterion", "proptest", "syn"} & {name for name, _ in linked}


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
def test_tests_ask_for_no_other_features_of_what_is_linked() -> None:
    """Or cargo compiles such a crate and all above it, the engine included, once more for tests."""
    built = _with_features("-p", "logan-py", "-e", "normal,build")
    assert len(built) > 50
    assert built <= _with_features("--workspace", "-e", "normal,build,dev")


def _with_features(*arguments: str) -> set[str]:
    command = ["cargo", "tree", "--locked", "--prefix", "none", "-f", "{p} [{f}]", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return {line.removesuffix(" (*)") for line in done.stdout.splitlines()}


def test_every_crate_has_a_license_below() -> None:
    headings = re.findall(r"^#{80}\n(.*?)\n#{80}$", NOTICES, flags=re.M | re.S)
    named = set(re.findall(r"([\w-]+) (\d+\.\d[^\s,]*)", "\n".join(headings)))
    assert named == listed()
    assert "GNU GENERAL PUBLIC LICENSE" not in NOTICES


# --- Wheels ---------------------------------------------------------------------------------------


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A file with the names of a good wheel."""
    path = tmp_path / "logan_analyzer-1.0-cp311-abi3-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in check_wheel.expected(ROOT):
            archive.writestr(name.replace("*", "logan_analyzer-1.0"), "")
        info = "logan_analyzer-1.0.dist-info"
        archive.writestr("logan/_logan.abi3.so", "")
        archive.writestr(f"{info}/licenses/LICENSE", "")
        archive.writestr(f"{info}/licenses/python/THIRD_PARTY_NOTICES.txt", "")
        archive.writestr(f"{info}/sboms/logan-py.cyclonedx.json", "")
        archive.writestr(
            f"{info}/entry_points.txt",
            "[console_scripts]\nlogan=logan.__main__:main\nlogan-analyzer=logan.__main__:main\n",
        )
    return path


def test_a_good_wheel_has_no_faults(wheel: Path) -> None:
    assert list(check_wheel.faults(wheel, ROOT)) == []
    names = check_wheel.expected(ROOT)
    assert {"logan/py.typed", "logan/_logan.pyi", "logan/share/completions/logan.fish"} <= names
    assert "logan/share/systemd/logan-worker.service" in names
    assert "*.data/data/share/man/man1/logan-analyze.1" in names


@pytest.mark.parametrize(
    ("removed", "fault"),
    [
        ("logan/py.typed", "logan/py.typed is missing"),
        ("logan/_logan.abi3.so", "nothing matches logan/_logan"),
        ("share/man/man1/logan.1", "man1/logan.1 is missing"),
        ("THIRD_PARTY_NOTICES.txt", "THIRD_PARTY_NOTICES"),
        ("cyclonedx.json", "sboms"),
        ("entry_points.txt", "the script logan-analyzer is missing"),
    ],
)
def test_what_is_missing_is_named(wheel: Path, removed: str, fault: str, tmp_path: Path) -> None:
    other = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(other, "w") as target:
        for name in source.namelist():
            if not name.endswith(removed):
                target.writestr(name, source.read(name))
    assert any(fault in each for each in check_wheel.faults(other, ROOT))


def test_what_does_not_belong_is_named(wheel: Path) -> None:
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("tests/test_x.py", "")
        archive.writestr("release/notices.py", "")
        archive.writestr("logan/__pycache__/x.pyc", "")
    assert len(list(check_wheel.faults(wheel, ROOT))) == 3


@pytest.mark.skipif("LOGAN_TEST_WHEEL" not in os.environ, reason="LOGAN_TEST_WHEEL names none")
@pytest.mark.timeout(3_000)  # installs, and runs other tests
def test_the_given_wheel() -> None:
    wheel = os.environ["LOGAN_TEST_WHEEL"]
    assert list(check_wheel.faults(Path(wheel), ROOT)) == []
    assert try_wheel.main([wheel]) == 0


def test_tests_of_wheels_exist_and_have_what_they_need() -> None:
    assert all((ROOT / each).exists() for each in try_wheel.TESTS)
    assert any(each.startswith("hypothesis>=") for each in try_wheel.requirements(PROJECT))


def test_tests_of_wheels_need_no_bash() -> None:
    """Alpine has none, where wheels for musl are tried."""
    files = [each for name in try_wheel.TESTS for each in _test_files(ROOT / name)]
    assert len(files) > len(try_wheel.TESTS)  # one is a folder
    assert [each.name for each in files if '["bash"' in each.read_text(encoding="utf-8")] == []


def _test_files(path: Path) -> list[Path]:
    return sorted(path.glob("test_*.py")) if path.is_dir() else [path]


def test_source_distributions_hold_what_wheels_are_built_from() -> None:
    """maturin adds the package, the crates and the licenses by itself, but no data."""
    maturin = PROJECT["tool"]["maturin"]
    assert {"path": f"{maturin['data']}/**/*", "format": "sdist"} in maturin["include"]
