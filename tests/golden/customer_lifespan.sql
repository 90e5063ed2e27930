-- Three months back from the period's end: of whoever was in force before, who was not after.
WITH chances AS (
  SELECT account_id, back,
         (SELECT coalesce(sum(m.amount), 0) FROM mrr_movements AS m
          WHERE m.account_id = a.account_id AND m.recorded_at < $as_of_end
            AND m.effective_on < CAST($end AS DATE) - to_months(back + 1)) AS before,
         (SELECT coalesce(sum(m.amount), 0) FROM mrr_movements AS m
          WHERE m.account_id = a.account_id AND m.recorded_at < $as_of_end
            AND m.effective_on < CAST($end AS DATE) - to_months(back)) AS after
  FROM accounts AS a, (SELECT unnest([0, 1, 2]) AS back)
  WHERE NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT CASE WHEN 60 * count(*) FILTER (after <= 0) <= count(*) AND count(*) > 0 THEN 60
            ELSE count(*)::DOUBLE / nullif(count(*) FILTER (after <= 0), 0) END AS value
FROM chances WHERE before > 0
