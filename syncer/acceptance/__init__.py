"""Proving it: the tour of the main job on real processes, and the KPI table that is measured on the way (R36-R38)."""
