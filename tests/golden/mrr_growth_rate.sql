SELECT 100 * (closing.value - opening.value)::DOUBLE / nullif(opening.value, 0) AS value,
       closing.value - opening.value AS numerator, opening.value AS denominator
FROM ({mrr}) AS closing, ({opening_mrr}) AS opening
