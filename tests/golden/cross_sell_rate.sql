-- Every subscription in force; all plans are one product, each add-on is one of its own.
WITH products AS (
  SELECT s.account_id,
         count(*) FILTER (p.is_addon) + CASE WHEN bool_or(NOT p.is_addon) THEN 1 ELSE 0 END AS n
  FROM subscriptions AS s JOIN plans AS p USING (plan_id) JOIN accounts AS a USING (account_id)
  WHERE s.mrr > 0 AND s.started_on < least($end, $as_of_end)
    AND (s.ended_on IS NULL OR s.ended_on >= least($end, $as_of_end))
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
  GROUP BY s.account_id
)
SELECT 100 * count(*) FILTER (n >= 2) / nullif(t.value, 0) AS value,
       count(*) FILTER (n >= 2) AS numerator, t.value AS denominator
FROM ({total_customers}) AS t LEFT JOIN products ON TRUE
GROUP BY t.value
