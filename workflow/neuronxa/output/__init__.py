"""Figures and tables: what a reader of the results sees."""
