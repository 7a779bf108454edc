"""The schema's history. A release's code runs with the schema of the one before and of its own."""
