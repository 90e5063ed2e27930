"""By hand: what a customer or user brings and costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

COMPANY = ()

STATEMENTS = {
    "service and marketing cost": """
SELECT date_trunc('month', posted_on)::DATE AS month, coalesce(segment, '(unknown)') AS segment,
       grouping(segment) AS total,
       sum(CASE WHEN pnl_line = 'cogs' OR is_direct_customer_cost THEN amount END) AS service_cost,
       sum(CASE WHEN pnl_line = 'marketing' AND NOT coalesce(is_direct_customer_cost, FALSE)
                THEN amount END) AS marketing_cost
FROM gl_entries
WHERE posted_on >= DATE '2024-12-01' AND posted_on < DATE '2026-01-01'
  AND recorded_at < TIMESTAMP '2026-01-01'
GROUP BY GROUPING SETS ((1), (1, segment))
    """,
}


def values(m: pd.DataFrame) -> dict[str, pd.Series[float]]:
    """These KPIs of the measures of all statements."""
    mean = (m["customers_1m"] + m["customers"]) / 2
    arpa = m["mrr"] / m["customers"]
    cac = m["acquisition_3m"] / m["won_3m"]
    months = np.minimum(60, m["customers_3m"] / m["lost_3m"]).where(m["lost_3m"] > 0, 60.0)
    lifespan = months.where(m["customers_3m"] > 0)
    service = m["service_cost"] / mean
    left = m["revenue"] - m["service_cost"]
    return {
        "arpu": m["mrr"] / m["mau"],
        "revenue_per_customer": m["revenue"] / mean,
        "cac_to_monthly_revenue": cac / arpa,
        "customer_lifespan": lifespan,
        "cost_to_serve": service,
        "unit_economics_ratio": (arpa - service) * lifespan / cac,
        "contribution_margin": 100 * left / m["revenue"],
        "contribution_margin_after_marketing": 100 * (left - m["marketing_cost"]) / m["revenue"],
    }
