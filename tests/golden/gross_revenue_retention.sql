-- Running balances, of which an ASOF join finds the one in force at either day.
WITH running AS (
  SELECT m.account_id, m.effective_on,
         sum(m.amount) OVER (PARTITION BY m.account_id ORDER BY m.effective_on) AS balance
  FROM mrr_movements AS m JOIN accounts AS a USING (account_id)
  WHERE m.recorded_at < $as_of_end AND m.effective_on < $end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
points AS (
  SELECT DISTINCT account_id, CAST($end AS DATE) AS now_on,
         CAST(CAST($end AS DATE) - INTERVAL 12 MONTH AS DATE) AS then_on
  FROM running
),
pairs AS (
  SELECT n.balance AS balance, t.balance AS balance_then
  FROM points AS p
  ASOF JOIN running AS n ON n.account_id = p.account_id AND p.now_on > n.effective_on
  ASOF JOIN running AS t ON t.account_id = p.account_id AND p.then_on > t.effective_on
),
sums AS (
  SELECT sum(CASE WHEN balance < balance_then THEN balance ELSE balance_then END) AS kept,
         sum(balance_then) AS starting
  FROM pairs WHERE balance_then > 0
)
SELECT 100 * kept::DOUBLE / starting AS value,
       coalesce(kept, 0) AS numerator, coalesce(starting, 0) AS denominator
FROM sums
