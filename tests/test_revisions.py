"""Editions beside each other: what a run restates, and what a revision changed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from boardpack import editions, revisions
from boardpack.calendars import Calendar
from boardpack.editions import EditionDraft
from boardpack.errors import StorageError, UserError
from boardpack.formats import DASH
from boardpack.ledger import Ledger
from boardpack.ledger_rows import EditionRow
from boardpack.manifests import code_hash, versions
from boardpack.periods import Period
from boardpack.restatements import Grounds
from boardpack.values import Values
from values_fixture import small_values

DECEMBER = small_values()
HASHES = dict.fromkeys(DECEMBER.kpis, "d1")
PRINTS = {source: "f1" for facts in DECEMBER.kpis.values() for source in facts.sources}


def about(period: str, as_of: str = "", **changes: float) -> Values:
    """The small company's values as the edition of a month has them, some in that month changed."""
    frame = DECEMBER.frame[DECEMBER.frame["period"] <= period].copy()
    for kpi, factor in changes.items():
        cell = (frame["kpi"] == kpi) & (frame["period"] == period) & (frame["dims"] == "")
        frame.loc[cell, "value"] *= factor
    day = as_of or Period.parse(period).last_day.isoformat()
    return replace(DECEMBER, frame=frame, report=replace(DECEMBER.report, period=period, as_of=day))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "var" / "editions"


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "var" / "ledger.sqlite") as opened:
        yield opened


Publish = Callable[..., EditionRow]


@pytest.fixture
def publish(root: Path, ledger: Ledger, tmp_path: Path) -> Publish:
    def make(values: Values, **more: Any) -> EditionRow:
        facts = values.report
        staging = tmp_path / "runs" / f"run-{len(ledger.editions())}"
        values.save(staging)
        draft = EditionDraft(
            report=facts.report, period=facts.period, grain="month", run_id=staging.name,
            as_of=facts.as_of, published_at=f"2026-01-01T06:00:0{len(ledger.editions())}+00:00",
            verdict="publish", renderer="builtin", status=facts.status,
            files=("values.parquet", "facts.json"),
            **{"fingerprints": PRINTS, "definitions": HASHES, **more},
        )  # fmt: skip
        return editions.publish(staging, root, draft, ledger)

    return make


def own(values: Values, **more: Any) -> Grounds:
    given = {"fingerprints": PRINTS, "definitions": HASHES, **more}
    return Grounds(
        values.report.as_of, given["fingerprints"], given["definitions"], code_hash(), versions()
    )


def test_a_first_edition_restates_nothing(root: Path, ledger: Ledger) -> None:
    assert revisions.restated(root, ledger, DECEMBER, own(DECEMBER)) == ()


def test_november_read_otherwise_in_december_is_a_restatement(
    publish: Publish, root: Path, ledger: Ledger
) -> None:
    publish(about("2025-10"))
    publish(about("2025-11", mrr=0.9, nps=0.5))
    values = about("2025-12")
    (against,) = revisions.restated(root, ledger, values, own(values))
    assert (against.period, against.revision, against.as_of) == ("2025-11", 1, "2025-11-30")
    assert [(row.kpi, row.period, row.causes) for row in against.rows] == [
        ("mrr", "2025-11", ("late data",)),
        ("nps", "2025-11", ("late data",)),
    ]
    mrr = against.rows[0]
    assert mrr.before == pytest.approx(0.9 * (mrr.after or 0))
    assert (mrr.name, mrr.change_text) == ("Monthly Recurring Revenue", "+11.1%")
    assert mrr.before_text == f"${mrr.before:,.0f}"


def test_both_the_revision_before_and_the_period_before_are_compared_with(
    publish: Publish, root: Path, ledger: Ledger
) -> None:
    publish(about("2025-11", nps=0.5))
    publish(about("2025-12", mrr=0.9))
    values = about("2025-12")
    first, second = revisions.restated(root, ledger, values, own(values))
    assert [(row.kpi, row.period) for row in first.rows] == [("mrr", "2025-12")]
    assert [(row.kpi, row.period) for row in second.rows] == [("nps", "2025-11")]
    # Of the same as-of, data, definitions and code nothing explains a difference.
    assert first.rows[0].causes == ("unexplained",)


def test_a_figure_that_both_restate_is_told_once(
    publish: Publish, root: Path, ledger: Ledger
) -> None:
    publish(about("2025-11", nps=0.5))
    december = about("2025-12")
    wrong = december.frame["kpi"].eq("nps") & december.frame["period"].eq("2025-11")
    frame = december.frame.assign(
        value=december.frame["value"].where(~wrong, december.frame["value"] * 0.75)
    )
    publish(replace(december, frame=frame))
    first, second = revisions.restated(root, ledger, december, own(december))
    assert [row.period for row in first.rows if row.dims == ""] == ["2025-11"]
    assert second.rows == ()


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"fingerprints": {**PRINTS, "table_of_mrr": "f2"}}, "late data"),
        ({"fingerprints": {**PRINTS, "table_of_nps": "f2"}}, "unexplained"),
        ({"definitions": {**HASHES, "mrr": "d2"}}, "definition"),
    ],
    ids=str,
)
def test_the_cause_is_what_differs_for_that_kpi(
    publish: Publish, root: Path, ledger: Ledger, change: dict[str, Any], cause: str
) -> None:
    publish(about("2025-12", mrr=0.9))
    values = about("2025-12")
    ((row,),) = (a.rows for a in revisions.restated(root, ledger, values, own(values, **change)))
    assert row.causes == (cause,)


def test_an_edition_that_knew_more_and_one_of_another_segment_are_not_compared_with(
    publish: Publish, root: Path, ledger: Ledger
) -> None:
    publish(about("2025-11", as_of="2026-02-01", mrr=0.5))
    publish(about("2025-10", mrr=0.5), segment="smb")
    publish(about("2022-12", mrr=0.5))
    values = about("2025-12")
    assert revisions.restated(root, ledger, values, own(values)) == ()


def test_an_edition_that_was_changed_is_named_and_stops_nothing(
    publish: Publish, root: Path, ledger: Ledger
) -> None:
    row = publish(about("2025-11", mrr=0.5))
    path = root / row.folder / "values.parquet"
    path.chmod(0o644)
    about("2025-11", mrr=0.7).frame.to_parquet(path, index=False)
    values = about("2025-12")
    (against,) = revisions.restated(root, ledger, values, own(values))
    assert against.rows == ()
    assert "is not as it was published" in against.problem
    with pytest.raises(StorageError, match=r"values\.parquet of monthly 2025-11 revision 1"):
        revisions.read_edition(root, row)


@pytest.mark.parametrize("name", ["values.parquet", "facts.json", "manifest.json"])
def test_an_edition_that_lacks_a_file_is_named(publish: Publish, root: Path, name: str) -> None:
    row = publish(about("2025-11"))
    (root / row.folder / name).unlink()
    with pytest.raises(StorageError, match="cannot be read") as caught:
        revisions.read_edition(root, row)
    assert name in str(caught.value)


def test_an_edition_of_another_calendar_is_named_and_not_compared_with(
    publish: Publish, root: Path, ledger: Ledger
) -> None:
    """A week of before weeks began on Sundays has the same label and other days."""
    publish(about("2025-11", nps=0.5))
    values = about("2025-12")
    report = replace(values.report, calendar=Calendar(week_start=6).as_dict())
    (against,) = revisions.restated(root, ledger, replace(values, report=report), own(values))
    assert (against.rows, "another calendar" in against.problem) == ((), True)


def test_a_difference_has_every_change_and_what_differs_beneath(
    publish: Publish, root: Path
) -> None:
    provisional = about("2025-12", as_of="2025-12-20", mrr=0.9)
    status = provisional.frame["period"].eq("2025-12") & provisional.frame["status"].eq("final")
    provisional.frame.loc[status, "status"] = "provisional"
    before = publish(provisional, definitions={k: "d1" for k in HASHES if k != "nps"})
    after = publish(
        about("2025-12"),
        definitions={**{k: "d1" for k in HASHES if k != "mau"}, "mrr": "d2"},
        fingerprints={**PRINTS, "table_of_mrr": "f2"},
    )
    found = revisions.difference(root, before, after)
    (mrr,) = (row for row in found.rows if row.kind == "changed")
    assert (mrr.kpi, mrr.before_status, mrr.after_status) == ("mrr", "provisional", "final")
    assert mrr.causes == ("late data", "definition")
    assert {row.period for row in found.rows if row.kind == "status"} == {"2025-12"}
    assert (found.added, found.removed) == (("nps",), ("mau",))
    assert (found.sources, found.definitions) == (("table_of_mrr",), ("mrr",))
    told = json.loads(json.dumps(found.as_dict()))
    assert (told["before"]["revision"], told["after"]["revision"]) == (1, 2)
    assert len(told["changes"]) == len(found.rows)


def test_a_value_that_vanished_reads_as_a_dash(publish: Publish, root: Path) -> None:
    values = about("2025-12")
    gone = values.frame["kpi"].eq("nps") & values.frame["period"].eq("2025-12")
    frame = values.frame.assign(
        value=values.frame["value"].where(~gone),
        status=values.frame["status"].where(~gone, "no_value"),
    )
    found = revisions.difference(root, publish(values), publish(replace(values, frame=frame)))
    assert {(row.kind, row.after_text, row.change_text) for row in found.rows} == {
        ("vanished", DASH, "vanished")
    }
    assert {row.dims for row in found.rows} >= {"", "segment=smb"}


@pytest.mark.parametrize(
    ("there", "chosen", "expected"),
    [
        (3, None, (2, 3)),
        (3, (1, 3), (1, 3)),
        (3, (3, 1), (3, 1)),
        (1, None, "has one revision"),
        (3, (1, 4), "no revision 4"),
        (3, (2, 2), "the same as itself"),
    ],
)
def test_the_two_revisions(
    there: int, chosen: tuple[int, int] | None, expected: tuple[int, int] | str
) -> None:
    row = EditionRow(
        "monthly", "2025-12", "month", "", 1, None, "r", "2025-12-31", "publish", "final", "draft",
        (), "f", "t", "h", "builtin",
    )  # fmt: skip
    rows = [replace(row, revision=n) for n in range(1, there + 1)]
    if isinstance(expected, str):
        with pytest.raises(UserError, match=expected) as caught:
            revisions.two_revisions(rows, "monthly 2025-12", chosen)
        assert caught.value.hint
    else:
        found = revisions.two_revisions(rows, "monthly 2025-12", chosen)
        assert tuple(row.revision for row in found) == expected


def test_what_is_frozen_of_restatements_is_the_whole_list(
    publish: Publish, root: Path, ledger: Ledger, tmp_path: Path
) -> None:
    publish(about("2025-11", mrr=0.9))
    values = about("2025-12")
    found = revisions.restated(root, ledger, values, own(values))
    revisions.save(tmp_path, found)
    (against,) = json.loads((tmp_path / "restatements.json").read_text(encoding="utf-8"))
    assert against["rows"][0]["kpi"] == "mrr"
    assert pd.DataFrame(against["rows"])["before"].notna().all()
