"""What is wrong in a definition stops the load, with file, line, key and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

import workspaces
from boardpack.errors import BoardpackError
from boardpack.model import Model

KPI = """\
- kpi: own
  name: Own
  definition: Of this workspace.
  category: revenue
  unit: currency
  direction: higher
  measures:
    value: {source: mrr_movements, value: sum(amount)}
"""
SOURCE = """\
source: own_table
title: Own
key: [id]
time: happened_on
columns:
  id: string
  happened_on: date
"""

BROKEN_KPIS = [
    (KPI.replace("  unit:", "  unti:"), 5, "unknown key 'unti'", "did you mean 'unit'"),
    (KPI.replace("unit: currency", "unit: money"), 5, "unit", ""),
    (KPI.replace("mrr_movements", "mrr_movement"), 8, "Unknown source", "'mrr_movements'"),
    (KPI.replace("sum(amount)", "sum(amonut)"), 8, "Unknown column", "'amount'"),
    (KPI.replace("sum(amount)", "amount"), 8, "one aggregate", ""),
    (KPI.replace("sum(amount)", "sum(read_csv('x'))"), 8, "read_csv", ""),
    (KPI.replace("sum(amount)", "sum((select 1))"), 8, "sub-queries", ""),
    (KPI.replace("sum(amount)", "sum(sum(amount) over ())"), 8, "window", ""),
    (KPI.replace("sum(amount)}", "sum(amount), window: fortnight}"), 8, "is not a window", ""),
    (
        KPI.replace("sum(amount)}", "sum(amount), wndow: period}"),
        8,
        "'measures.value.wndow'",
        "'window'",
    ),
    (
        KPI.replace("sum(amount)}", "sum(amount), of: x}"),
        8,
        "'measures.value.of'",
        "keys are: source, value",
    ),
    (KPI.replace("sum(amount)}", "count(*), empty: none}"), 8, "empty: none is for a sum", ""),
    (KPI + "  formula: value / mmr\n", 9, "Unknown measure or KPI 'mmr'", "'mrr'"),
    (KPI + "  formula: arr\n", 8, "is not used", ""),
    (KPI + "  additive: true\n  formula: value / mrr\n", 9, "ratio", ""),
    (
        KPI.replace("sum(amount)", "'percentile(amount, 0.5)'") + "  additive: true\n",
        9,
        "no additive:",
        "",
    ),
    (
        KPI.replace("sum(amount)", "'percentile(amount, 0.5)'")
        + "  each: month\n  formula: value / mrr\n",
        9,
        "is a percentile: the percentile of a whole does not follow",
        "",
    ),
    (KPI + "  dimensions: [planet]\n", 9, "cannot be split by 'planet'", "segment"),
    (KPI + "  name: Twice\n", 9, "twice", "first on line 2"),
    (KPI.replace("kpi: own", "kpi: mrr"), 1, "already defined", "replaces: mrr"),
    (KPI.replace("- kpi: own", "- kpi: own\n  replaces: nothing"), 2, "replaces nothing", ""),
    (
        KPI.replace("sum(amount)}", "sum(amount), where: movement_type = 'nwe'}"),
        8,
        "Unknown value of movement_type 'nwe'",
        "'new'",
    ),
    (
        KPI.replace("sum(amount)}", "sum(amount), where: \"account.segment in ('smb', 'mid')\"}"),
        8,
        "Unknown value of account.segment 'mid'",
        "known: enterprise, mid_market, smb",
    ),
    ("kpi: own\n", 1, "expected a list", ""),
    ("- kpi: [own\n", 2, "not YAML", ""),
    (
        KPI.replace("sum(amount)}", "percentile(amount, 0.5), window: month}"),
        8,
        "the comma in percentile(amount, 0.5) ends the value of 'value': '0.5)'",
        'quote the whole value: value: "percentile(amount, 0.5)"',
    ),
    (
        KPI.replace("sum(amount)}", "sum(amount), where: movement_type in ('new', 'churn')}"),
        8,
        "not YAML",
        "inside {...} a comma ends a value: quote one that holds a comma",
    ),
    (
        KPI.replace("sum(amount)}", "sum(amount),\n      where: effective_on > 3}"),
        9,
        "effective_on is a moment",
        "hours_between",
    ),
    (
        KPI.replace("sum(amount)}", "sum(amount),\n      where: movement_typ = 'new'}"),
        9,
        "Unknown column",
        "'movement_type'",
    ),
    (
        KPI + "  grains: [month, week]\n  formula: growth(value, 3 months)\n",
        9,
        "no week lies 3 months before a week",
        "go back 1 period",
    ),
]


@pytest.mark.parametrize(("text", "line", "says", "hint"), BROKEN_KPIS)
def test_kpis(tmp_path: Path, text: str, line: int, says: str, hint: str) -> None:
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": text})
    with pytest.raises(BoardpackError) as caught:
        Model.open(root)
    error = caught.value
    assert error.exit_code == 1
    assert says in error.message
    assert hint in (error.hint or "")
    assert (error.file or "").endswith("own.yml")
    assert error.line == line


@pytest.mark.parametrize("newer", ["kpis/aaa.yml", "kpis/zzz.yml"])
def test_an_id_that_is_taken_is_told_where_the_new_entry_stands(tmp_path: Path, newer: str) -> None:
    """Whichever file is read first: the newcomer's has less in it."""
    own, other = KPI, KPI.replace("kpi: own", "kpi: other")
    root = workspaces.small(tmp_path / "w", **{newer: other, "kpis/many.yml": own + other})
    with pytest.raises(BoardpackError) as caught:
        Model.open(root)
    assert (caught.value.file, caught.value.line) == (str(root / newer), 1)
    assert f"'other' is already defined in {root / 'kpis/many.yml'}:9." in caught.value.message
    assert "write `replaces: other`" in (caught.value.hint or "")


@pytest.mark.parametrize("name", ["aaa", "zzz"])
def test_what_replaces_may_be_read_first(tmp_path: Path, name: str) -> None:
    mine = KPI.replace("kpi: own", "kpi: own\n  replaces: own").replace("name: Own", "name: Mine")
    files = {"kpis/own.yml": KPI, f"kpis/{name}.yml": mine}
    root = workspaces.small(tmp_path / "w", **files)
    assert Model.open(root).catalogue["own"].name == "Mine"


def test_a_circle_is_named_with_its_path(tmp_path: Path) -> None:
    text = "".join(
        f"- kpi: {a}\n  name: {a}\n  definition: x\n  category: c\n  unit: count\n"
        f"  direction: higher\n  formula: {b} + 1\n"
        for a, b in (("one", "two"), ("two", "three"), ("three", "one"))
    )
    root = workspaces.small(tmp_path / "w", **{"kpis/own.yml": text})
    with pytest.raises(BoardpackError, match=r"circle: .*→"):
        Model.open(root)


def test_a_mapped_table_may_have_words_of_its_own(tmp_path: Path) -> None:
    text = KPI.replace("sum(amount)}", "sum(amount), where: account.segment = 'key account'}")
    mapping = "maps: accounts\nsql: SELECT 1 AS account_id, 'key account' AS segment\n"
    root = workspaces.small(
        tmp_path / "w", **{"kpis/own.yml": text, "sources/accounts.yml": mapping}
    )
    assert Model.open(root).catalogue["own"].measures["value"].where is not None


BROKEN_SOURCES = [
    (SOURCE.replace("time: happened_on", "time: happened"), 4, "Unknown column", "'happened_on'"),
    (SOURCE.replace("id: string", "id: text"), 6, "is not a type", ""),
    (SOURCE + "joins: {account: {source: acounts, on: id}}\n", 8, "Unknown source", "'accounts'"),
    (
        SOURCE + "joins: {metric: {source: request_metrics, on: id}}\n",
        8,
        "would multiply rows",
        "whole key",
    ),
    (SOURCE + "dimensions: {segment: account.segment}\n", 8, "Unknown join", ""),
    (SOURCE.replace("own_table", "accounts"), 1, "already declared", "maps:"),
    ("maps: acounts\ntable: x\n", 1, "Unknown source", "'accounts'"),
    ("maps: account_mrr\ntable: x\n", 1, "is derived from", "mrr_movements"),
    ("maps: accounts\ntable: x\nsql: SELECT 1\n", 1, "exactly one of", ""),
]


@pytest.mark.parametrize(("text", "line", "says", "hint"), BROKEN_SOURCES)
def test_sources(tmp_path: Path, text: str, line: int, says: str, hint: str) -> None:
    root = workspaces.small(tmp_path / "w", **{"sources/own.yml": text})
    with pytest.raises(BoardpackError) as caught:
        Model.open(root)
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.file or "").endswith("own.yml")
    assert caught.value.line == line


@pytest.mark.parametrize(
    ("settings", "says", "hint"),
    [
        ("currency: USD\n", "'company' is missing", ""),
        ("company: X\ncurrency: dollars\n", "currency", ""),
        ("company: X\ncurrency: USD\nzone: Mars/Base\n", "not a time zone", ""),
        ("company: X\ncurrency: USD\nlocale: tlh_QQ\n", "not a locale", ""),
        ("company: X\ncurrency: USD\nscorecard: datainsight\n", "scorecard", "datainsight_pro"),
        ("company: X\ncurrency: EUR\nscorecard: datainsight_pro\n", "USD", "not converted"),
        ("company: X\ncurrency: USD\ncurency: EUR\n", "unknown key", "'currency'"),
    ],
)
def test_boardpack_yml(tmp_path: Path, settings: str, says: str, hint: str) -> None:
    root = workspaces.small(tmp_path / "w", settings)
    with pytest.raises(BoardpackError) as caught:
        Model.open(root)
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.file or "").endswith("boardpack.yml")


def test_a_folder_without_boardpack_yml(tmp_path: Path) -> None:
    with pytest.raises(BoardpackError, match="is not a workspace"):
        Model.open(tmp_path)
