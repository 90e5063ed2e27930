SELECT now.value - before.value AS value
FROM ({gross_margin}) AS now, ({gross_margin a year ago}) AS before
