"""Units beyond money, shares and time: gigabytes, megabits a second, ranks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from boardpack.formats import Formatter
from boardpack.objectives import Target
from boardpack.values import Values
from values_fixture import in_locale, small_values

NB = "\u00a0"


def measured_in(values: Values, unit: str) -> Values:
    """The same figures, with the active users of a month in another unit."""
    return replace(values, kpis={**values.kpis, "mau": replace(values.kpis["mau"], unit=unit)})


@pytest.mark.parametrize(
    ("unit", "value", "english", "german"),
    [
        ("gigabytes", 2_184.4, "2,184 GB", f"2.184{NB}GB"),
        ("gigabytes", 12_345.0, "12,345 GB", f"12.345{NB}GB"),
        ("gigabytes", -12.0, "−12 GB", f"−12{NB}GB"),
        ("mbps", 412.4, "412 Mb/s", f"412{NB}Mb/s"),
        ("rank", 4.0, "4", "4"),
        ("rank", 5.5, "5.5", "5,5"),
        ("rank", 5.98, "6", "6"),
    ],
)
def test_numbers(unit: str, value: float, english: str, german: str) -> None:
    write = Formatter(measured_in(small_values(), unit))
    local = Formatter(in_locale(measured_in(small_values(), unit), "de_DE", "EUR"))
    assert write.short("mau", value) == write.full("mau", value)
    assert write.full("mau", value).replace(NB, " ") == english
    assert local.full("mau", value).replace(" ", NB) == german


@pytest.mark.parametrize(
    ("unit", "now", "before", "text"),
    [
        ("gigabytes", 104.2, 100.0, "+4.2%"),
        ("mbps", 90.0, 100.0, "−10.0%"),
        # Two places up is no half of a rank.
        ("rank", 2.0, 4.0, "−2"),
        ("rank", 4.5, 4.0, "+0.5"),
        ("rank", 4.0, 4.0, "unchanged"),
    ],
)
def test_changes(unit: str, now: float, before: float, text: str) -> None:
    write = Formatter(measured_in(small_values(), unit))
    assert write.change("mau", now, before).replace(NB, " ") == text


@pytest.mark.parametrize(
    ("unit", "target", "text"),
    [("rank", Target(3, "<="), "≤ 3"), ("gigabytes", Target(100, ">="), "100 GB")],
)
def test_targets(unit: str, target: Target, text: str) -> None:
    write = Formatter(measured_in(small_values(), unit))
    assert write.target("mau", target).replace(NB, " ") == text


@pytest.mark.parametrize("unit", ["gigabytes", "mbps"])
def test_small_sizes_keep_a_decimal(unit: str) -> None:
    values = small_values()
    frame = values.frame.assign(value=values.frame["value"] / 1e4)
    write = Formatter(measured_in(replace(values, frame=frame), unit))
    assert write.full("mau", 1.26).replace(NB, " ").startswith("1.3 ")
