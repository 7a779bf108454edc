"""PostgreSQL: one module per aggregate, its table and its queries together. Nothing else in the house speaks SQL to
it."""
