WITH newest AS (
  SELECT repository, max(scanned_on) AS scanned_on FROM code_quality_scans
  WHERE scanned_on < least($end, CAST($as_of_end AS DATE)) AND ($cell IS NULL OR repository = $cell)
  GROUP BY repository
)
SELECT 100 * (sum(debt_minutes)::DOUBLE / sum(development_minutes)) AS value,
       coalesce(sum(debt_minutes), 0) AS numerator, coalesce(sum(development_minutes), 0) AS denominator
FROM code_quality_scans JOIN newest USING (repository, scanned_on)
