"""Decisions: value in, value out. No clock, no database, no network; each one is a table of cases in its test."""
