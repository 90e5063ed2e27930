-- The period before is as many months, or days, as this one has.
WITH span AS (
  SELECT CASE WHEN $end - $start < 28 THEN to_days(($end - $start)::INTEGER)
              ELSE to_months(date_diff('month', $start, $end)::INTEGER) END AS length
),
signed AS (
  SELECT coalesce(sum(c.acv) FILTER (c.signed_on >= $start), 0) AS now,
         coalesce(sum(c.acv) FILTER (c.signed_on < $start), 0) AS before
  FROM span, contracts AS c JOIN accounts AS a USING (account_id)
  WHERE c.contract_type = 'new' AND c.signed_on >= CAST($start AS DATE) - length AND c.signed_on < $end
    AND c.recorded_at < $as_of_end AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * (now / nullif(before, 0)::DOUBLE - 1) AS value, now - before AS numerator,
       before AS denominator
FROM signed
