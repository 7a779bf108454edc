"""Verbs: what the engine does. Each flow takes its collaborators by argument and handles collections, not single
items."""
