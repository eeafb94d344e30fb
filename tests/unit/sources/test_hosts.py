"""Names of files on hosts: what is one, what it means, and that a shell reads it as it is."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logan.errors import InputError
from logan.sources.cksum import cksum
from logan.sources.hosts import Address, as_url, is_remote, masked, parse, shown, url_of
from logan.sources.ssh import script as ssh_script
from logan.sources.ssh.refusals import refusal

PATHS = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=40
).map(lambda text: os.fsdecode(text.encode()))


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("web1:/var/log/a.log", "ssh://web1/var/log/a.log"),
        ("me@web-1.example.org:/a", "ssh://me@web-1.example.org/a"),
        ("web1:logs/a.log", "ssh://web1/~/logs/a.log"),
        ("web1:~/logs/a.log", "ssh://web1/~/logs/a.log"),
        ("web1:a.log", "ssh://web1/~/a.log"),
        ("web1:/~/a.log", "ssh://web1/%7E/a.log"),
        ("web1:/a b%41#.log", "ssh://web1/a%20b%2541%23.log"),
        ("web1:/var/log/*/a?[0-9].log", "ssh://web1/var/log/*/a?[0-9].log"),
        ("[fe80::1]:/a", "ssh://[fe80::1]/a"),
        ("web1:/a:b", "ssh://web1/a:b"),
    ],
)
def test_names_of_hosts(name: str, url: str) -> None:
    assert as_url(name) == url
    assert as_url(url) == url
    remote = parse(url)
    assert as_url(shown(url)) == url
    assert shown(url).endswith(remote.path)


@pytest.mark.parametrize(
    "name",
    [
        *("a.log", "/var/log/a:b", "./web1:/a", "a/b:c", ":", "web1:", ":/a", "-"),
        *("C:\\x", "c:\\logs\\a.log", "C:/x", "10:15", "10:15:32", "2024-01-24T10:15", "web1:80"),
        *("s3://bucket/a", "https://user:pw@host/a", "a b:c", "we?b:/x", "web1\n:/x", "*:x"),
    ],
)
def test_names_of_other_things(name: str) -> None:
    assert as_url(name) == name
    assert not is_remote(name)


def test_a_file_of_that_name_is_read_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("web1:a.log").touch()
    Path("web2:b.log").symlink_to("nowhere")
    assert as_url("web1:a.log") == "web1:a.log"
    assert as_url("web2:b.log") == "web2:b.log"
    assert as_url("web1:b.log") == "ssh://web1/~/b.log"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ssh://-oProxyCommand=x/y", "cannot begin with a dash"),
        ("ssh://me@-o/y", "cannot begin with a dash"),
        ("ssh://me:pw@web1/y", "a password does not belong in an address"),
        ("ssh://web1", "names no host and path"),
        ("ssh:///y", "names no host and path"),
        ("ssh://web1:0/y", "0 is not a port"),
        ("ssh://web1:99999/y", "99999 is not a port"),
        ("ssh://web 1/y", "names no host and path"),
        ("ssh://web1;id/y", "names no host and path"),
        ("ssh://web1/a%00b", "is not a valid path"),
    ],
)
def test_what_names_no_host(url: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        parse(url)
    assert caught.value.hint or "valid" in why
    assert "pw" not in f"{caught.value}{shown(url)}" or "pw" in shown(url)


@given(PATHS)
def test_any_path_survives_its_url(path: str) -> None:
    url = url_of(Address("web1"), f"/{path}")
    remote = parse(url)
    assert remote.path == f"/{path}"
    assert not remote.is_pattern
    assert url.isascii()
    assert url.isprintable()


@given(PATHS)
def test_any_path_is_one_word_of_a_shell(path: str) -> None:
    request = ssh_script.look_request(7, f"/{path}")
    text = b"look() { printf '%s\\0' \"$@\"; }\n" + request
    done = subprocess.run(["sh"], input=text, capture_output=True, check=True)
    wanted = os.fsencode(f"/{path}").rstrip(b"/") or b"/"
    assert done.stdout == b"7\0" + wanted + b"\0"


@given(PATHS)
def test_patterns_are_one_word_without_wildcards(path: str) -> None:
    path = path.replace("*", "x").replace("?", "x").replace("[", "x")
    remote = parse(as_url(f"web1:/nowhere-at-all/{path}/*"))
    request = ssh_script.glob_request(7, remote.path, remote.literal)
    text = b"glob() { printf '%s\\0' \"$@\"; }\n" + request
    done = subprocess.run(["sh"], input=text, capture_output=True, check=True)
    assert done.stdout.split(b"\0")[2] == os.fsencode(f"/nowhere-at-all/{path}/*")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a*", ["a b", "a$b", "a'b", "a-b", "a1b", "a]b"]),
        ("a['$]b", ["a$b", "a'b"]),
        ("a[0-9]b", ["a1b"]),
        ("a[!0-9a-z]b", ["a b", "a$b", "a'b", "a-b", "a]b"]),
        ("a[]-]b", ["a-b", "a]b"]),
        ("a[ ]b", ["a b"]),
        ("a[b", []),
        ("a[", []),
        ("a?b", ["a b", "a$b", "a'b", "a-b", "a1b", "a]b"]),
    ],
)
def test_wildcards_of_a_shell(tmp_path: Path, pattern: str, names: list[str]) -> None:
    for name in ("a b", "a$b", "a'b", "a-b", "a1b", "a]b"):
        (tmp_path / name).touch()
    remote = parse(as_url(f"web1:{tmp_path}/{pattern}"))
    request = ssh_script.glob_request(1, remote.path, remote.literal)
    text = b'glob() { shift 2; for f do [ ! -e "$f" ] || echo "$f"; done; }\n' + request
    done = subprocess.run(["sh"], input=text, capture_output=True, check=True, env={"LC_ALL": "C"})
    assert done.stdout.decode().splitlines() == [f"{tmp_path}/{name}" for name in names]


@given(st.binary(max_size=3_000))
def test_sums_are_those_of_cksum(data: bytes) -> None:
    if shutil.which("cksum") is None:
        pytest.skip("cksum is not installed")
    done = subprocess.run(["cksum"], input=data, capture_output=True, check=True)
    assert done.stdout.split() == [str(cksum(data)).encode(), str(len(data)).encode()]


SECRETS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=12).map(
    lambda text: f"{text}s3cr3t"
)


@given(SECRETS, st.sampled_from(["h", "web-1.example.org", "[fe80::1]"]), st.booleans())
def test_a_password_is_masked_and_refused_in_both_forms(secret: str, host: str, far: bool) -> None:
    secret = secret.replace("/", "") if not far else secret.lstrip("/")
    url = secret.replace("/", "").replace("#", "")
    for written in (f"u:{secret}@{host}:/var/x.log", f"ssh://u:{url}@{host}/x.log"):
        plain = as_url(written)
        assert is_remote(plain)
        assert plain == masked(written)
        with pytest.raises(InputError, match="a password does not belong") as caught:
            parse(written if is_remote(written) else plain)
        for text in (plain, shown(plain), str(caught.value), caught.value.input):
            assert "s3cr3t" not in text


@pytest.mark.parametrize(
    "name",
    [
        "h:logs/a@b:c",
        "h:/logs/a@b:/c",
        "me@h:/a",
        "ssh://me@h:22/a",
        "ssh://[fe80::1]/a",
        "a@b",
        "",
    ],
)
def test_what_has_no_password_is_not_masked(name: str) -> None:
    assert masked(name) == name


def test_hints_name_the_command_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGAN_SSH", "ssh -F 'my config'")
    error = refusal(Address("h", "u", 2222), ["Connection refused"], b"")
    assert "ssh -F 'my config' -p 2222 u@h true" in error.hint
