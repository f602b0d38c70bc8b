"""Scores that were measured elsewhere: tables, published ones too, and results of the harness.

``read.read_scores`` reads them, ``files.score_files`` says from which files; the latter is all that
a plan needs, so nothing is imported here.
"""
