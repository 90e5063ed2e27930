"""Spark as a warehouse: a local session over a folder of Parquet files, or over a catalog."""

from __future__ import annotations

import atexit
import shutil
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from boardpack.connections import QueryError, Table
from boardpack.errors import WorkspaceError
from boardpack.sql_dialects import SPARK, Dialect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

#: What is set for a session that nobody configured otherwise (``spark-defaults.conf`` stands).
_SETTINGS = {
    "spark.app.name": "boardpack",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # Results are small, and so are most of their tables: a task for each core is enough.
    "spark.sql.shuffle.partitions": "4",
}
#: What the numbers rest on, whatever was configured.
_MEANING = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    # An overflow or a division by zero is an error, and no null that nobody sees.
    "spark.sql.ansi.enabled": "true",
    "spark.sql.groupByOrdinal": "true",
}
#: Spark's name of a type -> DuckDB's; any other is shown as it is.
_TYPES = {
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp_ntz": "TIMESTAMP",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "time": "TIME",
}
_CATALOG = "catalog:"


def connect(where: str, root: Path, file: Path) -> Spark:
    """Open a folder of the workspace in which every table is a Parquet file or a folder of them.

    Or, with ``catalog:NAME``, a database of the catalog that Spark is configured for. Raises
    `WorkspaceError`.
    """
    if where.startswith(_CATALOG):
        return Spark(_session(file), *_of_catalog(_session(file), where[len(_CATALOG):], file))
    folder = (root / where).resolve()
    if not folder.is_relative_to(root):
        raise WorkspaceError(
            f"the warehouse {where!r} lies outside the workspace.",
            file=file,
            hint="copy or link the data into the workspace's folder",
        )
    if not folder.is_dir():
        raise WorkspaceError(
            f"the warehouse {where} is not there.",
            file=file,
            hint="name a folder of Parquet files, or a database of Spark's catalog as catalog:NAME",
        )
    return Spark(_session(file), *_of_folder(folder))
