WITH won AS (
  SELECT coalesce(sum(o.amount), 0) AS amount
  FROM opportunities AS o LEFT JOIN accounts AS a USING (account_id)
  LEFT JOIN employees AS e ON e.employee_id = o.owner_id
  WHERE o.closed_at >= $start AND o.closed_at < least(CAST($end AS TIMESTAMP), $as_of_end)
    AND o.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (o.segment, o.owner_id, e.role))
    AND o.outcome = 'won' AND o.owner_id IS NOT NULL
),
days AS (
  SELECT q.quota_value::DOUBLE / (q.period_end - q.period_start + 1)
           * greatest(0, date_diff('day', greatest(q.period_start, $start),
                                   least(q.period_end + 1, CAST($end AS DATE)))) AS share
  FROM quotas AS q LEFT JOIN employees AS e USING (employee_id)
  WHERE q.quota_kind = 'bookings' AND q.period_start < $as_of_end
    AND ($cell IS NULL OR $cell IN (q.segment, q.employee_id, e.role))
),
quota AS (SELECT coalesce(sum(share), 0) AS amount FROM days)
SELECT 100 * won.amount / nullif(quota.amount, 0) AS value, won.amount AS numerator,
       quota.amount AS denominator
FROM won, quota
