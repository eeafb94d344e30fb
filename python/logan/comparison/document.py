"""What a comparison says: `Comparison`, its rows and cells. Holds values, computes none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

__all__ = ["Cell", "Comparison", "Kind", "Row", "SideInfo", "Table", "Verdict"]

Kind = Literal["count", "ratio", "ms", "rate", "bytes"]


@dataclass(slots=True)
class Cell:
    """One metric on both sides.

    Attributes:
        metric: its name as in a report, or of its column.
        before, after: None where there is no value.
        p: adjusted probability of a difference at least as large by chance; None if unknown.
        told_apart: whether chance and the error of percentiles do not explain the difference; None
            if that cannot be said, and `why`.
        why: why it cannot be said, or why so large a difference may be chance.
        n: what both values rest on: records, requests, response times.
        worse: 1 if larger values are worse, -1 if smaller ones are, 0 if neither.
    """

    metric: str
    kind: Kind
    before: float | None
    after: float | None
    n: tuple[int, int] = (0, 0)
    p: float | None = None
    told_apart: bool | None = None
    why: str | None = None
    worse: int = 0

    @property
    def change(self) -> float | None:
        """After less before."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def relative(self) -> float | None:
        """The change as a share of before; None if that is 0."""
        return None if self.change is None or not self.before else self.change / self.before

    @property
    def tone(self) -> Literal["worse", "better", "neutral"]:
        """What a difference that is told apart means."""
        direction = (self.change or 0) * self.worse
        return "worse" if direction > 0 else "better" if direction < 0 else "neutral"

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "before": self.before,
            "after": self.after,
            "change": self.change,
            "relative": self.relative,
            "told_apart": self.told_apart,
            "p": self.p,
            "n": list(self.n),
            "why": self.why,
        }


@dataclass(slots=True)
class Row:
    """A route, status or message of both sides.

    Attributes:
        state: "both", "new", "gone", or "not listed" on one side, whose report has only its top
            rows or whose table lost rare keys.
        cells: by column.
        shift: "slower", "faster" or "changed" where the whole distribution of response times
            differs by more than chance.
    """

    key: str
    state: Literal["both", "new", "gone", "not listed"]
    cells: dict[str, Cell]
    about: dict[str, Any] = field(default_factory=dict)
    shift: str | None = None

    @property
    def is_marked(self) -> bool:
        """Whether any of its differences is told apart."""
        return self.shift is not None or any(each.told_apart for each in self.cells.values())

    def to_dict(self, key: str) -> dict[str, Any]:
        """As in the JSON output; `key` is what its name is called."""
        cells = {name: each.to_dict() for name, each in self.cells.items()}
        return {key: self.key, **self.about, "state": self.state, "shift": self.shift, **cells}


@dataclass(slots=True)
class Table:
    """Rows of one kind: marked ones first, then those with most records."""

    name: str
    title: str
    key: str
    rows: list[Row]
    notes: list[str] = field(default_factory=list)

    def shown(self, top: int) -> list[Row]:
        """The rows for people: all that are marked up to five times `top`, and the `top` first."""
        marked = [each for each in self.rows if each.is_marked][: 5 * top]
        return (
            marked + [each for each in self.rows if not each.is_marked][: max(0, top - len(marked))]
        )


@dataclass(frozen=True, slots=True)
class SideInfo:
    """One side, as a comparison names it; `findings` are those of its report."""

    name: str
    first: str | None
    last: str | None
    records: int
    lines: int
    partial: bool
    notes: tuple[str, ...] = ()
    findings: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a limit, for one metric that it names.

    Attributes:
        state: "ok", "failed", or "cannot tell": the limit is exceeded, but chance may explain it.
    """

    limit: str
    metric: str
    state: Literal["ok", "failed", "cannot tell"]
    text: str


@dataclass(slots=True)
class Comparison:
    """What changed from one analysis to another, and which changes chance does not explain.

    Attributes:
        level: probability of any false mark, if both sides are samples of one source.
        tests: how many differences were looked at.
    """

    before: SideInfo
    after: SideInfo
    headline: list[Cell]
    tables: list[Table]
    level: float
    tests: int
    notes: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    top: int = 10

    @property
    def any_told_apart(self) -> bool:
        """Whether any difference is more than chance."""
        return any(each.told_apart for each in self.headline) or any(
            row.is_marked for table in self.tables for row in table.rows
        )

    def __repr__(self) -> str:
        marked = sum(bool(each.told_apart) for each in self.headline)
        marked += sum(bool(row.is_marked) for table in self.tables for row in table.rows)
        return (
            f"<Comparison of {self.before.name} and {self.after.name}: "
            f"{marked} of {self.tests} differences are more than chance>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from importlib import import_module

        html: str = import_module("logan.comparison.html").fragment(self)
        return html

    def to_dict(self) -> dict[str, Any]:
        """The JSON output."""
        from logan import _logan

        return {
            "comparison_version": 1,
            "logan_version": _logan.__version__,
            "before": _side(self.before),
            "after": _side(self.after),
            "level": self.level,
            "tests": self.tests,
            "notes": self.notes,
            "headline": [{"metric": each.metric, **each.to_dict()} for each in self.headline],
            **{
                table.name: {
                    "notes": table.notes,
                    "rows": [row.to_dict(table.key) for row in table.rows],
                }
                for table in self.tables
            },
            "limits": [asdict(each) for each in self.verdicts],
        }


def _side(info: SideInfo) -> Mapping[str, Any]:
    return {**asdict(info), "notes": list(info.notes), "findings": list(info.findings)}
