-- Day by day over the last thirty.
WITH lines AS (
  SELECT l.service_start, l.service_end,
         l.amount::DOUBLE / (l.service_end - l.service_start + 1) AS a_day
  FROM invoice_lines AS l JOIN invoices AS i USING (invoice_id) JOIN accounts AS a USING (account_id)
  WHERE l.service_start < $end
    AND l.line_type <> 'tax' AND i.status IN ('paid', 'open', 'overdue')
    AND l.recorded_at < $as_of_end AND l.service_start < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
days AS (
  SELECT unnest(range(CAST($end AS DATE) - INTERVAL 30 DAY, CAST($end AS TIMESTAMP), INTERVAL 1 DAY)) AS day
)
SELECT 365 * coalesce(sum((SELECT sum(a_day) FROM lines WHERE day BETWEEN service_start AND service_end)), 0)
       / 30 AS value
FROM days
