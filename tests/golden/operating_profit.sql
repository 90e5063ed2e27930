SELECT e.value - d.value AS value FROM ({ebitda}) AS e, ({depreciation_amortisation}) AS d
