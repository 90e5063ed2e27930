from __future__ import annotations

import csv
import io
from datetime import date

import pandas as pd
import pytest

from boardpack.csvfile import csv_text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+1", "'+1+1"),
        ("-1+1|cmd", "'-1+1|cmd"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
        ("＝1+1", "'＝1+1"),
        ("segment=smb", "segment=smb"),
        ("smb\r=1+1", "smb\r=1+1"),
        ('a, "b"\nc', 'a, "b"\nc'),
        ("", ""),
        ("Größe – naïve", "Größe – naïve"),
    ],
)
def test_text_is_never_a_formula_and_reads_back(text: str, written: str) -> None:
    frame = pd.DataFrame({"kpi": ["mrr", "arr"], "member": [text, "x"]})
    read = list(csv.reader(io.StringIO(csv_text(frame), newline="")))
    assert read == [["kpi", "member"], ["mrr", written], ["arr", "x"]]


def test_numbers_stay_numbers_in_full_and_missing_values_stay_empty() -> None:
    frame = pd.DataFrame(
        {
            "value": [-1234567.891, 0.1 + 0.2, None],
            "count": pd.array([-3, None, 7], dtype="Int64"),
            "day": [date(2025, 12, 1), None, date(2026, 1, 1)],
            "reason": [None, float("nan"), "zero denominator"],
        }
    )
    assert csv_text(frame).splitlines() == [
        "value,count,day,reason",
        "-1234567.891,-3,2025-12-01,",
        "0.30000000000000004,,,",
        ",7,2026-01-01,zero denominator",
    ]


def test_a_header_is_text_too_and_an_empty_frame_has_only_that() -> None:
    assert csv_text(pd.DataFrame(columns=["kpi", "=cmd"])) == "kpi,'=cmd\r\n"
