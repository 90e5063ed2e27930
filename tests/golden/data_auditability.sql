WITH in_force AS (
  SELECT lineage_documented AND definition_fields_filled = definition_fields_total AS is_full
  FROM kpi_registry
  WHERE valid_from < least($end, $as_of_end)
    AND (valid_to IS NULL OR valid_to >= least($end, $as_of_end))
)
SELECT 100 * avg(is_full::INT) AS value, count(*) FILTER (is_full) AS numerator, count(*) AS denominator
FROM in_force
