WITH gained AS (
  SELECT coalesce(sum(m.amount), 0) AS change
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.effective_on < $end AND m.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)
    AND m.effective_on >= CAST($end AS DATE) - INTERVAL 12 MONTH
),
spent AS (
  SELECT coalesce(sum(amount), 0) AS cost
  FROM gl_entries
  WHERE pnl_line = 'r_and_d' AND recorded_at < $as_of_end
    AND posted_on >= CAST($end AS DATE) - INTERVAL 24 MONTH
    AND posted_on < CAST($end AS DATE) - INTERVAL 12 MONTH
)
SELECT 12 * change * margin.value / 100 / nullif(cost, 0) AS value,
       12 * change * margin.value / 100 AS numerator, cost AS denominator
FROM gained, spent, ({gross_margin}) AS margin
