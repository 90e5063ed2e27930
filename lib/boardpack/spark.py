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
    "spark.sql.timeType.enabled": "true",
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


#: The session of this process: one Java machine, started once.
_started: list[SparkSession] = []


def connect(where: str, root: Path, file: Path) -> Spark:
    """Open a folder of the workspace in which every table is a Parquet file or a folder of them.

    Or, with ``catalog:NAME``, a database of the catalog that Spark is configured for. Raises
    `WorkspaceError`.
    """
    if where.startswith(_CATALOG):
        session = _session(file)
        return Spark(session, _of_catalog(session, where.removeprefix(_CATALOG), file), {})
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
    files = _of_folder(folder)
    tables = {name: Table(_quoted(name)) for name in files}
    return Spark(_session(file), tables, {_quoted(name): path for name, path in files.items()})


class Spark:
    """A session of its own names over the tables; its Java machine stays for the next one."""

    dialect: Dialect = SPARK

    def __init__(
        self, session: SparkSession, tables: Mapping[str, Table], files: dict[str, Path]
    ) -> None:
        self._session = session
        self._tables = tables
        #: those that are not read yet: Spark looks at a file before it knows its columns
        self._files = files

    def tables(self) -> Mapping[str, Table]:
        """Every table, by name."""
        return self._tables

    def columns(self, native: str) -> Mapping[str, str]:
        """The columns of a table or sub-select, with their types in DuckDB's words."""
        with _one_line():
            # A select may name any of them.
            for name in [native] if Table(native) in self._tables.values() else list(self._files):
                if name in self._files:
                    frame = self._session.read.parquet(str(self._files.pop(name)))
                    frame.createOrReplaceTempView(name)
            fields = self._session.sql(f"SELECT * FROM {native} AS t").schema.fields
        found = {}
        for entry in fields:
            type_ = entry.dataType.simpleString()
            name, bracket, rest = type_.partition("(")
            if name == "decimal":
                found[entry.name] = f"DECIMAL{bracket}{rest}"
            else:
                found[entry.name] = _TYPES.get(name, type_)
        return found

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """The rows of a statement; its decimals as floats."""
        with _one_line():
            found = self._session.sql(statement).collect()
        return [tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in found]

    def digest(self, statement: str) -> str:
        """How many rows, and the sum of a hash of each."""
        with _one_line():
            ((count, total),) = self._session.sql(
                "SELECT count(*), CAST(sum(CAST(xxhash64(*) AS DECIMAL(38, 0))) AS STRING)"
                f" FROM ({statement}) AS t"
            ).collect()
        return f"{count}:{total}"

    def close(self) -> None:
        """Nothing: the names go with the session, and Java stays for the next one."""


def _session(file: Path) -> SparkSession:
    """A session with names of its own on this process's Spark, which is started if need be."""
    with warnings.catch_warnings():
        # Nothing here makes a data frame of pandas, which it would rather have older.
        warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas")
        from pyspark import SparkConf
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession

        if not _started:
            scratch = tempfile.mkdtemp(prefix="boardpack-spark-")
            atexit.register(shutil.rmtree, scratch, ignore_errors=True)
            given = SparkConf()
            settings = {
                "spark.master": "local[*]",
                "spark.local.dir": scratch,
                "spark.sql.warehouse.dir": f"{scratch}/warehouse",
                **_SETTINGS,
            }
            for name, value in settings.items():
                given.setIfMissing(name, value)
            try:
                _started.append(SparkSession.builder.config(conf=given).getOrCreate())
            except (PySparkException, OSError) as error:
                raise WorkspaceError(
                    f"Spark does not start: {str(error).strip().splitlines()[0]}",
                    file=file,
                    hint="it takes Java 17 or 21: is `java` on the path, or JAVA_HOME set?",
                ) from None
        session = _started[0].newSession()
    for name, value in _MEANING.items():
        session.conf.set(name, value)
    return session


def _of_folder(folder: Path) -> dict[str, Path]:
    """Table name -> its file, or its folder of files."""
    return {
        path.name.removesuffix(".parquet"): path
        for path in sorted(folder.iterdir())
        if path.suffix == ".parquet" or (path.is_dir() and any(path.rglob("*.parquet")))
    }


def _of_catalog(session: SparkSession, database: str, file: Path) -> dict[str, Table]:
    place = ".".join(_quoted(part) for part in database.split("."))
    try:
        with _one_line():
            rows = session.sql(f"SHOW TABLES IN {place}").collect()
    except QueryError as error:
        raise WorkspaceError(
            f"Spark's catalog has no database {database!r} that can be read: {error}", file=file
        ) from None
    return {row["tableName"]: Table(f"{place}.{_quoted(row['tableName'])}") for row in rows}


@contextmanager
def _one_line() -> Iterator[None]:
    """What Spark objects to as a `QueryError`: its first line, without plan or stack."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError) as error:
        text = str(error).strip() or type(error).__name__
        raise QueryError(text.splitlines()[0].partition("; line ")[0]) from None


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
