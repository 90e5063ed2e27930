WITH newest AS (
  SELECT repository, max(scanned_on) AS scanned_on FROM code_quality_scans
  WHERE scanned_on < least($end, CAST($as_of_end AS DATE)) AND ($cell IS NULL OR repository = $cell)
  GROUP BY repository
)
SELECT 100 * sum(modules * (1 - least(1, architecture_violations::DOUBLE / modules))) / sum(modules) AS value,
       coalesce(sum(greatest(modules - architecture_violations, 0)), 0) AS numerator, coalesce(sum(modules), 0) AS denominator
FROM code_quality_scans JOIN newest USING (repository, scanned_on)
