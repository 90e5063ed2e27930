from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

import workspaces
from boardpack.errors import BoardpackError
from boardpack.model import Model
from boardpack.objectives import Benchmark, Milestone, Objectives, Risk, Stage, Target
from boardpack.periods import Period
from boardpack.values import Values
from boardpack.workspace import SUITE
from goals_fixture import made, of_suite

SETTINGS = """\
company: Small
currency: USD
scorecard: own
start: 2024-03-01
dimensions: [segment]
"""


def opened(tmp_path: Path, text: str, settings: str = SETTINGS) -> Model:
    text = f"scorecard: own\ntitle: Own\ncurrency: USD\n{text}"
    return Model.open(workspaces.small(tmp_path / "w", settings, **{"scorecards/own.yml": text}))


MEMBERS = """\
kpis:
  net_revenue_retention:
    comparator: ">="
    value: 110
    members:
      segment=*: {value: 100}
      segment=smb: {value: 95}
      segment=enterprise: {path: {month 6: 110, month 12: 122}}
      region=emea: {comparator: ">", steps: {month 3: 101}}
  arpa:
    members:
      segment=smb: {comparator: ">=", value: 100}
"""


@pytest.mark.parametrize(
    ("kpi", "dims", "periods", "values"),
    [
        ("net_revenue_retention", "", "2024-03 2025-02", [110, 110]),
        # Its own row, whatever holds for every other member.
        ("net_revenue_retention", "segment=smb", "2024-03", [95]),
        ("net_revenue_retention", "segment=mid_market", "2024-03", [100]),
        # Before its own path begins the row of every member holds; between milestones a line.
        ("net_revenue_retention", "segment=enterprise", "2024-07 2024-08 2024-11 2025-02 2025-06",
         [100, 110, 116, 122, 122]),
        # In steps nothing lies between.
        ("net_revenue_retention", "region=emea", "2024-04 2024-05 2025-05", [None, 101, 101]),
        # What is wanted of the total is not wanted of its parts, nor the other way.
        ("net_revenue_retention", "region=apac", "2024-05", [None]),
        ("arpa", "", "2024-05", [None]),
        ("arpa", "segment=smb", "2024-05", [100]),
        ("arpa", "segment=enterprise", "2024-05", [None]),
    ],
)  # fmt: skip
def test_the_most_specific_target_of_a_member_and_month(
    tmp_path: Path, kpi: str, dims: str, periods: str, values: list[object]
) -> None:
    model = opened(tmp_path, MEMBERS)
    assert model.scorecard is not None
    asked = [Period.parse(p) for p in periods.split()]
    found = model.scorecard.targets(kpi, asked, dims)
    assert [found[p.label].value if p.label in found else None for p in asked] == values
    # Frozen facts say the same as the scorecard.
    facts = model.facts(kpi, asked)
    frozen = made({kpi: 1.0}, period=asked[-1].label)
    frozen.kpis[kpi] = facts
    seen = [frozen.target(kpi, period, dims) for period in asked]
    assert [target and target.value for target in seen] == values


def test_a_path_may_count_days(tmp_path: Path) -> None:
    model = opened(
        tmp_path,
        'kpis:\n  nps: {comparator: ">=", path: {day 30: 20, day 90: 50, day 365: 60}}\n',
    )
    assert model.scorecard is not None
    labels = ["2024-03-30", "2024-03-31", "2024-04-30", "2024-05-30", "2024-05", "2025-03"]
    found = model.scorecard.targets("nps", [Period.parse(label) for label in labels])
    assert "2024-03-30" not in found
    assert {label: found[label].value for label in labels[1:]} == {
        "2024-03-31": 20, "2024-04-30": 35, "2024-05-30": 50, "2024-05": 50 + 10 / 275, "2025-03": 60,
    }  # fmt: skip
    assert model.scorecard.milestones("nps", Period.parse("2025-03")) == (
        Milestone("2024-03-31", 20, "day 30"),
        Milestone("2024-05-30", 50, "day 90"),
        Milestone("2025-03-01", 60, "day 365"),
    )


@pytest.mark.parametrize("name", ["starter", "auterity", "engagement", "gtm_launch"])
def test_every_scorecard_of_the_suite_opens_in_a_workspace(tmp_path: Path, name: str) -> None:
    settings = SETTINGS.replace("scorecard: own", f"scorecard: {name}")
    model = Model.open(workspaces.small(tmp_path / "w", settings))
    assert model.scorecard is not None
    assert model.scorecard.id == name
    facts = model.report_facts(Period.parse("2025-12"), "2025-12-31")
    assert facts.objectives == model.scorecard.objectives


def test_every_kpi_of_the_demo_stands_under_one_branch_of_its_north_star() -> None:
    card, _ = of_suite("datainsight_pro")
    star = card.objectives.north_star
    assert star is not None
    assert star.kpis == ("mabv",)
    assert star.factors == {"mabv": ("mau", "dashboards_per_user", "business_value_score")}
    placed = [*star.kpis, *(kpi for of in star.branches.values() for kpi in of)]
    assert sorted(placed) == sorted(card.goals)
    assert list(star.branches) == ["input", "output", "health"]
    assert all(star.branches.values())


def test_the_launch_has_three_north_stars_with_their_paths() -> None:
    card, _ = of_suite("gtm_launch")
    star = card.objectives.north_star
    assert star is not None
    assert star.kpis == ("arr", "net_revenue_retention", "ltv_cac_ratio")
    ends = [Period.parse(label) for label in ("2025-06", "2025-12", "2026-06")]
    assert [card.targets("arr", ends)[p.label].value for p in ends] == [5e5, 5e6, 25e6]
    retention = card.targets("net_revenue_retention", ends)
    assert {k: target.value for k, target in retention.items()} == {"2025-12": 110, "2026-06": 120}
    assert card.benchmark("net_revenue_retention") is not None
    assert card.benchmark("net_revenue_retention").value == 110  # type: ignore[union-attr]
    assert card.goals["ltv_cac_ratio"].stretch == 8
    ratios = {s: card.targets("ltv_cac_ratio", ends, f"segment={s}")["2025-12"].value
              for s in ("enterprise", "mid_market", "smb")}  # fmt: skip
    assert ratios == {"enterprise": 30, "mid_market": 20, "smb": 15}


STAR = "north_star: {kpis: [mabv]}\n"


@pytest.mark.parametrize(
    ("text", "line", "says", "hint"),
    [
        (STAR + "kpis:\n  mabv: {}\n  mau: {}\n", 7, "'mau' stands under no branch", "input, output"),
        (STAR + "kpis:\n  mabv: {branch: input}\n", 6, "stands under no branch of it", "leave"),
        (STAR + "kpis:\n  mau: {branch: input}\n", 4, "Unknown KPI of the scorecard 'mabv'", ""),
        ("north_star: {kpis: [mau], factors: {mau: [dua]}}\nkpis:\n  mau: {}\n", 4, "'dua'", ""),
        ("kpis:\n  mau: {branch: leading}\n", 5, "kpis.mau.branch", ""),
        ("kpis:\n  mau: {members: {smb: {comparator: '<', value: 1}}}\n", 5, "names no member", ""),
        ("kpis:\n  mau: {members: {segment=smb: {value: 1}}}\n", 5, "needs a comparator", ""),
        ("kpis:\n  mau: {members: {segment=smb: {comparator: '<'}}}\n", 5, "give one of", ""),
        ("kpis:\n  mau: {comparator: '<', path: {month 1: 5, day 40: 6}}\n", 5, "not in both", ""),
        ("stages:\n  - {stage: A, months: [1, 6], categories: {C: [{kpi: nsp, comparator: '>',"
         " value: 1}]}}\nkpis: {}\n", 5, "Unknown KPI 'nsp'", "'nps'"),
        ("stages:\n  - {stage: A, months: [1, 6], categories: {C: [{kpi: nps}]}}\nkpis: {}\n", 5,
         "a criterion has a kpi:", ""),
        ("stages:\n  - {stage: A, months: [1, 6], categories: {C: [{kpi: nps, comparator: '>', value:"
         " 1, not_measurable: why}]}}\nkpis: {}\n", 5, "says: what is wanted", ""),
        ("stages:\n  - {stage: A, months: [1, 6], days: [1], categories: {}}\nkpis: {}\n", 5,
         "months: or days:", ""),
        ("stages:\n  - {stage: A, months: [1, 6], categories: {}}\n"
         "  - {stage: B, months: [6, 9], categories: {}}\nkpis: {}\n", 6, "before 'A' has ended", ""),
        ("stages:\n  - {stage: A, days: [0, 6], categories: {}}\n"
         "  - {stage: B, months: [7, 9], categories: {}}\nkpis: {}\n", 6, "not in both", ""),
        ("risks:\n  - {risk: R, kpis: [npss], family: market, comparator: '>', value: 1}\nkpis: {}\n",
         5, "Unknown KPI 'npss'", "'nps'"),
        ("risks:\n  - {risk: R, kpis: [nps], family: legal, comparator: '>', value: 1}\nkpis: {}\n",
         5, "risks.0.family", ""),
        ("kpis:\n  mau: {comparator: '>', value: .inf}\n", 5, "finite number", ""),
        ("kpis:\n  mau: {comparator: '>', path: {month 1: .nan}}\n", 5, "finite number", ""),
        ("bands: {on_track: 70, at_risk: 90}\nkpis: {}\n", 4, "lies below", ""),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_scorecard_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, says: str, hint: str
) -> None:
    with pytest.raises(BoardpackError) as caught:
        opened(tmp_path, text)
    assert caught.value.exit_code == 1
    assert says in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.line == line


def test_stages_need_the_start_of_the_plan(tmp_path: Path) -> None:
    undated = "".join(line for line in SETTINGS.splitlines(True) if not line.startswith("start:"))
    text = "stages:\n  - {stage: A, months: [1, 6], categories: {}}\nkpis: {}\n"
    with pytest.raises(BoardpackError, match="stages of scorecard 'own' count from") as caught:
        opened(tmp_path, text, undated)
    assert "start: 2023-01-01" in (caught.value.hint or "")


def test_what_the_catalogue_learns_is_measured_and_no_longer_excused(tmp_path: Path) -> None:
    text = (
        "stages:\n  - {stage: A, months: [1], categories: {C: [{says: Many, kpi: NAME, comparator:"
        " '>', value: 1, not_measurable: no table}]}}\n"
        "risks:\n  - {risk: R, kpis: [NAME], family: market, comparator: '>', value: 1,"
        " not_measurable: no table}\nkpis: {}\n"
    )
    known = opened(tmp_path / "known", text.replace("NAME", "nps")).scorecard
    unknown = opened(tmp_path / "unknown", text.replace("NAME", "of_the_future")).scorecard
    assert known is not None
    assert unknown is not None
    item = known.objectives.stages[0].categories[0].items[0]
    assert (item.lacks, [part.kpi for part in item.parts]) == ("", ["nps"])
    assert known.objectives.risks[0].lacks == ""
    item = unknown.objectives.stages[0].categories[0].items[0]
    assert (item.lacks, item.parts) == ("no table", ())
    assert unknown.objectives.risks[0].lacks == "no table"


@pytest.mark.parametrize("name", ["datainsight_pro", "engagement", "gtm_launch"])
def test_objectives_are_frozen_and_read_again(name: str, tmp_path: Path) -> None:
    card, _ = of_suite(name)
    objectives = card.objectives
    assert Objectives.from_dict(json.loads(json.dumps(asdict(objectives)))) == objectives
    target = Target((15, 20), "between")
    facts = {"mau": {"targets": {"2025-12": target}, "member_targets": {"segment=*": {"2025-12":
             target}}, "milestones": (Milestone("2025-12-31", 5, "month 12"),), "stretch": 8.0,
             "benchmark": Benchmark((70, 85), "others"), "baseline": 2.0, "straight": True}}  # fmt: skip
    values = made({"mau": [1, 2]}, objectives=objectives, facts=facts)
    values.save(tmp_path)
    again = Values.load(tmp_path)
    assert again.report == values.report
    assert again.kpis == values.kpis


def test_values_frozen_before_there_were_objectives_still_read(tmp_path: Path) -> None:
    values = made({"mau": [1, 2]})
    values.save(tmp_path)
    facts = json.loads((tmp_path / "facts.json").read_text())
    del facts["report"]["objectives"]
    for name in ("member_targets", "milestones", "straight", "benchmark", "baseline", "stretch"):
        del facts["kpis"]["mau"][name]
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    again = Values.load(tmp_path)
    assert (again.report.objectives, again.kpis) == (None, values.kpis)


@pytest.mark.parametrize(
    ("unit", "span", "ages"),
    [
        ("month", (1, 12), {0: False, 1: True, 12: True, 13: False}),
        ("day", (30, 90), {29: False, 30: True, 89: True, 90: False}),
        ("day", (90, None), {89: False, 90: True, 9000: True}),
    ],
)
def test_the_edges_of_a_stage(
    unit: str, span: tuple[int, int | None], ages: dict[int, bool]
) -> None:
    stage = Stage("A", unit, *span, ())  # type: ignore[arg-type]
    assert {age: stage.holds(age) for age in ages} == ages


@pytest.mark.parametrize(
    ("comparator", "fires"),
    [(">", [False, False, True]), (">=", [False, True, True]),
     ("<", [True, False, False]), ("<=", [True, True, False])],
)  # fmt: skip
def test_a_risk_fires_at_its_limit_as_stated(comparator: str, fires: list[bool]) -> None:
    risk = Risk("R", "nps", "market", "info", comparator, 20)  # type: ignore[arg-type]
    assert [risk.fires_at(figure) for figure in (19.999, 20, 20.001)] == fires


def test_the_readme_shows_a_scorecard_that_works(tmp_path: Path) -> None:
    shown = re.findall(r"```yaml\n(.*?)```", (SUITE / "README.md").read_text("utf-8"), re.DOTALL)
    (example,) = [text for text in shown if text.startswith("scorecard:")]
    settings = SETTINGS.replace("scorecard: own", "scorecard: growth")
    folder = workspaces.small(tmp_path / "w", settings, **{"scorecards/growth.yml": example})
    card = Model.open(folder).scorecard
    assert card is not None
    objectives = card.objectives
    assert objectives.north_star is not None
    assert (len(objectives.stages), len(objectives.risks)) == (1, 1)
    assert len(objectives.stages[0].categories[0].items[1].parts) == 2
