"""What is common to a finding: values that are over-represented inside its interval.

Given tables of the interval and of a reference, a value explains if it carries at least half of
what is too much (its support), and if its risk, compared with that of all other values, is beyond
chance (the lower end of the confidence interval of the risk ratio), as in MacroBase and DIFF. The
risk is what happened for each that was expected, and expected is what the value had in the
reference: a route that always fails more often explains nothing. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from logan.report.findings import thresholds as limits

__all__ = ["IMPLIED", "Candidate", "Counts", "candidates", "chosen", "counts_of_rows", "dominant"]

Counts = Mapping[str, tuple[int, int]]
"""By value: (what is wrong, all)."""

_ORDER: Final = ("route", "client", "host", "source", "origin", "method", "user_agent", "template")
"""Of values that explain equally well the first of these is named."""

IMPLIED: Final = {"route": ("method", "path"), "client": ("user_agent",)}
"""Fields that say nothing new beside a field."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value and how well it explains.

    Attributes:
        share, share_outside: of what is wrong in the interval, and of all in the reference.
        risk: the lower end of the confidence interval of its risk ratio.
    """

    field: str
    value: str
    share: float
    share_outside: float
    support: float
    risk: float

    @property
    def strength(self) -> float:
        return self.support * math.log2(max(self.risk, 1.0))

    def entry(self) -> dict[str, Any]:
        """As the report has it."""
        return {
            "field": self.field,
            "value": self.value,
            "share": round(self.share, 4),
            "share_outside": round(self.share_outside, 4),
        }


def counts_of_rows(
    rows: Iterable[Mapping[str, Any]], wrong: str, all_: str
) -> dict[str, tuple[int, int]]:
    """Columns of a group table."""
    return {str(row["key"]): (row[wrong] or 0, row[all_]) for row in rows}


def candidates(
    field: str, inside: Counts, reference: Counts, *, is_volume: bool = False
) -> list[Candidate]:
    """The values of a field that explain what is wrong inside, best first.

    `is_volume`: what is wrong is that there are more records; the reference is as long.
    """
    wrong = sum(each[0] for each in inside.values())
    seen = sum(each[1] for each in reference.values())
    usual = sum(each[0] for each in reference.values()) / seen if seen else 0.0
    # Where nothing was wrong before, values are compared by the records that they have anyway: more
    # of them are a part of what is wrong.
    least = limits.EXPECTED_OF_WRONG_MIN * wrong / max(sum(n for _, n in inside.values()), 1)
    longer = sum(n for _, n in inside.values()) / seen if seen else 0.0

    def expected_of(value: str, n: int) -> float:
        before = reference.get(value, (0, 0))
        if is_volume:
            return float(before[0])
        return max(n * _expected_share(before, usual), min(n, before[1] * longer) * least)

    expected = {value: expected_of(value, n) for value, (_, n) in inside.items()}
    total_expected = sum(expected.values())
    excess = wrong - total_expected
    if excess <= 0:
        return []
    found = []
    for value, (count, _) in inside.items():
        if count < limits.EVENTS_MIN // 2:
            continue
        rest, rest_expected = wrong - count, total_expected - expected[value]
        if is_volume:
            gone = sum(each[0] for key, each in reference.items() if key not in inside)
            rest_expected += gone
        ratio = (count + 0.5) / (expected[value] + 0.5) * (rest_expected + 0.5) / (rest + 0.5)
        error = math.sqrt(1 / (count + 0.5) + 1 / (rest + 0.5))
        low = ratio * math.exp(-limits.CONFIDENCE_Z * error)
        support = (count - expected[value]) / excess
        outside = reference.get(value, (0, 0))[1] / seen if seen else 0.0
        # What nearly all records have cannot be over-represented.
        is_over = count >= limits.EXPLAINS_LIFT_MIN * outside * wrong
        if is_over and support >= limits.EXPLAINS_SHARE_MIN and low >= limits.EXPLAINS_RISK_MIN:
            found.append(Candidate(field, value, count / wrong, outside, min(support, 1.0), low))
    return sorted(found, key=_rank)


def dominant(field: str, inside: Counts, reference: Counts) -> list[Candidate]:
    """The value that nearly all records inside have, and only a part of those of the reference."""
    total = sum(each[1] for each in inside.values())
    seen = sum(each[1] for each in reference.values())
    return [
        Candidate(field, value, n / total, share, n / total, n / total / max(share, 1e-3))
        for value, (_, n) in inside.items()
        if n >= 0.9 * total and (share := reference.get(value, (0, 0))[1] / max(seen, 1)) <= 0.5
    ]


def _expected_share(reference: tuple[int, int], usual: float) -> float:
    """What a value had in the reference, drawn towards the usual where it was rare there."""
    wrong, seen = reference
    return (wrong + 20 * usual) / (seen + 20)


def _rank(each: Candidate) -> tuple[Any, ...]:
    return (-each.strength, *_order(each))


def _is_equal(one: Candidate, best: Candidate) -> bool:
    if one.strength >= limits.EQUAL_STRENGTH_MIN * best.strength:
        return True
    apart = max(abs(one.share - best.share), abs(one.share_outside - best.share_outside))
    return apart <= limits.EQUAL_SHARES_MAX


def _order(each: Candidate) -> tuple[int, str, str]:
    known = _ORDER.index(each.field) if each.field in _ORDER else len(_ORDER)
    return known, each.field, each.value


def chosen(
    found: Sequence[Candidate],
    within: Mapping[str, Sequence[Candidate]] | None = None,
    *,
    leads: str | None = None,
) -> list[Candidate]:
    """The best value of all fields, and values of others that hold within it besides.

    `within` has, by field, the values that explain among the records of the best one: a value that
    merely occurs with it is not over-represented there. A value of the field `leads` is named
    rather than others that explain equally well.
    """
    ranked = sorted(found, key=_rank)
    if not ranked:
        return []
    # Strengths within some percent are equal, and so are values of the same records, whatever else
    # their fields hold: then the better known field is named.
    equal = [each for each in ranked if _is_equal(each, ranked[0])]
    best = min(equal, key=lambda each: (each.field != leads, *_order(each)))
    # A method goes with a route, a user agent with a client: what is narrower says more, if it
    # carries nearly as much.
    for each in ranked:
        enough = limits.JOINS_SHARE_MIN * best.share
        if best.field in IMPLIED.get(each.field, ()) and each.share >= enough:
            best = each
            break
    named = [best]
    for field, those in sorted((within or {}).items()):
        if field == best.field or field in IMPLIED.get(best.field, ()):
            continue
        strong = [each for each in those if each.support >= limits.JOINS_SHARE_MIN]
        if strong and len(named) < limits.WHERE_MAX:
            match = next(
                (e for e in ranked if (e.field, e.value) == (field, strong[0].value)), None
            )
            if match is not None:
                named.append(match)
    return named
