"""logan: point it at any log, get the right numbers.

    >>> import logan
    >>> report = logan.analyze("access.log")            # doctest: +SKIP
    >>> report.response_time_ms.p99, report.error_rate  # doctest: +SKIP

Names are loaded when first used: importing logan reads no file, starts nothing, and needs
neither the native extension nor any library until one of them is asked for.
"""

from __future__ import annotations

TYPE_CHECKING = False  # the name that type checkers know; `typing` itself takes longer to import

if TYPE_CHECKING:
    from typing import Any

    from logan._logan import Cancel, Fingerprint, Spec, Summary
    from logan.api import (
        analyze,
        analyze_logs,
        compare,
        detect,
        load,
        make_spec,
        records,
        to_dask,
    )
    from logan.cluster.coordinator.coordinator import Coordinator
    from logan.cluster.worker.worker import Worker
    from logan.comparison.document import Comparison
    from logan.errors import (
        CancelledError,
        ClusterError,
        ConditionError,
        ExpectationError,
        ExpressionError,
        FormatError,
        InputError,
        JournalError,
        LoganError,
        MergeError,
        OutputError,
        ProtocolError,
        SourceChangedError,
        StateError,
        SummaryError,
        UnreadableLogError,
        UsageError,
    )
    from logan.feed import Feed
    from logan.record_stream import Records
    from logan.report import Report
    from logan.report.comparison import Mismatch, validate_results
    from logan.report.expectations import Expectation
    from logan.summaries.saved import Saved

    __version__: str

__all__ = [
    "Cancel",
    "CancelledError",
    "ClusterError",
    "Comparison",
    "ConditionError",
    "Coordinator",
    "Expectation",
    "ExpectationError",
    "ExpressionError",
    "Feed",
    "Fingerprint",
    "FormatError",
    "InputError",
    "JournalError",
    "LoganError",
    "MergeError",
    "Mismatch",
    "OutputError",
    "ProtocolError",
    "Records",
    "Report",
    "Saved",
    "SourceChangedError",
    "Spec",
    "StateError",
    "Summary",
    "SummaryError",
    "UnreadableLogError",
    "UsageError",
    "Worker",
    "__version__",
    "analyze",
    "analyze_logs",
    "compare",
    "detect",
    "load",
    "make_spec",
    "records",
    "to_dask",
    "validate_results",
]

_MODULES = {
    "logan._logan": ("Cancel", "Fingerprint", "Spec", "Summary", "__version__"),
    "logan.api": (
        *("analyze", "analyze_logs", "compare", "detect", "load", "make_spec"),
        *("records", "to_dask"),
    ),
    "logan.cluster.coordinator.coordinator": ("Coordinator",),
    "logan.cluster.worker.worker": ("Worker",),
    "logan.comparison.document": ("Comparison",),
    "logan.errors": (
        *("CancelledError", "ClusterError", "ConditionError", "ExpectationError"),
        *("ExpressionError", "FormatError"),
        *("InputError", "JournalError", "LoganError", "MergeError", "OutputError"),
        *("ProtocolError", "SourceChangedError", "StateError", "SummaryError"),
        *("UnreadableLogError", "UsageError"),
    ),
    "logan.feed": ("Feed",),
    "logan.record_stream": ("Records",),
    "logan.report": ("Report",),
    "logan.report.comparison": ("Mismatch", "validate_results"),
    "logan.report.expectations": ("Expectation",),
    "logan.summaries.saved": ("Saved",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
