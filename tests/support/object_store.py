"""An S3 server as a process of its own on loopback, for the tests of logs on object stores."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from tests.support.cluster_processes import wait_until

__all__ = ["NOWHERE", "ObjectStore", "open_store", "zstd"]

NOWHERE = {
    "AWS_REGION": "us-east-1",
    "AWS_ALLOW_HTTP": "true",
    # Without credentials the client library asks the metadata service; here none answers.
    "AWS_METADATA_ENDPOINT": "http://127.0.0.1:1",
}
"""Environment without a server and without credentials."""


@dataclass(frozen=True)
class ObjectStore:
    """A server with the bucket `logs`, which can only be read with its credentials.

    Attributes:
        environment: what leads a process to it, with credentials.
        secrets: what must never appear in any output or file.
    """

    url: str
    environment: dict[str, str]

    @property
    def secrets(self) -> list[bytes]:
        return [self.environment["AWS_SECRET_ACCESS_KEY"].encode()]

    def without_credentials(self) -> dict[str, str]:
        return {**NOWHERE, "AWS_ENDPOINT_URL": self.url}

    def put(self, key: str, data: bytes) -> None:
        """Write an object, or write it anew."""
        import obstore

        obstore.put(self._bucket(), key, data)

    def delete(self, key: str) -> None:
        import obstore

        obstore.delete(self._bucket(), key)

    def _bucket(self) -> Any:
        from obstore.store import S3Store

        return S3Store(
            "logs",
            endpoint=self.url,
            access_key_id=self.environment["AWS_ACCESS_KEY_ID"],
            secret_access_key=self.environment["AWS_SECRET_ACCESS_KEY"],
            region="us-east-1",
            client_options={"allow_http": True},
        )


@contextmanager
def open_store(folder: Path) -> Iterator[ObjectStore]:
    """Started, and ended on leaving; what it says goes to a file in `folder`."""
    pytest.importorskip("moto")
    pytest.importorskip("obstore")
    said = folder / "moto.err"
    # It opens no other connections than those it is asked to serve.
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MOTO_"))}
    with said.open("wb") as err:
        process = subprocess.Popen(command, stdout=err, stderr=err, env=environment)
    try:
        found = wait_until(
            lambda: re.search(r"Running on (http://127\.0\.0\.1:\d+)", said.read_text()),
            "the S3 server to listen",
        )
        url = found[1]
        key, secret = _admit(url)
        _ask(url, "PUT", "/logs", b"")
        # From now on every request must be authenticated.
        _ask(url, "POST", "/moto-api/reset-auth", b"0")
        access = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}
        yield ObjectStore(url, {**NOWHERE, "AWS_ENDPOINT_URL": url, **access})
    finally:
        process.kill()
        process.wait()


def _admit(url: str) -> tuple[str, str]:
    """Make a user with all permissions; key and secret."""
    _iam(url, "CreateUser")
    told = _iam(url, "CreateAccessKey")
    allowed = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    _iam(url, "PutUserPolicy", PolicyName="all", PolicyDocument=policy)
    key, secret = (
        re.search(f"<{name}>(.+?)</{name}>", told) for name in ("AccessKeyId", "SecretAccessKey")
    )
    assert key is not None
    assert secret is not None
    return key[1], secret[1]


def _iam(url: str, action: str, **parameters: str) -> str:
    body = urlencode({"Action": action, "Version": "2010-05-08", "UserName": "logan", **parameters})
    scope = "Credential=nobody/20240101/us-east-1/iam/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none"
    kind = "application/x-www-form-urlencoded"
    return _ask(url, "POST", "/", body.encode(), kind, Authorization=authorization).decode()


def _ask(
    url: str, method: str, path: str, data: bytes, kind: str = "text/plain", **headers: str
) -> bytes:
    headers["Content-Type"] = kind
    with urlopen(Request(url + path, data=data, headers=headers, method=method)) as answer:
        body: bytes = answer.read()
    return body


def zstd(data: bytes) -> bytes:
    """A zstd frame with `data` in it as it is, for there may be no library that makes better."""
    size_max = 128 << 10
    pieces = [data[at : at + size_max] for at in range(0, len(data), size_max)]
    frame = b"\x28\xb5\x2f\xfd\x00\x38"  # magic number, no content size, windows of 128 KiB
    for number, piece in enumerate(pieces, 1):
        header = len(piece) << 3 | (number == len(pieces))
        frame += header.to_bytes(3, "little") + piece
    return frame
