"""The figures to reach, and whether they were. Pure.

They are stated for logs of 1 GiB on two cores with nothing else running; at other sizes they are
shown all the same, for what they are worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from tests.bench.contestants import COMMAND, WC, Contestant, engine_name

Results = Mapping[str, Sequence[Contestant]]
"""Contestants by kind of log."""

TUNED_OVER_WC_MAX: Final = {"app": 1.5, "access": 1.3, "json": 2.0, "mixed": 2.5}
UNLIKE_OVER_TUNED_MAX: Final = 2.0
"""Logs that nothing was tuned on: their lines repeat nothing, and few parts of them fit a cache."""

SCAN_OVER_WC_MAX: Final = TUNED_OVER_WC_MAX | {
    f"{kind}_unlike": limit * UNLIKE_OVER_TUNED_MAX for kind, limit in TUNED_OVER_WC_MAX.items()
}
PEER_OVER_COMMAND_MIN: Final = 10.0
COMMAND_OVER_ENGINE_MS_MAX: Final = 150.0
PEAK_MB_MAX: Final = 100.0
HOSTILE_PEAK_MB_MAX: Final = 160.0
HOSTILE_OVER_APP_MAX: Final = 3.0
GROWTH_MB_MAX: Final = 5.0
LINE_DEVIATION_PERCENT_MAX: Final = 5.0
ENGINE: Final = engine_name(2)


@dataclass(frozen=True)
class Target:
    """A bound and what was measured; `measured` is None when it could not be."""

    name: str
    unit: str
    measured: float | None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def met(self) -> bool | None:
        """None when not measured."""
        if self.measured is None:
            return None
        if self.at_most is not None:
            return self.measured <= self.at_most
        return self.at_least is not None and self.measured >= self.at_least

    @property
    def verdict(self) -> str:
        """In a word."""
        return {True: "met", False: "missed", None: "not measured"}[self.met]

    def to_dict(self) -> dict[str, Any]:
        """For the JSON file."""
        return asdict(self) | {"verdict": self.verdict}


def judge(results: Results) -> list[Target]:
    """The targets of the kinds that were asked for."""
    targets = [
        Target(
            f"{kind}: engine, 2 threads ÷ wc -l",
            "x",
            _ratio(results, (kind, ENGINE), (kind, WC)),
            at_most=limit,
        )
        for kind, limit in SCAN_OVER_WC_MAX.items()
        if kind in results
    ]
    for kind, field in results.items():
        if any(each.group == "peer" for each in field):
            name, ratio = _fastest_peer(results, kind)
            targets.append(
                Target(
                    f"{kind}: fastest peer{name} ÷ command",
                    "x",
                    ratio,
                    at_least=PEER_OVER_COMMAND_MIN,
                )
            )
    targets += [
        Target(
            f"{kind}: command - engine, 2 threads",
            "ms",
            _difference_ms(results, kind),
            at_most=COMMAND_OVER_ENGINE_MS_MAX,
        )
        for kind in results
    ]
    targets += [
        Target(
            f"{kind}: peak resident memory of the command",
            "MB",
            _peak_mb(results, kind),
            at_most=PEAK_MB_MAX if kind in TUNED_OVER_WC_MAX else HOSTILE_PEAK_MB_MAX,
        )
        for kind in results
    ]
    if "hostile" in results:
        targets += [
            Target(
                f"hostile ÷ app: {name}",
                "x",
                _ratio(results, ("hostile", name), ("app", name)),
                at_most=HOSTILE_OVER_APP_MAX,
            )
            for name in (ENGINE, COMMAND)
        ]
    return targets


def _find(results: Results, kind: str, name: str) -> Contestant | None:
    return next((each for each in results.get(kind, ()) if each.name == name), None)


def _median_s(results: Results, kind: str, name: str) -> float | None:
    found = _find(results, kind, name)
    return found.spread.median_s if found is not None and found.spread is not None else None


def _ratio(results: Results, over: tuple[str, str], under: tuple[str, str]) -> float | None:
    a, b = _median_s(results, *over), _median_s(results, *under)
    return a / b if a is not None and b is not None else None


def _difference_ms(results: Results, kind: str) -> float | None:
    whole, engine = _median_s(results, kind, COMMAND), _median_s(results, kind, ENGINE)
    return (whole - engine) * 1e3 if whole is not None and engine is not None else None


def _peak_mb(results: Results, kind: str) -> float | None:
    found = _find(results, kind, COMMAND)
    return max(found.peaks_bytes) / 1e6 if found is not None and found.spread else None


def _fastest_peer(results: Results, kind: str) -> tuple[str, float | None]:
    times: Iterable[tuple[float, str]] = (
        (each.spread.median_s, each.name)
        for each in results[kind]
        if each.group == "peer" and each.spread is not None
    )
    best_s, name = min(times, default=(0.0, ""))
    whole_s = _median_s(results, kind, COMMAND)
    label = f" ({name})" if name else ""
    return label, best_s / whole_s if name and whole_s else None
