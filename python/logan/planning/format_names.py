"""Names of formats: the registry's, other names that people know them by, and near misses.

`ALIASES` is the only list of other names; `logan formats` shows it, and a test compares it with the
registry. A name of a custom format in the configuration comes before an alias.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Final

from logan import _logan
from logan.errors import UsageError

__all__ = ["ALIASES", "aliases_of", "check_name", "resolved"]

ALIASES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("nginx", "apache", "apache2", "httpd", "clf-combined"), "combined"),
    **dict.fromkeys(("clf", "ncsa", "apache-common"), "common"),
    **dict.fromkeys(("k8s", "kubernetes", "containerd", "cri-o", "crio"), "cri"),
    **dict.fromkeys(("docker-json", "json-file"), "docker"),
    **dict.fromkeys(("docker-compose", "kubectl", "pm2", "foreman"), "compose"),
    **dict.fromkeys(("journald", "journalctl", "systemd"), "journald-json"),
    **dict.fromkeys(("rfc3164", "rsyslog", "syslog-3164"), "syslog"),
    **dict.fromkeys(("rfc5424", "syslog5424"), "syslog-5424"),
    **dict.fromkeys(("jsonl", "ndjson", "json-lines"), "json"),
    **dict.fromkeys(("alb",), "aws-alb"),
    **dict.fromkeys(("nlb",), "aws-nlb"),
    **dict.fromkeys(("route53", "route-53"), "aws-route53"),
    **dict.fromkeys(("elb", "clb"), "aws-elb"),
    **dict.fromkeys(("s3", "aws-s3-access"), "aws-s3"),
    **dict.fromkeys(("vpc", "vpc-flow", "flow-logs"), "aws-vpc"),
    **dict.fromkeys(("lambda",), "aws-lambda"),
    **dict.fromkeys(("cdn", "aws-cloudfront"), "cloudfront"),
    **dict.fromkeys(("istio", "istio-proxy"), "envoy"),
    **dict.fromkeys(("ingress", "nginx-ingress"), "ingress-nginx"),
    **dict.fromkeys(("postgresql", "pg", "pgsql"), "postgres"),
    **dict.fromkeys(("mysql", "mariadb", "slow-query"), "mysql-slow"),
    **dict.fromkeys(("oracle",), "oracle-alert"),
    **dict.fromkeys(("rabbitmq",), "erlang"),
    **dict.fromkeys(("kernel", "kern", "xorg"), "dmesg"),
    **dict.fromkeys(("express",), "morgan"),
    **dict.fromkeys(("php", "phpfpm"), "php-fpm"),
    **dict.fromkeys(("arcsight",), "cef"),
    **dict.fromkeys(("qradar",), "leef"),
    **dict.fromkeys(("tsv", "jmeter", "jtl", "zeek", "bro", "excel"), "csv"),
    **dict.fromkeys(("ruby", "ruby-on-rails"), "rails"),
    **dict.fromkeys((".net", "net", "aspnet", "aspnetcore", "asp.net"), "dotnet"),
    **dict.fromkeys(("log4j", "logback", "log4net", "python", "java"), "app"),
}
"""Format by other name."""


@cache
def _registered() -> tuple[str, ...]:
    return tuple(each["name"] for each in json.loads(_logan.formats()))


def aliases_of(name: str) -> tuple[str, ...]:
    """The other names of a format."""
    return tuple(alias for alias, format in ALIASES.items() if format == name)


def resolved(name: str) -> str:
    """The registry's name of a format that is called by another, of either case; others unchanged.

    Not checked: see `check_name`.
    """
    folded = name.lower()
    if name in _registered():
        return name
    return folded if folded in _registered() else ALIASES.get(folded, name)


def check_name(name: str) -> None:
    """Raises `UsageError`, with names that may have been meant, for a format that is not known."""
    if resolved(name) in _registered():
        return
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), (*_registered(), *ALIASES), 2, cutoff=0.6)
    shown = " or ".join(
        f"{each} (that is {ALIASES[each]})" if each in ALIASES else each for each in near
    )
    raise UsageError(
        f"no format is called {name!r}",
        hint=f"did you mean {shown}? all names: logan formats"
        if near
        else "all names: logan formats; leave the format out to have it detected",
    )
