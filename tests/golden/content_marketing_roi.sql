WITH orders AS MATERIALIZED (
  SELECT c.contract_id, c.acv, c.signed_on, c.opportunity_id
  FROM contracts AS c JOIN accounts AS a USING (account_id)
  WHERE c.contract_type = 'new' AND c.recorded_at < $as_of_end
    AND c.signed_on >= CAST($end AS DATE) - INTERVAL 12 MONTH AND c.signed_on < $end
    AND NOT coalesce(a.is_internal, FALSE) AND ($cell IS NULL OR $cell IN (a.segment, a.region))
),
touched AS MATERIALIZED (
  SELECT o.contract_id, o.acv, t.channel, t.touched_at, t.touch_id,
         CAST(t.touched_at AS DATE) <= o.signed_on AS before
  FROM orders AS o JOIN leads AS l USING (opportunity_id) JOIN touchpoints AS t USING (lead_id)
  WHERE l.recorded_at < $as_of_end AND t.recorded_at < $as_of_end
),
credited AS (
  SELECT contract_id, acv, count(*) FILTER (before AND channel = 'content') / nullif(count(*) FILTER (before), 0)::DOUBLE AS share
  FROM touched GROUP BY contract_id, acv
),
spent AS (
  SELECT coalesce(sum(amount), 0)::DOUBLE AS amount
  FROM marketing_spend
  WHERE spend_type = 'content' AND recorded_at < $as_of_end
    AND spend_on >= CAST($end AS DATE) - INTERVAL 12 MONTH AND spend_on < $end
    AND ($cell IS NULL OR coalesce(segment, '(unknown)') = $cell)
)
SELECT brought.amount / nullif(spent.amount, 0) AS value, brought.amount AS numerator,
       spent.amount AS denominator
FROM spent, (SELECT coalesce(sum(acv * share), 0) AS amount FROM credited) AS brought
