WITH gained AS (
  SELECT coalesce(sum(m.amount), 0) AS change
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.effective_on < $end AND m.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)
    AND m.effective_on >= CAST($end AS DATE) - INTERVAL 3 MONTH
),
spent AS (
  SELECT coalesce(sum(amount), 0) AS cost
  FROM gl_entries
  WHERE pnl_line IN ('sales', 'marketing') AND recorded_at < $as_of_end
    AND posted_on >= CAST($end AS DATE) - INTERVAL 6 MONTH
    AND posted_on < CAST($end AS DATE) - INTERVAL 3 MONTH
)
SELECT 12 * change::DOUBLE / nullif(cost, 0) AS value, change AS numerator, cost AS denominator
FROM gained, spent
