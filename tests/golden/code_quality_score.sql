WITH newest AS (
  SELECT repository, max(scanned_on) AS scanned_on FROM code_quality_scans
  WHERE scanned_on < least($end, CAST($as_of_end AS DATE)) AND ($cell IS NULL OR repository = $cell)
  GROUP BY repository
)
SELECT sum(quality_score::DOUBLE * lines_of_code) / sum(lines_of_code) AS value,
       coalesce(sum(quality_score::DOUBLE * lines_of_code), 0) AS numerator, coalesce(sum(lines_of_code), 0) AS denominator
FROM code_quality_scans JOIN newest USING (repository, scanned_on)
