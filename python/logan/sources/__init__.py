"""Inputs: finding, opening and reading whatever holds logs. Knows no chunks, engines or reports."""
