WITH brought AS (
  SELECT coalesce(sum(c.acv), 0) AS amount
  FROM contracts AS c JOIN accounts AS a USING (account_id)
  WHERE c.contract_type = 'new' AND a.acquisition_channel = 'content' AND c.signed_on < $end
    AND c.signed_on >= CAST($end AS DATE) - INTERVAL 12 MONTH AND c.recorded_at < $as_of_end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
spent AS (
  SELECT coalesce(sum(s.amount), 0) AS amount
  FROM marketing_spend AS s
  WHERE s.spend_type = 'content' AND s.spend_on < $end
    AND s.spend_on >= CAST($end AS DATE) - INTERVAL 12 MONTH AND s.recorded_at < $as_of_end
    AND ($cell IS NULL OR s.segment = $cell)
)
SELECT brought.amount::DOUBLE / nullif(spent.amount, 0) AS value, brought.amount AS numerator,
       spent.amount AS denominator
FROM brought, spent
