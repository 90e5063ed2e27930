WITH signed AS (
  SELECT avg(c.acv) FILTER (c.signed_on >= CAST($end AS DATE) - to_months(12)) AS now,
         avg(c.acv) FILTER (c.signed_on < CAST($end AS DATE) - to_months(12)) AS before
  FROM contracts AS c JOIN accounts AS a USING (account_id)
  WHERE c.contract_type = 'new' AND c.signed_on < $end
    AND c.signed_on >= CAST($end AS DATE) - to_months(24) AND c.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT 100 * (now / before - 1) AS value, now - before AS numerator, before AS denominator
FROM signed
