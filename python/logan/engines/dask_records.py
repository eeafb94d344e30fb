"""Records as a Dask data frame: one partition for each chunk of the plan.

Each worker reads its chunks itself, so files must lie at the same paths on every host. Needs
pandas and pyarrow beside Dask.
"""

from __future__ import annotations

from typing import Any

from logan.errors import UsageError
from logan.record_stream import Partition, Records

__all__ = ["frame_of", "to_dask"]


def to_dask(records: Records) -> Any:
    """A `dask.dataframe.DataFrame` of the records, which are read when it is computed.

    Raises `UsageError` for inputs that cannot be read in parts, and where a library is missing.
    """
    parts = records.partitions()
    try:
        import dask.dataframe
        import pyarrow
    except ImportError as error:
        raise UsageError(
            f"a Dask data frame needs a library that is not installed: {error.name or error}",
            hint="pip install 'dask[dataframe]' pyarrow",
        ) from error
    meta = pyarrow.table(records.schema).to_pandas(types_mapper=_types(pyarrow))
    if not parts:
        return dask.dataframe.from_pandas(meta, npartitions=1)
    return dask.dataframe.from_map(frame_of, parts, meta=meta, label="logan-records")


def frame_of(part: Partition) -> Any:
    """The records of a partition as a pandas data frame, whose types its values do not change."""
    import pyarrow

    return pyarrow.table(part).to_pandas(types_mapper=_types(pyarrow))


def _types(pyarrow: Any) -> Any:
    """Arrow's own types for all columns: categories would differ from part to part."""
    import pandas

    def mapped(kind: Any) -> Any:
        plain = kind.value_type if pyarrow.types.is_dictionary(kind) else kind
        return pandas.ArrowDtype(plain)

    return mapped
