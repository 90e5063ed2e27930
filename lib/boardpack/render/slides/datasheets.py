"""The data sheet behind a chart: what opens under Edit data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from pptx.chart.data import CategoryChartData
from pptx.chart.xlsx import CategoryWorkbookWriter
from xlsxwriter import Workbook


class _Sheet(CategoryWorkbookWriter):
    """The data sheet behind a chart: texts stay texts, and equal data are equal bytes."""

    def __init__(self, data: CategoryChartData, day: datetime) -> None:
        super().__init__(data)  # type: ignore[no-untyped-call]
        self._day = day

    @contextmanager
    def _open_worksheet(self, xlsx_file: Any) -> Iterator[tuple[Any, Any]]:
        # A name that begins with = is somebody's name, not a formula to be run.
        options = {
            "in_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
            "strings_to_numbers": False, "nan_inf_to_errors": True,
        }  # fmt: skip
        workbook = Workbook(xlsx_file, options)
        workbook.set_properties({"created": self._day})
        yield workbook, workbook.add_worksheet()
        workbook.close()


class Data(CategoryChartData):
    """Chart data that write their sheet by `_Sheet`."""

    def __init__(self, day: datetime) -> None:
        super().__init__(number_format="General")  # type: ignore[no-untyped-call]
        self._writer = _Sheet(self, day)

    @property
    def _workbook_writer(self) -> _Sheet:
        return self._writer
