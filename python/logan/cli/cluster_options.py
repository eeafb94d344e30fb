"""What the commands of the cluster share: options for token and TLS, and running trio."""

from __future__ import annotations

import argparse
import os
from argparse import ArgumentTypeError
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl

    from logan.cli.main import Parser

__all__ = [
    "configure_peer",
    "port_number",
    "run_trio",
    "secrets_of_peer",
    "share",
]


def configure_peer(parser: Parser, *, insecure: bool = True) -> None:
    """Add where the coordinator is and how to trust each other, for workers and clients; unless
    `insecure`, the command has an option of that name already."""
    parser.setting(
        "--coordinator",
        type=str,
        default="localhost:8000",
        metavar="HOST:PORT",
        help="address of the coordinator (default: localhost:8000)",
    )
    group = parser.add_argument_group("security")
    group.add_argument(
        "--token-file",
        metavar="FILE",
        help="file with the coordinator's secret, mode 0600 [env: LOGAN_TOKEN]",
    )
    group.add_argument("--tls-ca", metavar="FILE", help="use TLS; PEM file of the trusted CA")
    if not insecure:
        return
    group.add_argument(
        "--insecure",
        action="store_true",
        help="connect to a remote host without token and TLS",
    )


def secrets_of_peer(args: argparse.Namespace) -> tuple[bytes | None, ssl.SSLContext | None]:
    """Token and TLS of `configure_peer`. Raises `UsageError`."""
    from logan.cluster.connect import Address
    from logan.cluster.security import check_exposure, client_context, read_token

    token = read_token(args.token_file, os.environ, of_peer=True)
    tls = None if args.tls_ca is None else client_context(args.tls_ca)
    host = Address.parse(args.coordinator).host
    check_exposure(host, token=token is not None, tls=tls is not None, insecure=args.insecure)
    return token, tls


def port_number(text: str) -> int:
    """A port; 0 takes a free one."""
    digits = text.strip()
    if not digits.isdecimal() or int(digits) > 65_535:
        raise ArgumentTypeError(f"{text!r} is not a valid port: expected 0 to 65535")
    return int(digits)


def share(text: str) -> float:
    """A part of the whole, from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(
            f"{text!r} is not a valid share; write a number from 0 to 1, such as 0.01"
        )
    return value


def run_trio(main: Callable[[], Awaitable[int]]) -> int:
    """Run `main`; an error that tasks brought up together comes out alone."""
    import trio

    from logan.cluster.nurseries import main_error

    try:
        return trio.run(main)
    except BaseExceptionGroup as group:
        raise main_error(group) from None
