"""From definitions to values: expressions, windows, statements, formulas, identities."""
