-- Three months back from the period's end: who was in force before and was not after.
WITH ends AS (
  SELECT unnest([0, 1, 2]) AS back
),
balances AS (
  SELECT e.back, m.account_id,
         sum(m.amount) FILTER (m.effective_on < CAST($end AS DATE) - to_months(e.back + 1)) AS before,
         sum(m.amount) AS after
  FROM ends AS e
  JOIN mrr_movements AS m ON m.effective_on < CAST($end AS DATE) - to_months(e.back)
  JOIN accounts AS a USING (account_id)
  WHERE m.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY e.back, m.account_id
),
lifetime AS (
  SELECT CASE WHEN count(*) FILTER (after <= 0) = 0 THEN 60
              WHEN count(*)::DOUBLE / count(*) FILTER (after <= 0) > 60 THEN 60
              ELSE count(*)::DOUBLE / count(*) FILTER (after <= 0) END AS months
  FROM balances WHERE before > 0
)
SELECT arpa.value * margin.value / 100 * lifetime.months AS value
FROM ({arpa}) AS arpa, ({gross_margin}) AS margin, lifetime
