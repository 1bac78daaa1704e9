"""Rows in time as regular series: times, the grid that they lie on, what fills its gaps, and windows."""
