"""A company of a few rows, as of the end of June 2025, with which every suite is content."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from boardpack.gate_suites import Suite, reads
from boardpack.sources import Sources
from boardpack.warehouse import Slice, slice_of_rows

AS_OF = date(2025, 6, 30)
NOON = datetime(2025, 6, 29, 12)
HOUR = timedelta(hours=1)

Rows = dict[str, list[dict[str, Any]]]

_HISTOGRAM = {"le_25": 1, "le_50": 2, "le_100": 3, "le_200": 4, "le_500": 5, "le_1000": 6,
              "le_2000": 7, "le_3000": 8, "le_5000": 9, "le_10000": 10}  # fmt: skip

_COMPANY: Rows = {
    "accounts": [
        {"account_id": "A1", "segment": "smb", "region": "europe",
         "created_at": datetime(2025, 1, 2)},
        {"account_id": "A2", "segment": "enterprise", "region": "apac",
         "created_at": datetime(2025, 1, 3)},
    ],
    "users": [
        {"user_id": "U1", "account_id": "A1", "role": "admin", "created_at": datetime(2025, 1, 2)},
        {"user_id": "U2", "account_id": "A2", "role": "viewer", "created_at": datetime(2025, 1, 3),
         "invited_by_user_id": "U1"},
    ],
    "plans": [
        {"plan_id": "P1", "plan_name": "Team", "billing_period": "monthly",
         "list_price_monthly": 10},
    ],
    "features": [{"feature_id": "F1", "feature_name": "api"}],
    "business_calendar": [
        {"day": date(2025, 6, 1) + timedelta(days=n), "is_business_day": n % 7 < 5,
         "opens_at": time(8),
         "closes_at": time(18)}
        for n in range(30)
    ],
    "subscriptions": [
        {"subscription_id": "S1", "account_id": "A1", "plan_id": "P1", "status": "cancelled",
         "mrr": 100,
         "quantity": 2, "started_on": date(2025, 1, 10), "ended_on": date(2025, 5, 20)},
        {"subscription_id": "S2", "account_id": "A1", "plan_id": "P1", "status": "active",
         "mrr": 120,
         "quantity": 3, "started_on": date(2025, 5, 20)},
        {"subscription_id": "S3", "account_id": "A2", "plan_id": "P1", "status": "active",
         "mrr": 70,
         "quantity": 1, "started_on": date(2025, 6, 25), "trial_id": "T1"},
    ],
    "mrr_movements": [
        {"movement_id": "M1", "account_id": "A1", "subscription_id": "S1", "movement_type": "new",
         "effective_on": date(2025, 1, 10), "amount": 100},
        {"movement_id": "M2", "account_id": "A1", "subscription_id": "S2",
         "movement_type": "expansion",
         "effective_on": date(2025, 5, 20), "amount": 20, "expansion_type": "seats"},
        {"movement_id": "M3", "account_id": "A2", "subscription_id": "S3", "movement_type": "new",
         "effective_on": date(2025, 6, 25), "amount": 70},
    ],
    "usage_charges": [
        {"charge_id": "C1", "account_id": "A1", "feature_id": "F1", "quantity": 5, "amount": 2,
         "service_month": date(2025, 6, 1)},
    ],
    "sessions": [
        {"session_id": f"X{n}", "user_id": "U1", "account_id": "A1", "started_at": NOON - n * HOUR,
         "ended_at": NOON - n * HOUR + HOUR, "platform": "web"}
        for n in range(4)
    ],
    "events": [
        {"event_id": f"E{n}", "session_id": "X0", "user_id": "U1", "account_id": "A1",
         "occurred_at": NOON + timedelta(minutes=n), "event_name": "api_used", "feature_id": "F1"}
        for n in range(4)
    ],
    "product_objects": [
        {"object_id": "O1", "object_type": "dashboard", "account_id": "A1",
         "created_by_user_id": "U1", "created_at": NOON, "archived_at": NOON + HOUR},
    ],
    "trials": [
        {"trial_id": "T1", "account_id": "A2", "user_id": "U2", "channel": "paid",
         "started_at": datetime(2025, 6, 10), "ends_at": datetime(2025, 6, 24),
         "converted_at": datetime(2025, 6, 25)},
    ],
    "web_visits": [
        {"visit_id": "V1", "visitor_id": "who-1", "visited_at": NOON, "channel": "email"},
        {"visit_id": "V2", "visitor_id": "who-2", "visited_at": NOON, "channel": "paid"},
    ],
    "survey_responses": [
        {"response_id": "R1", "survey_type": "nps", "account_id": "A1", "user_id": "U1", "score": 9,
         "scale_min": 0, "scale_max": 10, "sent_at": NOON - HOUR, "responded_at": NOON},
        {"response_id": "R2", "survey_type": "nps", "account_id": "A1", "scale_min": 0,
         "scale_max": 10,
         "sent_at": NOON - HOUR, "recorded_at": NOON},
    ],
    "tickets": [
        {"ticket_id": "K1", "account_id": "A1", "user_id": "U1", "created_at": NOON - HOUR,
         "first_response_at": NOON, "resolved_at": NOON, "priority": "low", "agent_replies": 1},
    ],
    "request_metrics": [
        {"bucket_start": NOON, "surface": surface, "endpoint_group": "all", "region": "europe",
         "requests": 11, "errors_4xx": 1, "errors_5xx": 1, "timeouts": 0, "duration_ms_sum": 3e4,
         **_HISTOGRAM}
        for surface in ("api", "page")
    ],
    "service_uptime_hourly": [
        {"hour": NOON, "service": "app", "region": "europe", "total_minutes": 60,
         "unplanned_down_minutes": 1, "planned_down_minutes": 2, "degraded_minutes": 0},
    ],
    "incidents": [
        {"incident_id": "N1", "incident_type": "outage", "service": "app", "region": "europe",
         "severity": "high", "started_at": NOON - HOUR, "detected_at": NOON, "resolved_at": NOON,
         "customer_data_exposed": False},
    ],
    "budgets": [
        {"month": date(2025, month, 1), "line": line, "amount": 10}
        for month in (5, 6)
        for line in ("cogs", "net_burn")
    ],
    "gl_entries": [
        {"entry_id": "G1", "posted_on": date(2025, 6, 30), "pnl_line": "cogs",
         "cost_type": "hosting",
         "segment": "smb", "amount": 8},
        *({"entry_id": f"G{n + 2}", "posted_on": date(2025, month, 21), "pnl_line": "marketing",
           "cost_type": "advertising", "segment": "smb", "amount": 5}
          for n, month in enumerate((4, 5, 6))),
        {"entry_id": "G5", "posted_on": date(2025, 5, 30), "pnl_line": "marketing",
         "cost_type": "personnel", "segment": "smb", "amount": 9},
    ],
    "employees": [
        {"employee_id": "E1", "full_name": "Ann Lee", "department": "sales",
         "role": "enterprise_ae", "team": "sales", "country": "Germany", "continent": "Europe",
         "hired_on": date(2025, 5, 1), "is_quota_carrying": True},
    ],
    "marketing_spend": [
        {"spend_id": f"MS{n}", "spend_on": date(2025, month, 20), "channel": "paid",
         "spend_type": "advertising", "segment": "smb", "amount": 5}
        for n, month in enumerate((4, 5, 6))
    ],
    "leads": [
        {"lead_id": "L1", "account_id": "A1", "created_at": datetime(2025, 1, 2), "channel": "paid",
         "segment": "smb", "region": "europe", "mql_at": datetime(2025, 1, 3),
         "sql_at": datetime(2025, 1, 4), "opportunity_id": "O1"},
        {"lead_id": "L2", "created_at": NOON, "channel": "email", "segment": "smb",
         "region": "mea"},
    ],
    "opportunities": [
        {"opportunity_id": "O1", "account_id": "A1", "lead_id": "L1", "owner_id": "E1",
         "opportunity_type": "new_business", "segment": "smb", "region": "europe",
         "sales_motion": "inside", "created_at": datetime(2025, 1, 4), "stage": "closed",
         "qualified_at": datetime(2025, 1, 5), "amount": 1200, "outcome": "won",
         "closed_at": datetime(2025, 1, 10, 9)},
        {"opportunity_id": "O2", "account_id": "A2", "trial_id": "T1", "sales_motion": "direct",
         "opportunity_type": "new_business", "segment": "enterprise", "region": "apac",
         "created_at": datetime(2025, 6, 10), "stage": "closed", "amount": 840, "outcome": "won",
         "closed_at": datetime(2025, 6, 25, 9), "owner_id": "E1"},
        {"opportunity_id": "O3", "opportunity_type": "new_business", "segment": "smb",
         "region": "mea", "sales_motion": "inside", "created_at": datetime(2025, 6, 1),
         "stage": "demo", "amount": 900, "outcome": "open", "owner_id": "E1"},
    ],
    "opportunity_stage_history": [
        {"history_id": "O1-1", "opportunity_id": "O1", "stage": "discovery", "stage_order": 1,
         "entered_at": datetime(2025, 1, 4), "exited_at": datetime(2025, 1, 5), "amount": 1000},
        {"history_id": "O1-2", "opportunity_id": "O1", "stage": "qualified", "stage_order": 2,
         "stage_order_before": 1, "entered_at": datetime(2025, 1, 5),
         "exited_at": datetime(2025, 1, 10, 9), "amount": 1200},
        {"history_id": "O1-3", "opportunity_id": "O1", "stage": "closed", "stage_order": 6,
         "stage_order_before": 2, "entered_at": datetime(2025, 1, 10, 9), "amount": 1200},
        {"history_id": "O3-1", "opportunity_id": "O3", "stage": "demo", "stage_order": 3,
         "entered_at": datetime(2025, 6, 1), "amount": 900},
    ],
    "contracts": [
        {"contract_id": "K1", "account_id": "A1", "opportunity_id": "O1", "contract_type": "new",
         "signed_on": date(2025, 1, 10), "start_date": date(2025, 1, 10), "term_months": 12,
         "end_date": date(2026, 1, 9), "acv": 1200},
        {"contract_id": "K2", "account_id": "A1", "contract_type": "expansion",
         "signed_on": date(2025, 5, 20), "start_date": date(2025, 5, 20), "term_months": 8,
         "end_date": date(2026, 1, 9), "acv": 240},
        {"contract_id": "K3", "account_id": "A2", "opportunity_id": "O2", "contract_type": "new",
         "signed_on": date(2025, 6, 25), "start_date": date(2025, 6, 25), "term_months": 12,
         "end_date": date(2026, 6, 24), "acv": 840},
    ],
    "quotas": [
        {"quota_id": f"Q{month}", "employee_id": "E1", "quota_kind": "bookings",
         "period_start": date(2025, month, 1), "period_end": date(2025, month, 28),
         "quota_value": 1000, "segment": "smb"}
        for month in (5, 6)
    ],
    "cash_balances": [
        {"month_end": date(2025, 5, 31), "opening_balance": 100, "customer_receipts": 10,
         "operating_payments": 30, "financing_inflows": 0, "closing_balance": 80},
        {"month_end": date(2025, 6, 30), "opening_balance": 80, "customer_receipts": 10,
         "operating_payments": 30, "financing_inflows": 5, "closing_balance": 65},
    ],
    "invoices": [
        {"invoice_id": "I1", "account_id": "A1", "issued_on": date(2025, 6, 1),
         "due_on": date(2025, 6, 15),
         "amount": 122, "status": "paid", "paid_on": date(2025, 6, 15)},
        {"invoice_id": "I2", "account_id": "A2", "issued_on": date(2025, 6, 25), "amount": 70,
         "status": "open"},
    ],
    "invoice_lines": [
        {"line_id": "I1-1", "invoice_id": "I1", "subscription_id": "S2",
         "line_type": "subscription",
         "service_start": date(2025, 6, 1), "service_end": date(2025, 6, 30), "amount": 120},
        {"line_id": "I1-2", "invoice_id": "I1", "feature_id": "F1", "line_type": "usage",
         "service_start": date(2025, 6, 1), "service_end": date(2025, 6, 30), "amount": 2},
        {"line_id": "I2-1", "invoice_id": "I2", "subscription_id": "S3",
         "line_type": "subscription",
         "service_start": date(2025, 6, 25), "service_end": date(2025, 7, 24), "amount": 70},
    ],
    "payments": [
        {"payment_id": "Y1", "invoice_id": "I1", "attempted_at": datetime(2025, 6, 14),
         "amount": 122,
         "status": "failed", "failure_code": "card_declined"},
        {"payment_id": "Y2", "invoice_id": "I1", "attempted_at": datetime(2025, 6, 15),
         "amount": 122,
         "status": "succeeded"},
    ],
}  # fmt: skip


def company() -> Rows:
    """Its rows, free to change."""
    return deepcopy(_COMPANY)


def slice_for(
    declared: Sources, rows: Rows, suites: dict[str, Suite], sources: Iterable[str]
) -> Slice:
    """A slice with what a check of these sources looks at."""
    wanted = {name: rows[name] for name in reads(suites, sources) if name in rows}
    return slice_of_rows(declared, wanted, AS_OF, ZoneInfo("UTC"))
