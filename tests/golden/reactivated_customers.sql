WITH customers AS (
  SELECT a.account_id,
         (SELECT coalesce(sum(m.amount), 0) FROM mrr_movements AS m WHERE m.account_id = a.account_id
            AND m.recorded_at < $as_of_end AND m.effective_on < $start) AS before,
         (SELECT coalesce(sum(m.amount), 0) FROM mrr_movements AS m WHERE m.account_id = a.account_id
            AND m.recorded_at < $as_of_end AND m.effective_on < $end) AS after,
         EXISTS (SELECT * FROM mrr_movements AS m WHERE m.account_id = a.account_id
            AND m.movement_type = 'new' AND m.recorded_at < $as_of_end
            AND m.effective_on >= $start AND m.effective_on < $end) AS is_new
  FROM accounts AS a
  WHERE NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
)
SELECT count(*) AS value FROM customers WHERE before = 0 AND NOT is_new AND after > 0
