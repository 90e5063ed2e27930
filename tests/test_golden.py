"""Every KPI equals hand-written SQL over the raw tables that does not pass through the planner."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from boardpack.periods import Period
from golden_fixture import GOLDEN, LAST_DAY, SEGMENTS, Company, company, differences

__all__ = ["company"]


@pytest.fixture(scope="module")
def months(company: Company) -> pd.DataFrame:
    """Every KPI in the last 13 months: total, each segment, and what has none."""
    kpis = list(company.model.catalogue.kpis)
    return company.computed(kpis, Period.parse("2025-12").last(13), ["segment"], LAST_DAY)


def test_every_kpi_has_golden_sql_and_every_golden_sql_a_kpi(company: Company) -> None:
    assert sorted(GOLDEN) == sorted(company.model.catalogue.kpis)


def test_golden_sql_gives_the_parts_of_every_ratio(company: Company) -> None:
    ratios = {k.id for k in company.model.catalogue.kpis.values() if k.formula.denominator}
    assert {kpi for kpi, sql in GOLDEN.items() if "AS numerator" in sql} == ratios


@pytest.mark.parametrize("kpi", GOLDEN)
def test_13_months_by_segment(company: Company, months: pd.DataFrame, kpi: str) -> None:
    frame = months[months["kpi"] == kpi]
    members = {"", *(f"segment={s}" for s in SEGMENTS)}
    split = "segment" in company.model.catalogue[kpi].dimensions
    assert frame["period"].nunique() == 13
    assert set(frame["dims"]) >= members if split else set(frame["dims"]) == {""}
    assert differences(company, frame) == []


SELDOM = {"time_to_first_value", "time_to_first_workflow", "time_to_power_user"}


def test_the_months_hold_figures_and_not_only_gaps(months: pd.DataFrame) -> None:
    rows = months[months["dims"].isin(["", *(f"segment={s}" for s in SEGMENTS)])]
    # Of a hundred users one uses the product at this scale: `test_waiting.py` looks at that one.
    rows = rows[~rows["kpi"].isin(SELDOM)]
    # In some months no milestone is due, in some segments nobody whose use is kept is new.
    rows = rows[rows["kpi"] != "milestone_achievement_rate"]
    rows = rows[~rows["kpi"].str.startswith("feature_use_") | (rows["dims"] == "")]
    # Of so small a share of the users none may find value in some month.
    total = rows[(rows["dims"] == "") & (rows["kpi"] != "user_retention_m6")]
    assert total["value"].isna().groupby(total["kpi"]).mean().max() == 0
    # A small company may win no enterprise customer in three months, or meet no rival in one.
    gaps = rows[rows["value"].isna()]
    assert set(gaps["kpi"]) <= {
        "cac", "ltv_cac_ratio", "nps", "trial_to_paid_conversion", "competitive_win_rate",
        "conversion_rate", "user_retention_m6", "unit_economics_health",
    }  # fmt: skip
    assert len(gaps) < 0.02 * len(rows)


SELECTED = [
    ("2025-Q4", 3, "segment", LAST_DAY, "revenue_growth_rate revenue_run_rate revenue_churn_rate "
     "expansion_revenue_share arr_growth_rate_yoy mau_rate user_engagement resolution_time "
     "first_response_time csat upsell_rate cac_payback_period marketing_efficiency magic_number "
     "rule_of_40 ebitda_margin rnd_efficiency burn_vs_budget api_usage_growth mttr "
     "support_csat customer_effort_score survey_response_rate pmf_score unit_economics_health "
     "mau_growth_rate ltv_growth_rate gross_margin_improvement average_deal_size_growth "
     "wau_mau_ratio content_marketing_roi content_marketing_roi_last_touch gross_profit "
     "market_share tam_change new_entrant_share "
     "net_profit operating_profit ebitda_budget net_profit_budget operating_expenses_budget"),
    ("2025", 2, "segment", LAST_DAY, "revenue_growth_rate revenue_churn_rate operating_expenses "
     "profit_margin burn_vs_budget api_usage_growth resolution_time security_incidents"),
    ("2025-12", 2, "region", LAST_DAY, "dashboards_per_user core_feature_adoption_rate "
     "session_duration csat_mean first_contact_resolution_rate resolution_time revenue_growth_rate "
     "api_calls api_usage_growth api_availability page_load_time query_execution_time mttr "
     "customer_retention_rate cross_sell_rate_12m first_dashboard_created_rate"),
    ("2025-W52", 2, "segment", LAST_DAY, "mau_rate session_duration dashboard_views csat "
     "feature_adoption_rate first_response_time resolution_time revenue_growth_rate "
     "revenue_run_rate customer_churn_rate_annual api_usage_growth page_load_time wau "
     "wau_mau_ratio dau_growth_rate mau_growth_rate content_marketing_roi_first_touch"),
    ("2025-12-31", 2, "segment", LAST_DAY, "session_duration revenue_growth_rate mau_rate "
     "dashboards_per_user user_engagement api_calls operating_expenses"),
    ("2025-10", 2, "segment", date(2025, 10, 15), "mau_rate first_dashboard_created_rate csat "
     "first_response_time first_contact_resolution_rate resolution_time mttr mabv api_calls "
     "session_duration user_engagement security_incidents revenue_growth_rate upsell_rate wau "
     "wau_mau_ratio dau_growth_rate mau_growth_rate gross_margin_improvement ltv_growth_rate "
     "survey_response_rate pmf_score content_marketing_roi"),
    ("2025-Q4", 3, "segment", LAST_DAY, "customer_churn_rate tickets_per_100_customers mrr dau mau "
     "total_revenue gross_margin ltv cac runway burn_rate opening_cash cash_balance nps "
     "api_response_time_p95 net_revenue_retention mrr_growth_rate dau_mau_ratio mabv "
     "bookings_growth_rate pipeline_value pipeline_coverage pipeline_velocity quota_attainment "
     "sales_cycle_length sql_to_customer_conversion cost_per_lead customer_growth_rate"),
    ("2025", 2, "segment", LAST_DAY, "customer_churn_rate tickets_per_100_customers burn_rate "
     "first_time_buyers returning_buyer_share total_revenue website_visitors "
     "bookings_growth_rate pipeline_progression quota_attainment win_rate content_marketing_roi"),
    ("2025-12", 2, "region", LAST_DAY, "mrr churned_mrr arpa total_customers customer_churn_rate "
     "gross_revenue_retention nps mau dau_mau_ratio mabv total_revenue average_order_value "
     "tickets_per_100_customers trial_to_paid_conversion system_uptime error_rate "
     "api_response_time_p95 returning_buyer_share bookings average_contract_value pipeline_value "
     "pipeline_velocity pipeline_progression opportunity_progression_rate win_rate "
     "sales_cycle_length competitive_loss_rate competitive_win_rate leads mql_to_sql_conversion "
     "pipeline_budget_cut_share customer_growth_rate organic_growth_rate"),
    ("2025-W52", 2, "segment", LAST_DAY, "mrr new_customers customer_churn_rate dau mau "
     "dau_mau_ratio dashboards_per_user nps total_revenue trial_signups support_ticket_volume "
     "error_rate website_visitors bookings bookings_growth_rate pipeline_value pipeline_coverage "
     "quota_attainment win_rate leads marketing_qualified_leads marketing_spend cost_per_lead "
     "pipeline_progression organic_traffic_share"),
    ("2025-12-31", 2, "segment", LAST_DAY, "mrr opening_mrr customer_churn_rate dau mau "
     "dau_mau_ratio business_value_score system_uptime total_revenue api_response_time_p95 "
     "bookings pipeline_value pipeline_progression marketing_spend leads customer_growth_rate"),
    ("2025-Q4", 3, "segment", LAST_DAY, "purchase_frequency transaction_error_rate mtbf "
     "downtime_minutes api_response_time_p99 global_latency timeout_rate "
     "arpu revenue_per_customer cac_to_monthly_revenue customer_lifespan cost_to_serve "
     "unit_economics_ratio contribution_margin contribution_margin_after_marketing"),
    ("2025", 2, "segment", LAST_DAY, "revenue_per_customer cost_to_serve unit_economics_ratio "
     "customer_lifespan contribution_margin"),
    ("2025-12", 2, "region", LAST_DAY, "downtime_minutes api_response_time_avg global_latency "
     "api_response_time_p99 error_response_time error_rate_4xx error_rate_5xx "
     "application_error_rate validation_error_rate transaction_volume purchase_frequency "
     "arpu revenue_per_customer customer_lifespan"),
    ("2025-Q4", 3, "segment", LAST_DAY, "customer_concentration revenue_concentration "
     "average_contract_duration multi_year_contract_share expansion_revenue cross_sell_rate "
     "account_growth_rate churn_events voluntary_churn_rate involuntary_churn_rate"),
    ("2025", 2, "segment", LAST_DAY, "churn_events voluntary_churn_rate expansion_revenue"),
    ("2025-W52", 2, "region", LAST_DAY, "churn_events voluntary_churn_rate cross_sell_rate "
     "involuntary_churn_rate average_contract_duration account_growth_rate"),
    ("2025-12", 2, "churn_type", LAST_DAY, "churn_events"),
    ("2025-10", 3, "cost_type", date(2025, 10, 15), "cost_of_goods_sold sales_expenses "
     "marketing_expenses development_expenses administration_expenses interest_expense "
     "depreciation_amortisation income_tax"),
    ("2025-10", 3, "region", date(2025, 10, 15), "market_share tam_change new_entrant_share "
     "cohort_retention_rate_m0 "
     "cohort_revenue_per_customer_m3 cohort_revenue_per_survivor_m1"),
    ("2025-10", 12, "feature", date(2025, 10, 15), "feature_use_w4 feature_use_by_w1 "
     "feature_use_by_w24"),
    ("2025-10", 2, "region", date(2025, 10, 15), "customer_concentration revenue_concentration "
     "average_contract_duration multi_year_contract_share cross_sell_rate account_growth_rate "
     "churn_events voluntary_churn_rate"),
    ("2025-Q4", 3, "segment", LAST_DAY, "new_users registered_users conversion_rate "
     "website_conversion_rate mau_retention_rate engagement_frequency return_rate "
     "user_retention_d7 user_retention_m6 tickets_per_user ticket_user_rate"),
    ("2025-06", 2, "region", LAST_DAY, "new_users registered_users conversion_rate return_rate "
     "mau_retention_rate engagement_frequency user_retention_d1 user_retention_d30 "
     "user_retention_m6 tickets_per_user ticket_user_rate"),
    ("2025-W52", 2, "segment", LAST_DAY, "new_users registered_users engagement_frequency "
     "return_rate user_retention_d1 tickets_per_user ticket_user_rate website_conversion_rate"),
    ("2025-12-30", 2, "region", LAST_DAY, "new_users return_rate tickets_per_user"),
    ("2025-10", 2, "segment", date(2025, 10, 15), "new_users registered_users return_rate "
     "mau_retention_rate engagement_frequency user_retention_d1 user_retention_d7 "
     "user_retention_d30 tickets_per_user ticket_user_rate website_conversion_rate"),
    ("2025-03", 2, "segment", date(2025, 10, 15), "user_retention_m6 user_retention_d30"),
    ("2025-12", 2, "service", LAST_DAY, "downtime_minutes mtbf"),
    ("2025-12-31", 2, "segment", LAST_DAY, "transaction_volume purchase_frequency global_latency "
     "downtime_minutes revenue_system_failures error_rate_4xx"),
    ("2025-10", 2, "segment", date(2025, 10, 15), "purchase_frequency transaction_volume "
     "transaction_error_rate mtbf downtime_minutes error_response_time revenue_system_failures "
     "arpu revenue_per_customer cost_to_serve customer_lifespan contribution_margin "
     "unit_economics_ratio"),
    ("2025-Q4", 3, "role", LAST_DAY, "headcount sales_activity quota_attainment "
     "quota_attainment_share"),
    ("2025-12", 2, "owner", LAST_DAY, "quota_attainment"),
    ("2025", 2, "department", LAST_DAY, "headcount"),
    ("2025-W52", 2, "activity_type", LAST_DAY, "sales_activity"),
    ("2025-12-30", 2, "employee", LAST_DAY, "sales_activity"),
    ("2025-Q4", 3, "region", LAST_DAY, "implementation_on_time_rate switching_success_rate"),
    ("2025-W52", 2, "segment", LAST_DAY, "implementation_on_time_rate switching_success_rate "
     "operating_continents customer_continents"),
    ("2025-10", 2, "region", date(2025, 10, 15), "implementation_on_time_rate "
     "switching_success_rate"),
    ("2025-10", 2, "role", date(2025, 10, 15), "headcount sales_activity quota_attainment "
     "quota_attainment_share operating_continents customer_continents"),
    # In the middle of a month, with rows that are recorded late and a month that is still open.
    ("2025-10", 2, "segment", date(2025, 10, 15), "mrr opening_mrr expansion_mrr total_customers "
     "new_customers customer_churn_rate net_revenue_retention mau dau dashboards_per_user "
     "business_value_score nps support_ticket_volume tickets_per_100_customers trial_signups "
     "trial_to_paid_conversion total_revenue average_order_value error_rate website_visitors "
     "bookings average_contract_value pipeline_value pipeline_velocity pipeline_coverage win_rate "
     "pipeline_progression opportunity_progression_rate sales_cycle_length quota_attainment "
     "competitive_loss_rate competitive_wins leads marketing_qualified_leads "
     "sales_qualified_leads mql_to_sql_conversion pipeline_quality_score marketing_spend "
     "sql_to_customer_conversion signup_conversion_rate funnel_conversion_rate "
     "customer_growth_rate"),
    ("2025-09", 2, "region", date(2025, 10, 2), "mrr churned_mrr mau trial_signups nps "
     "trial_to_paid_conversion error_rate support_ticket_volume total_revenue pipeline_value "
     "bookings win_rate pipeline_progression sales_qualified_leads mql_to_sql_conversion"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("period", "last", "by", "as_of", "kpis"),
    SELECTED,
    ids=[f"{period} by {by} as of {as_of}" for period, _, by, as_of, _ in SELECTED],
)
def test_other_periods_and_members(
    company: Company, period: str, last: int, by: str, as_of: date, kpis: str
) -> None:
    periods = Period.parse(period).last(last)
    frame = company.computed(kpis.split(), periods, [by], as_of)
    assert set(frame["kpi"]) == set(kpis.split())
    assert differences(company, frame, as_of) == []


def test_rows_recorded_late_are_in_the_demo(company: Company) -> None:
    """Else the as-of cases above would show nothing."""
    kpis, october = (
        ["mrr", "trial_signups", "support_ticket_volume", "mau", "pipeline_value", "leads"],
        Period.parse("2025-10"),
    )
    then = company.computed(kpis, october.last(3), [], date(2025, 10, 15))
    now = company.computed(kpis, october.last(3), [], LAST_DAY)
    changed = then["value"].to_numpy() != now["value"].to_numpy()
    assert changed.sum() >= 6
