"""Tokens, addresses, TLS and roots, attacked."""

from __future__ import annotations

import os
import socket
import ssl
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing
import trustme

from logan.cluster.security import (
    certificate_sha256,
    check_exposure,
    client_context,
    is_loopback,
    read_token,
    server_context,
)
from logan.errors import InputError, UsageError
from logan.sources import roots as roots_module
from logan.sources.roots import Roots

# --- Tokens ---

TOKEN = "0123456789abcdef0123456789abcdef"


def token_file(folder: Path, text: str = TOKEN + "\n", mode: int = 0o600) -> str:
    path = folder / "token"
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_the_file_wins_over_the_variable(tmp_path: Path) -> None:
    path = token_file(tmp_path)
    assert read_token(path, {"LOGAN_TOKEN": "another token of some size"}) == TOKEN.encode()
    assert read_token(None, {"LOGAN_TOKEN": f" {TOKEN}\n"}) == TOKEN.encode()
    assert read_token(None, {}) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o700 | 0o010])
def test_a_token_that_others_may_read_is_none(tmp_path: Path, mode: int) -> None:
    path = token_file(tmp_path, mode=mode)
    with pytest.raises(UsageError, match="open to other users") as caught:
        read_token(path, {})
    assert caught.value.hint == f"chmod 600 {path}"
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize("text", ["", "\n", "short", "x" * 15, "x" * 4097, "x" * 100_000])
def test_tokens_of_another_size(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="from 16 to 4096"):
        read_token(token_file(tmp_path, text), {})
    with pytest.raises(UsageError, match="LOGAN_TOKEN"):
        read_token(None, {"LOGAN_TOKEN": text})


def test_without_a_token_the_hint_says_how_to_make_or_copy_one(tmp_path: Path) -> None:
    path = str(tmp_path / "none")
    with pytest.raises(UsageError) as made:
        read_token(path, {})
    with pytest.raises(UsageError) as copied:
        read_token(path, {}, of_peer=True)
    assert "openssl" in str(made.value.hint)
    assert "copy the coordinator's" in str(copied.value.hint)


def test_a_token_file_that_is_no_file(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o600)
    for path in (str(tmp_path / "absent"), str(fifo), str(tmp_path), "a\0b"):
        with pytest.raises(UsageError, match="token file") as caught:
            read_token(path, {})
        assert caught.value.hint


# --- Addresses ---


def test_loopback() -> None:
    for host in ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST", "localhost."):
        assert is_loopback(host)
    for host in ("", "0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.evil", "127.0.0.1.nip"):
        assert not is_loopback(host)


def test_exposure_needs_both_or_a_word() -> None:
    check_exposure("127.0.0.1", token=False, tls=False, insecure=False)
    check_exposure("0.0.0.0", token=True, tls=True, insecure=False)
    check_exposure("0.0.0.0", token=False, tls=False, insecure=True)
    for token, tls, missing in (
        (False, False, "a token and TLS are"),
        (True, False, "and TLS is"),
        (False, True, "and a token is"),
    ):
        with pytest.raises(UsageError, match=missing) as caught:
            check_exposure("0.0.0.0", token=token, tls=tls, insecure=False)
        for flag in ("--token-file", "--tls-cert", "--tls-key", "--tls-ca", "--insecure"):
            assert flag in str(caught.value.hint)


# --- TLS ---


@pytest.fixture(scope="module")
def pems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("pems")
    names: dict[str, str] = {}
    for who, host in (("ours", "coordinator.example"), ("theirs", "coordinator.example")):
        authority = trustme.CA()
        certificate = authority.issue_cert(host)
        authority.cert_pem.write_to_path(str(folder / f"{who}.ca"))
        certificate.cert_chain_pems[0].write_to_path(str(folder / f"{who}.cert"))
        certificate.private_key_pem.write_to_path(str(folder / f"{who}.key"))
        names |= {f"{who}.{kind}": str(folder / f"{who}.{kind}") for kind in ("ca", "cert", "key")}
    return names


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> tuple[str, str]:
    """TLS version, and the digest of the certificate as the client saw it. Raises what fails."""

    async def run() -> tuple[str, str]:
        left, right = trio.testing.memory_stream_pair()
        ours = trio.SSLStream(left, server, server_side=True)
        theirs = trio.SSLStream(right, client, server_hostname=host)

        async def serve() -> None:
            try:
                await ours.do_handshake()
            except trio.BrokenResourceError:
                await left.aclose()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve)
            try:
                await theirs.do_handshake()
            except trio.BrokenResourceError as error:
                await right.aclose()
                cause = error.__cause__
                raise cause if cause is not None else error from None
        return theirs.version(), certificate_sha256(theirs.getpeercert(True))

    try:
        return trio.run(run)
    except BaseExceptionGroup as group:
        raise group.exceptions[0] from None


def test_tls_with_the_right_authority_and_name(pems: dict[str, str]) -> None:
    server = server_context(pems["ours.cert"], pems["ours.key"])
    version, digest = handshake(server, client_context(pems["ours.ca"]), "coordinator.example")
    assert version == "TLSv1.3"
    assert digest == certificate_sha256(pems["ours.cert"])
    assert digest != certificate_sha256(pems["theirs.cert"])


@pytest.mark.parametrize(
    ("authority", "host", "words"),
    [
        ("theirs.ca", "coordinator.example", "CERTIFICATE_VERIFY_FAILED"),
        ("ours.ca", "other.example", "Hostname mismatch"),
    ],
)
def test_tls_with_the_wrong_one(
    pems: dict[str, str], authority: str, host: str, words: str
) -> None:
    server = server_context(pems["ours.cert"], pems["ours.key"])
    with pytest.raises(ssl.SSLError, match=words):
        handshake(server, client_context(pems[authority]), host)


def test_tls_before_1_2_is_refused(pems: dict[str, str]) -> None:
    server = server_context(pems["ours.cert"], pems["ours.key"])
    old = client_context(pems["ours.ca"])
    for context in (server, old):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLS"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLS"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError):
        handshake(server, old, "coordinator.example")


def test_pem_files_that_are_none(tmp_path: Path, pems: dict[str, str]) -> None:
    junk = tmp_path / "junk"
    junk.write_text("junk")
    calls: list[Callable[[], object]] = [
        lambda: server_context(str(junk), pems["ours.key"]),
        lambda: server_context(pems["ours.cert"], str(tmp_path / "absent")),
        lambda: server_context(pems["ours.cert"], pems["theirs.key"]),
        lambda: client_context(str(junk)),
        lambda: client_context(str(tmp_path / "absent")),
        lambda: certificate_sha256(str(junk)),
        lambda: certificate_sha256(pems["ours.key"]),
    ]
    for call in calls:
        with pytest.raises(UsageError, match="--tls-") as caught:
            call()
        assert caught.value.hint


# --- Roots ---


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """inside/ is the root; outside/ holds what must not be read."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside / "sub" / "deep", inside / ".hidden", outside, tmp_path / "inside-too"):
        folder.mkdir(parents=True)
    for path in (
        "inside/a.log", "inside/b.txt", "inside/sub/c.log", "inside/sub/deep/d.log",
        "inside/.hidden/e.log", "inside/.f.log", "outside/secret.log", "inside-too/secret.log",
    ):  # fmt: skip
        (tmp_path / path).write_text(path)
    monkeypatch.chdir(inside)
    return tmp_path


def names(paths: list[str], root: Path) -> list[str]:
    return [os.path.relpath(path, root) for path in paths]


def test_roots_on_servers() -> None:
    roots = Roots(("s3://bucket/logs", "https://logs.example/"))
    for url in ("s3://bucket/logs/a.log", "https://logs.example/x/y.gz?token=1"):
        assert roots.allows(url)
    for url in (
        "s3://bucket/logs",
        "s3://bucket/logs2/a.log",
        "s3://bucket/logs/../secret",
        "s3://bucket/logs/%2e%2e/secret",
        "s3://other/logs/a.log",
        "http://logs.example/a.log",
        "https://logs.example.evil/a.log",
    ):
        assert not roots.allows(url), url
    assert not Roots().allows("s3://bucket/a.log")
    refused(roots, "/etc/hostname")


def refused(roots: Roots, url: str) -> InputError:
    with pytest.raises(InputError) as caught:
        roots.resolve(url)
    with pytest.raises(InputError):
        roots.open(url)
    return caught.value


def test_the_default_is_the_working_directory(tree: Path) -> None:
    roots = Roots()
    for url in ("a.log", "./a.log", "sub/c.log", "sub//deep/d.log", str(tree / "inside/a.log")):
        path = roots.resolve(url)
        assert os.path.isfile(path)
        with roots.open(url) as opened:
            assert opened.name == path
            assert os.pread(opened.fd, 100, 0) == Path(opened.path).read_bytes()
            assert Path(path).read_bytes() == os.pread(opened.fd, 100, 0)
        assert opened.fd == -1


@pytest.mark.parametrize(
    "url",
    [
        "/etc/passwd",
        "{tree}/outside/secret.log",
        "{tree}/inside-too/secret.log",
        "{tree}/outside/absent.log",
        "/proc/self/root{tree}/outside/secret.log",
        "/proc/self/environ",
        "/proc/self/cwd/../outside/secret.log",
        "//etc/passwd",
        "/",
    ],
)
def test_absolute_escapes(tree: Path, url: str) -> None:
    error = refused(Roots(), url.format(tree=tree))
    assert error.kind == "permission"
    assert "outside the folders" in error.message or "'..'" in error.message


def test_what_is_outside_is_refused_alike_whether_it_exists(tree: Path) -> None:
    there, absent = (str(tree / "outside" / name) for name in ("secret.log", "absent.log"))
    messages = {refused(Roots(), p).message.replace(p, "") for p in (there, absent)}
    assert len(messages) == 1


@pytest.mark.parametrize(
    "url", ["../outside/secret.log", "sub/../a.log", "sub/../../outside/secret.log", "..", "a/.."]
)
def test_dot_dot_is_refused_wherever_it_leads(tree: Path, url: str) -> None:
    assert "'..'" in refused(Roots(), url).message


@pytest.mark.parametrize("url", ["", "a\0.log", "x" * 5000, "\ud800"])
def test_names_that_are_none(tree: Path, url: str) -> None:
    assert "is not a valid path" in refused(Roots(), url).message


def test_links_within_are_followed_links_out_are_not(tree: Path) -> None:
    inside = tree / "inside"
    (inside / "in.log").symlink_to("sub/c.log")
    (inside / "indir").symlink_to("sub")
    (inside / "out.log").symlink_to(tree / "outside/secret.log")
    (inside / "outdir").symlink_to("../outside")
    (inside / "chain.log").symlink_to("out.log")
    (inside / "magic.log").symlink_to("/proc/self/environ")
    (inside / "loop.log").symlink_to("loop.log")
    roots = Roots()
    assert roots.resolve("in.log") == str(inside / "sub/c.log")
    assert roots.resolve("indir/deep/d.log") == str(inside / "sub/deep/d.log")
    for url in ("out.log", "outdir/secret.log", "chain.log", "magic.log"):
        assert "outside the folders" in refused(roots, url).message
    refused(roots, "loop.log")


def test_regular_files_only(tree: Path) -> None:
    inside = tree / "inside"
    os.mkfifo(inside / "fifo.log")
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket.log")  # relative: the name of a socket must be short
    server.close()
    (inside / "null.log").symlink_to("/dev/null")
    roots = Roots()
    assert refused(roots, "sub").kind == "folder"
    assert refused(roots, "absent.log").kind == "missing"
    assert refused(roots, "a.log/b").kind == "missing"
    for url in ("fifo.log", "socket.log"):
        assert "not a regular file" in refused(roots, url).message
    refused(roots, "null.log")
    if os.geteuid() == 0:
        os.mknod(inside / "device.log", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        assert "not a regular file" in refused(roots, "device.log").message


def test_pseudo_files_need_a_root_of_their_own() -> None:
    refused(Roots(("/",)), "/proc/self/environ")
    refused(Roots(("/",)), "/dev/null")
    assert Roots(("/proc/self",)).resolve("environ").endswith("/environ")


def test_several_roots_and_roots_that_are_links(tree: Path) -> None:
    (tree / "link").symlink_to("outside")
    roots = Roots((str(tree / "inside/sub"), str(tree / "link")))
    assert roots.resolve("c.log") == str(tree / "inside/sub/c.log")
    assert roots.resolve("secret.log") == str(tree / "outside/secret.log")
    assert roots.resolve(str(tree / "link/secret.log")) == str(tree / "outside/secret.log")
    assert "outside the folders" in refused(roots, str(tree / "inside/a.log")).message
    assert refused(roots, "absent.log").kind == "missing"
    for folder in ("absent", "a.log"):
        with pytest.raises(UsageError, match="--root"):
            Roots((str(tree / "inside" / folder),))


@pytest.mark.parametrize("swapped", ["folder", "file"])
def test_a_link_swapped_in_after_the_check_is_not_followed(
    tree: Path, monkeypatch: pytest.MonkeyPatch, swapped: str
) -> None:
    """The race at its worst: between the check and the opening, every time."""
    inside = tree / "inside"
    (tree / "outside/c.log").write_text("secret")
    real = os.path.realpath

    def swap(path: str) -> str:
        found = real(path)
        monkeypatch.setattr(os.path, "realpath", real)
        if swapped == "folder":
            (inside / "sub").rename(inside / "was")
            (inside / "sub").symlink_to(tree / "outside")
        else:
            (inside / "sub/c.log").unlink()
            (inside / "sub/c.log").symlink_to(tree / "outside/c.log")
        return found

    roots = Roots()
    monkeypatch.setattr(os.path, "realpath", swap)
    with pytest.raises(InputError):
        roots.open("sub/c.log")


def test_the_race_in_earnest(tree: Path) -> None:
    """Another thread swaps a folder for a link out and back while we open: no read escapes."""
    inside = tree / "inside"
    (tree / "outside/c.log").write_text("secret")
    (inside / "good").mkdir()
    (inside / "good/c.log").write_text("fine")
    (inside / "evil").symlink_to(tree / "outside")
    done = threading.Event()

    def swap() -> None:
        while not done.is_set():
            for which in ("good", "evil"):
                os.rename(inside / which, inside / "now")
                os.rename(inside / "now", inside / which)

    thread = threading.Thread(target=swap)
    thread.start()
    roots, read = Roots(), 0
    try:
        for _ in range(2_000):
            try:
                with roots.open("now/c.log") as opened:
                    assert Path(opened.path).read_bytes() == os.pread(opened.fd, 99, 0) == b"fine"
                    read += 1
            except InputError:
                pass
    finally:
        done.set()
        thread.join()


def test_an_opened_file_stays_the_same_file(tree: Path) -> None:
    with Roots().open("a.log") as opened:
        os.replace(tree / "outside/secret.log", tree / "inside/a.log")
        if os.path.exists("/proc/self/fd"):
            assert Path(opened.path).read_text() == "inside/a.log"
        assert os.pread(opened.fd, 99, 0) == b"inside/a.log"


# --- Search ---


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.log", ["a.log"]),
        ("*", ["a.log", "b.txt"]),
        ("*/*.log", ["sub/c.log"]),
        ("**/*.log", ["a.log", "sub/c.log", "sub/deep/d.log"]),
        ("**", ["a.log", "b.txt", "sub/c.log", "sub/deep/d.log"]),
        ("**/**/d.log", ["sub/deep/d.log"]),
        ("sub/**/*.log", ["sub/c.log", "sub/deep/d.log"]),
        ("sub/**/deep/*", ["sub/deep/d.log"]),
        ("[ab].???", ["a.log", "b.txt"]),
        ("[!a].*", ["b.txt"]),
        (".*", [".f.log"]),
        (".hidden/*", [".hidden/e.log"]),
        ("{tree}/inside/*.log", ["a.log"]),
        ("{tree}/*/a.log", ["a.log"]),
        ("{tree}/**/d.log", ["sub/deep/d.log"]),
        ("/**/d.log", ["sub/deep/d.log"]),
        ("{tree}/outside/*", []),
        ("{tree}/inside-too/*", []),
        ("/etc/*", []),
        ("outdir/*", []),
        ("out.log", []),
        ("indir/*.log", ["sub/c.log"]),
        ("nothing*", []),
        ("a.log/*", []),
        ("[", []),
    ],
)
def test_search(tree: Path, pattern: str, expected: list[str]) -> None:
    inside = tree / "inside"
    (inside / "outdir").symlink_to("../outside")
    (inside / "out.log").symlink_to("../outside/secret.log")
    (inside / "indir").symlink_to("sub")
    (inside / "sub/up").symlink_to("..")
    os.mkfifo(inside / "fifo.log")
    found, errors = Roots().search([pattern.format(tree=tree)])
    assert names(found, inside) == expected
    assert errors == []


def test_search_says_what_it_will_not_do(tree: Path) -> None:
    found, errors = Roots().search(["../outside/*", "a.log", "x/" * 100, "a\0"])
    assert names(found, tree / "inside") == ["a.log"]
    assert len(errors) == 3


def test_search_is_bounded(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roots_module, "INPUTS_PER_JOB_MAX", 2)
    found, errors = Roots().search(["**"])
    assert len(found) == 2
    assert "more than 2 files" in errors[0]
    monkeypatch.setattr(roots_module, "INPUTS_PER_JOB_MAX", 10)
    monkeypatch.setattr(roots_module, "ENTRIES_PER_SEARCH_MAX", 3)
    _, errors = Roots().search(["**"])
    assert len(errors) == 1
    assert "given up" in errors[0]


def test_search_through_a_root_that_is_a_link(tree: Path) -> None:
    (tree / "link").symlink_to("inside")
    found, _ = Roots((str(tree / "link"),)).search([str(tree / "link/*.log")])
    assert names(found, tree / "inside") == ["a.log"]


def test_a_folder_without_permission_is_named(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.scandir

    def scandir(path: str) -> object:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    found, errors = Roots().search(["**/*.log"])
    assert names(found, tree / "inside") == ["a.log"]
    assert errors == [f"{tree}/inside/sub: Permission denied"]
    monkeypatch.setattr(roots_module, "ERRORS_PER_SEARCH_MAX", 0)
    assert Roots().search(["**/*.log"])[1] == []
