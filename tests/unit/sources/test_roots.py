"""Which URLs lie below which roots: as the server would read them, and never more than that."""

from __future__ import annotations

import pytest

from logan.errors import UsageError
from logan.sources.objects import Fetcher
from logan.sources.url_roots import UrlRoots, is_outside

ROOTS = UrlRoots(["s3://bucket/log", "https://logs.example/a b/", "http://[::1]:8080"])


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/log/a.log",
        "s3://bucket/log/",  # the folder, to be listed
        "s3://bucket/log/*.gz",
        "s3://bucket/log//a.log",
        "s3://bucket/log/a..b",
        "s3://bucket/log/...",
        "s3://bucket/log/a%20b %2310%25.log",
        "s3a://bucket/log/a.log",
        "S3://bucket/%6cog/a.log",
        "s3://bucket/log/back\\slash",
        "https://logs.example/a%20b/x",
        "HTTPS://LOGS.example:443/a b/x?signature=../..#/../",
        "https://me:pw@logs.example/a%20b/x",
        "http://[::1]:8080/x",
    ],
)
def test_below(url: str) -> None:
    assert ROOTS.allows(url)


@pytest.mark.parametrize(
    "url",
    [
        "s3://bucket/log",
        "s3://bucket/logs-secret/a.log",
        "s3://bucket/log.old",
        "s3://bucket//log/a.log",
        "s3://bucket/LOG/a.log",
        "s3://Bucket/log/a.log",
        "s3://other/log/a.log",
        "s3://bucket@other/log/a.log",
        "s3://x@bucket/log/a.log",
        "gs://bucket/log/a.log",
        "s3://bucket/log/../secret",
        "s3://bucket/log/./a.log",
        "s3://bucket/log/%2e%2e/secret",
        "s3://bucket/log/%2E./secret",
        "s3://bucket/log/%252e%252e/secret",
        "s3://bucket/log/%" + "25" * 9 + "2e%2e/secret",
        "s3://bucket/log/x%2f..%2f..%2fsecret",
        "s3://bucket%2flog/a.log",
        "s3://bucket/log%2fa.log",
        "s3://bucket/log/..\\secret",
        "s3://bucket/log/..;x/secret",
        "s3://bucket/log/a%00.log",
        "s3://bucket/log/\t../secret",
        "s3://bucket/log/a\n.log",
        " s3://bucket/log/a.log",
        "s3://bucket/log/" + "a" * 8192,
        "http://logs.example/a%20b/x",
        "https://logs.example:8443/a%20b/x",
        "https://logs.example./a%20b/x",
        "https://logs.example.evil/a%20b/x",
        "https://logs.example@evil/a%20b/x",
        "https://logs.example\\@evil/a%20b/x",
        "https://logs.example#@evil/a%20b/x",
        "https://evil#@logs.example/a%20b/x",
        "https://evil?@logs.example/a%20b/x",
        "https://evil\\@logs.example/a%20b/x",
        "https://logs.example/a%20b\\x",
        "https://logs.example/a%20b/%5c../x",
        "https://logs.example/a+b/x",
        "https:///logs.example/a%20b/x",
        "https://:443/a%20b/x",
        "https://logs.example:x/a%20b/x",
        "https://logs.example:99999/a%20b/x",
        "http://[::1/x",
        "http://[::1]/x",
        "file:///s3://bucket/log/a.log",
        "/s3://bucket/log/a.log",
        "bucket/log/a.log",
        "",
    ],
)
def test_not_below(url: str) -> None:
    assert not ROOTS.allows(url)
    assert not UrlRoots().allows(url)


def test_bytes_that_are_not_utf_8_are_not_taken_for_each_other() -> None:
    roots = UrlRoots(["s3://bucket/%ff/"])
    assert roots.allows("s3://bucket/%FF/a.log")
    assert not roots.allows("s3://bucket/%fe/a.log")


@pytest.mark.parametrize(
    "url", ["s3://", "s3://bucket/../x", "https://h/?a=b", "https://h/#a", "https://h:port/"]
)
def test_roots_that_are_none(url: str) -> None:
    with pytest.raises(UsageError, match="--root") as caught:
        UrlRoots([url])
    assert "s3://bucket/logs/" in str(caught.value.hint)


def test_the_refusal_names_the_option_and_no_secret() -> None:
    error = ROOTS.refusal("https://me:pw@h/logs/a.log?X-Signature=geheim")
    assert (error.kind, error.message) == (
        "permission",
        "https://h/logs/a.log is not below a root of the worker",
    )
    assert error.hint == "give it one: logan worker --root https://h/logs/"
    assert is_outside(error.message)


def test_nothing_is_asked_of_a_server_that_is_below_no_root() -> None:
    for url in ("http://127.0.0.1:1/a.log", "s3://bucket/a.log", "az://container/a.log"):
        with pytest.raises(Exception, match="not below a root"):
            Fetcher(url, roots=UrlRoots())
