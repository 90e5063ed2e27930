WITH lines AS (
  SELECT l.service_start, l.service_end,
         l.amount::DOUBLE / (l.service_end - l.service_start + 1) AS a_day
  FROM invoice_lines AS l JOIN invoices AS i USING (invoice_id) JOIN accounts AS a USING (account_id)
  WHERE l.service_start < $end
    AND l.line_type <> 'tax' AND i.status IN ('paid', 'open', 'overdue')
    AND l.recorded_at < $as_of_end AND l.service_start < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
before AS (
  SELECT CASE WHEN $end - $start = 1 THEN CAST($start AS DATE) - INTERVAL 1 DAY
              WHEN $end - $start = 7 THEN CAST($start AS DATE) - INTERVAL 7 DAY
              WHEN $end - $start > 300 THEN CAST($start AS DATE) - INTERVAL 1 YEAR
              WHEN $end - $start > 80 THEN CAST($start AS DATE) - INTERVAL 3 MONTH
              ELSE CAST($start AS DATE) - INTERVAL 1 MONTH END AS first
),
days AS (
  SELECT unnest(range((SELECT first FROM before), CAST($start AS TIMESTAMP), INTERVAL 1 DAY)) AS day
),
earned AS (
  SELECT coalesce(sum((SELECT sum(a_day) FROM lines WHERE day BETWEEN service_start AND service_end)), 0)
         AS value
  FROM days
)
SELECT 100 * (r.value - e.value) / nullif(e.value, 0) AS value,
       r.value - e.value AS numerator, e.value AS denominator
FROM ({total_revenue}) AS r, earned AS e
