WITH quota AS (
  SELECT q.employee_id, e.role, CASE e.role WHEN 'enterprise_ae' THEN 80 ELSE 90 END AS level,
         sum(q.quota_value) AS amount
  FROM quotas AS q JOIN employees AS e USING (employee_id)
  WHERE q.quota_kind = 'bookings' AND q.period_start >= $start AND q.period_start < $end
    AND q.period_start < $as_of_end AND e.hired_on < $as_of_end
    AND e.role IN ('enterprise_ae', 'inside_sales_ae') AND ($cell IS NULL OR e.role = $cell)
  GROUP BY ALL
),
reached AS (
  SELECT coalesce((SELECT sum(o.amount) FROM opportunities AS o LEFT JOIN accounts AS a USING (account_id)
                   WHERE o.owner_id = q.employee_id AND o.outcome = 'won'
                     AND o.closed_at >= $start AND o.closed_at < $end AND o.closed_at < $as_of_end
                     AND o.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE)), 0)
           * 100 >= q.level * q.amount AS there
  FROM quota AS q WHERE q.amount > 0
)
SELECT 100.0 * count(*) FILTER (there) / nullif(count(*), 0) AS value,
       count(*) FILTER (there) AS numerator, count(*) AS denominator
FROM reached
