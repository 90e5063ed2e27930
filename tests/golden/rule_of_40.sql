-- Revenue by overlap of the line with each of the two years, not by days.
WITH lines AS (
  SELECT l.amount::DOUBLE / (l.service_end - l.service_start + 1) AS a_day, l.service_start,
         l.service_end + 1 AS service_until
  FROM invoice_lines AS l JOIN invoices AS i USING (invoice_id) JOIN accounts AS a USING (account_id)
  WHERE l.line_type <> 'tax' AND i.status IN ('paid', 'open', 'overdue')
    AND l.recorded_at < $as_of_end AND l.service_start < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE)
),
years AS (
  SELECT back, (CAST($end AS DATE) - to_months(12 * back + 12))::DATE AS low,
         (CAST($end AS DATE) - to_months(12 * back))::DATE AS high
  FROM range(2) AS r(back)
),
earned AS (
  SELECT back, sum(a_day * greatest(least(service_until, high) - greatest(service_start, low), 0)) AS revenue
  FROM years, lines GROUP BY back
),
spent AS (
  SELECT sum(amount) AS cost FROM gl_entries
  WHERE pnl_line IN ('cogs', 'sales', 'marketing', 'r_and_d', 'g_and_a')
    AND posted_on >= CAST($end AS DATE) - INTERVAL 12 MONTH AND posted_on < $end
    AND recorded_at < $as_of_end
)
SELECT 100 * (now.revenue / before.revenue - 1) + 100 * (1 - cost / now.revenue) AS value
FROM earned AS now, earned AS before, spent
WHERE now.back = 0 AND before.back = 1
