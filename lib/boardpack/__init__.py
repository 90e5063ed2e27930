"""Boardpack: KPI reports from tables, gated, executed, rendered and kept."""
