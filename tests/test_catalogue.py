"""The catalogue as the suite brings it; `test_bad_definitions.py` has what stops a load."""

from __future__ import annotations

from pathlib import Path

import pytest

import workspaces
from boardpack.engine.catalogue import Catalogue
from boardpack.errors import BoardpackError, UnknownNameError
from boardpack.model import Model
from boardpack.workspace import SUITE

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


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Model.open(SUITE).catalogue


def load(folder: Path, text: str = KPI, **files: str) -> Catalogue:
    return Model.open(workspaces.small(folder, **{"kpis/own.yml": text}, **files)).catalogue


def test_inputs_come_before_what_is_made_of_them(catalogue: Catalogue) -> None:
    order = [kpi.id for kpi in catalogue.order(["ltv_cac_ratio", "mabv"])]
    assert {"ltv", "cac", "arpa", "mrr", "total_customers", "gross_margin"} <= set(order)
    assert len(order) == len(set(order))
    for kpi in order:
        assert all(order.index(name) < order.index(kpi) for name in catalogue[kpi].inputs)
    with pytest.raises(UnknownNameError, match="did you mean 'mabv'"):
        catalogue.order(["mabvv"])


def test_a_kpi_rests_on_all_below_it(catalogue: Catalogue) -> None:
    assert set(catalogue.source_ids("arpa")) == {"mrr_movements", "account_mrr"}
    assert set(catalogue.tables(["arpa"])) == {"mrr_movements", "accounts"}
    assert set(catalogue.tables(["mabv", "nps"])) == {
        "sessions", "events", "users", "accounts", "product_objects", "survey_responses",
    }  # fmt: skip


def test_every_kpi_can_be_read(catalogue: Catalogue) -> None:
    """What a page shows of a KPI is there, and its name and definition are sentences apart."""
    for kpi in catalogue.kpis.values():
        assert kpi.definition.endswith("."), kpi.id
        assert kpi.owner, kpi.id
        assert kpi.name[0].isupper(), kpi.id
    assert len({kpi.name for kpi in catalogue.kpis.values()}) == len(catalogue.kpis)


def test_only_ratios_roll_up_by_month_and_no_ratio_adds_up(catalogue: Catalogue) -> None:
    for kpi in catalogue.kpis.values():
        assert not (kpi.additive and kpi.formula.denominator), kpi.id
        assert kpi.each is None or kpi.formula.denominator, kpi.id
        # A percent is a share times 100, or made of percents alone.
        of = {catalogue[name].unit for name in kpi.inputs}
        ratio = kpi.formula.scale == 100 or (of == {"percent"} and not kpi.measures)
        assert kpi.unit != "percent" or ratio, kpi.id


def test_a_workspace_adds_and_replaces_one_entry(tmp_path: Path) -> None:
    text = KPI + "  dimensions: [segment, region]\n"
    mine = load(tmp_path / "w", text + text.replace("kpi: own", "kpi: mrr\n  replaces: mrr"))
    assert mine["mrr"].name == mine["own"].name == "Own"
    assert mine["arr"].inputs == ("mrr",)
    assert str(mine["mrr"].file).endswith("own.yml")
    assert mine["mrr"].line == 10
    # What rests on it must still hold: ARR can be split, so MRR must be.
    with pytest.raises(BoardpackError, match="'arr' cannot be split by 'segment': its input 'mrr'"):
        load(tmp_path / "v", KPI.replace("kpi: own", "kpi: mrr\n  replaces: mrr"))


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        (KPI + "  each: month\n", 9, "has none", ""),
        (KPI + "  grains: [fortnight]\n", 9, "grains.0", ""),
        (KPI + "    more: {source: mrr_movements, value: count(*)}\n", 1, "needs a formula: it has 2", ""),
        (KPI + "    Total: {source: mrr_movements, value: count(*)}\n", 7, "'Total' is not a name", ""),
        (KPI.replace("kpi: own", "kpi: Own"), 1, "kpi", ""),
        (KPI.replace("sum(amount)", "sum(account.segmnt)"), 8, "Unknown column of accounts", "'segment'"),
        (KPI.replace("sum(amount)", "sum(prorated(amount))"), 8, "prorated(...) needs a source with time", ""),
        (KPI.replace("sum(amount)", "histogram_percentile(0.9)"), 8, "declares no histogram", ""),
        (KPI.replace("sum(amount)}", "sum(amount), where: amonut > 0}"), 8, "Unknown column", "'amount'"),
        (KPI.replace("sum(amount)}", "sum(amount), mature_after: a month}"), 8, "no number of days", "" ),
        (KPI.replace("mrr_movements, value: sum(amount)", "accounts, value: count(*)"), 8, "has no time", ""),
        (KPI.replace("mrr_movements, value: sum(amount)", "account_mrr, window: to_date, value: sum(closing)"), 8, "is a panel", ""),
        (KPI.replace("mrr_movements, value: sum(amount)", "account_mrr, value: sum(clsing)"), 8, "Unknown column of account_mrr", "'closing'"),
        (KPI.replace("mrr_movements, value: sum(amount)", "user_days, value: count(distinct user)"), 8, "Unknown column of user_days", "'user_id'"),
        (KPI + "  dimensions: [region]\n  formula: value / burn_rate\n", 9, "its input 'burn_rate' is not", ""),
        (KPI + "  formula: value / 'x'\n", 9, "not of text", ""),
        (KPI + "  tests: [{name: x, period: 2025-03, rows: {}, expects: 1}]\n", 9, "unknown key 'tests.0.expects'", "'expect'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_file_line_and_near_matches(
    tmp_path: Path, text: str, line: int, says: str, hint: str
) -> None:
    with pytest.raises(BoardpackError) as caught:
        load(tmp_path / "w", text)
    assert caught.value.exit_code == 1
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert (caught.value.file or "").endswith("own.yml")
    assert caught.value.line == line


def test_the_hash_of_a_definition_follows_all_it_rests_on(tmp_path: Path) -> None:
    """Its own terms, those of its inputs and of its sources; not its tests, owner or notes."""
    text = KPI + "- kpi: made\n  name: Made\n  definition: Made.\n  category: revenue\n"
    text += "  unit: currency\n  direction: higher\n  formula: 2 * own\n"
    source = (SUITE / "lib" / "sources" / "mrr_movements.yml").read_text(encoding="utf-8")
    source = "replaces: mrr_movements\n" + source

    def hashes(number: int, changed: str, **files: str) -> list[str]:
        found = load(tmp_path / str(number), changed, **files)
        return [found.definition_hash(name) for name in ("own", "made", "nps")]

    own = {"sources/m.yml": source}
    base = hashes(0, text, **own)
    same = [
        text.replace("  unit", "  owner: Somebody\n  unit", 1),
        text.replace("  unit", "  notes: A remark.\n  unit", 1),
        text.replace("- kpi: made", "# a comment\n- kpi: made"),
    ]
    assert [hashes(i, changed, **own) for i, changed in enumerate(same, 1)] == [base] * 3
    other = hashes(5, text.replace("sum(amount)", "sum(-amount)"), **own)
    assert [a == b for a, b in zip(base, other, strict=True)] == [False, False, True]
    other = hashes(6, text.replace("2 * own", "3 * own"), **own)
    assert [a == b for a, b in zip(base, other, strict=True)] == [True, False, True]
    changed_source = {"sources/m.yml": source.replace("exclude: account.is_internal\n", "")}
    other = hashes(7, text, **changed_source)
    assert [a == b for a, b in zip(base, other, strict=True)] == [False, False, True]
