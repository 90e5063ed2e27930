"""What is planted in the demo company's history: days and strengths that its modules share."""

from __future__ import annotations

from datetime import date

FIRST_DAY = date(2023, 1, 1)
END = date(2026, 1, 1)
MONTHS = 36

#: From this day the list price of the two smaller plans is higher for small customers.
PRICE_RISE_ON = date(2025, 3, 1)
PRICE_RISE = 1.16
#: Small customers leave and shrink more often until this day, the first not affected.
PRICE_RISE_FELT_UNTIL = date(2025, 5, 1)
PRICE_RISE_CHURN = 2.2
PRICE_RISE_CONTRACTION = 4.0

#: The AI assistant: an add-on to sell, and a reason to come back.
LAUNCH_ON = date(2025, 6, 10)
LAUNCH_FEATURE = "ai_assistant"
LAUNCH_ENGAGEMENT = 1.17

#: A month of heavier advertising: more visits and trials, of lower quality.
PUSH_ON = date(2025, 9, 1)
PUSH_UNTIL = date(2025, 10, 1)
PUSH_VISITS = 1.55
PUSH_TRIALS = 1.32
PUSH_ADVERTISING = 2.6
PUSH_CONVERSION = 0.68

#: One serving region is down for these minutes of the day, and slow for days after.
OUTAGE_ON = date(2025, 10, 14)
OUTAGE_REGION = "europe"
OUTAGE_FROM_MINUTE = 8 * 60 + 20
OUTAGE_MINUTES = 345
SLOW_UNTIL = date(2025, 10, 22)
SLOWNESS = 2.6
#: Customers remember it in surveys until this day.
OUTAGE_FELT_UNTIL = date(2025, 11, 25)

#: The largest European customer does not renew.
WHALE_STARTS = date(2023, 11, 14)
WHALE_LEAVES = date(2025, 11, 14)

#: A competitor undercuts: from this day far more deals are lost in head-to-head with it.
RIVAL_ON = date(2025, 8, 1)
RIVAL = "C3"

#: The push brings more leads too, of whom fewer are qualified.
PUSH_LEADS = 2.4
PUSH_QUALIFIED = 0.5

#: Financing rounds: the month (0 is 2023-01) and the money received in it.
ROUNDS = ((15, 16_000_000),)
