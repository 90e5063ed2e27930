"""Weeks, quarters, open months and members of the KPIs over machines, jobs, work and market."""

from __future__ import annotations

from datetime import date

import pytest

from boardpack.periods import Period
from golden_fixture import LAST_DAY, Company, company, differences

__all__ = ["company"]

CAPACITY = (
    "cpu_usage memory_usage disk_usage network_throughput cache_hit_rate storage_efficiency "
    "peak_concurrent_users average_concurrent_users peak_user_capacity capacity_utilisation "
    "scalability_headroom data_processing_volume data_latency "
)
AUTOMATION = (
    "workflow_executions template_usage_rate custom_workflow_share ai_usage_rate "
    "ai_requests_total ai_processing_volume ai_cost_per_transaction ai_response_quality "
    "ai_accuracy "
)
DELIVERY = (
    "bug_resolution_time development_cycle_time roadmap_on_time_rate "
    "customer_requests_delivered_rate enterprise_readiness code_quality_score "
    "technical_debt_ratio architecture_health "
)
SPRINTS = "feature_velocity engineering_productivity team_capacity_utilisation "
JOBS = (
    "data_pipeline_success_rate data_processing_time data_freshness data_timeliness "
    "data_completeness reporting_deadline_compliance "
)
QUALITY = (
    "data_quality_score data_accuracy_rules data_consistency data_coverage required_fields_filled "
)
SUCCESS = (
    "customer_health_score health_band_share at_risk_customer_rate_yellow at_risk_customer_rate "
    "health_degradation_rate expansion_ready_accounts onboarding_completion_rate "
    "account_setup_time "
)
MARKET = (
    "email_open_rate email_click_rate click_to_open_rate email_conversion_rate "
    "aided_brand_awareness unaided_brand_awareness share_of_voice market_position_rank "
    "analyst_recognition thought_leadership_output "
)
PROGRAMME = (
    "action_item_completion_rate recommendation_adoption_rate recommendations_delivered "
    "quick_win_completion_rate analysis_completion_time process_improvements efficiency_gains "
    "revenue_impact insights_found "
)
INITIATIVES = "initiatives_on_track_rate milestone_achievement_rate "
RATING = "technology_commoditisation data_volume_growth_rate "
EVERY_DAY = CAPACITY + AUTOMATION + DELIVERY + JOBS + QUALITY + SUCCESS + MARKET + PROGRAMME

SELECTED = [
    ("2025-Q4", 3, "segment", LAST_DAY, EVERY_DAY + SPRINTS + RATING),
    ("2025", 2, "region", LAST_DAY, EVERY_DAY + SPRINTS),
    ("2025-W52", 2, "region", LAST_DAY, EVERY_DAY + "data_volume_growth_rate"),
    ("2025-12-31", 3, "segment", LAST_DAY, CAPACITY + AUTOMATION + JOBS + SUCCESS + MARKET),
    # The day on which no events were loaded, in the middle of an open month.
    ("2025-10", 3, "segment", date(2025, 10, 15), EVERY_DAY + SPRINTS + RATING),
    ("2025-09", 2, "region", date(2025, 10, 2), EVERY_DAY + SPRINTS + RATING),
    ("2025-12", 3, "host_group", LAST_DAY, "cpu_usage disk_usage network_throughput "
     "storage_efficiency"),
    ("2025-12", 3, "node_type", date(2025, 12, 20), "ai_requests_total ai_processing_volume "
     "ai_cost_per_transaction ai_response_quality ai_accuracy"),
    ("2025-12", 3, "source_kind", LAST_DAY, "data_processing_volume data_latency "
     "data_volume_growth_rate"),
    ("2025-12", 4, "team", LAST_DAY, "development_cycle_time roadmap_on_time_rate " + SPRINTS),
    ("2025-12", 3, "severity", date(2025, 12, 20), "bug_resolution_time"),
    ("2025-12", 3, "repository", LAST_DAY, "code_quality_score technical_debt_ratio "
     "architecture_health"),
    ("2025-12", 3, "dataset", date(2025, 12, 20), "data_freshness data_timeliness "
     "data_completeness " + QUALITY),
    ("2025-12", 3, "dimension", date(2025, 12, 20), "data_quality_score"),
    ("2025-12", 3, "measure", date(2025, 12, 20), "data_accuracy"),
    ("2025-Q4", 3, "source_system", LAST_DAY, "data_accuracy"),
    ("2025-04", 3, "dataset", LAST_DAY, "data_auditability " + QUALITY),
    ("2025-W09", 4, "dataset", date(2025, 3, 1), "data_auditability " + QUALITY),
    ("2025-12", 3, "channel", LAST_DAY, "onboarding_completion_rate"),
    ("2025-12", 3, "subject", LAST_DAY, "aided_brand_awareness share_of_voice "
     "market_position_rank thought_leadership_output"),
    ("2025-12", 4, "engagement", LAST_DAY, "recommendation_adoption_rate process_improvements "
     "recommendations_delivered"),
    ("2025-12", 3, "origin", LAST_DAY, "action_item_completion_rate"),
    ("2025-Q4", 4, "owner", LAST_DAY, INITIATIVES),
    ("2025-10", 3, "owner", date(2025, 10, 31), INITIATIVES),
    ("2025-12", 3, "kpi", date(2025, 12, 20), "insights_found"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("period", "last", "by", "as_of", "kpis"),
    SELECTED,
    ids=[f"{period} by {by} as of {as_of}" for period, _, by, as_of, _ in SELECTED],
)
def test_other_periods_and_members(
    company: Company, period: str, last: int, by: str, as_of: date, kpis: str
) -> None:
    frame = company.computed(kpis.split(), Period.parse(period).last(last), [by], as_of)
    # A row of another unknown member has no SQL that finds it.
    known = frame[~frame["dims"].str.endswith("=(unknown)")]
    assert set(known["kpi"]) == set(kpis.split())
    assert set(known["dims"]) > {""}
    assert differences(company, known, as_of) == []


def test_each_has_36_months_and_a_value_for_the_last(company: Company) -> None:
    kpis = (EVERY_DAY + SPRINTS + RATING).split()
    frame = company.computed(kpis, Period.parse("2025-12").last(36), [], LAST_DAY)
    assert (frame.groupby("kpi")["period"].nunique() == 36).all()
    last = frame[frame["period"] == "2025-12"]
    assert last["value"].notna().all()
    gaps = frame[frame["value"].isna()]
    assert (gaps["reason"] != "").all()
    # What looks back, waits for a study, or comes of the first work, has nothing to say at first.
    late = gaps.groupby("kpi")["period"].max()
    assert set(late.index) == {
        "customer_requests_delivered_rate", "data_volume_growth_rate", "efficiency_gains",
        "analyst_recognition", "workflow_executions", "ai_usage_rate", "template_usage_rate",
        "custom_workflow_share", "action_item_completion_rate",
    }  # fmt: skip
    assert (late <= "2024-02").all()
