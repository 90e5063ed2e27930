"""CSV that a spreadsheet opens as data: text is never run as a formula, numbers stay numbers."""

from __future__ import annotations

import csv
import io
from typing import Any

import pandas as pd

# What a spreadsheet takes for the start of a formula, or skips on the way to one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def csv_text(frame: pd.DataFrame) -> str:
    """The rows of ``frame`` under a header: numbers in full, nothing where there is no value.

    >>> csv_text(pd.DataFrame({"member": ["=1+1", "smb"], "value": [-2.5, None]})).splitlines()
    ['member,value', "'=1+1,-2.5", 'smb,']
    """
    out = io.StringIO(newline="")
    # The writer quotes the characters of its line end only: a lone \r in a cell would end the row.
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(str(name)) for name in frame.columns])
    # Column by column, since a row of a frame would turn its integers into floats.
    columns = [_cells(frame.iloc[:, i]) for i in range(frame.shape[1])]
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue()


def _cells(column: pd.Series[Any]) -> list[object]:
    blanks = column.isna().tolist()
    return ["" if blank else _cell(value) for value, blank in zip(column, blanks, strict=True)]


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
