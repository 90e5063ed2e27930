WITH orders AS MATERIALIZED (
  SELECT c.contract_id, c.acv, c.signed_on, c.opportunity_id
  FROM contracts AS c JOIN accounts AS a USING (account_id)
  WHERE c.contract_type = 'new' AND c.recorded_at < $as_of_end
    AND c.signed_on >= CAST($end AS DATE) - INTERVAL 12 MONTH AND c.signed_on < $end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
touched AS MATERIALIZED (
  SELECT o.contract_id, o.acv, o.signed_on, t.channel, t.touched_at, t.touch_id
  FROM orders AS o JOIN leads AS l USING (opportunity_id) JOIN touchpoints AS t USING (lead_id)
  WHERE l.recorded_at < $as_of_end AND t.recorded_at < $as_of_end
),
credited AS (
  SELECT contract_id, acv, count(*) FILTER (t.channel = 'content') / count(*)::DOUBLE AS share
  FROM touched AS t WHERE CAST(touched_at AS DATE) <= signed_on
  GROUP BY contract_id, acv
),
spent AS (
  SELECT coalesce(sum(amount), 0)::DOUBLE AS amount
  FROM marketing_spend
  WHERE spend_type = 'content' AND recorded_at < $as_of_end
    AND spend_on >= CAST($end AS DATE) - INTERVAL 12 MONTH AND spend_on < $end
    AND ($cell IS NULL OR coalesce(segment, '(unknown)') = $cell)
)
SELECT coalesce((SELECT sum(acv * share) FROM credited), 0) / nullif(amount, 0) AS value,
       coalesce((SELECT sum(acv * share) FROM credited), 0) AS numerator, amount AS denominator
FROM spent
