"""Countries and networks of clients, from the table of clients and databases in the MMDB format.

The databases are the user's (GeoLite2, IP2Location, DB-IP, …): one of countries or cities, one of
autonomous systems, or both in one. `maxminddb` reads them; it is an extra, and loaded here alone.
Counts are exact as long as the table of clients is.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from logan.errors import InputError, UsageError

__all__ = ["COUNTRIES", "NETWORKS", "with_places"]

COUNTRIES: Final = "countries"
NETWORKS: Final = "networks"


@dataclass(slots=True)
class _Sum:
    """What is known of the clients of one country or network."""

    clients: int = 0
    requests: int = 0
    errors: int = 0
    client_errors: int = 0
    bytes: int | None = None

    def add(self, row: Mapping[str, Any]) -> None:
        self.clients += 1
        self.requests += row["requests"]
        self.errors += row.get("errors") or 0
        self.client_errors += row.get("client_errors") or 0
        if row.get("bytes") is not None:
            self.bytes = (self.bytes or 0) + row["bytes"]


def with_places(figures: Mapping[str, Any], databases: Sequence[str]) -> dict[str, Any]:
    """`figures` with the tables of countries and networks that the databases tell, whole.

    Raises `UsageError` without the library, `InputError` for what is not a database.
    """
    section = figures.get("clients") or {"top": (), "exact": True}
    found: dict[str, dict[str, _Sum]] = {}
    unknown = dict.fromkeys((COUNTRIES, NETWORKS), 0)
    with ExitStack() as stack:
        readers = [stack.enter_context(_open(path)) for path in databases]
        for reader in readers:
            kind = reader.metadata().database_type.lower()
            tells_networks = any(word in kind for word in ("asn", "isp", "as-"))
            tells_countries = not tells_networks or any(
                word in kind for word in ("country", "city", "ipinfo")
            )
            for name, tells in ((COUNTRIES, tells_countries), (NETWORKS, tells_networks)):
                if tells:
                    found.setdefault(name, {})
        for row in section["top"]:
            places = _places(readers, str(row["client"]))
            for name, sums in found.items():
                place = places.get(name)
                if place is None:
                    unknown[name] += row["requests"]
                else:
                    sums.setdefault(place, _Sum()).add(row)
    counted = sum(row["requests"] for row in section["top"])
    # What the table of clients lacks may be of any place.
    bound = 0 if section["exact"] else max(0, figures["total_requests"] - counted)
    tables = {
        name: {
            "exact": bool(section["exact"]),
            "error_bound": bound,
            "distinct": len(sums),
            "unknown": unknown[name],
            "top": list(_rows(name, sums, figures["total_requests"])),
        }
        for name, sums in found.items()
    }
    return {**figures, **tables}


def _rows(table: str, sums: Mapping[str, _Sum], requests: int) -> Iterator[dict[str, Any]]:
    key = "country" if table == COUNTRIES else "network"
    for name, each in sorted(sums.items(), key=lambda item: (-item[1].requests, item[0])):
        yield {
            key: name,
            "clients": each.clients,
            "requests": each.requests,
            "errors": each.errors,
            "client_errors": each.client_errors,
            "share": each.requests / requests if requests else None,
            "bytes": each.bytes,
        }


def _open(path: str) -> Any:
    try:
        import maxminddb
    except ImportError:
        raise UsageError(
            "--geoip needs the library maxminddb",
            hint="pip install 'logan-analyzer[geoip]'",
        ) from None
    try:
        return maxminddb.open_database(path)
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"cannot read the database {path}: {why}", input=path) from error
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        raise InputError(
            f"{path} is not a database in the MMDB format",
            input=path,
            hint="--geoip expects a file such as GeoLite2-Country.mmdb",
        ) from error


def _places(readers: Sequence[Any], client: str) -> dict[str, str]:
    """What the databases say of a client, by table; the first that says something counts."""
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return {}  # a name
    places: dict[str, str] = {}
    for reader in readers:
        try:
            found = reader.get(address)
        except ValueError:
            continue  # IPv6, and the database has IPv4 alone
        if isinstance(found, Mapping):
            for name, place in ((COUNTRIES, _country(found)), (NETWORKS, _network(found))):
                if place is not None:
                    places.setdefault(name, place)
    return places


def _country(found: Mapping[str, Any]) -> str | None:
    """`Germany (DE)`, of databases by MaxMind and by those that follow them."""
    for key in ("country", "registered_country"):
        country = found.get(key)
        if isinstance(country, Mapping) and country.get("iso_code"):
            names = country.get("names")
            name = names.get("en") if isinstance(names, Mapping) else None
            return f"{name} ({country['iso_code']})" if name else str(country["iso_code"])
    code = found.get("country_code") or found.get("country")
    return code if isinstance(code, str) and code else None


def _network(found: Mapping[str, Any]) -> str | None:
    """`AS64500 Example`."""
    number = found.get("autonomous_system_number") or found.get("asn")
    if not number:
        return None
    number = str(number).upper().removeprefix("AS")
    name = found.get("autonomous_system_organization") or found.get("as_name") or found.get("name")
    return f"AS{number} {name}" if name else f"AS{number}"
