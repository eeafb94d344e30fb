"""Countries and networks of clients, by databases of a user."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import logan
from logan.cli.main import main
from logan.errors import InputError, UsageError
from logan.report.geoip import with_places
from tests.support import mmdb

pytest.importorskip("maxminddb")


@pytest.fixture(scope="module")
def databases(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("databases")
    germany: dict[str, Any] = {
        "country": {"iso_code": "DE", "names": {"en": "Germany", "de": "Deutschland"}}
    }
    countries: dict[str, dict[str, Any]] = {
        "192.0.2.0/24": germany,
        "198.51.100.0/25": {"country": {"iso_code": "FR"}},
    }
    network = {"autonomous_system_number": 64500, "autonomous_system_organization": "Example"}
    return [
        str(mmdb.write(folder / "country.mmdb", "GeoLite2-Country", countries)),
        str(mmdb.write(folder / "asn.mmdb", "GeoLite2-ASN", {"192.0.2.128/25": network})),
    ]


def log(path: Path) -> str:
    clients = ["192.0.2.1", "192.0.2.200", "192.0.2.200", "198.51.100.7", "198.51.100.200", "::1"]
    lines = [
        f'{client} - - [24/Jan/2024:10:15:{n:02} +0000] "GET / HTTP/1.1" {500 if n == 1 else 200} 9'
        for n, client in enumerate(clients)
    ]
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def rows(table: Any, key: str) -> list[tuple[str, int, int, int]]:
    return [(r[key], r["clients"], r["requests"], r["errors"]) for r in table["top"]]


def test_countries_and_networks(tmp_path: Path, databases: list[str]) -> None:
    path = log(tmp_path / "a.log")
    report = logan.analyze(path, geoip=databases).to_dict()
    assert rows(report["countries"], "country") == [("Germany (DE)", 2, 3, 1), ("FR", 1, 1, 0)]
    assert rows(report["networks"], "network") == [("AS64500 Example", 1, 2, 1)]
    assert (report["countries"]["unknown"], report["networks"]["unknown"]) == (2, 4)
    assert (report["countries"]["exact"], report["countries"]["error_bound"]) == (True, 0)
    assert report["countries"]["top"][0]["bytes"] == 27
    alone = logan.analyze(path, geoip=databases[1]).to_dict()
    assert "countries" not in alone
    assert alone["networks"] == report["networks"]
    assert "networks" not in logan.analyze(path).to_dict()


def test_saved_summaries_give_the_same(tmp_path: Path, databases: list[str]) -> None:
    path = log(tmp_path / "a.log")
    direct = logan.analyze(path, geoip=databases, save=tmp_path / "a.logan")
    again = logan.analyze(tmp_path / "a.logan", geoip=databases)
    assert again["countries"] == direct["countries"]
    assert again["networks"] == direct["networks"]


def test_an_inexact_table_of_clients_gives_a_bound(databases: list[str]) -> None:
    row = {"client": "192.0.2.1", "requests": 5, "errors": 0, "client_errors": 0, "bytes": None}
    clients = {"top": [row], "exact": False}
    changed = with_places({"clients": clients, "total_requests": 12}, databases)
    assert (changed["countries"]["exact"], changed["countries"]["error_bound"]) == (False, 7)


def test_what_is_not_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = log(tmp_path / "a.log")
    with pytest.raises(InputError, match="not a database in the MMDB format"):
        logan.analyze(path, geoip=path)
    with pytest.raises(InputError, match=r"cannot read the database .*: No such file"):
        logan.analyze(path, geoip=tmp_path / "absent.mmdb")
    monkeypatch.setitem(sys.modules, "maxminddb", None)
    with pytest.raises(UsageError, match="needs the library maxminddb"):
        logan.analyze(path, geoip="x")


def test_the_command(
    tmp_path: Path, databases: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = log(tmp_path / "a.log")
    options = [word for each in databases for word in ("--geoip", each)]
    assert main(["analyze", path, *options]) == 0
    shown = capsys.readouterr().out
    assert "Countries  2 of 2, 2 requests from elsewhere" in shown
    assert "Germany (DE)" in shown
    assert "AS64500 Example" in shown
    assert main(["analyze", path, *options, "--csv", "countries"]) == 0
    assert capsys.readouterr().out.startswith("country,clients,requests,errors,client_errors,share")
    assert main(["analyze", path, "--geoip", str(tmp_path / "absent.mmdb")]) == 3
    assert capsys.readouterr().err.count("\n") <= 2
