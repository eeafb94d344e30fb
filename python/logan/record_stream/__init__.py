"""Records out: the parsed records of logs as Arrow record batches, and files of them."""

from logan.record_stream.columns import column_names, settled_columns, standard_columns
from logan.record_stream.partition import Partition
from logan.record_stream.records import Records
from logan.record_stream.stats import Failure, Stats

__all__ = [
    "Failure",
    "Partition",
    "Records",
    "Stats",
    "column_names",
    "settled_columns",
    "standard_columns",
]
