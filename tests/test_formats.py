from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boardpack.calendars import Calendar
from boardpack.formats import MINUS, Formatter, member_name, span_name
from boardpack.markup import NoValue, Number
from boardpack.objectives import Target
from boardpack.periods import Period
from boardpack.values import Value
from values_fixture import in_locale, small_values

ENGLISH = Formatter(small_values())
GERMAN = Formatter(in_locale(small_values(), "de_DE", "EUR"))
NB = "\u00a0"


@pytest.mark.parametrize(
    ("kpi", "value", "short", "full"),
    [
        ("mrr", 1_923_456.0, "$1.92M", "$1,923,456"),
        ("mrr", 2_000_000.0, "$2M", "$2,000,000"),
        ("mrr", 999_950.0, "$1M", "$999,950"),
        ("mrr", 25_125_092.64, "$25.1M", "$25,125,093"),
        ("mrr", 9_999.4, "$9,999", "$9,999"),
        ("mrr", 12_345.0, "$12.3K", "$12,345"),
        ("mrr", -1_923_456.0, "−$1.92M", "−$1,923,456"),
        ("mrr", -0.2, "$0", "$0"),
        ("gross_margin", 25.34, "25.3%", "25.3%"),
        ("gross_margin", -0.04, "0.0%", "0.0%"),
        ("system_uptime", 99.953, "99.95%", "99.95%"),
        ("ltv_cac_ratio", 3.24, "3.2×", "3.2×"),
        ("tickets_per_100_customers", 18.64, "18.6", "18.6"),
        ("nps", -12.0, "−12.0", "−12.0"),
        ("mabv", 1_419_930.3, "1.42M", "1,419,930"),
        ("mau", 14_772.0, "14.8K", "14,772"),
        ("mau", 954.6, "955", "955"),
        ("api_response_time_p95", 412.3, "412 ms", "412 ms"),
        ("runway", 22.54, "22.5 months", "22.5 months"),
        ("page_load_time", 0.514, "0.51 sec", "0.51 sec"),
        ("session_duration", 16.84, "16.8 min", "16.8 min"),
        ("first_response_time", 1.96, "2.0 hr", "2.0 hr"),
        ("sales_cycle_length", 21.98, "22.0 days", "22.0 days"),
        ("mrr", float("nan"), "—", "—"),
    ],
)
def test_numbers_in_english(kpi: str, value: float, short: str, full: str) -> None:
    assert (ENGLISH.short(kpi, value), ENGLISH.full(kpi, value)) == (short, full)


@pytest.mark.parametrize(
    ("kpi", "value", "short", "full"),
    [
        ("mrr", 1_923_456.0, f"1,92{NB}Mio.{NB}€", f"1.923.456{NB}€"),
        ("mrr", 12_345.0, f"12.345{NB}€", f"12.345{NB}€"),
        ("mau", 14_772.0, "14.772", "14.772"),
        ("gross_margin", 25.34, f"25,3{NB}%", f"25,3{NB}%"),
        ("runway", 22.54, "22,5 Monate", "22,5 Monate"),
        ("sales_cycle_length", 21.98, "22,0 Tage", "22,0 Tage"),
    ],
)
def test_numbers_in_german(kpi: str, value: float, short: str, full: str) -> None:
    assert (GERMAN.short(kpi, value), GERMAN.full(kpi, value)) == (short, full)


@pytest.mark.parametrize(
    ("kpi", "now", "before", "text"),
    [
        ("mrr", 104.2e3, 100e3, "+4.2%"),
        ("mrr", 95.8e3, 100e3, "−4.2%"),
        ("mrr", 272e3, 100e3, "+172%"),
        ("mrr", 100_000.2, 100_000.0, "unchanged"),
        ("mrr", 1_000_100.0, 1_000_000.0, "unchanged"),
        ("mrr", 50e3, 0.0, "+$50K"),
        ("mrr", 50e3, 1.0, "+$50K"),
        ("mrr", -20e3, 10e3, "−$30K"),
        ("gross_margin", 27.1, 25.0, "+2.1 pp"),
        ("gross_margin", 25.04, 25.01, "unchanged"),
        # It reads 99.99 % and 100 %, and no points that anybody would write lie between them.
        ("gross_margin", 99.999982, 100.0, "unchanged"),
        ("gross_margin", 25.36, 25.34, "+0.1 pp"),
        ("system_uptime", 99.97, 99.93, "+0.04 pp"),
        ("ltv_cac_ratio", 3.6, 3.2, "+0.4"),
        ("nps", 45.2, 42.2, "+3.0"),
        ("runway", 21.1, 24.8, "−3.7"),
        ("mau", 950.0, 1000.0, "−5.0%"),
        ("mabv", 1_500_000.0, 1_000_000.0, "+50.0%"),
    ],
)
def test_changes(kpi: str, now: float, before: float, text: str) -> None:
    assert ENGLISH.change(kpi, now, before).replace(NB, " ") == text


@pytest.mark.parametrize(
    ("kpi", "target", "text"),
    [
        ("mrr", Target(2_000_000, ">="), "$2M"),
        ("customer_churn_rate", Target(2, "<"), "< 2%"),
        ("system_uptime", Target(99.9, ">="), "99.9%"),
        ("ltv_cac_ratio", Target(5, ">"), "> 5×"),
        ("nps", Target(70, ">="), "70"),
        ("mau", Target(20, "<="), "≤ 20"),
        ("gross_margin", Target((15, 20), "between"), "15% – 20%"),
    ],
)
def test_targets_keep_the_precision_they_were_set_with(kpi: str, target: Target, text: str) -> None:
    assert ENGLISH.target(kpi, target).replace(NB, " ") == text


@pytest.mark.parametrize(
    ("label", "english", "german"),
    [
        ("2025-12", "December 2025", "Dezember 2025"),
        ("2025-Q4", "Q4 2025", "Q4 2025"),
        ("2025-W52", "Week 52, 2025", "Week 52, 2025"),
        ("2025-12-31", "December 31, 2025", "31. Dezember 2025"),
        ("2025", "2025", "2025"),
    ],
)
def test_periods(label: str, english: str, german: str) -> None:
    period = Period.parse(label)
    assert (ENGLISH.period(period), GERMAN.period(period)) == (english, german)


@pytest.mark.parametrize(
    ("label", "tick"),
    [
        ("2025-12", ("Dec", "2025")),
        ("2025-Q4", ("Q4", "2025")),
        ("2026-W01", ("W1", "2026")),
        ("2025-12-31", ("Dec 31", "2025")),
        ("2025", ("2025", "")),
    ],
)
def test_ticks_of_the_time_axis(label: str, tick: tuple[str, str]) -> None:
    assert ENGLISH.tick(Period.parse(label)) == tick


JULY = Calendar(year_start=7, week_start=6)
RETAIL = Calendar(2, 6, "start", (4, 5, 4), "nearest")


@pytest.mark.parametrize(
    ("calendar", "label", "name", "tick", "days"),
    [
        (JULY, "FY2026-Q1", "Q1 FY2026", ("Q1", "FY2026"), "Jul 1 – Sep 30, 2025"),
        (JULY, "FY2026", "FY2026", ("FY2026", ""), "Jul 1, 2025 – Jun 30, 2026"),
        (JULY, "2025-12", "December 2025", ("Dec", "2025"), "Dec 1 – 31, 2025"),
        (JULY, "2025-W53", "Week 53, 2025", ("W53", "2025"), "Dec 28, 2025 – Jan 3, 2026"),
        (RETAIL, "FY2024-P02", "P2 FY2024", ("P2", "FY2024"), "Mar 3 – Apr 6, 2024"),
        (RETAIL, "FY2023-W53", "Week 53, FY2023", ("W53", "FY2023"), "Jan 28 – Feb 3, 2024"),
    ],
)
def test_fiscal_periods(
    calendar: Calendar, label: str, name: str, tick: tuple[str, str], days: str
) -> None:
    period = Period.parse(label, calendar)
    assert (ENGLISH.period(period), ENGLISH.tick(period)) == (name, tick)
    assert span_name(period, "en_US") == days


@pytest.mark.parametrize(
    ("period", "name", "tick"),
    [
        (Period.parse("2025-11").first(20), "the first 20 days of November 2025", "Nov 2025, first 20 days"),
        (Period.parse("2025-W50").first(1), "the first day of Week 50, 2025", "W50 2025, first day"),
        (Period.parse("2024").first(60), "the first 60 days of 2024", "2024, first 60 days"),
        (Period.parse("FY2026-Q1", JULY).first(9), "the first 9 days of Q1 FY2026", "Q1 FY2026, first 9 days"),
    ],
)  # fmt: skip
def test_parts_of_periods(period: Period, name: str, tick: str) -> None:
    assert (ENGLISH.period(period), " ".join(ENGLISH.tick(period)).strip()) == (name, tick)
    assert ENGLISH.day(date(2025, 12, 31)) == "December 31, 2025"


@pytest.mark.parametrize(
    ("kpi", "value", "step", "text"),
    [
        ("mrr", 1_500_000.0, 500_000.0, "$1.5M"),
        ("mrr", 0.0, 500_000.0, "$0"),
        ("gross_margin", 2.5, 2.5, "2.5%"),
        ("gross_margin", 80.0, 5.0, "80%"),
        ("system_uptime", 99.9, 0.1, "99.9%"),
        ("nps", -20.0, 10.0, "−20"),
        ("mau", 15_000.0, 5_000.0, "15K"),
    ],
)
def test_axis(kpi: str, value: float, step: float, text: str) -> None:
    assert ENGLISH.axis(kpi, value, step) == text


def test_a_figure_says_what_it_stands_for() -> None:
    value = small_values().value("nps", dims="segment=smb")
    figure = ENGLISH.figure(value, full=True)
    assert isinstance(figure, Number)
    shown = figure.shown
    assert (shown.kpi, shown.period, shown.member) == ("nps", "2025-12", "segment=smb")
    assert value.value is not None
    assert shown.text == ENGLISH.full("nps", value.value)


def test_no_value_keeps_its_reason() -> None:
    assert ENGLISH.figure(small_values().value("runway")) == NoValue("the company burns no cash")
    bare = Value("mrr", Period.parse("2025-12"), "", None, "currency", "no_value")
    assert ENGLISH.figure(bare) == NoValue("no value")
    assert ENGLISH.written(bare) == "—"


def test_a_kpi_keeps_its_decimals_for_members_and_periods() -> None:
    # A rate near 100 shows two decimals everywhere, also where one figure is far away.
    assert ENGLISH.full("system_uptime", 96.5) == "96.50%"
    assert ENGLISH.full("gross_margin", 99.6) == "99.6%"


def test_an_unknown_locale_falls_back_to_english() -> None:
    values = small_values()
    odd = replace(values, report=replace(values.report, locale="xx_XX"))
    assert Formatter(odd).short("mrr", 1_000_000.0) == "$1M"


@given(
    st.sampled_from(list(small_values().kpis)),
    st.floats(-1e13, 1e13, allow_nan=False),
    st.floats(-1e13, 1e13, allow_nan=False),
)
def test_any_number_can_be_written(kpi: str, now: float, before: float) -> None:
    for text in (ENGLISH.short(kpi, now), ENGLISH.full(kpi, now), GERMAN.short(kpi, now)):
        assert text
        assert "-" not in text
        assert not (text.startswith(MINUS) and not any(c in "123456789" for c in text))
    change = ENGLISH.change(kpi, now, before)
    assert change == "unchanged" or change[0] in "+−"


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("smb", "SMB"),
        ("north_america", "North america"),
        ("latam", "LATAM"),
        ("Acme GmbH & Co", "Acme GmbH & Co"),
        ("(unknown)", "(unknown)"),
        ("", ""),
    ],
)
def test_member_names(member: str, name: str) -> None:
    assert member_name(member) == name
