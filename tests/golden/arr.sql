SELECT 12 * value AS value FROM ({mrr})
